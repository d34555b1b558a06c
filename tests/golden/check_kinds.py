"""Prints, as one line of JSON, the pixels of the samples in `tests/data/kinds` as zarr, h5py and hyperspy read them.

    python tests/golden/check_kinds.py tests/data/kinds

`{"codecs.h5": {"lzf": [1, 2, ...]}, "zlib.zarr": {"": [...]}}`. What a program cannot read here (hdf5plugin may be
missing) is left out.
"""
import json
import pathlib
import sys
import tempfile

import h5py
import hyperspy.api as hs
import numpy as np
import zarr

try:
    import hdf5plugin  # noqa: F401  (its filters are known to h5py from now on)
except ImportError:
    pass

FOLDER = pathlib.Path(sys.argv[1])
ARRAYS = {
    "run_master.h5": ["entry/data/data_000001", "entry/data/data_000002", "alias"],
    "virtual.h5": ["stacked", "turns", "tiled", "gap", "part", "nested"],
    "named.h5": ["scan/raw"],
}


def numbers(array):
    array = np.asarray(array)
    if array.dtype.kind not in "biuf" or array.ndim < 2 or array.size == 0:
        return None
    return array.astype(float).ravel().tolist()


def hdf5(name, arrays):
    found = {}
    with h5py.File(FOLDER / name) as file:
        for array in arrays or file:
            try:
                found[array] = numbers(file[array][()])
            except OSError:
                pass
    return {array: values for array, values in found.items() if values}


def zarr2():
    found = {}
    for name, files in json.loads((FOLDER / "zarr2.json").read_text()).items():
        with tempfile.TemporaryDirectory() as folder:
            for file, content in files.items():
                data = json.dumps(content).encode() if isinstance(content, dict) else bytes.fromhex(content)
                pathlib.Path(folder, file).write_bytes(data)
            values = numbers(zarr.open(folder, mode="r")[:])
        if values:
            found[f"{name}.zarr"] = {"": values}
    return found


seen = {name: hdf5(name, arrays) for name, arrays in ({"codecs.h5": None} | ARRAYS).items()}
seen |= zarr2()
for name in "lzf.hspy", "bool.hspy":
    seen[name] = {"": numbers(hs.load(FOLDER / name).data)}
print(json.dumps(seen))
