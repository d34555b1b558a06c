//! The Jupyter side of SignalTree: sockets, messages, widgets, installation.
//!
//! The shell never waits for a cell: execution has its thread, completion another, comms a third,
//! and everything published leaves through one writer.

mod analyse;
pub mod batch;
pub mod cells;
pub mod comms;
mod control;
pub mod doctor;
mod execute;
mod history;
pub mod install;
mod iopub;
pub mod journal;
pub mod kernel;
mod kernel_info;
mod notebook;
mod output;
mod progress;
mod requests;
pub mod session_backend;
mod shell;
mod sockets;
mod stdin;
pub mod widget;
pub mod widget_backend;
pub mod wire;
pub mod zmtp;
