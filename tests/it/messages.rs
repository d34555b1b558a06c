//! Every message of page and kernel as JSON in `tests/messages/`, read by this test and by the widget's.
//!
//! `UPDATE_MESSAGES=1 cargo test --release -p tests --test it -- messages` writes them anew; look at the difference before
//! committing it, since a page of an older kernel reads them too.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use protocol::{
    Attention, Detail, Encoding, Event, FramePart, FrameReply, FrameRequest, FrameSpace, Measuring,
    MenuEntry, NavigationRegion, NavigatorReply, NavigatorRequest, NodeChange, NoticeLevel,
    PROTOCOL_VERSION, Progress, ProgressState, RegionStatistic, Reply, Request, SampleType,
    SaveOptions, TimesMs, TreeChange, Welcome, WireError,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use session::{Config, Session};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("messages")
}

/// The tag of a message.
fn tag(message: &Value) -> &str {
    message["type"].as_str().unwrap_or("untagged")
}

/// Compares `messages` with `{kind}_{tag}.json` and checks that every variant of the exported type is there.
fn compare<T>(kind: &str, messages: Vec<T>) -> Result<()>
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let mut seen = BTreeSet::new();
    for message in messages {
        let value = serde_json::to_value(&message)?;
        let name = format!("{kind}_{}.json", tag(&value));
        let path = folder().join(&name);
        if std::env::var_os("UPDATE_MESSAGES").is_some() {
            std::fs::write(
                &path,
                format!("{}\n", serde_json::to_string_pretty(&value)?),
            )?;
        }
        let text = std::fs::read_to_string(&path).with_context(|| format!("{name} is missing"))?;
        let golden: Value = serde_json::from_str(&text)?;
        ensure!(value == golden, "{name} differs; now:\n{value:#}");
        let parsed: T = serde_json::from_value(golden)?;
        ensure!(parsed == message, "{name} is read as {parsed:?}");
        seen.insert(tag(&value).to_owned());
    }
    let exported = variants(kind)?;
    ensure!(
        seen == exported,
        "messages of {kind}: {exported:?}, golden: {seen:?}"
    );
    Ok(())
}

/// Tags in the exported TypeScript union.
fn variants(kind: &str) -> Result<BTreeSet<String>> {
    let typescript = protocol::typescript();
    let start = format!("type {kind} =");
    let declaration = typescript
        .split("export ")
        .find(|declaration| declaration.to_lowercase().starts_with(&start))
        .with_context(|| format!("{kind} is not exported"))?;
    Ok(declaration
        .split("\"type\": \"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .map(str::to_owned)
        .collect())
}

#[test]
fn requests() -> Result<()> {
    compare(
        "request",
        vec![
            Request::Hello {
                request_id: 1,
                protocol: PROTOCOL_VERSION,
            },
            Request::Frame(FrameRequest {
                view: 2,
                generation: 17,
                node: 3,
                index: vec![4, 5],
                component: 0,
                size_px: [640, 480],
                part: Some(part()),
                detail: Detail::Moving,
                draft: Some(json!({"radius": 4.5})),
                region: Some(NavigationRegion {
                    x0: 5,
                    y0: 4,
                    width: 64,
                    height: 32,
                    statistic: RegionStatistic::Mean,
                }),
                direction: Some([0, 1]),
            }),
            Request::Navigator(NavigatorRequest {
                view: 2,
                generation: 18,
                node: 3,
                index: vec![1, 3, 7],
                part: Some(part()),
            }),
            Request::SetParams {
                request_id: 2,
                node: 3,
                params: json!({"radius": 4.5}),
            },
            Request::AddOperation {
                request_id: 3,
                parents: vec![3],
                operation: "radial_median".into(),
                params: json!({}),
            },
            Request::Inputs {
                request_id: 11,
                node: 3,
                operation: Some("normalized_correlation".into()),
            },
            Request::Menu {
                request_id: 13,
                node: 3,
            },
            Request::Paths {
                request_id: 14,
                written: "masks/de".into(),
                endings: vec!["npy".into()],
            },
            Request::SetInputs {
                request_id: 12,
                node: 4,
                further: vec![7],
            },
            Request::RemoveNode {
                request_id: 4,
                node: 3,
            },
            Request::Undo {
                request_id: 8,
                node: 3,
            },
            Request::Redo {
                request_id: 9,
                node: 3,
            },
            Request::Branch {
                request_id: 10,
                node: 3,
            },
            Request::Compute {
                request_id: 5,
                node: 3,
            },
            Request::Cancel {
                request_id: 6,
                node: 3,
            },
            Request::Attention {
                request_id: 7,
                view: 2,
                node: 3,
                state: Attention::Hidden,
            },
            Request::SetBudget {
                request_id: 8,
                bytes: 4_294_967_296.0,
            },
            Request::Save {
                request_id: 7,
                node: 3,
                path: "results/flat.zarr".into(),
                options: SaveOptions {
                    format: None,
                    chunk: Some(vec![1, 4]),
                    shard: None,
                    compression: Some("lz4".into()),
                    fresh: true,
                },
                replace: true,
            },
        ],
    )
}

fn part() -> FramePart {
    FramePart {
        x0: 0,
        y0: 0,
        width: 112,
        height: 128,
    }
}

fn error() -> WireError {
    WireError {
        code: "decode".into(),
        message: "`scan` at scan position (4, 5): chunk 0/1 cannot be decoded".into(),
        hint: "other frames can still be read".into(),
        node: Some(3),
        index: Some(vec![4, 5]),
    }
}

#[test]
fn replies() -> Result<()> {
    let session = Session::new(Config::default());
    compare(
        "reply",
        vec![
            Reply::Welcome(Box::new(Welcome {
                request_id: 1,
                protocol: PROTOCOL_VERSION,
                tree: session.tree(),
                operations: session.operations(),
                budget_bytes: 1_073_741_824.0,
            })),
            Reply::Frame(FrameReply {
                view: 2,
                generation: 17,
                node: 3,
                revision: 1,
                index: vec![4, 5],
                component: 0,
                planes: 1,
                space: FrameSpace::Signal,
                width: 112,
                height: 128,
                full_width: 112,
                full_height: 128,
                part: part(),
                block: 1,
                sample: SampleType::U16,
                encoding: Encoding::Raw,
                percentiles: [1.0, 420.0],
                extrema: [0.0, 812.0],
                ranges: Vec::new(),
                peak_count: Some(44),
                complete: 1.0,
                draft: false,
                exact: true,
                filled: false,
                times_ms: TimesMs {
                    queue: 0.25,
                    compute: 1.5,
                    encode: 0.125,
                },
            }),
            Reply::Navigator(NavigatorReply {
                view: 2,
                generation: 18,
                node: 3,
                outer: vec![1],
                width: 56,
                height: 40,
                full_width: 56,
                full_height: 40,
                part: part(),
                block: 1,
                percentiles: [17.5, 21.0],
                extrema: [17.0, 22.0],
                stride: 4,
                complete: 0.0625,
                value_units: "counts".into(),
            }),
            Reply::Done {
                request_id: 3,
                node: Some(4),
            },
            Reply::Menu {
                request_id: 13,
                entries: vec![
                    MenuEntry {
                        operation: "radial_median".into(),
                        reason: None,
                    },
                    MenuEntry {
                        operation: "strain_map".into(),
                        reason: Some("the signal has frames, not peaks".into()),
                    },
                ],
            },
            Reply::Paths {
                request_id: 14,
                paths: vec!["masks/dead.npy".into(), "masks/old/".into()],
            },
            Reply::Inputs {
                request_id: 11,
                nodes: vec![7, 2],
            },
            Reply::Refused {
                request_id: 2,
                error: error(),
            },
            Reply::Failed {
                view: 2,
                generation: 17,
                error: error(),
            },
        ],
    )
}

#[test]
fn events() -> Result<()> {
    compare(
        "event",
        vec![
            Event::TreeChanged(TreeChange {
                since: 4,
                revision: 5,
                order: Some(vec![1, 3]),
                nodes: vec![NodeChange {
                    id: 3,
                    fields: Map::from_iter([("revision".into(), json!(2))]),
                    without: vec!["measured".into()],
                }],
            }),
            Event::Progress(Progress {
                node: 4,
                state: ProgressState::Running,
                done: 320.0,
                total: 2240.0,
                label: "saving strain.zspy".into(),
                message: "resumed, 10 % was there".into(),
                rate: Some(64.0),
                seconds_left: Some(30.0),
                kept: 224.0,
                can_resume: false,
                measuring: Some(Measuring {
                    node: 3,
                    name: "peaks".into(),
                    pass: 2,
                    passes: Some(3),
                    share: Some(0.5),
                    positions: Some(64.0),
                    seconds: Some(12.0),
                }),
            }),
            Event::NavigatorChanged {
                source: 1,
                complete: 0.5,
            },
            Event::Refined {
                node: 4,
                view: Some(2),
                complete: 0.25,
            },
            Event::Memory {
                used_bytes: 268_435_456.0,
                pinned_bytes: 65_536.0,
                budget_bytes: 1_073_741_824.0,
            },
            Event::Notice {
                level: NoticeLevel::Warning,
                message: "3 of 2240 scan positions failed".into(),
                hint: "they are blank".into(),
                node: Some(4),
            },
            Event::Picture {
                data: json!({"image/png": "iVBORw0KGgo=", "text/plain": "strain: (40, 56) map of ε_xx"}),
                metadata: json!({"image/png": {"width": 480}}),
            },
        ],
    )
}
