//! What may a session text open, by a reading of its fields?
//!
//! The input is a session text. It is held against plans for several messages; where a plan takes
//! the connection, the fields must say all that the message asks. And since a text may be cut
//! short or lose a letter on its way, nothing that is left of it may open more than all of it.

use requiretls_core::authenticate::{CertFailure, Evidence, Method, Outcome};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::session::Session;
use requiretls_core::site_policy::{Methods, Rule};
use requiretls_core::tag;
use requiretls_core::tls_level::TlsLevel;
use std::sync::OnceLock;

const HOST: &str = "mx1.test";
const NOW: u64 = 1_000;

/// A session text.
pub fn check(data: &[u8]) {
    genuine();
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let whole = Judged::of(text);
    if whole.taken.is_empty() {
        return; // no session text: what is left of it may be one
    }
    for (at, _) in text.char_indices().take(300) {
        whole.is_not_less_than(&text[..at]);
        let mut rest = text[at..].chars();
        rest.next();
        whole.is_not_less_than(&format!("{}{}", &text[..at], rest.as_str()));
    }
}

/// One message: what it asks, for which next hop, and whether there are TLSA records.
#[derive(Clone, Copy, Debug)]
struct Asks {
    next_hop: &'static str,
    tag: &'static str,
    dane: bool,
    site: SiteAsks,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SiteAsks {
    Nothing,
    Pin,
    Pkix,
}

const fn asks(next_hop: &'static str, tag: &'static str, dane: bool, site: SiteAsks) -> Asks {
    Asks {
        next_hop,
        tag,
        dane,
        site,
    }
}

const MESSAGES: [Asks; 11] = [
    asks("d.test", "", false, SiteAsks::Nothing),
    asks("d.test", "1.secure.onward", false, SiteAsks::Nothing),
    asks("e.test", "1.secure.onward", false, SiteAsks::Nothing),
    asks("e.test", "", false, SiteAsks::Nothing),
    asks("d.test", "1.encrypt", false, SiteAsks::Nothing),
    asks("d.test", "1.secure", false, SiteAsks::Nothing),
    asks("d.test", "", true, SiteAsks::Nothing),
    asks("e.test", "1.secure.onward", true, SiteAsks::Nothing),
    asks("d.test", "", false, SiteAsks::Pin),
    asks("e.test", "", false, SiteAsks::Pin),
    asks("d.test", "", false, SiteAsks::Pkix),
];

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

impl Asks {
    fn plan(self) -> Plan {
        let record = TlsaRecord {
            usage: 3,
            selector: 1,
            matching: 1,
            data: vec![7; 32],
        };
        let tlsa = if self.dane {
            Tlsa::Found {
                base: domain(HOST),
                records: vec![record],
            }
        } else {
            Tlsa::None
        };
        let facts = Facts {
            route: Route::Mx(Security::Secure),
            expanded: None,
            hosts: vec![HostFacts {
                host: Host::Name(domain(HOST)),
                addresses: Addresses::Found(Vec::new()),
                cname: None,
                tlsa,
            }],
            sts: Sts::None,
            expires: None,
        };
        let message = Message {
            requirement: tag::parse(self.tag).unwrap(),
            ..Message::default()
        };
        let mut rule = Rule::default();
        if self.site != SiteAsks::Nothing {
            rule.floor = TlsLevel::Secure;
        }
        rule.methods = match self.site {
            SiteAsks::Nothing => Methods::default(),
            SiteAsks::Pin => Methods {
                pins: vec![[1; 32]],
                ..Methods::default()
            },
            SiteAsks::Pkix => Methods {
                pkix_names: vec![domain("site.test")],
                ..Methods::default()
            },
        };
        let next_hop = NextHop::parse(self.next_hop).unwrap();
        Plan::new(next_hop, message, rule, Settings::default(), facts)
    }

    /// Whether the fields say everything (P9).
    fn may_use(self, fields: &Fields, host: &str) -> bool {
        let known = known();
        let has = |flag| fields.flags.contains(flag);
        let same_hop = fields.next_hop == known.next_hop(self.next_hop);
        let modern = has('t') && has('m');
        let dane = self.dane && fields.dane == known.dane;
        let pinned = fields.leaf_key == "01".repeat(32);
        let by_site_pkix = fields.site_pkix == known.site_pkix;
        let usable = host == HOST
            && fields.host == known.host
            && fields.expires.is_none_or(|end| end > NOW)
            && (same_hop || has('H') || !fields.dane.is_empty());
        let destination = !self.dane || (modern && dane);
        let site = match self.site {
            SiteAsks::Nothing => true,
            SiteAsks::Pin => modern && pinned,
            SiteAsks::Pkix => modern && by_site_pkix,
        };
        let authenticated = modern && if self.dane { dane } else { has('H') };
        let tag = match self.tag {
            "" => true,
            "1.encrypt" => modern,
            "1.secure" => authenticated || (modern && same_hop && has('N')),
            _ => authenticated && has('r'),
        };
        usable && destination && site && tag
    }
}

/// The fields of a text in the form in which they are compared.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Fields {
    host: String,
    next_hop: String,
    flags: String,
    dane: String,
    site_pkix: String,
    leaf_key: String,
    expires: Option<u64>,
}

impl Fields {
    fn of(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('.').collect();
        let [
            version,
            host,
            next_hop,
            flags,
            dane,
            site_pkix,
            leaf_key,
            expires,
        ] = parts.as_slice()
        else {
            return None;
        };
        let hex = |text: &str, length: usize| {
            text.len() == length && text.chars().all(|c| c.is_ascii_hexdigit())
        };
        let hex_or_none = |text: &str, length| text.is_empty() || hex(text, length);
        let has = |flag| flags.contains(flag);
        let in_clear = ['n', 's', 'h', 'x'].into_iter().filter(|f| has(*f)).count();
        let proves = [dane, site_pkix, leaf_key].iter().any(|f| !f.is_empty())
            || ['m', '3', 'H', 'N'].into_iter().any(has);
        let ends = match *expires {
            "never" => Some(None),
            digits if digits.chars().all(|c| c.is_ascii_digit()) => digits.parse().ok().map(Some),
            _ => None,
        };
        let holds = *version == "1"
            && hex(host, 32)
            && hex(next_hop, 32)
            && flags.chars().all(|c| "tm3nshxraeSdHN".contains(c))
            && hex_or_none(dane, 32)
            && hex_or_none(site_pkix, 32)
            && hex_or_none(leaf_key, 64)
            && usize::from(has('t')) + in_clear == 1
            && (has('t') || !proves)
            && (has('m') || !has('3'));
        let lower = |text: &str| text.to_ascii_lowercase();
        ends.filter(|_| holds).map(|expires| Self {
            host: lower(host),
            next_hop: lower(next_hop),
            flags: (*flags).to_owned(),
            dane: lower(dane),
            site_pkix: lower(site_pkix),
            leaf_key: lower(leaf_key),
            expires,
        })
    }
}

/// For each message and host, whether the connection is taken.
#[derive(Debug)]
struct Judged {
    text: String,
    taken: Vec<bool>,
}

impl Judged {
    fn of(text: &str) -> Self {
        let parsed = Session::parse(text).ok();
        let fields = Fields::of(text);
        assert_eq!(parsed.is_some(), fields.is_some(), "{text}");
        let mut taken = Vec::new();
        if let (Some(session), Some(fields)) = (&parsed, &fields) {
            let written = session.to_string();
            assert_eq!(Session::parse(&written).as_ref(), Ok(session), "{text}");
            assert!(!written.bytes().any(|b| !b.is_ascii_graphic() || b == b'%'));
            for (asks, delivery) in MESSAGES.iter().zip(deliveries()) {
                for host in [HOST, "mx2.test"] {
                    let mut delivery = delivery.clone();
                    let name = Host::Name(domain(host));
                    let action = delivery.resume(&name, session, NOW);
                    let stranger = host != HOST;
                    let goes = action == Action::Go;
                    assert!(goes || action == Action::NextHost);
                    if !stranger {
                        let may = asks.may_use(fields, host);
                        assert_eq!(goes, may, "{asks:?} at {host}: {text}");
                        assert_eq!(goes, delivery.mail_params(NOW).is_ok());
                    }
                    // Nothing vouches for a host that the plan has not, and the text is not of it.
                    assert!(!stranger || !goes || fields.host != known().host);
                    taken.push(goes);
                }
            }
        }
        Self {
            text: text.to_owned(),
            taken,
        }
    }

    fn is_not_less_than(&self, part: &str) {
        let less = Self::of(part);
        for (at, taken) in less.taken.iter().enumerate() {
            let before = self.taken.get(at).copied().unwrap_or(false);
            assert!(before || !taken, "{part} opens more than {}", self.text);
        }
    }
}

fn deliveries() -> &'static [Delivery] {
    static DELIVERIES: OnceLock<Vec<Delivery>> = OnceLock::new();
    DELIVERIES.get_or_init(|| MESSAGES.iter().map(|m| Delivery::new(m.plan())).collect())
}

/// The digests of what the messages are about, out of texts that core wrote.
struct Known {
    host: String,
    next_hops: [(&'static str, String); 2],
    dane: String,
    site_pkix: String,
}

impl Known {
    fn next_hop(&self, name: &str) -> &str {
        let found = self.next_hops.iter().find(|(own, _)| *own == name);
        &found.expect("a next hop of the messages").1
    }
}

fn known() -> &'static Known {
    static KNOWN: OnceLock<Known> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let fields = |message: usize| Fields::of(&made(MESSAGES[message])).unwrap();
        Known {
            host: fields(0).host,
            next_hops: [
                ("d.test", fields(0).next_hop),
                ("e.test", fields(3).next_hop),
            ],
            dane: fields(6).dane,
            site_pkix: fields(10).site_pkix,
        }
    })
}

/// The text of a connection on which all was shown.
pub(crate) fn made_texts() -> Vec<String> {
    MESSAGES.iter().map(|message| made(*message)).collect()
}

fn made(message: Asks) -> String {
    let mut delivery = Delivery::new(message.plan());
    let host = Host::Name(domain(HOST));
    let evidence = Evidence::new(|method| match (method, message.site) {
        (Method::SitePin, SiteAsks::Nothing | SiteAsks::Pkix)
        | (Method::SitePkix, SiteAsks::Nothing | SiteAsks::Pin) => {
            Outcome::Fails(CertFailure::NotApplicable)
        }
        _ => Outcome::Holds,
    })
    .with_leaf_key(Some([1; 32]));
    let ehlo = EhloReply::parse(b"250-mx1.test\r\n250-STARTTLS\r\n250 REQUIRETLS\r\n");
    assert_eq!(delivery.host(&host), Action::Go);
    assert_eq!(delivery.ehlo(&ehlo), Action::StartTls);
    assert_eq!(delivery.tls(Some("TLSv1.3"), Some("AES")), Action::Go);
    assert_eq!(delivery.peer(evidence), Action::Go);
    assert_eq!(delivery.ehlo(&ehlo), Action::Go);
    delivery.session().expect("a session").to_string()
}

/// What core has written reads as it was written, letter by letter.
fn genuine() {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(|| {
        for text in made_texts() {
            let session = Session::parse(&text).expect("a text of ours");
            assert_eq!(session.to_string(), text);
        }
    });
}
