//! How much memory does a message take, and a connection?
//!
//! Measured as what this process has resident, with the other end in a process of its own.

use crate::site::{NOW, path};
use rcgen::{CertificateParams, KeyPair};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::pkix::Roots;
use requiretls_core::plan::{Message as PlanMessage, Plan, Settings};
use requiretls_core::site_policy::Rule;
use requiretls_transport::{Client, Content, ContentWriter, Envelope, Message};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::thread;

const SINK: &str = "REQUIRETLS_TEST_SINK";

/// A process that takes every message, inside TLS, and keeps none.
struct Sink {
    child: Child,
    stdin: Option<ChildStdin>,
    address: SocketAddr,
}

impl Sink {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "limits::sink", "--ignored", "--nocapture"])
            .env(SINK, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok);
        let address = lines.find_map(|line| line.split("at ").nth(1)?.parse().ok());
        Self {
            stdin: child.stdin.take(),
            child,
            address: address.unwrap(),
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "the other end of the tests here"]
fn sink() {
    if std::env::var_os(SINK).is_none() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("listening at {}", listener.local_addr().unwrap());
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["mx.d.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key);
    let config = Arc::new(config.unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let config = Arc::clone(&config);
            thread::spawn(move || take_all(stream, config));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    std::process::exit(0);
}

fn take_all(mut stream: TcpStream, config: Arc<ServerConfig>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    stream.write_all(b"220 x\r\n").ok()?;
    line(&mut stream)?;
    stream.write_all(b"250-x\r\n250 STARTTLS\r\n").ok()?;
    line(&mut stream)?;
    stream.write_all(b"220 go\r\n").ok()?;
    let connection = ServerConnection::new(config).ok()?;
    let mut lines = BufReader::new(StreamOwned::new(connection, stream));
    let (mut line, mut in_message) = (Vec::new(), false);
    while lines.read_until(b'\n', &mut line).ok()? > 0 {
        let reply: &[u8] = match (line.as_slice(), in_message) {
            (b".\r\n", true) => b"250 taken\r\n",
            (_, true) => b"",
            (b"DATA\r\n", false) => b"354 go\r\n",
            _ => b"250 ok\r\n",
        };
        in_message = reply.starts_with(b"354") || (in_message && reply.is_empty());
        line.clear();
        lines.get_mut().write_all(reply).ok()?;
        lines.get_mut().flush().ok()?;
    }
    Some(())
}

fn line(stream: &mut TcpStream) -> Option<()> {
    let mut octet = [0];
    while octet != *b"\n" {
        stream.read_exact(&mut octet).ok()?;
    }
    Some(())
}

fn plan() -> Plan {
    let facts = Facts {
        route: Route::Mx(Security::Insecure),
        expanded: None,
        hosts: vec![HostFacts {
            host: Host::Name(Domain::parse(b"mx.d.test").unwrap()),
            addresses: Addresses::Found(vec![Ipv4Addr::new(192, 0, 2, 1).into()]),
            cname: None,
            tlsa: Tlsa::None,
        }],
        sts: Sts::None,
        expires: None,
    };
    let next_hop = NextHop::parse("d.test").unwrap();
    let (message, settings) = (PlanMessage::default(), Settings::default());
    Plan::new(next_hop, message, Rule::default(), settings, facts)
}

fn client(sink: &Sink) -> Client {
    let address = sink.address;
    Client::new("client.test", Roots::not_loaded(), || NOW)
        .unwrap()
        .with_endpoints(move |_, _| address)
        .keeping_connections()
}

fn message(content: &Content) -> Message {
    let envelope = Envelope::new(path("a@s.test"), [path("b@d.test")]);
    Message::new(envelope, content.clone()).unwrap()
}

/// A line of /proc/self/status, in KiB: `VmRSS` is now, `VmHWM` the most there ever was.
fn resident(what: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// No more than 64 KiB for each open connection that has carried a message and is idle.
#[test]
fn an_idle_connection_is_small() {
    const COUNT: u64 = 200;
    let sink = Sink::start();
    let client = client(&sink);
    let small = Content::from_bytes(b"x\r\n".to_vec());
    let large = Content::from_bytes(b"0123456789abcdef\r\n".repeat(10_000));
    let deliver = |content: &Content| {
        let outcome = client.deliver(plan(), &message(content));
        assert!(outcome.tls().is_some());
        outcome.kept.expect("kept")
    };
    // What is needed once: code, tables of the TLS library.
    let mut all = vec![deliver(&large)];
    for (label, content) in [("small", &small), ("large", &large)] {
        let before = resident("VmRSS");
        // None is closed before the end, so that nobody's memory is used again.
        all.extend((0..COUNT).map(|_| deliver(content)));
        let each = (resident("VmRSS") - before) / COUNT;
        println!("after a {label} message: {each} KiB for each idle connection");
        assert!(each <= 64, "{label}: {each} KiB");
    }
}

/// Large messages at once: what each takes is no matter of its size.
#[test]
fn a_large_message_is_never_in_memory() {
    const COUNT: u64 = 20;
    const SIZE: u64 = 8 << 20;
    let sink = Sink::start();
    let client = client(&sink);
    let mut writer = ContentWriter::new(65_536, std::env::temp_dir());
    let lines = b".123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(500);
    while writer.len() < SIZE {
        writer.write_all(&lines).unwrap();
    }
    let content = writer.finish().unwrap();
    assert!(content.is_spilled());
    let small = Content::from_bytes(lines);
    assert!(client.deliver(plan(), &message(&small)).kept.is_some());
    let before = resident("VmHWM");
    thread::scope(|scope| {
        for _ in 0..COUNT {
            scope.spawn(|| {
                let outcome = client.deliver(plan(), &message(&content));
                assert_eq!(outcome.action.as_str(), "go", "{outcome:?}");
            });
        }
    });
    let each = (resident("VmHWM") - before) / COUNT;
    println!("{each} KiB for each of {COUNT} messages of {SIZE} octets under way");
    assert!(each <= 256, "{each} KiB");
}
