//! A ZeroMQ client on a plain connection: says and hears bytes, so that it can also misbehave.

#![allow(dead_code)]

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use jupyter::zmtp::codec::{Command, Decoder, Encoded, Traffic};

/// Longest wait for what must come.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A greeting of ZMTP 3 with this minor version and mechanism.
pub fn greeting(minor: u8, mechanism: &str) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[0] = 0xff;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    bytes[11] = minor;
    bytes[12..12 + mechanism.len()].copy_from_slice(mechanism.as_bytes());
    bytes
}

/// A READY command with a socket type and an identity.
pub fn ready(kind: &str, identity: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in [("Socket-Type", kind.as_bytes()), ("Identity", identity)] {
        body.push(name.len() as u8);
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&(value.len() as u32).to_be_bytes());
        body.extend_from_slice(value);
    }
    Encoded::command("READY", &body).pieces.concat()
}

pub struct Client {
    pub stream: TcpStream,
    decoder: Decoder,
    heard: VecDeque<Traffic>,
    minor: u8,
}

impl Client {
    /// Connected and past the handshake.
    pub fn connect(port: u16, kind: &str, identity: &[u8]) -> Result<Self> {
        Self::with_version(port, 1, kind, identity)
    }

    pub fn with_version(port: u16, minor: u8, kind: &str, identity: &[u8]) -> Result<Self> {
        let mut client = Self::stranger(port)?;
        client.minor = minor;
        client.say(&greeting(minor, "NULL"))?;
        client.say(&ready(kind, identity))?;
        loop {
            match client.hear(PATIENCE) {
                Some(Traffic::Command(Command::Ready(_))) => return Ok(client),
                Some(Traffic::Greeting(_)) => {}
                other => return Err(std::io::Error::other(format!("{other:?} at the handshake"))),
            }
        }
    }

    /// Connected, and silent.
    pub fn stranger(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            decoder: Decoder::default(),
            heard: VecDeque::new(),
            minor: 1,
        })
    }

    /// The same connection for another thread, which has heard nothing yet.
    pub fn twin(&self) -> Self {
        Self {
            stream: self.stream.try_clone().unwrap(),
            decoder: Decoder::after_greeting(),
            heard: VecDeque::new(),
            minor: self.minor,
        }
    }

    pub fn say(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)
    }

    pub fn send(&mut self, frames: &[Bytes]) -> Result<()> {
        for piece in &*Encoded::message(frames).pieces {
            self.say(piece)?;
        }
        Ok(())
    }

    pub fn command(&mut self, name: &str, body: &[u8]) -> Result<()> {
        self.say(&Encoded::command(name, body).pieces.concat())
    }

    /// As the version of this client does it: by a command or a message.
    pub fn subscribe(&mut self, topic: &[u8], begins: bool) -> Result<()> {
        match (self.minor, begins) {
            (0, _) => self.send(&[[&[u8::from(begins)], topic].concat().into()]),
            (_, true) => self.command("SUBSCRIBE", topic),
            (_, false) => self.command("CANCEL", topic),
        }
    }

    /// The next thing the other side says; `None` if it says nothing or has closed the connection.
    pub fn hear(&mut self, patience: Duration) -> Option<Traffic> {
        let end = Instant::now() + patience;
        loop {
            if let Some(traffic) = self.heard.pop_front() {
                return Some(traffic);
            }
            let left = end.saturating_duration_since(Instant::now());
            self.stream
                .set_read_timeout(Some(left.max(Duration::from_millis(1))))
                .ok()?;
            let mut buffer = [0; 1 << 16];
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(count) => self.heard.extend(self.decoder.push(&buffer[..count]).ok()?),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    pub fn receive(&mut self, patience: Duration) -> Option<Vec<Bytes>> {
        let end = Instant::now() + patience;
        loop {
            match self.hear(end.saturating_duration_since(Instant::now()))? {
                Traffic::Message(frames) => return Some(frames),
                Traffic::Command(_) | Traffic::Greeting(_) => {}
            }
        }
    }

    /// Whether the other side closes the connection within the usual patience.
    pub fn is_closed(&mut self) -> bool {
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut buffer = [0; 1 << 16];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return true,
                Ok(_) => {}
                Err(error) => {
                    return !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
                }
            }
        }
    }
}
