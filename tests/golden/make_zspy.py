"""Writes the small .zspy stores and .hspy files in tests/data with hyperspy, and what hyperspy knows about them.

    python tests/golden/make_zspy.py tests/data

Needs the packages of requirements.txt. Pixel (y, x, ky, kx) of the 4D sample is a formula that the Rust
test repeats, so that swapped axes cannot pass.
"""

import json
import shutil
import sys
from pathlib import Path

import hyperspy.api as hs
import numpy as np
from hyperspy.axes import FunctionalDataAxis, UniformDataAxis


def pixels(shape, dtype):
    index = np.indices(shape)
    weights = [1000, 100, 7, 1][-len(shape):]
    return sum(w * i for w, i in zip(weights, index)).astype(dtype)


def calibrate(signal, axes):
    for axis, (name, scale, offset, units) in zip(signal.axes_manager._axes, axes):
        axis.name, axis.scale, axis.offset, axis.units = name, scale, offset, units


def describe(signal):
    axes = []
    for axis in signal.axes_manager._axes:
        values = np.asarray(axis.axis, dtype=float)
        axes.append(
            {
                "name": str(axis.name),
                "units": str(axis.units),
                "size": int(axis.size),
                "navigate": bool(axis.navigate),
                "values": [float(values[0]), float(values[-1])],
                "uneven": None if axis.is_uniform else values.tolist(),
            }
        )
    return {
        "shape": list(signal.data.shape),
        "dtype": str(signal.data.dtype),
        "sum": float(signal.data.sum(dtype=float)),
        "axes": axes,
    }


def scan():
    signal = hs.signals.Signal2D(pixels((3, 5, 4, 6), np.uint16))
    calibrate(
        signal,
        [
            ("y", 2.5, 10.0, "nm"),
            ("x", 1.25, -4.0, "nm"),
            ("ky", 0.02, -0.04, "nm^-1"),
            ("kx", 0.03, -0.09, "nm^-1"),
        ],
    )
    signal.metadata.General.title = "tilted grain"
    signal.metadata.set_item("Signal.quantity", "Intensity (Counts)")
    signal.metadata.set_item("Acquisition_instrument.TEM.beam_energy", 200.0)
    signal.metadata.set_item("Acquisition_instrument.TEM.camera_length", 120.0)
    signal.original_metadata.add_dictionary(
        {
            "camera": {"name": "C1", "gains": [1.5, 2.0], "bits": 12, "on": True},
            "labels": ["a", "αβ"],
            "dicts": [{"a": 1}, {"a": 2}],
            "nothing": None,
            "empty": [],
            "not_a_number": float("nan"),
            "table": np.array([[1, 2, 3], [4, 5, 6]]),
        }
    )
    return signal


def spectra():
    signal = hs.signals.Signal1D(pixels((4, 3, 8), np.float32) / 8)
    calibrate(
        signal,
        [("y", 0.5, 0.0, "µm"), ("x", 0.5, 0.0, "µm"), ("Energy", 0.25, 280.0, "eV")],
    )
    signal.metadata.General.title = "core loss"
    return signal


def uneven():
    signal = hs.signals.Signal1D(pixels((3, 6), np.int32) - 50)
    signal.axes_manager._axes[-1].convert_to_non_uniform_axis()
    signal.axes_manager._axes[-1].axis = np.array([100.0, 101.0, 102.0, 103.0, 104.5, 107.5])
    signal.axes_manager._axes[-1].name = "E"
    signal.axes_manager._axes[-1].units = "eV"
    return signal


def function():
    wavelength = UniformDataAxis(scale=50, offset=400, size=9)
    energy = FunctionalDataAxis(expression="a/x", a=1239.842, x=wavelength)
    energy.name, energy.units, energy.navigate, energy.is_binned = "Energy", "eV", False, True
    rest = [dict(size=2, name="y", scale=0.5, units="nm"), dict(size=3, name="x", scale=0.5, units="nm")]
    return hs.signals.Signal1D(
        pixels((2, 3, 9), np.float32), axes=[*rest, energy.get_axis_dictionary()]
    )


def main(folder):
    known = {}
    for name, signal, options in [
        ("scan.zspy", scan(), {}),
        ("scan_split.zspy", scan(), {"chunks": (2, 2, 3, 4), "compressor": None}),
        ("spectra.zspy", spectra(), {"chunks": (2, 2, 8)}),
        ("uneven.zspy", uneven(), {}),
        ("uneven.hspy", uneven(), {}),
        ("function.zspy", function(), {}),
        ("function.hspy", function(), {}),
    ]:
        path = folder / f"hyperspy_{name}"
        shutil.rmtree(path, ignore_errors=True)
        signal.save(str(path), overwrite=True, **options)
        known[path.name] = describe(signal)
    text = json.dumps(known, indent=1, ensure_ascii=False, sort_keys=True)
    (folder / "hyperspy_known.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
