"""The scan all programs work on: disks and a diffuse background with counting noise, u16.

`python scan.py FOLDER [--size small]` writes, where they are missing, `scan.npy` (raw), `scan_lz4.zarr`
(Blosc lz4, zarr's default) and `scan_zstd.zarr` (Blosc zstd, hyperspy's default), the latter two in chunks of
16 x 16 whole patterns, and `scan.zspy`, the same bytes as `scan_zstd.zarr` with hyperspy's axes; and the scan of `disks.py`.
"""

import argparse
import json
import pathlib

import disks
import numpy as np

SIZES = {"full": (128, 128, 256, 256), "small": (32, 24, 128, 112)}
CHUNK = 16
# Different patterns; more would take longer to make and change nothing that is measured.
PATTERNS = 61


def mean_pattern(shape):
    """Counts expected per pixel: a direct beam, two rings of disks, a diffuse halo."""
    rows, columns = shape
    ky, kx = np.mgrid[:rows, :columns].astype(np.float64)
    cy, cx = rows // 2, columns // 2
    radius = min(rows, columns) / 20
    expected = 4.0 * np.exp(-np.hypot(ky - cy, kx - cx) / (0.2 * columns)) + 0.05
    spots = [(0.0, 0.0, 180.0)]
    for order, counts in ((1, 40.0), (2, 9.0)):
        for number in range(6):
            angle = np.pi / 3 * number + 0.13
            spots.append((order * 0.19 * rows * np.sin(angle), order * 0.19 * columns * np.cos(angle), counts))
    for dy, dx, counts in spots:
        outside = np.hypot(ky - cy - dy, kx - cx - dx) - radius
        expected += counts / (1 + np.exp(np.clip(outside * 3, -30, 30)))
    return expected


def patterns(shape):
    rng = np.random.default_rng(20261122)
    expected = mean_pattern(shape)
    return [rng.poisson(expected * (0.7 + 0.6 * number / PATTERNS)).astype(np.uint16) for number in range(PATTERNS)]


def write_npy(path, shape):
    partial = path.with_suffix(".partial")
    base = patterns(shape[2:])
    out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.uint16, shape=shape)
    for row in range(shape[0]):
        for column in range(shape[1]):
            # A rolled pattern has other neighbours on every row: no compressor finds repeated frames.
            frame = base[(row * 7 + column * 13) % PATTERNS]
            out[row, column] = np.roll(frame, (row % 5 - 2, column % 7 - 3), axis=(0, 1))
    out.flush()
    del out
    partial.rename(path)


def write_zarr(path, raw, name):
    import zarr
    from numcodecs import Blosc

    partial = path.with_suffix(".partial")
    level = {"lz4": 5, "zstd": 1}[name]
    chunks = (min(CHUNK, raw.shape[0]), min(CHUNK, raw.shape[1]), *raw.shape[2:])
    store = zarr.DirectoryStore(str(partial), dimension_separator="/")
    array = zarr.create(
        raw.shape,
        chunks=chunks,
        dtype=raw.dtype,
        compressor=Blosc(cname=name, clevel=level, shuffle=1),
        store=store,
        overwrite=True,
        dimension_separator="/",
    )
    for row in range(0, raw.shape[0], CHUNK):
        for column in range(0, raw.shape[1], CHUNK):
            box = (slice(row, row + CHUNK), slice(column, column + CHUNK))
            array[box] = raw[box]
    partial.rename(path)


def write_zspy(path, raw):
    import dask.array
    import hyperspy.api as hs

    signal = hs.signals.Signal2D(dask.array.from_array(raw, chunks=(CHUNK, CHUNK, *raw.shape[2:]))).as_lazy()
    signal.set_signal_type("electron_diffraction")
    partial = path.with_name(path.stem + "_partial.zspy")
    signal.save(str(partial), overwrite=True)
    partial.rename(path)


def build(folder, size):
    folder.mkdir(parents=True, exist_ok=True)
    shape = SIZES[size]
    npy = folder / "scan.npy"
    if not npy.exists():
        write_npy(npy, shape)
    raw = np.load(npy, mmap_mode="r")
    if raw.shape != shape:
        raise SystemExit(f"{npy} has shape {raw.shape}, {shape} is wanted: give another folder or size")
    for name in ("lz4", "zstd"):
        if not (folder / f"scan_{name}.zarr").exists():
            write_zarr(folder / f"scan_{name}.zarr", raw, name)
    if not (folder / "scan.zspy").exists():
        write_zspy(folder / "scan.zspy", raw)
    disks.build(folder, size)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", choices=SIZES, default="full")
    given = parser.parse_args()
    build(given.folder, given.size)
    print(json.dumps({"folder": str(given.folder), "shape": SIZES[given.size]}))


if __name__ == "__main__":
    main()
