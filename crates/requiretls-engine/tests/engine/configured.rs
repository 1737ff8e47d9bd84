//! What `open` reads, and what it leaves behind.

use requiretls_engine::{Config, Discovery};
use std::path::Path;

#[test]
fn resolv_conf_is_read_at_open() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("resolv.conf");
    let open = || {
        let text = format!("dns.resolv_conf = {path:?}");
        let config = Config::parse(text.as_bytes(), Path::new("x")).unwrap();
        Discovery::open(&config)
    };
    assert!(
        open().unwrap().is_dnssec_trusted(),
        "no file: the machine itself"
    );
    for (text, trusted) in [
        ("nameserver 192.0.2.1\n", false),
        ("nameserver 192.0.2.1\noptions trust-ad\n", true),
        ("nameserver 127.0.0.53\n", true),
        ("nameserver 127.0.0.53\nnameserver 192.0.2.1\n", false),
    ] {
        std::fs::write(&path, text).unwrap();
        assert_eq!(open().unwrap().is_dnssec_trusted(), trusted, "{text}");
    }
    let opened = open().unwrap();
    let servers = opened.resolver().servers().to_vec();
    std::fs::write(&path, "nameserver 192.0.2.2\n").unwrap();
    assert_eq!(opened.resolver().servers(), servers, "read once");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert!(open().is_err(), "there, but no file");
}

#[test]
fn discovery_can_be_shared_and_copied() {
    fn plain<T: Send + Sync + Clone + 'static>() {}
    plain::<Discovery>();
    plain::<Config>();
}
