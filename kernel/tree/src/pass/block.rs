//! A chunk of a pass, and how its frames go to the subscribers.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use signal::{CancelToken, Chunk, ChunkId, NavigationIndex, Output, SourceError};

use super::chain::{Frames, Memo};
use super::{Pass, PieceSink, Subscription};
use crate::cache::{Cached, Key, Reservation};
use crate::compute::{Inner, guarded, stored_output};
use crate::scan::Place;
use crate::scheduler::Priority;
use crate::{Cause, ComputeError, lock};

/// A subscriber that takes longer than this per frame is not to hold back the others.
const SLOW_FRAME: Duration = Duration::from_micros(250);
/// Pixel bytes of quick work between two looks at whether somebody waits for a frame.
const LOOK_EVERY_BYTES: usize = 64 << 10;

/// Whether a subscriber takes long per frame, by the majority of its last samples: a stalled disk or another process
/// spoils one sample.
#[derive(Default)]
pub(super) struct Speed(AtomicI32);

impl Speed {
    /// Nobody is slow before it is measured.
    pub fn is_slow(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Measured, and not slow.
    fn is_quick(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 0
    }

    fn sample(&self, took: Duration) {
        let now = self.0.load(Ordering::Relaxed);
        let step = if took > SLOW_FRAME { 1 } else { -1 };
        self.0.store((now + step).clamp(-3, 4), Ordering::Relaxed);
    }
}

/// What the opener of a block found.
#[derive(Clone)]
pub(super) enum Opened {
    /// The one chunk of the block.
    Chunk(Result<Decoded, ComputeError>),
    /// Several small chunks in one piece, which are read on the way.
    Several,
}

/// A decoded chunk, counted in the memory budget while it is used.
#[derive(Clone)]
pub(super) struct Decoded {
    chunk: Arc<Chunk>,
    _reserved: Option<Arc<Reservation>>,
}

pub(super) struct Block {
    pub number: usize,
    units: Range<usize>,
    pub subscriptions: Vec<Arc<Subscription>>,
    pub priority: Priority,
    /// Opened for quick subscribers: one that turns out to be slow gets off and has the block opened again later.
    quick: bool,
    /// Opened between two frames of another block.
    nested: bool,
    /// One per subscription.
    detached: Vec<AtomicBool>,
    claimed: AtomicUsize,
    done: AtomicUsize,
    opened: Mutex<Option<Opened>>,
    changed: Condvar,
}

/// One piece that a worker has taken; done when this is dropped, also by a panic.
pub(super) struct Claim<'a> {
    block: &'a Block,
    pub unit: usize,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.block.done.fetch_add(1, Ordering::AcqRel);
    }
}

impl Block {
    pub fn new(
        number: usize,
        units: Range<usize>,
        subscriptions: Vec<Arc<Subscription>>,
        priority: Priority,
        quick: bool,
        nested: bool,
    ) -> Self {
        Block {
            number,
            units,
            detached: subscriptions
                .iter()
                .map(|_| AtomicBool::new(false))
                .collect(),
            quick: quick && subscriptions.len() > 1,
            nested,
            subscriptions,
            priority,
            claimed: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            opened: Mutex::new(None),
            changed: Condvar::new(),
        }
    }

    /// The next piece that nobody has.
    pub fn claim(&self) -> Option<Claim<'_>> {
        if self.claimed.load(Ordering::Relaxed) >= self.units.len() {
            return None;
        }
        let next = self.claimed.fetch_add(1, Ordering::AcqRel);
        (next < self.units.len()).then(|| Claim {
            block: self,
            unit: self.units.start + next,
        })
    }

    /// Whether this subscription is too slow for the others here; then its block is to be opened again.
    fn detaches(&self, subscription: usize) -> bool {
        let detaches = self.quick
            && self.subscriptions[subscription].speed.is_slow()
            && self
                .subscriptions
                .iter()
                .any(|other| !other.speed.is_slow());
        if detaches {
            self.detached[subscription].store(true, Ordering::Relaxed);
        }
        detaches
    }

    pub fn is_detached(&self, subscription: usize) -> bool {
        self.detached[subscription].load(Ordering::Relaxed)
    }

    pub fn has_unclaimed(&self) -> bool {
        self.claimed.load(Ordering::Relaxed) < self.units.len()
    }

    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire) >= self.units.len()
    }

    pub fn publish(&self, opened: Opened) {
        *lock(&self.opened) = Some(opened);
        self.changed.notify_all();
    }

    /// What the opener found, once it has.
    pub fn opened(&self) -> Opened {
        let mut opened = lock(&self.opened);
        loop {
            if let Some(opened) = &*opened {
                return opened.clone();
            }
            opened = (self.changed.wait(opened)).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Ends a read that nobody needs any more, when one subscriber alone has asked for it.
    fn cancel(&self) -> CancelToken {
        match self.subscriptions.as_slice() {
            [subscription] => subscription.subscriber.cancel.clone(),
            _ => CancelToken::new(),
        }
    }
}

/// A subscriber in one piece.
struct Going<'a> {
    number: usize,
    subscription: &'a Subscription,
    sink: Box<dyn PieceSink + 'a>,
    /// Its positions in this piece that are still to come, where its scan is not that of the file.
    places: &'a [Place],
}

impl Going<'_> {
    /// Whether a position of it is computed at this place of the piece.
    fn has(&self, within: usize) -> bool {
        let next = || self.places.first();
        self.subscription.moved.is_none()
            || next().is_some_and(|place| place.within as usize <= within)
    }

    /// Its positions there, which are then over.
    fn here(&mut self, within: usize) -> Vec<NavigationIndex> {
        let Some(moved) = &self.subscription.moved else {
            return Vec::new();
        };
        let count = (self.places).partition_point(|place| place.within as usize <= within);
        let (here, later) = self.places.split_at(count);
        self.places = later;
        here.iter().map(|place| moved.position(*place)).collect()
    }

    fn push_at(
        &mut self,
        inner: &Inner,
        frames: Frames<'_>,
        at: NavigationIndex,
        sampled: bool,
        memo: &mut Memo,
    ) {
        if !self.sink.wants(at) {
            return;
        }
        let subscription = self.subscription;
        let (cancel, stored) = (
            &subscription.subscriber.cancel,
            subscription.subscriber.stored,
        );
        let (output, chain_took) =
            (subscription.chain).output(inner, frames, stored, at, cancel, memo);
        if !sampled {
            self.sink.push(at, output);
            return;
        }
        let began = Instant::now();
        self.sink.push(at, output);
        subscription.speed.sample(chain_took + began.elapsed());
    }
}

/// Frames of one piece, from chunk to chunk.
struct Reader<'a> {
    inner: &'a Inner,
    pass: &'a Pass,
    block: &'a Block,
    now: Option<Result<Decoded, ComputeError>>,
    id: Option<ChunkId>,
}

impl Reader<'_> {
    fn frame(&mut self, at: NavigationIndex) -> Result<Output, ComputeError> {
        let inside = match &self.now {
            Some(Ok(now)) => now.chunk.contains(at),
            _ => false,
        };
        if !inside {
            let id = guarded(|| self.pass.source.chunk_at(at))
                .map_err(|text| ComputeError::new(&self.pass.node, Some(at), Cause::Panic(text)))?;
            if self.now.is_none() || self.id.is_some_and(|now| now != id) {
                let cancel = self.block.cancel();
                self.now = Some(
                    self.inner
                        .decoded(self.pass, id, self.block.priority, &cancel),
                );
                self.id = Some(id);
            }
        }
        match &self.now {
            Some(Ok(now)) => match now.chunk.frame(at) {
                Ok(frame) => Ok(stored_output(&self.pass.node, frame)),
                Err(error) => {
                    let cause = Cause::Source(error);
                    Err(ComputeError::new(&self.pass.node, Some(at), cause))
                }
            },
            Some(Err(error)) => {
                let cause = (*error.cause).clone();
                Err(ComputeError::new(&self.pass.node, Some(at), cause))
            }
            None => Err(ComputeError::new(
                &self.pass.node,
                Some(at),
                Cause::Cancelled,
            )),
        }
    }
}

impl Inner {
    /// Reads the chunk of a block that is one.
    pub(super) fn open_block(&self, pass: &Pass, block: &Block) -> Opened {
        match pass.units.chunk_of_block(block.number) {
            _ if !block
                .subscriptions
                .iter()
                .any(|subscription| subscription.chain.takes_frames()) =>
            {
                Opened::Several
            }
            Some(id) => {
                self.scheduler.yield_to_urgent(block.priority);
                Opened::Chunk(self.decoded(pass, id, block.priority, &block.cancel()))
            }
            None => Opened::Several,
        }
    }

    fn decoded(
        &self,
        pass: &Pass,
        id: ChunkId,
        priority: Priority,
        cancel: &CancelToken,
    ) -> Result<Decoded, ComputeError> {
        let fail = |cause| ComputeError::new(&pass.node, None, cause);
        if pass.total_bytes <= self.cache.memory().budget_bytes as u64 / 2 {
            let chunk =
                (self.chunk(&pass.node, &pass.source, id, priority, cancel)).map_err(|error| {
                    match *error.cause {
                        Cause::Source(refused) => fail(pass.refused(refused)),
                        cause => fail(cause),
                    }
                })?;
            return Ok(Decoded {
                chunk,
                _reserved: None,
            });
        }
        let key = Key::Chunk {
            file: pass.node.file.number,
            chunk: id,
        };
        if let Some(Cached::Chunk(chunk)) = self.cache.get(&key, priority)
            && matches!(guarded(|| pass.source.check()), Ok(Ok(())))
        {
            return Ok(Decoded {
                chunk,
                _reserved: None,
            });
        }
        self.count_chunk();
        let chunk = match guarded(|| pass.source.read_chunk(id, cancel)) {
            Ok(Ok(chunk)) => Arc::new(chunk),
            Ok(Err(SourceError::Cancelled)) => return Err(fail(Cause::Cancelled)),
            Ok(Err(error)) => return Err(fail(pass.refused(error))),
            Err(text) => return Err(fail(Cause::Panic(text))),
        };
        // Where the budget has no room for it, the pass goes on with this one chunk all the same.
        let reserved = match chunk.heap_bytes() {
            0 => None,
            bytes => self.cache.reserve(bytes).map(Arc::new),
        };
        Ok(Decoded {
            chunk,
            _reserved: reserved,
        })
    }

    /// Every frame of one piece to every subscriber, frame by frame.
    pub(super) fn piece(&self, pass: &Pass, block: &Block, opened: &Opened, unit: usize) {
        let positions = pass.units.positions(unit);
        if positions.is_empty() {
            return;
        }
        let mut going: Vec<Going<'_>> = (block.subscriptions.iter().enumerate())
            .filter(|(_, subscription)| !subscription.subscriber.cancel.is_cancelled())
            .filter(|(_, subscription)| !subscription.done[unit].load(Ordering::Relaxed))
            .filter(|(_, subscription)| {
                (subscription.moved.as_ref()).is_none_or(|moved| !moved.of(unit).is_empty())
            })
            .filter(|(_, subscription)| subscription.subscriber.consumer.wants(unit))
            .filter(|(number, _)| !block.detaches(*number))
            .filter_map(|(number, subscription)| {
                let (sink, places) = match &subscription.moved {
                    None => (
                        subscription.subscriber.consumer.begin(unit, &positions)?,
                        &[][..],
                    ),
                    Some(moved) => {
                        let places = moved.of(unit);
                        let own: Vec<NavigationIndex> = (places.iter())
                            .map(|place| moved.position(*place))
                            .collect();
                        (subscription.subscriber.consumer.begin(unit, &own)?, places)
                    }
                };
                Some(Going {
                    number,
                    subscription,
                    sink,
                    places,
                })
            })
            .collect();
        // Until it is known that nobody is slow, before every frame.
        let look_every = match going
            .iter()
            .all(|subscriber| subscriber.subscription.speed.is_quick())
        {
            true => (LOOK_EVERY_BYTES / pass.frame_bytes.max(1)).clamp(1, 8),
            false => 1,
        };
        let mut reader = Reader {
            inner: self,
            pass,
            block,
            now: match opened {
                Opened::Chunk(chunk) => Some(chunk.clone()),
                Opened::Several => None,
            },
            id: None,
        };
        let dead = pass.node.file.found.dead.get().and_then(Option::as_ref);
        let mut memo = Memo::default();
        let sampled = 1.min(positions.len() - 1);
        for (number, at) in positions.iter().enumerate() {
            if number % look_every == 0 {
                self.scheduler.yield_to_urgent(block.priority);
                if self.ended.is_cancelled() {
                    return;
                }
                if !block.nested
                    && going
                        .iter()
                        .any(|subscriber| subscriber.subscription.speed.is_slow())
                {
                    self.serve_quick(pass);
                }
                going
                    .retain(|subscriber| !subscriber.subscription.subscriber.cancel.is_cancelled());
                if going.is_empty() {
                    return;
                }
            }
            if !going.iter().any(|going| going.has(number)) {
                continue;
            }
            let takes_frames =
                |going: &Going<'_>| going.has(number) && going.subscription.chain.takes_frames();
            let frame = match going.iter().any(takes_frames) {
                true => reader.frame(*at),
                // Nobody looks at it.
                false => Err(ComputeError::new(&pass.node, Some(*at), Cause::Cancelled)),
            };
            let in_use = |going: &Going<'_>| {
                let subscription = going.subscription;
                subscription
                    .chain
                    .uses_frames(subscription.subscriber.stored)
            };
            let used = match (dead, &frame) {
                (Some(dead), Ok(Output::Frame(frame))) if going.iter().any(in_use) => {
                    Some(Ok(Output::Frame(dead.leave_out(frame))))
                }
                _ => None,
            };
            let frames = Frames {
                stored: &frame,
                used: used.as_ref().unwrap_or(&frame),
            };
            memo.clear();
            for going in &mut going {
                if going.subscription.moved.is_none() {
                    going.push_at(self, frames, *at, number == sampled, &mut memo);
                    continue;
                }
                for at in going.here(number) {
                    going.push_at(self, frames, at, true, &mut memo);
                }
            }
            if number == sampled {
                going.retain(|subscriber| !block.detaches(subscriber.number));
            }
        }
        for Going {
            subscription, sink, ..
        } in going
        {
            if !subscription.subscriber.cancel.is_cancelled() {
                sink.finish();
                subscription.done[unit].store(true, Ordering::Relaxed);
            }
        }
    }
}
