use super::*;
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::InsecureMxDane;
use requiretls_core::site_policy::{Discovery, HopMode, PeerDialect};
use requiretls_core::tls_level::TlsLevel;

const FILE: &str = "/dir/requiretls.conf";

pub(super) fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::parse(text.as_bytes(), Path::new(FILE))
}

pub(super) fn parse_in(directory: &Path, text: &str) -> Result<Config, ConfigError> {
    Config::parse(text.as_bytes(), &directory.join("requiretls.conf"))
}

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

fn pem() -> String {
    let key = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
    key.cert.pem()
}

#[test]
fn nothing_set_is_the_defaults() {
    for text in [
        "",
        "[sending]\n[dns]\n[sts]\n[receiving]\n[cache]\n[lmtp]\n[lmtp_listener]\n",
        "[next_hop]",
    ] {
        let config = parse(text).unwrap();
        assert_eq!(config.receiving, Receiving::default());
        assert_eq!(config.sending, Sending::default());
        assert_eq!(config.dns, Dns::default());
        assert_eq!(config.sts, Sts::default());
        assert_eq!(config.cache, Cache::default());
        assert_eq!(config.lmtp, Lmtp::default());
        assert!(config.lmtp_listeners.is_empty());
        assert_eq!(
            config.rules.key(&NextHop::Domain(domain("a.example"))),
            None
        );
    }
}

#[test]
fn every_setting_is_read() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), pem() + &pem()).unwrap();
    let text = r#"
[receiving]
dialects = ["draft-fenton", "tls-level"]
advertise = false
[sending]
null_path_floor = "secure"
insecure_mx_dane = "may"
own_names = ["MX.Own.Example."]
[next_hop."Partner.Example."]
floor = "secure"
methods = ["dane", "pkix", "pin"]
pkix_names = ["Mail.Partner.Example"]
pins = ["00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"]
ca_file = "ca.pem"
hop = "encrypt"
discovery = "audit"
peer_dialect = "draft"
smarthost = "[192.0.2.1]"
port = 587
[next_hop."unix:/run/lmtp"]
hop = "local carry"
[dns]
mode = "ad"
servers = ["127.0.0.1:5353", "::1", "[2001:db8::1]:54"]
resolv_conf = "resolv.conf"
trusted = true
trust_anchor = "/etc/anchor"
families = ["ipv6"]
[sts]
ca_file = "ca.pem"
port = 8443
allow_private_addresses = true
[cache]
directory = ""
owners = []
"#;
    let config = Config::parse(text.as_bytes(), &dir.path().join("requiretls.conf")).unwrap();
    let dialects = config.receiving.dialects;
    assert!(!dialects.rfc8689 && dialects.draft_fenton && dialects.tls_level);
    assert!(!config.receiving.advertise);
    assert_eq!(config.sending.settings.null_path_floor, TlsLevel::Secure);
    assert_eq!(
        config.sending.settings.insecure_mx_dane,
        InsecureMxDane::May
    );
    assert_eq!(config.sending.own_names, [domain("mx.own.example")]);

    let partner = NextHop::parse("partner.example").unwrap();
    let rule = config.rules.look_up(&partner).unwrap();
    assert_eq!(rule.floor, TlsLevel::Secure);
    assert!(rule.methods.dane);
    assert_eq!(rule.methods.pkix_names, [domain("mail.partner.example")]);
    assert_eq!(rule.methods.pins.len(), 1);
    assert_eq!(rule.methods.pins[0][..3], [0x00, 0x11, 0x22]);
    assert_eq!(rule.methods.pins[0][31], 0xff);
    assert_eq!(rule.methods.ca.len(), 2);
    assert_eq!(rule.hop, HopMode::Encrypt);
    assert_eq!(rule.discovery, Discovery::Audit);
    assert_eq!(rule.peer_dialect, PeerDialect::Draft);
    assert_eq!(rule.smarthost.as_deref(), Some("[192.0.2.1]"));
    assert_eq!(rule.port, Some(587));
    let socket = NextHop::Socket("/run/lmtp".to_owned());
    assert_eq!(
        config.rules.look_up(&socket).unwrap().hop,
        HopMode::LocalCarry
    );

    let servers = ["127.0.0.1:5353", "[::1]:53", "[2001:db8::1]:54"];
    assert_eq!(config.dns.mode, DnsMode::Ad);
    assert_eq!(config.dns.servers, servers.map(|s| s.parse().unwrap()));
    assert_eq!(config.dns.resolv_conf, dir.path().join("resolv.conf"));
    assert!(config.dns.trusted);
    assert_eq!(config.dns.families, [Family::Ipv6]);
    assert_eq!(config.sts.ca.map(|ca| ca.len()), Some(2));
    assert_eq!(config.sts.port, 8443);
    assert!(config.sts.allow_private_addresses);
    assert_eq!(config.cache.directory, None);
    assert!(config.cache.owners.is_empty());
}

#[test]
fn what_is_wrong_is_named_with_file_and_line() {
    let rule = |lines: &str| format!("[next_hop.\"a.example\"]\n{lines}\n");
    let hex63 = "a".repeat(63);
    #[rustfmt::skip]
    let table: Vec<(&str, String, usize, &str)> = vec![
        ("unknown table",         "\n[sendin]\n".into(),                              2, "sendin"),
        ("unknown key",           "[sending]\n\nfloor = 1\n".into(),                  3, "floor"),
        ("unknown key in a rule", rule("flor = \"may\""),                             2, "flor"),
        ("unknown rule word",     rule("hop = \"opportunistik\""),                    2, "opportunistik"), // VX67
        ("unknown level",         rule("floor = \"Secure\""),                         2, "Secure"),
        ("unknown dialect",       "[receiving]\ndialects = [\"RFC8689\"]".into(),         2, "RFC8689"),
        ("wrong type",            "[receiving]\nadvertise = \"no\"".into(),           2, "boolean"),
        ("not TOML",              "[receiving]\nadvertise\n".into(),                  2, ""),
        ("the same key twice",    "[sts]\nport = 1\nport = 2\n".into(),               3, "duplicate"),
        ("duplicate, case",       "[next_hop.\"a.example\"]\n\n[next_hop.\"A.Example\"]".into(), 3, "requiretls.conf, line 1"),
        ("duplicate, dot",        "[next_hop.\"a.example.\"]\n[next_hop.\"a.example\"]".into(),  2, "requiretls.conf, line 1"),
        ("duplicate, label",      "[next_hop.\"b\u{fc}.example\"]\n[next_hop.\"xn--b-eha.example\"]".into(), 2, "requiretls.conf, line 1"),
        ("duplicate, parent",     "[next_hop.\".Example\"]\n[next_hop.\".example\"]".into(), 2, "requiretls.conf, line 1"),
        ("duplicate, literal",    "[next_hop.\"192.0.2.1\"]\n[next_hop.\"[192.0.2.1]\"]".into(), 2, "requiretls.conf, line 1"),
        ("key is no next hop",    "\n[next_hop.\"a b\"]".into(),                      2, "a b"),
        ("key with a star in it", "[next_hop.\"*.example\"]".into(),                  1, "*.example"),
        ("key without a table",   "[next_hop]\n\"a.example\" = 1\n".into(),           2, "integer"),
        ("pkix without names",    rule("methods = [\"dane\", \"pkix\"]"),             2, "pkix_names"),
        ("pkix, names empty",     rule("methods = [\"pkix\"]\npkix_names = []"),      2, "pkix_names"),
        ("names without pkix",    rule("pkix_names = [\"a.example\"]"),               2, "\"pkix\""),
        ("pin without pins",      rule("methods = [\"pin\"]"),                        2, "pins"),
        ("pins without pin",      rule("methods = [\"dane\"]\npins = [\"00\"]"),      3, "\"pin\""),
        ("own CA without pkix",   rule("ca_file = \"/x\""),                           2, "\"pkix\""),
        ("a pin too short",       rule(&format!("methods = [\"pin\"]\npins = [\n\"{hex63}\"]")), 4, "64 hex digits"),
        ("a pin not hex",         rule(&format!("methods = [\"pin\"]\npins = [\"{hex63}g\"]")),  3, "64 hex digits"),
        ("a bad name",            rule("methods = [\"pkix\"]\npkix_names = [\"-a\"]"), 3, "hyphen"),
        ("local for a name",      rule("hop = \"local\""),                            1, "loopback"), // P12
        ("local for any",         "[next_hop.\"*\"]\nhop = \"local carry\"".into(),   1, "loopback"),
        ("local for a literal",   "[next_hop.\"10.0.0.5\"]\nhop = \"local\"".into(),  1, "loopback"),
        ("port 0",                rule("port = 0"),                                   2, "0"),
        ("port 65536",            rule("port = 65536"),                               2, "65536"),
        ("a bad smarthost",       rule("smarthost = \"unix:run\""),                   2, "unix:run"),
        ("a bad own name",        "[sending]\nown_names = [\"a\",\n\"\"]".into(),     3, "empty"),
        ("a bad server",          "[dns]\nservers = [\"127.0.0.1\", \"ns\"]".into(),  2, "ns"),
        ("a server's port 0",     "[dns]\nservers = [\"127.0.0.1:0\"]".into(),        2, "127.0.0.1:0"),
        ("validate alone",        "[dns]\nmode = \"validate\"".into(),                2, "trust_anchor"),
        ("anchor empty",          "[dns]\ntrust_anchor = \"\"\nmode = \"validate\"".into(), 3, "trust_anchor"),
        ("a missing anchor",      "[dns]\nmode = \"validate\"\ntrust_anchor = \"no.key\"".into(), 3, "/dir/no.key"),
        ("no family",             "[dns]\nfamilies = []".into(),                      2, "family"),
        ("unknown family",        "[dns]\nfamilies = [\"ipv5\"]".into(),              2, "ipv5"),
        ("a missing CA file",     "[sts]\nport = 1\nca_file = \"no.pem\"".into(),     3, "/dir/no.pem"),
        ("a missing rule file",   "[sending]\nsite_policy = \"no.conf\"".into(),      2, "/dir/no.conf"),
    ];
    for (label, text, line, what) in table {
        let error = parse(&text).unwrap_err();
        assert_eq!(error.line, Some(line), "{label}: {error}");
        assert!(error.what.contains(what), "{label}: {error}");
        let place = format!("{FILE}, line {line}: ");
        assert!(error.to_string().starts_with(&place), "{label}: {error}");
    }
    let error = Config::parse(b"[sts]\n\xff", Path::new(FILE)).unwrap_err();
    assert_eq!(error.to_string(), format!("{FILE}, line 2: not UTF-8"));
}

#[test]
fn a_further_file_has_rules_alone() {
    let dir = tempfile::tempdir().unwrap();
    let main = dir.path().join("requiretls.conf");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    write(
        "requiretls.conf",
        "[sending]\nsite_policy = \"rules\"\n[next_hop.\"a.example\"]\nport = 1\n",
    );
    write("rules", "[next_hop.\"b.example\"]\nport = 2\n");
    let config = Config::load(Some(&main)).unwrap();
    for (name, port) in [
        ("a.example", Some(1)),
        ("b.example", Some(2)),
        ("c.example", None),
    ] {
        let next_hop = NextHop::parse(name).unwrap();
        assert_eq!(
            config.rules.look_up(&next_hop).unwrap().port,
            port,
            "{name}"
        );
    }

    let rules = dir.path().join("rules");
    #[rustfmt::skip]
    let table = [
        ("a duplicate over files", "\n[next_hop.\"A.example\"]", &rules, 2, "requiretls.conf, line 3"),
        ("another table",          "[next_hop]\n[dns]\n",        &rules, 2, "dns"),
        ("a bad rule",             "[next_hop.\"b\"]\nport=0",   &rules, 2, "0"),
    ];
    for (label, text, file, line, what) in table {
        write("rules", text);
        let error = Config::load(Some(&main)).unwrap_err();
        assert_eq!(
            (&error.file, error.line),
            (file, Some(line)),
            "{label}: {error}"
        );
        assert!(error.what.contains(what), "{label}: {error}");
    }
}

#[test]
fn a_named_file_must_be_there_the_built_in_one_need_not() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("requiretls.conf");
    let error = Config::load(Some(&missing)).unwrap_err();
    assert_eq!((&error.file, error.line), (&missing, None));
    assert_eq!(
        Config::load_or_default(&missing).unwrap().sts,
        Sts::default()
    );
    let unreadable = dir.path();
    assert!(
        Config::load_or_default(unreadable).is_err(),
        "there, but no file: never the defaults"
    );
}

#[test]
fn a_ca_file_must_hold_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    for (label, text, expected) in [
        ("none", String::new(), Err("no certificate")),
        ("one", pem(), Ok(1)),
        ("text around it", format!("x\n{}y\n", pem()), Ok(1)),
        ("cut", pem()[..200].to_owned(), Err("no PEM file")),
    ] {
        std::fs::write(&path, text).unwrap();
        match (certificates(&path), expected) {
            (Ok(found), Ok(count)) => assert_eq!(found.len(), count, "{label}"),
            (Err(found), Err(what)) => assert!(found.contains(what), "{label}: {found}"),
            (found, _) => panic!("{label}: {found:?}"),
        }
    }
}

#[test]
fn the_trust_anchor_is_read_in_mode_validate() {
    let key = ". 3600 IN DNSKEY 257 3 13 \
        mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==";
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("root.key"), key).unwrap();
    std::fs::write(dir.path().join("other.key"), "root").unwrap();
    let read = |mode: &str, file: &str| {
        let text = format!("[dns]\nmode = \"{mode}\"\ntrust_anchor = \"{file}\"");
        let mode = Config::parse(text.as_bytes(), &dir.path().join("requiretls.conf"));
        mode.map(|config| config.dns.mode).map_err(|e| e.line)
    };
    let anchor = TrustAnchor::parse(key).unwrap();
    assert_eq!(read("validate", "root.key"), Ok(DnsMode::Validate(anchor)));
    assert_eq!(read("validate", "other.key"), Err(Some(3)));
    assert_eq!(read("ad", "other.key"), Ok(DnsMode::Ad), "not needed");
}
