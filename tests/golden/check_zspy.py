"""Opens a .zspy store with hyperspy and prints what it sees as JSON.

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
                "scale": float(axis.scale),
                "offset": float(axis.offset),
                "navigate": bool(axis.navigate),
            }
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
        report["pixels"] = signal.data.ravel().astype(float).tolist()
        report["chunks"] = [list(sizes) for sizes in lazy.data.chunks]
    print(json.dumps(report))


if __name__ == "__main__":
    main(sys.argv[1])
