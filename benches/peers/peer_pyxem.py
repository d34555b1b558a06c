"""What pyxem does with every frame, on a scan in memory: `python peer_pyxem.py FOLDER`."""

import argparse
import pathlib
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import pyxem  # noqa: E402
from frames import build  # noqa: E402
from timing import report  # noqa: E402

# Work, name in pyxem, its parameters: those that ours has by default.
WORK = [
    ("radial_median", "radial median", {}),
    ("difference_of_gaussians", "difference of gaussians", {"min_sigma": 1, "max_sigma": 55}),
    ("h_dome", "h-dome", {"h": 0.2}),
    ("median_kernel", "median kernel", {"footprint": 19}),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    # In the scan's own u16 the reference wraps around below zero: its result is right only for floats.
    frames = np.load(build(parser.parse_args().folder)).astype(np.float32)
    signal = pyxem.signals.Diffraction2D(frames)
    rows, columns = frames.shape[-2:]
    for work, name, options in WORK:
        if work == "radial_median":
            # Ours looks for the direct beam in every frame; the peer is told it.
            options = {"center_x": columns // 2, "center_y": rows // 2}

        def run(name=name, options=options):
            signal.subtract_diffraction_background(name, show_progressbar=False, **options)

        report("pyxem", work, "frames", run, repeat=1 if work == "median_kernel" else 3, warm_up=work != "median_kernel")

    for work, run in other_work(signal):
        report("pyxem", work, "frames", run)


def other_work(signal):
    """What is no background, with the parameters that `benches/frames.rs` gives ours."""
    signal.calibration.center = (72, 64)
    return [
        ("azimuthal_integral", lambda: signal.get_azimuthal_integral1d(npt=64, radial_range=(0, 64), mean=True, show_progressbar=False)),
        ("center_direct_beam", lambda: signal.center_direct_beam(method="blur", sigma=3, half_square_width=32, inplace=False)),
        ("rebin_signal", lambda: signal.rebin(scale=(1, 1, 2, 2))),
        ("crop_signal", lambda: signal.isig[24:120, 16:112].deepcopy()),
    ]


if __name__ == "__main__":
    main()
