//! What does a decision case say, and what did core decide?
//!
//! A case describes one message, one next hop and everything its hosts would show, in JSON.
//! `explain` reads cases; each is turned into facts and a script of what the connections show, and
//! driven through the same [`Delivery`] that the C API drives. A field left out has the default;
//! an unknown field or word is an error that names it.
//!
//! The other way round, a [`Delivery`] that was told to record is written as a case, which decides
//! the same ([`Case::of_verdict`], [`Case::of_message`], [`Case::line`]).

mod further;
mod script;
mod shown_words;
mod tag_word;
mod words;
mod world;
mod written;

pub use further::{Further, FurtherAnswer, NextHopWord};
pub use shown_words::{
    EndWord, MailWord, OfferWord, ProofWord, SecondEhloWord, StarttlsWord, TcpWord, VersionWord,
    WorkedWord,
};
pub use tag_word::TagWord;
pub use words::{
    AddressWord, CnameWord, DialectWord, DiscoveryWord, HopWord, KnobWord, LevelWord, MethodWord,
    RecordWord, RouteWord, SecurityWord, StsWord,
};

use crate::delivery::Delivery;
use serde::{Deserialize, Serialize};

/// One decision case.
// The format has its yes-or-no fields as it has them.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Case {
    /// The tag, in P2's words, or the text of one that merging has made.
    pub tag: TagWord,
    /// The draft's DNSSEC option on an F tag.
    pub dnssec: bool,
    /// Whether the return path is empty.
    pub null_path: bool,
    /// The hop mode (P12).
    pub hop: HopWord,
    /// The site's floor (P8).
    pub floor: LevelWord,
    /// The site's methods (P8).
    pub methods: Vec<MethodWord>,
    /// D22.
    pub discovery: DiscoveryWord,
    /// F12.
    pub peer_dialect: DialectWord,
    /// How the hosts were found (P2a).
    #[serde(rename = "M")]
    pub route: RouteWord,
    /// The status of the denial or null MX, for N, Z and X.
    pub msec: SecurityWord,
    /// The domain's MTA-STS state (P2c).
    pub sts: StsWord,
    /// Whether that policy was checked in the last minutes (S20).
    pub sts_checked: bool,
    /// In the order to try.
    pub hosts: Vec<CaseHost>,
    /// Further messages, for which the connection that got this one stands open (P9).
    pub then: Vec<Further>,
    /// AUTH credentials will be sent.
    pub auth_credentials: bool,
    /// Whether the tag can be read.
    pub tag_readable: bool,
    /// Whether the site's rule can be read.
    pub rule_readable: bool,
    /// P13.
    pub null_path_floor: NullPathFloor,
    /// P13.
    pub insecure_mx_dane: KnobWord,
}

/// One host of a case.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseHost {
    /// The TLSA records (P2b).
    #[serde(rename = "D")]
    pub records: RecordWord,
    /// Whether the host fits the policy's mx.
    #[serde(rename = "match")]
    pub matches: bool,
    /// Whether it has addresses.
    pub addr: AddressWord,
    /// A CNAME at the host name.
    pub cname: CnameWord,
    /// Its addresses in the order tried.
    pub addrs: Vec<CaseAddress>,
    /// A host of the server's own list, which the lookup did not find.
    pub stranger: bool,
    /// Not tried, though it may have to be.
    pub untried: bool,
}

/// What the connection to one address shows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CaseAddress {
    /// TCP and greeting.
    pub tcp: TcpWord,
    /// The answer to STARTTLS, or whether it is offered.
    pub starttls: StarttlsWord,
    /// The handshake.
    pub hs: WorkedWord,
    /// The version negotiated.
    pub tls: VersionWord,
    /// EHLO inside TLS.
    pub ehlo2: SecondEhloWord,
    /// Whether the chain was handed over.
    pub chain: bool,
    /// The methods that would hold on this connection.
    pub auth: Vec<ProofWord>,
    /// The methods that cannot be judged now (row 12a); without a chain they are all.
    pub undecided: Vec<ProofWord>,
    /// Keywords of the EHLO that precedes MAIL.
    pub offers: Vec<OfferWord>,
    /// Whether that EHLO offers DSN.
    pub dsn: bool,
    /// The reply to MAIL.
    pub mail: MailWord,
    /// How it ended, where the rest does not say so.
    pub end: EndWord,
}

/// The null path's floor; the default differs from the site floor's.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NullPathFloor {
    /// Any TLS 1.2 or later.
    #[default]
    Encrypt,
    /// Nothing.
    May,
    /// The tag's own row.
    Secure,
}

/// What core decided.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Answer {
    /// go, defer or bounce.
    pub action: &'static str,
    /// The address that got the message.
    pub addr: Option<usize>,
    /// The verdict's code; empty on go.
    pub code: String,
    /// The verdict's enhanced code; empty on go.
    pub enhanced: String,
    /// The host that got the message.
    pub host: Option<usize>,
    /// The effective level; empty unless go.
    pub level: &'static str,
    /// The row of P6 that decided; empty on go.
    pub row: &'static str,
    /// The parameter sent, else `RET=HDRS` where P4 wants it, else empty.
    pub sends: String,
    /// Whether the message went over TLS.
    pub tls: Option<bool>,
    /// Who imposed it.
    pub who: &'static str,
    /// What a requiring tag would have asked by itself and did not get (P12).
    pub unmet: Vec<&'static str>,
    /// In words.
    pub sentence: String,
    /// What becomes of the further messages.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<FurtherAnswer>,
}

impl Case {
    /// Reads one line: a case, or an object that holds it under `case`; `expect` is not read.
    ///
    /// # Errors
    /// A sentence that names the field or word.
    pub fn parse(line: &str) -> Result<Self, String> {
        let mut value: serde_json::Value =
            serde_json::from_str(line).map_err(|e| format!("not JSON: {e}"))?;
        if let Some(object) = value.as_object_mut() {
            if let Some(case) = object.remove("case") {
                object.remove("expect");
                if let Some(unknown) = object.keys().next() {
                    return Err(format!("unknown field `{unknown}` beside `case`"));
                }
                value = case;
            }
        } else {
            return Err("a case is a JSON object".to_owned());
        }
        serde_path_to_error::deserialize(value).map_err(|e| {
            let path = e.path().to_string();
            if path == "." {
                e.inner().to_string()
            } else {
                format!("{path}: {}", e.inner())
            }
        })
    }

    /// What core decides.
    #[must_use]
    pub fn decide(&self) -> Answer {
        let (delivery, mut answer) = self.deliver();
        answer.then = further::run(self, &delivery, &answer);
        answer
    }

    /// What core decides about the message itself, and the delivery at its end.
    #[must_use]
    pub fn deliver(&self) -> (Delivery, Answer) {
        let mut delivery = Delivery::new(self.plan()).recording();
        let answer = script::run(self, &mut delivery);
        (delivery, answer)
    }
}

impl Default for Case {
    fn default() -> Self {
        Self {
            tag: TagWord::None,
            dnssec: false,
            null_path: false,
            hop: HopWord::Enforce,
            floor: LevelWord::May,
            methods: Vec::new(),
            discovery: DiscoveryWord::On,
            peer_dialect: DialectWord::Rfc8689,
            route: RouteWord::S,
            msec: SecurityWord::Sec,
            sts: StsWord::None,
            sts_checked: true,
            hosts: vec![CaseHost::default()],
            then: Vec::new(),
            auth_credentials: false,
            tag_readable: true,
            rule_readable: true,
            null_path_floor: NullPathFloor::Encrypt,
            insecure_mx_dane: KnobWord::Dane,
        }
    }
}

impl Default for CaseHost {
    fn default() -> Self {
        Self {
            records: RecordWord::None,
            matches: true,
            addr: AddressWord::Ok,
            cname: CnameWord::No,
            addrs: vec![CaseAddress::default()],
            stranger: false,
            untried: false,
        }
    }
}

impl Default for CaseAddress {
    fn default() -> Self {
        Self {
            tcp: TcpWord::Ok,
            starttls: StarttlsWord::Yes,
            hs: WorkedWord::Ok,
            tls: VersionWord::V13,
            ehlo2: SecondEhloWord::Ok,
            chain: true,
            auth: Vec::new(),
            undecided: Vec::new(),
            offers: Vec::new(),
            dsn: true,
            mail: MailWord::Ok,
            end: EndWord::Ok,
        }
    }
}
