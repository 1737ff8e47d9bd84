//! Peers that break off, stand still or take their time, and their end.

use crate::client::{Client, HOST, LONG, Stage, trusting};
use requiretls_testbed::{Peer, Step};
use std::io;
use std::time::{Duration, Instant};

/// What a client asks in order, up to what fails: the step where it broke.
fn walk(mut client: Client) -> (Vec<&'static str>, io::Error) {
    let mut done = Vec::new();
    match walk_in_clear(&mut client, &mut done).and_then(|()| {
        let inside = client.handshake(&trusting(), HOST);
        walk_in_tls(&mut inside.map_err(io::Error::other)?, &mut done)
    }) {
        Ok(()) => panic!("it did not break"),
        Err(e) => (done, e),
    }
}

fn walk_in_clear(client: &mut Client, done: &mut Vec<&'static str>) -> io::Result<()> {
    client.try_reply()?;
    done.push("banner");
    client.try_ask("EHLO client.test")?;
    done.push("EHLO");
    client.try_ask("STARTTLS")?;
    done.push("220");
    Ok(())
}

fn walk_in_tls(client: &mut Client, done: &mut Vec<&'static str>) -> io::Result<()> {
    client.try_ask("EHLO client.test")?;
    done.push("EHLO in TLS");
    client.try_ask("MAIL FROM:<s@s.test> REQUIRETLS")?;
    done.push("MAIL");
    client.try_ask("RCPT TO:<r@a.test>")?;
    done.push("RCPT");
    client.try_ask("DATA")?;
    done.push("DATA");
    client.try_ask("text\r\nmore\r\n.")?;
    done.push("dot");
    Ok(())
}

/// Rows 8 and 10 at every step, with how much of it is on record.
#[test]
fn each_step_can_be_the_last() {
    #[rustfmt::skip]
    let table: [Row; 10] = [
        // step, what the client got, lines on record, body on record
        (Step::Connection, &[], 0, b""),
        (Step::Banner, &["banner"], 0, b""),
        (Step::Ehlo, &["banner", "EHLO"], 1, b""),
        (Step::StartTls, &["banner", "EHLO", "220"], 2, b""),
        (Step::Handshake, &["banner", "EHLO", "220"], 2, b""),
        (Step::EhloInTls, &["banner", "EHLO", "220", "EHLO in TLS"], 3, b""),
        (Step::Mail, &["banner", "EHLO", "220", "EHLO in TLS", "MAIL"], 4, b""),
        (Step::Rcpt, &["banner", "EHLO", "220", "EHLO in TLS", "MAIL", "RCPT"], 5, b""),
        (Step::Data, &["banner", "EHLO", "220", "EHLO in TLS", "MAIL", "RCPT", "DATA"], 6, b"text\r\n"),
        (Step::Dot, &["banner", "EHLO", "220", "EHLO in TLS", "MAIL", "RCPT", "DATA"], 6, b"text\r\nmore\r\n"),
    ];
    // At once, since each silence costs a client its patience.
    std::thread::scope(|scope| {
        for row in table {
            scope.spawn(move || last_step(Peer::good().drops(row.0), false, row));
            scope.spawn(move || last_step(Peer::good().hangs(row.0), true, row));
        }
    });
}

type Row = (Step, &'static [&'static str], usize, &'static [u8]);

fn last_step(peer: Peer, hangs: bool, (step, expected, lines, body): Row) {
    let stage = Stage::new(peer);
    let client = stage.connect();
    if hangs {
        client.patience(Duration::from_secs(3));
    }
    let (done, error) = walk(client);
    let label = format!("{step:?}, hangs: {hangs}: {error}");
    assert_eq!(done, expected, "{label}");
    // rustls, in the handshake, gives only the words of the error.
    let timed_out = error.to_string().contains("unavailable");
    assert_eq!(timed_out, hangs, "{label}");
    let session = stage.session();
    assert_eq!(session.lines.len(), lines, "{label}");
    let received = session.messages.first().map_or(&b""[..], |m| &m.body);
    assert_eq!(received, body, "{label}");
    assert!(session.messages.iter().all(|m| !m.taken), "{label}");
    let complete = session.messages.iter().any(|m| m.complete);
    assert_eq!(complete, step == Step::Dot, "{label}");
    let in_handshake = step == Step::Handshake;
    let sni = session.sni.is_some();
    assert_eq!(sni, in_handshake || lines > 2, "{label}");
}

#[test]
fn slow_and_dripping() {
    let delay = Duration::from_millis(120);
    let stage = Stage::new(Peer::good().slow(delay));
    let start = Instant::now();
    let mut client = stage.connect();
    client.reply();
    client.ask("EHLO client.test");
    let took = start.elapsed();
    assert!(took >= 2 * delay, "{took:?}");

    let stage = Stage::new(Peer::good().drips(Duration::from_millis(10)));
    let start = Instant::now();
    let mut client = stage.connect();
    client.patience(Duration::from_secs(5)); // for one octet, not for all
    let banner = client.reply();
    let octets = u32::try_from(banner.1[0].len()).unwrap();
    let took = start.elapsed();
    assert!(took >= octets * Duration::from_millis(10), "{took:?}");
}

/// A world's threads end with it, whatever its clients and peers are at.
#[test]
fn no_thread_is_left() {
    let hang = Stage::of(END, Peer::good().hangs(Step::Ehlo));
    let slow = Stage::of(END, Peer::good().slow(Duration::from_secs(3600)));
    let idle = Stage::of(END, Peer::good());
    let mut clients: Vec<Client> = Vec::new();
    for stage in [&hang, &slow, &idle] {
        for _ in 0..5 {
            let mut client = stage.connect();
            client.send("EHLO client.test\r\n");
            clients.push(client);
        }
    }
    let until = Instant::now() + LONG;
    while threads() < 18 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(threads(), 18, "a listener and five sessions each");
    let start = Instant::now();
    let logs = [hang.log.clone(), slow.log.clone(), idle.log.clone()];
    drop((hang, slow, idle));
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    let ended: usize = logs.iter().map(|log| log.ended(5, LONG).len()).sum();
    assert_eq!(ended, 15);
    assert_eq!(threads(), 0);
    for mut client in clients {
        client.patience(LONG);
        while client.try_reply().is_ok() {}
    }
}

/// No other test has it, so that threads can be told by it.
const END: &str = "mx.end.test";

/// Those of this process that carry this name.
fn threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| {
        let path = task.ok()?.path().join("comm");
        std::fs::read_to_string(path).ok()
    });
    names.filter(|name| name.trim_end() == END).count()
}
