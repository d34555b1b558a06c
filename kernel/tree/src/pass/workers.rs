//! The threads of a pass: blocks that they open, and pieces of the blocks of others.

use std::sync::Arc;

use super::Pass;
use super::block::Block;
use crate::compute::{Inner, guarded};
use crate::lock;
use crate::scheduler::work_for_a_pass;

/// What a worker does next.
pub(super) enum Task {
    Open(Arc<Block>),
    Help(Arc<Block>),
}

impl Inner {
    /// Starts the workers that are missing.
    pub(super) fn work_on(self: &Arc<Self>, pass: &Arc<Pass>) {
        loop {
            let number = {
                let mut state = lock(&pass.state);
                if state.unfinished.is_empty() || state.workers >= self.threads {
                    return;
                }
                state.workers += 1;
                state.workers
            };
            let (inner, of) = (self.clone(), pass.clone());
            let started = std::thread::Builder::new()
                .name(format!("pass-{number}"))
                .spawn(move || inner.work(&of));
            if let Err(error) = started {
                tracing::warn!("a thread of a pass could not be started: {error}");
                if number == 1 {
                    self.work(pass);
                } else {
                    lock(&pass.state).workers -= 1;
                }
                return;
            }
        }
    }

    /// The body of a worker.
    fn work(&self, pass: &Pass) {
        work_for_a_pass();
        loop {
            let task = {
                let mut state = lock(&pass.state);
                match pass.next(&mut state, self.ended.is_cancelled()) {
                    Some(task) => task,
                    None => {
                        state.workers -= 1;
                        pass.changed.notify_all();
                        return;
                    }
                }
            };
            let (Task::Open(block) | Task::Help(block)) = &task;
            let worked = guarded(|| match &task {
                Task::Open(block) => self.open(pass, block),
                Task::Help(block) => self.help(pass, block),
            });
            if let Err(text) = worked {
                tracing::error!("a pass over `{}` met a bug: {text}", pass.node.name);
            }
            if block.is_done() {
                pass.close(block);
            }
        }
    }

    /// Between two frames of slow work: quick subscribers who came meanwhile are served at once.
    pub(super) fn serve_quick(&self, pass: &Pass) {
        loop {
            let Some(block) = pass.open_next(&mut lock(&pass.state), true) else {
                return;
            };
            if let Err(text) = guarded(|| self.open(pass, &block)) {
                tracing::error!("a pass over `{}` met a bug: {text}", pass.node.name);
            }
            if block.is_done() {
                pass.close(&block);
            }
        }
    }

    /// Reads a block's chunk, shares it, and does its pieces until none is left.
    fn open(&self, pass: &Pass, block: &Block) {
        let _slot = self.scheduler.slot(block.priority);
        let opened = self.open_block(pass, block);
        block.publish(opened.clone());
        while let Some(claim) = block.claim() {
            self.piece(pass, block, &opened, claim.unit);
        }
    }

    /// One piece of a block that another worker opens.
    fn help(&self, pass: &Pass, block: &Block) {
        let opened = block.opened();
        let _slot = self.scheduler.slot(block.priority);
        if let Some(claim) = block.claim() {
            self.piece(pass, block, &opened, claim.unit);
        }
    }
}
