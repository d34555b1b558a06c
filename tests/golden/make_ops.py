"""Goldens of the operations, computed by released reference programs.

Run with the environment of requirements.txt:  python tests/golden/make_ops.py
Writes ops_*.npy and ops.json (cases, tolerances, release numbers) beside itself. Input is float32, because the
references wrap around below zero in unsigned integers.
"""

import json
import pathlib
import warnings

import numpy as np

warnings.filterwarnings("ignore")

import hyperspy.api as hs
import hyperspy
import pyxem
import scipy
import skimage
from scipy.linalg import polar
from scipy.ndimage import gaussian_filter
from scipy.optimize import minimize
from skimage.feature import match_template, peak_local_max

HERE = pathlib.Path(__file__).parent
CASES = []


def pattern():
    """A small, non-square, asymmetric diffraction pattern: background, direct beam, disks of radius 3, Poisson noise."""
    rng = np.random.default_rng(7)
    ky, kx = np.indices((48, 40))
    centre = np.array([22.6, 21.3])
    distance = np.hypot(ky - centre[0], kx - centre[1])
    expected = 3.0 + 90.0 * np.exp(-distance / 9.0) + 0.2 * kx
    for h in range(-2, 3):
        for k in range(-2, 3):
            y, x = centre + h * np.array([1.2, 12.1]) + k * np.array([10.7, -2.3])
            height = 600.0 if h == k == 0 else 120.0 / (1.0 + abs(h) + 0.5 * abs(k - 1))
            expected += height * np.clip(3.5 - np.hypot(ky - y, kx - x), 0.0, 1.0)
    return rng.poisson(expected).astype(np.float32)


def case(operation, params, expected, tolerance, reference, given="ops_pattern.npy"):
    name = f"ops_{operation}.npy"
    np.save(HERE / name, np.ascontiguousarray(expected))
    CASES.append(
        {
            "operation": operation,
            "params": params,
            "input": given,
            "expected": name,
            "tolerance": float(tolerance),
            "reference": reference,
        }
    )


def decomposition():
    """hyperspy's SVD of a scan with three components and noise. What it calls loadings are our scores, its factors our loadings."""
    rng = np.random.default_rng(11)
    y, x, ky, kx = np.indices((6, 8, 9, 7)).astype(float)
    scan = 40 + 25 * np.sin(0.9 * y + 0.2 * x) * np.cos(0.7 * ky)
    scan += 12 * (x - 3) * np.exp(-((kx - 2.5) ** 2) / 3)
    scan += 6 * np.cos(1.3 * y * x) * np.sin(0.8 * ky * kx)
    scan = (scan + rng.normal(0, 0.5, scan.shape)).astype(np.float32)
    np.save(HERE / "ops_components.npy", scan)
    count = 4
    signal = hs.signals.Signal2D(scan.astype(np.float64))
    signal.decomposition(algorithm="SVD", centre="navigation", print_info=False)
    results = signal.learning_results
    matrix = scan.reshape(48, 63).astype(np.float64)
    singular = np.linalg.svd(matrix - matrix.mean(axis=0), compute_uv=False)
    assert np.allclose(results.explained_variance[:count], singular[:count] ** 2 / 48, rtol=1e-9)
    factors, loadings = results.factors[:, :count], results.loadings[:, :count]
    # Where there are more pixels than positions, its loadings have length 1, not its factors.
    lengths = np.linalg.norm(factors, axis=0)
    factors, loadings = factors / lengths, loadings * lengths
    signs = np.sign(factors[np.abs(factors).argmax(axis=0), np.arange(count)])
    model = {"components": count, "centre": "navigation"}
    reference = "hyperspy, Signal.decomposition(algorithm='SVD', centre='navigation')"
    # Its get_decomposition_model fails with this mean, which it takes for one number per position.
    rebuilt = (loadings[:, :3] @ factors[:, :3].T + np.ravel(results.mean)).reshape(scan.shape)

    def read(operation, params, expected, tolerance):
        case(operation, params, expected.astype(np.float64), tolerance, reference, "ops_components.npy")
        CASES[-1]["model"] = model

    read("svd", model, results.explained_variance_ratio[:count], 1e-6)
    read("scores", {}, loadings * signs, 2e-3)
    read("loadings", {}, (factors * signs).T, 5e-4)
    read("reconstruct", {"components": 3}, rebuilt, 1e-3)


def backgrounds(image):
    signal = pyxem.signals.Diffraction2D(image[None])
    top = float(image.max())

    def subtract(**kwargs):
        return signal.subtract_diffraction_background(inplace=False, **kwargs).data[0].astype(np.float64)

    case(
        "radial_median",
        {"centre": [22.6, 21.3], "keep_direct_beam": False},
        subtract(method="radial median", center_x=21.3, center_y=22.6),
        1e-5 * top,
        "pyxem, radial median",
    )
    case(
        "difference_of_gaussians",
        {"min_sigma": 1.5, "max_sigma": 14.0},
        subtract(method="difference of gaussians", min_sigma=1.5, max_sigma=14.0),
        1e-5 * top,
        "pyxem, difference of gaussians",
    )
    case(
        "median_kernel",
        {"footprint": 13},
        subtract(method="median kernel", footprint=13),
        1e-5 * top,
        "pyxem, median kernel",
    )
    dome = subtract(method="h-dome", h=0.2)
    # The reference quantises the dome to 8 bit before it averages and rescales; this is the averaged dome's maximum.
    reconstructed = skimage.morphology.reconstruction(image / top - 0.2, image / top)
    largest = scipy.ndimage.uniform_filter(image / top - reconstructed, 3).max()
    case("h_dome", {"h": 0.2}, dome, 2 / 255 / largest, "pyxem, h-dome")


def fitted(image, start):
    """Centre of a disk with a soft edge on a plane, by maximum likelihood under Poisson counts."""
    ky, kx = np.indices(image.shape)
    near = np.hypot(ky - start[0], kx - start[1]) <= 6.5
    counts, y, x = image[near].astype(np.float64), ky[near], kx[near]

    def expected(p):
        distance = np.hypot(y - p[0], x - p[1])
        disk = 1 / (1 + np.exp((distance - p[2]) / p[3]))
        return np.maximum(np.exp(p[4]) * disk + p[5] + p[6] * (y - start[0]) + p[7] * (x - start[1]), 1e-3)

    def deviance(p):
        rate = expected(p)
        return np.sum(rate - counts * np.log(rate))

    first = [*start, 3.3, 0.3, np.log(max(counts.max() - np.median(counts), 1.0)), np.median(counts), 0.0, 0.0]
    bounds = [(start[0] - 1, start[0] + 1), (start[1] - 1, start[1] + 1), (2, 5), (0.1, 1), *[(None, None)] * 4]
    return minimize(deviance, first, method="L-BFGS-B", bounds=bounds, options={"maxiter": 2000}).x[:2]


def disks():
    """A scan of four patterns with disks of one shape; every position is fitted by a general minimiser."""
    random = np.random.default_rng(23)
    ky, kx = np.indices((96, 84))
    frames, found = [], []
    for n in range(4):
        centre = np.array([47.3 + 0.4 * n, 41.6 - 0.3 * n])
        distance = np.hypot(ky - centre[0], kx - centre[1])
        expected = 2.0 + 25.0 * np.exp(-distance / 14.0)
        for h in range(-2, 3):
            for k in range(-2, 3):
                y, x = centre + h * np.array([1.2, 15.9]) + k * np.array([17.1, -2.3])
                height = 900.0 if h == k == 0 else 260.0 / (1.0 + 0.5 * abs(h) + 0.5 * abs(k - 1))
                expected += height / (1 + np.exp((np.hypot(ky - y, kx - x) - 3.4) / 0.3))
        image = random.poisson(expected).astype(np.float32)
        template = (np.hypot(*np.mgrid[-3:4, -3:4]) <= 3).astype(np.float64)
        score = match_template(image.astype(np.float64), template, pad_input=True, mode="reflect")
        places = peak_local_max(score, min_distance=8, num_peaks=25, exclude_border=False)
        frames.append(image)
        found.append([fitted(image, place) for place in places])
    np.save(HERE / "ops_disks.npy", np.array(frames))
    # Here every disk has its own shape and background, in ours they are the scan's.
    case(
        "normalized_correlation",
        {},
        np.array(found),
        0.1,
        "scikit-image, match_template, and scipy, minimize",
        "ops_disks.npy",
    )


def peaks(image):
    double = image.astype(np.float64)
    difference = gaussian_filter(double, 1.2, truncate=3) - gaussian_filter(double, 3.0, truncate=3)
    middle = np.median(difference)
    noise = 1.4826 * np.median(np.abs(difference - middle))
    found = peak_local_max((difference - middle) / noise, min_distance=5, threshold_abs=3.0, exclude_border=2)
    case(
        "difference_of_gaussians_peaks",
        {
            "sigma_narrow": 1.2, "sigma_wide": 3.0, "threshold": 3.0, "min_distance": 5,
            "subpixel": "none", "exclude_border": 2,
        },
        found.astype(np.float64),
        1e-6,
        "scipy, gaussian_filter, and scikit-image, peak_local_max",
    )

    # A little smoothing makes every maximum unique: on ties the reference depends on its sort.
    smooth = gaussian_filter(image, 1.0)
    np.save(HERE / "ops_smooth.npy", smooth)
    found = hs.signals.Signal2D(smooth).find_peaks(
        method="local_max", min_distance=3, threshold_abs=30.0, interactive=False
    )
    case(
        "local_maximum",
        {"min_distance": 3, "threshold_abs": 30.0, "subpixel": "none"},
        np.asarray(found.data[0], dtype=np.float64),
        1e-6,
        "hyperspy, find_peaks(local_max)",
        given="ops_smooth.npy",
    )


def detectors(image):
    ky, kx = np.indices(image.shape)
    double = image.astype(np.float64)
    squared = (ky - 20.5) ** 2 + (kx - 23.25) ** 2
    numpy = "numpy, the definition"
    total = double[squared <= 36].sum()
    case("virtual_disk", {"centre": [20.5, 23.25], "radius": 6}, np.array([total]), 0.0, numpy)
    ring = double[(squared > 36) & (squared <= 110.25)]
    case(
        "virtual_annulus",
        {"centre": [20.5, 23.25], "inner_radius": 6, "outer_radius": 10.5, "statistic": "mean"},
        np.array([ring.mean()]),
        1e-5,
        numpy,
    )
    case(
        "virtual_rectangle",
        {"corner": [4, 9], "height": 11, "width": 7},
        np.array([double[4:15, 9:16].sum()]),
        0.0,
        numpy,
    )
    # A star, hollow in its middle, with a dent; no centre of a pixel lies on an edge.
    star = [[3.2, 20.1], [40.3, 33.7], [21.6, 22.9], [12.4, 4.6], [14.1, 36.2], [43.7, 7.3]]
    inside = np.zeros(image.shape, dtype=bool)
    for (y0, x0), (y1, x1) in zip(star, star[1:] + star[:1]):
        crossed = ((y0 <= ky) != (y1 <= ky)) & (x0 + (ky - y0) / (y1 - y0) * (x1 - x0) <= kx)
        inside ^= crossed
    every = np.stack([ky.ravel(), kx.ravel()], axis=1)
    assert np.array_equal(inside.ravel(), skimage.measure.points_in_poly(every, np.array(star)))
    total = double[inside].sum()
    case("virtual_polygon", {"vertices": star}, np.array([total]), 0.0, "numpy and scikit-image, points_in_poly")
    # pyxem returns the correction (x, y) = shape / 2 - com over a mask (x, y, radius); both sizes are even.
    signal = pyxem.signals.Diffraction2D(image[None])
    beam = signal.get_direct_beam_position(method="center_of_mass", mask=(20, 24, 9), half_square_width=None)
    x, y = np.asarray(beam.data, dtype=np.float64).reshape(-1, 2)[0]
    case(
        "center_of_mass",
        {"centre": [24, 20], "radius": 9, "reference": "none"},
        np.array([-y, -x]),
        1e-5,
        "pyxem, get_direct_beam_position(center_of_mass)",
    )


def patterns():
    """Frames of several positions; one pixel is NaN somewhere, one everywhere."""
    random = np.random.default_rng(11)
    frames = random.normal(50, 20, (7, 9, 5)).astype(np.float32)
    frames[2, 3, 1] = np.nan
    frames[:, 4, 4] = np.nan
    np.save(HERE / "ops_frames.npy", frames)
    with np.errstate(all="ignore"):
        mean = np.nanmean(frames.astype(np.float64), axis=0)
        largest = np.nanmax(frames, axis=0)
    for operation, expected, tolerance in [("mean_pattern", mean, 1e-5), ("maximum_pattern", largest, 0.0)]:
        case(operation, {}, expected, tolerance, "numpy, the definition", "ops_frames.npy")


def arithmetic():
    """Two frames of one position, with what is unknown in either; hyperspy divides by 0 to infinity, ours is no value."""
    random = np.random.default_rng(19)
    frames = random.normal(50, 20, (2, 9, 5)).astype(np.float32)
    frames[0, 2, 3] = frames[1, 4, 1] = np.nan
    frames[1, 6, :2] = 0.0
    frames[0, 6, 1] = 0.0
    np.save(HERE / "ops_two_frames.npy", frames)
    a, b = (hs.signals.Signal2D(frame) for frame in frames)
    with np.errstate(all="ignore"):
        results = {"add": a + b, "subtract": a - b, "multiply": a * b, "divide": a / b}
    for operation, result in results.items():
        expected = np.where(np.isfinite(result.data), result.data, np.nan)
        case(operation, {}, expected, 0.0, "hyperspy, arithmetic of signals", "ops_two_frames.npy")


def radial(image):
    """Sums over rings: over all sectors of 2-D integration, whose polygons then have 3600 corners instead of 360."""
    signal = pyxem.signals.Diffraction2D(image[None].astype(np.float64))
    signal.calibration.scale = 0.1
    signal.calibration.units = "1/nm"
    signal.calibration.center = (21.3, 22.6)
    polar = signal.get_azimuthal_integral2d(npt=14, npt_azim=3600, radial_range=(0.2, 1.6), mean=False)
    expected = np.nansum(np.asarray(polar.data, dtype=np.float64).reshape(-1, 14, 3600)[0], axis=1)
    case(
        "azimuthal_integral",
        {"centre": [22.6, 21.3], "npt": 14, "inner_radius": 0.2, "outer_radius": 1.6, "statistic": "sum"},
        expected,
        1e-6 * expected.max(),
        "pyxem, get_azimuthal_integral2d, summed over azimuth",
    )


def geometry(image):
    signal = pyxem.signals.Diffraction2D(image[None])
    moved = signal.center_direct_beam(method="blur", sigma=3, half_square_width=10, subpixel=False, inplace=False)
    case(
        "center_direct_beam",
        {"method": "blur", "sigma": 3, "movement": "whole_pixels", "outside": "zero"},
        np.asarray(moved.data[0], dtype=np.float64),
        0.0,
        "pyxem, center_direct_beam(blur)",
    )
    signal = hs.signals.Signal2D(image)
    cropped = signal.isig[5:37, 3:44].data
    case(
        "crop_signal",
        {"top": 3, "bottom": 44, "left": 5, "right": 37},
        cropped.astype(np.float64),
        0.0,
        "hyperspy, isig",
    )
    # The end that is left over is cut off here first: then the reference sums without interpolation.
    whole = hs.signals.Signal2D(image[:45, :40].astype(np.int64))
    case(
        "rebin_signal",
        {"rows": 5, "columns": 4},
        whole.rebin(scale=(4, 5)).data.astype(np.float64),
        0.0,
        "hyperspy, rebin",
    )


def strain():
    """Peaks of known deformations; the polar decomposition is scipy's. Position 0 is the reference."""
    rotate = lambda a: np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    gradients = [
        np.eye(2),
        rotate(0.03),
        np.diag([1.03, 1.0]),
        np.array([[1.0, 0.02], [0.02, 1.0]]),
        rotate(-0.02) @ np.array([[1.012, 0.009], [0.009, 0.985]]),
        np.array([[1.02, 0.012], [0.004, 0.99]]) @ rotate(0.02),
    ]
    lattice = [(h * 17.3 - k * 3.4, h * 2.6 + k * 15.1) for h in range(-2, 3) for k in range(-2, 3) if (h, k) != (0, 0)]
    positions, expected = [], []
    for n, gradient in enumerate(gradients):
        moved = np.array(lattice) @ np.linalg.inv(gradient)  # rows: g = F^-T g_ref
        positions.append(moved[:, ::-1] + [60.0 + 0.3 * n, 50.0 - 0.2 * n])
        turn, stretch = polar(gradient)
        expected.append([stretch[0, 0] - 1, stretch[1, 1] - 1, stretch[0, 1], np.arctan2(turn[1, 0], turn[0, 0])])
    np.save(HERE / "ops_strain_peaks.npy", np.array(positions))
    # Peaks are stored in float32: 60 px times 2^-24 over 17 px, averaged over 24 peaks.
    case(
        "strain_map",
        {"reference": {"x0": 0, "y0": 0, "width": 1, "height": 1}},
        np.array(expected),
        1e-6,
        "scipy, polar",
        given="ops_strain_peaks.npy",
    )


def scans():
    """Frames of a scan and of a series: parts, groups and windows of positions."""
    random = np.random.default_rng(29)
    scan = random.poisson(40, (5, 7, 4, 3)).astype(np.float32)
    np.save(HERE / "ops_scan.npy", scan)
    signal = hs.signals.Signal2D(scan)
    case(
        "crop_scan",
        {"region": {"x0": 2, "y0": 1, "width": 4, "height": 3}},
        signal.inav[2:6, 1:4].data.astype(np.float64),
        0.0,
        "hyperspy, inav",
        "ops_scan.npy",
    )
    # The end that is left over is cut off here first: then the reference sums without interpolation.
    whole = hs.signals.Signal2D(scan[:4, :6].astype(np.int64))
    case(
        "rebin_scan",
        {"rows": 2, "columns": 3},
        whole.rebin(scale=(3, 2, 1, 1)).data.astype(np.float64),
        0.0,
        "hyperspy, rebin",
        "ops_scan.npy",
    )
    rows = np.arange(7)
    windows = [np.abs(rows - row) <= 2 for row in rows]
    rolled = np.stack([scan[:, window].astype(np.float64).mean(axis=1) for window in windows], axis=1)
    # Means in single precision.
    case("rolling_mean", {"along": "columns", "window": 5}, rolled, 1e-5, "numpy, the definition", "ops_scan.npy")


def spectra():
    """Spectra of a scan with an edge whose height differs from position to position."""
    random = np.random.default_rng(37)
    energy = 200.0 + 0.5 * np.arange(120)
    y, x = np.indices((3, 5))[..., None]
    expected = 900.0 * (energy / 200.0) ** -3 + np.where(energy >= 221.0, 40.0 * (1 + 2 * y + x), 0.0)
    scan = random.poisson(expected).astype(np.float32)
    # A frame of one row is a spectrum; the tests have its axis.
    np.save(HERE / "ops_spectra.npy", scan[:, :, None])
    signal = hs.signals.Signal1D(scan)
    axis = signal.axes_manager.signal_axes[0]
    axis.name, axis.scale, axis.offset, axis.units = "Energy", 0.5, 200.0, "eV"
    window = signal.isig[221.0:238.5].sum("Energy")
    case(
        "energy_window",
        {"range": [221.0, 238.5]},
        np.asarray(window.data, dtype=np.float64),
        0.0,
        "hyperspy, isig and sum",
        "ops_spectra.npy",
    )


def corrections(image):
    """Pictures from files, in other types and orders than the frames: a mask of bytes and a flat field in Fortran order."""
    random = np.random.default_rng(53)
    mask = (random.random(image.shape) < 0.05).astype(np.uint8)
    np.save(HERE / "ops_mask.npy", mask)
    case(
        "mask_pixels",
        {"file": "ops_mask.npy"},
        np.where(mask != 0, np.nan, image.astype(np.float64)),
        0.0,
        "numpy, where",
    )
    field = np.asfortranarray(random.normal(1.7, 0.1, image.shape))
    np.save(HERE / "ops_field.npy", field)
    expected = image.astype(np.float64) / (field / field.mean())
    # The result is in single precision.
    case("flat_field", {"file": "ops_field.npy"}, expected, 1e-7 * expected.max(), "numpy, the definition")


def phase():
    """Integration in Fourier space; mirrored, the field of slopes is continued as that of an even phase."""
    random = np.random.default_rng(31)
    shifts = random.normal(0.0, 0.3, (2, 18, 23)).astype(np.float32)
    np.save(HERE / "ops_shifts.npy", shifts)
    # The scan of the tests has steps of 2 nm, the detector 0.1 / nm.
    step, pixel, high_pass, low_pass = 2.0, 0.1, 0.02, 0.2
    angle = np.deg2rad(20.0)
    first, second = shifts.astype(np.float64) * pixel
    along_rows = np.cos(angle) * first - np.sin(angle) * second
    along_columns = np.sin(angle) * first + np.cos(angle) * second
    mirror = lambda field, axis: np.concatenate([field, -np.flip(field, axis)], axis)
    keep = lambda field, axis: np.concatenate([field, np.flip(field, axis)], axis)
    along_rows = keep(mirror(along_rows, 0), 1)
    along_columns = mirror(keep(along_columns, 0), 1)
    ky, kx = np.meshgrid(*(np.fft.fftfreq(size, step) for size in along_rows.shape), indexing="ij")
    squared = ky**2 + kx**2
    squared[0, 0] = 1.0  # of the mean, which is taken away below
    transformed = (ky * np.fft.fft2(along_rows) + kx * np.fft.fft2(along_columns)) / (2j * np.pi * squared)
    butterworth = lambda edge: 1.0 / (1.0 + (np.sqrt(squared) / edge) ** 4)
    integrated = np.fft.ifft2(transformed * butterworth(low_pass) * (1.0 - butterworth(high_pass))).real
    expected = 2.0 * np.pi * integrated[:18, :23]
    expected -= expected.mean()
    case(
        "integrated_center_of_mass",
        {"rotation": 20.0, "high_pass": high_pass, "low_pass": low_pass},
        expected,
        # The result is in single precision.
        1e-6 * np.abs(expected).max(),
        "numpy, fft2 of Lazić et al., doi:10.1016/j.ultramic.2015.10.011",
        "ops_shifts.npy",
    )


def waves():
    """Parts of complex numbers; the input has them along its last axis."""
    random = np.random.default_rng(43)
    parts = random.normal(0.0, 3.0, (7, 5, 2)).astype(np.float32)
    np.save(HERE / "ops_waves.npy", parts)
    signal = hs.signals.ComplexSignal2D(parts[..., 0] + 1j * parts[..., 1])
    for part in ("amplitude", "phase", "real", "imag"):
        name = {"imag": "imaginary"}.get(part, part)
        expected = getattr(signal, part).data.astype(np.float64)
        case(name, {}, expected, 1e-6 * np.abs(expected).max(), f"hyperspy, ComplexSignal.{part}", "ops_waves.npy")


def colours():
    """Channels of colours with alpha, and their luminance; the input has them along its last axis."""
    from PIL import Image

    stored = np.random.default_rng(47).integers(0, 256, (7, 5, 4)).astype(np.uint8)
    np.save(HERE / "ops_colours.npy", stored.astype(np.float32))
    signal = hs.signals.Signal1D(stored)
    signal.change_dtype("rgba8")
    given = "ops_colours.npy"
    # In whole numbers there.
    luminance = np.asarray(Image.fromarray(stored[..., :3]).convert("L")).astype(np.float64)
    case("luminance", {}, luminance, 0.51, "PIL, Image.convert('L')", given)
    for field, name in zip("RGBA", ("red", "green", "blue", "alpha")):
        expected = signal.data[field].astype(np.float64)
        case(name, {}, expected, 0.0, "hyperspy, rgba8", given)


def main():
    image = pattern()
    np.save(HERE / "ops_pattern.npy", image)
    backgrounds(image)
    disks()
    peaks(image)
    detectors(image)
    radial(image)
    geometry(image)
    strain()
    patterns()
    arithmetic()
    waves()
    colours()
    scans()
    spectra()
    phase()
    corrections(image)
    decomposition()
    programs = {p.__name__: p.__version__ for p in (np, scipy, skimage, hyperspy, pyxem)}
    text = json.dumps({"made_by": "make_ops.py", "programs": programs, "cases": CASES}, indent=1)
    (HERE / "ops.json").write_text(text + "\n")


main()
