"""Opens a Zarr 3 array or a NumPy file with its own library and prints what it sees as JSON.

    python tests/golden/check_arrays.py PATH
"""

import json
import sys

import numpy as np


def main(path):
    if path.endswith(".npy"):
        array, mapped = np.load(path), np.load(path, mmap_mode="r")
        assert mapped.offset % 64 == 0 and (array == mapped).all()
        report = {}
    else:
        import zarr

        stored = zarr.open(path, mode="r")
        array = stored[...]
        # Windows that begin and end inside shards and chunks.
        for window in (np.s_[1:4, 2:5], np.s_[0, 1], np.s_[-1, -1]):
            assert (stored[window] == array[window]).all()
        report = {
            "chunks": list(stored.chunks),
            "shards": list(stored.shards) if stored.shards else None,
            "names": list(stored.metadata.dimension_names),
            "attributes": dict(stored.attrs),
        }
    report |= {
        "dtype": str(array.dtype),
        "shape": list(array.shape),
        "pixels": array.ravel().astype(float).tolist(),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
