"""Golden of the colours of a direction-and-magnitude wheel, from pyxem, which takes them from matplotlib.

Run with the environment of requirements.txt:  python tests/golden/make_composites.py
Writes composite_wheel.json: rows `dy, dx, red, green, blue`, colours from 0 to 255, for the length 2 at the rim.
"""

import json
import pathlib

import numpy as np
import pyxem
from pyxem.signals import BeamShift

HERE = pathlib.Path(__file__).parent
RIM = 2.0

rng = np.random.default_rng(11)
angle = np.concatenate([np.deg2rad(np.arange(0, 360, 15)), rng.uniform(0, 2 * np.pi, 24)])
length = np.concatenate([np.full(24, RIM), rng.uniform(0, 1.3 * RIM, 24)])
dy, dx = length * np.sin(angle), length * np.cos(angle)
# float32, as maps are.
dy, dx = dy.astype(np.float32), dx.astype(np.float32)

# pyxem's phase is atan2(first, second) + rotation - 30 degrees. With rows first, and those 30 degrees taken back, it is
# the angle from +x towards +y, as np.arctan2(dy, dx) gives it.
shift = BeamShift(np.stack([dy, dx], axis=-1).reshape(6, 8, 2).astype(np.float64))
colours = shift.get_magnitude_phase_signal(
    rotation=30, autolim=False, magnitude_limits=(0, RIM), add_color_wheel_marker=False
)
rgb = np.stack([colours.data[channel] for channel in "RGB"], axis=-1).reshape(-1, 3) / 65535 * 255

rows = [
    [float(y), float(x), *(round(float(value), 3) for value in colour)] for y, x, colour in zip(dy, dx, rgb)
]
golden = {"reference": f"pyxem {pyxem.__version__}, get_magnitude_phase_signal", "rim": RIM, "rows": rows}
text = json.dumps(golden).replace("[[", "[\n  [").replace("], [", "],\n  [").replace("]]", "]\n]")
(HERE / "composite_wheel.json").write_text(text + "\n")
