"""Malformed and hostile messages, each 50 times: the kernel answers after each kind.

One kernel takes them all, one kind after the other. Where the specification asks for a reply (a request
with a readable header), each of the 50 must get one.
"""

import os
import random
import socket
import time
import unittest

from wire import DELIMITER, Client, end_kernel, resident_mb, start_kernel

TIMES = 50
SEED = 20_261_122


class Hostile(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.random = random.Random(SEED)
        cls.begin()

    @classmethod
    def tearDownClass(cls):
        cls.end()

    @classmethod
    def begin(cls):
        # No cell runs here but those that must not, so no compiler is started.
        cls.manager = start_kernel(SIGNALTREE_PREWARM="first-cell", SIGNALTREE_TEST_COMM="1")
        cls.client = Client(cls.manager).ready()
        cls.memory = resident_mb(cls.manager.provisioner.pid)

    @classmethod
    def end(cls):
        cls.client.close()
        end_kernel(cls.manager)

    def tearDown(self):
        """After each kind: shell and control answer, output is published, the process is the same."""
        try:
            self.client.settle(0.05)
            for channel in ("shell", "control"):
                reply = self.client.request("kernel_info_request", channel=channel)
                self.assertEqual(reply["status"], "ok", channel)
            self.client.output(self.client.send("comm_info_request"))
            self.assertTrue(self.manager.is_alive())
            grown = resident_mb(self.manager.provisioner.pid) - self.memory
            self.assertLess(grown, 400, "megabytes more than at the start")
            self.client.settle(0.05)
        except BaseException:
            # The next kind gets a kernel that works.
            self.end()
            self.begin()
            raise

    def raw(self, make, channel="shell"):
        for turn in range(TIMES):
            self.client.raw(make(turn), channel)

    def send(self, kind, contents, channel="shell", replies=True, statuses=("ok", "error"), **changes):
        """Sends each content in turns, fifty messages in all; `replies`: each must be answered."""
        asked = [self.client.send(kind, contents[turn % len(contents)], channel, **changes) for turn in range(TIMES)]
        for identifier in asked if replies else ():
            _, content = self.client.reply(identifier, channel, 60)
            self.assertIn(content.get("status"), statuses)

    # ---- frames

    def test_a_wrong_signature(self):
        def forged(turn):
            frames = self.client.frames(self.client.header("kernel_info_request"), content={})
            frames[1] = (b"0" * 64, b"", b"zz" * 32, frames[1][:-1] + b"g", b"\xff" * 64)[turn % 5]
            return frames

        self.raw(forged)
        self.assertEqual(self.client.sockets["shell"].poll(500), 0, "a forged message was answered")

    def test_no_delimiter(self):
        self.raw(lambda turn: [b"junk"] * (turn % 7 + 1))

    def test_too_few_frames(self):
        whole = self.client.frames(self.client.header("kernel_info_request"), content={})
        self.raw(lambda turn: whole[: turn % 5 + 1])

    def test_empty_frames(self):
        self.raw(lambda turn: [b""] * (turn % 9 + 1))
        self.raw(lambda turn: [b"", DELIMITER, *[b""] * (turn % 7)])

    def test_many_frames(self):
        self.raw(lambda turn: [os.urandom(3) for _ in range(2000)])
        self.send("comm_msg", [{"comm_id": "nobody", "data": {}}], replies=False, buffers=[b"x"] * 2000)

    def test_random_bytes(self):
        self.raw(lambda turn: [self.random.randbytes(self.random.randrange(300)) for _ in range(self.random.randrange(1, 9))])

    def test_random_bytes_with_a_valid_signature(self):
        def signed(turn):
            parts = [self.random.randbytes(self.random.randrange(300)) for _ in range(4)]
            return [DELIMITER, self.client.sign(parts), *parts]

        self.raw(signed)

    # ---- JSON

    def broken_part(self, *texts):
        """Each text in the place of each of the four parts, with a valid signature."""

        def message(turn):
            parts = [self.client.header("kernel_info_request"), {}, {}, {}]
            parts[turn % 4] = texts[turn // 4 % len(texts)]
            return self.client.frames(*parts)

        self.raw(message)

    def test_parts_that_are_not_json(self):
        self.broken_part(b"", b"{", b"nonsense", b'{"a": }', b"{} {}", b"\x00")

    def test_parts_of_another_type(self):
        self.broken_part(b"[]", b"7", b"null", b'"text"', b"true")

    def test_parts_that_are_not_utf8(self):
        self.broken_part(b'{"msg_id": "\xff\xfe"}', b"\xc3\x28", b'{"\xed\xa0\x80": 1}')

    def test_deeply_nested_json(self):
        self.broken_part(b"[" * 100_000, b'{"a":' * 100_000, b"[" * 100_000 + b"]" * 100_000)

    def test_numbers_beyond_all_types(self):
        self.broken_part(b'{"a": 1e999}', b'{"a": -99999999999999999999999999}', b'{"a": 1' + b"0" * 100_000 + b"}")

    # ---- headers

    def test_headers_without_the_necessary(self):
        self.send("kernel_info_request", [{}], replies=False, msg_id=None)
        self.send("kernel_info_request", [{}], replies=False, session=None, username=None, date=None, version=None)
        self.raw(lambda turn: self.client.frames({"msg_id": "only"}))
        self.raw(lambda turn: self.client.frames({"msg_type": "kernel_info_request", "msg_id": turn}))

    def test_other_protocol_versions(self):
        for version in ("99.0", "", "4", 7, [], "5.4; drop"):
            self.send("kernel_info_request", [{}], version=version)

    def test_huge_identifiers_and_repeated_ones(self):
        for identifier in ("x" * 1_000_000, "the same", "\u0000\u202e🔬"):
            for _ in range(TIMES):
                self.client.send("kernel_info_request", {}, msg_id=identifier)
            for _ in range(TIMES):
                self.assertEqual(self.client.reply(identifier)[1]["status"], "ok")

    # ---- contents

    def test_execute_requests_of_wrong_types(self):
        good = {"code": "", "silent": True, "store_history": False, "user_expressions": {}, "allow_stdin": False}
        wrong = [{"code": 7}, {"code": None}, {"code": ["1"]}, {"silent": "yes"}, {"user_expressions": [1]}, {"allow_stdin": {}}]
        self.send("execute_request", [{**good, **part} for part in wrong], statuses=("error", "aborted", "ok"))
        self.send("execute_request", [{}], statuses=("error", "aborted"))

    def test_cursors_outside_of_the_code(self):
        places = [-1, -(2**63), 2**63, 2**64, 1e300, 0.5, "3", None, [], 10_000]
        for kind in ("complete_request", "inspect_request"):
            self.send(kind, [{"code": "öpen_🔬w", "cursor_pos": place, "detail_level": place} for place in places])

    def test_numbers_outside_of_the_history(self):
        for kind in ("tail", "range", "search", "other", 7):
            numbers = [-1, 2**63, -(2**63), 1e300, "many", None, []]
            self.send(
                "history_request",
                [
                    {"hist_access_type": kind, "output": number, "raw": True, "n": number, "session": number}
                    | {"start": number, "stop": number, "pattern": "[" * 50 + "*" * 50, "unique": number}
                    for number in numbers
                ],
            )

    def test_is_complete_with_hostile_code(self):
        codes = ["(" * 50_000, "{[(" * 20_000, '"' * 9_999, "/*" * 50_000, "r" + "#" * 300, "\u0000\u202e", "!" * 50_000]
        codes += ["(" * 50_000 + ")" * 50_000, "[" * 50_000 + "]" * 50_000, "- " * 50_000 + "1", "a." * 50_000 + "b"]
        codes += ["&" * 50_000 + "a", "1 + " * 50_000 + "1", "{" * 50_000 + "}" * 50_000, "Vec<" * 50_000 + ">" * 50_000]
        self.send("is_complete_request", [{"code": code} for code in [*codes, 7, None]], statuses=("complete", "incomplete", "invalid", "unknown", "error"))
        for kind in ("complete_request", "inspect_request"):
            self.send(kind, [{"code": code, "cursor_pos": len(code), "detail_level": 1} for code in codes])

    def test_ten_megabytes_of_code(self):
        code = "let a = 1;\n" * 1_000_000
        kinds = [
            ("is_complete_request", {"code": code}),
            ("complete_request", {"code": code, "cursor_pos": len(code)}),
            ("inspect_request", {"code": code, "cursor_pos": 5, "detail_level": 0}),
        ]
        for turn in range(TIMES):
            kind, content = kinds[turn % len(kinds)]
            self.assertIn("status", self.client.request(kind, content))

    # ---- kinds of messages

    def test_unknown_types(self):
        self.send("no_such_request", [{}, {"code": "1"}], statuses=("error",))
        for kind in ("no_such_thing", "", "_request", "execute_request\n", "x" * 100_000):
            self.send(kind, [{}], replies=False)

    def test_answers_sent_as_requests(self):
        for kind in ("kernel_info_reply", "execute_reply", "status", "stream", "input_reply", "iopub_welcome"):
            self.send(kind, [{"status": "ok", "execution_state": "idle", "value": "x"}], replies=False)

    def test_control_messages_on_shell(self):
        for kind in ("interrupt_request", "debug_request", "create_subshell_request", "list_subshell_request"):
            self.send(kind, [{}, {"type": 7}, {"subshell_id": "none"}])

    def test_shell_messages_on_control(self):
        self.send("is_complete_request", [{"code": "1"}], "control", statuses=("complete", "error"))
        self.send("complete_request", [{"code": "op", "cursor_pos": 2}], "control")
        self.send("comm_msg", [{"comm_id": "nobody", "data": {}}], "control", replies=False)

    def test_answers_on_stdin_that_nobody_asked_for(self):
        self.send("input_reply", [{"value": "x"}, {"value": 7}, {}, {"status": "error"}], "stdin", replies=False)
        self.raw(lambda turn: [b"junk"] * (turn % 4 + 1), "stdin")

    # ---- comms

    def test_comms_of_an_unknown_target(self):
        asked = [f"unknown-{turn}" for turn in range(TIMES)]
        for comm in asked:
            self.client.send("comm_open", {"comm_id": comm, "target_name": "no.such.target", "data": {}})
        for comm in asked:
            self.client.wait("iopub", lambda message: message[0] == "comm_close" and message[2]["comm_id"] == comm, 30)

    def test_messages_to_an_unknown_comm_with_buffers(self):
        for kind in ("comm_msg", "comm_close"):
            contents = [{"comm_id": "nobody", "data": {"method": "update", "state": {}, "buffer_paths": [["x"]]}}]
            self.send(kind, contents, replies=False, buffers=[b"x" * 100_000])

    def test_comm_messages_without_the_necessary(self):
        for kind in ("comm_open", "comm_msg", "comm_close"):
            contents = [{}, {"comm_id": 7}, {"comm_id": None, "data": []}, {"data": {}}, {"comm_id": "a", "target_name": 7}]
            self.send(kind, contents, replies=False)

    def test_one_comm_opened_again_and_again(self):
        for target in ("kbench.echo", "jupyter.widget", "jupyter.widget.control", "no.such.target"):
            self.send("comm_open", [{"comm_id": "twice", "target_name": target, "data": {}}], replies=False)
            self.send("comm_close", [{"comm_id": "twice", "data": {}}], replies=False)

    def test_widget_comms_with_hostile_data(self):
        self.send("comm_open", [{"comm_id": "ctl", "target_name": "jupyter.widget.control", "data": {}}], replies=False)
        contents = [
            {"comm_id": "ctl", "data": data}
            for data in ({"method": 7}, {"method": "request_states", "extra": []}, [], 7, None, {"method": "update", "state": 7})
        ]
        self.send("comm_msg", contents, replies=False)
        self.send("comm_close", [{"comm_id": "ctl"}], replies=False)

    # ---- connections

    def test_bytes_that_are_no_zeromq(self):
        connection = self.client.connection
        greeting = b"\xff" + b"\x00" * 8 + b"\x7f\x03\x00NULL" + b"\x00" * 48
        texts = (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 200, greeting[:11], greeting, greeting + b"\xff" * 64, os.urandom(500), b"")
        for turn in range(TIMES):
            for name in ("shell", "iopub", "stdin", "control", "hb"):
                with socket.create_connection((connection["ip"], connection[f"{name}_port"]), timeout=5) as stream:
                    stream.sendall(texts[turn % len(texts)])

    def test_frames_longer_than_memory(self):
        """A frame that announces 2^62 bytes must not be waited for in memory."""
        connection = self.client.connection
        null = b"NULL".ljust(20, b"\0")
        greeting = b"\xff" + b"\x00" * 7 + b"\x01\x7f" + b"\x03\x00" + null + b"\x00" * 32
        ready = b"\x05READY" + b"\x0bSocket-Type\x00\x00\x00\x06DEALER" + b"\x08Identity\x00\x00\x00\x00"
        held = []
        for _ in range(TIMES):
            stream = socket.create_connection((connection["ip"], connection["shell_port"]), timeout=5)
            held.append(stream)
            stream.sendall(greeting + b"\x04" + bytes([len(ready)]) + ready + b"\x02" + (2**62).to_bytes(8, "big") + b"x" * 100)
        time.sleep(0.3)
        for stream in held:
            stream.close()

    def test_clients_that_come_and_go(self):
        for _ in range(TIMES):
            client = Client(self.manager)
            client.send("kernel_info_request")
            client.send("is_complete_request", {"code": "1"})
            client.close()

    def test_heartbeats_of_any_bytes(self):
        for turn in range(TIMES):
            beat = [self.random.randbytes(turn * 37) for _ in range(turn % 3 + 1)]
            self.client.raw([b"", *beat], "heartbeat")
            self.assertTrue(self.client.sockets["heartbeat"].poll(10_000))
            self.assertEqual(self.client.sockets["heartbeat"].recv_multipart(), [b"", *beat])


if __name__ == "__main__":
    unittest.main()
