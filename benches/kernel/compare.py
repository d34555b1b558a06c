"""The kernel beside ipykernel and evcxr_jupyter, in one run on one machine: `cargo xtask bench kernel`.

Prints one table, each row with the figure of each kernel, the ratio, the bound and whether it is met, and
writes it with everything measured to `results/`. Times are medians in milliseconds; the kernels take turns,
so that ratios hold on a machine that does other things as well.

`--harness` (or KBENCH) is the project's acceptance harness kbench.py; `--evcxr` (or PATH) the program
evcxr_jupyter. Without them their figures are missing and their rows are marked so.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
CONFORMANCE = ROOT / "tests" / "conformance"
OURS, OURS_BARE, PYTHON, EVCXR = "ours", "ours-as-installed", "ipykernel", "evcxr"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default=ROOT / "target" / "release" / "signaltree", type=pathlib.Path)
    parser.add_argument("--harness", default=os.environ.get("KBENCH", ROOT.parent / "shared" / "tools" / "kbench.py"), type=pathlib.Path)
    parser.add_argument("--evcxr", default=shutil.which("evcxr_jupyter"), help="the program evcxr_jupyter")
    parser.add_argument("--rounds", default=3, type=int, help="repetitions of the harness per kernel")
    parser.add_argument("--times", default=40, type=int, help="repetitions of single requests")
    parser.add_argument("--only", default="", help="rows to measure: " + ", ".join(ROWS))
    parser.add_argument("--results", default=HERE / "results", type=pathlib.Path)
    parser.add_argument("--no-results", action="store_true", help="print only")
    return parser.parse_args()


# ------------------------------------------------------------------------------ kernels


def install_kernels(folder, options):
    """Kernelspecs found by no one else: ours with the echo target, ours as a user installs it, the two others."""
    subprocess.run(
        [options.kernel, "install", "--prefix", folder, "--name", OURS_BARE], check=True, stdout=subprocess.DEVNULL
    )
    specs = folder / "share" / "jupyter" / "kernels"
    spec = json.loads((specs / OURS_BARE / "kernel.json").read_text())
    spec["env"] = {**spec.get("env", {}), "SIGNALTREE_TEST_COMM": "1"}
    write_spec(specs / OURS, spec)
    write_spec(
        specs / PYTHON,
        {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": PYTHON,
            "language": "python",
        },
    )
    if options.evcxr:
        # Its own kernelspec, as `evcxr_jupyter --install` writes it.
        write_spec(
            specs / EVCXR,
            {
                "argv": [str(options.evcxr), "--control_file", "{connection_file}"],
                "display_name": EVCXR,
                "language": "rust",
                "interrupt_mode": "message",
            },
        )
    subprocess.run([options.kernel, "sample", "strained-grain", folder / "strained_grain.zspy"], check=True, stdout=subprocess.DEVNULL)


def write_spec(folder, spec):
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(spec, indent=2))


def private_jupyter(folder):
    os.environ.update(
        JUPYTER_PATH=str(folder / "share" / "jupyter"),
        JUPYTER_DATA_DIR=str(folder / "data"),
        JUPYTER_CONFIG_DIR=str(folder / "config"),
        JUPYTER_RUNTIME_DIR=str(folder / "runtime"),
        JUPYTER_PREFER_ENV_PATH="0",
        IPYTHONDIR=str(folder / "ipython"),
    )


# ------------------------------------------------------------------------------ the harness


def harness(options, folder, kernel, profile, sections, launches=1, expect=None):
    """One run of the harness; None when there is none."""
    result = folder / "harness.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, options.harness, "--kernel", kernel, "--profile", profile, "--json", result]
    command += ["--launches", str(launches), "--only", sections]
    if expect:
        command += ["--expect", expect]
    done = subprocess.run(
        [str(word) for word in command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=900
    )
    if not result.exists():
        print(f"the harness gave no result for {kernel}:\n{done.stderr}", file=sys.stderr)
        return None
    return json.loads(result.read_text())


def at(result, path):
    for name in path.split("."):
        if not isinstance(result, dict) or name not in result:
            return None
        result = result[name]
    return result


def median(results, path):
    values = [value for value in (at(result, path) for result in results) if isinstance(value, (int, float))]
    return round(statistics.median(values), 3) if values else None


# ------------------------------------------------------------------------------ the table


class Table:
    """Rows of the comparison in the order they are to be read."""

    def __init__(self):
        self.rows = []

    def add(self, name, bound, met, ours, python=None, evcxr=None, ratio=None, note=""):
        """`met`: True, False, or None when it could not be measured."""
        row = {
            "row": name,
            "ours": ours,
            "ipykernel": python,
            "evcxr_jupyter": evcxr,
            "ratio": ratio,
            "bound": bound,
            "met": met,
            "note": note,
        }
        self.rows.append(row)
        print(line(row), flush=True)

    def compared(self, name, limit, ours, other, against, unit="ms", most=True, **figures):
        """A row whose bound is a ratio to another kernel."""
        ratio = round(ours / other, 3) if ours is not None and other else None
        met = None if ratio is None else (ratio <= limit if most else ratio >= limit)
        shown = {key: text(value, unit) for key, value in figures.items()}
        shown["python" if against == PYTHON else "evcxr"] = text(other, unit)
        self.add(name, f"{'≤' if most else '≥'} {limit} × {against}", met, text(ours, unit), ratio=ratio, **shown)

    def markdown(self):
        lines = [
            "| | ours | ipykernel | evcxr_jupyter | ratio | bound | met | |",
            "|---|---|---|---|---|---|---|---|",
        ]
        return "\n".join(lines + [line(row) for row in self.rows])


def line(row):
    met = {True: "yes", False: "**no**", None: "not measured"}[row["met"]]
    words = [row["row"], row["ours"], row["ipykernel"], row["evcxr_jupyter"], row["ratio"], row["bound"], met, row["note"]]
    return "| " + " | ".join("–" if word is None else str(word) for word in words) + " |"


def text(value, unit):
    return None if value is None else f"{value:g} {unit}"


# ------------------------------------------------------------------------------ rows


def launch(run, table):
    import measure

    names = [OURS_BARE, PYTHON] + ([EVCXR] if run.options.evcxr else [])
    found = run.keep("launch", measure.launches(names, 5))
    table.compared(
        "launch → first kernel_info_reply",
        0.25,
        found[OURS_BARE]["median"],
        found[PYTHON]["median"],
        PYTHON,
        evcxr=found.get(EVCXR, {}).get("median"),
    )


def direct(run, table):
    import measure

    held, (ours, python) = measure.together(OURS, PYTHON, folder=run.folder)
    with held:
        measure.warm_up(ours)
        found = run.keep("direct", measure.direct_cells(ours, python, run.options.times))
    table.compared(
        f"direct cell `{measure.DIRECT_CALL}`", 0.5, found["call"]["median"], found["python"]["median"], PYTHON
    )
    table.compared("direct cell `1 + 1`", 0.5, found["sum"]["median"], found["python"]["median"], PYTHON)


def compiled(run, table):
    """Cell by cell in turns, and the harness on each kernel in turns."""
    import measure

    found = {}
    if run.options.evcxr:
        held, (ours, evcxr) = measure.together(OURS, EVCXR, folder=run.folder)
        with held:
            measure.warm_up(ours)
            measure.expect_ok(evcxr.run("let warm_up = 1;", seconds=300))
            found = measure.compiled_cells(ours, evcxr, run.options.times // 2)
    harnessed = {"ours": [], "evcxr_jupyter": []}
    for _ in range(run.options.rounds if run.harness else 0):
        harnessed["ours"].append(harness(run.options, run.folder, OURS, HERE / "profile_compiled.json", "exec"))
        if run.options.evcxr:
            harnessed["evcxr_jupyter"].append(harness(run.options, run.folder, EVCXR, "evcxr", "exec"))
    run.keep("compiled", {"in_turns": found, "harness": harnessed})
    name = "compiled `{ 1 + 1 }`, warm"
    table.compared(name, 0.6, at(found, "ours.median"), at(found, "evcxr.median"), EVCXR)
    medians = [median(harnessed[kernel], "exec.idle.median") for kernel in ("ours", "evcxr_jupyter")]
    table.compared(f"{name}, by the harness", 0.6, *medians, EVCXR)


def first(run, table):
    """The first compiled cell after installation: the cache is prepared, the kernel is new."""
    import measure

    idle = 5
    found = run.keep("first", measure.first_cells(OURS_BARE, run.folder, run.options.rounds, idle))
    for what, moments in found.items():
        for moment, when in (("at_once", "at once"), ("after_idle", f"after {idle} s")):
            seen = moments[moment]
            table.add(
                f"first compiled cell of a kernel, {when}: {what}",
                "≤ 2000 ms",
                seen["median"] <= 2000,
                text(seen["median"], "ms"),
                note=f"slowest of {seen['n']} {seen['max']:g} ms",
            )


def comms(run, table):
    import measure

    held, (ours, python) = measure.together(OURS, PYTHON, folder=run.folder)
    with held:
        measure.warm_up(ours)
        found = run.keep("comms", measure.comms(ours, python, run.options.times))
    for name, key in (("comm echo 0 B", "echo_0"), ("comm echo 256 KiB", "echo_256KiB")):
        table.compared(name, 1.0, found[key]["ours"]["median"], found[key]["python"]["median"], PYTHON)
    burst = found["burst"]
    table.compared(
        "200 × 256 KiB burst", 1.0, burst["ours"]["median"], burst["python"]["median"], PYTHON, unit="MB/s", most=False
    )


def blocked(run, table):
    """Requests while a cell runs and while one compiles: at most ten times our own idle time."""
    import measure

    found = {}
    held, (ours,) = measure.together(OURS, folder=run.folder)
    with held:
        measure.warm_up(ours)
        found["ours"] = measure.never_blocked(ours, ours.open_comm("kbench.echo"), run.options.times)
    held, (python,) = measure.together(PYTHON)
    with held:
        measure.expect_ok(python.run(measure.PYTHON_ECHO))
        found["ipykernel"] = measure.blocked_python(python, python.open_comm("kbench.echo"), run.options.times)
    if run.options.evcxr:
        held, (evcxr,) = measure.together(EVCXR)
        with held:
            measure.expect_ok(evcxr.run("let warm_up = 1;", seconds=300))
            found["evcxr_jupyter"] = measure.blocked_evcxr(evcxr, run.options.times)
    run.keep("blocked", found)
    for state in ("running", "compiling"):
        for kind in ("comm", "complete", "kernel_info"):
            idle = found["ours"]["idle"][kind]["median"]
            busy = found["ours"][state].get(kind)
            ratio = round(busy["median"] / idle, 2) if busy else None
            others = {
                key: text(at(found, f"{name}.{state}.{kind}.median"), "ms")
                for key, name in (("python", "ipykernel"), ("evcxr", "evcxr_jupyter"))
            }
            table.add(
                f"{kind} while a cell {'runs' if state == 'running' else 'compiles'}",
                "≤ 10 × idle",
                None if ratio is None else ratio <= 10,
                f"{busy['median']:g} ms (idle {idle:g})" if busy else None,
                ratio=ratio,
                note=f"{busy['n']} times, slowest {busy['max']:g} ms" if busy else "the cell ended too soon",
                **others,
            )


def stalled(run, table):
    """A second subscriber that never reads."""
    if not run.harness:
        return table.add("stalled subscriber", "others lose nothing, ≤ 64 MB", None, None, note="no harness")
    found = {
        "ours": harness(run.options, run.folder, OURS, HERE / "profile_direct.json", "slowsub"),
        "ipykernel": harness(run.options, run.folder, PYTHON, "python", "slowsub"),
    }
    run.keep("stalled", found)
    complete = at(found["ours"], "slowsub.others_got_everything")
    growth = at(found["ours"], "slowsub.growth_mb")
    table.add(
        "stalled subscriber",
        "others lose nothing, ≤ 64 MB",
        None if growth is None else bool(complete and growth <= 64),
        f"all received: {complete}; +{growth} MB",
        f"all received: {at(found['ipykernel'], 'slowsub.others_got_everything')}; +{at(found['ipykernel'], 'slowsub.growth_mb')} MB",
    )


def interrupt(run, table):
    import measure

    found = run.keep("interrupt", measure.interrupts(OURS, run.folder, 9))
    wait = found["wait"]
    table.add(
        "interrupt of a whole-scan computation",
        "≤ 50 ms, all kept",
        wait["median"] <= 50 and found["kept"] and found["statuses"] == ["error"],
        f"{wait['median']:g} ms",
        note=f"slowest of {wait['n']} {wait['max']:g} ms; variables and tree kept: {found['kept']}; {', '.join(found['statuses'])}",
    )


def memory(run, table):
    import measure

    found = run.keep("memory", measure.memory_of_direct_cells(OURS, run.folder))
    found["ipykernel"] = measure.memory_at_rest(PYTHON)
    found["evcxr_jupyter"] = measure.memory_at_rest(EVCXR) if run.options.evcxr else None
    table.add(
        "memory after direct cells only, nothing warmed",
        "≤ 60 MB",
        found["direct_cells"] <= 60,
        f"{found['direct_cells']:g} MB",
        f"{found['ipykernel']:g} MB at rest",
        text(found["evcxr_jupyter"], "MB at rest"),
        note=f"at rest {found['at_rest']:g} MB, with a widget shown {found['with_a_widget']:g} MB",
    )


def tests(run, table):
    """The rows that are tests: run here, so that one table holds them all."""
    for name, bound, module, least in (
        ("jupyter_kernel_test, all hooks, welcome included", "13 of 13", "test_kernel.Conformance test_kernel.Welcome", 13),
        ("hostile messages, each 50 times", "20 kinds answered after", "test_hostile", 20),
        ("panic, loop, segfault, exit, …", "next cell works", "test_failures", 1),
        ("nbclient, papermill, console, run", "whole sessions", "test_sessions", 10),
        ("two clients, stalled one, while busy", "all answered", "test_clients", 7),
        ("kill -9, then restore", "same tree, frames, files", "test_restore", 1),
    ):
        if not (CONFORMANCE / (module.split(".")[0] + ".py")).exists():
            table.add(name, bound, None, None, note=f"there is no {module}")
            continue
        done = subprocess.run(
            [sys.executable, "-m", "unittest", "--verbose", *module.split()],
            cwd=CONFORMANCE,
            env={**os.environ, "SIGNALTREE_KERNEL": OURS_BARE},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
        ran = re.search(r"^Ran (\d+) test", done.stdout, re.MULTILINE)
        bad = sum(int(number) for number in re.findall(r"(?:failures|errors|skipped)=(\d+)", done.stdout))
        count = int(ran.group(1)) if ran else 0
        good = max(count - bad, 0)
        run.keep(module, {"ran": count, "passed": good, "output": done.stdout if bad or not count else ""})
        table.add(name, bound, done.returncode == 0 and bad == 0 and good >= least, f"{good} of {count}", note=module)


def acceptance(run, table):
    """Every section of the harness on our kernel, against `expect.json`."""
    if not run.harness:
        return table.add("acceptance harness", "all expectations", None, None, note="no harness")
    found = harness(
        run.options, run.folder, OURS, HERE / "profile_direct.json", "", launches=3, expect=HERE / "expect.json"
    )
    run.keep("acceptance", found)
    outcome = (found or {}).get("expect", {})
    missed = [f"{path} = {entry['got']}" for path, entry in outcome.items() if not entry["ok"]]
    table.add(
        "acceptance harness, expect.json",
        "all expectations",
        bool(outcome) and not missed,
        f"{len(outcome) - len(missed)} of {len(outcome)}",
        note="; ".join(missed),
    )


ROWS = {
    "tests": tests,
    "launch": launch,
    "direct": direct,
    "compiled": compiled,
    "first": first,
    "comms": comms,
    "blocked": blocked,
    "stalled": stalled,
    "interrupt": interrupt,
    "memory": memory,
    "acceptance": acceptance,
}


# ------------------------------------------------------------------------------ one run


class Comparison:
    """What all rows share, and everything measured."""

    def __init__(self, options, folder):
        self.options = options
        self.folder = folder
        self.harness = options.harness.exists()
        self.measured = {}

    def keep(self, name, found):
        self.measured[name] = found
        return found


def machine(options):
    """What a reader needs to judge the figures, without names and paths."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo") as file:
            model = next(row.split(":", 1)[1].strip() for row in file if row.startswith("model name"))
    except (OSError, StopIteration):
        model = platform.processor() or model

    def version(*command):
        try:
            words = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=ROOT).stdout.split()
            return " ".join(words[:2])
        except OSError:
            return "none"

    from importlib.metadata import version as package

    return {
        "date": datetime.date.today().isoformat(),
        "processor": f"{model}, {os.cpu_count()} threads",
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "system": f"{platform.system()} {platform.machine()}",
        "load_at_start": round(os.getloadavg()[0], 1),
        "signaltree": version(options.kernel, "--version"),
        "rustc": version("rustc", "--version"),
        "ipykernel": f"{package('ipykernel')}, Python {platform.python_version()}, jupyter_client {package('jupyter_client')}",
        "evcxr_jupyter": version(options.evcxr, "--version") if options.evcxr else "not found",
    }


def write_results(options, table, described, measured):
    options.results.mkdir(parents=True, exist_ok=True)
    stem = options.results / described["date"]
    heading = "\n".join(f"- {name}: {value}" for name, value in described.items())
    stem.with_suffix(".md").write_text(f"# Kernel comparison\n\n{heading}\n\n{table.markdown()}\n")
    record = {"machine": described, "rows": table.rows, "measured": measured}
    stem.with_suffix(".json").write_text(json.dumps(record, indent=1, ensure_ascii=False, default=str) + "\n")
    print(f"\nwritten: {os.path.relpath(stem)}.md and .json")


def main():
    options = arguments()
    wanted = [name for name in options.only.split(",") if name] or list(ROWS)
    unknown = set(wanted) - set(ROWS)
    if unknown:
        sys.exit(f"no rows are called {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    if not options.kernel.exists():
        sys.exit(f"no kernel at {options.kernel}: cargo build --release --workspace")
    if not options.harness.exists():
        print(f"no harness at {options.harness}: give it with --harness or KBENCH; its rows are left out", file=sys.stderr)
    if not options.evcxr:
        print("no evcxr_jupyter on PATH: give it with --evcxr; its figures are left out", file=sys.stderr)
    described = machine(options)
    table = Table()
    with tempfile.TemporaryDirectory(prefix="compare-") as name:
        folder = pathlib.Path(name)
        private_jupyter(folder)
        install_kernels(folder, options)
        run = Comparison(options, folder)
        for row in wanted:
            try:
                ROWS[row](run, table)
            except Exception as error:  # one broken measurement must not hide the others
                table.add(row, "", None, None, note=f"{type(error).__name__}: {error}")
    print("\n" + table.markdown())
    if not options.no_results:
        write_results(options, table, described, run.measured)
    return 0 if all(row["met"] for row in table.rows) else 1


if __name__ == "__main__":
    sys.exit(main())
