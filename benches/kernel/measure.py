"""What the harness does not measure: single requests, what is answered while a cell compiles, interrupts, memory.

Kernels that are compared are alive at the same time and take turns request by request, so that what
else the machine does meets both.
"""

import os
import statistics
import time
from contextlib import ExitStack

from client import Kernel, NoAnswer

DIRECT_CALL = "Region::rectangle(0, 0, 16, 16)"
# Known to every Rust kernel and to ours before any compiler: (code, part of a match).
COMPLETION = "open_w"

PYTHON_ECHO = """
from comm import get_comm_manager
def _target(comm, _):
    def answer(message):
        wanted = message["content"]["data"]
        if wanted.get("op") == "burst":
            block = bytes(wanted["size"])
            for i in range(wanted["count"]):
                comm.send({"op": "burst", "i": i}, buffers=[block])
        else:
            comm.send(wanted, buffers=[bytes(part) for part in message.get("buffers", [])])
    comm.on_msg(answer)
    comm.send({"op": "opened"})
get_comm_manager().register_target("kbench.echo", _target)
"""


def milliseconds(seconds):
    values = sorted(1e3 * value for value in seconds)
    return {"n": len(values), "median": round(statistics.median(values), 3), "min": round(values[0], 3), "max": round(values[-1], 3)}


def spread(values):
    return {"n": len(values), "median": round(statistics.median(values), 1), "min": round(min(values), 1), "max": round(max(values), 1)}


def expect_ok(run):
    if run.reply.get("status") != "ok":
        raise NoAnswer(f"a cell of the measurement failed: {run.text}")
    return run


def warm_up(kernel):
    """Waits for the compiler, so that its start does not compete with what is measured."""
    expect_ok(kernel.run("let warm_up = { 1 };", seconds=300))
    time.sleep(1)
    kernel.settle()


def direct_cells(ours, python, times):
    """Round trip (reply and idle) of a cell with one API call, of `1 + 1`, and of ipykernel's `1+1`."""
    cells = {"call": (ours, DIRECT_CALL), "sum": (ours, "1 + 1"), "python": (python, "1+1")}
    seen = {name: [] for name in cells}
    for _ in range(times + 3):
        for name, (kernel, code) in cells.items():
            seen[name].append(expect_ok(kernel.run(code)).seconds)
            kernel.settle(0.02)
    return {name: milliseconds(values[3:]) for name, values in seen.items()}


def compiled_cells(ours, evcxr, times):
    """Round trip of `1 + 1` through rustc, in turns; evcxr_jupyter compiles every cell."""
    cells = {"ours": (ours, "{ 1 + 1 }"), "evcxr": (evcxr, "1+1")}
    seen = {name: [] for name in cells}
    for _ in range(times + 3):
        for name, (kernel, code) in cells.items():
            seen[name].append(expect_ok(kernel.run(code)).seconds)
            kernel.settle(0.02)
    return {name: milliseconds(values[3:]) for name, values in seen.items()}


def comms(ours, python, times):
    """Echoes of 0 B and 256 KiB, and bursts of 200 x 256 KiB."""
    expect_ok(python.run(PYTHON_ECHO))
    pairs = {"ours": ours, "python": python}
    opened = {name: kernel.open_comm("kbench.echo") for name, kernel in pairs.items()}
    found = {"opened": opened}
    for label, size in (("echo_0", 0), ("echo_256KiB", 256 * 1024)):
        seen = {name: [] for name in pairs}
        for number in range(times + 3):
            buffer = os.urandom(size) if size else None
            for name, kernel in pairs.items():
                seen[name].append(kernel.echo(opened[name], number, buffer))
        found[label] = {name: milliseconds(values[3:]) for name, values in seen.items()}
    seen = {name: [] for name in pairs}
    for _ in range(7):
        for name, kernel in pairs.items():
            kernel.settle(0.05)
            seen[name].append(kernel.burst(opened[name], 200, 256 * 1024))
    found["burst"] = {name: spread(values) for name, values in seen.items()}
    return found


def probes(kernel, comm, number, completion):
    """Requests that must never wait, sent together: seconds by name."""
    question = {"code": completion, "cursor_pos": len(completion)}
    began = time.perf_counter()
    sent = {
        "kernel_info": kernel.send("shell", "kernel_info_request"),
        "complete": kernel.send("shell", "complete_request", question),
    }
    found = {}
    if comm:
        found["comm"] = kernel.echo(comm, number)
    for name, asked in sent.items():
        found[name] = kernel.answer(asked)[0] - began
    return found


def gathered(rounds):
    return {name: milliseconds([found[name] for found in rounds]) for name in rounds[0]} if rounds else {}


def idle_probes(kernel, comm, completion, times):
    rounds = []
    for number in range(times):
        rounds.append(probes(kernel, comm, 10_000 + number, completion))
        time.sleep(0.02)
    return gathered(rounds[2:])


def busy_probes(kernel, comm, completion, cell, delay, started=None):
    """The same while `cell` runs; ends with it, or when it prints `started` (then it no longer compiles)."""
    kernel.settle()
    asked, began = kernel.submit(cell)
    time.sleep(delay)
    rounds = []

    def over():
        return any(
            message["parent_header"].get("msg_id") == asked
            and (message["msg_type"] == "execute_reply" or (started and started in message["content"].get("text", "")))
            for _, _, message in kernel.arrived
        )

    # A request sent before the end counts however late its answer came.
    while not over() and len(rounds) < 60:
        rounds.append(probes(kernel, comm, 20_000 + len(rounds), completion))
        kernel.receive(0.05)
    return gathered(rounds), expect_ok(kernel.finish(asked, began, 300)).seconds


def compiled_cell_of_seconds(seed):
    """A cell whose compilation takes seconds and whose run takes none: many instances of generic code."""
    uses = "\n".join(
        f"total += format!(\"{{:?}}\", std::collections::BTreeMap::<[u8; {seed + n}], String>::from_iter([([0u8; {seed + n}], String::new())])).len();"
        for n in range(80)
    )
    return f"{{ println!(\"compiled\"); let mut total = 0; {uses} println!(\"{{total}}\"); }}"


def never_blocked(ours, comm, times):
    """Our kernel while a cell runs and while one compiles, beside its own idle times."""
    found = {"idle": idle_probes(ours, comm, COMPLETION, times)}
    sleep = 'std::thread::sleep(std::time::Duration::from_millis(4000));'
    found["running"], _ = busy_probes(ours, comm, COMPLETION, sleep, 1.5)
    found["compiling"], found["compile_seconds"] = busy_probes(
        ours, comm, COMPLETION, compiled_cell_of_seconds(1 + int(time.time()) % 500), 0.3, started="compiled"
    )
    return found


def blocked_python(python, comm, times):
    """ipykernel while a cell sleeps: how long a request waits, beside its idle time."""
    found = {"idle": idle_probes(python, comm, "import os; os.pa", times)}
    found["running"], _ = busy_probes(python, comm, "import os; os.pa", "import time; time.sleep(3)", 0.5)
    return found


def blocked_evcxr(evcxr, times):
    completion = "let s = String::new(); s.is_em"
    evcxr.request("complete_request", {"code": completion, "cursor_pos": len(completion)})
    found = {"idle": idle_probes(evcxr, None, completion, times)}
    sleep = "std::thread::sleep(std::time::Duration::from_millis(3000));"
    found["running"], _ = busy_probes(evcxr, None, completion, sleep, 0.6)
    found["compiling"], found["compile_seconds"] = busy_probes(
        evcxr, None, completion, compiled_cell_of_seconds(1 + int(time.time()) % 500), 0.3, started="compiled"
    )
    return found


def interrupts(name, folder, times):
    """interrupt_request to idle while a cell computes a whole scan; then whether variables and tree are there."""
    waits, kept, statuses = [], True, set()
    with Kernel(name, folder=folder) as kernel:
        for code in (
            'let scan = open("strained_grain.zspy")?;',
            "let flat = scan.subtract_background(RadialMedian::default())?;",
        ):
            expect_ok(kernel.run(code))
        for turn in range(times):
            # A radius no earlier turn had, so that no result is there yet.
            radius = 3.0 + 0.1 * turn
            expect_ok(
                kernel.run(f"let peaks = flat.find_peaks(NormalizedCorrelation {{ radius: Some({radius:.1}), ..default() }})?;")
            )
            expect_ok(
                kernel.run(
                    "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), ..default() })?;"
                )
            )
            kernel.settle()
            asked, began = kernel.submit("strain.compute()?;")
            # Long before its end, which is some 0.4 s on two cores.
            time.sleep(0.15)
            sent = time.perf_counter()
            kernel.send("control", "interrupt_request")
            run = kernel.finish(asked, began)
            statuses.add(run.reply["status"])
            waits.append(began + run.seconds - sent)
            named = kernel.run("println!(\"{}\", tree()?)").text
            kept &= all(node in named for node in ("scan", "flat", "peaks", "strain"))
            kept &= kernel.run("scan.shape()?").reply["status"] == "ok"
    return {"wait": milliseconds(waits), "kept": kept, "statuses": sorted(statuses)}


def memory_of_direct_cells(name, folder):
    """Resident megabytes with nothing warmed: at rest, after cells of API calls, after a widget was shown."""
    found = {}
    with Kernel(name, {"SIGNALTREE_PREWARM": "off"}, folder) as kernel:
        found["at_rest"] = round(kernel.memory(), 1)
        for code in (
            "1 + 1",
            "let width = 16;",
            "Region::rectangle(0, 0, 16, 16)",
            'let scan = open("strained_grain.zspy")?;',
            "scan.shape()?",
            "let flat = scan.subtract_background(RadialMedian::default())?;",
            "let peaks = flat.find_peaks(NormalizedCorrelation::default())?;",
            "let strain = peaks.strain_map(StrainMap { reference: Region::rectangle(0, 0, 16, 16), ..default() })?;",
            'println!("{width}");',
            "tree()?",
        ):
            expect_ok(kernel.run(code, seconds=30))
        time.sleep(0.5)
        found["direct_cells"] = round(kernel.memory(), 1)
        expect_ok(kernel.run("flat", seconds=60))
        time.sleep(2)
        found["with_a_widget"] = round(kernel.memory(), 1)
    return found


# The first compiled cell of a kernel, by what it asks for, and the status it ends with.
FIRST_CELLS = {
    "value": ("{ 1 + 1 }", "ok"),
    "closure": (
        'let scan = open("strained_grain.zspy")?;\nlet root = scan.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?;',
        "ok",
    ),
    "function": ("fn area(r: f64) -> f64 { 3.14 * r * r }\nfor i in 0..3 { println!(\"{}\", area(i as f64)); }", "ok"),
    "wrong name": ("for i in 0..3 { println!(\"{}\", radios); }", "error"),
    "list": ("let squares = (0..5).map(|i| i * i).collect::<Vec<i32>>();", "ok"),
}


def first_cells(name, folder, times, idle):
    """Seconds of the first compiled cell, each in a kernel of its own: sent as soon as the kernel answers, and after
    `idle` seconds in which nobody asked for anything."""
    found = {}
    for what, (code, status) in FIRST_CELLS.items():
        found[what] = {"at_once": [], "after_idle": []}
        for moment, pause in (("at_once", 0), ("after_idle", idle)) * times:
            with Kernel(name, folder=folder) as kernel:
                time.sleep(pause)
                run = kernel.run(code, seconds=300)
                if run.reply.get("status") != status:
                    raise NoAnswer(f"the first cell, {what}, ended with {run.reply}: {run.text}")
                found[what][moment].append(run.seconds)
    return {what: {moment: milliseconds(seconds) for moment, seconds in moments.items()} for what, moments in found.items()}


def memory_at_rest(name):
    with Kernel(name) as kernel:
        time.sleep(1)
        return round(kernel.memory(), 1)


def launches(names, times):
    """Start of the process to the first kernel_info_reply, in turns."""
    seen = {name: [] for name in names}
    for _ in range(times):
        for name in names:
            kernel = Kernel(name)
            seen[name].append(kernel.start())
            kernel.stop()
    return {name: milliseconds(values) for name, values in seen.items()}


def together(*names, folder=None):
    """Kernels that are alive at the same time; ended by the `ExitStack` that is returned first."""
    held = ExitStack()
    try:
        return held, [held.enter_context(Kernel(name, folder=folder)) for name in names]
    except BaseException:
        held.close()
        raise
