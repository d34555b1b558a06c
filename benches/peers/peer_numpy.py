"""numpy on the mapped file, one thread: `python peer_numpy.py FOLDER`."""

import pathlib
import sys

import numpy as np
from timing import detectors, report


def main(folder):
    raw = np.load(folder / "scan.npy", mmap_mode="r")
    found = detectors(raw.shape)
    ky, kx = np.mgrid[: raw.shape[2], : raw.shape[3]]
    distance = np.hypot(ky - found["centre"][0], kx - found["centre"][1])
    bright = (distance <= found["radius"]).astype(np.float32)
    annular = ((distance > found["inner"]) & (distance <= found["outer"])).astype(np.float32)
    masks = np.stack([bright.ravel(), annular.ravel()], axis=1)

    def navigation_image():
        return np.stack([row.sum(axis=(1, 2), dtype=np.uint64) for row in raw])

    def bright_annular():
        return np.stack([row.reshape(row.shape[0], -1).astype(np.float32) @ masks for row in raw])

    report("numpy", "navigation_image", "npy", navigation_image)
    report("numpy", "bright_annular", "npy", bright_annular)
    report("numpy", "region_afresh", "npy", lambda: raw[32:96, 32:96].mean(axis=(0, 1)) if raw.shape[0] >= 96 else raw.mean(axis=(0, 1)))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
