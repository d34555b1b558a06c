"""The kernel as a process: it outlives what it should, and nothing more. No cell runs, so no compiler starts."""

import os
import signal
import subprocess
import sys
import time
import unittest

from jupyter_client.manager import start_new_kernel

KERNEL = os.environ.get("SIGNALTREE_KERNEL", "signaltree")
ENVIRONMENT = {**os.environ, "SIGNALTREE_PREWARM": "first-cell"}

# Starts a kernel, says its process id, and goes without a word to it.
LAUNCHER = """
import os, sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(kernel_name=sys.argv[1])
print(manager.provisioner.pid, flush=True)
os._exit(0)
"""


def runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


class Process(unittest.TestCase):
    def start(self):
        manager, client = start_new_kernel(kernel_name=KERNEL, env=ENVIRONMENT)
        self.addCleanup(lambda: manager.is_alive() and manager.shutdown_kernel(now=True))
        self.addCleanup(client.stop_channels)
        return manager, client

    def test_answers_before_any_compiler(self):
        began = time.monotonic()
        _, client = self.start()
        client.kernel_info()
        client.get_shell_msg(timeout=5)
        self.assertLess(time.monotonic() - began, 5)

    def test_survives_an_interrupt_signal(self):
        manager, client = self.start()
        os.kill(manager.provisioner.pid, signal.SIGINT)
        time.sleep(0.3)
        client.kernel_info()
        self.assertEqual(client.get_shell_msg(timeout=5)["content"]["status"], "ok")

    def test_ends_when_told(self):
        for end in ("shutdown", "SIGTERM"):
            with self.subTest(end):
                manager, client = self.start()
                pid = manager.provisioner.pid
                if end == "shutdown":
                    client.shutdown()
                else:
                    os.kill(pid, signal.SIGTERM)
                self.assertTrue(wait(lambda: not runs(pid), 2.5), "still running after 2.5 s")

    @unittest.skipUnless(sys.platform == "linux", "looks into /proc")
    def test_ends_with_its_parent(self):
        output = subprocess.run(
            [sys.executable, "-c", LAUNCHER, KERNEL], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, timeout=60
        ).stdout
        pid = int(output)
        self.addCleanup(lambda: runs(pid) and os.kill(pid, signal.SIGKILL))
        self.assertTrue(wait(lambda: not runs(pid), 5), "still running 5 s after its parent")

    def test_restarts(self):
        manager, client = self.start()
        before = manager.provisioner.pid
        manager.restart_kernel()
        client.wait_for_ready(timeout=30)
        self.assertNotEqual(manager.provisioner.pid, before)


if __name__ == "__main__":
    unittest.main()
