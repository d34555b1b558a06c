//! Widget models over their whole life: opened, asked, reloaded, run again, closed.

mod front_end;

use std::time::{Duration, Instant};

use bytes::Bytes;
use front_end::{Channel, FrontEnd, Message};
use jupyter::widget_backend::IdlePolicy;
use serde_json::{Value, json};

/// Runs `show` in a cell and returns the id of the model.
fn show(page: &mut FrontEnd, cell: &str) -> String {
    let id = page.execute_in(cell, "show 5");
    let output = page.output_of(&id);
    page.reply(Channel::Shell);
    let open = output
        .iter()
        .find(|message| message.kind == "comm_open")
        .expect("no comm_open");
    open.content["comm_id"].as_str().unwrap().to_owned()
}

fn comm(page: &mut FrontEnd, comm_id: &str, data: Value) -> String {
    page.send(
        Channel::Shell,
        "comm_msg",
        json!({ "comm_id": comm_id, "data": data }),
    )
}

/// The answer of the engine to a custom message.
fn ask(page: &mut FrontEnd, model: &str, content: Value) -> Message {
    let id = comm(
        page,
        model,
        json!({ "method": "custom", "content": content }),
    );
    loop {
        let message = page.published();
        if message.kind == "comm_msg" && message.parent.as_deref() == Some(id.as_str()) {
            return message;
        }
    }
}

#[test]
fn a_cell_opens_a_model_and_shows_it_with_a_picture_and_a_line() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let id = page.execute_in("c1", "show 5");
    let output = page.output_of(&id);
    let words: Vec<_> = output.iter().map(Message::word).collect();
    assert_eq!(
        words,
        ["busy", "execute_input", "comm_open", "display_data", "idle"]
    );
    let (open, shown) = (&output[2], &output[3]);
    assert_eq!(open.metadata["version"], "2.1.0");
    let state = &open.content["data"]["state"];
    assert_eq!(
        (&state["_model_module"], &state["node"]),
        (&json!("anywidget"), &json!(5))
    );
    assert!(state["_esm"].as_str().unwrap().contains("export"));
    assert_eq!(open.content["data"]["buffer_paths"], json!([["poster"]]));
    assert_eq!(open.buffers, [Bytes::from_static(b"\x89PNG")]);
    let data = &shown.content["data"];
    assert_eq!(
        data["application/vnd.jupyter.widget-view+json"]["model_id"],
        open.content["comm_id"]
    );
    assert_eq!(
        (&data["image/png"], &data["text/plain"]),
        (&json!("iVBORw=="), &json!("<node 5>"))
    );

    let id = page.execute("show 13");
    let output = page.output_of(&id);
    assert!(output.iter().all(|message| message.kind != "comm_open"));
    assert_eq!(
        output[2].content["data"]["text/plain"],
        "This signal cannot be shown: there is no node 13"
    );
}

#[test]
fn requests_are_answered_at_once_while_a_cell_runs_and_idle_is_owed() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let model = show(&mut page, "c1");
    let answer = ask(&mut page, &model, json!({ "n": 1 }));
    assert_eq!(
        answer.content["data"],
        json!({ "method": "custom", "content": { "n": 1 } })
    );
    assert_eq!(answer.buffers, [Bytes::from_static(&[1, 2, 3])]);
    let idle = page.published();
    assert_eq!((idle.word().as_str(), idle.parent), ("idle", answer.parent));

    let cell = page.execute("sleep 1000");
    while page.published().kind != "execute_input" {}
    let began = Instant::now();
    let first = ask(&mut page, &model, json!({ "n": 2 }));
    let second = ask(&mut page, &model, json!({ "n": 3 }));
    assert!(
        began.elapsed() < Duration::from_millis(300),
        "{:?}",
        began.elapsed()
    );
    // The indicator must not say idle while the cell runs.
    let next_idle = page.published();
    assert_eq!(
        (next_idle.word().as_str(), next_idle.parent.as_deref()),
        ("idle", Some(cell.as_str()))
    );
    // Each answer comes from a thread of its own, so the order in which they owe is open.
    let paid = [page.published().parent, page.published().parent];
    let asked = [first.parent, second.parent];
    assert!(paid.iter().all(|parent| asked.contains(parent)) && paid[0] != paid[1]);
}

#[test]
fn the_strict_policy_brackets_every_answer() {
    let mut page = FrontEnd::start(IdlePolicy::Strict);
    let model = show(&mut page, "c1");
    let id = comm(
        &mut page,
        &model,
        json!({ "method": "custom", "content": { "n": 1 } }),
    );
    let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "comm_msg", "idle"]);
    // A request that the engine drops still ends.
    let id = comm(
        &mut page,
        &model,
        json!({ "method": "custom", "content": { "silent": true } }),
    );
    let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "idle"]);
}

#[test]
fn a_reloaded_page_gets_every_model_back() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let model = show(&mut page, "c1");
    let id = comm(
        &mut page,
        &model,
        json!({ "method": "update", "state": { "position": [3, 7] }, "buffer_paths": [] }),
    );
    let output = page.output_of(&id);
    assert_eq!(output[1].content["data"]["method"], "echo_update");
    assert_eq!(
        output[1].content["data"]["state"],
        json!({ "position": [3, 7] })
    );
    assert_eq!(
        page.pictures.updates.lock().unwrap()[0]["position"],
        json!([3, 7])
    );

    // Also while a cell runs.
    page.execute("sleep 600");
    let began = Instant::now();
    let control =
        json!({ "comm_id": "control", "target_name": "jupyter.widget.control", "data": {} });
    page.send_with(
        Channel::Shell,
        "comm_open",
        control,
        json!({ "version": "1.0.0" }),
        Vec::new(),
    );
    let id = comm(&mut page, "control", json!({ "method": "request_states" }));
    let states = page.output_of(&id).remove(1);
    assert!(began.elapsed() < Duration::from_millis(500));
    let data = &states.content["data"];
    assert_eq!(
        (&states.content["comm_id"], &data["method"]),
        (&json!("control"), &json!("update_states"))
    );
    assert_eq!(data["states"][&model]["state"]["position"], json!([3, 7]));
    assert_eq!(data["buffer_paths"], json!([[model, "state", "poster"]]));
    assert_eq!(states.buffers.len(), 1);
    page.send(
        Channel::Shell,
        "comm_close",
        json!({ "comm_id": "control", "data": {} }),
    );

    // The fallback of a page that got no answer in time.
    page.send(
        Channel::Shell,
        "comm_info_request",
        json!({ "target_name": "jupyter.widget" }),
    );
    let comms = page.reply(Channel::Shell).content["comms"].clone();
    assert_eq!(
        comms,
        json!({ &model: { "target_name": "jupyter.widget" } })
    );
    let id = comm(&mut page, &model, json!({ "method": "request_state" }));
    let update = page.output_of(&id).remove(1);
    assert_eq!(update.content["data"]["method"], "update");
    assert_eq!(update.content["data"]["state"]["_model_name"], "AnyModel");
}

#[test]
fn running_a_cell_again_replaces_its_model_and_no_other() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let (first, other) = (show(&mut page, "c1"), show(&mut page, "c2"));
    let id = page.execute_in("c1", "show 6");
    let output = page.output_of(&id);
    let closed: Vec<_> = output
        .iter()
        .filter(|message| message.kind == "comm_close")
        .collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].content["comm_id"], first.as_str());
    assert_eq!(
        *page.pictures.closed.lock().unwrap(),
        std::slice::from_ref(&first)
    );
    page.reply(Channel::Shell);
    // What was computed for it waits for the cell that makes it again, and no longer.
    let told = page.pictures.cells.lock().unwrap().split_off(4);
    let closes = format!("closes {first}");
    assert_eq!(told, ["begins", closes.as_str(), "c1 ended"]);
    page.execute_in("c2", "error Oh");
    page.reply(Channel::Shell);
    let failed = page.pictures.cells.lock().unwrap().pop();
    assert_eq!(failed.as_deref(), Some("c2 failed"));
    // A page closes a model; the kernel forgets it.
    page.send(
        Channel::Shell,
        "comm_close",
        json!({ "comm_id": other, "data": {} }),
    );
    page.send(Channel::Shell, "comm_info_request", json!({}));
    let comms = page.reply(Channel::Shell).content["comms"].clone();
    while page.pictures.closed.lock().unwrap().len() < 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(comms.as_object().unwrap().len() <= 2);
}

/// Ids of the models that a cell closed and opened.
fn models(output: &[Message]) -> [Vec<String>; 2] {
    ["comm_close", "comm_open"].map(|kind| {
        (output.iter().filter(|message| message.kind == kind))
            .map(|message| message.content["comm_id"].as_str().unwrap().to_owned())
            .collect()
    })
}

#[test]
fn without_names_of_cells_the_same_text_replaces_what_no_page_has_asked_for() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let mut run = |code: &str| {
        let id = page.execute(code);
        let output = page.output_of(&id);
        page.reply(Channel::Shell);
        models(&output)
    };
    let [_, first] = run("show 5");
    let [closed, other] = run("show 5\nvalue 1");
    assert!(closed.is_empty(), "another cell");
    let [closed, second] = run("show 5");
    assert_eq!(closed, first);
    // A page shows it: the same text may be that of another cell.
    ask(&mut page, &second[0], json!({ "n": 1 }));
    let id = page.execute("show 5");
    let [closed, third] = models(&page.output_of(&id));
    assert!(closed.is_empty() && third.len() == 1);
    // And a page that loads again has them all.
    page.reply(Channel::Shell);
    page.send(
        Channel::Shell,
        "comm_open",
        json!({ "comm_id": "control", "target_name": "jupyter.widget.control", "data": {} }),
    );
    let id = comm(&mut page, "control", json!({ "method": "request_states" }));
    page.output_of(&id);
    for code in ["show 5", "show 5\nvalue 1"] {
        let id = page.execute(code);
        let [closed, _] = models(&page.output_of(&id));
        assert!(closed.is_empty(), "{other:?} {closed:?}");
        page.reply(Channel::Shell);
    }
}

#[test]
fn cleared_outputs_take_their_models_with_them() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let kept = show(&mut page, "c1");
    // `clear` waits for the next output.
    let id = page.execute_in(
        "c2",
        "show 5\nclear\nsleep 1\nshow 6\nprint text\nclear\nshow 7",
    );
    let output = page.output_of(&id);
    let [closed, opened] = models(&output);
    assert_eq!(closed, opened[..2]);
    let words: Vec<_> = output.iter().map(Message::word).collect();
    let at = |word: &str| words.iter().position(|found| found == word);
    assert!(at("clear_output") < at("comm_close"), "{words:?}");
    assert!(!closed.contains(&kept));
}

#[test]
fn the_engine_knows_which_nodes_an_open_model_shows() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let model = show(&mut page, "c1");
    let state = json!({ "node": 8, "panes": [{ "key": 0, "node": 9 }, { "key": 1, "node": 8 }] });
    let update = json!({ "method": "update", "state": state, "buffer_paths": [] });
    let id = comm(&mut page, &model, update);
    page.output_of(&id);
    let shown = page.pictures.shown.lock().unwrap().clone();
    assert_eq!(shown, [(model, vec![5, 8, 9])]);
    // The output is drawn again when the map of any pane is computed.
    let comms = page.pictures.links.get().unwrap().comms.clone();
    comms.computed(7);
    comms.computed(9);
    assert_eq!(page.published().kind, "update_display_data");
}

#[test]
fn an_output_of_a_half_computed_map_is_replaced_once() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let id = page.execute("show 5");
    let output = page.output_of(&id);
    let shown = output
        .iter()
        .find(|message| message.kind == "display_data")
        .unwrap();
    let comms = page.pictures.links.get().unwrap().comms.clone();
    comms.computed(7);
    comms.computed(5);
    comms.computed(5);
    let replaced = page.published();
    assert_eq!(
        (replaced.kind.as_str(), replaced.parent),
        ("update_display_data", Some(id))
    );
    assert_eq!(replaced.content["transient"], shown.content["transient"]);
    assert_eq!(replaced.content["data"]["text/plain"], "<node 5, whole>");
    let view = "application/vnd.jupyter.widget-view+json";
    assert_eq!(replaced.content["data"][view], shown.content["data"][view]);
    assert!(page.published_within(Duration::from_millis(200)).is_none());
}

#[test]
fn an_output_keeps_its_picture_while_somebody_works_in_it() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let model = show(&mut page, "c1");
    ask(&mut page, &model, json!({ "n": 1 }));
    let asked = Instant::now();
    let comms = page.pictures.links.get().unwrap().comms.clone();
    comms.computed(5);
    let replaced = loop {
        let message = page.published();
        if message.kind == "update_display_data" {
            break message;
        }
    };
    assert_eq!(replaced.content["data"]["text/plain"], "<node 5, whole>");
    assert!(asked.elapsed() >= Duration::from_millis(900));
}

#[test]
fn an_output_is_drawn_again_as_a_page_shows_it() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let model = show(&mut page, "c1");
    let update = |state: Value| json!({ "method": "update", "state": state, "buffer_paths": [] });
    comm(&mut page, &model, update(json!({ "zoom": 2 })));
    comm(&mut page, &model, update(json!({ "colormap": "magma" })));
    let replaced = loop {
        let message = page.published();
        if message.kind == "update_display_data" {
            break message;
        }
    };
    assert_eq!(replaced.content["data"]["text/plain"], "<node 5 in magma>");
    assert_eq!(replaced.content["metadata"]["image/png"]["alt"], "node 5");
    // What looks the same is not sent again.
    comm(&mut page, &model, update(json!({ "colormap": "magma" })));
    let idle = Duration::from_millis(1800);
    while let Some(message) = page.published_within(idle) {
        assert_ne!(message.kind, "update_display_data");
    }
}

#[test]
fn a_program_that_only_executes_is_told_no_model_and_a_page_that_comes_gets_all() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let only = json!({ "code": "show 5", "allow_stdin": false });
    let id = page.send(Channel::Shell, "execute_request", only.clone());
    let output = page.output_of(&id);
    let words: Vec<_> = output.iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "execute_input", "display_data", "idle"]);
    let view = "application/vnd.jupyter.widget-view+json";
    let model = output[2].content["data"][view]["model_id"].clone();
    page.reply(Channel::Shell);
    page.send(
        Channel::Shell,
        "comm_open",
        json!({ "comm_id": "control", "target_name": "jupyter.widget.control", "data": {} }),
    );
    let asked = comm(&mut page, "control", json!({ "method": "request_states" }));
    let states = loop {
        let message = page.published();
        if message.kind == "comm_msg" && message.parent.as_deref() == Some(asked.as_str()) {
            break message;
        }
    };
    let states = states.content["data"]["states"]
        .as_object()
        .cloned()
        .unwrap();
    assert!(
        model
            .as_str()
            .is_some_and(|model| states.contains_key(model))
    );
    // From now on models are announced, whoever runs the cell.
    let id = page.send(Channel::Shell, "execute_request", only);
    let output = page.output_of(&id);
    assert!(output.iter().any(|message| message.kind == "comm_open"));
}

#[test]
fn an_event_reaches_every_model() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let models = [show(&mut page, "c1"), show(&mut page, "c2")];
    page.pictures
        .links
        .get()
        .unwrap()
        .comms
        .send_event(None, &json!({ "type": "tree_changed" }));
    for model in models {
        let event = page.published();
        assert_eq!(
            (event.content["comm_id"].as_str(), event.parent),
            (Some(model.as_str()), None)
        );
        assert_eq!(event.content["data"]["content"]["type"], "tree_changed");
    }
}

#[test]
fn an_unknown_target_is_closed_on_iopub() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    let id = page.send(
        Channel::Shell,
        "comm_open",
        json!({ "comm_id": "x", "target_name": "elsewhere", "data": {} }),
    );
    let words: Vec<_> = page.output_of(&id).iter().map(Message::word).collect();
    assert_eq!(words, ["busy", "comm_close", "idle"]);
}

#[test]
fn the_echo_target_returns_what_it_gets() {
    let mut page = FrontEnd::start(IdlePolicy::Lazy);
    page.send(
        Channel::Shell,
        "comm_open",
        json!({ "comm_id": "e", "target_name": "kbench.echo", "data": {} }),
    );
    let buffer = Bytes::from(vec![9_u8; 1 << 20]);
    let content = json!({ "comm_id": "e", "data": { "op": "echo", "n": 3 } });
    page.send_with(
        Channel::Shell,
        "comm_msg",
        content,
        json!({}),
        vec![buffer.clone()],
    );
    loop {
        let message = page.published();
        if message.content["data"]["op"] == "echo" {
            assert_eq!(message.buffers, [buffer]);
            break;
        }
    }
    comm(
        &mut page,
        "e",
        json!({ "op": "burst", "count": 20, "size": 1000 }),
    );
    let mut seen = 0;
    while seen < 20 {
        seen += usize::from(page.published().content["data"]["op"] == "burst");
    }
}
