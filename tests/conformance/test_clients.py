"""Several clients at once, one of them stalled, and what is answered while a cell runs or compiles."""

import os
import time
import unittest

import zmq
from wire import Client, end_kernel, resident_mb, start_kernel

COMPILER_START = 300
MEGABYTE = 1024 * 1024


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager = start_kernel(SIGNALTREE_TEST_COMM="1")
        cls.one = Client(cls.manager).ready()
        cls.two = Client(cls.manager).ready()
        asked = cls.one.execute("let warm_up = { 1 };")
        cls.one.reply(asked, seconds=COMPILER_START)

    @classmethod
    def tearDownClass(cls):
        cls.one.close()
        cls.two.close()
        end_kernel(cls.manager)

    def setUp(self):
        self.one.settle(0.1)
        self.two.settle(0.1)

    def open_echo(self, client):
        comm = f"echo-{time.monotonic_ns()}"
        client.send("comm_open", {"comm_id": comm, "target_name": "kbench.echo", "data": {}})
        client.wait("iopub", lambda message: message[0] == "comm_msg" and message[2]["comm_id"] == comm)
        return comm

    def echo(self, client, comm, number):
        client.send("comm_msg", {"comm_id": comm, "data": {"op": "echo", "n": number}})
        client.wait("iopub", lambda message: message[0] == "comm_msg" and message[2]["data"].get("n") == number)

    # ---- two clients

    def test_replies_go_to_who_asked_and_output_to_both(self):
        asked = {client: client.execute(f'println!("{name}");') for client, name in ((self.one, "one"), (self.two, "two"))}
        for client, name in ((self.one, "one"), (self.two, "two")):
            self.assertEqual(client.reply(asked[client])[1]["status"], "ok")
            for reader in (self.one, self.two):
                seen = reader.output(asked[client])
                self.assertEqual([m[0] for m in seen], ["status", "execute_input", "stream", "status"])
                self.assertEqual(seen[2][2]["text"], f"{name}\n")
        for client in (self.one, self.two):
            self.assertFalse(client.sockets["shell"].poll(200), "a reply to the other client")

    def test_one_interrupts_what_the_other_runs(self):
        asked = self.one.execute("while !interrupted() { std::thread::sleep(std::time::Duration::from_millis(5)); }")
        self.two.wait("iopub", lambda message: message[0] == "execute_input" and message[1] == asked)
        time.sleep(1)
        self.assertEqual(self.two.request("interrupt_request", channel="control")["status"], "ok")
        self.assertEqual(self.one.reply(asked)[1]["status"], "error")

    def test_a_question_reaches_only_who_runs_the_cell(self):
        asked = self.two.execute('input("name? ")?', allow_stdin=True)
        question = self.two.wait("stdin", lambda message: message[0] == "input_request")
        self.assertEqual((question[1], question[2]["prompt"]), (asked, "name? "))
        self.assertFalse(self.one.sockets["stdin"].poll(200), "the other client was asked")
        self.two.send("input_reply", {"value": "Ada", "status": "ok"}, "stdin")
        self.assertEqual(self.two.reply(asked)[1]["status"], "ok")
        self.assertIn("Ada", str(self.two.output(asked)))

    def test_a_client_that_goes_takes_nothing_with_it(self):
        third = Client(self.manager).ready()
        asked = third.execute('std::thread::sleep(std::time::Duration::from_millis(700)); println!("done");')
        self.one.wait("iopub", lambda message: message[0] == "execute_input" and message[1] == asked)
        third.close()
        self.assertIn("done", str(self.one.output(asked)))
        self.assertEqual(self.one.reply(self.one.execute("1 + 1"))[1]["status"], "ok")

    # ---- a subscriber that does not read

    def test_a_stalled_subscriber_costs_nobody_anything(self):
        count, size, rounds = 200, MEGABYTE // 4, 8
        stalled = zmq.Context.instance().socket(zmq.SUB)
        self.addCleanup(stalled.close, linger=0)
        stalled.set_hwm(1)
        stalled.setsockopt(zmq.RCVBUF, 65536)
        stalled.setsockopt(zmq.SUBSCRIBE, b"")
        stalled.connect(self.one.address("iopub"))
        comm = self.open_echo(self.one)
        time.sleep(0.5)
        before = resident_mb(self.manager.provisioner.pid)
        largest = before
        for _ in range(rounds):
            asked = self.one.send("comm_msg", {"comm_id": comm, "data": {"op": "burst", "count": count, "size": size}})
            for number in range(count):
                message = self.one.wait("iopub", lambda message: message[1] == asked and message[0] == "comm_msg")
                self.assertEqual((message[2]["data"]["i"], len(message[3][0])), (number, size))
            largest = max(largest, resident_mb(self.manager.provisioner.pid))
        self.assertLess(largest - before, 64 + 16, "megabytes for a client that does not read")
        # A cell's output is complete for who reads.
        asked = self.one.execute('for i in 0..5000 { println!("line {i}"); }')
        text = "".join(message[2]["text"] for message in self.one.output(asked, 60) if message[0] == "stream")
        self.assertEqual(len(text.splitlines()), 5000)

    # ---- while a cell runs, while a cell compiles

    REQUESTS = {
        "kernel_info_request": {},
        "complete_request": {"code": "open_w", "cursor_pos": 6},
        "inspect_request": {"code": "open", "cursor_pos": 4, "detail_level": 0},
        "is_complete_request": {"code": "1 + "},
        "history_request": {"hist_access_type": "tail", "n": 3, "output": False, "raw": True},
        "comm_info_request": {},
    }

    def answered_meanwhile(self, cell, ready):
        """All requests and an echo, asked and answered before the cell ends."""
        comm = self.open_echo(self.two)
        asked = self.one.execute(cell)
        ready(asked)
        self.assertFalse(self.one.sockets["shell"].poll(0), "the cell ended before it was asked")
        began = time.monotonic()
        for kind, content in self.REQUESTS.items():
            reply = self.two.request(kind, content)
            self.assertIn(reply["status"], ("ok", "incomplete"), kind)
            if kind == "complete_request":
                self.assertIn("open_with", str(reply["matches"]))
            if kind == "inspect_request":
                self.assertTrue(reply["found"])
        self.echo(self.two, comm, 7)
        spent = time.monotonic() - began
        self.assertFalse(self.one.sockets["shell"].poll(0), "the answers came with the end of the cell")
        self.assertEqual(self.one.reply(asked, seconds=120)[1]["status"], "ok")
        return spent

    def test_everything_is_answered_while_a_cell_runs(self):
        cell = 'println!("runs"); std::thread::sleep(std::time::Duration::from_secs(3));'
        running = lambda asked: self.one.wait("iopub", lambda message: message[0] == "stream" and message[1] == asked)
        self.assertLess(self.answered_meanwhile(cell, running), 2)

    def test_everything_is_answered_while_a_cell_compiles(self):
        first = 1 + os.getpid() % 500
        uses = "\n".join(
            f'total += format!("{{:?}}", std::collections::BTreeMap::<[u8; {n}], String>::from_iter([([0u8; {n}], String::new())])).len();'
            for n in range(first, first + 60)
        )
        compiling = lambda asked: (self.one.wait("iopub", lambda message: message[1] == asked), time.sleep(0.3))
        self.answered_meanwhile(f"{{ let mut total = 0; {uses} assert!(total > 0); }}", compiling)


if __name__ == "__main__":
    unittest.main()
