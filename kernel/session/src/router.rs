//! The table: every request of a page and every command of a cell, and who carries it out.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use protocol::{Command, CommandReply, NavigatorRequest, Progress, Reply, Request, WireError};
use tree::{Step, ViewId};

use crate::Session;
use crate::handlers::{change, files, inputs, lineage, memory, menu, paths, pictures, values};
use crate::request_queue::{Picture, QueueKey, QueuedRequest, RequestToken};
use crate::{caveats, convert, difference, journal, recipe, replay, save};

type Answer = Box<dyn FnOnce(Reply, Vec<Bytes>) + Send>;

/// The image a navigator shows: a request for another one ends it.
fn plane_of(request: &NavigatorRequest) -> u64 {
    let mut hasher = DefaultHasher::new();
    let outer = request.index.len().saturating_sub(2);
    (request.node, &request.index[..outer]).hash(&mut hasher);
    hasher.finish()
}

pub(crate) fn request(session: &Arc<Session>, page: &str, request: Request, answer: Answer) {
    let key = |view, picture| QueueKey {
        view: ViewId::new(page, view),
        picture,
    };
    match request {
        Request::Frame(request) => {
            let key = key(request.view, Picture::Frame);
            let focused = session.viewers.asks(&key.view, request.node);
            let view = key.view.clone();
            let context = RequestContext {
                subject: subject(session, &request),
                focused,
                generation: request.generation,
                key,
            };
            let request = Arc::new(request);
            let shown = request.clone();
            let seen = view.clone();
            picture(
                session,
                context,
                answer,
                move |session, queued, token| {
                    pictures::frame(session, &view, &request, queued, focused, &token.cancel)
                },
                move |session| pictures::set_viewport(session, &seen, &shown, focused),
            );
        }
        Request::Navigator(request) => {
            let context = RequestContext {
                subject: plane_of(&request),
                focused: false,
                generation: request.generation,
                key: key(request.view, Picture::Navigator),
            };
            picture(
                session,
                context,
                answer,
                move |session, _, token| pictures::navigator(session, &request, &token.cancel),
                |_| {},
            );
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
            parents,
            operation,
            params,
        } => changed(session, request_id, answer, move |session| {
            let node = change::add_node(session, &parents, &operation, &params)?;
            Ok(done(request_id, Some(change::by_hand(session, node))))
        }),
        Request::Menu { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                let entries = menu::of(session, node)?;
                Ok(Reply::Menu {
                    request_id,
                    entries,
                })
            });
        }
        Request::Inputs {
            request_id,
            node,
            operation,
        } => changed(session, request_id, answer, move |session| {
            let nodes = inputs::possible(session, node, operation.as_deref())?;
            Ok(Reply::Inputs { request_id, nodes })
        }),
        Request::Paths {
            request_id,
            written,
            endings,
        } => changed(session, request_id, answer, move |_| {
            let paths = paths::beginning(&written, &endings);
            Ok(Reply::Paths { request_id, paths })
        }),
        Request::SetInputs {
            request_id,
            node,
            further,
        } => changed(session, request_id, answer, move |session| {
            inputs::set(session, node, &further)?;
            Ok(done(request_id, None))
        }),
        Request::Undo { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                lineage::step(session, node, Step::Undo)?;
                Ok(done(request_id, None))
            });
        }
        Request::Redo { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                lineage::step(session, node, Step::Redo)?;
                Ok(done(request_id, None))
            });
        }
        Request::Branch { request_id, node } => {
            changed(session, request_id, answer, move |session| {
                let branch = lineage::branch(session, node)?;
                Ok(done(request_id, Some(change::by_hand(session, branch))))
            });
        }
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
        Request::Save {
            request_id,
            node,
            path,
            options,
            replace,
        } => changed(session, request_id, answer, move |session| {
            save::start(session, node, &path, &options, replace)?;
            Ok(done(request_id, None))
        }),
        Request::Attention {
            request_id,
            view,
            node,
            state,
        } => {
            session.set_attention(&ViewId::new(page, view), node, state);
            answer(done(request_id, None), Vec::new());
        }
        Request::SetBudget { request_id, bytes } => {
            changed(session, request_id, answer, move |session| {
                memory::set(session, bytes as u64)?;
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
            parents,
            operation,
            params,
        } => change::add_node(session, &parents, &operation, &params).and_then(|node| {
            let reply = values::described(session, node)?;
            Ok(caveats::with_remarks(session, reply, &[node]))
        }),
        Command::SetParams { node, params } => change::set_params(session, node, &params)
            .and_then(|()| values::described(session, node)),
        Command::Name { node, name } => change::name(session, node, &name),
        Command::Describe { node } => values::described(session, node),
        Command::Save {
            node,
            path,
            options,
        } => save::save(session, node, &path, &options, interrupted, progress),
        Command::Reshard {
            node,
            path,
            options,
        } => save::reshard(session, node, &path, &options, interrupted, progress),
        Command::Compute { node } => save::compute(session, node, interrupted, progress),
        Command::ComputeAll { nodes } => save::compute_all(session, &nodes, interrupted, progress),
        Command::Remove { node } => change::remove(session, node).map(|()| CommandReply::default()),
        Command::Values { node, index } => values::values(session, node, &index, interrupted),
        Command::Peaks { node, index } => values::peaks(session, node, &index, interrupted),
        Command::Tree => Ok(values::tree(session)),
        Command::Restore => journal::restore(session),
        Command::MemoryBudget { bytes } => bytes
            .map_or(Ok(()), |bytes| memory::set(session, bytes))
            .map(|()| memory::reply(session)),
        Command::Undo { node } => {
            lineage::step(session, node, Step::Undo).and_then(|()| values::described(session, node))
        }
        Command::Redo { node } => {
            lineage::step(session, node, Step::Redo).and_then(|()| values::described(session, node))
        }
        Command::Branch { node } => {
            lineage::branch(session, node).and_then(|branch| values::described(session, branch))
        }
        Command::Diff { a, b } => difference::between(session, a, b),
        Command::Export { node } => lineage::export(session, node),
        Command::Recipe { nodes, path } => recipe::write(session, &nodes, &path),
        Command::Replay { path, input } => replay::replay(session, &path, input.as_deref()),
        Command::Provenance { path } => lineage::provenance(&path),
    }
}

fn done(request_id: u32, node: Option<u32>) -> Reply {
    Reply::Done { request_id, node }
}

/// A picture somebody asks for.
struct RequestContext {
    subject: u64,
    focused: bool,
    generation: u32,
    key: QueueKey,
}

/// What a picture is of, apart from the scan position.
fn subject(session: &Session, request: &protocol::FrameRequest) -> u64 {
    let graph = session.tree.snapshot();
    let mut hasher = DefaultHasher::new();
    (request.node, request.component).hash(&mut hasher);
    graph
        .node(request.node)
        .map(|node| node.revision)
        .hash(&mut hasher);
    hasher.finish()
}

/// Queues the picture of a view. Whatever happens, its slot is freed by a reply to this request or to the one that
/// took its place. `after`: what is done once it is answered.
fn picture(
    session: &Arc<Session>,
    context: RequestContext,
    answer: Answer,
    work: impl FnOnce(&Arc<Session>, Instant, &RequestToken) -> Result<(Reply, Vec<Bytes>), WireError>
    + Send
    + 'static,
    after: impl FnOnce(&Arc<Session>) + Send + 'static,
) {
    let queued = Instant::now();
    let (view, generation) = (context.key.view.view, context.generation);
    let weak = Arc::downgrade(session);
    let job = move |token: &RequestToken| {
        let Some(session) = weak.upgrade() else {
            return;
        };
        let result = if token.is_hidden() {
            Err(convert::hidden())
        } else {
            answered(|| work(&session, queued, token))
        };
        let error = match result {
            Ok((reply, buffers)) => {
                answer(reply, buffers);
                // Of a view that was closed meanwhile nothing is remembered.
                if !token.is_hidden() {
                    after(&session);
                }
                return;
            }
            Err(_) if token.is_hidden() => convert::hidden(),
            // A newer request of the view has taken its place, and will be answered.
            Err(error) if token.cancel.is_cancelled() && error.code == "cancelled" => return,
            Err(error) => error,
        };
        let failed = Reply::Failed {
            view,
            generation,
            error,
        };
        answer(failed, Vec::new());
    };
    let request = QueuedRequest {
        subject: context.subject,
        focused: context.focused,
        job: Box::new(job),
    };
    session.request_queue.frame(context.key, request);
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
        session.notify_tree_now();
        answer(reply, Vec::new());
    };
    if let Err(job) = session.request_queue.change(Box::new(job)) {
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
