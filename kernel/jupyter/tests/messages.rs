//! What every client may send: all requests answered, nothing ends a loop.

mod front_end;

use bytes::Bytes;
use front_end::client::{Client, PATIENCE};
use front_end::{Channel, FrontEnd, Message};
use jupyter::widget_backend::IdlePolicy;
use jupyter::wire::{Author, Outgoing, Signer};
use serde_json::json;

#[test]
fn every_request_gets_its_reply_between_busy_and_idle() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    for (channel, kind, status) in [
        (Channel::Shell, "kernel_info_request", "ok"),
        (Channel::Control, "kernel_info_request", "ok"),
        (Channel::Shell, "comm_info_request", "ok"),
        (Channel::Control, "comm_info_request", "ok"),
        (Channel::Shell, "history_request", "ok"),
        (Channel::Shell, "connect_request", "error"),
        (Channel::Shell, "no_such_request", "error"),
        (Channel::Control, "debug_request", "error"),
        (Channel::Control, "create_subshell_request", "error"),
        (Channel::Control, "list_subshell_request", "error"),
    ] {
        let id = page.send(channel, kind, json!({}));
        let reply = page.reply(channel);
        assert_eq!(reply.kind, kind.replace("_request", "_reply"));
        assert_eq!(reply.content["status"], status, "{kind}");
        let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
        assert_eq!(words, ["busy", "idle"], "{kind}");
    }
}

#[test]
fn headers_are_ours_and_parents_are_verbatim() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let id = page.send(Channel::Shell, "kernel_info_request", json!({}));
    let reply = page.reply(Channel::Shell);
    let published = page.output_of(&id);
    let sessions: Vec<_> = published
        .iter()
        .chain([&reply])
        .map(|message| message.header["session"].clone())
        .collect();
    assert!(sessions.iter().all(|session| *session == sessions[0]));
    assert!(
        !id.starts_with(sessions[0].as_str().unwrap()),
        "the kernel took the client's session"
    );
    assert_eq!(reply.header["version"], "5.4");
    assert_eq!(reply.content["language_info"]["file_extension"], ".rs");
    assert_eq!(reply.content["supported_features"], json!([]));
}

#[test]
fn malformed_messages_are_dropped_and_the_next_one_is_answered() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let forged = Author::new(Signer::new("another key")).encode(Outgoing::publish(
        "kernel_info_request",
        None,
        json!({}),
    ));
    page.send_frames(Channel::Shell, forged[1..].to_vec());
    page.send_frames(
        Channel::Shell,
        ["junk", "<IDS|MSG>", "00"]
            .map(Bytes::from_static_str)
            .to_vec(),
    );
    page.send_frames(Channel::Shell, vec![Bytes::from_static(b"junk")]);
    page.send_with(
        Channel::Shell,
        "comm_msg",
        json!({ "comm_id": "no-such", "data": {} }),
        json!({}),
        vec![Bytes::from(vec![7; 1000])],
    );
    page.send(Channel::Shell, "comm_msg", json!({}));
    page.send(Channel::Shell, "no_reply_wanted", json!({}));
    page.send(Channel::Shell, "execute_request", json!({ "code": 7 }));
    let refused = page.reply(Channel::Shell);
    assert_eq!(
        (refused.kind.as_str(), &refused.content["status"]),
        ("execute_reply", &json!("error"))
    );
    assert_eq!(page.run("value 1").1.content["status"], "ok");
}

#[test]
fn heartbeats_come_back_as_they_were() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    assert_eq!(&page.heartbeat(b"any bytes")[..], b"any bytes");
    assert_eq!(&page.heartbeat(b"again")[..], b"again");
}

#[test]
fn shutdown_is_answered_and_the_kernel_ends() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let began = std::time::Instant::now();
    page.send(
        Channel::Control,
        "shutdown_request",
        json!({ "restart": true }),
    );
    assert_eq!(
        page.reply(Channel::Control).content,
        json!({ "status": "ok", "restart": true })
    );
    page.join();
    assert!(
        began.elapsed() < std::time::Duration::from_millis(1500),
        "{:?}",
        began.elapsed()
    );
}

trait FromText {
    fn from_static_str(text: &'static str) -> Self;
}

impl FromText for Bytes {
    fn from_static_str(text: &'static str) -> Self {
        Self::from_static(text.as_bytes())
    }
}

#[test]
fn code_that_nobody_edits_is_answered_at_once() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let code = "print ".repeat(100_000);
    for (request, key, value) in [
        ("complete_request", "matches", json!([])),
        ("inspect_request", "found", json!(false)),
        ("is_complete_request", "status", json!("unknown")),
    ] {
        page.send(
            Channel::Shell,
            request,
            json!({ "code": code, "cursor_pos": 3 }),
        );
        assert_eq!(page.reply(Channel::Shell).content[key], value, "{request}");
    }
    // Names are asked for faster than they are found: each question is answered, the last one with names.
    let asked = 50;
    for _ in 0..asked {
        page.send(
            Channel::Shell,
            "complete_request",
            json!({ "code": "p", "cursor_pos": 1 }),
        );
    }
    let replies: Vec<_> = (0..asked)
        .map(|_| page.reply(Channel::Shell).content)
        .collect();
    assert!(replies.iter().all(|reply| reply["status"] == "ok"));
    assert!(
        replies
            .iter()
            .any(|reply| reply["matches"] == json!(["print"]))
    );
}

#[test]
fn a_subscription_is_welcomed_and_only_its_subscriber_hears_it() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let mut second = Client::connect(page.connection.iopub_port, "SUB", b"").unwrap();
    for topic in ["", "kernel."] {
        second.subscribe(topic.as_bytes(), true).unwrap();
        let frames = second.receive(PATIENCE).unwrap();
        assert_eq!(&frames[0][..], topic.as_bytes());
        let welcome = page.read(frames);
        assert_eq!(
            (welcome.kind.as_str(), welcome.parent),
            ("iopub_welcome", None)
        );
        assert_eq!(welcome.content, json!({ "subscription": topic }));
    }
    let id = page.send(Channel::Shell, "kernel_info_request", json!({}));
    let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "idle"], "nothing came in between");
}

#[test]
fn a_client_that_does_not_read_does_not_hold_up_the_end() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let mut stalled = Client::connect(page.connection.iopub_port, "SUB", b"").unwrap();
    stalled.subscribe(b"", true).unwrap();
    stalled.receive(PATIENCE).unwrap();
    let echo = json!({ "comm_id": "echo", "target_name": "kbench.echo", "data": {} });
    page.send(Channel::Shell, "comm_open", echo);
    let burst = json!({ "op": "burst", "count": 100, "size": 1 << 20 });
    page.send(
        Channel::Shell,
        "comm_msg",
        json!({ "comm_id": "echo", "data": burst }),
    );
    let mut pictures = 0;
    while pictures < 100 {
        pictures += usize::from(page.published().buffers.len() == 1);
    }
    let began = std::time::Instant::now();
    page.send(Channel::Control, "shutdown_request", json!({}));
    assert_eq!(page.reply(Channel::Control).content["status"], "ok");
    page.join();
    assert!(
        began.elapsed() < std::time::Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
}
