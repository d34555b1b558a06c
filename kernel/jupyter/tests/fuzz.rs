//! Mutated input for what reads bytes of strangers: the ZMTP codec, the decoder of messages, and the
//! readers of a cell's text.
//!
//! The suite runs the stored inputs of `tests/data/fuzz/TARGET` and a fixed number of seeded
//! mutations, the same on every machine. `cargo xtask fuzz SECONDS` goes on for a time with a new seed,
//! which it prints; an input that fails is written to `target/fuzz` and belongs into
//! `tests/data/fuzz` once its cause is mended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use jupyter::wire::{Author, Outgoing, Signer, decode};
use jupyter::zmtp::codec::{CodecError, Decoder, Traffic};
use serde_json::json;

/// Seed of the runs in the suite.
const SEED: u64 = 0x0051_474e_414c_5452;
const KEY: &str = "secret";
const SEPARATOR: &[u8] = b"\n--frame--\n";

/// Xorshift (Marsaglia 2003): the same numbers on every machine.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or(0)
    }

    fn range(&mut self, length: usize, longest: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let end = (start + self.below(longest) + 1).min(length);
        start..end.max(start)
    }
}

/// One to four changes of a kind that finds mistakes in parsers.
fn mutate(numbers: &mut Numbers, corpus: &[Vec<u8>]) -> Vec<u8> {
    const PIECES: [&[u8]; 12] = [
        b"\xff",
        b"\x00",
        b"\x7f",
        b"\x80",
        b"((((",
        b"}}",
        b"\"",
        b"-1",
        b"/*",
        b"\xc3",
        b"9999999999",
        b"<IDS|MSG>",
    ];
    let mut input = corpus[numbers.below(corpus.len())].clone();
    for _ in 0..=numbers.below(4) {
        let range = numbers.range(input.len(), 16);
        match numbers.below(8) {
            0 => drop(input.drain(range)),
            1 => {
                let piece = PIECES[numbers.below(PIECES.len())];
                drop(input.splice(range.start..range.start, piece.iter().copied()));
            }
            2 => {
                let other = &corpus[numbers.below(corpus.len())];
                let from = numbers.range(other.len(), 64);
                drop(input.splice(range, other[from].iter().copied()));
            }
            3 => input.truncate(range.end),
            4 => {
                let times = 1 << numbers.below(10);
                let piece = input[range.clone()].repeat(times);
                drop(input.splice(range.start..range.start, piece));
            }
            5 if !input.is_empty() => {
                let at = numbers.below(input.len());
                input[at] ^= 1 << numbers.below(8);
            }
            6 if !input.is_empty() => {
                let (one, other) = (numbers.below(input.len()), numbers.below(input.len()));
                input.swap(one, other);
            }
            _ => {
                let number = numbers.next().to_be_bytes();
                drop(input.splice(range, number));
            }
        }
    }
    input
}

struct Target {
    name: &'static str,
    corpus: Vec<Vec<u8>>,
    /// Panics when the input shows a mistake.
    check: fn(&[u8], &mut Numbers),
}

fn targets() -> [Target; 3] {
    [
        Target {
            name: "zmtp",
            corpus: streams(),
            check: check_stream,
        },
        Target {
            name: "message",
            corpus: messages(),
            check: check_message,
        },
        Target {
            name: "cell",
            corpus: cells(),
            check: check_cell,
        },
    ]
}

// ------------------------------------------------------------------------------ ZMTP

/// Greetings, commands and messages as clients send them.
fn streams() -> Vec<Vec<u8>> {
    let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
    greeting.extend(b"NULL");
    greeting.resize(64, 0);
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x04name".to_vec();
    let mut ready = vec![4, u8::try_from(body.len()).unwrap_or(0)];
    ready.append(&mut body);
    let short = |flags: u8, body: &[u8]| [&[flags, body.len() as u8], body].concat();
    let long = |flags: u8, body: &[u8]| {
        [&[flags | 2], &(body.len() as u64).to_be_bytes()[..], body].concat()
    };
    let opened = [greeting, ready].concat();
    let message = [
        short(1, b""),
        short(1, b"<IDS|MSG>"),
        long(1, &[b'a'; 300]),
        short(0, b"{}"),
    ]
    .concat();
    vec![
        [&opened[..], &message].concat(),
        [&opened[..], &long(0, &[7; 70_000])].concat(),
        [
            &opened[..],
            &short(4, b"\x09SUBSCRIBE"),
            &short(4, b"\x06CANCELtopic"),
        ]
        .concat(),
        [
            &opened[..],
            &short(4, b"\x04PING\0\x10context"),
            &short(0, b"\x01topic"),
        ]
        .concat(),
        opened,
    ]
}

/// However a stream is cut into pieces, the same comes out, and no more is kept than was promised.
fn check_stream(input: &[u8], numbers: &mut Numbers) {
    let (all, end) = decoded(&mut Decoder::default(), input.chunks(1));
    let mut pieces = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        let most = [1, 9, 100, 100_000][numbers.below(4)];
        let (piece, left) = rest.split_at((numbers.below(most) + 1).min(rest.len()));
        pieces.push(piece);
        rest = left;
    }
    let mut decoder = Decoder::default();
    let (cut, cut_end) = decoded(&mut decoder, pieces);
    assert_eq!(end, cut_end, "cut into pieces the stream ends differently");
    // What came in the same piece as the end is not told.
    assert!(
        all.starts_with(&cut) && (end.is_some() || all.len() == cut.len()),
        "cut into pieces the stream reads differently: {all:?}, {cut:?}"
    );
    let kept = decoder.room().capacity();
    assert!(
        kept <= 2 * input.len() + (4 << 20),
        "{kept} bytes are kept for {} received",
        input.len()
    );
}

/// Everything complete, and what ended the stream.
fn decoded<'a>(
    decoder: &mut Decoder,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<Traffic>, Option<CodecError>) {
    let mut all = Vec::new();
    for piece in pieces {
        match decoder.push(piece) {
            Ok(traffic) => all.extend(traffic),
            Err(error) => return (all, Some(error)),
        }
    }
    (all, None)
}

// ------------------------------------------------------------------------------ messages

fn joined(frames: &[Bytes]) -> Vec<u8> {
    frames.join(SEPARATOR)
}

fn split(mut input: &[u8]) -> Vec<Bytes> {
    let mut frames = Vec::new();
    while let Some(at) = input
        .windows(SEPARATOR.len())
        .position(|window| window == SEPARATOR)
    {
        frames.push(Bytes::copy_from_slice(&input[..at]));
        input = &input[at + SEPARATOR.len()..];
    }
    frames.push(Bytes::copy_from_slice(input));
    frames
}

fn messages() -> Vec<Vec<u8>> {
    let author = Author::new(Signer::new(KEY));
    let kinds = [
        (
            "execute_request",
            json!({"code": "1 + 1", "silent": false, "user_expressions": {"a": "b"}}),
        ),
        (
            "complete_request",
            json!({"code": "öpen_w", "cursor_pos": 6}),
        ),
        (
            "comm_msg",
            json!({"comm_id": "c", "data": {"method": "custom", "content": {"n": [1, 2.5e3, null]}}}),
        ),
    ];
    kinds
        .into_iter()
        .map(|(kind, content)| {
            let message = Outgoing::publish(kind, None, content)
                .with_buffers(vec![Bytes::from_static(b"\x00\x01pixels")]);
            joined(&author.encode(message))
        })
        .collect()
}

/// Unsigned, so that the JSON is reached, and signed: there only what the author wrote is accepted.
fn check_message(input: &[u8], _: &mut Numbers) {
    let frames = split(input);
    if let Ok(message) = decode(&Signer::new(""), frames.clone()) {
        let reply = Outgoing::reply(&message.parent, json!({"status": "ok"}));
        let sent = Author::new(Signer::new(KEY)).encode(reply);
        // An empty identity list would make it a published message.
        if !message.parent.identities.is_empty() {
            assert!(decode(&Signer::new(KEY), sent).is_ok(), "our own reply");
        }
    }
    if let Ok(message) = decode(&Signer::new(KEY), frames) {
        let parent = &message.parent;
        assert!(
            messages().len() == 3 && !parent.msg_id.is_empty() && !parent.msg_type.is_empty(),
            "a forged message was accepted: {parent:?}"
        );
    }
}

// ------------------------------------------------------------------------------ cells

fn cells() -> Vec<Vec<u8>> {
    let corpus = include_str!("../../eval/tests/direct_cells.txt");
    let refused = [
        "let (a, b) = (1, 2);\nfor i in 0..a { println!(\"{i}\"); }",
        "let sharper = flat.map(|frame: Frame<f32>| frame.mapv(f32::sqrt))?;\nsharper",
        ":dep serde = \"1\"\nuse serde::Serialize;\nstruct S<'a, const N: usize>(&'a [u8; N]);",
        "// text \"\nr#\"raw \" text\"# ; b'\\'' ; '\\u{1f52c}' ; /* /* nested */ */ 1.0e-3_f64",
        ":help",
        "?open",
    ];
    let mut all: Vec<Vec<u8>> = corpus
        .split("\n%%\n")
        .chain(refused)
        .map(|cell| cell.as_bytes().to_vec())
        .collect();
    // Each level is one call of a recursive parser.
    all.extend(
        [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{", "1", "}"),
            ("- ", "1", ""),
            ("&", "a", ""),
            ("", "a", ".b"),
            ("", "1", " + 1"),
            ("Vec<", "u8", ">"),
            ("f(", "", ")"),
            ("|a| ", "a", ""),
            ("if a ", "{}", " else if b {}"),
        ]
        .map(|(before, inner, after)| {
            format!("{}{inner}{}", before.repeat(20_000), after.repeat(20_000)).into_bytes()
        }),
    );
    all
}

fn check_cell(input: &[u8], numbers: &mut Numbers) {
    let code = String::from_utf8_lossy(input);
    eval::read_cell(&code, numbers.below(code.len() + 1));
    eval::read_cell(&code, code.len());
}

// ------------------------------------------------------------------------------ runs

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn stored(target: &Target) -> Vec<Vec<u8>> {
    let Ok(folder) = std::fs::read_dir(root().join("tests/data/fuzz").join(target.name)) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = folder.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
        .iter()
        .map(|file| std::fs::read(file).expect("a stored input can be read"))
        .collect()
}

/// Runs one input; one that fails is written down before the test fails.
fn run(target: &Target, input: &[u8], numbers: &mut Numbers, seed: u64) {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.check)(input, numbers)));
    if outcome.is_err() {
        let folder = root().join("target/fuzz");
        let file = folder.join(format!("{}-{seed:x}", target.name));
        let _ = std::fs::create_dir_all(&folder);
        std::fs::write(&file, input).expect("the input can be written");
        panic!(
            "target {}, seed {seed:#x}: the input is in {}",
            target.name,
            file.display()
        );
    }
}

/// Inputs run until `more` says no; how many. Long ones are written to `last` before they run.
fn fuzz(name: &str, seed: u64, last: Option<&Path>, mut more: impl FnMut(usize) -> bool) -> usize {
    let target = targets()
        .into_iter()
        .find(|target| target.name == name)
        .expect("a target of that name");
    println!("target {name}, seed {seed:#x}");
    let mut numbers = Numbers(seed);
    let mut corpus = target.corpus.clone();
    corpus.extend(stored(&target));
    for input in &corpus {
        run(&target, input, &mut numbers, seed);
    }
    let mut count = 0;
    while more(count) {
        let input = mutate(&mut numbers, &corpus);
        if let Some(file) = last.filter(|_| input.len() > 400) {
            // An overflown stack ends the process before anything could be said.
            std::fs::write(file, &input).expect("the input can be written");
        }
        run(&target, &input, &mut numbers, seed);
        count += 1;
    }
    count
}

#[test]
fn mutated_zmtp_streams_never_panic_and_never_read_differently() {
    fuzz("zmtp", SEED, None, |count| count < 3_000);
}

#[test]
fn mutated_messages_never_panic_and_forged_ones_are_refused() {
    fuzz("message", SEED, None, |count| count < 30_000);
}

#[test]
fn mutated_cells_never_panic_and_their_readers_agree() {
    fuzz("cell", SEED, None, |count| count < 15_000);
}

/// `SIGNALTREE_FUZZ_SECONDS`: the long run of `cargo xtask fuzz`, a new seed each time or that of
/// `SIGNALTREE_FUZZ_SEED`.
#[test]
#[ignore = "runs for as long as SIGNALTREE_FUZZ_SECONDS says"]
fn for_a_time() {
    let seconds = std::env::var("SIGNALTREE_FUZZ_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(60_u64);
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    let again = std::env::var("SIGNALTREE_FUZZ_SEED").ok();
    let seed = again
        .and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok())
        .unwrap_or(since.as_nanos() as u64 | 1);
    let last = root().join("target/fuzz/last");
    let _ = std::fs::create_dir_all(root().join("target/fuzz"));
    for target in targets() {
        let end = Instant::now() + Duration::from_secs(seconds) / 3;
        let count = fuzz(target.name, seed, Some(&last), |_| Instant::now() < end);
        println!("{}: {count} inputs", target.name);
    }
}
