//! Greeting and READY: who is there, and whether both sides fit.

use bytes::{BufMut, Bytes, BytesMut};

use super::codec::Encoded;

/// Bytes of a greeting.
pub const GREETING: usize = 64;
const MECHANISM: std::ops::Range<usize> = 12..32;

/// Why a peer cannot be talked to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum HandshakeError {
    #[error("its first bytes are no greeting of ZeroMQ")]
    NoGreeting,
    #[error("it speaks ZMTP {0}; this kernel needs at least 3 (libzmq 4 or later)")]
    OldVersion(u8),
    #[error(
        "it asks for the security mechanism {0}; this kernel has NULL only: set transport_encryption to \"disabled\" or \"auto\" in Jupyter"
    )]
    Mechanism(String),
    #[error("it is a {theirs} socket, which does not fit to {ours}")]
    SocketType { ours: &'static str, theirs: String },
    #[error("it sent {0} before it was ready")]
    Unexpected(&'static str),
    #[error("its identity of {0} bytes begins with a zero or is longer than 255 bytes")]
    Identity(usize),
    #[error("it refuses this kernel: {0:?}")]
    Refused(String),
}

/// The first 64 bytes of a peer, which fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Minor version after 3: from 1 on, subscriptions are commands.
    pub minor: u8,
}

impl Greeting {
    /// Reads a greeting as soon as it is complete; refuses it as early as possible.
    ///
    /// # Errors
    /// [`HandshakeError`] if it is none of ZMTP 3 with the NULL mechanism.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, HandshakeError> {
        let wrong =
            |index: usize, fits: fn(u8) -> bool| bytes.get(index).is_some_and(|b| !fits(*b));
        if wrong(0, |first| first == 0xff) || wrong(9, |last| last & 1 == 1) {
            return Err(HandshakeError::NoGreeting);
        }
        if let Some(major) = bytes.get(10)
            && *major < 3
        {
            return Err(HandshakeError::OldVersion(*major));
        }
        let Some(greeting) = bytes.first_chunk::<GREETING>() else {
            return Ok(None);
        };
        let mechanism = &greeting[MECHANISM];
        let end = mechanism
            .iter()
            .position(|byte| *byte == 0)
            .unwrap_or(mechanism.len());
        if &mechanism[..end] != b"NULL" {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(byte);
            return Err(if end > 0 && mechanism[..end].iter().all(is_name) {
                let name = String::from_utf8_lossy(&mechanism[..end]);
                HandshakeError::Mechanism(name.into_owned())
            } else {
                HandshakeError::NoGreeting
            });
        }
        Ok(Some(Self {
            minor: greeting[11],
        }))
    }
}

/// Our greeting: ZMTP 3.1, NULL.
pub fn greeting() -> Encoded {
    let mut bytes = [0; GREETING];
    bytes[0] = 0xff;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    bytes[11] = 1;
    bytes[MECHANISM][..4].copy_from_slice(b"NULL");
    Encoded::raw(Bytes::copy_from_slice(&bytes))
}

/// The READY command of a socket of type `ours`.
pub fn ready(ours: &str) -> Encoded {
    let mut body = BytesMut::new();
    for (name, value) in [("Socket-Type", ours), ("Identity", "")] {
        body.put_u8(u8::try_from(name.len()).unwrap_or(0));
        body.put_slice(name.as_bytes());
        body.put_u32(u32::try_from(value.len()).unwrap_or(0));
        body.put_slice(value.as_bytes());
    }
    Encoded::command("READY", &body)
}

/// The ERROR command, which says why the connection ends.
pub fn refusal(error: &HandshakeError) -> Encoded {
    let text: String = error
        .to_string()
        .chars()
        .filter(char::is_ascii)
        .take(255)
        .collect();
    let mut body = vec![u8::try_from(text.len()).unwrap_or(0)];
    body.extend_from_slice(text.as_bytes());
    Encoded::command("ERROR", &body)
}

/// The identity of a peer that is ready, empty if it has none.
///
/// # Errors
/// [`HandshakeError`] if its socket type is not among `accepted`, or its identity is not allowed.
pub fn identity(
    properties: &[(Bytes, Bytes)],
    ours: &'static str,
    accepted: &[&str],
) -> Result<Bytes, HandshakeError> {
    // Names of properties are compared without regard to case.
    let property = |wanted: &str| {
        properties
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()))
            .map(|(_, value)| value.clone())
            .unwrap_or_default()
    };
    let theirs = property("Socket-Type");
    if !accepted.iter().any(|kind| kind.as_bytes() == &theirs[..]) {
        let theirs = String::from_utf8_lossy(&theirs).escape_debug().to_string();
        return Err(HandshakeError::SocketType { ours, theirs });
    }
    let identity = property("Identity");
    if identity.len() > 255 || identity.first() == Some(&0) {
        return Err(HandshakeError::Identity(identity.len()));
    }
    Ok(identity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::codec::{Command, Decoder, Traffic};

    fn bytes() -> Vec<u8> {
        greeting().pieces.concat()
    }

    #[test]
    fn what_we_say_we_understand_byte_by_byte() {
        let said = [bytes(), ready("ROUTER").pieces.concat()].concat();
        let mut decoder = Decoder::default();
        let heard: Vec<_> = said
            .chunks(1)
            .flat_map(|byte| decoder.push(byte).unwrap())
            .collect();
        let [
            Traffic::Greeting(greeting),
            Traffic::Command(Command::Ready(properties)),
        ] = &heard[..]
        else {
            panic!("{heard:?}");
        };
        assert_eq!(greeting.minor, 1);
        assert_eq!(
            identity(properties, "DEALER", &["ROUTER"]),
            Ok(Bytes::new())
        );
        assert!(matches!(
            identity(properties, "PUB", &["SUB", "XSUB"]),
            Err(HandshakeError::SocketType { .. })
        ));
    }

    #[test]
    fn a_greeting_that_does_not_fit_is_refused_early() {
        assert_eq!(Greeting::parse(b"GET /"), Err(HandshakeError::NoGreeting));
        assert_eq!(Greeting::parse(&[]), Ok(None));
        let with = |index: usize, value: u8| {
            let mut bytes = bytes();
            bytes[index] = value;
            Greeting::parse(&bytes)
        };
        assert_eq!(with(9, 0), Err(HandshakeError::NoGreeting));
        assert_eq!(with(10, 1), Err(HandshakeError::OldVersion(1)));
        assert_eq!(with(11, 0), Ok(Some(Greeting { minor: 0 })));
        assert_eq!(
            with(12, b'C'),
            Err(HandshakeError::Mechanism("CULL".into()))
        );
        assert_eq!(with(12, 0xb7), Err(HandshakeError::NoGreeting));
        // libzmq writes a length of 1 where others write zeros.
        assert_eq!(with(8, 1), Ok(Some(Greeting { minor: 1 })));
        assert_eq!(Greeting::parse(&bytes()[..11]), Ok(None));
    }

    #[test]
    fn identities_are_checked() {
        let with = |value: Vec<u8>| {
            let properties = [
                (
                    Bytes::from_static(b"socket-type"),
                    Bytes::from_static(b"DEALER"),
                ),
                (Bytes::from_static(b"Identity"), Bytes::from(value)),
            ];
            identity(&properties, "ROUTER", &["DEALER"])
        };
        assert_eq!(with(b"me".to_vec()), Ok(Bytes::from_static(b"me")));
        assert_eq!(with(vec![0, 1]), Err(HandshakeError::Identity(2)));
        assert_eq!(with(vec![1; 256]), Err(HandshakeError::Identity(256)));
    }
}
