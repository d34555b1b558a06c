//! The kernel's sockets against those of the `zeromq` crate, an implementation of ZMTP of its own: what both understand
//! is the protocol, not our reading of it. libzmq is the other peer, in `tests/conformance`, and the only one over Unix sockets: of
//! those zeromq 0.7 leaves now and then unread what the kernel has sent (bytes stay in its receive queue).

#[path = "../front_end/mod.rs"]
mod front_end;
mod pen;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use front_end::Message;
use front_end::client::PATIENCE;
use front_end::kernel::{connection, serve};
use jupyter::widget_backend::IdlePolicy;
use jupyter_protocol::ConnectionInfo;
use pen::{Pen, place, within};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::task::{JoinHandle, spawn_blocking};
use zeromq::{
    DealerSocket, ReqSocket, RouterSocket, Socket, SocketEvent, SocketOptions, SocketRecv,
    SocketSend, SubSocket, XSubSocket, ZmqMessage,
};

/// A time in which what must not come would have come.
const QUIET: Duration = Duration::from_millis(200);

fn kernel_on(connection: &ConnectionInfo) -> JoinHandle<()> {
    tokio::spawn(serve(connection.clone(), IdlePolicy::Lazy, Arc::default()))
}

fn words(messages: &[Message]) -> Vec<String> {
    messages.iter().map(Message::word).collect()
}

/// One identity on all channels, as clients have it: input requests find their asker by it.
async fn dealer(connection: &ConnectionInfo, port: u16) -> DealerSocket {
    let mut options = SocketOptions::default();
    options.peer_identity("front-end".parse().unwrap());
    let mut socket = DealerSocket::with_options(options);
    socket.connect(&place(connection, port)).await.unwrap();
    socket
}

/// Everything a notebook does with the five sockets of a kernel.
#[tokio::test(flavor = "multi_thread")]
async fn a_notebook_runs() {
    let connection = connection();
    let kernel = kernel_on(&connection);
    let pen = Pen::new(&connection);
    let mut shell = dealer(&connection, connection.shell_port).await;
    let mut control = dealer(&connection, connection.control_port).await;
    let mut stdin = dealer(&connection, connection.stdin_port).await;
    let mut iopub = SubSocket::new();
    let heard = place(&connection, connection.iopub_port);
    iopub.connect(&heard).await.unwrap();
    iopub.subscribe("").await.unwrap();
    assert_eq!(pen.hear(&mut iopub).await.kind, "iopub_welcome");

    let id = pen.say(&mut shell, "kernel_info_request", json!({})).await;
    let reply = pen.hear(&mut shell).await;
    assert_eq!(
        (reply.kind.as_str(), reply.parent.as_deref()),
        ("kernel_info_reply", Some(id.as_str()))
    );
    assert_eq!(reply.content["language_info"]["file_extension"], ".rs");
    assert_eq!(
        words(&pen.output_of(&id, &mut iopub).await),
        ["busy", "idle"]
    );

    let run = |code: &str| json!({ "code": code, "allow_stdin": true });
    let id = pen
        .say(&mut shell, "execute_request", run("print hello\nvalue 42"))
        .await;
    assert_eq!(pen.hear(&mut shell).await.content["status"], "ok");
    let output = pen.output_of(&id, &mut iopub).await;
    assert_eq!(
        words(&output),
        ["busy", "execute_input", "stream", "execute_result", "idle"]
    );
    assert_eq!(output[2].content["text"], "hello\n");
    assert_eq!(output[3].content["data"]["text/plain"], "42");

    let id = pen
        .say(&mut shell, "execute_request", run("input grain?"))
        .await;
    let asked = pen.hear(&mut stdin).await;
    assert_eq!(
        (asked.kind.as_str(), &asked.content["prompt"]),
        ("input_request", &json!("grain?"))
    );
    pen.say(&mut stdin, "input_reply", json!({ "value": "B" }))
        .await;
    assert_eq!(pen.hear(&mut shell).await.content["status"], "ok");
    let output = pen.output_of(&id, &mut iopub).await;
    assert_eq!(output[2].content["text"], "got B\n");

    pen.say(&mut shell, "execute_request", run("wait")).await;
    while pen.hear(&mut iopub).await.kind != "execute_input" {}
    // The shell is answered while the cell runs.
    pen.say(&mut shell, "kernel_info_request", json!({})).await;
    assert_eq!(pen.hear(&mut shell).await.kind, "kernel_info_reply");
    pen.say(&mut control, "interrupt_request", json!({})).await;
    assert_eq!(pen.hear(&mut control).await.content["status"], "ok");
    assert_eq!(pen.hear(&mut shell).await.content["ename"], "Interrupted");

    // Frames of any length, both ways.
    let comm = json!({ "comm_id": "echo", "target_name": "kbench.echo", "data": {} });
    pen.say(&mut shell, "comm_open", comm).await;
    for size in [0, 255, 256, 70_000, 9_000_000] {
        let picture = Bytes::from_iter((0..size).map(|i: u32| ((i * 31) >> 3) as u8));
        let content = json!({ "comm_id": "echo", "data": { "size": size } });
        let sent = vec![picture.clone(), Bytes::new()];
        let id = pen.say_with(&mut shell, "comm_msg", content, sent).await;
        let back = loop {
            let message = pen.hear(&mut iopub).await;
            if message.kind == "comm_msg" && message.parent.as_deref() == Some(&id) {
                break message;
            }
        };
        assert!(back.buffers == [picture, Bytes::new()], "{size} bytes");
    }

    let mut heart = ReqSocket::new();
    let beats = place(&connection, connection.hb_port);
    heart.connect(&beats).await.unwrap();
    for beat in ["any bytes", "again"] {
        heart.send(ZmqMessage::from(beat)).await.unwrap();
        let echo = within(PATIENCE, heart.recv()).await.expect("an echo");
        assert_eq!(
            echo.unwrap().into_vec(),
            [Bytes::from_static(beat.as_bytes())]
        );
    }

    pen.say(
        &mut control,
        "shutdown_request",
        json!({ "restart": false }),
    )
    .await;
    assert_eq!(pen.hear(&mut control).await.kind, "shutdown_reply");
    within(PATIENCE, kernel)
        .await
        .expect("the kernel ends")
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn req_and_router_ask_the_shell_too() {
    let connection = connection();
    let _kernel = kernel_on(&connection);
    let pen = Pen::new(&connection);
    let shell = place(&connection, connection.shell_port);

    // Puts an empty frame before its request and wants it back.
    let mut req = ReqSocket::new();
    req.connect(&shell).await.unwrap();
    for _ in 0..2 {
        let id = pen.say(&mut req, "kernel_info_request", json!({})).await;
        assert_eq!(pen.hear(&mut req).await.parent, Some(id));
    }

    // Says whom it means by the name it gave the kernel.
    let mut router = RouterSocket::new();
    let mut events = router.monitor();
    router.connect(&shell).await.unwrap();
    let Ok(SocketEvent::Connected(_, kernel)) = events.try_recv() else {
        panic!("the router is not connected");
    };
    let (id, mut frames) = pen.write("kernel_info_request", json!({}), Vec::new());
    frames.insert(0, kernel.into());
    let request = ZmqMessage::try_from(frames).unwrap();
    router.send(request).await.unwrap();
    assert_eq!(pen.hear(&mut router).await.parent, Some(id));
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_begin_and_end() {
    let connection = connection();
    let _kernel = kernel_on(&connection);
    let pen = Pen::new(&connection);
    let heard = place(&connection, connection.iopub_port);
    let mut all = SubSocket::new();
    all.connect(&heard).await.unwrap();
    all.subscribe("kernel.").await.unwrap();
    let welcome = pen.hear(&mut all).await;
    assert_eq!(welcome.content, json!({ "subscription": "kernel." }));
    let mut other = XSubSocket::new();
    other.connect(&heard).await.unwrap();
    other.subscribe("stream").await.unwrap();
    assert_eq!(
        pen.hear(&mut other).await.content,
        json!({ "subscription": "stream" })
    );

    let mut shell = dealer(&connection, connection.shell_port).await;
    let id = pen.say(&mut shell, "kernel_info_request", json!({})).await;
    assert_eq!(words(&pen.output_of(&id, &mut all).await), ["busy", "idle"]);
    assert!(within(QUIET, other.recv()).await.is_none());

    all.unsubscribe("kernel.").await.unwrap();
    // In force when what came after it on the same connection is.
    all.subscribe("mark").await.unwrap();
    assert_eq!(
        pen.hear(&mut all).await.content,
        json!({ "subscription": "mark" })
    );
    pen.say(&mut shell, "kernel_info_request", json!({})).await;
    assert!(within(QUIET, all.recv()).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_finds_the_kernel_that_was_restarted() {
    let connection = connection();
    // Its sockets are closed with its runtime.
    let process = Runtime::new().unwrap();
    let first = process.spawn(serve(connection.clone(), IdlePolicy::Lazy, Arc::default()));
    let pen = Pen::new(&connection);
    let mut iopub = SubSocket::new();
    let heard = place(&connection, connection.iopub_port);
    iopub.connect(&heard).await.unwrap();
    iopub.subscribe("").await.unwrap();
    assert_eq!(pen.hear(&mut iopub).await.kind, "iopub_welcome");
    let mut control = dealer(&connection, connection.control_port).await;
    pen.say(&mut control, "shutdown_request", json!({ "restart": true }))
        .await;
    within(PATIENCE, first)
        .await
        .expect("the kernel ends")
        .unwrap();
    spawn_blocking(|| drop(process)).await.unwrap();

    let _second = kernel_on(&connection);
    // The crate connects and subscribes again by itself; what the first kernel still said comes before.
    let welcomed = async {
        loop {
            if let Ok(message) = iopub.recv().await
                && Message::read(&pen.signer, message.into_vec()).kind == "iopub_welcome"
            {
                break;
            }
        }
    };
    within(PATIENCE, welcomed).await.expect("a welcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn sockets_that_do_not_fit_do_not_connect() {
    let connection = connection();
    let _kernel = kernel_on(&connection);
    // The kernel has bound all sockets once this one is there.
    let _shell = dealer(&connection, connection.shell_port).await;
    let iopub = place(&connection, connection.iopub_port);
    let shell = place(&connection, connection.shell_port);
    let refusals = [
        DealerSocket::new().connect(&iopub).await,
        ReqSocket::new().connect(&iopub).await,
        SubSocket::new().connect(&shell).await,
    ];
    for refusal in refusals {
        let reason = refusal.unwrap_err().to_string();
        assert!(reason.contains("not compatible"), "{reason}");
    }
}
