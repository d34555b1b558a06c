//! Commands and drags through a session, as a person causes them.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use protocol::{Command, CommandReply, Detail, FrameRequest, OpenOptions, Reply, Request};
use serde_json::Value;
use session::Session;

fn run(session: &Arc<Session>, command: Command) -> Result<CommandReply> {
    Ok(session.command(command, &|| false, &mut |_| {})?)
}

pub fn open(session: &Arc<Session>, path: &Path) -> Result<u32> {
    let command = Command::Open {
        path: path.display().to_string(),
        options: OpenOptions::default(),
    };
    run(session, command)?.node.context("no node")
}

pub fn add(session: &Arc<Session>, parent: u32, operation: &str, params: Value) -> Result<u32> {
    let command = Command::AddNode {
        parents: vec![parent],
        operation: operation.into(),
        params,
    };
    run(session, command)?.node.context("no node")
}

/// Frame requests of one view, one after the other; returns the time of each.
pub fn drag(session: &Arc<Session>, node: u32, positions: &[[u32; 2]]) -> Result<Vec<Duration>> {
    positions
        .iter()
        .enumerate()
        .map(|(generation, index)| {
            let (tell, answers) = channel();
            let started = Instant::now();
            let request = Request::Frame(FrameRequest {
                view: 1,
                generation: generation as u32,
                node,
                index: index.to_vec(),
                component: 0,
                size_px: [512, 512],
                part: None,
                detail: Detail::Moving,
                draft: None,
                region: None,
                direction: None,
            });
            session.request(request, Box::new(move |reply, _| drop(tell.send(reply))));
            match answers.recv_timeout(Duration::from_secs(30))? {
                Reply::Frame(reply) if reply.generation == generation as u32 => {
                    Ok(started.elapsed())
                }
                other => bail!("{other:?}"),
            }
        })
        .collect()
}
