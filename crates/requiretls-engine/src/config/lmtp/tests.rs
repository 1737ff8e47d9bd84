use super::super::tests::{parse, parse_in};
use super::{Endpoint, Lmtp, LmtpListener, Outbound, TlsFiles};
use requiretls_core::next_hop::NextHop;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn everything_is_read() {
    let text = r#"
[lmtp]
name = "relay.example"
message_size = 1000
recipients = 7
connections = 9
memory = 0
directory = "spill"
idle_seconds = 1
drain_seconds = 0
lookup_seconds = 2
metrics = "127.0.0.1:9155"
host_connections = 3
host_idle_connections = 0
idle_connections = 4
reuse_seconds = 5
lifetime_seconds = 6
connection_messages = 8
place_seconds = 10
next_hops = 11
answer_seconds = 12
sources = ["192.0.2.9", "2001:db8::9"]
[lmtp_listener."unix:/run/a"]
mode = "0600"
route = "relay.example"
tag_field = "RequireTLS-Tag"
tag_field_trusted = true
require_tls_esmtp = true
[lmtp_listener."[::1]:24"]
clients = ["192.0.2.1", "2001:db8::/32"]
certificate = "c.pem"
key = "k.pem"
[lmtp_listener."pipe"]
tag_field = "X"
"#;
    let config = parse_in(Path::new("/dir"), text).unwrap();
    let lmtp = Lmtp {
        name: Some("relay.example".to_owned()),
        message_size: Some(1_000),
        recipients: 7,
        connections: 9,
        memory: 0,
        directory: PathBuf::from("/dir/spill"),
        idle: Duration::from_secs(1),
        drain: Duration::ZERO,
        lookup: Duration::from_secs(2),
        metrics: "127.0.0.1:9155".parse().ok(),
        outbound: Outbound {
            host_connections: 3,
            host_idle_connections: 0,
            idle_connections: 4,
            reuse: Duration::from_secs(5),
            lifetime: Duration::from_secs(6),
            messages: 8,
            place: Duration::from_secs(10),
            answer: Duration::from_secs(12),
            next_hops: 11.try_into().unwrap(),
            sources: ["192.0.2.9", "2001:db8::9"]
                .map(|a| a.parse().unwrap())
                .to_vec(),
        },
    };
    assert_eq!(config.lmtp, lmtp);
    let unix = LmtpListener {
        mode: 0o600,
        route: NextHop::parse("relay.example").ok(),
        tag_field: Some("RequireTLS-Tag".to_owned()),
        tag_field_trusted: true,
        require_tls_esmtp: true,
        ..LmtpListener::at(Endpoint::Unix(PathBuf::from("/run/a")))
    };
    let tcp = LmtpListener {
        clients: ["192.0.2.1/32", "2001:db8::/32"]
            .map(|net| net.parse().unwrap())
            .to_vec(),
        tls: Some(TlsFiles {
            certificate: PathBuf::from("/dir/c.pem"),
            key: PathBuf::from("/dir/k.pem"),
        }),
        ..LmtpListener::at(Endpoint::Tcp("[::1]:24".parse().unwrap()))
    };
    let pipe = LmtpListener {
        tag_field: Some("X".to_owned()),
        ..LmtpListener::at(Endpoint::Pipe)
    };
    assert_eq!(config.lmtp_listeners, [unix, tcp, pipe]);
    let names: Vec<_> = config
        .lmtp_listeners
        .iter()
        .map(|l| l.endpoint.to_string())
        .collect();
    assert_eq!(names, ["unix:/run/a", "[::1]:24", "pipe"]);
}

#[test]
fn what_is_not_understood_is_an_error() {
    let of = |key: &str| format!("[lmtp_listener.\"127.0.0.1:24\"]\n{key}\n");
    #[rustfmt::skip]
    let rows = [
        ("port 25", "[lmtp_listener.\"127.0.0.1:25\"]".to_owned(), "line 1: lmtp_listener \"127.0.0.1:25\": LMTP has no place on port 25 (RFC 2033)"),
        ("no port", "[lmtp_listener.\"127.0.0.1\"]".to_owned(), "line 1: lmtp_listener \"127.0.0.1\": not \"pipe\", \"unix:/path\" or an address with a port"),
        ("port 0", "[lmtp_listener.\"127.0.0.1:0\"]".to_owned(), "line 1: lmtp_listener \"127.0.0.1:0\": not \"pipe\", \"unix:/path\" or an address with a port"),
        ("relative socket", "[lmtp_listener.\"unix:a\"]".to_owned(), "line 1: lmtp_listener \"unix:a\": a unix socket has an absolute path"),
        ("the same address in other words", "[lmtp_listener.\"[::1]:24\"]\n[lmtp_listener.\"[0::1]:24\"]".to_owned(), "line 2: lmtp_listener \"[0::1]:24\": it is there twice"),
        ("certificate alone", of("certificate = \"c\""), "line 2: a certificate needs its key"),
        ("key alone", of("key = \"k\""), "line 2: a key needs its certificate"),
        ("certificate on a socket", "[lmtp_listener.\"unix:/a\"]\ncertificate = \"c\"\nkey = \"k\"".to_owned(), "line 2: only an address and port can have a certificate"),
        ("decimal mode", of("mode = \"888\""), "line 2: \"888\" is no octal mode up to 0777"),
        ("setuid mode", of("mode = \"4755\""), "line 2: \"4755\" is no octal mode up to 0777"),
        ("route", of("route = \"a..b\""), "line 2: \"a..b\": an empty name or label"),
        ("field name with colon", of("tag_field = \"A:\""), "line 2: \"A:\" is no name for a field of our own"),
        ("the author's field", of("tag_field = \"tls-required\""), "line 2: \"tls-required\" is no name for a field of our own"),
        ("network", of("clients = [\"host\"]"), "line 2: \"host\" is neither an address nor a network"),
        ("name", "[lmtp]\nname = \"a b\"".to_owned(), "line 2: \"a b\" cannot stand behind LHLO"),
        ("two sources", "[lmtp]\nsources = [\"192.0.2.1\", \"192.0.2.2\"]".to_owned(), "line 2: \"192.0.2.2\": a second address of its family"),
        ("a source that is none", "[lmtp]\nsources = [\"host\"]".to_owned(), "line 2: \"host\": no address"),
        ("metrics", "[lmtp]\nmetrics = \"9155\"".to_owned(), "line 2: \"9155\" is no address with a port"),
    ];
    for (label, text, expected) in rows {
        let error = parse(&text).unwrap_err().to_string();
        let what = error
            .split_once(", ")
            .map_or(error.as_str(), |(_, what)| what);
        assert_eq!(what, expected, "{label}");
    }
}
