"""The installed kernel against jupyter_kernel_test, with every hook, and what that suite does not ask.

Run by `cargo xtask test` with the private environment; by hand:

    python -m unittest discover -s tests/conformance

`SIGNALTREE_KERNEL` names the kernelspec (default `signaltree`).
"""

import os
import time
import unittest

import jupyter_kernel_test
from jupyter_client.manager import start_new_kernel

KERNEL = os.environ.get("SIGNALTREE_KERNEL", "signaltree")
# The first cell waits for the compiler, which starts in the background and on a cold machine builds
# the crate that cells use.
COMPILER_START = 300


def wait_for_compiler(client):
    client.execute_interactive("let warm_up = std::collections::HashSet::from([1]);", timeout=COMPILER_START)


class Conformance(jupyter_kernel_test.KernelTests):
    kernel_name = KERNEL
    language_name = "rust"
    file_extension = ".rs"

    code_hello_world = 'println!("hello, world");'
    code_stderr = 'eprintln!("oh no");'
    completion_samples = [
        {"text": "open_w", "matches": {"open_with("}},
        {"text": "let s = String::new(); s.is_em", "matches": {"is_empty()"}},
    ]
    complete_code_samples = ["1 + 1", 'let scan = open("a.zspy")?;', "fn f() {}", "?open"]
    incomplete_code_samples = ["fn f() {", "(1 + ", 'let text = "open']
    invalid_code_samples = ["let = 3;", "fn f() }"]
    code_page_something = "?open"
    code_generate_error = 'let number: i32 = "text";'
    code_execute_result = [
        {"code": "6 * 7", "result": "42"},
        {"code": '"a" .len() + 1', "result": "2"},
        {"code": "6 * 7", "result": "42"},
        {"code": "vec![1, 2]", "result": "[1, 2]"},
        {"code": 'Markdown("**bold**")', "mime": "text/markdown"},
    ]
    code_display_data = [
        {"code": 'display("text"); 1', "mime": "text/plain"},
        {"code": 'display(Html("<b>bold</b>"));', "mime": "text/html"},
    ]
    code_history_pattern = "6 ? 7"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "open"
    code_clear_output = "clear_output(false);"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        wait_for_compiler(cls.kc)


class Welcome(jupyter_kernel_test.IopubWelcomeTests):
    kernel_name = KERNEL
    support_iopub_welcome = True


class Behaviour(unittest.TestCase):
    """Each test leaves the kernel as it found it: alive, idle, variables kept."""

    @classmethod
    def setUpClass(cls):
        cls.km, cls.kc = start_new_kernel(kernel_name=KERNEL)
        wait_for_compiler(cls.kc)

    @classmethod
    def tearDownClass(cls):
        cls.kc.stop_channels()
        cls.km.shutdown_kernel()

    def run_cell(self, code, **options):
        """The reply and everything published, in order."""
        seen = []
        options.setdefault("timeout", 60)
        reply = self.kc.execute_interactive(code, output_hook=seen.append, **options)
        return reply["content"], seen

    def text_of(self, seen):
        return "".join(m["content"]["text"] for m in seen if m["msg_type"] == "stream")

    def test_variables_live_on_after_every_kind_of_error(self):
        self.assertEqual(self.run_cell("let kept = 41;")[0]["status"], "ok")
        failures = {
            "compile error": ("let wrong: i32 = true;", "mismatched types"),
            "panic": ('panic!("on purpose");', "on purpose"),
            "question mark": ('open("no such file.zspy")?;', "no such file"),
        }
        for kind, (code, words) in failures.items():
            with self.subTest(kind):
                reply, seen = self.run_cell(code)
                self.assertEqual(reply["status"], "error")
                self.assertEqual([m["msg_type"] for m in seen if m["msg_type"] != "status"], ["execute_input", "error"])
                self.assertIn(words, "\n".join(reply["traceback"]) + reply["evalue"])
                self.assertIn("42", self.text_of(self.run_cell('println!("{}", kept + 1);')[1]))

    def test_output_keeps_its_order(self):
        code = 'println!("one"); display("two"); eprintln!("three"); println!("four"); 5'
        reply, seen = self.run_cell(code)
        self.assertEqual(reply["status"], "ok")
        kinds = [m["msg_type"] for m in seen]
        self.assertLess(kinds.index("stream"), kinds.index("display_data"))
        self.assertEqual(kinds[-2:], ["execute_result", "status"])
        self.assertEqual(sorted(self.text_of(seen).split()), ["four", "one", "three"])

    def test_an_interrupt_keeps_the_variables(self):
        self.run_cell("let before = 7;")
        self.kc.execute("while !interrupted() { std::thread::sleep(std::time::Duration::from_millis(5)); }")
        queued = self.kc.execute("1 + 1")
        time.sleep(1.5)
        self.km.interrupt_kernel()
        replies = [self.kc.get_shell_msg(timeout=20) for _ in range(2)]
        status = {m["parent_header"]["msg_id"]: m["content"]["status"] for m in replies}
        self.assertEqual(sorted(status.values()), ["aborted", "error"])
        self.assertEqual(status[queued], "aborted")
        self.assertIn("7", self.text_of(self.run_cell('println!("{before}");')[1]))

    def test_input(self):
        reply, seen = self.run_cell(
            'let name = input("name? ")?; println!("hello {name}");',
            allow_stdin=True,
            stdin_hook=lambda _: self.kc.input("Ada"),
        )
        self.assertEqual(reply["status"], "ok")
        self.assertIn("hello Ada", self.text_of(seen))
        reply, _ = self.run_cell('input("name? ")?', allow_stdin=False)
        self.assertEqual(reply["status"], "error")

    def test_the_shell_answers_while_a_cell_runs(self):
        cell = self.kc.execute("std::thread::sleep(std::time::Duration::from_secs(3));")
        time.sleep(1)
        asked = time.monotonic()
        info = self.kc.kernel_info()
        reply = self.kc.get_shell_msg(timeout=10)
        self.assertEqual(reply["parent_header"]["msg_id"], info)
        self.assertLess(time.monotonic() - asked, 1)
        self.assertEqual(self.kc.get_shell_msg(timeout=20)["parent_header"]["msg_id"], cell)

    def test_many_lines_are_few_messages(self):
        _, seen = self.run_cell('for i in 0..20_000 { println!("line {i}"); }')
        self.assertEqual(len(self.text_of(seen).splitlines()), 20_000)
        self.assertLess(len(seen), 200)


if __name__ == "__main__":
    unittest.main()
