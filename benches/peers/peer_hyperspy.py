"""hyperspy and pyxem on the zspy file: `python peer_hyperspy.py FOLDER [--background]`.

`--background` adds the difference of Gaussians of the whole scan, saved as zspy, which takes minutes.
"""

import argparse
import pathlib
import random
import resource
import shutil
import tempfile
import time
import warnings

warnings.filterwarnings("ignore")

from timing import detectors, report  # noqa: E402

began = time.perf_counter()
import hyperspy.api as hs  # noqa: E402
import pyxem  # noqa: E402, F401

IMPORT_SECONDS = time.perf_counter() - began


def load(folder):
    signal = hs.load(str(folder / "scan.zspy"), lazy=True)
    signal.calibration.center = None
    return signal


def virtual_images(signal, found):
    cy, cx = found["centre"]
    bright = hs.roi.CircleROI(cx, cy, found["radius"])
    annular = hs.roi.CircleROI(cx, cy, found["outer"], r_inner=found["inner"])
    for axis in signal.axes_manager.signal_axes:
        axis.offset, axis.scale = 0, 1
    return lambda: [signal.get_integrated_intensity(roi).compute(show_progressbar=False) for roi in (bright, annular)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--background", action="store_true")
    given = parser.parse_args()
    report("hyperspy", "opening", "zspy", lambda: load(given.folder), warm_up=False, import_seconds=IMPORT_SECONDS)
    signal = load(given.folder)
    found = detectors(signal.data.shape)

    def images():
        virtual_images(signal, found)()

    report("pyxem", "bright_annular", "zspy", images)

    def com():
        shifts = signal.get_direct_beam_position(method="center_of_mass")
        return shifts.compute(show_progressbar=False) if shifts._lazy else shifts

    report("pyxem", "center_of_mass", "zspy", com, repeat=1)

    places = random.Random(3)

    def frame():
        y, x = (places.randrange(size) for size in signal.data.shape[:2])
        return signal.inav[x, y].data.compute()

    report("hyperspy", "frame_random", "zspy", frame, repeat=40)
    if given.background:
        background(given.folder)


def background(folder):
    out = tempfile.mkdtemp(dir=folder, prefix="peer-")

    def run():
        signal = load(folder)
        # In the scan's own u16 the reference wraps around below zero: its result is right only for floats.
        signal.change_dtype("float32")
        done = signal.subtract_diffraction_background("difference of gaussians", min_sigma=1, max_sigma=55, show_progressbar=False)
        done.save(f"{out}/background.zspy", overwrite=True, show_progressbar=False)

    try:
        report("pyxem", "background_save", "zspy", run, repeat=1, warm_up=False)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
        report("pyxem", "background_save_memory", "zspy", lambda: None, repeat=1, warm_up=False, peak_mb=peak)
    finally:
        shutil.rmtree(out, ignore_errors=True)


if __name__ == "__main__":
    main()
