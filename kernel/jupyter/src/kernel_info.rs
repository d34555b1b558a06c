//! Who we are. Answered before any compiler exists, from constants only.

use serde_json::{Value, json};

use crate::wire::PROTOCOL_VERSION;

/// Content of `kernel_info_reply`. Written as JSON because the typed reply of the protocol crate
/// has no `supported_features`.
pub fn reply() -> Value {
    let version = env!("CARGO_PKG_VERSION");
    json!({
        "status": "ok",
        "protocol_version": PROTOCOL_VERSION,
        "implementation": "signaltree",
        "implementation_version": version,
        "language_info": {
            "name": "rust",
            "version": env!("CARGO_PKG_RUST_VERSION"),
            "mimetype": "text/x-rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
            "nbconvert_exporter": "script",
        },
        "banner": format!("SignalTree {version}: explore multidimensional microscopy data in Rust"),
        "help_links": [
            { "text": "The Rust language", "url": "https://doc.rust-lang.org/book/" },
            { "text": "The standard library", "url": "https://doc.rust-lang.org/std/" },
        ],
        "debugger": false,
        // No subshells: comms are served while a cell runs, so nothing needs them.
        "supported_features": [],
    })
}
