//! PUB: one message to every peer that has subscribed to a prefix of its first frame.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};

use super::codec::Encoded;
use super::listen::{Endpoint, listen};
use super::outbox::Importance;
use super::peer::{Peer, Socket};

/// Subscriptions of one peer.
const TOPICS: usize = 1024;
/// Bytes of one topic.
const TOPIC: usize = 4096;

/// The message for who subscribes to a topic.
type Welcome = dyn Fn(&Bytes) -> Vec<Bytes> + Send + Sync;

struct Subscriber {
    peer: Arc<Peer>,
    /// Each as often as it was asked for.
    topics: Vec<Bytes>,
}

/// Callable from any thread, never waits.
pub struct Publisher {
    name: &'static str,
    subscribers: Mutex<Vec<Subscriber>>,
    welcome: Box<Welcome>,
}

impl Publisher {
    /// `welcome` makes the message that a peer gets, alone and first, for a topic it did not have.
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// If the address cannot be bound.
    pub async fn bind(
        name: &'static str,
        endpoint: &Endpoint,
        welcome: impl Fn(&Bytes) -> Vec<Bytes> + Send + Sync + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let publisher = Arc::new(Self {
            name,
            subscribers: Mutex::default(),
            welcome: Box::new(welcome),
        });
        listen(publisher.clone(), endpoint).await?;
        Ok(publisher)
    }

    /// The frames are shared by all subscribers, not copied.
    pub fn publish(&self, frames: &[Bytes], importance: Importance) {
        let topic = frames.first().map_or(&[][..], |first| &first[..]);
        let mut encoded = None;
        self.subscribers().retain(|subscriber| {
            let wanted = subscriber
                .topics
                .iter()
                .any(|prefix| topic.starts_with(prefix));
            // A peer that is gone, or did not read, has ended by itself.
            !wanted || {
                let message = encoded.get_or_insert_with(|| Encoded::message(frames));
                subscriber.peer.send(message.clone(), importance)
            }
        });
    }

    /// Whether a sender that can wait should: a subscriber has much to read, and has read on within
    /// `patience`.
    pub fn is_crowded(&self, patience: Duration) -> bool {
        let now = Instant::now();
        self.subscribers()
            .iter()
            .any(|subscriber| subscriber.peer.is_crowded(now, patience))
    }

    /// Whether everything sent has left.
    pub fn is_idle(&self) -> bool {
        self.subscribers()
            .iter()
            .all(|subscriber| subscriber.peer.is_idle())
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Subscriber>> {
        self.subscribers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Socket for Publisher {
    const KIND: &'static str = "PUB";
    const ACCEPTS: &'static [&'static str] = &["SUB", "XSUB"];
    const OUTBOX: usize = 32 << 20;
    const MESSAGE: usize = TOPIC + 1;

    fn name(&self) -> &'static str {
        self.name
    }

    fn joined(&self, peer: &Arc<Peer>, _identity: Bytes) {
        self.subscribers().push(Subscriber {
            peer: peer.clone(),
            topics: Vec::new(),
        });
    }

    /// ZMTP 3.0 subscribes by messages.
    async fn received(&self, peer: &Arc<Peer>, message: Vec<Bytes>) {
        if let [frame] = &message[..]
            && let Some(kind @ (0 | 1)) = frame.first()
        {
            let mut topic = frame.clone();
            topic.advance(1);
            self.subscription(peer, topic, *kind == 1);
        }
    }

    fn subscription(&self, peer: &Arc<Peer>, topic: Bytes, begins: bool) {
        let mut subscribers = self.subscribers();
        let Some(subscriber) = subscribers
            .iter_mut()
            .find(|subscriber| subscriber.peer.number == peer.number)
        else {
            return;
        };
        let place = subscriber.topics.iter().position(|other| *other == topic);
        if !begins {
            if let Some(place) = place {
                subscriber.topics.swap_remove(place);
            }
        } else if subscriber.topics.len() >= TOPICS || topic.len() > TOPIC {
            tracing::warn!(
                "{}: peer {} asks for more than {TOPICS} topics or one of more than {TOPIC} bytes; it is disconnected",
                self.name,
                peer.number
            );
            peer.end();
        } else {
            subscriber.topics.push(topic.clone());
            if place.is_none() {
                // Still locked, so that the welcome comes before anything published.
                let welcome = (self.welcome)(&topic);
                peer.send(Encoded::message(&welcome), Importance::Essential);
            }
        }
    }

    fn left(&self, peer: &Arc<Peer>) {
        self.subscribers()
            .retain(|subscriber| subscriber.peer.number != peer.number);
    }
}
