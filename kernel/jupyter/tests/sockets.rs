//! The sockets against clients that say and hear bytes: what they promise, and what nobody can break.

#[path = "front_end/client.rs"]
mod client;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use client::{Client, PATIENCE, greeting, ready};
use jupyter::zmtp::codec::{Command, Traffic};
use jupyter::zmtp::{Endpoint, Importance, Inbox, Publisher, Router, echo};
use tokio::runtime::Runtime;

const QUIET: Duration = Duration::from_millis(100);

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn tcp(port: u16) -> Endpoint {
    Endpoint::Tcp {
        host: "127.0.0.1".into(),
        port,
    }
}

fn frames(texts: &[&str]) -> Vec<Bytes> {
    texts
        .iter()
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .collect()
}

type Answers = Router<Vec<Bytes>>;

struct Host {
    runtime: Runtime,
    port: u16,
}

impl Host {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        Self {
            runtime,
            port: free_port(),
        }
    }

    /// A ROUTER that answers every message with itself.
    fn answering(&self) -> Arc<Answers> {
        let (router, mut inbox) = self.router();
        let answers = router.clone();
        self.runtime.spawn(async move {
            while let Some(message) = inbox.next().await {
                answers.send(&message);
            }
        });
        router
    }

    fn router(&self) -> (Arc<Answers>, Inbox<Vec<Bytes>>) {
        let place = tcp(self.port);
        self.runtime
            .block_on(Router::bind("router", &place, Some))
            .unwrap()
    }

    /// A PUB that welcomes with `[topic, "welcome"]`.
    fn publisher(&self) -> Arc<Publisher> {
        let welcome = |topic: &Bytes| vec![topic.clone(), Bytes::from_static(b"welcome")];
        let place = tcp(self.port);
        self.runtime
            .block_on(Publisher::bind("publisher", &place, welcome))
            .unwrap()
    }

    fn dealer(&self) -> Client {
        Client::connect(self.port, "DEALER", b"").unwrap()
    }

    /// Subscribed to everything and welcome.
    fn subscriber(&self) -> Client {
        let mut client = Client::connect(self.port, "SUB", b"").unwrap();
        client.subscribe(b"", true).unwrap();
        assert_eq!(client.receive(PATIENCE).unwrap(), frames(&["", "welcome"]));
        client
    }
}

/// One question and its answer.
fn is_answered(client: &mut Client) -> bool {
    let question = frames(&["are you", "there?"]);
    client.send(&question).is_ok() && client.receive(PATIENCE) == Some(question)
}

#[test]
fn replies_go_to_who_asked_and_a_client_that_comes_back_takes_over() {
    let host = Host::new();
    let (router, mut inbox) = host.router();
    let mut next = || host.runtime.block_on(inbox.next()).unwrap();
    let mut nameless = host.dealer();
    nameless.send(&frames(&["a"])).unwrap();
    let first = next();
    let mut named = Client::connect(host.port, "DEALER", b"me").unwrap();
    named.send(&frames(&["b", ""])).unwrap();
    assert_eq!(next(), frames(&["me", "b", ""]));
    assert!(router.send(&[first[0].clone(), Bytes::from_static(b"to a")]));
    assert!(router.send(&frames(&["me", "to b"])));
    assert!(!router.send(&frames(&["nobody", "lost"])));
    assert_eq!(nameless.receive(PATIENCE), Some(frames(&["to a"])));
    assert_eq!(named.receive(PATIENCE), Some(frames(&["to b"])));

    let mut again = Client::connect(host.port, "DEALER", b"me").unwrap();
    again.send(&frames(&["c"])).unwrap();
    assert_eq!(next(), frames(&["me", "c"]));
    assert!(router.send(&frames(&["me", "to c"])));
    assert_eq!(again.receive(PATIENCE), Some(frames(&["to c"])));
    assert!(named.is_closed());
}

#[test]
fn large_messages_arrive_whole_in_both_directions() {
    let host = Host::new();
    let _router = host.answering();
    let mut client = host.dealer();
    for size in [0, 4095, 4096, 16_384, 300_000, 20_000_000] {
        let body: Vec<u8> = (0..size).map(|i: u32| ((i * 31) >> 3) as u8).collect();
        let message = [Bytes::from_static(b"{}"), body.into(), Bytes::new()];
        let mut reader = client.twin();
        let sent = message.clone();
        let writing = std::thread::spawn(move || {
            client.send(&sent).unwrap();
            client
        });
        assert!(reader.receive(PATIENCE).unwrap() == message, "{size}");
        client = writing.join().unwrap();
    }
}

#[test]
fn heartbeats_come_back_as_they_were_and_pings_are_answered() {
    let host = Host::new();
    let place = tcp(host.port);
    host.runtime.block_on(echo("heartbeat", &place)).unwrap();
    let mut client = Client::connect(host.port, "REQ", b"").unwrap();
    let beat = frames(&["", "any bytes"]);
    client.send(&beat).unwrap();
    assert_eq!(client.receive(PATIENCE), Some(beat));
    client.command("PING", b"\0\x10context").unwrap();
    assert_eq!(client.hear(PATIENCE), Some(Traffic::Command(Command::Pong)));
}

#[test]
fn subscribers_are_welcomed_alone_and_hear_their_topics_only() {
    let host = Host::new();
    let publisher = host.publisher();
    let publish = |topic: &str| publisher.publish(&frames(&[topic, "x"]), Importance::Essential);
    for minor in [0, 1] {
        let mut all = host.subscriber();
        let mut one = Client::with_version(host.port, minor, "SUB", b"").unwrap();
        publish("nobody of these");
        one.subscribe(b"kernel.", true).unwrap();
        assert_eq!(one.receive(PATIENCE), Some(frames(&["kernel.", "welcome"])));
        // The same topic again is no new subscription, and is cancelled apart.
        one.subscribe(b"kernel.", true).unwrap();
        one.subscribe(b"kernel.", false).unwrap();
        one.subscribe(b"other", true).unwrap();
        assert_eq!(one.receive(PATIENCE), Some(frames(&["other", "welcome"])));
        publish("kernel.1");
        publish("kernel");
        publish("other.2");
        assert_eq!(one.receive(PATIENCE), Some(frames(&["kernel.1", "x"])));
        assert_eq!(one.receive(PATIENCE), Some(frames(&["other.2", "x"])));
        one.subscribe(b"kernel.", false).unwrap();
        one.subscribe(b"mark", true).unwrap();
        one.receive(PATIENCE).unwrap();
        publish("kernel.3");
        assert_eq!(one.receive(QUIET), None);
        for topic in [
            "nobody of these",
            "kernel.1",
            "kernel",
            "other.2",
            "kernel.3",
        ] {
            assert_eq!(all.receive(PATIENCE), Some(frames(&[topic, "x"])));
        }
    }
}

#[test]
fn a_stalled_subscriber_loses_pictures_first_and_others_lose_nothing() {
    let host = Host::new();
    let publisher = host.publisher();
    let mut stalled = host.subscriber();
    let mut reader = host.subscriber();
    const PICTURES: usize = 300;
    let reading = std::thread::spawn(move || {
        (0..PICTURES)
            .filter(|_| {
                let status = reader.receive(PATIENCE).unwrap();
                let picture = reader.receive(PATIENCE).unwrap();
                status[0] == "status" && picture[1].len() == 300_000
            })
            .count()
    });
    let mut waited = Duration::ZERO;
    for index in 0..PICTURES {
        publisher.publish(
            &frames(&["status", &index.to_string()]),
            Importance::Essential,
        );
        let began = Instant::now();
        while publisher.is_crowded(Duration::from_millis(100)) {
            std::thread::sleep(Duration::from_millis(1));
        }
        waited += began.elapsed();
        let picture = Bytes::from(vec![index as u8; 300_000]);
        publisher.publish(
            &[Bytes::from_static(b"picture"), picture],
            Importance::Picture,
        );
    }
    assert_eq!(reading.join().unwrap(), PICTURES);
    assert!(
        waited < PATIENCE,
        "a stalled subscriber held up the others for {waited:?}"
    );
    // It reads again: every status is there in order, and some pictures.
    let (mut statuses, mut pictures) = (Vec::new(), 0);
    while statuses.len() < PICTURES {
        let message = stalled.receive(PATIENCE).unwrap();
        if message[0] == "status" {
            statuses.push(
                String::from_utf8_lossy(&message[1])
                    .parse::<usize>()
                    .unwrap(),
            );
        } else {
            pictures += 1;
        }
    }
    assert_eq!(statuses, (0..PICTURES).collect::<Vec<_>>());
    assert!(pictures < PICTURES / 2, "{pictures} were kept");
}

#[test]
fn a_peer_whose_box_is_full_of_what_must_not_be_dropped_is_disconnected() {
    let host = Host::new();
    let publisher = host.publisher();
    let mut stalled = host.subscriber();
    let mut reader = host.subscriber();
    let body = Bytes::from(vec![7; 1 << 20]);
    for _ in 0..60 {
        publisher.publish(
            &[Bytes::from_static(b"result"), body.clone()],
            Importance::Essential,
        );
        assert_eq!(reader.receive(PATIENCE).unwrap()[1].len(), 1 << 20);
    }
    assert!(stalled.is_closed());
    let mut again = host.subscriber();
    publisher.publish(&frames(&["after"]), Importance::Essential);
    assert_eq!(again.receive(PATIENCE), Some(frames(&["after"])));
}

#[test]
fn a_client_that_never_reads_its_replies_is_disconnected_and_others_are_answered() {
    let host = Host::new();
    let _router = host.answering();
    let mut deaf = host.dealer();
    let mut other = host.dealer();
    let question = [Bytes::from(vec![1; 1 << 20])];
    let mut asked = 0;
    while asked < 400 && deaf.send(&question).is_ok() {
        asked += 1;
    }
    assert!((60..400).contains(&asked), "{asked} questions");
    assert!(is_answered(&mut other));
}

#[test]
fn what_is_not_zeromq_ends_alone() {
    let host = Host::new();
    let _router = host.answering();
    let mut good = host.dealer();
    let long = [&[2_u8][..], &u64::MAX.to_be_bytes()].concat();
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("junk", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("zeros", vec![0; 64]),
        ("an old version", {
            let mut old = greeting(0, "NULL");
            old[10] = 1;
            old[..12].to_vec()
        }),
        ("another mechanism", greeting(1, "CURVE").to_vec()),
        (
            "another socket",
            [&greeting(1, "NULL")[..], &ready("SUB", b"")].concat(),
        ),
        (
            "a bad identity",
            [&greeting(1, "NULL")[..], &ready("DEALER", &[0; 5])].concat(),
        ),
        (
            "a message before READY",
            [&greeting(1, "NULL")[..], &[0, 1, b'x']].concat(),
        ),
        (
            "a short READY",
            [&greeting(1, "NULL")[..], b"\x04\x08\x05READY\x0bS"].concat(),
        ),
        (
            "a frame beyond all limits",
            [&greeting(1, "NULL")[..], &ready("DEALER", b""), &long].concat(),
        ),
        (
            "unknown flags",
            [&greeting(1, "NULL")[..], &ready("DEALER", b""), &[0x55; 40]].concat(),
        ),
    ];
    for (name, bytes) in cases {
        for _ in 0..20 {
            let mut bad = Client::stranger(host.port).unwrap();
            let _ = bad.say(&bytes);
            assert!(bad.is_closed(), "{name} is still connected");
        }
        assert!(is_answered(&mut good), "no answer after {name}");
    }
}

#[test]
fn a_wrong_socket_is_told_why() {
    let host = Host::new();
    let _publisher = host.publisher();
    let mut dealer = Client::stranger(host.port).unwrap();
    dealer.say(&greeting(1, "NULL")).unwrap();
    dealer.say(&ready("DEALER", b"")).unwrap();
    let heard: Vec<_> = std::iter::from_fn(|| dealer.hear(PATIENCE)).collect();
    let Some(Traffic::Command(Command::Error(reason))) = heard.last() else {
        panic!("{heard:?}");
    };
    assert_eq!(reason, "it is a DEALER socket, which does not fit to PUB");
}

#[test]
fn a_byte_at_a_time_is_as_good_as_any() {
    let host = Host::new();
    let _router = host.answering();
    let mut slow = Client::stranger(host.port).unwrap();
    let mut quick = host.dealer();
    let all = [
        &greeting(1, "NULL")[..],
        &ready("DEALER", b"slow"),
        &[1, 2, b'h', b'i', 0, 1, b'!'],
    ]
    .concat();
    for (index, byte) in all.iter().enumerate() {
        slow.say(&[*byte]).unwrap();
        if index % 40 == 0 {
            assert!(is_answered(&mut quick));
        }
    }
    assert_eq!(slow.receive(PATIENCE), Some(frames(&["hi", "!"])));
}

#[test]
fn thousands_of_connections_that_say_nothing_keep_nobody_out() {
    let host = Host::new();
    let _router = host.answering();
    let mut good = host.dealer();
    let mut held = Vec::new();
    for index in 0..3000 {
        if let Ok(stranger) = Client::stranger(host.port)
            && index % 10 == 0
        {
            held.push(stranger);
        }
        // Connections faster than anybody accepts them wait for the system's next attempt.
        if index % 250 == 0 {
            std::thread::sleep(Duration::from_millis(10));
        }
    }
    assert!(is_answered(&mut good));
    assert!(is_answered(&mut host.dealer()));
    // The strangers that have waited longest had to go.
    assert!(held.remove(0).is_closed());
}

#[test]
fn more_peers_than_seats_are_refused_until_one_leaves() {
    let host = Host::new();
    let _router = host.answering();
    let mut seated: Vec<_> = (0..256).map(|_| host.dealer()).collect();
    assert!(Client::connect(host.port, "DEALER", b"").is_err());
    seated.pop();
    let end = Instant::now() + PATIENCE;
    let mut late = loop {
        match Client::connect(host.port, "DEALER", b"") {
            Ok(client) => break client,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
    };
    assert!(is_answered(&mut late) && is_answered(&mut seated[0]));
}

#[test]
fn unix_sockets_work_and_a_file_left_behind_is_replaced() {
    let host = Host::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kernel-1");
    // As a killed kernel leaves it.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let place = Endpoint::Ipc(path.clone());
    let (_router, _inbox) = host
        .runtime
        .block_on(Router::bind("router", &place, Some))
        .unwrap();
    let error = host.runtime.block_on(echo("second", &place)).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
    let mut stream = std::os::unix::net::UnixStream::connect(&path).unwrap();
    let mut first = [0; 64];
    std::io::Read::read_exact(&mut stream, &mut first).unwrap();
    assert_eq!(first, greeting(1, "NULL"));
    drop(host);
    assert!(!path.exists());
}

#[test]
fn a_slow_reader_gets_everything_if_the_sender_waits_for_it() {
    let host = Host::new();
    let publisher = host.publisher();
    let mut slow = host.subscriber();
    let received = Arc::new(AtomicUsize::new(0));
    let count = received.clone();
    let reading = std::thread::spawn(move || {
        for _ in 0..100 {
            std::thread::sleep(Duration::from_millis(2));
            assert_eq!(slow.receive(PATIENCE).unwrap()[1].len(), 1 << 20);
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    for index in 0..100 {
        while publisher.is_crowded(PATIENCE) {
            std::thread::sleep(Duration::from_millis(1));
        }
        let body = Bytes::from(vec![index; 1 << 20]);
        publisher.publish(&[Bytes::new(), body], Importance::Essential);
    }
    reading.join().unwrap();
    assert_eq!(received.load(Ordering::Relaxed), 100);
}
