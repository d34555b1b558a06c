"""A scan of diffraction disks with its truth: soft edges, diffuse background, wandering beam, strain, Poisson counts.

`build(folder)` writes `disks.npy` (positions, 128 x 128 u16), `disks_probe.npy` (the vacuum probe, for the peer) and
`disks_truth.npz` where they are missing; the corner `REFERENCE` of the scan is not strained.
"""

import numpy as np

SCANS = {"full": (96, 96), "small": (16, 24)}
SIDE, RADIUS, EDGE = 128, 5.76, 0.756
BEAM, BRAGG, DIFFUSE = 100.0, 30.0, 6.0
VECTORS = np.array([[1.9, 20.6], [20.1, -2.6]])
ORDERS = np.array([(h, k) for h in range(-3, 4) for k in range(-3, 4) if np.linalg.norm(h * VECTORS[0] + k * VECTORS[1]) < 72])
REFERENCE = 8


def disk(dy, dx):
    return 1 / (1 + np.exp(np.clip((np.hypot(dy, dx) - RADIUS) / EDGE, -50, 50)))


def background(y, x):
    r = np.hypot(y, x)
    return DIFFUSE * (np.exp(-r / (0.16 * SIDE)) + 0.35 / (1 + (r / (0.1 * SIDE)) ** 2))


def bound(places, heights, expected):
    """Mean variance of row + column that no estimate without bias is below, of disks wholly in the frame (a free background each)."""
    y, x = np.mgrid[:SIDE, :SIDE]
    found = []
    for (py, px), height in zip(places, heights):
        if not (RADIUS < min(py, px) and max(py, px) < SIDE - 1 - RADIUS):
            continue
        near = (abs(y - py) < RADIUS + 4) & (abs(x - px) < RADIUS + 4)
        dy, dx = y[near] - py, x[near] - px
        f = disk(dy, dx)
        slope = height * f * (1 - f) / EDGE / np.maximum(np.hypot(dy, dx), 1e-9)
        jacobian = np.stack([slope * dy, slope * dx, f, np.ones_like(f)])
        covariance = np.linalg.inv((jacobian / expected[near]) @ jacobian.T)
        found.append(covariance[0, 0] + covariance[1, 1])
    return found


def build(folder, size):
    if (folder / "disks_truth.npz").exists() and np.load(folder / "disks.npy", mmap_mode="r").shape[:2] == SCANS[size]:
        return
    rng = np.random.default_rng(20261129)
    rows, columns = SCANS[size]
    y, x = np.mgrid[:SIDE, :SIDE].astype(float)
    v, u = np.mgrid[:rows, :columns]
    centre = np.stack([63.3 + 1.5 * np.sin(3 * v / rows) + 0.7 * u / columns, 64.1 + 1.2 * u / columns - 0.5 * v / rows], -1)
    strain = 0.02 * np.sin(np.stack([v / rows * 5 + n for n in range(4)], -1) + u[..., None] / columns * np.array([3, 4, 5, 6]))
    strain[:REFERENCE, :REFERENCE] = 0
    strain = strain.reshape(rows, columns, 2, 2) * np.array([[1, 0.5], [0.5, 1]])
    share = np.where(ORDERS.any(1), 0.25 + 0.75 * np.sin(1.7 * ORDERS[:, 0] ** 2 + 2.3 * ORDERS[:, 1] ** 2 + 0.9 * abs(ORDERS.prod(1))) ** 2, 1.0)
    length = np.linalg.norm(ORDERS @ VECTORS, axis=1)
    heights = np.where(ORDERS.any(1), BRAGG * share * np.exp(-((length / 70) ** 2)), BEAM)
    out = np.lib.format.open_memmap(folder / "disks.npy", mode="w+", dtype=np.uint16, shape=(rows, columns, SIDE, SIDE))
    places = np.zeros((rows, columns, len(ORDERS), 2))
    bounds = []
    for row in range(rows):
        for column in range(columns):
            g = (ORDERS @ VECTORS) @ (np.eye(2) + strain[row, column]).T
            at = centre[row, column] + g
            places[row, column] = at
            expected = background(y - centre[row, column, 0], x - centre[row, column, 1])
            for (py, px), height in zip(at, heights):
                top, left = max(int(py) - 14, 0), max(int(px) - 14, 0)
                part = (slice(top, int(py) + 15), slice(left, int(px) + 15))
                expected[part] += height * disk(y[part] - py, x[part] - px)
            out[row, column] = rng.poisson(expected)
            if (row * columns + column) % 97 == 0:
                bounds += bound(at, heights, expected)
    out.flush()
    np.save(folder / "disks_probe.npy", 1e4 * disk(y - SIDE // 2, x - SIDE // 2))
    np.savez(folder / "disks_truth.npz", places=places, strain=strain, bound=np.sqrt(np.mean(bounds)))


def score(folder, found):
    """RMS distance, recall and precision of `found(row, column)` (rows, columns in px) over disks wholly in the frame."""
    truth = np.load(folder / "disks_truth.npz")["places"]
    square = hits = whole = false = peaks = 0
    tolerance = 0.4 * RADIUS
    for row in range(truth.shape[0]):
        for column in range(truth.shape[1]):
            at, here = truth[row, column], np.asarray(found(row, column)).reshape(-1, 2)
            away = np.linalg.norm(at[:, None] - here[None], axis=2)
            inside = (at.min(1) > RADIUS) & (at.max(1) < SIDE - 1 - RADIUS)
            nearest = away.min(1) if len(here) else np.full(len(at), np.inf)
            hit = inside & (nearest < tolerance)
            square += (nearest[hit] ** 2).sum()
            hits, whole, peaks = hits + hit.sum(), whole + inside.sum(), peaks + len(here)
            false += (away.min(0) >= tolerance).sum() if len(here) else 0
    return {"rms": (square / max(hits, 1)) ** 0.5, "recall": hits / whole, "precision": 1 - false / max(peaks, 1)}
