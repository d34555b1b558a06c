"""LiberTEM with its pipelined and its in-process executor: `python peer_libertem.py FOLDER`."""

import pathlib
import sys

import numpy as np
from timing import detectors, report

import libertem.api as lt
from libertem.executor.inline import InlineJobExecutor
from libertem.executor.pipelined import PipelinedExecutor
from libertem.udf.com import CoMUDF
from libertem.udf.masks import ApplyMasksUDF
from libertem.udf.sumsigudf import SumSigUDF


def executors():
    import os

    yield "pipelined", PipelinedExecutor(spec=PipelinedExecutor.make_spec(cpus=range(os.cpu_count()), cudas=[]))
    yield "inline", InlineJobExecutor()


def works(context, dataset, found, source, name):
    shape = tuple(dataset.shape.sig)
    ky, kx = np.mgrid[: shape[0], : shape[1]]
    distance = np.hypot(ky - found["centre"][0], kx - found["centre"][1])

    def bright():
        return (distance <= found["radius"]).astype(np.float32)

    def annular():
        return ((distance > found["inner"]) & (distance <= found["outer"])).astype(np.float32)

    def run(*udfs):
        return lambda: context.run_udf(dataset=dataset, udf=list(udfs))

    peer = f"LiberTEM {name}"
    masks = ApplyMasksUDF(mask_factories=[bright, annular], mask_count=2, mask_dtype=np.float32, use_sparse=False)
    cy, cx = found["centre"]
    com = CoMUDF.with_params(cy=cy, cx=cx, r=min(shape) / 2)
    report(peer, "bright_annular", source, run(masks))
    if source == "npy":
        report(peer, "navigation_image", source, run(SumSigUDF()))
        report(peer, "center_of_mass", source, run(com))
        report(peer, "bright_annular_com", source, run(masks, com))


def main(folder):
    raw = np.load(folder / "scan.npy", mmap_mode="r")
    found = detectors(raw.shape)
    for name, executor in executors():
        with lt.Context(executor=executor) as context:
            dataset = context.load("npy", path=str(folder / "scan.npy"), sig_dims=2)
            works(context, dataset, found, "npy", name)
            if name != "inline":
                continue
    # Zarr is read through dask, which LiberTEM runs on its own dask executor.
    import dask.array

    with lt.Context.make_with("dask", cpus=2, gpus=0) as context:
        dataset = context.load("npy", path=str(folder / "scan.npy"), sig_dims=2)
        works(context, dataset, found, "npy", "dask")
        for store in ("lz4", "zstd"):
            lazy = dask.array.from_zarr(str(folder / f"scan_{store}.zarr"))
            dataset = context.load("dask", lazy, sig_dims=2)
            works(context, dataset, found, f"zarr_{store}", "dask")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
