use super::*;
use proptest::prelude::*;

/// A label, the text, how it is displayed and whether it is a local endpoint (P12's preset).
type Row<'a> = (&'a str, &'a str, Result<(&'a str, bool), DomainError>);

#[test]
fn next_hops() {
    let bad = Err(DomainError::BadCharacter);
    let documented = "[IPv6:2001:db8::1]";
    let mapped = "[IPv6:::ffff:127.0.0.1]";
    #[rustfmt::skip]
    let rows: &[Row] = &[
        ("P2 domain", "Example.COM.", Ok(("example.com", false))),
        ("P2 U-label", "\u{fc}.example", Ok(("xn--tda.example", false))),
        ("P2 literal", "[192.0.2.1]", Ok(("[192.0.2.1]", false))),
        ("P2 bare address", "192.0.2.1", Ok(("[192.0.2.1]", false))),
        ("P2 IPv6 literal", "[IPv6:2001:DB8::1]", Ok((documented, false))),
        ("P2 tag in lower case", "[ipv6:2001:db8::1]", Ok((documented, false))),
        ("P2 no tag", "[2001:db8::1]", Ok((documented, false))),
        ("P2 bare IPv6", "2001:db8::1", Ok((documented, false))),
        ("P2 address with a final dot", "192.0.2.1.", Ok(("[192.0.2.1]", false))),
        ("P2 address with a dot of another script", "192.0.2.1\u{3002}",
            Ok(("[192.0.2.1]", false))),
        ("P12 digits of another script", "\u{ff11}27.0.0.1", Ok(("[127.0.0.1]", true))),
        ("P12 socket", "unix:/run/lmtp", Ok(("unix:/run/lmtp", true))),
        ("P12 socket with a blank", "unix:/run/a b", Ok(("unix:/run/a b", true))),
        ("P12 127.0.0.1", "127.0.0.1", Ok(("[127.0.0.1]", true))),
        ("P12 127.0.0.0/8", "[127.9.9.9]", Ok(("[127.9.9.9]", true))),
        ("P12 ::1", "[IPv6:::1]", Ok(("[IPv6:::1]", true))),
        ("P12 mapped", "::ffff:127.0.0.1", Ok((mapped, true))),
        ("VX34 a name", "localhost", Ok(("localhost", false))),
        ("VX34", "localhost.evil.test", Ok(("localhost.evil.test", false))),
        ("VX35", "[10.0.0.5]", Ok(("[10.0.0.5]", false))),
        ("P12 unspecified", "0.0.0.0", Ok(("[0.0.0.0]", false))),
        // Names that only a resolver of the C library takes for addresses: DNS denies them.
        ("no address", "192.0.2.256", Ok(("192.0.2.256", false))),
        ("short address", "127.1", Ok(("127.1", false))),
        ("octal address", "0177.0.0.1", Ok(("0177.0.0.1", false))),
        ("IPv4 with the IPv6 tag", "[IPv6:192.0.2.1]", bad),
        ("scoped address", "fe80::1%eth0", bad),
        ("open bracket", "[192.0.2.1", bad),
        ("closing bracket", "192.0.2.1]", bad),
        ("name in brackets", "[relay.example]", bad),
        ("field report 41 port", "[relay.example]:587", bad),
        ("field report 41.parent", ".example.com", Err(DomainError::Empty)),
        ("field report 41 empty", "", Err(DomainError::Empty)),
        ("relative socket", "unix:lmtp", bad),
        ("socket with NUL", "unix:/run/\0", bad),
        ("socket with a line end", "unix:/run/\n", bad),
    ];
    for (label, text, expected) in rows {
        let found = NextHop::parse(text);
        let shown = found.as_ref().map(ToString::to_string).map_err(|e| *e);
        assert_eq!(
            shown,
            expected.map(|(shown, _)| shown.to_owned()),
            "{label}"
        );
        if let (Ok(found), Ok((shown, local))) = (found, expected) {
            let is_name = !shown.contains([':', '[']);
            assert_eq!(found.is_local_endpoint(), *local, "{label}: local");
            assert_eq!(found.domain().is_some(), is_name, "{label}: domain");
            assert_eq!(NextHop::parse(shown), Ok(found), "{label}: reads itself");
            let host = Host::parse(text).unwrap();
            assert_eq!(host.to_string(), *shown, "{label}: host");
            assert_eq!(host.name().is_some(), is_name, "{label}: host's name");
        }
    }
}

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,40}") {
        let _ = NextHop::parse(&text);
    }

    #[test]
    fn any_literal(text in "[\\[]?(IPv6:)?[0-9a-f.:]{0,20}[\\]]?") {
        if let Ok(found) = NextHop::parse(&text) {
            prop_assert_eq!(NextHop::parse(&found.to_string()), Ok(found));
        }
    }
}
