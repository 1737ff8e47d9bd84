//! At which names may a host's TLSA records be?
//!
//! RFC 7672 sections 2.2.2 and 2.2.3. The caller looks the candidates up in turn; the first with a
//! secure TLSA answer that has records is the TLSA base domain (D9, D10).

use crate::domain::Domain;
use crate::facts::Security;

/// A CNAME met at the host's name while its addresses were looked up.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Alias {
    /// What DNSSEC says of the first CNAME alone.
    pub initial: Security,
    /// The name at the end of the chain of CNAMEs.
    pub expanded: Domain,
}

/// What DNSSEC says of a host's addresses (D8, P2b): one item per family asked, `None` for a
/// family whose lookup failed. `None` when no family answered.
///
/// A status covers the whole answer, the CNAMEs on the way included (D3).
#[must_use]
pub fn address_security(families: &[Option<Security>]) -> Option<Security> {
    families
        .iter()
        .copied()
        .flatten()
        .min_by_key(|status| match status {
            Security::Secure => 0,
            Security::Insecure => 1,
            Security::Unknown => 2,
        })
}

/// The names to look for TLSA records at, in the order to try (D8, D9); none: there is no DANE
/// here, and TLSA must not be asked for.
///
/// `addresses` is what [`address_security`] said.
#[must_use]
pub fn candidates(host: &Domain, addresses: Security, alias: Option<&Alias>) -> Vec<Domain> {
    match (alias, addresses) {
        (None, Security::Secure) => vec![host.clone()],
        (Some(alias), _) if alias.initial != Security::Secure => Vec::new(),
        (Some(alias), Security::Secure) if alias.expanded != *host => {
            vec![alias.expanded.clone(), host.clone()]
        }
        (Some(_), _) => vec![host.clone()],
        (None, _) => Vec::new(),
    }
}

/// Where the TLSA records of a base domain are (D10): `_25._tcp.mx.example.com`, with the port
/// that is connected to.
///
/// `None` when that name would be too long to exist, which is a host without records.
#[must_use]
pub fn owner_name(port: u16, base: &Domain) -> Option<Domain> {
    base.child("_tcp")?.child(&format!("_{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Security::{Insecure, Secure, Unknown};

    fn domain(name: &str) -> Domain {
        Domain::parse(name.as_bytes()).unwrap()
    }

    #[test]
    fn addresses() {
        type Row<'a> = (&'a str, &'a [Option<Security>], Option<Security>);
        #[rustfmt::skip]
        let rows: &[Row] = &[
            ("VD12 A and AAAA insecure", &[Some(Insecure), Some(Insecure)], Some(Insecure)),
            ("VD12 A secure, AAAA failed", &[Some(Secure), None], Some(Secure)),
            ("D8 one secure", &[Some(Insecure), Some(Secure)], Some(Secure)),
            ("D8 one insecure, one failed", &[None, Some(Insecure)], Some(Insecure)),
            ("P2b neither answered", &[None, None], None),
            ("P2b one family in use", &[Some(Secure)], Some(Secure)),
            ("P2b no validating resolver", &[Some(Unknown), Some(Unknown)], Some(Unknown)),
            ("P2b no family", &[], None),
        ];
        for (label, families, expected) in rows {
            assert_eq!(address_security(families), *expected, "{label}");
        }
    }

    #[test]
    fn base_domains() {
        let mx = domain("mx.example.com");
        let to = |initial| {
            Some(Alias {
                initial,
                expanded: domain("host.example.net"),
            })
        };
        let itself = Some(Alias {
            initial: Secure,
            expanded: mx.clone(),
        });
        #[rustfmt::skip]
        let rows: &[(&str, Security, Option<Alias>, &[&str])] = &[
            ("D9 no alias", Secure, None, &["mx.example.com"]),
            ("VD12 insecure addresses", Insecure, None, &[]),
            ("D8 no validating resolver", Unknown, None, &[]),
            ("D9 secure end to end", Secure, to(Secure), &["host.example.net", "mx.example.com"]),
            ("D9 then insecure", Insecure, to(Secure), &["mx.example.com"]),
            ("D9 first CNAME insecure", Insecure, to(Insecure), &[]),
            ("D3 insecure CNAME spoils a secure end", Secure, to(Insecure), &[]),
            ("D9 alias of itself", Secure, itself, &["mx.example.com"]),
            ("D9 first CNAME unknown", Unknown, to(Unknown), &[]),
        ];
        for (label, addresses, alias, expected) in rows {
            let found = candidates(&mx, *addresses, alias.as_ref());
            let found: Vec<&str> = found.iter().map(Domain::as_str).collect();
            assert_eq!(found, *expected, "{label}");
        }
    }

    #[test]
    fn owner_names() {
        let owner = |port, base: &Domain| owner_name(port, base).map(|n| n.to_string());
        let mx = domain("MX.example.com.");
        assert_eq!(
            owner(2525, &mx).as_deref(),
            Some("_2525._tcp.mx.example.com"),
            "VD13"
        );
        assert_eq!(
            owner(25, &mx).as_deref(),
            Some("_25._tcp.mx.example.com"),
            "D10"
        );
        let long = domain(&format!("{0}.{0}.{0}.{1}", "a".repeat(61), "b".repeat(58)));
        assert_eq!(long.as_str().len(), 244);
        assert!(owner(25, &long).is_some(), "D10 253 octets");
        assert_eq!(owner(465, &long), None, "D10 254 octets");
    }
}
