"""Opens a .zspy store or .hspy file with hyperspy and prints what it sees as JSON.

    python tests/golden/check_zspy.py PATH
"""

import json
import sys

import hyperspy.api as hs
import numpy as np


def main(path):
    lazy = hs.load(path, lazy=True)
    signal = hs.load(path)
    ragged = bool(signal.ragged)
    report = {
        "class": type(signal).__name__,
        "lazy_class": type(lazy).__name__,
        "title": signal.metadata.General.title,
        "ragged": ragged,
        "shape": list(signal.data.shape),
        "axes": [
            {
                "name": str(axis.name),
                "units": str(axis.units),
                "size": int(axis.size),
                "navigate": bool(axis.navigate),
            }
            | (
                {"scale": float(axis.scale), "offset": float(axis.offset)}
                if axis.is_uniform
                else {
                    "type": type(axis).__name__,
                    "values": np.asarray(axis.axis, dtype=float).tolist(),
                    "is_binned": bool(axis.is_binned),
                    "expression": getattr(axis, "_expression", None),
                }
            )
            for axis in signal.axes_manager._axes
        ],
        "metadata": json.loads(
            json.dumps(signal.metadata.as_dictionary(), default=lambda value: np.asarray(value).tolist())
        ),
        "original_metadata": json.loads(
            json.dumps(
                signal.original_metadata.as_dictionary(), default=lambda value: np.asarray(value).tolist()
            )
        ),
    }
    if ragged:
        report["lists"] = [np.asarray(item).tolist() for item in signal.data.ravel()]
        lazy.compute()
        report["lazy_lists"] = [np.asarray(item).tolist() for item in lazy.data.ravel()]
    else:
        report["dtype"] = str(signal.data.dtype)
        pixels = signal.data.ravel()
        if pixels.dtype.names:
            # Of colours each number, one after the other.
            pixels = np.ascontiguousarray(pixels).view(pixels.dtype[0])
        # Of complex numbers both parts, one after the other.
        report["pixels"] = (pixels.view(pixels.real.dtype) if np.iscomplexobj(pixels) else pixels).astype(float).tolist()
        if signal.metadata.has_item("_HyperSpy.Stacking_history"):
            # The images of a map, one by one.
            report["split"] = [
                {
                    "title": image.metadata.General.title,
                    "quantity": image.metadata.Signal.quantity,
                    "shape": list(image.data.shape),
                    "sum": float(image.data.sum()),
                }
                for image in signal.split()
            ]
        report["chunks"] = [list(sizes) for sizes in lazy.data.chunks]
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
