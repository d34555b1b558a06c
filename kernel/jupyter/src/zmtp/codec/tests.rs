use super::*;

fn wire(message: &Encoded) -> Vec<u8> {
    message.pieces.concat()
}

fn frames() -> Vec<Bytes> {
    [0, 1, 5, 255, 256, 4095, 4096, 70_000, 0]
        .into_iter()
        .enumerate()
        .map(|(seed, length)| {
            (0..length)
                .map(|i: usize| (i * 7 + seed) as u8)
                .collect::<Vec<_>>()
                .into()
        })
        .collect()
}

#[test]
fn messages_survive_any_split() {
    let bytes = [
        wire(&Encoded::message(&frames())),
        wire(&Encoded::command("PING", b"\0\x01ctx")),
        wire(&Encoded::message(&[Bytes::from_static(b"end")])),
    ]
    .concat();
    for step in [1, 2, 3, 7, 9, 64, 1000, 4096, 65_536, bytes.len()] {
        let mut decoder = Decoder::after_greeting();
        let seen: Vec<_> = bytes
            .chunks(step)
            .flat_map(|chunk| decoder.push(chunk).unwrap())
            .collect();
        assert_eq!(
            seen,
            [
                Traffic::Message(frames()),
                Traffic::Command(Command::Ping(Bytes::from_static(b"ctx"))),
                Traffic::Message(vec![Bytes::from_static(b"end")]),
            ],
            "in steps of {step}"
        );
    }
}

#[test]
fn large_frames_are_sent_as_they_lie_and_small_ones_in_one_piece() {
    let large = Bytes::from(vec![1; 1 << 20]);
    let small = Bytes::from_static(b"{}");
    let message = Encoded::message(&[small.clone(), small.clone(), large.clone(), small]);
    assert_eq!(message.pieces.len(), 3);
    assert_eq!(message.pieces[1].as_ptr(), large.as_ptr());
    assert_eq!(message.length, wire(&message).len());
}

#[test]
fn a_large_frame_is_handed_on_in_the_memory_it_was_read_into() {
    let mut decoder = Decoder::after_greeting();
    let bytes = wire(&Encoded::message(&[Bytes::from(vec![5; 500_000])]));
    assert!(decoder.push(&bytes[..100]).unwrap().is_empty());
    let place = decoder.room().as_ptr().wrapping_add(9);
    let Some(Traffic::Message(frames)) = decoder.push(&bytes[100..]).unwrap().pop() else {
        panic!("no message");
    };
    assert_eq!(frames[0].as_ptr(), place);
}

#[test]
fn an_announced_length_gets_no_memory_until_it_arrives() {
    let mut decoder = Decoder::after_greeting();
    let mut bytes = vec![LONG];
    bytes.extend_from_slice(&(MESSAGE_LIMIT as u64).to_be_bytes());
    bytes.extend_from_slice(&[0; 1000]);
    assert_eq!(decoder.push(&bytes).unwrap(), []);
    assert!(decoder.room().capacity() <= 2 * TRUSTED);
}

#[test]
fn what_is_too_long_or_not_of_the_protocol_is_refused() {
    let long = |flags: u8, length: u64| [&[flags][..], &length.to_be_bytes()].concat();
    let refused = |bytes: &[u8]| Decoder::after_greeting().push(bytes).unwrap_err();
    let over = MESSAGE_LIMIT as u64 + 1;
    assert_eq!(
        refused(&long(LONG, over)),
        CodecError::LongMessage {
            length: over,
            limit: MESSAGE_LIMIT
        }
    );
    assert_eq!(
        refused(&long(LONG | MORE, u64::MAX)),
        CodecError::LongMessage {
            length: u64::MAX,
            limit: MESSAGE_LIMIT
        }
    );
    assert_eq!(
        refused(&long(LONG | COMMAND, 1 << 17)),
        CodecError::LongCommand { length: 1 << 17 }
    );
    assert_eq!(refused(&[0x80, 0]), CodecError::Flags(0x80));
    assert_eq!(refused(&[COMMAND | MORE, 0]), CodecError::CommandWithMore);
    assert_eq!(
        refused(&[MORE, 0, COMMAND, 0]),
        CodecError::CommandInMessage
    );
    assert_eq!(refused(&[COMMAND, 0]), CodecError::ShortCommand);
    assert_eq!(
        refused(&[COMMAND, 3, 9, b'R', b'E']),
        CodecError::ShortCommand
    );
    assert_eq!(
        refused(b"\x04\x0b\x05READY\x01A\0\0\xff"),
        CodecError::ShortCommand
    );
    assert_eq!(
        refused(&[MORE, 0].repeat(FRAME_LIMIT + 1)),
        CodecError::ManyFrames
    );
}

#[test]
fn several_frames_together_may_not_be_longer_than_one() {
    let mut decoder = Decoder::after_greeting();
    decoder.bytes = MESSAGE_LIMIT - 2;
    decoder.frames.push(Bytes::new());
    assert!(matches!(
        decoder.push(&[0, 3]),
        Err(CodecError::LongMessage { length: 3, .. })
    ));
}

#[test]
fn commands_are_read() {
    let command = |bytes: &[u8]| match Decoder::after_greeting().push(bytes).unwrap().pop() {
        Some(Traffic::Command(command)) => command,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        command(b"\x04\x0d\x09SUBSCRIBEabc"),
        Command::Subscribe(Bytes::from_static(b"abc"))
    );
    assert_eq!(
        command(b"\x04\x07\x06CANCEL"),
        Command::Cancel(Bytes::new())
    );
    assert_eq!(
        command(b"\x04\x0a\x05ERROR\x03no!"),
        Command::Error("no!".into())
    );
    assert_eq!(
        command(b"\x04\x04\x03NEW"),
        Command::Unknown(Bytes::from_static(b"NEW"))
    );
}
