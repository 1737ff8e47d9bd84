//! Where does each recipient's mail go?
//!
//! By the listener's route, else by the recipient's domain.

use crate::carrier::Request;
use crate::path::Path;
use requiretls_core::next_hop::NextHop;
use requiretls_core::reply::{Enhanced, Reply};
use std::collections::HashMap;

/// Those of a message's recipients, by their places in the envelope, that go to one next hop.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) next_hop: NextHop,
    pub(crate) recipients: Vec<usize>,
}

/// Which recipients go where, in the order of the first of each; those that go nowhere are answered.
pub(crate) fn ways(request: &Request<'_>, replies: &mut [Option<Reply>]) -> Vec<Way> {
    let mut ways: Vec<Way> = Vec::new();
    let mut places: HashMap<NextHop, usize> = HashMap::new();
    let recipients = &request.envelope.recipients;
    for ((index, recipient), reply) in recipients.iter().enumerate().zip(replies) {
        let next_hop = match request.route {
            Some(route) => Ok(route.clone()),
            None => next_hop_of(&recipient.path),
        };
        match next_hop {
            Err(refusal) => *reply = Some(refusal),
            Ok(next_hop) => {
                let place = *places.entry(next_hop.clone()).or_insert(ways.len());
                match ways.get_mut(place) {
                    Some(way) => way.recipients.push(index),
                    None => ways.push(Way {
                        next_hop,
                        recipients: vec![index],
                    }),
                }
            }
        }
    }
    ways
}

/// A domain or a literal out of an address is no routing of the site: it names no unix socket, and
/// nothing on this machine, for which P12 has a weaker preset.
fn next_hop_of(path: &Path) -> Result<NextHop, Reply> {
    let refused = |detail, text: &str| {
        let text = format!("{}: {text}", path.as_str());
        Err(Reply::new(550, Enhanced(5, 1, detail), text))
    };
    let Some(domain) = path.domain() else {
        return refused(3, "an address without a domain");
    };
    match NextHop::parse(domain) {
        Ok(NextHop::Domain(domain)) => Ok(NextHop::Domain(domain)),
        Ok(next_hop @ NextHop::Literal(address)) if domain.starts_with('[') => {
            if next_hop.is_local_endpoint() || address.to_canonical().is_unspecified() {
                return refused(2, "the address is this machine's own");
            }
            Ok(next_hop)
        }
        Ok(NextHop::Literal(_) | NextHop::Socket(_)) | Err(_) => {
            refused(3, "its domain is no domain")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::next_hop_of;
    use crate::path::Path;

    #[test]
    fn where_an_address_leads() {
        for (label, address, expected) in [
            ("domain", "a@D.test", "d.test"),
            ("U-labels", "a@b\u{fc}cher.test", "xn--bcher-kva.test"),
            ("literal", "a@[192.0.2.1]", "[192.0.2.1]"),
            ("IPv6", "a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
            ("none", "postmaster", "550 5.1.3"),
            ("not a domain", "a@b..test", "550 5.1.3"),
            ("no brackets", "a@192.0.2.1", "550 5.1.3"),
            ("P12: no socket", "a@unix:/run/x", "550 5.1.3"),
            ("P12: not this machine", "a@[127.1.2.3]", "550 5.1.2"),
            ("the same", "a@[IPv6:::1]", "550 5.1.2"),
            ("the same, mapped", "a@[IPv6:::ffff:127.0.0.1]", "550 5.1.2"),
            ("this host", "a@[0.0.0.0]", "550 5.1.2"),
        ] {
            let path = Path::parse(address).unwrap();
            let found = next_hop_of(&path).map(|n| n.to_string());
            let found = found.unwrap_or_else(|r| format!("{} {}", r.code, r.enhanced));
            assert_eq!(found, expected, "{label}");
        }
    }
}
