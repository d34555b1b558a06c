//! What waits for one peer: bounded in bytes, and what goes first when it does not fit.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Result};
use std::time::{Duration, Instant};

use super::codec::Encoded;

/// Memory of one waiting message beside its bytes.
const OVERHEAD: usize = 128;
/// Pieces handed to the operating system at once …
const PIECES: usize = 64;
/// … and their bytes, because senders wait while they are copied.
const AT_ONCE: usize = 1 << 20;
/// A sender that can wait does so from here on …
const CROWDED: usize = 8 << 20;
/// … as long as the peer takes this much within the sender's patience.
const PROGRESS: u64 = 256 << 10;

/// What a peer that does not read loses, first to last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Importance {
    /// A picture that the next one replaces.
    Picture,
    /// Progress, text and updates of what is shown already.
    Update,
    /// Never dropped: the peer is disconnected instead, and connects again.
    Essential,
}

/// The peer has more to read than is kept for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Overflow;

#[derive(Debug)]
struct Waiting {
    message: Encoded,
    importance: Importance,
}

impl Waiting {
    fn cost(&self) -> usize {
        self.message.length + OVERHEAD
    }
}

/// Messages and bytes a peer has lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    pub pictures: usize,
    pub updates: usize,
    pub bytes: usize,
}

#[derive(Debug)]
pub(super) struct Outbox {
    queue: VecDeque<Waiting>,
    /// Bytes of the first message that are written already.
    written: usize,
    cost: usize,
    limit: usize,
    lost: Lost,
    /// Bytes written since the connection began.
    total: u64,
    /// When the crowded box was last seen to shrink, and `total` then.
    progress: Option<(Instant, u64)>,
}

impl Outbox {
    pub fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            written: 0,
            cost: 0,
            limit,
            lost: Lost::default(),
            total: 0,
            progress: None,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Appends a message. If it does not fit, less important ones go, the oldest first, down to
    /// three quarters of the limit, so that a full box is searched rarely.
    ///
    /// A single message always fits into an empty box, however long it is.
    pub fn push(
        &mut self,
        message: Encoded,
        importance: Importance,
    ) -> std::result::Result<(), Overflow> {
        let waiting = Waiting {
            message,
            importance,
        };
        if !self.fits(&waiting) {
            for class in [Importance::Picture, Importance::Update] {
                if class <= importance && !self.fits(&waiting) {
                    self.drop_oldest(class, waiting.cost());
                }
            }
        }
        if self.fits(&waiting) {
            self.cost += waiting.cost();
            self.queue.push_back(waiting);
            Ok(())
        } else if importance == Importance::Essential {
            Err(Overflow)
        } else {
            self.lose(&waiting);
            Ok(())
        }
    }

    fn fits(&self, waiting: &Waiting) -> bool {
        self.queue.is_empty() || self.cost + waiting.cost() <= self.limit
    }

    fn drop_oldest(&mut self, class: Importance, room: usize) {
        let goal = (self.limit / 4 * 3).saturating_sub(room);
        let begun = self.written > 0;
        let mut kept = VecDeque::with_capacity(self.queue.len());
        for (index, waiting) in std::mem::take(&mut self.queue).into_iter().enumerate() {
            if self.cost > goal && waiting.importance == class && !(index == 0 && begun) {
                self.cost -= waiting.cost();
                self.lose(&waiting);
            } else {
                kept.push_back(waiting);
            }
        }
        self.queue = kept;
    }

    fn lose(&mut self, waiting: &Waiting) {
        match waiting.importance {
            Importance::Picture => self.lost.pictures += 1,
            Importance::Update | Importance::Essential => self.lost.updates += 1,
        }
        self.lost.bytes += waiting.message.length;
    }

    /// What was lost since this was asked last.
    pub fn take_lost(&mut self) -> Option<Lost> {
        (self.lost != Lost::default()).then(|| std::mem::take(&mut self.lost))
    }

    pub fn has_lost(&self) -> bool {
        self.lost != Lost::default()
    }

    /// Whether a sender that can wait should: much is waiting, and the peer is slow but not stalled.
    pub fn is_crowded(&mut self, now: Instant, patience: Duration) -> bool {
        if self.cost <= CROWDED {
            self.progress = None;
            return false;
        }
        let (since, total) = self.progress.get_or_insert((now, self.total));
        if self.total - *total >= PROGRESS {
            (*since, *total) = (now, self.total);
        }
        now.duration_since(*since) < patience
    }

    /// Writes until everything is written or `write` would block.
    ///
    /// # Errors
    /// Those of `write`, but for `WouldBlock` and `Interrupted`.
    pub fn write_with(
        &mut self,
        mut write: impl FnMut(&[IoSlice<'_>]) -> Result<usize>,
    ) -> Result<()> {
        while self.write_some(&mut write)? {}
        Ok(())
    }

    /// Writes once; false if nothing is left or `write` would block.
    ///
    /// # Errors
    /// As [`Outbox::write_with`].
    pub fn write_some(
        &mut self,
        write: &mut impl FnMut(&[IoSlice<'_>]) -> Result<usize>,
    ) -> Result<bool> {
        if self.queue.is_empty() {
            return Ok(false);
        }
        let mut pieces = [IoSlice::new(&[]); PIECES];
        let (mut count, mut bytes) = (0, 0);
        let mut skip = self.written;
        'gather: for waiting in &self.queue {
            for piece in &*waiting.message.pieces {
                if count == PIECES || bytes >= AT_ONCE {
                    break 'gather;
                }
                let rest = piece.get(skip..).unwrap_or_default();
                skip = skip.saturating_sub(piece.len());
                if !rest.is_empty() {
                    pieces[count] = IoSlice::new(rest);
                    count += 1;
                    bytes += rest.len();
                }
            }
        }
        match write(&pieces[..count]) {
            Ok(0) => Err(ErrorKind::WriteZero.into()),
            Ok(bytes) => {
                self.advance(bytes);
                Ok(!self.queue.is_empty())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(true),
            Err(error) => Err(error),
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.written += bytes;
        self.total += bytes as u64;
        while let Some(first) = self.queue.front()
            && self.written >= first.message.length
        {
            self.written -= first.message.length;
            self.cost -= first.cost();
            self.queue.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn message(seed: u8, length: usize) -> Encoded {
        Encoded::message(&[Bytes::from(vec![seed; length])])
    }

    /// Seeds of the frames that are written.
    fn drain(outbox: &mut Outbox) -> Vec<u8> {
        let mut bytes = Vec::new();
        outbox
            .write_with(|pieces| {
                let length = pieces.iter().map(|piece| piece.len()).sum();
                bytes.extend(pieces.iter().flat_map(|piece| piece.to_vec()));
                Ok(length)
            })
            .unwrap();
        let mut decoder = super::super::codec::Decoder::after_greeting();
        let messages = decoder.push(&bytes).unwrap().into_iter();
        messages
            .map(|traffic| match traffic {
                super::super::codec::Traffic::Message(frames) => frames[0][0],
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn partial_writes_leave_every_byte_in_order() {
        for step in [7, 100, 5000] {
            let mut outbox = Outbox::new(1 << 20);
            let mut expected = Vec::new();
            for seed in 0..100 {
                let message = message(seed, usize::from(seed) * 50);
                expected.extend(message.pieces.concat());
                outbox.push(message, Importance::Essential).unwrap();
            }
            let mut written: Vec<u8> = Vec::new();
            while !outbox.is_empty() {
                let mut allowed = 3;
                outbox
                    .write_with(|pieces| {
                        if allowed == 0 {
                            return Err(ErrorKind::WouldBlock.into());
                        }
                        allowed -= 1;
                        let all = pieces.iter().flat_map(|piece| piece.iter());
                        let before = written.len();
                        written.extend(all.take(step).copied());
                        Ok(written.len() - before)
                    })
                    .unwrap();
            }
            assert!(written == expected, "in steps of {step}");
            assert_eq!(outbox.cost, 0);
        }
    }

    #[test]
    fn pictures_go_first_then_updates_and_the_rest_stays() {
        let mut outbox = Outbox::new(10_000);
        outbox
            .push(message(1, 2000), Importance::Essential)
            .unwrap();
        outbox.push(message(2, 2000), Importance::Update).unwrap();
        outbox.push(message(3, 2000), Importance::Picture).unwrap();
        outbox.push(message(4, 2000), Importance::Picture).unwrap();
        outbox
            .push(message(5, 2000), Importance::Essential)
            .unwrap();
        assert_eq!(outbox.take_lost().unwrap().pictures, 2);
        outbox
            .push(message(6, 2000), Importance::Essential)
            .unwrap();
        outbox
            .push(message(7, 2000), Importance::Essential)
            .unwrap();
        let lost = outbox.take_lost().unwrap();
        assert_eq!((lost.pictures, lost.updates), (0, 1));
        // A picture does not displace what is more important: it is the one that goes.
        outbox.push(message(8, 5000), Importance::Picture).unwrap();
        assert_eq!(outbox.take_lost().unwrap().pictures, 1);
        assert_eq!(drain(&mut outbox), [1, 5, 6, 7]);
    }

    #[test]
    fn a_crowded_box_asks_for_patience_while_the_peer_takes_something() {
        let patience = Duration::from_millis(100);
        let mut outbox = Outbox::new(32 << 20);
        let mut now = Instant::now();
        assert!(!outbox.is_crowded(now, patience));
        for _ in 0..20 {
            outbox
                .push(message(0, 1 << 20), Importance::Essential)
                .unwrap();
        }
        assert!(outbox.is_crowded(now, patience));
        for _ in 0..5 {
            now += patience * 9 / 10;
            outbox.advance(1 << 20);
            assert!(outbox.is_crowded(now, patience));
        }
        now += patience;
        assert!(!outbox.is_crowded(now, patience), "stalled");
        outbox.advance(10 << 20);
        assert!(!outbox.is_crowded(now, patience), "room");
    }

    #[test]
    fn essential_messages_overflow_and_the_bound_holds() {
        let mut outbox = Outbox::new(100_000);
        let mut count = 0;
        while outbox.push(message(0, 10), Importance::Essential).is_ok() {
            count += 1;
        }
        assert!(outbox.cost <= 100_000 && count > 500, "{count}");
    }

    #[test]
    fn one_long_message_fits_an_empty_box_and_what_is_begun_is_not_dropped() {
        let mut outbox = Outbox::new(1000);
        outbox
            .push(message(1, 50_000), Importance::Picture)
            .unwrap();
        let mut once = true;
        outbox
            .write_with(|_| {
                if std::mem::take(&mut once) {
                    Ok(10)
                } else {
                    Err(ErrorKind::WouldBlock.into())
                }
            })
            .unwrap();
        outbox.push(message(2, 100), Importance::Picture).unwrap();
        assert_eq!(outbox.queue.len(), 1);
        assert_eq!(
            outbox.push(message(3, 100), Importance::Essential),
            Err(Overflow)
        );
        assert_eq!(outbox.written, 10);
    }
}
