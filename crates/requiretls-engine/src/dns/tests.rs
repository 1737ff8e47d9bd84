use super::*;

/// Label, servers, the site's word, who is asked, whether that counts.
type Row = (
    &'static str,
    &'static [&'static str],
    bool,
    &'static [&'static str],
    bool,
);

#[test]
fn while_a_server_is_trusted_no_other_is_asked() {
    const NEAR: &str = "127.0.0.1:53";
    const V6: &str = "[::1]:53";
    const FAR: &str = "192.0.2.1:53";
    let servers = |list: &[&str]| list.iter().map(|s| s.parse().unwrap()).collect::<Vec<_>>();
    #[rustfmt::skip]
    let table: [Row; 5] = [ // P2a
        ("all near",        &[NEAR, V6],      false, &[NEAR, V6],      true),
        ("one is far",      &[FAR, NEAR],     false, &[NEAR],          true),
        ("all are far",     &[FAR],           false, &[FAR],           false),
        ("far and trusted", &[FAR, NEAR],     true,  &[FAR, NEAR],     true),
        ("none",            &[],              false, &[],              true),
    ];
    for (label, given, trusted, asked, is_trusted) in table {
        let resolver = Resolver::from_servers(servers(given), trusted).trusted_alone();
        assert_eq!(resolver.servers(), servers(asked), "{label}");
        assert_eq!(resolver.is_trusted(), is_trusted, "{label}");
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
