//! Bytes to messages and back. Pure: no socket, no clock.
//!
//! After a greeting of 64 bytes ([`super::handshake`]) both sides send frames:
//! `flags (1) | length (1, or 8 big-endian) | body`. Frames of one message are linked by the MORE
//! flag; a command is a frame of its own that begins with its name.

use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use super::handshake::{GREETING, Greeting, HandshakeError};

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Bytes of one message, all frames together, unless a decoder is told otherwise.
pub const MESSAGE_LIMIT: usize = 1 << 30;
/// Frames of one message.
pub const FRAME_LIMIT: usize = 1 << 16;
/// Bytes of one command.
pub const COMMAND_LIMIT: usize = 1 << 16;
/// Room for reading while no large frame is expected.
const ROOM: usize = 16 << 10;
/// Largest room that the mere announcement of a large frame gets; beyond it, room grows with what arrives.
const TRUSTED: usize = 1 << 20;
/// Received frames below this are copied out, so that they do not keep the whole buffer alive.
const OWN: usize = 4 << 10;
/// Frames below this are sent as one piece with their neighbours; larger ones are never copied.
const GATHERED: usize = 4 << 10;

/// What a peer sent that is not ZMTP, or not within the limits. The connection is closed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CodecError {
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    #[error("a frame with flags {0:#04x}; only MORE, LONG and COMMAND exist in ZMTP 3")]
    Flags(u8),
    #[error("a command with the MORE flag")]
    CommandWithMore,
    #[error("a command inside a message of several frames")]
    CommandInMessage,
    #[error("a command of {length} bytes; at most {COMMAND_LIMIT} are accepted")]
    LongCommand { length: u64 },
    #[error(
        "a message of more than {limit} bytes (a frame of {length} announced); send it in smaller ones"
    )]
    LongMessage { length: u64, limit: usize },
    #[error("a message of more than {FRAME_LIMIT} frames")]
    ManyFrames,
    #[error("a command that ends inside its name or its properties")]
    ShortCommand,
}

/// What a peer has sent.
#[derive(Debug, PartialEq, Eq)]
pub enum Traffic {
    Greeting(Greeting),
    Message(Vec<Bytes>),
    Command(Command),
}

#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Names and values of properties, as they came.
    Ready(Vec<(Bytes, Bytes)>),
    /// The peer refuses us, for this reason.
    Error(String),
    Subscribe(Bytes),
    Cancel(Bytes),
    /// To be answered by a PONG with this context.
    Ping(Bytes),
    Pong,
    /// Ignored, as the specification asks.
    Unknown(Bytes),
}

/// Takes what a peer sends apart, however it is split.
///
/// Never panics, and holds no more memory than 64 KiB and twice what has arrived, but for the one
/// MiB it trusts an announced frame.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    greeted: bool,
    /// Bytes of one message.
    limit: usize,
    /// Frames of the unfinished message, and their bytes.
    frames: Vec<Bytes>,
    bytes: usize,
}

struct Header {
    flags: u8,
    /// Bytes of the header itself.
    size: usize,
    length: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            greeted: false,
            limit: MESSAGE_LIMIT,
            frames: Vec::new(),
            bytes: 0,
        }
    }
}

impl Decoder {
    /// For input that follows a greeting.
    pub fn after_greeting() -> Self {
        Self {
            greeted: true,
            ..Self::default()
        }
    }

    /// From now on a message may have this many bytes.
    pub fn limit(&mut self, bytes: usize) {
        self.limit = bytes;
    }

    /// Bytes of what has begun to arrive.
    pub fn held(&self) -> usize {
        self.buffer.len() + self.bytes
    }

    /// Takes input in and everything complete out.
    ///
    /// # Errors
    /// [`CodecError`] at the first byte that is not ZMTP; the decoder is of no use afterwards.
    pub fn push(&mut self, mut input: &[u8]) -> Result<Vec<Traffic>, CodecError> {
        let mut all = Vec::new();
        while !input.is_empty() {
            let room = self.room();
            let taken = input.len().min(room.capacity() - room.len());
            room.extend_from_slice(&input[..taken]);
            input = &input[taken..];
            while let Some(traffic) = self.next()? {
                all.push(traffic);
            }
        }
        Ok(all)
    }

    /// The buffer to read into, with room behind what it holds. A large frame is read into the
    /// memory it is handed on in.
    pub fn room(&mut self) -> &mut BytesMut {
        let (whole, missing) = match self.header() {
            Ok(Some(Header { size, length, .. })) => {
                let whole = size + length;
                (whole, whole.saturating_sub(self.buffer.len()))
            }
            _ => (0, 0),
        };
        let free = self.buffer.capacity() - self.buffer.len();
        if whole >= ROOM && missing > 0 {
            self.buffer
                .reserve(missing.min(TRUSTED.max(self.buffer.len())));
        } else if free < ROOM / 4 {
            self.buffer.reserve(ROOM);
        }
        &mut self.buffer
    }

    /// The next complete greeting, message or command in the buffer.
    ///
    /// # Errors
    /// As [`Decoder::push`].
    #[expect(clippy::should_implement_trait, reason = "it fails, and goes on later")]
    pub fn next(&mut self) -> Result<Option<Traffic>, CodecError> {
        if !self.greeted {
            let Some(greeting) = Greeting::parse(&self.buffer)? else {
                return Ok(None);
            };
            self.buffer.advance(GREETING);
            self.greeted = true;
            return Ok(Some(Traffic::Greeting(greeting)));
        }
        while let Some(header) = self.header()? {
            if self.buffer.len() < header.size + header.length {
                return Ok(None);
            }
            self.buffer.advance(header.size);
            let body = self.take(header.length);
            if header.flags & COMMAND != 0 {
                return Ok(Some(Traffic::Command(Command::parse(body)?)));
            }
            self.bytes += body.len();
            self.frames.push(body);
            if header.flags & MORE == 0 {
                self.bytes = 0;
                return Ok(Some(Traffic::Message(std::mem::take(&mut self.frames))));
            }
        }
        Ok(None)
    }

    fn take(&mut self, length: usize) -> Bytes {
        if length < OWN {
            let body = Bytes::copy_from_slice(&self.buffer[..length]);
            self.buffer.advance(length);
            body
        } else {
            self.buffer.split_to(length).freeze()
        }
    }

    /// The header at the start of the buffer, checked against the limits; `None` if it is incomplete.
    fn header(&self) -> Result<Option<Header>, CodecError> {
        let (true, Some(&flags)) = (self.greeted, self.buffer.first()) else {
            return Ok(None);
        };
        if flags & !(MORE | LONG | COMMAND) != 0 {
            return Err(CodecError::Flags(flags));
        }
        let rest = &self.buffer[1..];
        let (size, length) = if flags & LONG == 0 {
            match rest.first() {
                Some(length) => (2, u64::from(*length)),
                None => return Ok(None),
            }
        } else {
            match rest.first_chunk::<8>() {
                Some(length) => (9, u64::from_be_bytes(*length)),
                None => return Ok(None),
            }
        };
        if flags & COMMAND == 0 {
            let limit = self.limit;
            if length > limit.saturating_sub(self.bytes) as u64 {
                return Err(CodecError::LongMessage { length, limit });
            }
            if self.frames.len() >= FRAME_LIMIT {
                return Err(CodecError::ManyFrames);
            }
        } else if flags & MORE != 0 {
            return Err(CodecError::CommandWithMore);
        } else if !self.frames.is_empty() {
            return Err(CodecError::CommandInMessage);
        } else if length > COMMAND_LIMIT as u64 {
            return Err(CodecError::LongCommand { length });
        }
        // Within the limits, so it fits.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Some(Header {
            flags,
            size,
            length,
        }))
    }
}

impl Command {
    fn parse(mut body: Bytes) -> Result<Self, CodecError> {
        let name = split_short(&mut body)?;
        Ok(match &name[..] {
            b"READY" => {
                let mut properties = Vec::new();
                while !body.is_empty() {
                    let key = split_short(&mut body)?;
                    let length = body.try_get_u32().map_err(|_| CodecError::ShortCommand)?;
                    properties.push((key, split(&mut body, length as usize)?));
                }
                Self::Ready(properties)
            }
            b"ERROR" => Self::Error(String::from_utf8_lossy(&split_short(&mut body)?).into_owned()),
            b"SUBSCRIBE" => Self::Subscribe(body),
            b"CANCEL" => Self::Cancel(body),
            b"PING" => {
                // Two bytes say how long the peer waits for any sign of life.
                split(&mut body, 2)?;
                Self::Ping(body)
            }
            b"PONG" => Self::Pong,
            _ => Self::Unknown(name),
        })
    }
}

fn split(body: &mut Bytes, length: usize) -> Result<Bytes, CodecError> {
    if body.len() < length {
        return Err(CodecError::ShortCommand);
    }
    Ok(body.split_to(length))
}

fn split_short(body: &mut Bytes) -> Result<Bytes, CodecError> {
    let length = body.try_get_u8().map_err(|_| CodecError::ShortCommand)?;
    split(body, usize::from(length))
}

/// A message as it goes on the wire; cheap to clone, for one queue or many.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Small frames are gathered with all headers; large ones are the memory they came in.
    pub pieces: Arc<[Bytes]>,
    /// Bytes of all pieces.
    pub length: usize,
}

impl Encoded {
    /// Bytes that are no message, such as a greeting.
    pub fn raw(bytes: Bytes) -> Self {
        let length = bytes.len();
        Self {
            pieces: Arc::new([bytes]),
            length,
        }
    }

    pub fn message(frames: &[Bytes]) -> Self {
        let mut pieces = Vec::new();
        let mut gathered = BytesMut::with_capacity(
            frames
                .iter()
                .map(|frame| {
                    if frame.len() < GATHERED {
                        frame.len() + 9
                    } else {
                        9
                    }
                })
                .sum(),
        );
        for (index, frame) in frames.iter().enumerate() {
            let more = if index + 1 < frames.len() { MORE } else { 0 };
            put_header(&mut gathered, more, frame.len());
            if frame.len() < GATHERED {
                gathered.extend_from_slice(frame);
            } else {
                pieces.push(gathered.split().freeze());
                pieces.push(frame.clone());
            }
        }
        if !gathered.is_empty() {
            pieces.push(gathered.freeze());
        }
        Self {
            length: pieces.iter().map(Bytes::len).sum(),
            pieces: pieces.into(),
        }
    }

    /// `name` of at most 255 bytes, and what follows it.
    pub fn command(name: &str, body: &[u8]) -> Self {
        let mut bytes = BytesMut::with_capacity(10 + name.len() + body.len());
        put_header(&mut bytes, COMMAND, 1 + name.len() + body.len());
        bytes.extend_from_slice(&[u8::try_from(name.len()).unwrap_or(0)]);
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(body);
        Self::raw(bytes.freeze())
    }
}

fn put_header(bytes: &mut BytesMut, flags: u8, length: usize) {
    if let Ok(short) = u8::try_from(length) {
        bytes.extend_from_slice(&[flags, short]);
    } else {
        bytes.extend_from_slice(&[flags | LONG]);
        bytes.extend_from_slice(&(length as u64).to_be_bytes());
    }
}

#[cfg(test)]
mod tests;
