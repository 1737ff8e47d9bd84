use super::Config;
use std::path::Path;

#[test]
fn settings_outside_the_rules_that_protect_less() {
    #[rustfmt::skip]
    let table = [ // P13, S9, RFC 8461 section 10.2
        ("nothing set",              "",                                            &[][..]),
        ("the defaults",             "[sending]\nnull_path_floor = \"encrypt\"\ninsecure_mx_dane = \"dane\"", &[]),
        ("more than the default",    "[sending]\nnull_path_floor = \"secure\"",     &[]),
        ("R29: null path in clear",  "[sending]\nnull_path_floor = \"may\"",        &["sending.null_path_floor"]),
        ("D7: half of DANE",         "[sending]\ninsecure_mx_dane = \"encrypt\"",   &["sending.insecure_mx_dane"]),
        ("D7: none of DANE",         "[sending]\ninsecure_mx_dane = \"may\"",       &["sending.insecure_mx_dane"]),
        ("trusted, resolv.conf's",   "[dns]\ntrusted = true",                       &[]),
        ("trusted, on this machine", "[dns]\ntrusted = true\nservers = [\"127.0.0.1\", \"::1\"]", &[]),
        ("trusted, far away",        "[dns]\ntrusted = true\nservers = [\"::1\", \"192.0.2.1\"]", &["dns.trusted"]),
        ("far away, not trusted",    "[dns]\nservers = [\"192.0.2.1\"]",            &[]),
        ("S9: another port",         "[sts]\nport = 8443",                          &["sts.port"]),
        ("private addresses",        "[sts]\nallow_private_addresses = true",       &["sts.allow_private_addresses"]),
        ("no cache",                 "[cache]\ndirectory = \"\"",                   &["cache.directory"]),
        ("a listener",               "[lmtp_listener.\"127.0.0.1:2424\"]\n[lmtp_listener.\"unix:/a\"]", &[]),
        ("others may connect",       "[lmtp_listener.\"127.0.0.1:2424\"]\nclients = [\"::1\", \"192.0.2.0/24\"]", &["lmtp_listener.clients"]),
        ("no such thing on a socket", "[lmtp_listener.\"unix:/a\"]\nclients = [\"192.0.2.0/24\"]", &[]),
        ("a field that lowers",      "[lmtp_listener.\"pipe\"]\ntag_field = \"X\"\ntag_field_trusted = true", &["lmtp_listener.tag_field_trusted"]),
        ("two of them",              "[cache]\ndirectory = \"\"\n[sts]\nport = 1",  &["sts.port", "cache.directory"]),
    ];
    for (label, text, expected) in table {
        let config = Config::parse(text.as_bytes(), Path::new("requiretls.conf")).unwrap();
        let weak = config.weak_settings();
        let weak: Vec<String> = weak
            .iter()
            .map(|weak| format!("{}.{}", weak.table, weak.setting))
            .collect();
        assert_eq!(weak, expected, "{label}");
    }
}
