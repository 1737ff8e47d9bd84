//! Does the server end as it should?

use crate::desk::{Client, Desk, Notes, carry, code, terms};
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_transport::lmtp::{Drain, Limits, Listener, Server, Terms};
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[test]
fn a_client_that_waits_is_told() {
    let mut desk = Desk::greeted(terms());
    desk.drain.begin();
    assert_eq!(code(&desk.client.reply()), "421 4.3.2");
    assert_eq!(desk.client.reply(), "");
    desk.server.join().unwrap();
}

#[test]
fn a_message_under_way_comes_to_its_end() {
    let mut desk = Desk::greeted(terms());
    desk.client.envelope("<a@b.test>", &[]);
    desk.drain.begin();
    assert_eq!(desk.client.code("RCPT TO:<c@d.test>"), "250 2.1.5");
    assert_eq!(desk.client.code("DATA"), "354");
    desk.client.send("x\r\n.\r\n");
    assert_eq!(code(&desk.client.reply()), "250 2.1.5");
    assert_eq!(code(&desk.client.reply()), "421 4.3.2");
    desk.server.join().unwrap();
}

#[test]
fn a_client_that_says_nothing_is_left() {
    let limits = Limits {
        command: Duration::from_millis(100),
        block: Duration::from_millis(100),
        ..terms().limits
    };
    let terms = Terms { limits, ..terms() };
    let mut desk = Desk::greeted(terms.clone());
    assert_eq!(code(&desk.client.reply()), "421 4.4.2", "between commands");
    desk.server.join().unwrap();
    let mut desk = Desk::greeted(terms);
    desk.client.envelope("<a@b.test>", &["c@d.test"]);
    desk.client.say("DATA");
    desk.client.send("x\r\n.");
    assert_eq!(
        code(&desk.client.reply()),
        "421 4.4.2",
        "within the message"
    );
    assert!(desk.carried().is_empty());
}

/// A server with a socket; the path goes with it.
struct Office {
    directory: tempfile::TempDir,
    drain: Drain,
    server: Server,
    notes: Notes,
    over: mpsc::Receiver<usize>,
}

impl Office {
    fn open(most: usize, wait: Option<mpsc::Receiver<()>>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(directory.path().join("lmtp")).unwrap();
        let drain = Drain::new().unwrap();
        let notes = Notes::default();
        let own = Arc::clone(&notes);
        let wait = wait.map(std::sync::Mutex::new);
        let carry = move |request: &requiretls_transport::Request<'_>| {
            let slow = request.envelope.recipients[0]
                .path
                .as_str()
                .starts_with("slow");
            if let Some(wait) = wait.as_ref().filter(|_| slow) {
                let _ = wait.lock().unwrap().recv();
            }
            carry(request, &own)
        };
        let server = Server::new(Arc::new(carry), drain.clone(), most);
        let (told, over) = mpsc::channel();
        let running = server.clone();
        std::thread::spawn(move || {
            let listeners = vec![(Listener::Unix(listener), terms())];
            let left = running.run(listeners, Duration::from_millis(500)).unwrap();
            let _ = told.send(left);
        });
        Self {
            directory,
            drain,
            server,
            notes,
            over,
        }
    }

    fn connect(&self) -> std::io::Result<Client> {
        let stream = UnixStream::connect(self.directory.path().join("lmtp"))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        Ok(Client(stream))
    }
}

const SOON: Duration = Duration::from_secs(20);

#[test]
fn slow_ones_do_not_hold_up_the_others() {
    let (release, wait) = mpsc::channel();
    let office = Office::open(100, Some(wait));
    let mut slow = office.connect().unwrap();
    slow.reply();
    slow.say("LHLO x");
    slow.envelope("<a@b.test>", &["slow@d.test"]);
    slow.say("DATA");
    slow.send("x\r\n.\r\n");
    // One that has begun a command, and one that never reads.
    let mut dripping = office.connect().unwrap();
    dripping.send("LHL");
    let mut deaf = office.connect().unwrap();
    deaf.send("NOOP\r\n".repeat(100));
    for n in 0..10 {
        let mut quick = office.connect().unwrap();
        assert_eq!(code(&quick.reply()), "220");
        quick.say("LHLO x");
        let reply = quick.message("<a@b.test>", "c@d.test", "x\r\n");
        assert_eq!(code(&reply), "250 2.1.5", "{n}");
    }
    assert_eq!(office.notes.lock().unwrap().len(), 10);
    release.send(()).unwrap();
    assert_eq!(code(&slow.reply()), "250 2.1.5");
}

#[test]
fn the_listener_closes_first_and_the_last_message_ends_it() {
    let (release, wait) = mpsc::channel();
    let office = Office::open(100, Some(wait));
    let mut idle = office.connect().unwrap();
    idle.reply();
    let mut slow = office.connect().unwrap();
    slow.reply();
    slow.say("LHLO x");
    slow.envelope("<a@b.test>", &["slow@d.test"]);
    slow.say("DATA");
    slow.send("x\r\n.\r\n");
    office.drain.begin();
    assert_eq!(code(&idle.reply()), "421 4.3.2");
    let until = Instant::now() + SOON;
    while office.connect().is_ok() {
        assert!(Instant::now() < until, "the listener is open");
    }
    release.send(()).unwrap();
    assert_eq!(code(&slow.reply()), "250 2.1.5");
    assert_eq!(code(&slow.reply()), "421 4.3.2");
    assert_eq!(office.over.recv_timeout(SOON), Ok(0));
}

/// What is not at its end by then was not acknowledged.
#[test]
fn patience_has_an_end() {
    let (_release, wait) = mpsc::channel();
    let office = Office::open(100, Some(wait));
    let mut slow = office.connect().unwrap();
    slow.reply();
    slow.say("LHLO x");
    slow.envelope("<a@b.test>", &["slow@d.test"]);
    slow.say("DATA");
    slow.send("x\r\n.\r\n");
    while office.server.counters().read().messages == 0 {
        std::thread::yield_now();
    }
    office.drain.begin();
    assert_eq!(office.over.recv_timeout(SOON), Ok(1));
}

#[test]
fn one_too_many_is_turned_away() {
    let office = Office::open(2, None);
    let mut clients: Vec<_> = (0..2).map(|_| office.connect().unwrap()).collect();
    for client in &mut clients {
        assert_eq!(code(&client.reply()), "220");
    }
    let mut third = office.connect().unwrap();
    assert_eq!(third.reply(), "421 4.3.2 too many connections");
    assert_eq!(third.reply(), "");
    clients[0].code("QUIT");
    clients[0].reply();
    // The place is free when the server's thread has ended.
    let until = Instant::now() + SOON;
    while office.connect().unwrap().reply().starts_with("421") {
        assert!(Instant::now() < until, "no place is free");
    }
}

#[test]
fn what_is_done_is_counted() {
    let office = Office::open(100, None);
    let mut client = office.connect().unwrap();
    client.reply();
    client.say("LHLO x");
    client.envelope(
        "<a@b.test>",
        &["a@d.test", "451-4.7.5@d.test", "550-5.7.30@d.test"],
    );
    client.say("DATA");
    client.send("12345\r\n.\r\n");
    for _ in 0..3 {
        client.reply();
    }
    let counted = office.server.counters().read();
    assert_eq!((counted.connections, counted.open), (1, 1));
    assert_eq!((counted.messages, counted.octets), (1, 7));
    let recipients = (counted.delivered, counted.deferred, counted.bounced);
    assert_eq!(recipients, (1, 1, 1));
}

/// Whoever may not connect is not greeted.
#[test]
fn not_everybody_may_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let drain = Drain::new().unwrap();
    let reply = || Reply::new(250, Enhanced(2, 0, 0), "ok");
    let server = Server::new(Arc::new(move |_: &_| vec![reply()]), drain.clone(), 10);
    let only = |client: std::net::IpAddr| client.to_string() == "127.0.0.2";
    let running = std::thread::spawn(move || {
        let listener = Listener::Tcp(listener, Arc::new(only));
        server.run(vec![(listener, terms())], SOON)
    });
    let greeting = |from: &str| {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        let from: std::net::SocketAddr = format!("{from}:0").parse().unwrap();
        socket.bind(&from.into()).unwrap();
        socket.connect(&address.into()).unwrap();
        Client(std::net::TcpStream::from(socket)).reply()
    };
    assert_eq!(greeting("127.0.0.3"), "");
    assert_eq!(greeting("127.0.0.2"), "220 lmtp.test LMTP");
    drain.begin();
    assert_eq!(running.join().unwrap().unwrap(), 0);
}
