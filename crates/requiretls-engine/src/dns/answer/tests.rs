use super::*;
use hickory_resolver::proto::op::{OpCode, Query};
use hickory_resolver::proto::rr::RecordType;
use hickory_resolver::proto::rr::rdata::CNAME;

fn name(labels: &[&[u8]]) -> Name {
    Name::from_labels(labels.iter().copied()).unwrap()
}

#[test]
fn mx_names_are_hosts_or_not() {
    let host = |text: &str| Domain::parse(text.as_bytes()).unwrap();
    #[rustfmt::skip]
    let table: [(&str, Name, Exchange); 9] = [ // row 5a, D5, RFC 7505
        ("a host",               name(&[b"MX", b"Example"]),        Exchange::Host(host("mx.example"))),
        ("an underscore",        name(&[b"m_x", b"example"]),       Exchange::Host(host("m_x.example"))),
        ("the root",             Name::root(),                      Exchange::Null),
        ("an address",           name(&[b"192", b"0", b"2", b"1"]), Exchange::Unusable(host("192.0.2.1"))),
        ("a dot in a label",     name(&[b"mx.other", b"example"]),  Exchange::Unusable(host("mx_other.example"))),
        ("a blank",              name(&[b"m x", b"example"]),       Exchange::Unusable(host("m_x.example"))),
        ("a NUL",                name(&[b"mx\0", b"example"]),      Exchange::Unusable(host("mx_.example"))),
        ("UTF-8",                name(&["b\u{fc}".as_bytes(), b"example"]), Exchange::Unusable(host("b__.example"))),
        ("a hyphen at the end",  name(&[b"mx-", b"example"]),       Exchange::Unusable(host("mx_.example"))),
    ];
    for (label, name, expected) in table {
        assert_eq!(exchange(&name), expected, "{label}");
    }
}

#[test]
fn chains_of_cnames_end() {
    let link = |n: usize| name(&[format!("n{n}").as_bytes(), b"test"]);
    let cname = |from: usize, to: usize| {
        let target = CNAME(link(to));
        Record::from_rdata(link(from), 60, RData::CNAME(target))
    };
    let chain = |length: usize| (0..length).map(|n| cname(n, n + 1)).collect::<Vec<_>>();
    #[rustfmt::skip]
    let table = [
        ("none",              chain(0),                         Ok(0)),
        ("as long as allowed", chain(LONGEST_CHAIN),            Ok(LONGEST_CHAIN)),
        ("longer",            chain(LONGEST_CHAIN + 1),         Err(LookupCause::Malformed)),
        ("to itself",         vec![cname(0, 0)],                Err(LookupCause::Malformed)),
        ("in a circle",       vec![cname(0, 1), cname(1, 0)],   Err(LookupCause::Malformed)),
        ("two at one name",   vec![cname(0, 1), cname(0, 2)],   Err(LookupCause::Malformed)),
    ];
    for (label, answers, expected) in table {
        let mut message = Message::response(1, OpCode::Query);
        message.add_query(Query::query(link(0), RecordType::A));
        message.add_answers(answers);
        let found = interpret(&message, Some(Standing::Proven));
        assert_eq!(found.map(|answer| answer.chain.len()), expected, "{label}");
    }
}
