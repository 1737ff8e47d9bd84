//! What does the peer offer, and what do we?
//!
//! Both sides of EHLO: the keyword lines that a server adds to its own reply, what a peer's reply
//! offers, and how a requirement is said to that peer (P4's last column, F12, L13). A reply is read
//! leniently, because a keyword that is missed only costs a delivery. Whether it may be acted on is
//! for [`crate::decision`] to say: only the reply inside TLS counts (R22).

use crate::mail_param::Dialects;
use crate::requirement::{Downgrade, Proof, Requirement, Requiring};
use crate::site_policy::PeerDialect;
use crate::tls_level::TlsLevel;

mod lost;

pub use lost::{Lost, lost};

/// No reply to EHLO is longer, in octets; a longer one counts as broken off.
pub const MAX_REPLY: usize = 65_536;

/// The lines to add to the reply to EHLO or LHLO, without `250-`.
///
/// Inside TLS only (R5, L7), and only where the server keeps the promise that a keyword is (R10).
pub fn keywords(
    dialects: Dialects,
    advertise: bool,
    tls: bool,
) -> impl Iterator<Item = &'static str> {
    let open = advertise && tls;
    let requiretls = (open && dialects.reads_requiretls()).then_some("REQUIRETLS");
    let tls_policy = (open && dialects.tls_level).then_some("TLSPOLICY MAY ENCRYPT SECURE");
    requiretls.into_iter().chain(tls_policy)
}

/// A peer's reply to EHLO or LHLO.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EhloReply {
    /// What kind of reply it is.
    pub class: ReplyClass,
    /// Whether STARTTLS is offered.
    pub starttls: bool,
    /// What else is offered; nothing unless the class is [`ReplyClass::Ok`].
    pub offer: Offer,
}

/// The kind of a reply to EHLO.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ReplyClass {
    /// 2yz.
    Ok,
    /// The text is empty: EHLO was refused and HELO worked.
    HeloOnly,
    /// 4yz, or no reply that RFC 5321 knows: may heal (row 8).
    Transient,
    /// 5yz.
    Permanent,
}

/// What a peer offers besides STARTTLS, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Offer {
    /// REQUIRETLS (RFC 8689); its arguments are ignored (R1).
    pub requiretls: bool,
    /// The values behind TLSPOLICY (L7).
    pub tls_policy: TlsPolicy,
    /// DSN (RFC 3461): the peer takes RET.
    pub dsn: bool,
}

/// The values that a TLSPOLICY line lists.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct TlsPolicy {
    /// MAY.
    pub may: bool,
    /// ENCRYPT.
    pub encrypt: bool,
    /// SECURE.
    pub secure: bool,
}

impl EhloReply {
    /// Reads all lines of a reply, with or without `250-`, ending with CRLF or LF, keywords in any
    /// case. The first line is the greeting, whatever it says.
    #[must_use]
    pub fn parse(reply: &[u8]) -> Self {
        if reply.len() > MAX_REPLY {
            return Self::without_offer(ReplyClass::Transient);
        }
        let lines = reply
            .split(|&b| b == b'\n')
            .map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let mut lines = lines.skip_while(|line| line.trim_ascii().is_empty());
        let Some(greeting) = lines.next() else {
            return Self::without_offer(ReplyClass::HeloOnly);
        };
        let (class, _) = split_code(greeting);
        let class = class.unwrap_or(ReplyClass::Ok);
        let mut read = Self::without_offer(class);
        for line in lines {
            let (own, text) = split_code(line);
            if own.is_some_and(|own| own != class) {
                return Self::without_offer(ReplyClass::Transient);
            }
            if class == ReplyClass::Ok {
                read.take(text);
            }
        }
        read
    }

    fn without_offer(class: ReplyClass) -> Self {
        Self {
            class,
            starttls: false,
            offer: Offer::default(),
        }
    }

    fn take(&mut self, text: &[u8]) {
        let mut words = text
            .split(|b| matches!(b, b' ' | b'\t'))
            .filter(|word| !word.is_empty());
        let Some(keyword) = words.next() else {
            return;
        };
        if keyword.eq_ignore_ascii_case(b"STARTTLS") {
            self.starttls = true;
        } else if keyword.eq_ignore_ascii_case(b"REQUIRETLS") {
            self.offer.requiretls = true;
        } else if keyword.eq_ignore_ascii_case(b"DSN") {
            self.offer.dsn = true;
        } else if keyword.eq_ignore_ascii_case(b"TLSPOLICY") {
            let listed = &mut self.offer.tls_policy;
            for value in words {
                listed.may |= value.eq_ignore_ascii_case(b"MAY");
                listed.encrypt |= value.eq_ignore_ascii_case(b"ENCRYPT");
                listed.secure |= value.eq_ignore_ascii_case(b"SECURE");
            }
        }
    }
}

impl TlsPolicy {
    /// Whether the value for this level is listed.
    #[must_use]
    pub const fn lists(self, level: TlsLevel) -> bool {
        match level {
            TlsLevel::May => self.may,
            TlsLevel::Encrypt => self.encrypt,
            TlsLevel::Secure => self.secure,
        }
    }
}

/// How a requirement is said to a peer. Texts are ready to append to MAIL FROM, blank included.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encoding {
    /// The requirement wants REQUIRETLS, and this peer's dialect cannot say it (F12, row 13).
    Inexpressible {
        /// What goes instead where the mail goes anyway, logged as a downcast: hop mode encrypt or
        /// opportunistic, and an empty return path.
        fallback: &'static str,
    },
    /// Nothing is said.
    Nothing,
    /// A REQUIRETLS parameter.
    Requiretls {
        /// The parameter.
        text: &'static str,
        /// Whether it says less or more than was asked, which is logged (F12).
        downcast: bool,
    },
    /// A TLSPOLICY parameter, sent only to a peer that lists its value (L13).
    TlsPolicy {
        /// The parameter.
        text: &'static str,
        /// The value it has.
        value: TlsLevel,
    },
}

/// How a requirement is said to a peer of this dialect, whatever the peer offers.
#[must_use]
pub fn encode(requirement: Requirement, dialect: PeerDialect) -> Encoding {
    match requirement {
        // A header field travels in the message itself.
        Requirement::None | Requirement::Downgrade(Downgrade::HeaderField) => Encoding::Nothing,
        Requirement::Downgrade(Downgrade::Parameter) => tls_policy(TlsLevel::May),
        Requirement::Requiring(requiring) if !requiring.onward() => tls_policy(requiring.level()),
        Requirement::Requiring(requiring) => match dialect {
            PeerDialect::Rfc8689 => to_rfc8689(requiring),
            PeerDialect::Draft => to_draft(requiring),
        },
    }
}

/// The parameter for a peer with this offer: `None` where it offers nothing that could say it, or
/// nothing is to be said. An [`Encoding::Inexpressible`] gives its fallback; whether that may be
/// sent is the decision's business.
#[must_use]
pub fn parameters(encoding: Encoding, offer: Offer) -> Option<&'static str> {
    match encoding {
        Encoding::Nothing => None,
        Encoding::Inexpressible { fallback: text } | Encoding::Requiretls { text, .. } => {
            offer.requiretls.then_some(text)
        }
        Encoding::TlsPolicy { text, value } => offer.tls_policy.lists(value).then_some(text),
    }
}

const BARE: &str = " REQUIRETLS";

fn tls_policy(value: TlsLevel) -> Encoding {
    let text = match value {
        TlsLevel::May => " TLSPOLICY=MAY",
        TlsLevel::Encrypt => " TLSPOLICY=ENCRYPT",
        TlsLevel::Secure => " TLSPOLICY=SECURE",
    };
    Encoding::TlsPolicy { text, value }
}

/// A peer under RFC 8689 may use PKIX, or an MTA-STS policy in the place of DNSSEC: it cannot be
/// told DANE or DNSSEC. Whatever else asks for REQUIRETLS is covered by its level.
fn to_rfc8689(requiring: Requiring) -> Encoding {
    if requiring.dnssec() || matches!(requiring.proof(), Proof::Dane | Proof::Both) {
        return Encoding::Inexpressible { fallback: BARE };
    }
    Encoding::Requiretls {
        text: BARE,
        downcast: requiring != Requiring::R,
    }
}

/// To a peer of the draft the options are said. Level secure is said as CHAIN,DANE, since bare
/// REQUIRETLS means level encrypt there (F13); that the MX must be vouched for cannot be said.
fn to_draft(requiring: Requiring) -> Encoding {
    let secure = requiring.level() == TlsLevel::Secure;
    let dnssec = requiring.dnssec();
    let text = match (requiring.proof(), dnssec) {
        (Proof::Unnamed, false) if !secure => BARE,
        (Proof::Unnamed, true) if !secure => " REQUIRETLS=DNSSEC",
        (Proof::Unnamed | Proof::Either, false) => " REQUIRETLS=CHAIN,DANE",
        (Proof::Unnamed | Proof::Either, true) => " REQUIRETLS=CHAIN,DANE,DNSSEC",
        (Proof::Chain, false) => " REQUIRETLS=CHAIN",
        (Proof::Chain, true) => " REQUIRETLS=CHAIN,DNSSEC",
        (Proof::Dane, false) => " REQUIRETLS=DANE",
        (Proof::Dane, true) => " REQUIRETLS=DANE,DNSSEC",
        // CHAIN,DANE would say one of the two; DANE alone keeps the path vouched for.
        (Proof::Both, false) => {
            return Encoding::Inexpressible {
                fallback: " REQUIRETLS=DANE",
            };
        }
        (Proof::Both, true) => {
            return Encoding::Inexpressible {
                fallback: " REQUIRETLS=DANE,DNSSEC",
            };
        }
    };
    Encoding::Requiretls {
        text,
        downcast: secure && !dnssec && requiring.proof() != Proof::Dane,
    }
}

/// The class and the text of a line that begins with a reply code; a line without one is all text.
fn split_code(line: &[u8]) -> (Option<ReplyClass>, &[u8]) {
    match line {
        [c @ b'2'..=b'5', b'0'..=b'9', b'0'..=b'9', rest @ ..] => {
            let class = match c {
                b'2' => ReplyClass::Ok,
                b'5' => ReplyClass::Permanent,
                _ => ReplyClass::Transient,
            };
            match rest {
                [] => (Some(class), rest),
                [b' ' | b'-' | b'\t', text @ ..] => (Some(class), text),
                _ => (None, line),
            }
        }
        _ => (None, line),
    }
}

#[cfg(test)]
mod tests;
