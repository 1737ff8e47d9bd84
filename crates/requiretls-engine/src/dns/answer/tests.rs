use super::*;

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
