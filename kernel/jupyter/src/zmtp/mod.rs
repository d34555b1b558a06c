//! Sockets of ZeroMQ as far as a Jupyter kernel needs them: ROUTER and PUB over TCP and Unix sockets,
//! ZMTP 3.0 and 3.1 with the NULL mechanism (<https://rfc.zeromq.org/spec/23/>, <https://rfc.zeromq.org/spec/37/>).
//!
//! They exist because no library gives what a kernel of pictures needs at once: subscription events
//! (for `iopub_welcome`), queues bounded in bytes for each peer, frames shared between peers, and a
//! say in what a stalled subscriber loses.
//!
//! A message is written by the thread that sends it, if the peer takes it at once; only what it does
//! not take waits for the peer's own task. Nobody ever waits for a peer.

pub mod codec;
pub mod handshake;
mod listen;
mod outbox;
mod peer;
mod publisher;
mod router;
mod stream;

pub use listen::Endpoint;
pub use outbox::Importance;
pub use publisher::Publisher;
pub use router::{Inbox, Router, echo};
