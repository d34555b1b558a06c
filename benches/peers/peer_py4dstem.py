"""py4DSTEM on the mapped file: `python peer_py4dstem.py FOLDER`."""

import contextlib
import io
import json
import pathlib
import sys
import time

import numpy as np
from disks import ORDERS, RADIUS, REFERENCE, VECTORS, score
from timing import detectors, report

with contextlib.redirect_stdout(io.StringIO()):
    import py4DSTEM


def main(folder):
    raw = np.load(folder / "scan.npy", mmap_mode="r")
    found = detectors(raw.shape)
    cube = py4DSTEM.DataCube(data=raw)

    def image(mode, geometry):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return cube.get_virtual_image(mode=mode, geometry=geometry, name="image", returncalc=True)

    def both():
        image("circle", (found["centre"], found["radius"]))
        image("annulus", (found["centre"], (found["inner"], found["outer"])))

    report("py4DSTEM", "bright_annular", "npy", both)
    if (folder / "disks.npy").exists():
        disks(folder)


def disks(folder):
    """Disks by the true probe at its best threshold, and the strain map; sub-pixel upsampling on few patterns, whose time is that of all."""
    raw = np.load(folder / "disks.npy")
    probe = py4DSTEM.Probe(np.load(folder / "disks_probe.npy"))
    with contextlib.redirect_stdout(io.StringIO()):
        probe.get_kernel(mode="sigmoid", radii=(RADIUS, 2 * RADIUS), bilinear=True)

    def find(cube, subpixel, least):
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return cube.find_Bragg_disks(
                template=probe.kernel, corrPower=1, sigma_cc=1, subpixel=subpixel, upsample_factor=16, minRelativeIntensity=least,
                minPeakSpacing=1.4 * RADIUS, edgeBoundary=int(RADIUS), maxNumPeaks=100,
            )  # fmt: skip

    rows = min(8, raw.shape[0])
    few, cube = (py4DSTEM.DataCube(data=part.astype(np.float32)) for part in (raw[:rows], raw))

    def quality(vectors):
        def found(row, column):
            data = vectors.raw[row, column].data
            return np.stack([data["qx"], data["qy"]], 1)

        return score(folder, found)

    best = None
    for least in (0.002, 0.005, 0.01, 0.02, 0.04):
        vectors = find(cube, "poly", least)
        got = quality(vectors)
        f1 = got["recall"] * got["precision"] / (got["recall"] + got["precision"])
        if best is None or f1 > best[0]:
            best = (f1, least, got, vectors)
    _, least, got, vectors = best
    report("py4DSTEM", "find_disks_poly", "npy", lambda: find(cube, "poly", least), repeat=1, warm_up=False, **got)
    strain(folder, vectors)
    line = io.StringIO()
    with contextlib.redirect_stdout(line):
        report("py4DSTEM", "find_disks_multicorr", "npy", lambda: find(few, "multicorr", least), repeat=1, warm_up=False)
    said = json.loads(line.getvalue())
    scale = raw.shape[0] / rows
    said["seconds"] = [scale * value for value in said.get("seconds", [])]
    said["median"] = scale * said.get("median", float("nan"))
    print(json.dumps(said), flush=True)


def strain(folder, vectors):
    """Strain from the peaks that it found, with the true beam and lattice given."""
    from py4DSTEM.process.strain import latticevectors as lattice

    centre = np.load(folder / "disks_truth.npz")["places"][:, :, int(np.flatnonzero(~ORDERS.any(1))[0])]
    vectors.calibration.set_origin((centre[..., 0].copy(), centre[..., 1].copy()))
    vectors.setcal()
    kinds = [("qx", float), ("qy", float), ("g1_ind", int), ("g2_ind", int)]
    rows = [(*place, *order) for place, order in zip(ORDERS @ VECTORS, ORDERS)]
    known = py4DSTEM.PointList(np.array(rows, kinds))
    mask = np.zeros(centre.shape[:2], bool)
    mask[:REFERENCE, :REFERENCE] = True
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        began = time.perf_counter()
        indexed = lattice.add_indices_to_braggvectors(vectors, known, 5.0)
        fitted = lattice.fit_lattice_vectors_all_DPs(indexed)
        first, second = lattice.get_reference_g1g2(fitted, mask)
        lattice.get_strain_from_reference_g1g2(fitted, first, second)
        seconds = time.perf_counter() - began
    line = {"bench": "peers", "peer": "py4DSTEM", "work": "strain_map", "source": "npy", "seconds": [seconds], "median": seconds}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
