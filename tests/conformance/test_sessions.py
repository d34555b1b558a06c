"""Whole sessions of the programs people drive kernels with: nbclient, papermill, jupyter console, jupyter run."""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import nbclient
import nbformat
import papermill
import pexpect
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from papermill.translators import Translator, papermill_translators

KERNEL = os.environ.get("SIGNALTREE_KERNEL", "signaltree")
BIN = Path(sys.executable).parent
# The first compiled cell may wait for the compiler; on a cold machine that builds the crate of cells.
PATIENCE = 120


class RustTranslator(Translator):
    """papermill has no Rust among its languages; this is what the manual tells its users to register."""

    @classmethod
    def translate_list(cls, value):
        return "[" + ", ".join(cls.translate(item) for item in value) + "]"

    @classmethod
    def comment(cls, text):
        return f"// {text}".strip()

    @classmethod
    def assign(cls, name, text):
        return f"let {name} = {text};"


def notebook(*cells):
    made = nbformat.v4.new_notebook()
    made.metadata.kernelspec = {"name": KERNEL, "display_name": "SignalTree (Rust)", "language": "rust"}
    made.cells = [nbformat.v4.new_code_cell(code) for code in cells]
    return made


class Sessions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = Path(cls.temporary.name)
        program = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
        subprocess.run([program, "sample", "strained-grain", cls.folder / "grain.zspy"], check=True, stdout=subprocess.DEVNULL)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def client(self, made, **options):
        options.setdefault("timeout", PATIENCE)
        return nbclient.NotebookClient(made, resources={"metadata": {"path": str(self.folder)}}, **options)


class UnixSockets(Sessions):
    def test_a_session_over_unix_sockets(self):
        manager = KernelManager(kernel_name=KERNEL, transport="ipc", ip=str(self.folder / "kernel"))
        manager.start_kernel(cwd=str(self.folder))
        self.addCleanup(manager.shutdown_kernel, now=True)
        client = manager.client()
        client.start_channels()
        self.addCleanup(client.stop_channels)
        client.wait_for_ready(timeout=PATIENCE)
        shown = []
        for number in range(100):
            client.execute_interactive(f"{number} + 1", timeout=PATIENCE, output_hook=shown.append)
        texts = [m["content"]["data"]["text/plain"] for m in shown if m["msg_type"] == "execute_result"]
        self.assertEqual(texts, [str(number + 1) for number in range(100)])
        # Larger than what a socket takes at once.
        reply = client.execute_interactive(
            f'let long = "{"x" * 3_000_000}";\nprintln!("{{}}", long);', timeout=PATIENCE, output_hook=shown.append
        )
        self.assertEqual(reply["content"]["status"], "ok")
        streamed = "".join(m["content"]["text"] for m in shown if m["msg_type"] == "stream")
        self.assertEqual(len(streamed), 3_000_001)
        manager.interrupt_kernel()
        self.assertEqual(client.kernel_info(reply=True, timeout=PATIENCE)["content"]["status"], "ok")


class Nbclient(Sessions):
    def test_outputs_are_stored_as_a_notebook_has_them(self):
        made = notebook(
            'let scan = open("grain.zspy")?;\nprintln!("open");',
            "scan",
            "{ 6 * 7 }",
            'display(&Markdown("**bold**"));\neprintln!("careful");',
        )
        self.client(made).execute()
        nbformat.validate(made)
        first, viewer, number, shown = (cell.outputs for cell in made.cells)
        self.assertEqual([(o.output_type, o.text) for o in first], [("stream", "open\n")])
        data = viewer[0].data
        self.assertIn("image/png", data)
        self.assertIn("scan", data["text/plain"])
        self.assertIn("application/vnd.jupyter.widget-view+json", data)
        self.assertEqual(number[0].data["text/plain"], "42")
        self.assertEqual(number[0].execution_count, 3)
        kinds = {o.output_type: o for o in shown}
        self.assertEqual(kinds["display_data"].data["text/markdown"], "**bold**")
        self.assertEqual((kinds["stream"].name, kinds["stream"].text), ("stderr", "careful\n"))

    def test_an_error_ends_the_notebook_and_is_stored(self):
        made = notebook("let a = 1;", 'open("nowhere.zspy")?;', 'println!("never");')
        with self.assertRaises(nbclient.exceptions.CellExecutionError) as caught:
            self.client(made).execute()
        self.assertIn("nowhere.zspy", str(caught.exception))
        self.assertEqual(made.cells[1].outputs[-1].output_type, "error")
        self.assertEqual(made.cells[2].outputs, [])

    def test_errors_may_be_allowed(self):
        made = notebook("let a = 1;", 'open("nowhere.zspy")?;', 'println!("{}", a + 1);')
        self.client(made, allow_errors=True).execute()
        self.assertEqual(made.cells[2].outputs[0].text, "2\n")

    def test_a_cell_that_takes_too_long_is_interrupted_and_the_next_one_runs(self):
        made = notebook(
            "let before = { 7 };",
            "while !interrupted() { std::thread::sleep(std::time::Duration::from_millis(5)); }",
            'println!("{}", { before });',
        )
        client = self.client(made, interrupt_on_timeout=True, allow_errors=True)
        with client.setup_kernel():
            client.execute_cell(made.cells[0], 0)
            client.timeout = 3
            client.execute_cell(made.cells[1], 1)
            client.timeout = PATIENCE
            client.execute_cell(made.cells[2], 2)
        self.assertEqual([o.output_type for o in made.cells[1].outputs], ["error"])
        self.assertEqual(made.cells[2].outputs[0].text, "7\n")

    def test_a_saved_result_is_reported_in_text(self):
        made = notebook(
            'let scan = open("grain.zspy")?;',
            'let image = scan.virtual_image(Rectangle::default())?;\nimage.save("image.zspy")?;',
        )
        self.client(made).execute()
        self.assertTrue((self.folder / "image.zspy").exists())
        for output in made.cells[1].outputs:
            self.assertNotEqual(output.output_type, "error")
            if output.output_type == "display_data":
                self.assertIn("text/plain", output.data)


class Papermill(Sessions):
    CELLS = (
        "let radius = 3.0;\nlet file = \"none\";",
        "let scan = open(file)?;\nlet flat = scan.subtract_background(RadialMedian::default())?;",
        "let peaks = flat.find_peaks(NormalizedCorrelation { radius: Some(radius), ..default() })?;",
        "println!(\"{radius} {}\", flat.id() > 0);",
    )

    def setUp(self):
        made = notebook(*self.CELLS)
        made.cells[0].metadata.tags = ["parameters"]
        nbformat.write(made, self.folder / "input.ipynb")

    def execute(self, parameters):
        papermill.execute_notebook(
            self.folder / "input.ipynb",
            self.folder / "output.ipynb",
            parameters=parameters,
            cwd=self.folder,
            progress_bar=False,
            execution_timeout=PATIENCE,
        )
        return nbformat.read(self.folder / "output.ipynb", as_version=4)

    def test_a_notebook_with_parameters(self):
        papermill_translators.register("rust", RustTranslator)
        done = self.execute({"radius": 4.5, "file": "grain.zspy"})
        injected = next(cell for cell in done.cells if "injected-parameters" in cell.metadata.tags)
        self.assertEqual(injected.source.splitlines()[1:], ["let radius = 4.5;", 'let file = "grain.zspy";'])
        self.assertEqual(done.cells[-1].outputs[0].text, "4.5 true\n")

    def test_a_cell_that_fails_is_marked_in_the_output_notebook(self):
        with self.assertRaises(papermill.PapermillExecutionError) as caught:
            self.execute(None)
        self.assertIn("none", caught.exception.evalue)
        done = nbformat.read(self.folder / "output.ipynb", as_version=4)
        self.assertTrue(any("error" in output.output_type for cell in done.cells for output in cell.get("outputs", [])))


class Terminal(Sessions):
    def test_jupyter_console(self):
        """A person types: results, an error, a cell of several lines, the end."""
        console = pexpect.spawn(
            str(BIN / "jupyter"),
            ["console", "--kernel", KERNEL, "--simple-prompt", "--ZMQTerminalInteractiveShell.kernel_timeout=60"],
            cwd=self.folder,
            env={**os.environ, "TERM": "dumb"},
            encoding="utf-8",
            timeout=PATIENCE,
        )
        self.addCleanup(console.close, force=True)
        console.expect(r"In \[1\]:")
        for line, answer in (
            ("{ 20 + 22 }", r"Out\[\d+\]:\s*42"),
            ('println!("printed");', "printed"),
            ('open("nowhere.zspy")?', "nowhere.zspy"),
            ('let scan = open("grain.zspy")?;', r"In \[\d+\]:"),
            ("scan.shape()?", "40, 56"),
            ("?open", "path"),
        ):
            console.sendline(line)
            console.expect(answer)
            if not answer.startswith("In"):
                console.expect(r"In \[\d+\]:")
        console.sendline('input("your name? ")?')
        console.expect("your name?")
        console.sendline("Ada")
        console.expect("Ada")
        console.expect(r"In \[\d+\]:")
        console.sendeof()
        console.expect([pexpect.EOF, r"\[y\]"])
        if console.isalive():
            console.sendline("y")
            console.expect(pexpect.EOF)

    def test_jupyter_run(self):
        script = self.folder / "script.rs"
        script.write_text('let scan = open("grain.zspy")?;\nprintln!("{:?}", scan.shape()?);\n')
        done = subprocess.run(
            [BIN / "jupyter", "run", "--kernel", KERNEL, script], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("40, 56", done.stdout)

    def test_jupyter_execute(self):
        nbformat.write(notebook("let a = { 41 };", 'println!("{}", a + 1);'), self.folder / "executed.ipynb")
        done = subprocess.run(
            [BIN / "jupyter", "execute", "--inplace", "executed.ipynb"], cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        made = nbformat.read(self.folder / "executed.ipynb", as_version=4)
        self.assertEqual(made.cells[1].outputs[0].text, "42\n")


if __name__ == "__main__":
    unittest.main()
