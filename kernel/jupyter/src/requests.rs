//! Contents of requests as the types of the protocol crate, and the replies both routers give.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::comms::Comms;
use crate::iopub::Iopub;
use crate::kernel_info;
use crate::sockets::Replies;
use crate::wire::{Outgoing, Parent};

/// Reads a content, with the specification's defaults where a client left a field out or null.
///
/// # Errors
/// A sentence that names the request and what does not fit.
pub fn parse<T: DeserializeOwned>(
    msg_type: &str,
    mut content: Map<String, Value>,
    defaults: Value,
) -> Result<T, String> {
    if let Value::Object(defaults) = defaults {
        for (key, default) in defaults {
            let field = content.entry(key).or_insert(Value::Null);
            if field.is_null() {
                *field = default;
            }
        }
    }
    serde_json::from_value(Value::Object(content))
        .map_err(|error| format!("the content of {msg_type} does not fit: {error}"))
}

/// Content of a reply with status `error`.
pub fn error(ename: &str, evalue: &str) -> Value {
    json!({ "status": "error", "ename": ename, "evalue": evalue, "traceback": [] })
}

/// busy, the reply that `work` makes, idle. A panic becomes a reply too: nothing ends a loop.
pub fn answer(
    iopub: &Iopub,
    replies: &Replies,
    parent: &Arc<Parent>,
    work: impl FnOnce() -> Result<Value, String>,
) {
    iopub.status(Some(parent), "busy");
    let content = catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|panic| {
            Err(format!(
                "the kernel failed: {}",
                crate::execute::panic_text(&*panic)
            ))
        })
        .unwrap_or_else(|reason| error("InvalidRequest", &reason));
    replies.send(Outgoing::reply(parent, content));
    iopub.status(Some(parent), "idle");
}

/// Requests that shell and control answer alike; `None` if it is not one of them.
pub fn common(msg_type: &str, content: &Map<String, Value>, comms: &Comms) -> Option<Value> {
    match msg_type {
        "kernel_info_request" => Some(kernel_info::reply()),
        "comm_info_request" => {
            let target = content
                .get("target_name")
                .and_then(Value::as_str)
                .filter(|target| !target.is_empty());
            Some(json!({ "status": "ok", "comms": comms.list(target) }))
        }
        _ => None,
    }
}

/// Every other type: a request gets an error, anything else is only logged.
pub fn unknown(iopub: &Iopub, replies: &Replies, parent: &Arc<Parent>) {
    if parent.msg_type.ends_with("_request") {
        answer(iopub, replies, parent, || {
            Ok(error(
                "NotImplemented",
                &format!("{} is not supported by this kernel", parent.msg_type),
            ))
        });
    } else {
        tracing::warn!("ignored: {}", parent.msg_type);
    }
}
