//! Order and content of the messages around cells.

mod front_end;

use std::time::{Duration, Instant};

use front_end::{Channel, FrontEnd, Message};
use jupyter::widget_backend::IdlePolicy;
use serde_json::json;

fn start() -> FrontEnd {
    FrontEnd::start(IdlePolicy::Lazy)
}

#[test]
fn a_cell_is_bracketed_counted_and_remembered() {
    let mut page = start();
    let (words, reply) = page.run("print a\nvalue 42");
    assert_eq!(
        words,
        ["busy", "execute_input", "stream", "execute_result", "idle"]
    );
    assert_eq!(
        (&reply.content["status"], &reply.content["execution_count"]),
        (&json!("ok"), &json!(1))
    );
    let id = page.send(
        Channel::Shell,
        "execute_request",
        json!({ "code": "print b\nvalue 1", "silent": true, "store_history": true }),
    );
    let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "stream", "idle"]);
    assert_eq!(page.reply(Channel::Shell).content["execution_count"], 1);
    let reply = page.run("print c").1;
    assert_eq!(reply.content["execution_count"], 2);
    assert_eq!(reply.metadata["status"], "ok");
    assert!(reply.metadata["started"].as_str().unwrap().ends_with('Z'));
    let asked = json!({ "hist_access_type": "tail", "n": 5, "output": true, "raw": true });
    page.send(Channel::Shell, "history_request", asked);
    let history = page.reply(Channel::Shell);
    assert_eq!(
        history.content["history"],
        json!([
            [1, 1, ["print a\nvalue 42", "42"]],
            [1, 2, ["print c", null]]
        ])
    );
    page.send(
        Channel::Shell,
        "history_request",
        json!({ "hist_access_type": "search", "pattern": "*c" }),
    );
    assert_eq!(
        page.reply(Channel::Shell).content["history"],
        json!([[1, 2, "print c"]])
    );
    page.send(
        Channel::Shell,
        "history_request",
        json!({ "hist_access_type": "sideways" }),
    );
    assert_eq!(page.reply(Channel::Shell).content["status"], "error");
}

#[test]
fn an_error_is_one_message_and_a_reply_and_aborts_what_waits() {
    let mut page = start();
    let ids = [
        page.execute("print before\nsleep 50\nerror Broken"),
        page.execute("print never"),
        page.execute("value 1"),
    ];
    let output = page.output_of(&ids[0]);
    let words: Vec<_> = output.iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "execute_input", "stream", "error", "idle"]);
    assert_eq!(output[3].content["ename"], "Broken");
    let reply = page.reply(Channel::Shell);
    assert_eq!(
        (&reply.content["status"], &reply.content["evalue"]),
        (&json!("error"), &json!("as asked"))
    );
    for id in &ids[1..] {
        let words: Vec<_> = page.output_of(id).iter().map(Message::word).collect();
        assert_eq!(words, ["busy", "idle"]);
        assert_eq!(page.reply(Channel::Shell).content["status"], "aborted");
    }
    let go_on = json!({ "code": "sleep 50\nerror Broken", "stop_on_error": false });
    page.send(Channel::Shell, "execute_request", go_on);
    page.execute("value 1");
    assert_eq!(page.reply(Channel::Shell).content["status"], "error");
    assert_eq!(page.reply(Channel::Shell).content["status"], "ok");
}

#[test]
fn a_bug_in_the_evaluator_is_an_error_and_the_next_cell_runs() {
    let mut page = start();
    let (words, reply) = page.run("panic");
    assert_eq!(words, ["busy", "execute_input", "error", "idle"]);
    assert_eq!(reply.content["evalue"], "the script panics");
    assert_eq!(page.run("value 1").1.content["status"], "ok");
}

#[test]
fn many_lines_are_few_messages_all_before_idle() {
    let mut page = start();
    let id = page.execute("lines 20000");
    let output = page.output_of(&id);
    let text: String = output
        .iter()
        .filter_map(|message| message.content["text"].as_str())
        .collect();
    assert_eq!(text.lines().count(), 20_000);
    assert!(output.len() < 200, "{} messages", output.len());
}

#[test]
fn the_shell_answers_while_a_cell_runs() {
    let mut page = start();
    let cell = page.execute("sleep 1500");
    let began = Instant::now();
    page.send(Channel::Shell, "kernel_info_request", json!({}));
    assert_eq!(
        page.reply(Channel::Shell).content["implementation"],
        "signaltree"
    );
    page.send(
        Channel::Shell,
        "complete_request",
        json!({ "code": "é", "cursor_pos": 1 }),
    );
    let complete = page.reply(Channel::Shell);
    assert_eq!(complete.content["matches"], json!(["print"]));
    assert_eq!(complete.content["cursor_end"], 1);
    page.send(Channel::Control, "kernel_info_request", json!({}));
    page.reply(Channel::Control);
    assert!(
        began.elapsed() < Duration::from_millis(1000),
        "{:?}",
        began.elapsed()
    );
    page.output_of(&cell);
}

#[test]
fn an_interrupt_ends_the_cell_aborts_the_queue_and_is_harmless_otherwise() {
    let mut page = start();
    page.send(Channel::Control, "interrupt_request", json!({}));
    assert_eq!(page.reply(Channel::Control).content["status"], "ok");
    let ids = [page.execute("wait"), page.execute("print never")];
    while page.published().kind != "execute_input" {}
    page.send(Channel::Control, "interrupt_request", json!({}));
    assert_eq!(page.reply(Channel::Control).content["status"], "ok");
    let mut statuses: Vec<_> = (0..2).map(|_| page.reply(Channel::Shell)).collect();
    statuses.sort_by_key(|reply| reply.parent != Some(ids[0].clone()));
    assert_eq!(statuses[0].content["ename"], "Interrupted");
    assert_eq!(statuses[1].content["status"], "aborted");
    assert_eq!(page.run("value 1").1.content["status"], "ok");
}

#[test]
fn input_comes_from_the_asking_client_or_not_at_all() {
    let mut page = start();
    let id = page.execute("print first\ninput name? ");
    let request = page.reply(Channel::Stdin);
    assert_eq!(
        request.content,
        json!({ "prompt": "name? ", "password": false })
    );
    assert_eq!(request.parent.as_deref(), Some(id.as_str()));
    page.send(
        Channel::Stdin,
        "input_reply",
        json!({ "value": "Ada", "status": "ok" }),
    );
    let text: String = page
        .output_of(&id)
        .iter()
        .filter_map(|message| message.content["text"].as_str())
        .collect();
    assert_eq!(text, "first\ngot Ada\n");
    page.reply(Channel::Shell);

    page.send(
        Channel::Shell,
        "execute_request",
        json!({ "code": "input ?", "allow_stdin": false }),
    );
    assert_eq!(page.reply(Channel::Shell).content["status"], "error");
    assert!(
        page.reply_within(Channel::Stdin, Duration::from_millis(100))
            .is_none()
    );

    page.execute("input ? ");
    page.reply(Channel::Stdin);
    page.send(Channel::Control, "interrupt_request", json!({}));
    assert_eq!(page.reply(Channel::Shell).content["status"], "error");
}

#[test]
fn a_cell_that_was_interrupted_asks_nobody_any_more() {
    let mut page = start();
    page.execute("sleep 300\ninput ? ");
    while page.published().kind != "execute_input" {}
    page.send(Channel::Control, "interrupt_request", json!({}));
    assert_eq!(page.reply(Channel::Shell).content["status"], "error");
    page.execute("input ? ");
    page.reply(Channel::Stdin);
}

#[test]
fn displays_updates_and_clearing_keep_their_order() {
    let mut page = start();
    let id = page.execute("display bar\nupdate bar\nclear\nprint x");
    let output = page.output_of(&id);
    let words: Vec<_> = output.iter().map(Message::word).collect();
    assert_eq!(
        words,
        [
            "busy",
            "execute_input",
            "display_data",
            "update_display_data",
            "clear_output",
            "stream",
            "idle"
        ]
    );
    assert_eq!(output[2].content["transient"]["display_id"], "bar");
    assert_eq!(output[3].content["transient"]["display_id"], "bar");
    assert_eq!(output[4].content["wait"], true);
}

#[test]
fn help_opens_the_pager() {
    let mut page = start();
    for code in ["?print", "print?"] {
        let payload = page.run(code).1.content["payload"].clone();
        assert_eq!(payload[0]["source"], "page");
        assert_eq!(payload[0]["data"]["text/plain"], "prints");
    }
    let (words, reply) = page.run("?nothing");
    assert_eq!(
        (words[2].as_str(), &reply.content["payload"]),
        ("stream", &json!([]))
    );
    page.send(
        Channel::Shell,
        "inspect_request",
        json!({ "code": "print", "cursor_pos": 2, "detail_level": 0 }),
    );
    assert_eq!(page.reply(Channel::Shell).content["found"], true);
    page.send(
        Channel::Shell,
        "is_complete_request",
        json!({ "code": "if x {" }),
    );
    assert_eq!(
        page.reply(Channel::Shell).content,
        json!({ "status": "incomplete", "indent": "    " })
    );
}

#[test]
fn user_expressions_are_values_or_errors_of_their_own() {
    let mut page = start();
    let ask = |page: &mut FrontEnd, code: &str| {
        let wanted = json!({ "a": "value 2", "b": "nonsense" });
        let content = json!({ "code": code, "user_expressions": wanted });
        let id = page.send(Channel::Shell, "execute_request", content);
        let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
        (page.reply(Channel::Shell).content, words)
    };
    let (reply, words) = ask(&mut page, "value 1");
    assert_eq!(words, ["busy", "execute_input", "execute_result", "idle"]);
    let values = &reply["user_expressions"];
    assert_eq!(reply["status"], "ok");
    assert_eq!(
        values["a"],
        json!({ "status": "ok", "data": { "text/plain": "2" }, "metadata": {} })
    );
    assert_eq!(
        (&values["b"]["status"], &values["b"]["ename"]),
        (&json!("error"), &json!("Unknown"))
    );
    let (reply, _) = ask(&mut page, "error Wrong");
    assert_eq!(reply["user_expressions"], json!({}));
}

#[test]
fn the_queue_of_cells_is_bounded_in_bytes_and_refusals_are_answered() {
    let mut page = start();
    let first = page.send(
        Channel::Shell,
        "execute_request",
        json!({ "code": "wait", "stop_on_error": false }),
    );
    let large = format!("print {}", "x".repeat(24 << 20));
    let ids: Vec<_> = (0..3)
        .map(|_| {
            let content = json!({ "code": large, "silent": true });
            page.send(Channel::Shell, "execute_request", content)
        })
        .collect();
    let refusal = page.reply(Channel::Shell).content;
    assert_eq!(
        (&refusal["status"], &refusal["ename"]),
        (&json!("error"), &json!("QueueFull"))
    );
    page.send(Channel::Control, "interrupt_request", json!({}));
    assert_eq!(page.reply(Channel::Control).content["status"], "ok");
    let replies: Vec<_> = (0..3)
        .map(|_| page.reply(Channel::Shell).content["status"].clone())
        .collect();
    assert_eq!(
        replies.iter().filter(|status| *status == "aborted").count(),
        2
    );
    assert_eq!(page.run("value 1").1.content["status"], "ok");
    drop((first, ids));
}

#[test]
fn a_word_to_leave_ends_a_console_and_tells_a_notebook() {
    let mut page = start();
    for word in ["exit", "quit()", ":quit"] {
        let (words, reply) = page.run(word);
        assert_eq!(words, ["busy", "execute_input", "stream", "idle"], "{word}");
        assert_eq!(
            reply.content["payload"],
            json!([{ "source": "ask_exit", "keepkernel": false }])
        );
    }
    // The kernel itself goes on.
    assert_eq!(
        page.run("value 1").0,
        ["busy", "execute_input", "execute_result", "idle"]
    );
}
