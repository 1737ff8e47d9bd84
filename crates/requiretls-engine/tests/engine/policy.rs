//! MTA-STS: the TXT record, the fetch, and what both come to (P2c, VP14, S6 to S9).

use crate::name_server::Fault;
use crate::policy_host::{Authority, PolicyHost, Response, http};
use crate::world::{NOW, World};
use requiretls_core::facts::{LookupCause, Sts};
use requiretls_core::mta_sts::Mode;
use requiretls_core::site_policy::Rule;
use requiretls_engine::clock::Clock;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::time::{Duration, Instant};

const POLICY: &[u8] = b"version: STSv1\nmode: enforce\nmx: mx.d.test\nmax_age: 86400\n";
const NAME: &str = "mta-sts.d.test";
const YEARS: (i32, i32) = (2020, 2090);

/// A domain with a record, and a policy host for it.
struct Published {
    world: World,
    host: PolicyHost,
    _directory: tempfile::TempDir,
}

fn publish(lines: &[&str], names: &[&str], years: (i32, i32), response: Response) -> Published {
    publish_at(Ipv4Addr::LOCALHOST.into(), lines, names, years, response)
}

fn publish_at(
    address: IpAddr,
    lines: &[&str],
    names: &[&str],
    years: (i32, i32),
    response: Response,
) -> Published {
    let authority = Authority::new("CA");
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, authority.pem()).unwrap();
    let host = PolicyHost::start_at(address, authority.issue(names, years), response);
    let mut world = World::new(lines, &["test"], &[]);
    world.settings = format!(
        "[sts]\nca_file = {ca_file:?}\nport = {}\nallow_private_addresses = true",
        host.port()
    );
    Published {
        world,
        host,
        _directory: directory,
    }
}

const RECORDS: [&str; 4] = [
    "d.test MX 10 mx.d.test",
    "mx.d.test A 192.0.2.1",
    "_mta-sts.d.test TXT v=STSv1; id=1",
    "mta-sts.d.test A 127.0.0.1",
];

fn ok(body: &[u8]) -> Response {
    Response::Octets(http("200 OK", "Content-Type: text/plain", body))
}

/// Why a policy could not be had.
fn why(sts: &Sts) -> String {
    match sts {
        Sts::Unknown(failure) => {
            let question = failure.question.strip_prefix("MTA-STS policy of d.test (");
            let why = question.unwrap().strip_suffix(')').unwrap().to_owned();
            // T5: the stages that a report tells apart.
            let cause = match why.split_once(':').map(|(stage, _)| stage) {
                Some("TLS") => LookupCause::PolicyUntrusted,
                Some("policy") => LookupCause::PolicyInvalid,
                _ => LookupCause::PolicyUnavailable,
            };
            assert_eq!(failure.cause, cause, "T5: {why}");
            why
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_policy_is_fetched() {
    let header = |value| Response::Octets(http("200 OK", value, POLICY));
    let padded = |length: usize| {
        let mut body = POLICY.to_vec();
        body.extend_from_slice(b"x: ");
        body.resize(length - 1, b'y');
        body.push(b'\n');
        body
    };
    let testing = b"version: STSv1\nmode: testing\nmx: *.d.test\nmax_age: 0\n";
    let chunked = [
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
            .to_vec(),
        format!("{:x}\r\n", POLICY.len()).into_bytes(),
        POLICY.to_vec(),
        b"\r\n0\r\n\r\n".to_vec(),
    ]
    .concat();
    #[rustfmt::skip]
    let table = [
        ("VP1",                      NAME,       ok(POLICY),                                      Mode::Enforce),
        ("testing",                  NAME,       ok(testing),                                     Mode::Testing),
        ("S7: parameters",           NAME,       header("Content-Type: text/plain; charset=us-ascii"), Mode::Enforce),
        ("S8: wildcard",             "*.d.test", ok(POLICY),                                      Mode::Enforce),
        ("S9: 65536 octets",         NAME,       ok(&padded(65_536)),                             Mode::Enforce),
        ("chunked",                  NAME,       Response::Octets(chunked),                       Mode::Enforce),
        ("whole, no end of TLS",     NAME,       Response::Break(http("200 OK", "Content-Type: text/plain", POLICY)), Mode::Enforce),
    ];
    for (label, name, response, mode) in table {
        let published = publish(&RECORDS, &[name], YEARS, response);
        let facts = published.world.facts("d.test");
        match &facts.sts {
            Sts::Live {
                policy, checked, ..
            } => {
                assert_eq!(policy.mode(), mode, "{label}");
                assert!(checked, "S20, {label}");
            }
            other => panic!("{label}: {other:?}"),
        }
    }
}

#[test]
fn the_request_names_the_policy_host() {
    let published = publish(&RECORDS, &[NAME], YEARS, ok(POLICY));
    assert!(matches!(
        published.world.facts("d.test").sts,
        Sts::Live { .. }
    ));
    let requests = published.host.requests();
    assert_eq!(requests.len(), 1);
    let lower = requests[0].to_lowercase();
    let get = "mta-sts.d.test\nget /.well-known/mta-sts.txt http/1.1\r\n";
    assert!(lower.starts_with(get), "S6, S8: {lower}");
    assert!(lower.contains("\r\nhost: mta-sts.d.test\r\n"), "{lower}");
    for header in ["cookie:", "referer:", "authorization:", "user-agent: ureq"] {
        assert!(!lower.contains(header), "{header} in {lower}");
    }
}

#[test]
fn each_failed_fetch_is_named() {
    let header = |value| Response::Octets(http("200 OK", value, POLICY));
    let status = |line| Response::Octets(http(line, "Content-Type: text/plain", POLICY));
    let redirect = Response::Octets(http(
        "301 Moved Permanently",
        "Content-Type: text/plain\r\nLocation: https://mta-sts.d.test/.well-known/mta-sts.txt",
        POLICY,
    ));
    let short = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 999\r\n\r\n";
    let short = [short.to_vec(), POLICY.to_vec()].concat();
    let endless = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    let cut = [endless.to_vec(), POLICY.to_vec()].concat();
    let headers = [b"HTTP/1.1 200 OK\r\nX: ".to_vec(), vec![b'x'; 40_000]].concat();
    #[rustfmt::skip]
    let table = [ // VP14
        ("301",                  NAME,             YEARS,        redirect,                            "HTTP 301"),
        ("302",                  NAME,             YEARS,        status("302 Found"),                 "HTTP 302"),
        ("404",                  NAME,             YEARS,        status("404 Not Found"),             "HTTP 404"),
        ("500",                  NAME,             YEARS,        status("500 Oops"),                  "HTTP 500"),
        ("204",                  NAME,             YEARS,        Response::Octets(http("204 No Content", "X: y", b"")), "HTTP 204"),
        ("text/html",            NAME,             YEARS,        header("Content-Type: text/html"),   "HTTP: the media type"),
        ("no media type",        NAME,             YEARS,        header("X: y"),                      "HTTP: the media type"),
        ("65537 octets",         NAME,             YEARS,        ok(&vec![b'x'; 65_537]),                 "HTTP: the response is larger"),
        ("no length, too long",  NAME,             YEARS,        Response::Octets([endless.to_vec(), vec![b'x'; 70_000]].concat()), "HTTP: the response is larger"),
        ("no policy",            NAME,             YEARS,        ok(b"mode: enforce\n"),              "policy: "),
        ("row 1: a typo",        NAME,             YEARS,        ok(b"version: STSv1\nmode: enforce\nnmx: a\nmax_age: 1\n"), "policy: "),
        ("another name",         "mta-sts.e.test", YEARS,        ok(POLICY),                          "TLS: certificate for another name"),
        ("the domain's name",    "d.test",         YEARS,        ok(POLICY),                          "TLS: certificate for another name"),
        ("expired",              NAME,             (2020, 2021), ok(POLICY),                          "TLS: certificate expired"),
        ("not yet valid",        NAME,             (2090, 2095), ok(POLICY),                          "TLS: certificate not valid yet"),
        ("no TLS",               NAME,             YEARS,        Response::NoTls,                     "TLS: "),
        ("a body cut short",     NAME,             YEARS,        Response::Octets(short),             ""),
        ("cut without the end",  NAME,             YEARS,        Response::Break(cut),                ""),
        ("endless headers",      NAME,             YEARS,        Response::Octets(headers),           ""),
        ("no HTTP",              NAME,             YEARS,        Response::Octets(b"SSH-2.0-x\r\n\r\n".to_vec()), "HTTP: "),
    ];
    for (label, name, years, response, expected) in table {
        let published = publish(&RECORDS, &[name], years, response);
        let facts = published.world.facts("d.test");
        assert!(
            matches!(facts.sts, Sts::Unknown(_)),
            "{label}: {:?}",
            facts.sts
        );
        let why = why(&facts.sts);
        assert!(why.starts_with(expected), "{label}: {why}");
        assert!(published.host.requests().len() <= 1, "{label}: asked once");
    }
}

#[test]
fn an_unknown_authority_is_not_trusted() {
    let published = publish(&RECORDS, &[NAME], YEARS, ok(POLICY));
    let other = Authority::new("other CA");
    let directory = tempfile::tempdir().unwrap();
    let ca_file = directory.path().join("other.pem");
    std::fs::write(&ca_file, other.pem()).unwrap();
    let mut world = World::new(&RECORDS, &["test"], &[]);
    world.settings = format!(
        "[sts]\nca_file = {ca_file:?}\nport = {}\nallow_private_addresses = true",
        published.host.port()
    );
    assert_eq!(
        why(&world.facts("d.test").sts),
        "TLS: certificate from an unknown authority"
    );
}

#[test]
fn a_policy_host_that_drips_or_is_silent_ends_with_the_deadline() {
    let body = http("200 OK", "Content-Type: text/plain", POLICY);
    let second = Duration::from_secs(1);
    let quick = Duration::from_millis(20);
    for (label, response) in [
        (
            "S9: an octet each 20 ms",
            Response::Drip(body.clone(), quick),
        ),
        ("S9: an octet each second", Response::Drip(body, second)),
        ("S9: in the handshake", Response::DripHandshake(quick)),
        (
            "S9: in the handshake, each second",
            Response::DripHandshake(second),
        ),
        ("silence", Response::Silence),
        ("half-open: it takes the connection alone", Response::Mute),
    ] {
        let published = publish(&RECORDS, &[NAME], YEARS, response);
        let begin = Instant::now();
        let facts = published
            .world
            .ask("d.test", &[], &Rule::default(), false, 2_000);
        assert_eq!(why(&facts.sts), "timed out", "{label}");
        assert!(
            begin.elapsed() < Duration::from_millis(1_800),
            "{label}: half of it"
        );
        let found = matches!(
            facts.hosts[0].addresses,
            requiretls_core::facts::Addresses::Found(_)
        );
        assert!(found, "{label}: the mail hosts are found all the same");
    }
}

#[test]
fn what_the_record_says_decides_whether_there_is_a_fetch() {
    let host = "mta-sts.d.test A 127.0.0.1";
    let mx = "d.test MX 10 mx.d.test";
    let one = "_mta-sts.d.test TXT v=STSv1; id=1;";
    #[rustfmt::skip]
    let table: [(&str, Vec<&str>, bool); 7] = [
        ("no record",            vec![mx, host],                                                    false),
        ("one",                  vec![mx, host, one],                                               true),
        ("in two strings (S1)",  vec![mx, host, "_mta-sts.d.test TXT v=STSv1;| id=1"],              true),
        ("VT12: two",            vec![mx, host, one, "_mta-sts.d.test TXT v=STSv1; id=2"],          false),
        ("VT12: another beside", vec![mx, host, one, "_mta-sts.d.test TXT v=spf1 -all"],            true),
        ("invalid",              vec![mx, host, "_mta-sts.d.test TXT v=STSv1; id=a-b"],             false),
        ("by a CNAME (S1)",      vec![mx, host, "_mta-sts.d.test CNAME s.test", "s.test TXT v=STSv1; id=1"], true),
    ];
    for (label, lines, live) in table {
        let published = publish(&lines, &[NAME], YEARS, ok(POLICY));
        let sts = published.world.facts("d.test").sts;
        assert_eq!(matches!(sts, Sts::Live { .. }), live, "{label}: {sts:?}");
        assert_eq!(sts == Sts::None, !live, "{label}");
        assert_eq!(
            published.host.requests().len(),
            usize::from(live),
            "{label}"
        );
    }
    let none = b"version: STSv1\nmode: none\nmax_age: 86400\n";
    let published = publish(&RECORDS, &[NAME], YEARS, ok(none));
    assert_eq!(published.world.facts("d.test").sts, Sts::None, "mode none");
}

#[test]
fn the_policy_domain() {
    let lines = [
        RECORDS.as_slice(),
        &[
            "sub.d.test MX 10 mx.d.test",
            "alias.test CNAME d.test",
            "none.test TXT x",
        ],
    ]
    .concat();
    #[rustfmt::skip]
    let table: [(&str, &str, &[&str], bool); 6] = [
        ("the next hop",                       "d.test",      &[],                true),
        ("VM6: not the parent's",              "sub.d.test",  &[],                false),
        ("VM6: no literal's",                  "[192.0.2.1]", &[],                false),
        ("S21: not where CNAMEs lead",         "alias.test",  &[],                false),
        ("VM7: the smart host's",              "none.test",   &["d.test"],        true),
        ("row 43: not the recipient's",        "d.test",      &["none.test"],     false),
    ];
    for (label, next_hop, hosts, live) in table {
        let published = publish(&lines, &[NAME], YEARS, ok(POLICY));
        let facts = published
            .world
            .ask(next_hop, hosts, &Rule::default(), false, 5_000);
        assert_eq!(matches!(facts.sts, Sts::Live { .. }), live, "{label}");
    }
}

#[test]
fn row_2_asks_for_the_policy_where_the_denial_is_not_secure() {
    let lines = [
        "d.test MX 0 .",
        "_mta-sts.d.test TXT v=STSv1; id=1",
        "mta-sts.d.test A 127.0.0.1",
    ];
    for (label, signed, live) in [("secure", "test", false), ("not secure", "example", true)] {
        let mut published = publish(&lines, &[NAME], YEARS, ok(POLICY));
        let settings = std::mem::take(&mut published.world.settings);
        published.world = World::new(&lines, &[signed], &[]);
        published.world.settings = settings;
        let sts = published.world.facts("d.test").sts;
        assert_eq!(matches!(sts, Sts::Live { .. }), live, "row 68, {label}");
    }
}

#[test]
fn failed_lookups_leave_the_policy_open() {
    #[rustfmt::skip]
    let table = [
        ("S24: TXT fails",             ("TXT _mta-sts.d.test", Fault::ServFail), LookupCause::ServFail,          "TXT _mta-sts.d.test"),
        ("the policy host's address",  ("A mta-sts.d.test", Fault::ServFail),    LookupCause::PolicyUnavailable, "MTA-STS policy of d.test (DNS: A mta-sts.d.test: SERVFAIL)"),
    ];
    for (label, fault, cause, question) in table {
        let world = World::new(&RECORDS, &["test"], &[fault]);
        match world.facts("d.test").sts {
            Sts::Unknown(failure) => {
                assert_eq!(failure.cause, cause, "{label}");
                assert_eq!(failure.question, question, "{label}");
            }
            other => panic!("{label}: {other:?}"),
        }
    }
    let lines = &RECORDS[..3];
    let world = World::new(lines, &["test"], &[]);
    assert_eq!(
        why(&world.facts("d.test").sts),
        "DNS: the policy host has no address"
    );
}

#[test]
fn private_addresses_are_refused_unless_allowed() {
    let published = publish(&RECORDS, &[NAME], YEARS, ok(POLICY));
    let mut world = World::new(&RECORDS, &["test"], &[]);
    world.settings = published
        .world
        .settings
        .replace("allow_private_addresses = true", "");
    let found = why(&world.facts("d.test").sts);
    assert_eq!(
        found,
        "DNS: the policy host's address 127.0.0.1 is not public"
    );
    assert!(published.host.requests().is_empty());
}

#[test]
fn facts_expire_with_the_policy() {
    for (max_age, expires) in [(600, NOW + 600), (0, NOW + 300), (86_400, NOW + 900)] {
        let body = format!("version: STSv1\nmode: enforce\nmx: a\nmax_age: {max_age}\n");
        let published = publish(&RECORDS, &[NAME], YEARS, ok(body.as_bytes()));
        let facts = published.world.facts("d.test");
        assert_eq!(facts.expires, Some(expires), "S12, max_age {max_age}");
    }
}

#[test]
fn certificates_are_judged_by_our_clock() {
    #[rustfmt::skip]
    let table = [
        ("before",   Clock::fixed(1_800_000_000), Some("TLS: certificate not valid yet")),
        ("within",   Clock::fixed(2_230_000_000), None), // 2040
        ("after",    Clock::fixed(2_400_000_000), Some("TLS: certificate expired")),
        ("no clock", Clock::fixed(0),             Some("TLS: ")),
    ];
    for (label, clock, expected) in table {
        let mut published = publish(&RECORDS, &[NAME], (2040, 2045), ok(POLICY));
        published.world.clock = clock;
        let facts = published.world.facts("d.test");
        match expected {
            Some(start) => assert!(
                why(&facts.sts).starts_with(start),
                "{label}: {:?}",
                facts.sts
            ),
            None => assert!(
                matches!(facts.sts, Sts::Live { .. }),
                "{label}: {:?}",
                facts.sts
            ),
        }
        // Without a clock nothing is fresh.
        assert_eq!(facts.expires == Some(0), label == "no clock", "{label}");
    }
}

#[test]
fn addresses_are_tried_in_turn() {
    let two = ["mta-sts.d.test A 127.77.7.7", "mta-sts.d.test A 127.0.0.1"];
    let lines = [&RECORDS[..3], two.as_slice()].concat();
    let published = publish(&lines, &[NAME], YEARS, ok(POLICY));
    let sts = published.world.facts("d.test").sts;
    assert!(
        matches!(sts, Sts::Live { .. }),
        "the first refuses: {sts:?}"
    );

    let lines = [&RECORDS[..3], &two[..1]].concat();
    let published = publish(&lines, &[NAME], YEARS, ok(POLICY));
    let found = why(&published.world.facts("d.test").sts);
    assert!(found.starts_with("TCP: "), "{found}");

    // Row 38: an address in one family is enough, also when the other fails.
    let mut published = publish(&RECORDS, &[NAME], YEARS, ok(POLICY));
    let settings = std::mem::take(&mut published.world.settings);
    let fault = ("AAAA mta-sts.d.test", Fault::ServFail);
    published.world = World::new(&RECORDS, &["test"], &[fault]);
    published.world.settings = settings;
    let sts = published.world.facts("d.test").sts;
    assert!(matches!(sts, Sts::Live { .. }), "{sts:?}");
}

#[test]
fn a_policy_host_with_ipv6_alone_is_asked() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let lines = [&RECORDS[..3], &["mta-sts.d.test AAAA ::1"]].concat();
    let at = Ipv6Addr::LOCALHOST.into();
    let published = publish_at(at, &lines, &[NAME], YEARS, ok(POLICY));
    let sts = published.world.facts("d.test").sts;
    assert!(matches!(sts, Sts::Live { .. }), "field report 38: {sts:?}");
    assert_eq!(published.host.requests().len(), 1, "field report 38");
}
