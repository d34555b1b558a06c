"""Containers and pixel types as zarr 2, numcodecs, h5py and hyperspy write them, for the tests of the readers.

Run with a Python that has `requirements.txt` and hdf5plugin, in this folder; writes to `../data/kinds`:
zarr2.json      stores of Zarr 2, one per codec and pixel type: their files, in hexadecimal
codecs.h5       arrays with the filters of HDF5 and its plugins, pixel types, refused types
run_master.h5   external links to run_data_000001.h5 and _000002.h5, a mask, soft links
wide_master.h5  ten external links (more than fit into an object header) to arrays of wide_data.h5
virtual.h5      virtual arrays over the files of the run: stacked, in turns, tiled, with a gap, of itself
named.h5        one array of frames behind a soft link, beside smaller ones; written by the newest format
lzf.hspy, bool.hspy, rgb.hspy, complex.hspy   signals

Pixels are `(position * 7 + pixel * 3 + position * pixel) % 251` of a scan (3, 2 | 4, 6), or of a series of frames.
"""
import json
import os
import pathlib
import tempfile

import h5py
import hdf5plugin
import numcodecs as nc
import numpy as np
import zarr

DATA = pathlib.Path(__file__).parent.parent / "data" / "kinds"


def asymmetric(*shape):
    frames, pixels = int(np.prod(shape[:-2])), shape[-2] * shape[-1]
    position, pixel = np.arange(frames)[:, None], np.arange(pixels)[None, :]
    return ((position * 7 + pixel * 3 + position * pixel) % 251).reshape(shape)


def zarr2():
    scan = asymmetric(3, 2, 4, 6)
    kinds = {
        "order_f": dict(dtype="<u2", order="F"),
        "be_f4": dict(dtype=">f4"),
        "be_u2_f": dict(dtype=">u2", order="F", compressor=nc.Zlib(1)),
        "bool": dict(dtype="?"),
        "i1": dict(dtype="i1"),
        "f2": dict(dtype="<f2"),
        "be_f2": dict(dtype=">f2", compressor=None),
        "delta": dict(dtype="<u2", filters=[nc.Delta("<u2")]),
        "delta_f": dict(dtype=">i4", order="F", filters=[nc.Delta(">i4")], compressor=None),
        "delta_f4": dict(dtype="<f4", filters=[nc.Delta("<f4")]),
        "shuffle": dict(dtype="<u2", filters=[nc.Shuffle(2)], compressor=nc.Zlib(1)),
        "fso": dict(dtype="<f8", filters=[nc.FixedScaleOffset(0, 10, "<f8", "<i4")]),
        "astype": dict(dtype="<f4", filters=[nc.AsType("<u2", "<f4")]),
        "packbits": dict(dtype="?", filters=[nc.PackBits()]),
        "quantize": dict(dtype="<f4", filters=[nc.Quantize(3, "<f4")], compressor=nc.Zlib(1)),
        "zlib": dict(dtype="<u2", compressor=nc.Zlib(1)),
        "gzip": dict(dtype="<u2", compressor=nc.GZip(1)),
        "bz2": dict(dtype="<u2", compressor=nc.BZ2(1)),
        "lz4": dict(dtype="<u2", compressor=nc.LZ4()),
        "zstd": dict(dtype="<u2", compressor=nc.Zstd(1)),
        "lzma": dict(dtype="<u2", compressor=nc.LZMA()),
        "none": dict(dtype="<u2", compressor=None),
        "blosc_bit": dict(dtype="<u2", compressor=nc.Blosc("zstd", 1, nc.Blosc.BITSHUFFLE)),
        "blosc_lz4hc": dict(dtype="<u2", compressor=nc.Blosc("lz4hc", 9, nc.Blosc.AUTOSHUFFLE)),
        "c8": dict(dtype="<c8", compressor=None),
        "record": dict(dtype=[("r", "<f4"), ("i", "<f4")], compressor=None),
        "time": dict(dtype="<M8[ns]", compressor=None),
        "pickle": dict(dtype="<u2", filters=[nc.Categorize(["a"], "<U1", "u1")], compressor=None),
    }
    stores = {}
    for name, options in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            array = zarr.open(folder, mode="w", shape=scan.shape, chunks=(2, 2, 4, 6), **options)
            if name in ("record", "time", "pickle"):
                pass
            elif array.dtype == bool:
                array[:] = scan % 3 == 0
            elif name == "i1":
                array[:] = scan - 125
            elif name == "fso":
                array[:] = scan / 10
            elif array.dtype.kind == "f":
                array[:] = scan / 4
            else:
                array[:] = scan
            files = sorted(os.listdir(folder))
            stores[name] = {file: pathlib.Path(folder, file).read_bytes().hex() for file in files}
            stores[name][".zarray"] = json.loads(pathlib.Path(folder, ".zarray").read_text())
    (DATA / "zarr2.json").write_text(json.dumps(stores, indent=1))


def codecs():
    scan = asymmetric(3, 2, 4, 6)
    chunk = dict(chunks=(1, 2, 4, 6))
    with h5py.File(DATA / "codecs.h5", "w") as file:
        for name, options in {
            "gzip": dict(compression="gzip", shuffle=True, fletcher32=True),
            "lzf": dict(compression="lzf"),
            "blosc": hdf5plugin.Blosc("lz4", 5, hdf5plugin.Blosc.SHUFFLE),
            "blosc_zstd": hdf5plugin.Blosc("zstd", 5, hdf5plugin.Blosc.BITSHUFFLE),
            "lz4": hdf5plugin.LZ4(),
            "zstd": hdf5plugin.Zstd(3),
            "bzip2": hdf5plugin.BZip2(),
            "bitshuffle": hdf5plugin.Bitshuffle(cname="none"),
            "bitshuffle_lz4": hdf5plugin.Bitshuffle(cname="lz4"),
            "bitshuffle_zstd": hdf5plugin.Bitshuffle(cname="zstd"),
            "zfp": hdf5plugin.Zfp(reversible=True),
            "blosc2": hdf5plugin.Blosc2("zstd", 5),
        }.items():
            kind = "i4" if name == "zfp" else "u2"
            file.create_dataset(name, data=scan.astype(kind), **chunk, **options)
        # 100 pixels: twelve groups of eight and four that are left over.
        file.create_dataset(
            "bitshuffle_rest", data=asymmetric(3, 10, 10).astype("u4"), chunks=(1, 10, 10),
            **hdf5plugin.Bitshuffle(cname="lz4"),
        )
        file["f2"] = (scan / 4).astype("f2")
        file["be_f2"] = (scan / 4).astype(">f2")
        file["bool"] = scan % 3 == 0
        file["be_u2"] = scan.astype(">u2")
        file["i1"] = (scan - 125).astype("i1")
        file["c8"] = (scan * 1j).astype("c8")
        file["rgb"] = np.zeros((3, 2, 4, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")])
        file["record"] = np.zeros((4, 6), [("energy", "f4"), ("count", "u2")])
        file["enum"] = np.zeros((4, 6), h5py.enum_dtype({"A": 0, "B": 1}, basetype="u1"))
        file["text"] = np.full((4, 6), b"a", "S1")
        file["number"] = 3.5
        file["empty"] = np.zeros((3, 0, 4, 6), "u2")


def links():
    series = asymmetric(12, 6, 8).astype("u4")
    for at in 0, 1:
        with h5py.File(DATA / f"run_data_{at + 1:06d}.h5", "w") as file:
            file.create_dataset("entry/data/data", data=series[6 * at : 6 * at + 6], chunks=(1, 6, 8), compression="lzf")
    with h5py.File(DATA / "run_master.h5", "w") as file:
        group = file.create_group("entry/data")
        for at in 0, 1:
            group[f"data_{at + 1:06d}"] = h5py.ExternalLink(f"run_data_{at + 1:06d}.h5", "/entry/data/data")
        file["entry/instrument/pixel_mask"] = np.zeros((6, 8), "u4")
        file["entry/instrument/name"] = "X"
        file["alias"] = h5py.SoftLink("/entry/data/data_000002")
        file["broken"] = h5py.SoftLink("/nowhere")
        file["lost"] = h5py.ExternalLink("run_data_000009.h5", "/entry/data/data")
        file["round"] = h5py.SoftLink("/trip")
        file["trip"] = h5py.SoftLink("/round")
        file["up"] = h5py.SoftLink("/")
    with h5py.File(DATA / "wide_master.h5", "w") as file:
        for at in range(10):
            file[f"entry/data/data_{at + 1:06d}"] = h5py.ExternalLink("wide_data.h5", f"/part_{at}")
    with h5py.File(DATA / "wide_data.h5", "w") as file:
        frames = asymmetric(20, 2, 3).astype("u2")
        for at in range(10):
            file[f"part_{at}"] = frames[2 * at : 2 * at + 2]
    source = lambda at: h5py.VirtualSource(f"run_data_{at + 1:06d}.h5", "entry/data/data", (6, 6, 8))
    with h5py.File(DATA / "virtual.h5", "w") as file:
        stacked = h5py.VirtualLayout((12, 6, 8), "u4")
        turns = h5py.VirtualLayout((12, 6, 8), "u4")
        tiled = h5py.VirtualLayout((6, 7, 16), "u4")
        gap = h5py.VirtualLayout((15, 6, 8), "u4")
        part = h5py.VirtualLayout((2, 3, 6), "u4")
        for at in 0, 1:
            stacked[6 * at : 6 * at + 6] = source(at)
            turns[at::2] = source(at)
            tiled[:, 0:6, 8 * at : 8 * at + 8] = source(at)
            gap[9 * at : 9 * at + 6] = source(at)
        # One frame of each file, of a part of its pixels.
        part[0] = source(0)[5, 1:4, 2:8]
        part[1] = source(1)[2, 3:6, 0:6]
        file.create_virtual_dataset("stacked", stacked)
        file.create_virtual_dataset("turns", turns)
        file.create_virtual_dataset("tiled", tiled, fillvalue=77)
        file.create_virtual_dataset("gap", gap, fillvalue=9)
        file.create_virtual_dataset("part", part)
        nested = h5py.VirtualLayout((6, 6, 8), "u4")
        nested[:] = h5py.VirtualSource(".", "stacked", (12, 6, 8))[3:9]
        file.create_virtual_dataset("nested", nested)
        itself = h5py.VirtualLayout((12, 6, 8), "u4")
        itself[:] = h5py.VirtualSource(".", "itself", (12, 6, 8))
        file.create_virtual_dataset("itself", itself)
        lost = h5py.VirtualLayout((6, 6, 8), "u4")
        lost[:] = h5py.VirtualSource("run_data_000009.h5", "entry/data/data", (6, 6, 8))
        file.create_virtual_dataset("lost", lost)
        points = h5py.VirtualLayout((6, 3, 4), "u4")
        points[:] = source(0)[:, ::2, ::2]
        file.create_virtual_dataset("steps", points)
    with h5py.File(DATA / "named.h5", "w", libver="latest") as file:
        file["scan/raw"] = asymmetric(4, 3, 6, 8).astype("u2")
        file["scan/times"] = np.arange(12.0)
        file["alias"] = h5py.SoftLink("/scan/raw")


def signals():
    import hyperspy.api as hs

    scan = asymmetric(3, 2, 4, 6)
    for name, data, options in [
        ("lzf", scan.astype("u2"), dict(compression="lzf")),
        ("bool", scan % 3 == 0, {}),
        ("complex", (scan * 1j).astype("c8"), {}),
    ]:
        hs.signals.Signal2D(data).save(DATA / f"{name}.hspy", overwrite=True, **options)
    colours = hs.signals.Signal1D(np.arange(2 * 4 * 6 * 3, dtype="u1").reshape(2, 4, 6, 3))
    colours.change_dtype("rgb8")
    colours.save(DATA / "rgb.hspy", overwrite=True)


DATA.mkdir(exist_ok=True)
zarr2()
codecs()
links()
signals()
