//! What goes wrong on purpose.

use std::time::{Duration, Instant};

use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::{RData, RecordType};
use requiretls_testbed::{AuthorityFault, Block, DnsWorld, DnsWorldSpec, WireFault, Zone, rdata};

use crate::client::{PATIENCE, ask, ask_tcp, ask_udp, query};
use crate::table::{Answer, read};

const SHORT: Duration = Duration::from_millis(150);

fn small_world() -> (Block, DnsWorld) {
    let block = Block::claim().unwrap();
    let text = "@ MX 10 mx\nmx A 127.0.0.25\nalias CNAME mx\n";
    let zones = vec![
        Zone::from_text("signed", text).unwrap(),
        Zone::from_text("unsigned", text).unwrap().unsigned(),
    ];
    let world = DnsWorld::start(DnsWorldSpec {
        zones,
        addresses: vec![(block.address(2), 0).into()],
        ..DnsWorldSpec::default()
    });
    (block, world.unwrap())
}

/// In the table's words, and NOERROR, SERVFAIL, REFUSED or nothing for whoever asks with CD.
#[derive(Debug, Eq, PartialEq)]
enum Seen {
    Code(ResponseCode, usize),
    Nothing,
    OtherId,
    Truncated,
}

fn seen(query: &Message, answer: Option<Message>) -> Seen {
    match answer {
        None => Seen::Nothing,
        Some(answer) if answer.metadata.id != query.metadata.id => Seen::OtherId,
        Some(answer) if answer.metadata.truncation => Seen::Truncated,
        Some(answer) => {
            let records = answer.answers.iter();
            let records = records.filter(|record| record.record_type() != RecordType::RRSIG);
            Seen::Code(answer.metadata.response_code, records.count())
        }
    }
}

#[test]
fn a_fault_of_the_authority_is_judged() {
    use Answer::{Bogus, Insecure, InsecureNone, Secure};
    use ResponseCode::{NXDomain, NoError, Refused, ServFail};
    use Seen::{Code, Nothing, OtherId, Truncated};
    let lie = || AuthorityFault::Lie(vec![rdata("A 127.0.0.66").unwrap()]);
    let delay = AuthorityFault::Delay(Duration::from_millis(50));
    // Label, fault, the resolver on the signed name and on the unsigned one, and with CD.
    #[rustfmt::skip]
    let table = [
        ("SERVFAIL", AuthorityFault::ServFail,        Bogus,     Bogus,           Code(ServFail, 0)),
        ("REFUSED",  AuthorityFault::Refused,         Bogus,     Bogus,           Code(Refused, 0)),
        ("silence",  AuthorityFault::Drop,            Bogus,     Bogus,           Nothing),
        ("wrong id", AuthorityFault::WrongId,         Bogus,     Bogus,           OtherId),
        ("lie",      lie(),                           Bogus,     Insecure(1),     Code(NoError, 1)),
        ("denial",   AuthorityFault::Deny,            Bogus,     InsecureNone(0), Code(NXDomain, 0)),
        ("stripped", AuthorityFault::StripSignatures, Bogus,     Insecure(1),     Code(NoError, 1)),
        ("late",     delay,                           Secure(1), Insecure(1),     Code(NoError, 1)),
        ("cut",      AuthorityFault::Truncate,        Secure(1), Insecure(1),     Truncated),
    ];
    let (_block, world) = small_world();
    for (label, fault, signed, unsigned, forwarded) in table {
        for name in ["mx.signed", "mx.unsigned"] {
            let faults = world.faults();
            faults
                .authority(name, RecordType::A, fault.clone())
                .unwrap();
        }
        let start = Instant::now();
        let answer = |name| read(&ask(world.address(), &query(name, RecordType::A)));
        assert_eq!(answer("mx.signed"), signed, "{label}");
        assert_eq!(answer("mx.unsigned"), unsigned, "{label}");
        let late = start.elapsed() >= Duration::from_millis(100);
        assert_eq!(late, label == "late", "{label}: {:?}", start.elapsed());

        let mut forward = query("mx.signed", RecordType::A);
        forward.metadata.checking_disabled = true;
        let raw = ask_udp(world.address(), &forward, SHORT);
        assert_eq!(seen(&forward, raw), forwarded, "{label}, CD");
        if label == "cut" {
            let whole = ask_tcp(world.address(), &forward);
            assert_eq!(seen(&forward, Some(whole)), Code(NoError, 1));
        }
        // Another question is another one, and an alias meets it as its target's.
        let other = query("signed", RecordType::MX);
        assert_eq!(read(&ask(world.address(), &other)), Secure(1), "{label}");
        let alias = read(&ask(world.address(), &query("alias.signed", RecordType::A)));
        let through = if signed == Bogus { Bogus } else { Secure(2) };
        assert_eq!(alias, through, "{label}");
        world.faults().clear();
        assert_eq!(answer("mx.signed"), Secure(1), "{label}, over");
    }
}

#[test]
fn a_fault_in_the_chain_of_trust_is_everybodys() {
    let (_block, world) = small_world();
    let mx = |zone| read(&ask(world.address(), &query(zone, RecordType::MX)));
    for (zone, kind, after) in [
        ("signed", RecordType::DNSKEY, Answer::Bogus),
        ("signed", RecordType::DS, Answer::Bogus),
        ("unsigned", RecordType::DS, Answer::Bogus),
        ("unsigned", RecordType::DNSKEY, Answer::Insecure(1)),
    ] {
        for fault in [AuthorityFault::ServFail, AuthorityFault::StripSignatures] {
            world.faults().authority(zone, kind, fault.clone()).unwrap();
            assert_eq!(mx(zone), after, "{fault:?} {kind} {zone}");
            world.faults().clear();
        }
    }
}

#[test]
fn a_fault_on_the_wire_is_not_judged() {
    let (_block, world) = small_world();
    let question = query("mx.signed", RecordType::A);
    let spoilt = |fault: WireFault| {
        world.faults().clear();
        let faults = world.faults();
        faults.wire("mx.signed", RecordType::A, fault).unwrap();
        ask_udp(world.address(), &question, SHORT)
    };
    let found = |fault| read(&spoilt(fault).unwrap());
    let lie = rdata("A 127.0.0.66").unwrap();

    assert_eq!(found(WireFault::ClearAd), Answer::Insecure(1));
    assert_eq!(found(WireFault::ServFail), Answer::Bogus);
    let refused = spoilt(WireFault::Refused).unwrap();
    assert_eq!(refused.metadata.response_code, ResponseCode::Refused);
    let replaced = spoilt(WireFault::Replace(vec![lie.clone()])).unwrap();
    assert_eq!(read(&replaced), Answer::Secure(1), "AD stays");
    assert_eq!(replaced.answers[0].data, lie);
    assert!(spoilt(WireFault::Drop).is_none());
    assert!(spoilt(WireFault::Garbage).is_none(), "no message");
    assert!(spoilt(WireFault::DropOnce).is_none());
    let again = ask_udp(world.address(), &question, PATIENCE).unwrap();
    assert_eq!(read(&again), Answer::Secure(1));
    let truncated = spoilt(WireFault::Truncate).unwrap();
    assert!(truncated.metadata.truncation && truncated.answers.is_empty());
    assert_eq!(
        read(&ask_tcp(world.address(), &question)),
        Answer::Secure(1)
    );
    let other = spoilt(WireFault::WrongId).unwrap();
    assert_ne!(other.metadata.id, question.metadata.id);
    let other = spoilt(WireFault::WrongQuestion).unwrap();
    assert_ne!(other.queries, question.queries);
    let start = Instant::now();
    found(WireFault::Delay(Duration::from_millis(60)));
    assert!(start.elapsed() >= Duration::from_millis(60));

    world.faults().clear();
    let faults = world.faults();
    faults
        .wire("mx.unsigned", RecordType::A, WireFault::SetAd)
        .unwrap();
    let unsigned = ask(world.address(), &query("mx.unsigned", RecordType::A));
    assert_eq!(read(&unsigned), Answer::Secure(1));
}

#[test]
fn a_late_answer_delays_nobody_else_and_ends_with_the_world() {
    let (_block, world) = small_world();
    let late = AuthorityFault::Delay(Duration::from_secs(60));
    world
        .faults()
        .authority("mx.signed", RecordType::A, late)
        .unwrap();
    let start = Instant::now();
    assert!(ask_udp(world.address(), &query("mx.signed", RecordType::A), SHORT).is_none());
    let other = ask(world.address(), &query("mx.unsigned", RecordType::A));
    assert_eq!(read(&other), Answer::Insecure(1));
    let alias = query("alias.unsigned", RecordType::A);
    assert!(matches!(
        ask(world.address(), &alias).answers[0].data,
        RData::CNAME(_)
    ));
    drop(world);
    assert!(start.elapsed() < Duration::from_secs(20));
}
