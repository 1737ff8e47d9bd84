//! Flags, sizes, addresses, time, and what is refused.

use std::collections::BTreeSet;
use std::net::{Ipv6Addr, SocketAddr};
use std::str::FromStr;

use requiretls_testbed::proto::dnssec::TrustAnchors;
use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::{RData, RecordType};
use requiretls_testbed::{Block, Clock, DnsWorld, DnsWorldSpec, Zone, days};

use crate::client::{PATIENCE, ask, ask_tcp, ask_udp, query};
use crate::table::{Answer, read, world};

fn table_world() -> (Block, DnsWorld) {
    let block = Block::claim().unwrap();
    let world = world(vec![(block.address(2), 0).into()]);
    (block, world)
}

fn kinds(message: &Message) -> BTreeSet<String> {
    let records = message.answers.iter().chain(&message.authorities);
    records
        .map(|record| record.record_type().to_string())
        .collect()
}

#[test]
fn it_listens_on_several_addresses_with_one_port() {
    let block = Block::claim().unwrap();
    let six = Ipv6Addr::LOCALHOST;
    let addresses = vec![(block.address(2), 0).into(), SocketAddr::from((six, 0))];
    let world = world(addresses);
    assert_eq!(world.addresses().len(), 2);
    assert_eq!(world.address(), world.addresses()[0]);
    assert_eq!(world.addresses()[0].port(), world.addresses()[1].port());
    for address in world.addresses() {
        let question = query("signed.example", RecordType::MX);
        assert_eq!(read(&ask(*address, &question)), Answer::Secure(1));
        assert_eq!(read(&ask_tcp(*address, &question)), Answer::Secure(1));
    }
    let asked = world.questions();
    let said: Vec<String> = asked.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["MX signed.example"; 4]);
    assert_eq!(asked.iter().filter(|asked| asked.tcp).count(), 2);
    // The addresses are the name server's.
    let server = ask(
        world.address(),
        &query("ns.signed.example", RecordType::AAAA),
    );
    assert!(matches!(&server.answers[0].data, RData::AAAA(aaaa) if aaaa.0 == six));
}

#[test]
fn signatures_and_ad_are_for_those_who_ask() {
    let (_block, world) = table_world();
    // DO, AD in the question; AD in the answer, RRSIG in the answer.
    #[rustfmt::skip]
    let table = [
        (true,  true,  true,  true),
        (true,  false, true,  true),
        (false, true,  true,  false),
        (false, false, false, false),
    ];
    for (dnssec_ok, ad, expected_ad, expected_rrsig) in table {
        let mut question = query("nothing.signed.example", RecordType::MX);
        question.metadata.authentic_data = ad;
        if let Some(edns) = &mut question.edns {
            edns.set_dnssec_ok(dnssec_ok);
        }
        let answer = ask(world.address(), &question);
        let label = format!("DO {dnssec_ok}, AD {ad}");
        assert_eq!(answer.metadata.authentic_data, expected_ad, "{label}");
        let kinds = kinds(&answer);
        assert!(kinds.contains("SOA"), "{label}");
        assert_eq!(kinds.contains("RRSIG"), expected_rrsig, "{label}");
        assert_eq!(kinds.contains("NSEC"), expected_rrsig, "{label}");
        assert!(answer.metadata.recursion_available && !answer.metadata.authoritative);
    }
}

#[test]
fn what_does_not_fit_is_truncated() {
    let (_block, world) = table_world();
    let mut question = query("long.signed.example", RecordType::TXT);
    for payload in [Some(1232), Some(4096), None] {
        match payload {
            Some(size) => drop(
                question
                    .edns
                    .as_mut()
                    .map(|edns| edns.set_max_payload(size)),
            ),
            None => question.edns = None,
        }
        let answer = ask_udp(world.address(), &question, PATIENCE).unwrap();
        let fits = payload == Some(4096);
        assert_eq!(answer.metadata.truncation, !fits, "{payload:?}");
        assert_eq!(answer.answers.is_empty(), !fits, "{payload:?}");
        assert_eq!(answer.edns.is_some(), payload.is_some(), "{payload:?}");
        assert!(!ask_tcp(world.address(), &question).answers.is_empty());
    }
}

#[test]
fn without_rd_it_is_the_authority() {
    let (_block, world) = table_world();
    let authority = |name, kind| {
        let mut question = query(name, kind);
        question.metadata.recursion_desired = false;
        ask(world.address(), &question)
    };
    let answer = authority("expired.example", RecordType::MX);
    assert!(answer.metadata.authoritative && !answer.metadata.authentic_data);
    assert_eq!(
        answer.metadata.response_code,
        ResponseCode::NoError,
        "judges nothing"
    );
    // An alias is followed inside the zone only.
    assert_eq!(
        authority("alias.signed.example", RecordType::A)
            .answers
            .len(),
        5
    );
    assert_eq!(
        authority("to-unsigned.signed.example", RecordType::A)
            .answers
            .len(),
        2
    );
    // A zone of somebody else.
    let referral = authority("mx.lame.signed.example", RecordType::A);
    assert!(referral.answers.is_empty());
    let kinds = kinds(&referral);
    assert!(kinds.contains("NS") && kinds.contains("NSEC") && kinds.contains("RRSIG"));
    assert!(matches!(referral.additionals[0].data, RData::A(_)));
}

#[test]
fn what_is_no_question_is_refused() {
    let (_block, world) = table_world();
    let code = |message: &Message| {
        let answer = ask_udp(world.address(), message, PATIENCE).unwrap();
        answer.metadata.response_code
    };
    let mut none = query("example", RecordType::A);
    none.queries.clear();
    assert_eq!(code(&none), ResponseCode::FormErr);
    let any = query("example", RecordType::ANY);
    assert_eq!(code(&any), ResponseCode::NotImp);
    let socket = std::net::UdpSocket::bind((world.address().ip(), 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(&[1, 2, 3], world.address()).unwrap();
    let mut buffer = [0; 512];
    let (length, _) = socket.recv_from(&mut buffer).unwrap();
    let answer = Message::from_vec(&buffer[..length]).unwrap();
    assert_eq!(answer.metadata.response_code, ResponseCode::FormErr);
    assert_eq!(answer.metadata.id, 0x0102);
}

#[test]
fn a_name_that_a_dname_makes_too_long_is_yxdomain() {
    let block = Block::claim().unwrap();
    let target = ["a".repeat(60), "b".repeat(60), "c".repeat(60)].join(".");
    let zone = Zone::from_text("signed", &format!("old DNAME {target}.signed.\n")).unwrap();
    let world = DnsWorld::start(DnsWorldSpec {
        zones: vec![zone],
        addresses: vec![(block.address(2), 0).into()],
        ..DnsWorldSpec::default()
    })
    .unwrap();
    let name = format!("{}.{}.old.signed", "d".repeat(60), "e".repeat(60));
    let answer = ask(world.address(), &query(&name, RecordType::A));
    assert_eq!(answer.metadata.response_code, ResponseCode::YXDomain);
    assert!(answer.metadata.authentic_data);
    assert_eq!(answer.answers.len(), 2, "the DNAME and its signature");
}

#[test]
fn signatures_end_when_the_clock_says_so() {
    let block = Block::claim().unwrap();
    let clock = Clock::system();
    let zones = vec![
        Zone::from_text("valid", "@ MX 10 mx\n").unwrap(),
        Zone::from_text("future", "@ MX 10 mx\n")
            .unwrap()
            .not_yet_valid(),
        Zone::from_text("unsigned", "@ MX 10 mx\n")
            .unwrap()
            .unsigned(),
    ];
    let world = DnsWorld::start(DnsWorldSpec {
        zones,
        addresses: vec![(block.address(2), 0).into()],
        clock: clock.clone(),
    })
    .unwrap();
    let mx = |zone| read(&ask(world.address(), &query(zone, RecordType::MX)));
    assert_eq!(mx("valid"), Answer::Secure(1));
    assert_eq!(mx("future"), Answer::Bogus);
    clock.forward(days(29));
    assert_eq!(mx("valid"), Answer::Secure(1), "29 days later");
    clock.forward(days(2));
    assert_eq!(mx("valid"), Answer::Bogus, "31 days later");
    assert_eq!(
        mx("unsigned"),
        Answer::Bogus,
        "its delegation is signed too"
    );
    clock.back(days(33));
    assert_eq!(mx("valid"), Answer::Bogus, "two days before");
}

#[test]
fn the_trust_anchor_is_a_file_for_validators() {
    let (_block, world) = table_world();
    let anchors = TrustAnchors::from_str(world.trust_anchor()).unwrap();
    assert_eq!(anchors.len(), 1);
    let keys = ask(world.address(), &query(".", RecordType::DNSKEY));
    let key = keys.answers[0].data.to_string();
    assert!(world.trust_anchor().trim_end().ends_with(&key), "{key}");
}

#[test]
fn a_world_that_cannot_be_is_refused() {
    let block = Block::claim().unwrap();
    let address = SocketAddr::from((block.address(2), 0));
    let zone = || Zone::from_text("example", "@ MX 10 mx").unwrap();
    let start = |zones, addresses| {
        let clock = Clock::system();
        let world = DnsWorld::start(DnsWorldSpec {
            zones,
            addresses,
            clock,
        });
        world.map(|_| ()).unwrap_err().to_string()
    };
    #[rustfmt::skip]
    let table = [
        ("no address",       start(vec![zone()], vec![]),                  "no address"),
        ("foreign address",  start(vec![], vec![([192, 0, 2, 1], 0).into()]), "no address"),
        ("two of a name",    start(vec![zone(), zone()], vec![address]),   "two zones example."),
        ("nothing to damage", start(vec![zone().damaged("mx", RecordType::A).unwrap()], vec![address]),
                                                                          "no signature to damage"),
        ("unsigned damage",  start(vec![zone().unsigned().damaged("@", RecordType::MX).unwrap()], vec![address]),
                                                                          "no signature to damage"),
        ("outside",          Zone::from_text("example", "a.other. A 127.0.0.1").unwrap_err().to_string(),
                                                                          "not in the zone"),
        ("no zone file",     Zone::from_text("example", "a WHAT 1").unwrap_err().to_string(), "WHAT"),
        ("DNAME",            Zone::from_text("example", "a 300 DNAME b").unwrap_err().to_string(),
                                                                          "owner DNAME target"),
    ];
    for (label, said, expected) in table {
        assert!(said.contains(expected), "{label}: {said}");
    }
}
