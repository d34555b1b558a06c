"""A client that writes and reads the frames itself, so that it can also write what no client should."""

import hashlib
import hmac
import json
import os
import subprocess
import time
import uuid

import zmq
from jupyter_client.manager import KernelManager

KERNEL = os.environ.get("SIGNALTREE_KERNEL", "signaltree")
DELIMITER = b"<IDS|MSG>"
PATIENCE = 20


def start_kernel(name=KERNEL, **environment):
    """A kernel that nobody has spoken to yet."""
    manager = KernelManager(kernel_name=name)
    # It logs a line for each message it drops.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    manager.start_kernel(env={**os.environ, **environment}, **quiet)
    return manager


def end_kernel(manager):
    if manager.is_alive():
        manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def pack(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class Client:
    """One client with all sockets of its own; several may be connected to one kernel."""

    def __init__(self, manager, subscribe=True):
        self.manager = manager
        self.connection = manager.get_connection_info()
        self.key = self.connection["key"]
        self.session = uuid.uuid4().hex
        self.context = zmq.Context.instance()
        self.sockets = {name: self.socket(zmq.DEALER, name) for name in ("shell", "control", "stdin")}
        self.sockets["heartbeat"] = self.socket(zmq.DEALER, "hb")
        self.sockets["iopub"] = self.socket(zmq.SUB, "iopub")
        if subscribe:
            self.sockets["iopub"].setsockopt(zmq.SUBSCRIBE, b"")
        self.waiting = {name: [] for name in self.sockets}

    def address(self, name):
        return f"{self.connection['transport']}://{self.connection['ip']}:{self.connection[name + '_port']}"

    def socket(self, kind, name):
        socket = self.context.socket(kind)
        socket.linger = 0
        socket.set_hwm(0)
        socket.connect(self.address(name))
        return socket

    def close(self):
        for socket in self.sockets.values():
            socket.close()

    def header(self, kind, **changes):
        header = {
            "msg_id": uuid.uuid4().hex,
            "session": self.session,
            "username": "test",
            "date": "2026-01-01T00:00:00Z",
            "msg_type": kind,
            "version": "5.4",
        }
        header.update(changes)
        return {name: value for name, value in header.items() if value is not None}

    def sign(self, parts):
        digest = hmac.new(self.key if isinstance(self.key, bytes) else self.key.encode(), digestmod=hashlib.sha256)
        for part in parts:
            digest.update(part)
        return digest.hexdigest().encode()

    def frames(self, header, parent=None, metadata=None, content=None, buffers=()):
        """Signed frames; each part may be given as bytes that are no JSON at all."""
        given = ({} if part is None else part for part in (header, parent, metadata, content))
        parts = [pack(part) for part in given]
        return [DELIMITER, self.sign(parts), *parts, *buffers]

    def raw(self, frames, channel="shell"):
        self.sockets[channel].send_multipart(frames)

    def send(self, kind, content=None, channel="shell", buffers=(), **changes):
        """Sends a message and returns its id."""
        header = self.header(kind, **changes)
        self.raw(self.frames(header, content=content, buffers=buffers), channel)
        return header.get("msg_id")

    def read(self, channel, seconds):
        """The next message of a channel as (type, parent id, content, buffers), or None."""
        if not self.sockets[channel].poll(max(0, seconds) * 1000):
            return None
        frames = self.sockets[channel].recv_multipart()
        parts = frames[frames.index(DELIMITER) + 2 :]
        header, parent, _, content = (json.loads(part) for part in parts[:4])
        return header["msg_type"], parent.get("msg_id"), content, parts[4:]

    def wait(self, channel, wanted, seconds=PATIENCE):
        """The first message for which `wanted` holds; what else arrives is kept for later."""
        for position, message in enumerate(self.waiting[channel]):
            if wanted(message):
                return self.waiting[channel].pop(position)
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            message = self.read(channel, left)
            if message is None:
                break
            if wanted(message):
                return message
            self.waiting[channel].append(message)
        raise AssertionError(f"nothing like that came on {channel} within {seconds} s")

    def reply(self, asked, channel="shell", seconds=PATIENCE):
        """Type and content of the reply."""
        kind, _, content, _ = self.wait(channel, lambda message: message[1] == asked, seconds)
        return kind, content

    def request(self, kind, content=None, channel="shell", seconds=PATIENCE):
        """Content of the reply."""
        return self.reply(self.send(kind, content, channel), channel, seconds)[1]

    def execute(self, code, **options):
        content = {
            "code": code,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": True,
            **options,
        }
        return self.send("execute_request", content)

    def output(self, asked, seconds=PATIENCE):
        """Everything published for a request, up to its idle, in order."""
        seen = []
        end = time.monotonic() + seconds
        while True:
            message = self.wait("iopub", lambda message: message[1] == asked, end - time.monotonic())
            seen.append(message)
            if message[0] == "status" and message[2]["execution_state"] == "idle":
                return seen

    def settle(self, seconds=0.2):
        """Throws away what has arrived."""
        for channel in self.sockets:
            self.waiting[channel].clear()
            while self.sockets[channel].poll(seconds * 1000):
                self.sockets[channel].recv_multipart()

    def ready(self, seconds=PATIENCE):
        """Waits until replies and published messages both arrive."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            asked = self.send("kernel_info_request")
            self.reply(asked, seconds=end - time.monotonic())
            try:
                self.wait("iopub", lambda message: message[1] == asked, 0.3)
            except AssertionError:
                continue
            self.settle()
            return self
        raise AssertionError(f"the kernel was not ready within {seconds} s")


def resident_mb(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) / 1024
