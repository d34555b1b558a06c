//! A session with one small scan, and the messages of a page.

#![allow(dead_code)] // each test target uses its part

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::scan_files::write_npy;
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use protocol::{
    Command, CommandReply, Detail, FrameReply, FrameRequest, NodeKind, OpenOptions, Reply, Request,
    WireError,
};
use serde_json::{Value, json};
use session::{Config, Session};
use signal::{ElementType, Frame, FrameFunction, NavigationIndex, Output};

pub const SHAPE: [usize; 4] = [5, 7, 24, 20];

pub struct SessionFixture {
    pub session: Arc<Session>,
    pub folder: tempfile::TempDir,
}

impl SessionFixture {
    pub fn new() -> Result<SessionFixture> {
        let folder = tempfile::tempdir()?;
        write_npy(&folder.path().join("scan.npy"), SHAPE)?;
        Ok(SessionFixture {
            session: Session::new(Config::default()),
            folder,
        })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn run(&self, command: Command) -> Result<CommandReply, WireError> {
        self.session.command(command, &|| false, &mut |_| {})
    }

    pub fn open(&self) -> Result<u32> {
        open(&self.session, &self.path("scan.npy"))
    }

    pub fn add(&self, parent: u32, operation: &str, params: Value) -> Result<u32, WireError> {
        self.add_with(parent, &[], operation, params)
    }

    /// The same with what the operation takes beside its first parent.
    pub fn add_with(
        &self,
        parent: u32,
        further: &[u32],
        operation: &str,
        params: Value,
    ) -> Result<u32, WireError> {
        let reply = self.run(Command::AddNode {
            parents: [&[parent], further].concat(),
            operation: operation.into(),
            params,
        })?;
        Ok(reply.node.unwrap_or_default())
    }
}

/// The scan and an annulus of it.
pub fn annulus(fixture: &SessionFixture) -> Result<(u32, u32)> {
    let scan = fixture.open()?;
    let given = json!({"inner_radius": 2.0, "outer_radius": 5.0});
    Ok((scan, fixture.add(scan, "virtual_annulus", given)?))
}

pub fn save(fixture: &SessionFixture, node: u32, path: &Path) -> Result<(), WireError> {
    fixture
        .run(Command::Save {
            node,
            path: path.display().to_string(),
            options: Default::default(),
        })
        .map(drop)
}

pub fn open(session: &Arc<Session>, path: &Path) -> Result<u32> {
    let command = Command::Open {
        path: path.display().to_string(),
        options: OpenOptions::default(),
    };
    let reply = session.command(command, &|| false, &mut |_| {})?;
    reply.node.context("no node")
}

pub fn ask(session: &Arc<Session>, request: Request) -> Result<(Reply, Vec<Bytes>)> {
    let answers = ask_later(session, request);
    Ok(answers.recv_timeout(Duration::from_secs(20))?)
}

pub fn ask_later(session: &Arc<Session>, request: Request) -> Receiver<(Reply, Vec<Bytes>)> {
    let (tell, answers) = channel();
    session.request(
        request,
        Box::new(move |reply, buffers| drop(tell.send((reply, buffers)))),
    );
    answers
}

pub fn frame_request(node: u32, index: [u32; 2], size_px: [u32; 2]) -> Request {
    Request::Frame(FrameRequest {
        view: 1,
        generation: 3,
        node,
        index: index.to_vec(),
        component: 0,
        size_px,
        part: None,
        detail: Detail::Settled,
        draft: None,
        region: None,
        direction: None,
    })
}

/// What is there at once: of peaks that are measured first the pattern alone.
pub fn frame_now(session: &Arc<Session>, request: Request) -> Result<(FrameReply, Vec<Bytes>)> {
    match ask(session, request)? {
        (Reply::Frame(reply), buffers) => Ok((reply, buffers)),
        (other, _) => bail!("{other:?}"),
    }
}

/// With peaks, where the node has them.
pub fn frame_of(session: &Arc<Session>, request: Request) -> Result<(FrameReply, Vec<Bytes>)> {
    loop {
        let (reply, buffers) = frame_now(session, request.clone())?;
        let described = session.description(reply.node);
        let waits = described.is_some_and(|node| node.kind == NodeKind::Peaks);
        if !waits || reply.peak_count.is_some() {
            return Ok((reply, buffers));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A closure as a cell makes it: square roots, with a panic where told.
pub struct Root {
    pub panics_at: Option<NavigationIndex>,
}

impl FrameFunction for Root {
    fn input(&self) -> ElementType {
        ElementType::F32
    }
    fn output(&self) -> Option<ElementType> {
        Some(ElementType::F32)
    }
    fn call(&self, input: &Frame, at: NavigationIndex) -> Result<Output, String> {
        if self.panics_at == Some(at) {
            return Err("the closure panicked: index out of bounds".into());
        }
        let pixels = input.to_f32().iter().map(|pixel| pixel.sqrt()).collect();
        Frame::from_vec(input.shape(), pixels).map(Output::Frame)
    }
}

/// A closure that takes long for every frame.
pub struct Slow(pub Duration);

impl FrameFunction for Slow {
    fn input(&self) -> ElementType {
        ElementType::F32
    }
    fn output(&self) -> Option<ElementType> {
        Some(ElementType::F32)
    }
    fn call(&self, input: &Frame, _at: NavigationIndex) -> Result<Output, String> {
        std::thread::sleep(self.0);
        Ok(Output::Frame(input.cast(ElementType::F32)))
    }
}

/// Samples of 32 bit as they are sent.
pub fn floats(bytes: &[u8]) -> Vec<f32> {
    (bytes.chunks_exact(4))
        .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        .collect()
}
