//! The table: every request of a page and every command of a cell, and who carries it out.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::{Command, CommandReply, Progress, Reply, Request, WireError};

use crate::Session;
use crate::handlers::{change, files, pictures, values};
use crate::view::{Picture, ViewKey};
use crate::{journal, save};

type Answer = Box<dyn FnOnce(Reply, Vec<Bytes>) + Send>;

pub(crate) fn request(session: &Arc<Session>, page: &str, request: Request, answer: Answer) {
    let key = |view, picture| ViewKey {
        page: page.to_owned(),
        view,
        picture,
    };
    match request {
        Request::Frame(wish) => {
            let key = key(wish.view, Picture::Frame);
            picture(
                session,
                key,
                wish.generation,
                answer,
                move |session, queued| pictures::frame(session, &wish, queued),
            );
        }
        Request::Navigator(wish) => {
            let key = key(wish.view, Picture::Navigator);
            picture(session, key, wish.generation, answer, move |session, _| {
                pictures::navigator(session, &wish)
            });
        }
        Request::Hello {
            request_id,
            protocol,
        } => changed(session, request_id, answer, move |session| {
            change::hello(session, request_id, protocol)
        }),
        Request::SetParams {
            request_id,
            node,
            params,
        } => changed(session, request_id, answer, move |session| {
            change::set_params(session, node, &params)?;
            Ok(done(request_id, None))
        }),
        Request::AddOperation {
            request_id,
            parent,
            operation,
            params,
        } => changed(session, request_id, answer, move |session| {
            let node = change::add_node(session, parent, &operation, &params)?;
            Ok(done(request_id, Some(node)))
        }),
        Request::RemoveNode { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                change::remove(session, node)?;
                Ok(done(request_id, None))
            });
        }
        Request::Compute { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                change::start(session, node)?;
                Ok(done(request_id, None))
            });
        }
        Request::Cancel { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                change::cancel(session, node)?;
                Ok(done(request_id, None))
            });
        }
    }
}

pub(crate) fn command(
    session: &Arc<Session>,
    command: Command,
    interrupted: &dyn Fn() -> bool,
    progress: &mut dyn FnMut(&Progress),
) -> Result<CommandReply, WireError> {
    match command {
        Command::Open { path, options } => files::open(session, &path, &options),
        Command::AddNode {
            parent,
            operation,
            params,
        } => change::add_node(session, parent, &operation, &params)
            .and_then(|node| values::described(session, node)),
        Command::SetParams { node, params } => change::set_params(session, node, &params)
            .and_then(|()| values::described(session, node)),
        Command::Name { node, name } => change::name(session, node, &name),
        Command::Describe { node } => values::described(session, node),
        Command::Save { node, path } => save::save(session, node, &path, interrupted, progress),
        Command::Compute { node } => save::compute(session, node, interrupted, progress),
        Command::Remove { node } => change::remove(session, node).map(|()| CommandReply::default()),
        Command::Values { node, index } => values::values(session, node, &index, interrupted),
        Command::Peaks { node, index } => values::peaks(session, node, &index, interrupted),
        Command::Tree => Ok(values::tree(session)),
        Command::Restore => journal::restore(session),
    }
}

fn done(request_id: u32, node: Option<u32>) -> Reply {
    Reply::Done { request_id, node }
}

/// Queues the picture of a view. Whatever happens, its slot is freed by a reply.
fn picture(
    session: &Arc<Session>,
    key: ViewKey,
    generation: u32,
    answer: Answer,
    work: impl FnOnce(&Arc<Session>, Instant) -> Result<(Reply, Vec<Bytes>), WireError> + Send + 'static,
) {
    let queued = Instant::now();
    let view = key.view;
    let weak = Arc::downgrade(session);
    let job = move || {
        let Some(session) = weak.upgrade() else {
            return;
        };
        match answered(|| work(&session, queued)) {
            Ok((reply, buffers)) => answer(reply, buffers),
            Err(error) => answer(
                Reply::Failed {
                    view,
                    generation,
                    error,
                },
                Vec::new(),
            ),
        }
    };
    session.workers.frame(key, Box::new(job));
}

/// Queues a change; changes are carried out one after the other.
fn changed(
    session: &Arc<Session>,
    request_id: u32,
    answer: Answer,
    work: impl FnOnce(&Arc<Session>) -> Result<Reply, WireError> + Send + 'static,
) {
    let weak = Arc::downgrade(session);
    let job = move || {
        let Some(session) = weak.upgrade() else {
            return;
        };
        let reply = answered(|| work(&session))
            .unwrap_or_else(|error| Reply::Refused { request_id, error });
        // The page knows the node before it hears that it was added.
        session.tell_tree_now();
        answer(reply, Vec::new());
    };
    if let Err(job) = session.workers.change(Box::new(job)) {
        // Too many wait: the page's own thread does the work, which slows the page down.
        job();
    }
}

/// A bug in a handler is an answer, not a view that waits for ever.
fn answered<T>(work: impl FnOnce() -> Result<T, WireError>) -> Result<T, WireError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(WireError::new(
            "internal",
            "the kernel met a bug while answering",
            "the log has the details; please report it",
        ))
    })
}
