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

#[test]
fn the_path_to_the_servers_decides_about_trust() {
    let conf = |text: &str| ResolvConf::parse(text.as_bytes());
    let servers = |list: &[&str]| list.iter().map(|s| s.parse().unwrap()).collect::<Vec<_>>();
    #[rustfmt::skip]
    let table = [ // D1
        ("loopback",            Resolver::from_servers(servers(&["127.0.0.1:53", "[::1]:53"]), false),   true),
        ("one is elsewhere",    Resolver::from_servers(servers(&["127.0.0.1:53", "192.0.2.1:53"]), false), false),
        ("elsewhere",           Resolver::from_servers(servers(&["192.0.2.1:53"]), false),               false),
        ("the site says so",    Resolver::from_servers(servers(&["192.0.2.1:53"]), true),                true),
        ("trust-ad",            Resolver::from_resolv_conf(conf("nameserver 192.0.2.1\noptions trust-ad"), false), true),
        ("no trust-ad",         Resolver::from_resolv_conf(conf("nameserver 192.0.2.1"), false),         false),
        ("no file",             Resolver::from_resolv_conf(ResolvConf::default(), false),                true),
    ];
    for (label, resolver, trusted) in table {
        assert_eq!(resolver.is_trusted(), trusted, "{label}");
    }
}
