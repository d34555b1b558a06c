"""Writes small signals beside the usual ones with hyperspy: complex numbers, stacks, one number at each position.

    python tests/golden/make_wide.py tests/data/wide

Needs the packages of requirements.txt. The number at a place is a formula that the Rust test repeats.
"""

import sys
from pathlib import Path

import hyperspy.api as hs
import numpy as np


def numbers(*shape):
    weights = [1000, 100, 7, 1][-len(shape) :]
    return sum(weight * index for weight, index in zip(weights, np.indices(shape)))


def calibrate(signal, axes):
    for axis, (name, scale, units) in zip(signal.axes_manager._axes, axes):
        axis.name, axis.scale, axis.units = name, scale, units


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    scan = [("y", 2.5, "nm"), ("x", 1.25, "nm")]
    plane = [("ky", 0.02, "1/nm"), ("kx", 0.03, "1/nm")]

    whole = numbers(2, 3, 4, 5)
    for name, dtype in (("complex.zspy", "c8"), ("complex.hspy", "c16")):
        signal = hs.signals.ComplexSignal2D((3 * whole + 4j * whole).astype(dtype))
        calibrate(signal, scan + plane)
        signal.save(folder / name, overwrite=True)

    stacks = hs.signals.BaseSignal(numbers(2, 3, 4, 5).astype("u2")).transpose(signal_axes=3)
    calibrate(stacks, [("y", 2.5, "nm"), ("depth", 5.0, "nm"), *plane])
    stacks.save(folder / "stacks.hspy", overwrite=True)

    waves = numbers(2, 3, 4, 5)
    waves = hs.signals.BaseSignal((3 * waves + 4j * waves).astype("c8")).transpose(signal_axes=3)
    calibrate(waves, [("y", 2.5, "nm"), ("depth", 5.0, "nm"), *plane])
    waves.save(folder / "complex_stacks.hspy", overwrite=True)

    currents = hs.signals.BaseSignal(numbers(3, 5).astype("f4")).transpose(navigation_axes=2)
    calibrate(currents, scan)
    currents.metadata.General.title = "current"
    currents.metadata.Signal.quantity = "Current (nA)"
    currents.save(folder / "currents.zspy", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
