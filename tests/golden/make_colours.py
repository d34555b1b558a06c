"""Writes small signals of colours with hyperspy, and the same as an array.

    python tests/golden/make_colours.py tests/data/colours

Needs the packages of requirements.txt. The number at a place is a formula that the Rust tests repeat.
"""

import sys
from pathlib import Path

import hyperspy.api as hs
import numpy as np


def numbers(bits, channels):
    """Three images of 4 by 5 colours, each number another one."""
    at, row, column, channel = np.indices((3, 4, 5, channels))
    number = 101 * at + 37 * row + 11 * column + 53 * channel + 7
    return (number if bits == 8 else number * 211).astype(f"uint{bits}")


def signal(bits, channels):
    colours = hs.signals.Signal1D(numbers(bits, channels))
    colours.change_dtype(f"rgb{'a' * (channels == 4)}{bits}")
    for axis, (name, scale, units) in zip(
        colours.axes_manager._axes, [("time", 0.5, "s"), ("y", 2.0, "nm"), ("x", 1.25, "nm")]
    ):
        axis.name, axis.scale, axis.units = name, scale, units
    colours.metadata.General.title = "colours"
    return colours


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for bits, channels in ((8, 3), (8, 4), (16, 3), (16, 4)):
        colours = signal(bits, channels)
        name = f"rgb{'a' * (channels == 4)}{bits}"
        colours.save(folder / f"{name}.hspy", overwrite=True)
        if name in ("rgb8", "rgba16"):
            colours.save(folder / f"{name}.zspy", overwrite=True, chunks=(1, 4, 3))
        np.save(folder / f"{name}.npy", colours.data)
    colours.data = np.ascontiguousarray(colours.data).astype([(name, ">u2") for name in "RGBA"])
    np.save(folder / "swapped.npy", colours.data)
    # One colour at each position: an image.
    positions = hs.signals.BaseSignal(signal(8, 3).data[0]).T
    positions.save(folder / "positions.hspy", overwrite=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
