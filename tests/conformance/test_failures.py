"""What a cell or a closure can do wrong, through a real client: after each the next cell works, the tree
and the widgets are there, and the message says what was lost.

One kernel takes it all, in sequence: what one failure leaves behind would show in the next.
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from jupyter_client.kernelspec import KernelSpecManager
from wire import KERNEL, Client, end_kernel, start_kernel

# The first compiled cell waits for the compiler; on a cold machine it builds the crate cells use.
COMPILER_START = 300
# Compiling takes longer on a busy machine than any pause.
RUNS = 'println!("runs"); '
RESTART = "Memory may be damaged: save what you need and restart the kernel"


class Failures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.scan = os.path.join(cls.folder.name, "grain.zspy")
        program = KernelSpecManager().get_kernel_spec(KERNEL).argv[0]
        subprocess.run([program, "sample", "strained-grain", cls.scan], check=True, stdout=subprocess.DEVNULL)
        cls.begin()

    @classmethod
    def begin(cls):
        cls.manager = start_kernel()
        cls.client = Client(cls.manager).ready()
        cls.run_cell(f"let scan = open({json.dumps(cls.scan)})?;", COMPILER_START)
        cls.run_cell("let lost = 1;\nfn kept() -> u8 { 7 }", COMPILER_START)
        # As a page does.
        asked = cls.client.execute("scan", allow_stdin=True)
        shown = cls.client.output(asked)
        cls.widget = next(content["comm_id"] for kind, _, content, _ in shown if kind == "comm_open")
        cls.view = 0

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        end_kernel(cls.manager)
        cls.folder.cleanup()

    @classmethod
    def run_cell(cls, code, seconds=60):
        """What a cell that succeeds publishes."""
        asked = cls.client.execute(code)
        kind, reply = cls.client.reply(asked, seconds=seconds)
        assert reply["status"] == "ok", f"{code}\n{reply}"
        return cls.client.output(asked)

    def value(self, code):
        shown = self.run_cell(code)
        return next(content["data"]["text/plain"] for kind, _, content, _ in shown if kind == "execute_result")

    def fails(self, code, interrupts=(), seconds=60):
        """The error of a cell, interrupted after so many seconds each since it runs, and what it printed."""
        asked = self.client.execute(code)
        if code.startswith(RUNS):
            self.client.wait("iopub", lambda message: message[1] == asked and message[0] == "stream", seconds)
        for pause in interrupts:
            time.sleep(pause)
            self.interrupt()
        _, reply = self.client.reply(asked, seconds=seconds)
        self.assertEqual(reply["status"], "error", f"{code}\n{reply}")
        output = self.client.output(asked)
        errors = [content for kind, _, content, _ in output if kind == "error"]
        self.assertEqual(len(errors), 1, errors)
        self.assertEqual(errors[0]["ename"], reply["ename"])
        printed = "".join(content["text"] for kind, _, content, _ in output if kind == "stream")
        return reply["ename"], reply["evalue"], printed

    def interrupt(self):
        began = time.monotonic()
        reply = self.client.request("interrupt_request", channel="control")
        self.assertEqual(reply["status"], "ok")
        self.assertLess(time.monotonic() - began, 1)

    def ask(self, request):
        """Sends a request of a page; gives its id."""
        content = {"comm_id": self.widget, "data": {"method": "custom", "content": request}}
        return self.client.send("comm_msg", content)

    def answer(self, asked, seconds=20):
        def wanted(message):
            return message[0] == "comm_msg" and message[1] == asked

        return self.client.wait("iopub", wanted, seconds)[2]["data"]["content"]

    def frame_request(self, node, index=(1, 2)):
        type(self).view += 1
        return self.ask(
            {
                "type": "frame",
                "view": self.view,
                "generation": 1,
                "node": node,
                "index": list(index),
                "component": 0,
                "size_px": [64, 64],
                "detail": "settled",
            }
        )

    def nodes(self):
        asked = self.ask({"type": "hello", "request_id": 1, "protocol": 2})
        return {node["name"]: node["id"] for node in self.answer(asked)["tree"]["nodes"]}

    def add(self, name, closure):
        """The node of a closure."""
        self.run_cell(f"let {name} = scan.map({closure})?;")
        return self.nodes()[name]

    def tearDown(self):
        """After each failure the kernel does all it could do before."""
        self.assertTrue(self.manager.is_alive())
        frame = self.answer(self.frame_request(self.nodes()["scan"]))
        self.assertEqual(frame["type"], "frame", frame)
        self.assertEqual(self.value("{ kept() as u32 * 6 }"), "42")
        self.assertIn("40, 56", self.value("scan.shape()"))
        self.run_cell("let lost = 1;")
        self.client.settle(0.05)

    def lose(self, code, name, *said, damaged=False, look=True, **how):
        """The cell fails, its variables are gone, and the message says so."""
        self.run_cell("let compiled_only = std::cell::RefCell::new(5);")
        found, text, printed = self.fails(code, **how)
        self.assertEqual(found, name, text)
        for part in (*said, "variables of compiled cells were reset", "signals stay in the tree"):
            self.assertIn(part, text)
        (self.assertIn if damaged else self.assertNotIn)(RESTART, text)
        if look:
            found, text, _ = self.fails("compiled_only.borrow()")
            self.assertEqual(found, "CompileError")
        return printed

    # The cell itself.

    def test_panic(self):
        name, text, _ = self.fails("let empty: Vec<u8> = Vec::new();\nempty[3];")
        self.assertEqual(name, "Panic")
        self.assertIn("index out of bounds", text)
        self.assertEqual(self.value("lost"), "1")

    def test_double_panic(self):
        code = (
            "struct Bomb;\nimpl Drop for Bomb { fn drop(&mut self) { panic!(\"again\") } }\n"
            "{ let _bomb = Bomb; panic!(\"once\"); }"
        )
        self.lose(code, "Panic", "a second time")

    def test_endless_loop(self):
        self.lose(RUNS + "loop {}", "Interrupted", "abandoned", interrupts=[1.5])

    def test_allocating_endless_loop(self):
        code = RUNS + "let mut v = vec![1u64]; loop { v.push(v.len() as u64); if v.len() > 1000 { v = Vec::new(); } }"
        self.lose(code, "Interrupted", "abandoned", interrupts=[1.5])

    def test_long_sleep(self):
        code = 'println!("sleeping"); std::thread::sleep(std::time::Duration::from_secs(3600));'
        self.lose(code, "Interrupted", "abandoned", interrupts=[1.5])

    def test_deadlock(self):
        code = RUNS + "{ let m = std::sync::Mutex::new(1); let a = m.lock().unwrap(); let b = m.lock().unwrap(); *a + *b }"
        self.lose(code, "Interrupted", "abandoned", interrupts=[1.5])

    def test_a_second_interrupt_ends_the_grace(self):
        asked = self.client.execute('println!("runs"); loop {}')
        self.client.wait("iopub", lambda message: message[1] == asked and message[0] == "stream", 60)
        self.interrupt()
        began = time.monotonic()
        self.interrupt()
        _, reply = self.client.reply(asked)
        self.assertEqual(reply["ename"], "Interrupted")
        # The grace is half a second; probing takes some milliseconds.
        self.assertLess(time.monotonic() - began, 0.45)

    def test_segfault(self):
        code = 'print!("before "); unsafe { *(1 as *mut u8) = 1 }'
        printed = self.lose(code, "Crash", "0x1", damaged=True)
        self.assertIn("before", printed)

    def test_stack_overflow(self):
        code = (
            "fn deep(n: u64) -> u64 { std::hint::black_box(n) + if n == u64::MAX { 0 } else { deep(n + 1) } }\n"
            "{ deep(1) }"
        )
        self.lose(code, "StackOverflow", "recursion")

    def test_exit(self):
        for _ in range(3):
            self.lose("std::process::exit(3)", "Exit")

    def test_abort(self):
        for _ in range(2):
            self.lose("std::process::abort()", "Abort")

    def test_out_of_memory(self):
        self.lose("let v: Vec<u8> = Vec::with_capacity(1 << 46); v.len()", "OutOfMemory", "70368744177664 bytes")

    def test_double_free(self):
        code = "let p = Box::into_raw(Box::new([1u8; 100])); unsafe { drop(Box::from_raw(p)); drop(Box::from_raw(p)); }"
        self.lose(code, "Crash", "double free", damaged=True)

    def test_a_destroyed_heap(self):
        # The heap of cells is beyond repair, that of the kernel is not touched.
        code = (
            "unsafe { let p = Box::into_raw(vec![0u8; 24].into_boxed_slice()) as *mut u8;"
            " for i in 0..20_000usize { std::ptr::write_volatile(p.add(i), 0x41); }"
            " let v: Vec<Vec<u8>> = (0..1000).map(|i| vec![1u8; 16 * i + 100]).collect(); println!(\"{}\", v.len()); }"
        )
        try:
            self.lose(code, "Crash", damaged=True, look=False)
            scan = self.nodes()["scan"]
            for column in range(20):
                self.assertEqual(self.answer(self.frame_request(scan, (9, column)))["type"], "frame")
            # Direct cells need nothing of it.
            path = os.path.join(self.folder.name, "saved.zspy")
            self.run_cell(f"scan.save({json.dumps(path)})?;")
            self.assertTrue(os.path.exists(path))
        finally:
            # Compiled cells may work or not: the message asked for a restart, so here is one.
            self.client.close()
            end_kernel(self.manager)
            self.begin()

    def test_a_thread_of_the_cell_crashes(self):
        code = (
            "let thread = std::thread::spawn(|| unsafe { *(16 as *mut u8) = 1 });\n"
            "std::thread::sleep(std::time::Duration::from_millis(300));"
        )
        shown = self.run_cell(code)
        said = "".join(content["text"] for kind, _, content, _ in shown if kind == "stream")
        self.assertIn("thread that a cell had started", said)
        self.assertIn(RESTART, said)

    def test_sigint(self):
        asked = self.client.execute("std::thread::sleep(std::time::Duration::from_millis(700)); { 5 + 6 }")
        time.sleep(0.5)
        os.kill(self.manager.provisioner.pid, signal.SIGINT)
        self.assertEqual(self.client.reply(asked, seconds=60)[1]["status"], "ok")

    def test_interrupt_while_compiling(self):
        code = (
            "#[allow(long_running_const_eval)]\nconst N: u64 = { let mut i = 0u64; while i < 1 << 40 { i += 1; } i };\nN"
        )
        asked = self.client.execute(code)
        time.sleep(2.5)
        began = time.monotonic()
        self.interrupt()
        _, reply = self.client.reply(asked, seconds=60)
        self.assertEqual(reply["ename"], "Interrupted", reply)
        # About 50 ms on an idle machine.
        self.assertLess(time.monotonic() - began, 3)
        self.assertEqual(self.value("lost"), "1")

    # Closures, in a view and in whole-scan work.

    def refused(self, node, *said):
        answer = self.answer(self.frame_request(node))
        self.assertEqual(answer["type"], "failed", answer)
        for part in said:
            self.assertIn(part, answer["error"]["message"])

    def test_closure_panics(self):
        node = self.add("panics", "|frame: Frame<f32>| -> Frame<'static, f32> { let v: Vec<f32> = vec![]; frame.mapv(move |_| v[7]) }")
        self.refused(node, "panicked", "line 1")
        name, text, _ = self.fails(f"panics.save({json.dumps(os.path.join(self.folder.name, 'panics.zspy'))})?;")
        self.assertIn("panicked", text)

    def test_closure_crashes(self):
        for name, body, said in [
            ("segfaults", "unsafe { *(1 as *mut u8) = 1 }", "0x1"),
            ("aborts", "std::process::abort()", "abort"),
            ("exits", "std::process::exit(1)", "exit"),
            ("overflows", "{ fn deep(n: u64) -> u64 { std::hint::black_box(n) + deep(n + 1) } deep(1); }", "stack"),
        ]:
            with self.subTest(name):
                closure = f"|frame: Frame<f32>| -> Frame<'static, f32> {{ {body}; frame.mapv(|pixel| pixel) }}"
                node = self.add(name, closure)
                self.refused(node, "the closure", said)
                self.refused(node, "the closure", "not called again")
                # In a pass, too.
                node = self.add(name, closure)
                path = os.path.join(self.folder.name, f"{name}.zspy")
                _, text, _ = self.fails(f"{name}.save({json.dumps(path)})?;")
                self.assertIn(said, text)
                self.assertFalse(os.path.exists(path))
                self.assertEqual(self.value("lost"), "1")

    def test_a_closure_crashes_while_it_is_dropped(self):
        self.run_cell("struct Bang; impl Drop for Bang { fn drop(&mut self) { unsafe { *(1 as *mut u8) = 1 } } }")
        self.run_cell("let bang = Bang;\nlet held = scan.map(move |frame: Frame<f32>| { let _ = &bang; frame.mean() })?;")
        # Another node takes the name, so the first one goes.
        asked = self.client.execute("let held = scan.map(|frame: Frame<f32>| frame.mean())?;")
        told = lambda message: message[0] == "stream" and "while what it had captured" in message[2]["text"]
        self.assertIn(RESTART, self.client.wait("iopub", told, 60)[2]["text"])
        self.assertEqual(self.client.reply(asked, seconds=60)[1]["status"], "ok")

    ENDLESS = "|frame: Frame<f32>| -> Frame<'static, f32> { loop { std::hint::black_box(&frame); } }"

    def test_endless_closure_in_a_view(self):
        node = self.add("endless", self.ENDLESS)
        scan = self.nodes()["scan"]
        waiting = [self.frame_request(node, (3, column)) for column in range(3)]
        # Others are served all the while.
        slowest = 0
        for column in range(20):
            began = time.monotonic()
            self.assertEqual(self.answer(self.frame_request(scan, (5, column)))["type"], "frame")
            slowest = max(slowest, time.monotonic() - began)
        self.assertLess(slowest, 3)
        self.interrupt()
        for asked in waiting:
            answer = self.answer(asked)
            self.assertEqual(answer["type"], "failed")
            self.assertIn("abandoned", answer["error"]["message"])
        self.assertEqual(self.value("lost"), "1")

    def test_endless_closure_in_a_save(self):
        self.add("endless_save", self.ENDLESS)
        path = os.path.join(self.folder.name, "endless.zspy")
        asked = self.client.execute(f"endless_save.save({json.dumps(path)})?;")
        time.sleep(2)
        began = time.monotonic()
        self.interrupt()
        _, reply = self.client.reply(asked)
        self.assertEqual(reply["ename"], "Interrupted", reply)
        self.assertLess(time.monotonic() - began, 1)
        self.assertFalse(os.path.exists(path))
        self.assertEqual(self.value("lost"), "1")

    def test_a_closure_that_asks_ends_by_itself(self):
        self.add(
            "polite",
            "|frame: Frame<f32>| -> Result<f32, String> {"
            ' while !interrupted() { std::hint::black_box(&frame); } Err("asked to stop".into()) }',
        )
        map_of = self.client.execute("polite.compute()?;")
        time.sleep(1.5)
        self.interrupt()
        self.assertEqual(self.client.reply(map_of)[1]["ename"], "Interrupted")

    def test_widgets_are_served_beside_a_lost_thread(self):
        asked = self.client.execute('println!("runs"); loop {}')
        self.client.wait("iopub", lambda message: message[1] == asked and message[0] == "stream", 60)
        scan = self.nodes()["scan"]
        self.interrupt()
        for column in range(20):
            self.assertEqual(self.answer(self.frame_request(scan, (7, column)))["type"], "frame")
        self.assertEqual(self.client.reply(asked)[1]["ename"], "Interrupted")


if __name__ == "__main__":
    unittest.main()
