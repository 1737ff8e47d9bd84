//! Sockets: who makes them, who is told, and how it ends.

use crate::office::{Office, PROGRAM, Running, free_port, until};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Says all of it, and gives the final lines of the replies.
fn talk(mut stream: impl Read + Write, said: &str) -> Vec<String> {
    stream.write_all(said.as_bytes()).unwrap();
    let lines = BufReader::new(stream).lines().map_while(Result::ok);
    lines
        .filter(|l| l.as_bytes().get(3) == Some(&b' '))
        .collect()
}

const MESSAGE: &str = "LHLO x\r\nMAIL FROM:<a@sender.test> REQUIRETLS\r\n\
                       RCPT TO:<b@good.test>\r\nDATA\r\nx: y\r\n\r\n.\r\nQUIT\r\n";

#[test]
fn a_service_from_its_start_to_its_end() {
    let office = Office::open("");
    let (path, notify) = (office.path("lmtp"), office.path("notify"));
    let (tcp, metrics) = (free_port(), free_port());
    office.configure(&format!(
        "[lmtp]\nname = \"relay.test\"\nmetrics = \"127.0.0.1:{metrics}\"\n\
         [lmtp_listener.\"unix:{}\"]\nmode = \"0600\"\n[lmtp_listener.\"127.0.0.1:{tcp}\"]\n",
        path.display()
    ));
    let told = UnixDatagram::bind(&notify).unwrap();
    told.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let hear = || {
        let mut buf = [0; 100];
        let read = told.recv(&mut buf).unwrap();
        String::from_utf8_lossy(&buf[..read]).trim().to_owned()
    };
    // One that a program before has left.
    drop(UnixListener::bind(&path).unwrap());
    let mut command = office.command(&["--listen"]);
    let mut service = Running(command.env("NOTIFY_SOCKET", &notify).spawn().unwrap());
    assert_eq!(hear(), "READY=1");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut second = Running(office.command(&["--listen"]).spawn().unwrap());
    let (status, why) = second.ended();
    assert_eq!(status.code(), Some(78), "{why}");

    let replies = talk(UnixStream::connect(&path).unwrap(), MESSAGE);
    assert!(replies[0].starts_with("220 relay.test "), "{replies:#?}");
    assert!(
        replies[5].starts_with("250 2."),
        "a socket counts as TLS (P12): {replies:#?}"
    );
    let replies = talk(TcpStream::connect(("127.0.0.1", tcp)).unwrap(), MESSAGE);
    assert!(
        replies[2].starts_with("530 5.7.10 "),
        "TCP does not (R4): {replies:#?}"
    );

    let mut page = String::new();
    let mut scrape = TcpStream::connect(("127.0.0.1", metrics)).unwrap();
    scrape
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    scrape.read_to_string(&mut page).unwrap();
    let (status, body) = page.split_once("\r\n\r\n").unwrap();
    assert!(status.starts_with("HTTP/1.1 200 OK\r\n"), "{status}");
    for line in [
        // The second program has knocked, too.
        "requiretls_lmtp_connections_total 3",
        "requiretls_lmtp_messages_total 1",
        "requiretls_lmtp_recipients_delivered_total 1",
        "# EOF",
    ] {
        assert!(body.lines().any(|l| l == line), "no {line:?} in\n{body}");
    }
    for (label, request) in [
        ("path", "GET / HTTP/1.1\r\n\r\n"),
        ("junk", "LHLO x\r\n\r\n"),
    ] {
        let mut scrape = TcpStream::connect(("127.0.0.1", metrics)).unwrap();
        scrape.write_all(request.as_bytes()).unwrap();
        let mut page = String::new();
        scrape.read_to_string(&mut page).unwrap();
        assert!(page.starts_with("HTTP/1.1 40"), "{label}: {page}");
    }

    let idle = UnixStream::connect(&path).unwrap();
    let mut idle = BufReader::new(idle).lines().map_while(Result::ok);
    assert!(idle.next().unwrap().starts_with("220 "));
    let (status, log) = service.end("-TERM");
    assert!(status.success(), "{log}");
    assert!(idle.next().unwrap().starts_with("421 4.3.2 "));
    assert_eq!(hear(), "STOPPING=1");
    assert!(!path.exists(), "the socket goes with its program");
    assert!(log.contains("ends with 0 connections open"), "{log}");
    // Which message it was, in what became of it and in what was answered: the one that asked for a
    // service to be there was the first connection.
    for line in [
        "message=2.1 action=go next_hop=good.test ",
        "message=2.1 from=<a@sender.test> to=<b@good.test> ",
    ] {
        assert!(log.contains(line), "no {line:?} in\n{log}");
    }
}

/// As systemd does it: descriptor 3, and the environment says so (`sd_listen_fds(3)`).
fn hand_over(office: &Office, listener: impl Into<OwnedFd>) -> Running {
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM, "lmtp", "--listen", "--config"]);
    command
        .arg(office.config())
        .stdin(Stdio::from(listener.into()));
    let command = command.stdout(Stdio::null()).stderr(Stdio::piped());
    Running(command.spawn().unwrap())
}

#[test]
fn sockets_that_are_handed_over() {
    let office = Office::open("");
    let path = office.path("lmtp");
    office.configure(&format!("[lmtp_listener.\"unix:{}\"]\n", path.display()));
    let mut service = hand_over(&office, UnixListener::bind(&path).unwrap());
    let replies = talk(UnixStream::connect(&path).unwrap(), MESSAGE);
    assert!(replies[5].starts_with("250 2."), "{replies:#?}");
    let (status, log) = service.end("-TERM");
    assert!(status.success(), "{log}");
    assert!(path.exists(), "the socket is systemd's");

    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = tcp.local_addr().unwrap();
    office.configure(&format!("[lmtp_listener.\"{address}\"]\n"));
    let mut service = hand_over(&office, tcp);
    let replies = talk(TcpStream::connect(address).unwrap(), "QUIT\r\n");
    assert!(replies[1].starts_with("221 "), "{replies:#?}");
    assert!(service.end("-TERM").0.success());

    let other = office.path("other");
    let mut service = hand_over(&office, UnixListener::bind(&other).unwrap());
    let (status, why) = service.ended();
    assert_eq!(status.code(), Some(78));
    assert!(
        why.contains("was handed over, and no lmtp_listener has that name"),
        "{why}"
    );
}

/// A message that is under way has its reply before the program ends; clients that come now find
/// nobody.
#[test]
fn a_message_under_way_is_not_cut_off() {
    let office = Office::open("");
    let path = office.path("lmtp");
    office.configure(&format!("[lmtp_listener.\"unix:{}\"]\n", path.display()));
    let mut service = Running(office.command(&["--listen"]).spawn().unwrap());
    until("it listens", || UnixStream::connect(&path).is_ok());
    let mut client = UnixStream::connect(&path).unwrap();
    let message = MESSAGE.replace("good.test", "slow.test");
    client.write_all(message.as_bytes()).unwrap();
    let log = office.world.sessions();
    until("the peer is at it", || !log.of("mx.slow.test").is_empty());
    let pid = service.0.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    until("nobody listens", || UnixStream::connect(&path).is_err());
    let replies: Vec<String> = BufReader::new(client)
        .lines()
        .map_while(Result::ok)
        .collect();
    let [.., reply, last] = &*replies else {
        panic!("{replies:#?}")
    };
    assert!(reply.starts_with("250 2."), "{replies:#?}");
    assert!(last.starts_with("221 "), "{replies:#?}");
    let (status, log) = service.ended();
    assert!(status.success(), "{log}");
}
