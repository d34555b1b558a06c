"""`signaltree install`, `prepare`, `doctor` and the inputs kept between kernels, with the real Jupyter of this Python."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import start_new_kernel

KERNEL = os.environ.get("SIGNALTREE_KERNEL", "signaltree")
PROGRAM = os.environ.get("SIGNALTREE_PROGRAM") or KernelSpecManager().get_kernel_spec(KERNEL).argv[0]


class Installed(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.environment = {
            **os.environ,
            "HOME": str(self.folder),
            "JUPYTER_DATA_DIR": str(self.folder / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.folder / "runtime"),
            "JUPYTER_CONFIG_DIR": str(self.folder / "config"),
            # The toolchain's own folders do not follow HOME.
            "CARGO_HOME": os.environ.get("CARGO_HOME", os.path.expanduser("~/.cargo")),
            "RUSTUP_HOME": os.environ.get("RUSTUP_HOME", os.path.expanduser("~/.rustup")),
            "SIGNALTREE_PREWARM": "off",
        }
        self.environment.pop("JUPYTER_PATH", None)
        self.environment.pop("VIRTUAL_ENV", None)
        self.environment.pop("CONDA_PREFIX", None)

    def run_program(self, *arguments, program=PROGRAM, expect=0, **environment):
        done = subprocess.run(
            [program, *arguments], env={**self.environment, **environment}, capture_output=True, text=True, timeout=120
        )
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def kernels(self, **environment):
        """What `jupyter kernelspec list` finds."""
        listed = subprocess.run(
            [sys.executable, "-m", "jupyter_client.kernelspecapp", "list", "--json"],
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(listed.stdout)["kernelspecs"]

    def test_a_kernel_is_installed_for_the_user_replaced_and_removed(self):
        self.run_program("install", "--no-prepare", "--user", "--name", "Grain-2", "--env", "SIGNALTREE_LOG=info")
        found = self.kernels()["grain-2"]
        self.assertTrue(pathlib.Path(found["resource_dir"]).is_relative_to(self.folder / "data"))
        self.assertEqual(found["spec"]["interrupt_mode"], "message")
        self.assertEqual(found["spec"]["env"]["SIGNALTREE_LOG"], "info")
        self.run_program("install", "--no-prepare", "--user", "--name", "grain-2", "--display-name", "Second")
        found = self.kernels()["grain-2"]
        self.assertEqual(found["spec"]["display_name"], "Second")
        self.assertNotIn("SIGNALTREE_LOG", found["spec"]["env"])
        self.run_program("uninstall", "--user", "--name", "grain-2")
        self.assertNotIn("grain-2", self.kernels())
        self.assertIn("no kernel named", self.run_program("uninstall", "--name", "grain-2", expect=1))
        self.assertIn("choose another", self.run_program("install", "--no-prepare", "--name", "a b", expect=1))

    def test_prefixes_and_environments(self):
        prefix = self.folder / "prefix"
        self.run_program("install", "--no-prepare", "--prefix", str(prefix))
        found = self.kernels(JUPYTER_PATH=str(prefix / "share/jupyter"))[KERNEL]
        self.assertEqual(found["resource_dir"], str(prefix / "share/jupyter/kernels/signaltree"))
        active = self.folder / "active"
        self.run_program("install", "--no-prepare", "--sys-prefix", VIRTUAL_ENV=str(active))
        self.assertTrue((active / "share/jupyter/kernels/signaltree/kernel.json").is_file())
        self.run_program("install", "--no-prepare", "--user", "--prefix", str(prefix), expect=2)

    def test_the_path_that_was_typed_is_kept_so_that_an_upgrade_reaches_jupyter(self):
        link = self.folder / "bin" / "signaltree"
        link.parent.mkdir()
        link.symlink_to(PROGRAM)
        self.run_program("install", "--no-prepare", "--name", "linked", program=str(link))
        self.assertEqual(self.kernels()["linked"]["spec"]["argv"][0], str(link))
        path = f"{link.parent}{os.pathsep}{os.environ['PATH']}"
        self.run_program("install", "--no-prepare", "--name", "by-name", program="signaltree", PATH=path)
        self.assertEqual(self.kernels()["by-name"]["spec"]["argv"][0], str(link))

    def test_installation_prepares_compiled_cells(self):
        cache = self.folder / "cache"
        self.environment.update(XDG_CACHE_HOME=str(cache), SIGNALTREE_PREWARM="background")
        self.run_program("install", "--no-prepare", "--name", "ready")
        _, said = self.doctor()
        self.assertIn("! cells are not prepared", said)
        self.assertIn("→ `signaltree prepare`", said)
        said = self.run_program("install", "--name", "ready")
        self.assertIn("preparing cells: compiling", said)
        (folder,) = cache.glob("signaltree/cells-*")
        self.assertIn(f"cells are prepared in {folder}", said)
        lines, said = self.doctor()
        self.assertTrue(any(line == f"✓ cells are prepared in {folder}" for line in lines), said)
        # What is there is not made again, and a kernel takes it as it is.
        (library,) = folder.glob("compiled/*/debug/deps/libsignaltree-*.rlib")
        made = library.stat().st_mtime_ns
        self.assertNotIn("preparing", self.run_program("prepare"))
        manager, client = self.start()
        for code in ("{ 1 + 1 }", "let list = vec![1 + 2];"):
            client.execute(code)
            reply = client.get_shell_msg(timeout=300)["content"]
            self.assertEqual(reply["status"], "ok", reply)
        manager.shutdown_kernel()
        self.assertEqual(library.stat().st_mtime_ns, made)
        self.assertEqual(sorted(part.name for part in folder.iterdir()), ["compiled", "crate"])

    def doctor(self, expect=0, **environment):
        said = self.run_program("doctor", "--python", sys.executable, expect=expect, **environment)
        return [line for line in said.splitlines() if line[:1] in "✓!✗"], said

    def test_the_doctor_finds_a_working_installation(self):
        self.run_program("install", "--no-prepare", "--user", "--name", "healthy")
        lines, said = self.doctor()
        self.assertFalse([line for line in lines if line.startswith("✗")], said)
        for words in ("JupyterLab 4", "anywidget 0.11", "jupyterlab-manager", 'kernel "healthy"', "starts in", "runtime folder"):
            self.assertTrue(any(words in line and line.startswith("✓") for line in lines), f"{words}\n{said}")
        # It leaves nothing behind.
        left = {entry.name for entry in self.folder.iterdir()} - {".ipython"}
        self.assertEqual(left, {"data"})

    def test_the_doctor_says_what_is_wrong_and_what_to_do(self):
        self.run_program("install", "--no-prepare", "--user", "--name", "lost")
        spec = self.folder / "data/kernels/lost/kernel.json"
        content = json.loads(spec.read_text())
        content["argv"][0] = str(self.folder / "signaltree")
        spec.write_text(json.dumps(content))
        lines, said = self.doctor(expect=1)
        self.assertTrue(any(line.startswith('✗ kernel "lost"') for line in lines), said)
        self.assertIn("→ `signaltree install --name lost` again", said)
        _, said = self.doctor(expect=1, SIGNALTREE_MEMORY_BUDGET="much")
        self.assertIn("give a number of bytes", said)
        _, said = self.doctor(expect=1, PATH="/nowhere", CARGO_HOME="/nowhere")
        self.assertIn("! no rustc on the path", said)
        said = self.run_program("doctor", expect=1, PATH="/nowhere")
        self.assertIn("✗ no Jupyter", said)

    def start(self, **environment):
        manager, client = start_new_kernel(kernel_name=KERNEL, env={**self.environment, **environment})
        self.addCleanup(lambda: manager.is_alive() and manager.shutdown_kernel(now=True))
        self.addCleanup(client.stop_channels)
        return manager, client

    def history(self, client, **asked):
        client.history(raw=True, output=False, **asked)
        while True:
            message = client.get_shell_msg(timeout=10)
            if message["msg_type"] == "history_reply":
                return message["content"]["history"]

    def test_the_inputs_of_a_kernel_are_there_in_the_next_one(self):
        # Nothing is evaluated: help needs no compiler.
        first, client = self.start()
        for code in ("?open", "?Signal"):
            client.execute(code)
        client.execute("?Region", silent=True)
        client.execute("?Region", store_history=False)
        client.execute("?Frame")
        self.assertEqual([row[2] for row in self.tail_of(client, 3)], ["?open", "?Signal", "?Frame"])
        first.shutdown_kernel()
        _, client = self.start()
        client.execute("?Region")
        rows = self.tail_of(client, 2, wait_for="?Region")
        self.assertEqual([row[2] for row in rows], ["?Frame", "?Region"])
        self.assertEqual(rows[1][0] - rows[0][0], 1)
        earlier = self.history(client, hist_access_type="range", session=-1, start=1, stop=3)
        self.assertEqual([row[1:] for row in earlier], [[1, "?open"], [2, "?Signal"]])
        found = self.history(client, hist_access_type="search", pattern="?S*", n=5)
        self.assertEqual([row[2] for row in found], ["?Signal"])
        _, client = self.start(SIGNALTREE_HISTORY="off")
        self.assertEqual(self.history(client, hist_access_type="tail", n=5), [])

    def tail_of(self, client, n, wait_for="?Frame"):
        # The cell that runs is the last entry as soon as it runs.
        for _ in range(200):
            rows = self.history(client, hist_access_type="tail", n=n)
            if rows and rows[-1][2] == wait_for:
                return rows
            # The first help of a kernel reads all pages.
            time.sleep(0.02)
        self.fail(rows)


if __name__ == "__main__":
    unittest.main()
