"""The same work here and in the programs people use now, in one run: `cargo xtask bench peers`.

Makes one 4D-STEM scan (128 x 128 | 256 x 256 u16, 2.1 GB; `--size small` for a look), runs numpy, LiberTEM,
py4DSTEM, hyperspy with pyxem and our own benchmarks on it, and prints one table of ratios of medians. With
`--background` also the whole-scan background subtraction, which takes the peer minutes. The table and all
that was measured are written to `results/`.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = ("numpy", "libertem", "py4dstem", "hyperspy", "pyxem")
OURS = ("whole_scan", "live", "frame_latency", "save", "disks", "frames", "decompose")

# What is compared: text, ours (work, source), theirs (peer or bench, work, source), bound of ours / theirs.
# `LiberTEM` alone stands for the fastest of its executors.
ROWS = [
    ("navigation image, raw", ("navigation_image", "npy"), ("ours", "memory_read", "npy"), 1.3),
    ("navigation image, raw f32", ("navigation_image", "npy_f32"), ("ours", "memory_read", "npy_f32"), 1.5),
    ("BF + ADF + CoM, raw", ("bright_annular_com", "npy"), ("ours", "memory_read", "npy"), 2.0),
    ("BF + ADF + CoM, raw f32", ("bright_annular_com", "npy_f32"), ("ours", "memory_read", "npy_f32"), 2.0),
    ("navigation image, raw", ("navigation_image", "npy"), ("LiberTEM", "navigation_image", "npy"), None),
    ("navigation image, raw", ("navigation_image", "npy"), ("numpy", "navigation_image", "npy"), None),
    ("BF + ADF + CoM here, BF + ADF there, raw", ("bright_annular_com", "npy"), ("LiberTEM", "bright_annular", "npy"), 0.33),
    ("BF + ADF + CoM here, BF + ADF there, raw", ("bright_annular_com", "npy"), ("numpy", "bright_annular", "npy"), None),
    ("BF + ADF + CoM here, BF + ADF there, raw", ("bright_annular_com", "npy"), ("py4DSTEM", "bright_annular", "npy"), None),
    ("BF + ADF + CoM, Zarr lz4", ("bright_annular_com", "zarr_lz4"), ("ours", "decode_only", "zarr_lz4"), 1.2),
    ("BF + ADF + CoM, Zarr zstd", ("bright_annular_com", "zarr_zstd"), ("ours", "decode_only", "zarr_zstd"), 1.2),
    ("BF + ADF + CoM here, BF + ADF there, Zarr lz4", ("bright_annular_com", "zarr_lz4"), ("LiberTEM", "bright_annular", "zarr_lz4"), None),
    ("BF + ADF + CoM here, BF + ADF there, Zarr zstd", ("bright_annular_com", "zarr_zstd"), ("pyxem", "bright_annular", "zspy"), None),
    ("centre of mass, raw", ("center_of_mass", "npy"), ("LiberTEM", "center_of_mass", "npy"), None),
    ("centre of mass here on raw, there on zspy", ("center_of_mass", "npy"), ("pyxem", "center_of_mass", "zspy"), None),
    ("detector dragged: first image", ("detector_first_image", "npy"), ("LiberTEM", "bright_annular", "npy"), 0.1),
    ("detector dragged: exact image", ("detector_exact", "npy"), ("LiberTEM", "bright_annular", "npy"), None),
    ("mean pattern of 64 x 64 positions moved by one", ("region_step", "npy"), ("ours", "region_afresh", "npy"), 0.05),
    ("mean pattern of 64 x 64 positions, afresh", ("region_afresh", "npy"), ("numpy", "region_afresh", "npy"), None),
    ("disks of 128 x 128 patterns, all measured", ("find_disks", "npy"), ("py4DSTEM", "find_disks_poly", "npy"), 0.125),
    ("disks of 128 x 128 patterns beside upsampling", ("find_disks", "npy"), ("py4DSTEM", "find_disks_multicorr", "npy"), 0.0125),
    ("strain map of their disks", ("strain_map", "npy"), ("py4DSTEM", "strain_map", "npy"), 0.025),
    ("radial median of 128 x 144 frames", ("radial_median", "frames"), ("pyxem", "radial_median", "frames"), 1 / 15),
    ("DoG background of 128 x 144 frames", ("difference_of_gaussians", "frames"), ("pyxem", "difference_of_gaussians", "frames"), 1 / 10),
    ("h-dome of 128 x 144 frames", ("h_dome", "frames"), ("pyxem", "h_dome", "frames"), 1 / 10),
    ("median kernel of 128 x 144 frames", ("median_kernel", "frames"), ("pyxem", "median_kernel", "frames"), 1 / 25),
    ("azimuthal integral of 128 x 144 frames", ("azimuthal_integral", "frames"), ("pyxem", "azimuthal_integral", "frames"), 1 / 50),
    ("direct beam to the middle of 128 x 144 frames", ("center_direct_beam", "frames"), ("pyxem", "center_direct_beam", "frames"), 1 / 8),
    ("128 x 144 frames joined 2 x 2", ("rebin_signal", "frames"), ("pyxem", "rebin_signal", "frames"), None),
    ("128 x 144 frames cropped to 96 x 96", ("crop_signal", "frames"), ("pyxem", "crop_signal", "frames"), None),
    ("20 components of 512 x 512 spectra", ("svd", "spectra"), ("ours", "one_pass", "spectra"), None),
    ("20 components of 512 x 512 spectra", ("svd", "spectra"), ("hyperspy", "svd", "spectra"), 1 / 3),
    ("20 components of 512 x 512 spectra beside a truncated SVD", ("svd", "spectra"), ("hyperspy", "svd_truncated", "spectra"), None),
    ("20 components of 512 x 512 spectra beside a lazy SVD", ("svd", "spectra"), ("hyperspy", "svd_lazy", "spectra"), 1 / 3),
    ("20 components of 96 x 100 patterns", ("svd", "patterns"), ("ours", "one_pass", "patterns"), None),
    ("20 components of 96 x 100 patterns", ("svd", "patterns"), ("hyperspy", "svd", "patterns"), 1 / 3),
    ("20 components of 96 x 100 patterns beside a truncated SVD", ("svd", "patterns"), ("hyperspy", "svd_truncated", "patterns"), None),
    ("20 components of 96 x 100 patterns beside a lazy SVD", ("svd", "patterns"), ("hyperspy", "svd_lazy", "patterns"), 1 / 3),
    ("DoG background -> zspy, whole scan", ("background_save", "zspy"), ("pyxem", "background_save", "zspy"), 0.125),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "target" / "peers", help="where the scan is kept")
    parser.add_argument("--size", choices=("full", "small"), default="full")
    parser.add_argument("--background", action="store_true")
    parser.add_argument("--only", default=",".join(PEERS + OURS), help="peers and benchmarks to run")
    parser.add_argument("--results", type=pathlib.Path, default=HERE / "results")
    parser.add_argument("--no-results", action="store_true", help="print only")
    return parser.parse_args()


def lines_of(text):
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def run_peer(name, folder, background):
    command = [sys.executable, str(HERE / f"peer_{name}.py"), str(folder)]
    if name == "hyperspy" and background:
        command.append("--background")
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=3600, cwd=HERE)
    return lines_of(done.stdout)


def run_ours(name, folder, size):
    """One of our benchmarks, on the same files; what it measured comes as lines of JSON."""
    out = folder / f"{name}.json"
    out.unlink(missing_ok=True)
    command = ["cargo", "bench", "--profile", "release", "--package", "benches", "--bench", name, "--"]
    command += ["--scan", str(folder), "--json", str(out)] + (["--size", "small"] if size == "small" else [])
    subprocess.run(command, cwd=ROOT, timeout=3600, check=False)
    return lines_of(out.read_text()) if out.exists() else []


def components(folder, size, what):
    """The peers of a decomposition, and how near components are to numpy's."""
    command = [sys.executable, str(HERE / "components.py"), str(folder), "--size", size, "--only", what]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=3600, cwd=HERE)
    return lines_of(done.stdout)


def positions(folder, lines):
    """How near disks are to their place, beside the peer and what is possible."""
    import hyperspy.api as hs
    import numpy as np
    from disks import score

    peaks = hs.load(str(folder / "ours_peaks.zspy")).data
    ours = score(folder, lambda row, column: np.asarray(peaks[row, column])[:, :2])
    bound = float(np.load(folder / "disks_truth.npz")["bound"])
    text = f"RMS {ours['rms']:.3f} px, recall {ours['recall']:.4f}, precision {ours['precision']:.4f}"
    rows = [{"row": f"positions of disks: {text}", "against": f"bound {bound:.3f} px", "ratio": ours["rms"] / bound, "bound": 1.15}]
    theirs = next((line for line in lines if line.get("work") == "find_disks_poly" and "rms" in line), None)
    if theirs:
        text = f"py4DSTEM {theirs['rms']:.3f} px, {theirs['recall']:.4f}, {theirs['precision']:.4f}"
        rows.append({"row": "positions of disks beside the peer's", "against": text, "ratio": ours["rms"] / theirs["rms"], "bound": 1.0})
    return [{"bench": "disks", **row} for row in rows]


def median(line):
    seconds = line.get("seconds") or []
    if not isinstance(seconds, list) or not seconds:
        return line.get("median")
    seconds = sorted(seconds)
    middle = len(seconds) // 2
    return seconds[middle] if len(seconds) % 2 else (seconds[middle - 1] + seconds[middle]) / 2


def figure(lines, who, work, source):
    """Fastest median of `who` ("ours" or the beginning of a peer's name)."""
    found = []
    for line in lines:
        ours = line.get("bench") != "peers"
        named = ours if who == "ours" else (not ours and str(line.get("peer", "")).startswith(who))
        # What is saved is told apart by the format that is written.
        if named and line.get("work") == work and line.get("format", line.get("source")) == source:
            value = median(line)
            if value:
                found.append((value, line.get("peer", "ours")))
    return min(found) if found else None


def table(lines):
    rows = []
    for text, (work, source), (who, other_work, other_source), bound in ROWS:
        ours = figure(lines, "ours", work, source)
        theirs = figure(lines, who, other_work, other_source)
        ratio = ours[0] / theirs[0] if ours and theirs else None
        name = theirs[1] if theirs and who != "ours" else {"memory_read": "reading the memory", "decode_only": "decoding only"}.get(other_work, who if who != "ours" else "the same afresh")
        rows.append((text, ours and ours[0], name, theirs and theirs[0], ratio, bound))
    # Ratios that a benchmark makes itself, from measurements that belong together.
    for line in lines:
        if "ratio" in line and "row" in line:
            rows.append((line["row"], line.get("ours"), line.get("against", "same run"), line.get("theirs"), line["ratio"], line.get("bound")))
    return rows


def shown(seconds):
    if seconds is None:
        return "–"
    for unit, size in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.2g} s"


def markdown(rows):
    out = ["| work | here | beside | there | ratio | bound | met |", "|---|---|---|---|---|---|---|"]
    for text, ours, name, theirs, ratio, bound in rows:
        met = "" if bound is None else ("not measured" if ratio is None else ("yes" if ratio <= bound else "**no**"))
        out.append(f"| {text} | {shown(ours)} | {name} | {shown(theirs)} | {'–' if ratio is None else f'{ratio:.3g}'} | {'' if bound is None else f'≤ {bound:.3g}'} | {met} |")
    return "\n".join(out)


def machine():
    model = platform.processor() or platform.machine()
    info = pathlib.Path("/proc/cpuinfo")
    if info.exists():
        names = [line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0] if names else model
    return {"cores": os.cpu_count(), "processor": model, "system": platform.platform()}


def main():
    options = arguments()
    folder = options.folder / options.size
    subprocess.run([sys.executable, str(HERE / "scan.py"), str(folder), "--size", options.size], check=True, stdout=subprocess.DEVNULL)
    wanted = options.only.split(",")
    lines = []
    if "decompose" in wanted:
        components(folder, options.size, "build")
    for name in PEERS:
        if name in wanted:
            lines += run_peer(name, folder, options.background)
    for name in OURS:
        if name in wanted:
            lines += run_ours(name, folder, options.size)
    if "decompose" in wanted:
        lines += components(folder, options.size, "numpy,hyperspy,angles")
    if "disks" in wanted and (folder / "ours_peaks.zspy").exists():
        lines += positions(folder, lines)
    rows = table(lines)
    text = markdown(rows)
    print(text)
    if not options.no_results:
        date = datetime.date.today().isoformat()
        options.results.mkdir(exist_ok=True)
        head = f"# Beside the peers, {date}\n\nScan {options.size}, page cache warm, {json.dumps(machine())}; medians.\n\n"
        (options.results / f"{date}.md").write_text(head + text + "\n")
        kept = [{**line, "seconds": len(line["seconds"]), "median": median(line)} if len(line.get("seconds") or []) > 50 else line for line in lines]
        (options.results / f"{date}.json").write_text(json.dumps({"machine": machine(), "lines": kept}, indent=1) + "\n")
    unmet = [row for row in rows if row[5] is not None and row[4] is not None and row[4] > row[5]]
    sys.exit(1 if unmet else 0)


if __name__ == "__main__":
    main()
