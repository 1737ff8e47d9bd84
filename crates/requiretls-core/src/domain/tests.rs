use super::*;
use proptest::prelude::*;

#[test]
fn names() {
    let label63 = "a".repeat(63);
    let (label64, label61) = ("a".repeat(64), "b".repeat(61));
    let of253 = format!("{label63}.{label63}.{label63}.{label61}");
    let of254 = format!("{of253}b");
    let of255 = format!("{of253}bb");
    // 63 umlauts: the A-label is longer than a label may be.
    let long_u_label = "\u{fc}".repeat(63);
    let bucher = Ok("xn--bcher-kva.example");
    let (bad, not_idna) = (Err(DomainError::BadCharacter), Err(DomainError::NotIdna));
    let (empty, too_long) = (Err(DomainError::Empty), Err(DomainError::TooLong));
    #[rustfmt::skip]
    let rows: &[(&str, &str, Result<&str, DomainError>)] = &[
        ("P2 case", "MX.Example.COM", Ok("mx.example.com")),
        ("P2 final dot", "mx.example.com.", Ok("mx.example.com")),
        ("P2 two final dots", "mx.example.com..", empty),
        ("P2 dot", ".", empty),
        ("P2 one label", "localhost", Ok("localhost")),
        ("S21 U-label", "b\u{fc}cher.example", bucher),
        ("S21 upper case", "B\u{dc}CHER.Example", bucher),
        ("S21 decomposed", "bu\u{308}cher.example", bucher),
        ("S21 A-label", "XN--BCHER-KVA.example", bucher),
        ("S21 dot of another script", "mx\u{3002}example", Ok("mx.example")),
        ("S21 such a final dot", "b\u{fc}cher.example\u{3002}", bucher),
        ("S21 A-label of nothing", "xn--.example", not_idna),
        ("S21 A-label of ASCII", "xn--abc-.example", not_idna),
        ("S21 not IDNA", "a\u{fffd}.example", not_idna),
        ("S21 long U-label", &long_u_label, too_long),
        ("empty", "", empty),
        ("empty label first", ".example.com", empty),
        ("empty label inside", "mx..example.com", empty),
        ("underscore", "_25._tcp.m_x.example", Ok("_25._tcp.m_x.example")),
        ("underscore, U-label", "a_b.\u{fc}.example", Ok("a_b.xn--tda.example")),
        ("label of 63", &label63, Ok(&label63)),
        ("label of 64", &label64, too_long),
        ("253 octets", &of253, Ok(&of253)),
        ("254 octets", &of254, too_long),
        ("255 octets", &of255, too_long),
        ("hyphen first", "-a.example", Err(DomainError::Hyphen)),
        ("hyphen last", "a-.example", Err(DomainError::Hyphen)),
        ("hyphens inside", "a--b.example", Ok("a--b.example")),
        ("blank", "a b.example", bad),
        ("NUL", "a\0b.example", bad),
        ("NUL beside a U-label", "\u{fc}.a\0b", bad),
        ("wildcard", "*.example.com", bad),
        ("literal", "[192.0.2.1]", bad),
        ("colon", "2001:db8::1", bad),
        ("full-width colon", "a\u{ff1a}b", bad),
    ];
    for (label, name, expected) in rows {
        let found = Domain::parse(name.as_bytes());
        let found = found.as_ref().map(Domain::as_str).map_err(|e| *e);
        assert_eq!(found, *expected, "{label}");
    }
    let endless = "\u{fc}.".repeat(1000);
    assert_eq!(Domain::parse(endless.as_bytes()), Err(DomainError::TooLong));
    // IDNA leaves soft hyphens out, so that a name may be much shorter than what was written.
    let soft = |octets: usize| format!("aa{}", "\u{ad}".repeat(octets / 2 - 1));
    let aa = Domain::parse(b"aa");
    assert_eq!(Domain::parse(soft(1024).as_bytes()), aa, "1,024 octets");
    assert_eq!(
        Domain::parse(soft(1026).as_bytes()),
        Err(DomainError::TooLong),
        "1,026 octets"
    );
    let latin = Domain::parse(b"b\xfccher.example");
    assert_eq!(latin, Err(DomainError::NotIdna), "S21 not UTF-8");
}

#[test]
fn relatives() {
    let name = Domain::parse(b"mx.example").unwrap();
    assert_eq!(name.parent(), Some("example"));
    assert_eq!(Domain::parse(b"example").unwrap().parent(), None);
    assert_eq!(name.child("_tcp").unwrap().as_str(), "_tcp.mx.example");
}

proptest! {
    #[test]
    fn any_bytes(name in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Domain::parse(&name);
    }

    /// What was read is read again as itself.
    #[test]
    fn canonical(name in "[a-zA-Z0-9_\u{fc}\u{3002}.-]{1,20}") {
        if let Ok(domain) = Domain::parse(name.as_bytes()) {
            prop_assert_eq!(Domain::parse(domain.as_str().as_bytes()), Ok(domain));
        }
    }
}
