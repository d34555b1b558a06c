"""A small scan of frames that are neither square nor centred: disks on a halo, Poisson counts.

`build(folder)` writes `frames.npy` (16 x 16 | 128 x 144 u16) where it is missing.
"""

import numpy as np

SCAN, ROWS, COLUMNS = (16, 16), 128, 144


def expected(centre):
    y, x = np.mgrid[:ROWS, :COLUMNS]
    frame = 60 * np.exp(-np.hypot(y - centre[0], x - centre[1]) / 25) + 3
    for h in range(-4, 5):
        for k in range(-4, 5):
            cy, cx = centre[0] + 18.1 * h + 1.3 * k, centre[1] + 19.0 * k - 1.1 * h
            height = 400 if h == k == 0 else 45 / (1 + h * h + k * k) + 5
            frame += height / (1 + np.exp(np.clip((np.hypot(y - cy, x - cx) - 5) / 0.4, -50, 50)))
    return frame


def build(folder):
    path = folder / "frames.npy"
    if path.exists():
        return path
    rng = np.random.default_rng(20261130)
    frames = np.empty((*SCAN, ROWS, COLUMNS), np.uint16)
    for at in np.ndindex(SCAN):
        frames[at] = rng.poisson(expected((65.8 + 0.1 * at[0], 70.3 + 0.1 * at[1])))
    np.save(path, frames)
    return path
