//! Framing and signing of Jupyter messages (<https://jupyter-client.readthedocs.io/en/latest/messaging.html#the-wire-protocol>).
//!
//! `[identities.. | <IDS|MSG> | hmac | header | parent_header | metadata | content | buffers..]`
//!
//! Headers stay the bytes the client sent: a reply carries its request's header verbatim, unknown
//! keys included. Buffers are [`Bytes`] from end to end, so a frame is never copied here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::Sha256;

const DELIMITER: &[u8] = b"<IDS|MSG>";
/// Version of the messaging specification every header of ours carries.
pub const PROTOCOL_VERSION: &str = "5.4";

/// Bytes of the JSON parts of a message together. Large content belongs into buffers, which are not hashed.
const JSON_LIMIT: usize = 256 << 20;

/// Why a message was dropped. The loops log it and go on.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("a message without the <IDS|MSG> delimiter ({frames} frames)")]
    NoDelimiter { frames: usize },
    #[error("a message with {frames} frames after the delimiter; at least 5 are needed")]
    TooShort { frames: usize },
    #[error("a message with {bytes} bytes of JSON; at most {JSON_LIMIT} are read")]
    LongJson { bytes: usize },
    #[error("a message with a wrong signature")]
    WrongSignature,
    #[error("a message whose {part} is not the JSON expected: {reason}")]
    Json { part: &'static str, reason: String },
}

/// A request as it is answered: who asked, and the header that every answer quotes.
#[derive(Debug)]
pub struct Parent {
    /// The header exactly as it arrived.
    pub header: Bytes,
    pub msg_id: String,
    pub msg_type: String,
    /// Routing prefix of the client, for replies and for `input_request`.
    pub identities: Vec<Bytes>,
    /// Metadata of the request; front ends name the cell here.
    pub metadata: Map<String, Value>,
}

/// A message received on shell, control or stdin.
#[derive(Debug)]
pub struct Incoming {
    pub parent: Arc<Parent>,
    /// `msg_id` of the parent header, if there is one (answers to our own requests).
    pub in_reply_to: Option<String>,
    pub content: Map<String, Value>,
    pub buffers: Vec<Bytes>,
}

/// A message to be sent.
#[derive(Debug)]
pub struct Outgoing {
    pub identities: Vec<Bytes>,
    pub msg_type: String,
    pub parent: Option<Arc<Parent>>,
    pub metadata: Value,
    pub content: Value,
    pub buffers: Vec<Bytes>,
}

impl Outgoing {
    /// A message for IOPub; the topic is added when it is encoded.
    pub fn publish(msg_type: &str, parent: Option<&Arc<Parent>>, content: Value) -> Self {
        Self {
            identities: Vec::new(),
            msg_type: msg_type.to_owned(),
            parent: parent.cloned(),
            metadata: json!({}),
            content,
            buffers: Vec::new(),
        }
    }

    /// A message to the client that sent `parent`, on the same socket or on stdin.
    pub fn to_client(msg_type: &str, parent: &Arc<Parent>, content: Value) -> Self {
        Self {
            identities: parent.identities.clone(),
            ..Self::publish(msg_type, Some(parent), content)
        }
    }

    /// The reply to `parent`: `execute_request` is answered by `execute_reply`.
    pub fn reply(parent: &Arc<Parent>, content: Value) -> Self {
        let kind = parent
            .msg_type
            .strip_suffix("_request")
            .unwrap_or(&parent.msg_type);
        Self::to_client(&format!("{kind}_reply"), parent, content)
    }

    #[must_use]
    pub fn with_metadata(mut self, metadata: Value) -> Self {
        self.metadata = metadata;
        self
    }

    #[must_use]
    pub fn with_buffers(mut self, buffers: Vec<Bytes>) -> Self {
        self.buffers = buffers;
        self
    }
}

/// Signs and verifies with the key of the connection file.
#[derive(Clone)]
pub struct Signer(Option<Hmac<Sha256>>);

impl Signer {
    /// An empty key switches signing off, as the specification says.
    pub fn new(key: &str) -> Self {
        Self(if key.is_empty() {
            None
        } else {
            Hmac::new_from_slice(key.as_bytes()).ok()
        })
    }

    fn mac(&self, parts: &[Bytes]) -> Option<Hmac<Sha256>> {
        let mut mac = self.0.clone()?;
        for part in parts {
            mac.update(part);
        }
        Some(mac)
    }

    fn sign(&self, parts: &[Bytes]) -> Bytes {
        let Some(mac) = self.mac(parts) else {
            return Bytes::new();
        };
        let mut text = String::with_capacity(64);
        for byte in mac.finalize().into_bytes() {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or('0'));
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or('0'));
        }
        Bytes::from(text)
    }

    /// Compares in constant time.
    fn verify(&self, signature: &[u8], parts: &[Bytes]) -> bool {
        let Some(mac) = self.mac(parts) else {
            return true;
        };
        let Some(expected) = from_hex(signature) else {
            return false;
        };
        mac.verify_slice(&expected).is_ok()
    }
}

fn from_hex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// Takes a multipart message apart.
///
/// # Errors
/// [`WireError`] if it is too short, wrongly signed or not JSON where JSON is needed.
pub fn decode(signer: &Signer, frames: Vec<Bytes>) -> Result<Incoming, WireError> {
    let Some(delimiter) = frames.iter().position(|frame| &frame[..] == DELIMITER) else {
        return Err(WireError::NoDelimiter {
            frames: frames.len(),
        });
    };
    let after = &frames[delimiter + 1..];
    let [signature, signed @ ..] = after else {
        return Err(WireError::TooShort { frames: 0 });
    };
    if signed.len() < 4 {
        return Err(WireError::TooShort {
            frames: after.len(),
        });
    }
    let (signed, buffers) = signed.split_at(4);
    let bytes = signed.iter().map(Bytes::len).sum();
    if bytes > JSON_LIMIT {
        return Err(WireError::LongJson { bytes });
    }
    if !signer.verify(signature, signed) {
        return Err(WireError::WrongSignature);
    }
    let header = object("header", &signed[0])?;
    let text = |key: &str| {
        header
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| WireError::Json {
                part: "header",
                reason: format!("no text under {key:?}"),
            })
    };
    let parent_header = object("parent_header", &signed[1])?;
    let parent = Parent {
        header: signed[0].clone(),
        msg_id: text("msg_id")?,
        msg_type: text("msg_type")?,
        identities: frames[..delimiter].to_vec(),
        metadata: object("metadata", &signed[2])?,
    };
    Ok(Incoming {
        parent: Arc::new(parent),
        in_reply_to: parent_header
            .get("msg_id")
            .and_then(Value::as_str)
            .map(str::to_owned),
        content: object("content", &signed[3])?,
        buffers: buffers.to_vec(),
    })
}

fn object(part: &'static str, bytes: &[u8]) -> Result<Map<String, Value>, WireError> {
    serde_json::from_slice(bytes).map_err(|error| WireError::Json {
        part,
        reason: error.to_string(),
    })
}

/// Writes our headers: one session for the life of the process, never the client's.
pub struct Author {
    signer: Signer,
    session: String,
    username: String,
    sent: AtomicU64,
}

impl Author {
    pub fn new(signer: Signer) -> Self {
        let username = std::env::var("USER")
            .or_else(|_| std::env::var("USERNAME"))
            .unwrap_or_else(|_| "kernel".into());
        Self {
            signer,
            session: uuid::Uuid::new_v4().simple().to_string(),
            username,
            sent: AtomicU64::new(0),
        }
    }

    pub fn session(&self) -> &str {
        &self.session
    }

    /// An id that no other message of this process has.
    pub fn next_id(&self) -> String {
        format!(
            "{}_{}",
            self.session,
            self.sent.fetch_add(1, Ordering::Relaxed)
        )
    }

    /// The frames of a message, and the id it got.
    pub fn encode(&self, message: Outgoing) -> Vec<Bytes> {
        let id = self.next_id();
        self.encode_as(&id, message)
    }

    /// The frames of a message under an id taken earlier from [`Author::next_id`].
    pub fn encode_as(&self, msg_id: &str, message: Outgoing) -> Vec<Bytes> {
        let header = json!({
            "msg_id": msg_id,
            "session": self.session,
            "username": self.username,
            "date": iso_8601(SystemTime::now()),
            "msg_type": message.msg_type,
            "version": PROTOCOL_VERSION,
        });
        let signed = [
            Bytes::from(header.to_string()),
            message
                .parent
                .as_ref()
                .map_or_else(|| Bytes::from_static(b"{}"), |parent| parent.header.clone()),
            Bytes::from(message.metadata.to_string()),
            Bytes::from(message.content.to_string()),
        ];
        let mut frames = message.identities;
        if frames.is_empty() {
            frames.push(Bytes::from(format!(
                "kernel.{}.{}",
                self.session, message.msg_type
            )));
        }
        frames.push(Bytes::from_static(DELIMITER));
        frames.push(self.signer.sign(&signed));
        frames.extend(signed);
        frames.extend(message.buffers);
        frames
    }
}

/// UTC as `2026-11-22T16:42:26.123456Z`.
pub(crate) fn iso_8601(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = session::date::civil(days);
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:06}Z",
        second / 3_600,
        second / 60 % 60,
        second % 60,
        since.subsec_micros()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn request(signer: &Signer, header: &'static str) -> Vec<Bytes> {
        let signed = [
            Bytes::from_static(header.as_bytes()),
            Bytes::from_static(b"{}"),
            Bytes::from_static(b"{}"),
            Bytes::from_static(b"{\"a\":1}"),
        ];
        let mut frames = vec![
            Bytes::from_static(b"client"),
            Bytes::from_static(DELIMITER),
            signer.sign(&signed),
        ];
        frames.extend(signed);
        frames
    }

    const HEADER: &str =
        "{\"msg_id\": \"m1\",  \"msg_type\": \"execute_request\", \"subshell_id\": null}";

    #[test]
    fn a_reply_quotes_the_header_byte_for_byte_and_shares_its_buffers() {
        let signer = Signer::new("secret");
        let mut frames = request(&signer, HEADER);
        frames.push(Bytes::from_static(b"pixels"));
        let message = decode(&signer, frames).unwrap();
        assert_eq!(message.buffers, [Bytes::from_static(b"pixels")]);
        let author = Author::new(signer);
        let buffer = Bytes::from(vec![7_u8; 64]);
        let reply = Outgoing::reply(&message.parent, json!({"status": "ok"}))
            .with_buffers(vec![buffer.clone()]);
        assert_eq!(reply.msg_type, "execute_reply");
        let sent = author.encode(reply);
        assert_eq!(&sent[0][..], b"client");
        assert_eq!(&sent[4][..], HEADER.as_bytes());
        assert_eq!(sent[7].as_ptr(), buffer.as_ptr(), "the buffer was copied");
    }

    #[test]
    fn what_we_sign_we_accept() {
        let signer = Signer::new("secret");
        let message = decode(&signer, request(&signer, HEADER)).unwrap();
        let sent = Author::new(signer.clone()).encode(Outgoing::reply(&message.parent, json!({})));
        let echoed = decode(&signer, sent).unwrap();
        assert_eq!(echoed.in_reply_to.as_deref(), Some("m1"));
    }

    #[test]
    fn bad_messages_are_named() {
        let signer = Signer::new("secret");
        let frames = request(&Signer::new("other"), HEADER);
        assert!(matches!(
            decode(&signer, frames),
            Err(WireError::WrongSignature)
        ));
        assert!(matches!(
            decode(&signer, vec![Bytes::from_static(b"junk")]),
            Err(WireError::NoDelimiter { .. })
        ));
        let mut long = request(&signer, HEADER);
        long[6] = Bytes::from(vec![b' '; JSON_LIMIT]);
        assert!(matches!(
            decode(&signer, long),
            Err(WireError::LongJson { .. })
        ));
        let short = vec![Bytes::from_static(DELIMITER), Bytes::from_static(b"00")];
        assert!(matches!(
            decode(&signer, short),
            Err(WireError::TooShort { .. })
        ));
        let frames = request(&signer, "{\"msg_id\": 3}");
        assert!(matches!(
            decode(&signer, frames),
            Err(WireError::Json { part: "header", .. })
        ));
        let mut odd = request(&signer, HEADER);
        odd[2] = Bytes::from_static(b"abc");
        assert!(matches!(
            decode(&signer, odd),
            Err(WireError::WrongSignature)
        ));
    }

    #[test]
    fn an_empty_key_means_no_signature() {
        let none = Signer::new("");
        assert!(none.sign(&[Bytes::from_static(b"x")]).is_empty());
        assert!(decode(&none, request(&none, HEADER)).is_ok());
    }

    #[test]
    fn dates_are_utc_with_a_zone() {
        let leap_day = UNIX_EPOCH + Duration::new(1_709_210_096, 500_000_000);
        assert_eq!(iso_8601(leap_day), "2024-02-29T12:34:56.500000Z");
        assert_eq!(iso_8601(UNIX_EPOCH), "1970-01-01T00:00:00.000000Z");
    }
}
