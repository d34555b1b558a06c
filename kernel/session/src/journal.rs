//! What a session writes down so that the next one can be where it was: the files that are open, the
//! operations with their parameters, the names, the open views. Kilobytes, and no pixel.
//!
//! Each kernel writes its own file and holds a lock beside it while it lives, so that kernels of one
//! notebook never write over each other and a killed one is told from a running one. `restore()` reads
//! the newest journal of the notebook whose kernel has ended.

mod file;
mod record;
mod restore;
mod stamp;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

pub use file::key;
pub use record::View;
pub(crate) use record::{Made, NodeRecord};
pub(crate) use restore::{Ids, bring_back, made_now, restore};
pub(crate) use stamp::Stamp;

use crate::Session;
use file::OwnFile;
use record::Record;

/// Changes within this time are written at once.
const PAUSE: Duration = Duration::from_millis(100);
/// Longest wait for the last writing of a kernel.
const LAST_WRITING: Duration = Duration::from_millis(300);

type Views = Box<dyn Fn() -> Vec<View> + Send + Sync>;

/// What the writing thread is told.
enum Word {
    Changed,
    /// The kernel is about to end: write now, and say so.
    Ends(Sender<()>),
}

/// The journal of a running session.
pub(crate) struct Journal {
    words: SyncSender<Word>,
    /// What the session before this one left.
    earlier: Option<Record>,
    views: Arc<OnceLock<Views>>,
}

/// Where a journal is kept, and whose it is.
#[derive(Clone, Debug)]
pub struct Place {
    /// Folder with the journals of all notebooks.
    pub folder: PathBuf,
    /// Path of the notebook, or of the working directory where none is known.
    pub notebook: PathBuf,
}

impl Session {
    /// Keeps a journal from now on, and remembers the earlier one of the same notebook. Writing happens
    /// on a thread of its own; what cannot be written is a line in the log.
    pub fn keep_journal(self: &Arc<Self>, place: &Place) {
        let earlier = file::newest_ended(place);
        if let Some(earlier) = &earlier {
            // The ids of the earlier nodes stay free: views on the page still speak of them.
            self.tree.reserve_ids(earlier.highest_id());
        }
        // One word waits at most: it says that something changed, not what.
        let (words, heard) = sync_channel(1);
        let views = Arc::new(OnceLock::new());
        let (session, place) = (Arc::downgrade(self), place.clone());
        let writer = Writer {
            session,
            views: views.clone(),
            file: OwnFile::new(&place),
            written: None,
        };
        let started = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || writer.run(&heard, &place));
        if let Err(error) = started {
            tracing::warn!("no journal is kept: its thread cannot be started: {error}");
        }
        let journal = Journal {
            words,
            earlier,
            views,
        };
        if self.journal.set(journal).is_err() {
            tracing::error!("a journal is kept already");
        }
    }

    /// `views` says which views are open, when the journal is written.
    pub fn journal_views(&self, views: impl Fn() -> Vec<View> + Send + Sync + 'static) {
        if let Some(journal) = self.journal.get()
            && journal.views.set(Box::new(views)).is_err()
        {
            tracing::error!("the journal knows the views already");
        }
    }

    /// The tree or the views have changed. Returns at once.
    pub fn journal_changed(&self) {
        if let Some(journal) = self.journal.get() {
            // Full: the writer has not yet looked, and will see this change too.
            let _ = journal.words.try_send(Word::Changed);
        }
    }

    /// The kernel is about to end in good order: what was not written yet is written, if the disk does
    /// not take too long.
    pub fn end_journal(&self) {
        let Some(journal) = self.journal.get() else {
            return;
        };
        let (done, written) = channel();
        if journal.words.send(Word::Ends(done)).is_ok() {
            let _ = written.recv_timeout(LAST_WRITING);
        }
    }

    /// Views that were open when the earlier session ended.
    pub fn earlier_views(&self) -> Vec<View> {
        self.earlier()
            .map(|record| record.views.clone())
            .unwrap_or_default()
    }

    pub(crate) fn earlier(&self) -> Option<&Record> {
        self.journal.get()?.earlier.as_ref()
    }
}

/// The thread that writes.
struct Writer {
    session: Weak<Session>,
    views: Arc<OnceLock<Views>>,
    file: OwnFile,
    /// The text that is on the disk.
    written: Option<String>,
}

impl Writer {
    fn run(mut self, heard: &Receiver<Word>, place: &Place) {
        file::remove_old(place);
        while let Ok(first) = heard.recv() {
            let mut ends = None;
            let mut last = Some(first);
            // What follows in one breath is written together; the end waits for nothing.
            let until = Instant::now() + PAUSE;
            while let Some(word) = last.take() {
                if let Word::Ends(done) = word {
                    ends = Some(done);
                    break;
                }
                match heard.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(word) => last = Some(word),
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => return,
                }
            }
            let Some(session) = self.session.upgrade() else {
                return;
            };
            let views = self.views.get().map(|views| views()).unwrap_or_default();
            let record = Record::of(&session, place, views);
            drop(session);
            self.write(&record);
            if let Some(done) = ends {
                let _ = done.send(());
            }
        }
    }

    fn write(&mut self, record: &Record) {
        // A kernel in which nothing was done has nothing to keep, and hides no earlier one.
        if record.nodes.is_empty() && self.written.is_none() {
            return;
        }
        let text = match serde_json::to_string(record) {
            Ok(text) => text,
            Err(error) => return tracing::error!("the journal cannot be written as JSON: {error}"),
        };
        if self.written.as_ref() == Some(&text) {
            return;
        }
        match self.file.write(&text) {
            Ok(()) => self.written = Some(text),
            Err(error) => tracing::warn!(
                "the journal {} cannot be written, restore() would not know of the last changes: {error}",
                self.file.path().display()
            ),
        }
    }
}

/// Node ids of the earlier session, and those the nodes have now.
pub(crate) type Moved = HashMap<u32, u32>;

/// The path as it is written into a journal: absolute, so that the next kernel finds it from anywhere, and
/// without what was pasted with it.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    let path = io::expanded(path);
    std::path::absolute(&path).unwrap_or(path)
}
