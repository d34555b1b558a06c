"""Decompositions here, in numpy and in hyperspy on the same scans: `python components.py FOLDER [--size small]`.

Writes, where they are missing, `components_spectra.npy` (512 x 512 | 1024 f32, 1 GiB: mixtures of six spectra with counting
noise) and `components_patterns.npy` (96 x 100 | 128 x 112 f32, 0.5 GiB: six patterns, of more pixels than are taken in pairs),
with `components_*_numpy.npy`, the first 20 right singular vectors by numpy in double precision, from the smaller matrix of all pairs
(of the spectra `numpy.linalg.svd` gives the same to 3e-10 degrees). Then times hyperspy, in memory and
lazily, one line of JSON each. Compares the vectors that `cargo bench --bench decompose` has left there: those that are said to be
within 0.1 degrees; others, noise of which no direction stands out, are not compared.
"""

import argparse
import json
import pathlib
import resource
import time

import numpy as np
from timing import report

COMPONENTS = 20
# A component whose angle is said to be less is compared.
KNOWN = 0.1
# What the benchmark leaves, and of which scan.
RESULTS = {"spectra": "spectra", "patterns": "patterns", "patterns_4_passes": "patterns"}
SCANS = {
    "spectra": {"full": (512, 512, 1024), "small": (64, 96, 384)},
    "patterns": {"full": (96, 100, 128, 112), "small": (24, 28, 50, 52)},
}


def made(shape, signal_axes, rng):
    """Six signals, each with a weight that changes over the scan in its own way, and noise of counts."""
    rows, columns = shape[:2]
    y, x = np.mgrid[:rows, :columns] / np.array([rows, columns]).reshape(2, 1, 1)
    weights = np.stack([np.ones_like(y), y, x * y, np.sin(7 * x) ** 2, np.cos(5 * y + 3 * x) ** 2, (np.hypot(x - 0.6, y - 0.4) < 0.25) * 1.0])
    pixels = int(np.prod(shape[2:]))
    places = np.linspace(0, 1, pixels) if signal_axes == 1 else None
    signals = np.empty((6, pixels))
    for number in range(6):
        if signal_axes == 1:
            peaks = sum(np.exp(-(((places - at) / 0.01) ** 2)) for at in rng.uniform(0.05, 0.95, 4))
            signals[number] = 3 * np.exp(-3 * places) * (number == 0) + peaks * 6 / (1 + number)
        else:
            ky, kx = np.mgrid[: shape[2], : shape[3]] / np.array(shape[2:]).reshape(2, 1, 1)
            spots = sum(np.hypot(ky - a, kx - b) < 0.05 for a, b in rng.uniform(0.1, 0.9, (8, 2)))
            halo = 3 * np.exp(-5 * np.hypot(ky - 0.5, kx - 0.45)) * (number == 0)
            signals[number] = (halo + spots * 6 / (1 + number)).ravel()
    return weights.reshape(6, -1).T, signals


def build(folder, size):
    for name, sizes in SCANS.items():
        shape = sizes[size]
        path = folder / f"components_{name}.npy"
        if path.exists():
            continue
        rng = np.random.default_rng(20261130)
        weights, signals = made(shape, len(shape) - 2, rng)
        partial = path.with_suffix(".partial")
        out = np.lib.format.open_memmap(partial, mode="w+", dtype=np.float32, shape=shape)
        flat = out.reshape(len(weights), -1)
        for start in range(0, len(weights), 4096):
            part = slice(start, start + 4096)
            flat[part] = rng.poisson(4 * (weights[part] @ signals) + 0.2)
        out.flush()
        del out, flat
        partial.rename(path)


def numpy_vectors(folder, name):
    """The right singular vectors of the largest singular values, from the eigenvectors of the smaller matrix of all pairs."""
    data = np.load(folder / f"components_{name}.npy", mmap_mode="r")
    rows = data.reshape(data.shape[0] * data.shape[1], -1)
    if rows.shape[0] < rows.shape[1]:
        rows = rows.astype(np.float64)
        values, vectors = np.linalg.eigh(rows @ rows.T)
        largest = slice(-1, -COMPONENTS - 1, -1)
        found = (vectors[:, largest].T @ rows) / np.sqrt(values[largest])[:, None]
    else:
        pairs = np.zeros((rows.shape[1],) * 2)
        for start in range(0, len(rows), 16384):
            part = rows[start : start + 16384].astype(np.float64)
            pairs += part.T @ part
        found = np.linalg.eigh(pairs)[1][:, : -COMPONENTS - 1 : -1].T
    np.save(folder / f"components_{name}_numpy.npy", found)


def memory(peer, name):
    """The most that this process had until now."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    report(peer, "svd_memory", name, lambda: None, repeat=1, warm_up=False, peak_mb=peak)


def hyperspy_svd(folder, name):
    import hyperspy.api as hs

    kind = hs.signals.Signal1D if name == "spectra" else hs.signals.Signal2D

    def whole():
        signal = kind(np.load(folder / f"components_{name}.npy"))
        signal.decomposition(algorithm="SVD", print_info=False)

    def truncated():
        signal = kind(np.load(folder / f"components_{name}.npy"))
        signal.decomposition(algorithm="SVD", output_dimension=COMPONENTS, print_info=False)

    def lazy():
        import dask.array

        data = np.load(folder / f"components_{name}.npy", mmap_mode="r")
        chunks = (16, 16, *data.shape[2:]) if data.ndim == 4 else (32, 512, data.shape[2])
        signal = kind(dask.array.from_array(data, chunks=chunks)).as_lazy()
        signal.decomposition(algorithm="SVD", output_dimension=COMPONENTS, print_info=False)

    for work, run in (("svd_truncated", truncated), ("svd_lazy", lazy), ("svd", whole)):
        report("hyperspy", work, name, run, repeat=1, warm_up=False)
    memory("hyperspy", name)


def angles(folder, result, name):
    """Degrees between our loadings and numpy's vectors, component by component."""
    ours, theirs = folder / f"components_{result}_ours.npy", folder / f"components_{name}_numpy.npy"
    if not (ours.exists() and theirs.exists()):
        return
    said = said_angles(json.loads(ours.with_suffix(".npy.json").read_text()))
    ours = np.load(ours).reshape(COMPONENTS, -1).astype(np.float64)
    theirs = np.load(theirs)
    signs = np.sign(np.sum(ours * theirs, axis=1))[:, None]
    sines = np.linalg.norm(ours - signs * theirs, axis=1)
    found = np.degrees(2 * np.arcsin(np.clip(sines / 2, 0, 1)))
    known = said < KNOWN
    row = f"largest angle to numpy's of {known.sum()} components said to be within {KNOWN}°, {result}"
    line = {"bench": "decompose", "row": row, "against": f"{KNOWN}°", "ratio": found[known].max() / KNOWN, "bound": 1.0}
    short = {key: [float(f"{angle:.3g}") for angle in values] for key, values in (("angles", found), ("said", said))}
    print(json.dumps({**line, **short}), flush=True)


def said_angles(provenance):
    """What a saved model says of the angles of its components, wherever it stands."""
    inner = provenance.values() if isinstance(provenance, dict) else provenance if isinstance(provenance, list) else ()
    if isinstance(provenance, dict) and "angle_error_degrees" in provenance:
        return np.array(provenance["angle_error_degrees"])
    return next((found for found in map(said_angles, inner) if found is not None), None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--only", default="build,numpy,hyperspy,angles")
    given = parser.parse_args()
    wanted = given.only.split(",")
    given.folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    if "build" in wanted:
        build(given.folder, given.size)
    for name in SCANS:
        if "numpy" in wanted:
            numpy_vectors(given.folder, name)
        if "hyperspy" in wanted:
            hyperspy_svd(given.folder, name)
    if "angles" in wanted:
        for result, name in RESULTS.items():
            angles(given.folder, result, name)
    print(json.dumps({"seconds": time.perf_counter() - began}))


if __name__ == "__main__":
    main()
