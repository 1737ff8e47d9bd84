//! What do many clients and large messages cost?
//!
//! The memory of the program as the system counts it, against a next hop that takes everything, on a
//! unix socket or inside TLS: what is measured is this side.

use crate::office::{PROGRAM, Running, free_port, until};
use crate::sink::{sink, tls_sink};
use requiretls_testbed::trusting;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use rustls_pki_types::ServerName;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

/// Where the sink is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum NextHop {
    Socket,
    /// A port, with STARTTLS.
    Tls,
}

/// A service whose next hop is a sink.
struct Service {
    running: Running,
    directory: TempDir,
    tcp: u16,
    sunk: Arc<AtomicU64>,
}

impl Service {
    fn start(next_hop: NextHop) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let made = rcgen::generate_simple_self_signed(["lmtp.test".to_owned()]).unwrap();
        std::fs::write(at("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(at("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let tcp = free_port();
        let sunk = Arc::<AtomicU64>::default();
        let (next_hop, rule) = match next_hop {
            NextHop::Socket => {
                let path = at("sink");
                sink(UnixListener::bind(&path).unwrap(), Arc::clone(&sunk));
                (
                    format!("unix:{}", path.display()),
                    "hop = \"local\"".to_owned(),
                )
            }
            NextHop::Tls => {
                let port = tls_sink(&made, Arc::clone(&sunk));
                (
                    "127.0.0.1".to_owned(),
                    format!("floor = \"encrypt\"\nport = {port}"),
                )
            }
        };
        let mut config = String::new();
        let _ = write!(
            config,
            "[cache]\ndirectory = \"\"\n[next_hop.\"{next_hop}\"]\n{rule}\n\
             [lmtp]\nhost_connections = 200\nhost_idle_connections = 0\nplace_seconds = 300\n\
             [lmtp_listener.\"unix:{socket}\"]\nroute = \"{next_hop}\"\n\
             [lmtp_listener.\"127.0.0.1:{tcp}\"]\nroute = \"{next_hop}\"\n\
             certificate = \"cert.pem\"\nkey = \"key.pem\"\n",
            socket = at("lmtp").display(),
        );
        std::fs::write(at("requiretls.conf"), config).unwrap();
        let mut command = Command::new(PROGRAM);
        let config = at("requiretls.conf");
        command
            .arg("lmtp")
            .arg("--listen")
            .arg("--config")
            .arg(config);
        let log = std::fs::File::create(at("log")).unwrap();
        let command = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let running = Running(command.spawn().unwrap());
        let service = Self {
            running,
            directory,
            tcp,
            sunk,
        };
        let log = service.directory.path().join("log");
        until("it listens", || {
            let told = std::fs::read_to_string(&log).unwrap();
            assert!(!told.contains("in use"), "{told}");
            UnixStream::connect(service.socket()).is_ok()
        });
        service
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("lmtp")
    }

    /// What is in memory, in KiB: now, and at most so far.
    fn memory(&self) -> (u64, u64) {
        let path = format!("/proc/{}/status", self.running.0.id());
        let status = std::fs::read_to_string(path).unwrap();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        (field("VmRSS:"), field("VmHWM:"))
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// Reads one reply to its last line.
fn reply(stream: &mut dyn Stream) -> String {
    let mut line = Vec::new();
    loop {
        let mut octet = [0];
        assert_eq!(stream.read(&mut octet).unwrap(), 1, "closed");
        line.push(octet[0]);
        if line.ends_with(b"\r\n") {
            if line[3] == b' ' {
                return String::from_utf8(line).unwrap();
            }
            line.clear();
        }
    }
}

fn say(stream: &mut dyn Stream, said: &str) -> String {
    stream.write_all(said.as_bytes()).unwrap();
    reply(stream)
}

const ENVELOPE: [&str; 3] = [
    "MAIL FROM:<a@sender.test>\r\n",
    "RCPT TO:<b@good.test>\r\n",
    "DATA\r\n",
];

fn message(stream: &mut dyn Stream, content: &str) -> String {
    for command in ENVELOPE {
        let reply = say(stream, command);
        assert!(reply.starts_with(['2', '3']), "{reply}");
    }
    stream.write_all(content.as_bytes()).unwrap();
    say(stream, ".\r\n")
}

fn clear(path: &Path) -> Box<dyn Stream> {
    let mut stream = UnixStream::connect(path).unwrap();
    reply(&mut stream);
    assert!(say(&mut stream, "LHLO x\r\n").starts_with("250 "));
    Box::new(stream)
}

fn inside_tls(port: u16, config: &Arc<ClientConfig>) -> Box<dyn Stream> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    reply(&mut stream);
    assert!(say(&mut stream, "LHLO x\r\n").starts_with("250 "));
    assert!(say(&mut stream, "STARTTLS\r\n").starts_with("220 "));
    let name = ServerName::try_from("lmtp.test").unwrap();
    let tls = ClientConnection::new(Arc::clone(config), name).unwrap();
    let mut stream = StreamOwned::new(tls, stream);
    assert!(say(&mut stream, "LHLO x\r\n").starts_with("250 "));
    Box::new(stream)
}

/// Issue 8, item 5: no more than this for each idle connection, in KiB.
const PER_CONNECTION: u64 = 64;

fn idle_connections_cost(
    label: &str,
    count: u64,
    service: &Service,
    open: impl Fn() -> Box<dyn Stream>,
) {
    // What the first client brings into memory is the program's own.
    message(&mut open(), "Subject: x\r\n\r\n");
    let (before, _) = service.memory();
    let mut clients: Vec<_> = (0..count).map(|_| open()).collect();
    let (idle, _) = service.memory();
    // It fills every buffer on its way.
    let content = "Subject: x\r\n\r\n".to_owned() + &"and so on, and so on\r\n".repeat(2_500);
    for client in &mut clients {
        let reply = message(client, &content);
        assert!(reply.starts_with("250 "), "{reply}");
    }
    let (after, _) = service.memory();
    let each = |now: u64| now.saturating_sub(before).div_ceil(count);
    let (idle, after) = (each(idle), each(after));
    println!(
        "soak: {count} idle {label}: {idle} KiB each, {after} KiB after a message each; {before} KiB without them"
    );
    assert!(idle <= PER_CONNECTION, "{label}: {idle} KiB");
    assert!(
        after <= PER_CONNECTION,
        "{label}: {after} KiB after a message"
    );
}

fn idle_connections(count: u64) {
    let service = Service::start(NextHop::Socket);
    let in_clear = || clear(&service.socket());
    idle_connections_cost("in clear", count, &service, in_clear);
    let service = Service::start(NextHop::Socket);
    let config = Arc::new(trusting().unwrap());
    let inside = || inside_tls(service.tcp, &config);
    idle_connections_cost("inside TLS", count, &service, inside);
}

#[test]
fn idle_connections_cost_little() {
    idle_connections(200);
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_a_thousand_idle_connections() {
    idle_connections(1_000);
}

/// Issue 8, item 5: all of it in this, in KiB.
const IN_ALL: u64 = 32 * 1024;

fn large_messages_at_once(next_hop: NextHop, count: u64, size: u64) {
    let service = Service::start(next_hop);
    let line = "0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    let lines = size / u64::try_from(line.len()).unwrap();
    let block = line.repeat(900);
    std::thread::scope(|scope| {
        for _ in 0..count {
            let mut client = clear(&service.socket());
            let block = &block;
            scope.spawn(move || {
                for command in ENVELOPE {
                    say(&mut client, command);
                }
                for _ in 0..lines / 900 {
                    client.write_all(block.as_bytes()).unwrap();
                }
                let reply = say(&mut client, ".\r\n");
                assert!(reply.starts_with("250 "), "{reply}");
            });
        }
    });
    let sunk = service.sunk.load(Ordering::Relaxed);
    let octets = count * (lines / 900) * u64::try_from(block.len()).unwrap();
    assert!(sunk >= octets, "{sunk} of {octets}");
    let (_, most) = service.memory();
    println!("soak: {count} messages of {size} octets at once ({next_hop:?}): {most} KiB at most");
    assert!(most <= IN_ALL, "{most} KiB");
}

/// As many at once as is asked, smaller: what is in a file is not in memory.
#[test]
fn a_hundred_messages_at_once() {
    large_messages_at_once(NextHop::Socket, 100, 1_000_000);
}

#[test]
fn a_hundred_messages_at_once_inside_tls() {
    large_messages_at_once(NextHop::Tls, 100, 1_000_000);
}

/// All of it is more than 5 GB through a disk: `cargo xtask soak`.
#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_a_hundred_messages_of_50_mib_at_once() {
    large_messages_at_once(NextHop::Socket, 100, 50 * 1024 * 1024);
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_a_hundred_messages_of_50_mib_at_once_inside_tls() {
    large_messages_at_once(NextHop::Tls, 100, 50 * 1024 * 1024);
}
