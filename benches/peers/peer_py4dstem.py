"""py4DSTEM on the mapped file: `python peer_py4dstem.py FOLDER`."""

import contextlib
import io
import pathlib
import sys

import numpy as np
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


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
