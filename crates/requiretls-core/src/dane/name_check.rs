//! Is this certificate for one of these names, as DANE-TA asks it?
//!
//! RFC 7672 section 3.2.3: the DNS-IDs if there are any, else the CN-ID. PKIX has its own, stricter
//! check (R21).

use super::certificate::Certificate;
use crate::authenticate::Via;
use crate::domain::Domain;

/// The names that a certificate may carry under DANE-TA (D13).
///
/// `host` is the name in the MX record, or the next hop itself.
pub(crate) fn reference_names<'a>(
    via: Via,
    base: &'a Domain,
    host: Option<&'a Domain>,
    next_hop: Option<&'a Domain>,
    expanded: Option<&'a Domain>,
) -> Vec<&'a Domain> {
    match via {
        Via::SecureMx => [Some(base), next_hop, expanded]
            .into_iter()
            .flatten()
            .collect(),
        // RFC 7672 section 3.2.2: with insecure MX records the MX hostname is the only one.
        Via::InsecureMx => vec![host.unwrap_or(base)],
        // A base that is not the host is the secure expansion of it.
        Via::NoMx => [Some(base), host].into_iter().flatten().collect(),
    }
}

/// Whether the certificate is for one of the names (D14).
///
/// `allow_cn` is false when a certificate above constrains names: that check covers DNS-IDs only,
/// so a common name would escape it.
pub(crate) fn is_for(leaf: &Certificate<'_>, names: &[&Domain], allow_cn: bool) -> bool {
    let is_one = |id: &[u8]| names.iter().any(|name| matches(id, name));
    let mut ids = leaf.dns_ids().peekable();
    if ids.peek().is_some() {
        return ids.any(is_one);
    }
    allow_cn && leaf.cn_id().is_some_and(is_one)
}

/// A wildcard is a whole first label and stands for one label (D14). A certificate's name has no
/// final dot (RFC 5280 section 4.2.1.6).
fn matches(id: &[u8], name: &Domain) -> bool {
    match id.strip_prefix(b"*.") {
        Some(rest) => name
            .parent()
            .is_some_and(|parent| parent.as_bytes().eq_ignore_ascii_case(rest)),
        None => name.as_str().as_bytes().eq_ignore_ascii_case(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        #[rustfmt::skip]
        let rows = [
            ("D14 exact", "mx.example.com", "mx.example.com", true),
            ("D14 any case", "MX.Example.COM", "mx.example.com", true),
            ("VD10 one label", "*.example.com", "mx.example.com", true),
            ("D14 two labels", "*.example.com", "a.mx.example.com", false),
            ("D14 no label", "*.example.com", "example.com", false),
            ("D14 part of a label", "m*.example.com", "mx.example.com", false),
            ("D14 wildcard inside", "a.*.example.com", "a.b.example.com", false),
            ("D14 lone star", "*", "localhost", false),
            ("D14 a suffix is no match", "example.com", "mx.example.com", false),
            ("D14 final dot", "mx.example.com.", "mx.example.com", false),
            ("D14 final dot, wildcard", "*.example.com.", "mx.example.com", false),
            ("D14 NUL", "mx.example.com\0.evil.test", "mx.example.com", false),
            ("D14 empty", "", "mx.example.com", false),
        ];
        for (label, id, name, expected) in rows {
            let name = Domain::parse(name.as_bytes()).unwrap();
            assert_eq!(matches(id.as_bytes(), &name), expected, "{label}");
        }
    }

    #[test]
    fn names() {
        let domain = |name: &str| Domain::parse(name.as_bytes()).unwrap();
        let (base, host) = (domain("base.test"), domain("mx.test"));
        let (hop, expanded) = (domain("hop.test"), domain("expanded.test"));
        let rows: &[(&str, Via, &[&Domain])] = &[
            ("D13 secure MX", Via::SecureMx, &[&base, &hop, &expanded]),
            ("D13 insecure MX", Via::InsecureMx, &[&host]),
            ("D13 no MX", Via::NoMx, &[&base, &host]),
        ];
        for (label, via, expected) in rows {
            let found = reference_names(*via, &base, Some(&host), Some(&hop), Some(&expanded));
            assert_eq!(found, *expected, "{label}");
        }
    }
}
