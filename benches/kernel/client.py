"""One kernel with one client that notes when each message arrived.

jupyter_client starts the kernel and signs; waiting is done on all sockets at once, so that a time is
the time of arrival and not the end of somebody's polling interval.
"""

import os
import subprocess
import time
from dataclasses import dataclass, field

import zmq
from jupyter_client.manager import KernelManager

PATIENCE = 120


class NoAnswer(Exception):
    """A message that should have come did not."""


@dataclass
class Run:
    """A cell: what came back, in the order in which IOPub published it."""

    reply: dict = field(default_factory=dict)
    published: list = field(default_factory=list)
    seconds: float = 0.0

    @property
    def text(self):
        parts = []
        for message in self.published:
            content = message["content"]
            if message["msg_type"] == "stream":
                parts.append(content["text"])
            elif message["msg_type"] in ("execute_result", "display_data"):
                parts.append(content["data"].get("text/plain", ""))
            elif message["msg_type"] == "error":
                parts.append(f"{content['ename']}: {content['evalue']}")
        return "".join(parts)


class Kernel:
    """A kernel process; `with Kernel(name) as kernel` ends it."""

    def __init__(self, name, environment=None, folder=None):
        self.manager = KernelManager(kernel_name=name)
        self.environment = {**os.environ, **(environment or {})}
        self.folder = folder
        self.arrived = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """Seconds from the start of the process to the first kernel_info_reply."""
        began = time.perf_counter()
        options = {"cwd": str(self.folder)} if self.folder else {}
        # What the kernels log would be printed between the rows.
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.manager.start_kernel(env=self.environment, **quiet, **options)
        self.client = self.manager.client()
        self.client.start_channels(hb=False)
        channels = {name: getattr(self.client, f"{name}_channel").socket for name in ("shell", "iopub", "stdin", "control")}
        self.sockets = channels
        self.names = {socket: name for name, socket in channels.items()}
        self.poller = zmq.Poller()
        for socket in channels.values():
            socket.set_hwm(0)
            self.poller.register(socket, zmq.POLLIN)
        asked = self.send("shell", "kernel_info_request")
        answered, _ = self.answer(asked)
        self.settle(0.3)
        return answered - began

    def stop(self):
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel(now=False)

    def send(self, channel, kind, content=None, buffers=None):
        message = self.client.session.msg(kind, content or {})
        self.client.session.send(self.sockets[channel], message, buffers=buffers)
        return message["header"]["msg_id"]

    def receive(self, seconds):
        """Whatever arrives within that time, as (moment, channel, message)."""
        got = []
        for socket, _ in self.poller.poll(seconds * 1000):
            while True:
                try:
                    _, message = self.client.session.recv(socket, zmq.NOBLOCK, copy=False)
                except ValueError:
                    # A reply to a message this session did not write properly: see the hostile messages.
                    continue
                if message is None:
                    break
                got.append((time.perf_counter(), self.names[socket], message))
        self.arrived += got
        return got

    def until(self, wanted, seconds=PATIENCE, what="an answer"):
        """The first message for which `wanted(channel, message)`, among those not looked at yet."""
        end = time.perf_counter() + seconds
        while True:
            for position, (moment, channel, message) in enumerate(self.arrived):
                if wanted(channel, message):
                    del self.arrived[position]
                    return moment, message
            left = end - time.perf_counter()
            if left <= 0:
                raise NoAnswer(f"{what} did not come within {seconds} s")
            self.receive(min(left, 0.5))

    def answer(self, asked, seconds=PATIENCE):
        """When the reply came, and the reply."""
        return self.until(
            lambda channel, message: channel in ("shell", "control") and parent(message) == asked, seconds, "the reply"
        )

    def request(self, kind, content=None, channel="shell", seconds=PATIENCE):
        """Seconds to the reply, and its content."""
        began = time.perf_counter()
        moment, message = self.answer(self.send(channel, kind, content), seconds)
        return moment - began, message["content"]

    def submit(self, code, **options):
        """Sends a cell and says when, without waiting for it."""
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **options,
        }
        return self.send("shell", "execute_request", content), time.perf_counter()

    def finish(self, asked, began, seconds=PATIENCE):
        """The cell once both its reply and its idle are there."""
        run = Run()
        end = time.perf_counter() + seconds
        idle = False
        while not (run.reply and idle):
            left = end - time.perf_counter()
            if left <= 0:
                raise NoAnswer(f"the cell did not end within {seconds} s; reply {run.reply}, idle {idle}")
            own = lambda _, message: parent(message) == asked
            moment, message = self.until(own, left, "the end of the cell")
            if message["msg_type"] == "execute_reply":
                run.reply = message["content"]
            else:
                run.published.append(message)
                idle = message["content"].get("execution_state") == "idle"
            run.seconds = moment - began
        return run

    def run(self, code, seconds=PATIENCE, **options):
        return self.finish(*self.submit(code, **options), seconds)

    def settle(self, quiet=0.1):
        """Reads until nothing comes any more, and forgets it."""
        while self.receive(quiet):
            pass
        self.arrived.clear()

    def open_comm(self, target, seconds=10):
        """The id of an open comm."""
        comm = f"bench-{time.time_ns()}"
        self.send("shell", "comm_open", {"comm_id": comm, "target_name": target, "data": {}})
        _, message = self.until(
            lambda _, message: message["content"].get("comm_id") == comm, seconds, f"an answer to comm_open of {target}"
        )
        if message["msg_type"] != "comm_msg":
            raise NoAnswer(f"the kernel knows no comm target {target}")
        return comm

    def echo(self, comm, number, buffer=None, seconds=PATIENCE):
        """Seconds until the echo of a comm message is here."""
        began = time.perf_counter()
        self.send(
            "shell", "comm_msg", {"comm_id": comm, "data": {"op": "echo", "n": number}}, buffers=[buffer] if buffer else None
        )
        moment, message = self.until(
            lambda _, message: message["msg_type"] == "comm_msg" and message["content"]["data"].get("n") == number,
            seconds,
            "the echo",
        )
        if buffer and bytes(message["buffers"][0]) != buffer:
            raise NoAnswer("the echo came back changed")
        return moment - began

    def burst(self, comm, count, size):
        """Megabytes per second of `count` messages with one buffer of `size` bytes each."""
        began = time.perf_counter()
        self.send("shell", "comm_msg", {"comm_id": comm, "data": {"op": "burst", "count": count, "size": size}})
        last, bytes_received, received = began, 0, 0
        while received < count:
            if time.perf_counter() - began > PATIENCE:
                raise NoAnswer(f"{received} of {count} messages of a burst came")
            self.receive(0.5)
            for moment, _, message in self.arrived:
                if message["msg_type"] == "comm_msg" and message["content"]["data"].get("op") == "burst":
                    last = moment
                    received += 1
                    bytes_received += len(message["buffers"][0])
            self.arrived.clear()
        return bytes_received / 1e6 / (last - began)

    def memory(self):
        """Resident megabytes of the kernel and of all processes it started."""
        total, waiting = 0, [self.manager.provisioner.pid]
        while waiting:
            process = waiting.pop()
            try:
                with open(f"/proc/{process}/status") as file:
                    lines = dict(line.split(":", 1) for line in file if ":" in line)
                total += int(lines["VmRSS"].split()[0]) / 1024
                for thread in os.listdir(f"/proc/{process}/task"):
                    with open(f"/proc/{process}/task/{thread}/children") as file:
                        waiting += [int(word) for word in file.read().split()]
            except (OSError, KeyError):
                continue
        return total


def parent(message):
    return message.get("parent_header", {}).get("msg_id")
