//! What has an open connection proved?
//!
//! A connection outlives the message that opened it, and another message may ride on it only after
//! its own plan has judged it anew (P9). The session text carries what was proved from one plan to
//! the other, perhaps into another process: digests instead of names, so that it fits an argument
//! or an environment variable. Whoever can write it can vouch for a connection; it deserves the
//! trust of the server's own memory.

use crate::authenticate::{CertUndecided, Evidence, Method, Outcome};
use crate::connection::Connection;
use crate::dane::{DANE_TA, TlsaRecord};
use crate::decision::Row;
use crate::ehlo::{Offer, TlsPolicy};
use crate::facts::Tlsa;
use crate::negotiated::Negotiated;
use crate::next_hop::Host;
use crate::plan::{Candidate, Plan};
use ring::digest::{SHA256, digest};
use std::fmt;

/// What one connection has proved.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    host: Digest,
    next_hop: Digest,
    tls: Option<Negotiated>,
    clear: Option<Row>,
    offer: Offer,
    dane: Option<Digest>,
    pkix_host: bool,
    pkix_next_hop: bool,
    site_pkix: Option<Digest>,
    leaf_key: Option<[u8; 32]>,
    expires: Option<u64>,
}

type Digest = [u8; 16];

/// In the place of the time at which it expires.
const NEVER: &str = "never";

impl Session {
    /// From what a connection made for this plan has shown.
    pub(crate) fn of(plan: &Plan, candidate: &Candidate, seen: &Connection) -> Self {
        let holds = |method| {
            seen.evidence
                .as_ref()
                .is_some_and(|e| e.outcome(method) == Outcome::Holds)
        };
        Self {
            host: named(&candidate.host.to_string()),
            next_hop: named(&plan.next_hop().to_string()),
            tls: seen.tls,
            clear: seen.clear,
            offer: seen.offer.unwrap_or_default(),
            dane: tlsa_digest(plan, &candidate.host).filter(|_| holds(Method::Dane)),
            pkix_host: holds(Method::PkixHost),
            pkix_next_hop: holds(Method::PkixNextHop),
            site_pkix: site_digest(plan).filter(|_| holds(Method::SitePkix)),
            leaf_key: seen.evidence.as_ref().and_then(Evidence::leaf_key),
            // What was carried over from an earlier session lives no longer than there.
            expires: [plan.facts().expires, seen.until]
                .into_iter()
                .flatten()
                .min(),
        }
    }

    /// The connection as another plan sees it: what was proved there counts here only where it was
    /// proved about the same names and records. `None`: it is not to be used at all.
    pub(crate) fn connection(
        &self,
        plan: &Plan,
        candidate: &Candidate,
        now: u64,
    ) -> Option<Connection> {
        let expired = self.expires.is_some_and(|expires| expires <= now);
        if expired || self.host != named(&candidate.host.to_string()) {
            return None;
        }
        let same_next_hop = self.next_hop == named(&plan.next_hop().to_string());
        // P9: across next-hop domains only where the evidence names the host.
        if !same_next_hop && !self.pkix_host && self.dane.is_none() {
            return None;
        }
        let proved = |method| match method {
            Method::Dane => self.dane.is_some() && self.dane == tlsa_digest(plan, &candidate.host),
            Method::PkixHost => self.pkix_host,
            Method::PkixNextHop => self.pkix_next_hop && same_next_hop,
            Method::SitePkix => self.site_pkix.is_some() && self.site_pkix == site_digest(plan),
            Method::SitePin => self
                .leaf_key
                .is_some_and(|key| plan.rule().methods.pins.contains(&key)),
        };
        let evidence = Evidence::new(|method| {
            if proved(method) {
                Outcome::Holds
            } else {
                Outcome::Undecided(CertUndecided::NotSupplied)
            }
        })
        .with_leaf_key(self.leaf_key);
        Some(Connection {
            tls: self.tls,
            evidence: self.tls.map(|_| evidence),
            clear: self.clear,
            offer: Some(self.offer),
            without_parameter: false,
            until: self.expires,
        })
    }

    /// Reads a session text.
    ///
    /// # Errors
    /// [`SessionError`]: it is none, or one of another version.
    pub fn parse(text: &str) -> Result<Self, SessionError> {
        let mut fields = text.split('.');
        let mut field = || fields.next().ok_or(SessionError);
        if field()? != "1" {
            return Err(SessionError);
        }
        let host = digest_from(field()?)?;
        let next_hop = digest_from(field()?)?;
        let flags = field()?;
        let dane = optional(field()?, digest_from)?;
        let site_pkix = optional(field()?, digest_from)?;
        let leaf_key = optional(field()?, bytes_from::<32>)?;
        // A text that was cut off must not last for ever.
        let expires = match field()? {
            NEVER => None,
            text => Some(seconds_from(text)?),
        };
        if fields.next().is_some() || !flags.bytes().all(|b| b"tm3xnsrhHNdaeS".contains(&b)) {
            return Err(SessionError);
        }
        let has = |flag: char| flags.contains(flag);
        let clear = match (has('n'), has('s'), has('h'), has('x')) {
            (true, false, false, false) => Some(Row::NoStarttls),
            (false, true, false, false) => Some(Row::StarttlsRefused),
            (false, false, true, false) => Some(Row::Handshake),
            (false, false, false, true) => Some(Row::TlsLost),
            (false, false, false, false) => None,
            _ => return Err(SessionError),
        };
        let tls = match (has('t'), has('m'), has('3')) {
            (true, true, true) => Some(Negotiated::Tls13),
            (true, true, false) => Some(Negotiated::Tls12),
            (true, false, false) => Some(Negotiated::Weak),
            (false, false, false) => None,
            _ => return Err(SessionError),
        };
        let proves = dane.is_some() || site_pkix.is_some() || leaf_key.is_some();
        let proves = proves || has('H') || has('N');
        // Nothing is proved in clear.
        if tls.is_some() == clear.is_some() || (proves && tls.is_none()) {
            return Err(SessionError);
        }
        Ok(Self {
            host,
            next_hop,
            tls,
            clear,
            offer: Offer {
                requiretls: has('r'),
                tls_policy: TlsPolicy {
                    may: has('a'),
                    encrypt: has('e'),
                    secure: has('S'),
                },
                dsn: has('d'),
            },
            dane,
            pkix_host: has('H'),
            pkix_next_hop: has('N'),
            site_pkix,
            leaf_key,
            expires,
        })
    }
}

impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags: String = [
            (self.tls.is_some(), 't'),
            (self.tls.is_some_and(Negotiated::is_modern), 'm'),
            (self.tls == Some(Negotiated::Tls13), '3'),
            (self.clear == Some(Row::NoStarttls), 'n'),
            (self.clear == Some(Row::StarttlsRefused), 's'),
            (self.clear == Some(Row::Handshake), 'h'),
            (self.clear == Some(Row::TlsLost), 'x'),
            (self.offer.requiretls, 'r'),
            (self.offer.tls_policy.may, 'a'),
            (self.offer.tls_policy.encrypt, 'e'),
            (self.offer.tls_policy.secure, 'S'),
            (self.offer.dsn, 'd'),
            (self.pkix_host, 'H'),
            (self.pkix_next_hop, 'N'),
        ]
        .into_iter()
        .filter_map(|(set, flag)| set.then_some(flag))
        .collect();
        write!(f, "1.{}.{}.{flags}.", hex(&self.host), hex(&self.next_hop))?;
        write!(f, "{}.", self.dane.map_or_else(String::new, |d| hex(&d)))?;
        write!(
            f,
            "{}.",
            self.site_pkix.map_or_else(String::new, |d| hex(&d))
        )?;
        write!(
            f,
            "{}.",
            self.leaf_key.map_or_else(String::new, |d| hex(&d))
        )?;
        write!(
            f,
            "{}",
            self.expires
                .map_or_else(|| NEVER.to_owned(), |e| e.to_string())
        )
    }
}

/// A text that is no session text of this version.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SessionError;

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a session text of this version")
    }
}

impl std::error::Error for SessionError {}

fn named(name: &str) -> Digest {
    short(name.as_bytes())
}

fn short(bytes: &[u8]) -> Digest {
    let mut out = Digest::default();
    let full = digest(&SHA256, bytes);
    for (to, from) in out.iter_mut().zip(full.as_ref()) {
        *to = *from;
    }
    out
}

/// The TLSA records that the plan has for a host, base domain included. DANE-TA proves one of the
/// names that go with the way to the host, so it counts only where they are the same (D13).
fn tlsa_digest(plan: &Plan, host: &Host) -> Option<Digest> {
    let facts = plan
        .facts()
        .hosts
        .iter()
        .find(|facts| facts.host == *host)?;
    let Tlsa::Found { base, records } = &facts.tlsa else {
        return None;
    };
    let mut lines: Vec<String> = records
        .iter()
        .map(|r| format!("{} {} {} {}", r.usage, r.selector, r.matching, hex(&r.data)))
        .collect();
    lines.sort_unstable();
    let names_count = |r: &TlsaRecord| r.usage == DANE_TA && r.usability().is_ok();
    if records.iter().any(names_count) {
        let names = plan.dane_names(host, base);
        lines.extend(names.into_iter().map(ToString::to_string));
    }
    Some(named(&format!("{base}\n{}", lines.join("\n"))))
}

/// The site's names and certificate authority for the next hop.
fn site_digest(plan: &Plan) -> Option<Digest> {
    let methods = &plan.rule().methods;
    if methods.pkix_names.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    for name in &methods.pkix_names {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.push(b'\n');
    }
    for certificate in &methods.ca {
        bytes.extend_from_slice(digest(&SHA256, certificate).as_ref());
    }
    Some(short(&bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            for nibble in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(nibble.into(), 16));
            }
            text
        })
}

fn optional<T>(
    text: &str,
    read: impl Fn(&str) -> Result<T, SessionError>,
) -> Result<Option<T>, SessionError> {
    if text.is_empty() {
        Ok(None)
    } else {
        read(text).map(Some)
    }
}

fn seconds_from(text: &str) -> Result<u64, SessionError> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(SessionError)
}

fn digest_from(text: &str) -> Result<Digest, SessionError> {
    bytes_from(text)
}

fn bytes_from<const N: usize>(text: &str) -> Result<[u8; N], SessionError> {
    let mut out = [0; N];
    // from_str_radix would take a sign.
    if text.len() != 2 * N || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(SessionError);
    }
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| SessionError)?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| SessionError)?;
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::Session;

    /// A text that is none, or another version's, is never read as a weaker or stronger one.
    #[test]
    fn p9_unreadable_session_texts() {
        let h = "0123456789abcdef0123456789abcdef";
        let good = format!("1.{h}.{h}.tmrdH....99");
        assert!(Session::parse(&good).is_ok(), "{good}");
        let rows = [
            ("empty", String::new()),
            ("another version", good.replacen("1.", "2.", 1)),
            ("cut off", format!("1.{h}.{h}.tm")),
            ("more fields", format!("{good}.1")),
            ("unknown flag", format!("1.{h}.{h}.tmZ....99")),
            ("neither TLS nor clear", format!("1.{h}.{h}.r....99")),
            ("1.3 that is not modern", format!("1.{h}.{h}.t3....99")),
            ("modern without TLS", format!("1.{h}.{h}.mn....99")),
            ("1.3 without TLS", format!("1.{h}.{h}.3n....99")),
            ("both TLS and clear", format!("1.{h}.{h}.tmn....99")),
            ("two reasons to be in clear", format!("1.{h}.{h}.ns....99")),
            ("a proof in clear", format!("1.{h}.{h}.nH....99")),
            ("a record proved in clear", format!("1.{h}.{h}.n.{h}...99")),
            ("short digest", format!("1.{}.{h}.tm....99", &h[1..])),
            ("not hex", format!("1.{}.{h}.tm....99", h.replace('0', "g"))),
            ("a sign in hex", format!("1.+1{}.{h}.tm....99", &h[2..])),
            (
                "cut off before the time",
                good.trim_end_matches("99").to_owned(),
            ),
            ("bad time", format!("1.{h}.{h}.tm....-1")),
            ("a sign in the time", format!("1.{h}.{h}.tm....+1")),
            (
                "not ASCII",
                format!("1.{}.{h}.tm....99", "\u{e9}".repeat(16)),
            ),
        ];
        for (label, text) in rows {
            assert!(Session::parse(&text).is_err(), "{label}: {text}");
        }
    }
}
