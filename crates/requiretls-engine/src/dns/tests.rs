use super::*;

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
