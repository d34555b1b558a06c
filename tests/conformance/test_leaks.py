"""Nothing accumulates: cells that run again and again, and views that open and close, leave the kernel as it was
after the first time: descriptors, nodes, journal, threads, memory. Every kernel here is a real process."""

import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import time
import unittest
from pathlib import Path

import numpy as np
from wire import Client, end_kernel, start_kernel

# A thousand take six minutes.
RUNS = int(os.environ.get("SIGNALTREE_LEAK_RUNS", "200"))
# Allocators keep pages, and the history keeps what was typed: so much may be more after all runs, in MB.
MORE_MEMORY = 12
# Runs until every thread has the pages its allocator keeps: 13 MB, 20 after 50 runs of a cell, 22 to 33 from 100 to 800.
WARM = 120
# Fewer runs are too slow for that: they have hardly a thread of their own.
SLOW = 40
# The pool of errands keeps the thread of the second that ran at once, whenever that was.
MORE_THREADS = 1
# A loaded cell is never unloaded, because closures and tables of it may be in use: MB for each.
MORE_MEMORY_PER_LOADED_CELL = 2.0
COMPILER_START = 300

# Two variables, and between them a node that no variable ever had.
CHAIN = """\
let s = open("s.npy")?;
let p = s.subtract_background(RadialMedian::default())?.find_peaks(LocalMaximum { min_distance: 4, ..default() })?;
"""


def anonymous_mb(pid):
    """Memory without the pages of mapped files, which the system takes back."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) / 1024


def without_numbers(text):
    """Ids of nodes and models differ from run to run, and with them the digits of a journal."""
    parents = r'"parents":\[[\d,\s]*\]'
    text = re.sub(parents, lambda found: re.sub(r"\d+", "0", found[0]), text)
    return re.sub(r'"(id|node|pid|model)":("[^"]*"|\d+)', r'"\1":0', text)


@unittest.skipUnless(sys.platform == "linux", "looks into /proc")
class Leaks(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        scan = np.random.default_rng(7).poisson(3, (4, 8, 64, 48)).astype("f4")
        np.save(self.folder / "s.npy", scan)
        # Files younger than a moment are not taken for unchanged.
        time.sleep(0.2)
        self.view = 0
        self.start()

    def start(self, compiler="off"):
        # The compiler takes some 300 MB while it starts.
        self.manager = start_kernel(
            SIGNALTREE_PREWARM=compiler,
            SIGNALTREE_JOURNAL=str(self.folder / "journal"),
            JPY_SESSION_NAME=str(self.folder / "session.ipynb"),
        )
        self.addCleanup(end_kernel, self.manager)
        self.client = Client(self.manager).ready()
        self.addCleanup(self.client.close)
        self.pid = self.manager.provisioner.pid

    def run_cell(self, code, cell=None, status="ok", seconds=60):
        """Everything a cell publishes."""
        code = code.replace('"s.npy"', json.dumps(str(self.folder / "s.npy")))
        code = code.replace('"out.zspy"', json.dumps(str(self.folder / "out.zspy")))
        header = self.client.header("execute_request")
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": True, "stop_on_error": True}
        metadata = {"cellId": cell} if cell else {}
        self.client.raw(self.client.frames(header, metadata=metadata, content={**content, "user_expressions": {}}))
        _, reply = self.client.reply(header["msg_id"], seconds=seconds)
        self.assertEqual(reply["status"], status, f"{code}: {reply.get('evalue')}")
        published = self.client.output(header["msg_id"])
        self.client.waiting["iopub"].clear()
        return published

    def tree(self):
        shown = self.run_cell("tree()?")
        text = next(content["data"]["text/plain"] for kind, _, content, _ in shown if kind == "execute_result")
        return [] if text == '""' else text.splitlines()

    def names(self):
        return [line.split()[0] for line in self.tree()]

    def journal(self):
        """Nodes and views in the journal of this kernel, once it is written."""
        last = None
        for _ in range(30):
            time.sleep(0.15)
            texts = [path.read_text() for path in (self.folder / "journal").glob("*.json")]
            own = [text for text in texts if f'"pid":{self.pid}' in text]
            if own and own == last:
                break
            last = own
        # A tree that was empty again before anything was written leaves none.
        journal = json.loads(without_numbers(last[0])) if last else {"nodes": [], "views": []}
        return [journal["nodes"], journal["views"]]

    def open_files(self):
        """What is open but the lock of the journal, which comes with the first tree that is written down."""
        folder = f"/proc/{self.pid}/fd"
        files = []
        for number in os.listdir(folder):
            # It may be closed meanwhile.
            with contextlib.suppress(FileNotFoundError):
                files.append(os.readlink(f"{folder}/{number}"))
        return [file for file in files if not file.startswith(str(self.folder / "journal"))]

    def counts(self):
        return {
            "descriptors": len(self.open_files()),
            "threads": len(os.listdir(f"/proc/{self.pid}/task")),
        }

    def state(self):
        return {**self.counts(), "tree": self.tree(), "journal": self.journal()}

    def settled(self, expected):
        """The state, once background work has ended: at most a few seconds."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            counts = self.counts()
            if all(counts[name] <= expected[name] for name in counts):
                break
            time.sleep(0.05)
        return self.state()

    def again(self, step, runs=RUNS, more_memory=MORE_MEMORY, looks=None):
        """Runs a step again and again, and compares with what was there after the first time."""
        # The first time starts threads that wait from then on, the second opens a file that is trusted now.
        for _ in range(2):
            step()
        time.sleep(0.5)
        first = self.state()
        for _ in range(runs if runs < SLOW else WARM):
            step()
        looks = looks or runs // 4
        memory = self.least_memory(step, looks)
        for _ in range(runs):
            step()
        grown = self.least_memory(step, looks) - memory
        last = self.settled(first)
        print(f"{self.id().split('.')[-1]}: {runs} runs, {grown:+.1f} MB", file=sys.stderr)
        for name, value in first.items():
            if name in self.counts():
                more = MORE_THREADS if name == "threads" else 0
                self.assertLessEqual(last[name], value + more, f"{name} after {runs} runs")
            else:
                self.assertEqual(last[name], value, f"{name} after {runs} runs")
        self.assertLess(grown, more_memory, f"MB more after {runs} runs")
        return first

    def least_memory(self, step, looks):
        """What the step leaves that leaves least: allocators hand pages back when they like, 21 to 33 MB over 700 runs of one cell."""
        return min((step(), anonymous_mb(self.pid))[1] for _ in range(looks))

    def ask(self, model, request):
        asked = self.client.send(
            "comm_msg", {"comm_id": model, "data": {"method": "custom", "content": request}}
        )
        answer = self.client.wait("iopub", lambda message: message[0] == "comm_msg" and message[1] == asked)
        return answer[2]["data"]["content"]

    def shown(self, published):
        """Model and node of the view a cell opened."""
        opened = next(content for kind, _, content, _ in published if kind == "comm_open")
        return opened["comm_id"], opened["data"]["state"]["node"]

    def frame(self, model, node, **more):
        self.view += 1
        frame_request = {"type": "frame", "view": self.view, "generation": 1, "node": node, "index": [2, 3], "component": 0}
        answer = self.ask(model, {**frame_request, "size_px": [64, 64], "detail": "settled", **more})
        self.assertEqual(answer["type"], "frame", answer)
        return answer

    def test_a_cell_that_shows_its_result_in_a_front_end_that_names_no_cells(self):
        first = self.again(lambda: self.run_cell(CHAIN + "p"))
        self.assertEqual(len(first["tree"]), 3)

    def test_a_cell_that_shows_its_result_in_jupyterlab(self):
        def step():
            model, node = self.shown(self.run_cell(CHAIN + "p", "cell-1"))
            self.ask(model, {"type": "hello", "request_id": 1, "protocol": 2})
            self.frame(model, node)

        first = self.again(step)
        self.assertEqual(len(first["tree"]), 3)
        # Killed, and the notebook opened again: the tree of the last run, and it goes as the cell runs.
        os.kill(self.pid, signal.SIGKILL)
        self.manager.provisioner.process.wait(10)
        self.start()
        self.run_cell("restore()?")
        self.assertEqual(self.tree(), first["tree"])
        for _ in range(3):
            step()
        self.assertEqual(self.tree(), first["tree"])

    def test_views_that_open_and_close(self):
        self.run_cell(CHAIN)

        def step():
            models = []
            for number in range(10):
                node = ["s", "p"][number % 2]
                model, node = self.shown(self.run_cell(node, f"cell-{number}"))
                self.frame(model, node)
                models.append(model)
            for model in models:
                asked = self.client.send("comm_close", {"comm_id": model, "data": {}})
                self.client.output(asked)

        self.again(step, runs=RUNS // 10)

    def test_a_view_that_holds_what_its_cell_replaced(self):
        self.run_cell(CHAIN, "cell-1")
        model, node = self.shown(self.run_cell("p", "cell-2"))
        self.again(lambda: self.run_cell(CHAIN, "cell-1"), runs=RUNS // 5)
        names = self.names()
        self.assertEqual(sorted(names)[:2], ["p", "p_earlier"])
        self.assertEqual(len(names), 6)
        self.frame(model, node)
        # The other cell runs again: nobody looks at the older ones any more.
        self.run_cell("p", "cell-2")
        self.assertEqual(len(self.tree()), 3)

    def test_drafts_and_regions(self):
        def step():
            code = 'let s = open("s.npy")?;\nlet b = s.virtual_image(Disk::default())?;\nb'
            model, node = self.shown(self.run_cell(code, "cell-1"))
            hello = self.ask(model, {"type": "hello", "request_id": 1, "protocol": 2})
            source = next(found["source"] for found in hello["tree"]["nodes"] if found["id"] == node)
            for radius in (3.0, 5.0, 7.0):
                self.frame(model, node, draft={"radius": radius})
            region = {"x0": 1, "y0": 0, "width": 3, "height": 2, "statistic": "mean"}
            self.frame(model, source, region=region)
            self.ask(model, {"type": "set_params", "request_id": 2, "node": node, "params": {"radius": 7.0}})
            navigator = {"type": "navigator", "view": 1, "generation": 1, "node": node}
            self.ask(model, navigator)

        self.again(step, runs=RUNS // 5)

    def test_a_cell_that_computes_and_saves(self):
        code = CHAIN + "let b = s.virtual_image(Disk::default())?;\nb.compute()?;\np.compute()?;\np.save(\"out.zspy\")?;\nb"
        self.again(lambda: self.run_cell(code, "cell-1"), runs=RUNS // 5)

    def test_a_cell_that_fails_half_way(self):
        code = CHAIN + 'open("missing.npy")?;'
        first = self.again(lambda: self.run_cell(code, "cell-1", "error"))
        self.assertIn("nothing is open yet", first["tree"][0])

    def test_variables_that_are_shadowed(self):
        code = 'let s = open("s.npy")?;\nlet s = s.subtract_background(RadialMedian::default())?;\nlet s = s.find_peaks(LocalMaximum::default())?;\ns'
        first = self.again(lambda: self.run_cell(code, "cell-1"))
        self.assertEqual(len(first["tree"]), 3)
        self.assertEqual(self.names(), ["s_earlier", "s_earlier_2", "s"])

    def test_outputs_that_are_cleared(self):
        self.run_cell(CHAIN)
        code = "display(&s);\nclear_output(true);\ndisplay(&p);\nclear_output(false);\ndisplay(&s);"
        self.again(lambda: self.run_cell(code, "cell-1"), runs=RUNS // 5)

    def test_compiled_cells(self):
        """Signals in a list, in a closure that stays, and captured by the closure of a node."""
        code = (
            CHAIN
            + """\
let list = vec![s.virtual_image(Disk::default())?, p.clone()];
let inside = list[0].clone();
let count: Box<dyn Fn() -> u32 + Send> = Box::new(move || inside.id());
let captured = p.clone();
let mapped = s.map(move |frame: Frame<f32>| { let _ = captured.id(); frame.mapv(|v| v + 1.0) })?;
mapped"""
        )
        end_kernel(self.manager)
        self.start(compiler="background")
        self.run_cell("let ready = std::collections::HashSet::from([1]);", seconds=COMPILER_START)
        runs = 10
        # Each step loads more: one look is one step.
        more = 2 * runs * MORE_MEMORY_PER_LOADED_CELL
        first = self.again(lambda: self.run_cell(code, "cell-1"), runs, more, looks=1)
        self.assertEqual(len(first["tree"]), 5)
        # A cell that needs no compiler takes the variables over.
        self.again(lambda: self.run_cell(CHAIN + "p", "cell-1"), runs=RUNS // 5)


if __name__ == "__main__":
    unittest.main()
