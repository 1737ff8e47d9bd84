//! What is measured, by time and by instructions alike.

// Each of the two programs leaves some of it to the other.
#![allow(dead_code, clippy::expect_used)]

use requiretls_core::authenticate::{Evidence, Outcome};
use requiretls_core::dane::TlsaRecord;
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::mail_param::{Answer, Dialects, MailParams};
use requiretls_core::mta_sts::Policy;
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::{Key, Rule, Rules};
use requiretls_core::tag;
use requiretls_core::tls_level::TlsLevel;
use std::net::Ipv4Addr;

/// 67 octets.
pub(crate) const MAIL: &[u8] =
    b"MAIL FROM:<alice@sender.example> BODY=8BITMIME SIZE=4096 REQUIRETLS";

/// What a server knows without this library, most of it older than RFC 8689.
const KEYWORDS: [&[u8]; 7] = [
    b"SIZE",
    b"BODY",
    b"SMTPUTF8",
    b"RET",
    b"ENVID",
    b"AUTH",
    b"REQUIRETLS",
];

/// The measure for [`mail_line`]: the line is split at blanks and each word at `=`, and its name is
/// compared with the keywords in any case, as a server does anyway. It judges nothing: not where
/// the path ends, nor bytes that no command has, nor a value.
#[inline(never)]
pub(crate) fn bare_scan(line: &[u8]) -> usize {
    let mut found = 0;
    for word in line.split(|b| *b == b' ') {
        let mut parts = word.splitn(2, |b| *b == b'=');
        let name = parts.next().unwrap_or_default();
        let keyword = KEYWORDS.iter().position(|k| name.eq_ignore_ascii_case(k));
        found += keyword.map_or(0, |n| n + 1);
    }
    found
}

/// The question at MAIL FROM, from the line to the requirement.
#[inline(never)]
pub(crate) fn mail_line(line: &[u8]) -> Requirement {
    let mut mail = MailParams::new(Dialects::default(), true, true);
    let answer = mail.line(line);
    debug_assert_eq!(answer, Answer::Taken);
    mail.end().expect("it is not refused")
}

/// What is given for [`plan_to_gate`]: three hosts with TLSA records, all signed.
pub(crate) struct Given {
    next_hop: NextHop,
    facts: Facts,
    first: Host,
    offers_starttls: EhloReply,
    offers_all: EhloReply,
    evidence: Evidence,
}

pub(crate) fn given() -> Given {
    let host = |n: u8| {
        let name = domain(&format!("mx{n}.recipient.example"));
        let rdata: Vec<u8> = [3, 1, 1].into_iter().chain([n; 32]).collect();
        HostFacts {
            host: Host::Name(name.clone()),
            addresses: Addresses::Found(vec![Ipv4Addr::new(192, 0, 2, n).into()]),
            cname: None,
            tlsa: Tlsa::Found {
                base: name,
                records: vec![TlsaRecord::from_rdata(&rdata).expect("a record")],
            },
        }
    };
    Given {
        next_hop: next_hop("recipient.example"),
        facts: Facts {
            route: Route::Mx(Security::Secure),
            expanded: None,
            hosts: vec![host(1), host(2), host(3)],
            sts: Sts::None,
            expires: Some(2_000),
        },
        first: Host::Name(domain("mx1.recipient.example")),
        offers_starttls: EhloReply::parse(b"250-mx1\r\n250-STARTTLS\r\n250 SIZE\r\n"),
        offers_all: EhloReply::parse(EHLO),
        evidence: Evidence::new(|_| Outcome::Holds),
    }
}

/// The question at delivery: a plan for REQUIRETLS, and its first host through to the last gate.
/// What the certificates are worth is given: judging them is cryptography.
#[inline(never)]
pub(crate) fn plan_to_gate(given: Given) -> Delivery {
    let message = Message {
        requirement: Requirement::R,
        ..Message::default()
    };
    let (rule, settings) = (Rule::default(), Settings::default());
    let plan = Plan::new(given.next_hop, message, rule, settings, given.facts);
    let mut delivery = Delivery::new(plan);
    let steps = [
        delivery.host(&given.first),
        delivery.ehlo(&given.offers_starttls),
        delivery.tls(Some("TLSv1.3"), Some("TLS_AES_256_GCM_SHA384")),
        delivery.peer(given.evidence),
        delivery.ehlo(&given.offers_all),
    ];
    debug_assert_eq!(
        steps,
        [
            Action::Go,
            Action::StartTls,
            Action::Go,
            Action::Go,
            Action::Go
        ]
    );
    let sends = delivery.mail_params(1_000).expect("it may go");
    debug_assert_eq!(sends.mail_params(), "REQUIRETLS");
    delivery
}

/// How many rules there are when a look-up is measured.
pub(crate) const RULES: [usize; 4] = [10, 1_000, 10_000, 100_000];

/// Rules for so many next hops, every third of them for what is below a name.
pub(crate) fn rules(count: usize) -> Rules {
    let mut rules = Rules::default();
    for n in 0..count {
        let below = if n % 3 == 0 { "." } else { "" };
        let key = Key::parse(&format!("{below}partner{n}.example")).expect("a key");
        let rule = Rule {
            floor: TlsLevel::Encrypt,
            ..Rule::default()
        };
        rules.insert(key, rule).expect("no other has this key");
    }
    rules
}

/// Two labels below the one that has a rule.
pub(crate) fn looked_up() -> NextHop {
    next_hop("mail.office.partner3.example")
}

#[inline(never)]
pub(crate) fn look_up(rules: &Rules, next_hop: &NextHop) -> TlsLevel {
    rules.look_up(next_hop).expect("a readable rule").floor
}

/// The longest text that a sender can bring about.
pub(crate) const TAG: &str = "1.encrypt.onward.either.dnssec";

#[inline(never)]
pub(crate) fn parse_tag(text: &str) -> Requirement {
    tag::parse(text).expect("a tag")
}

#[inline(never)]
pub(crate) fn write_tag(requirement: Requirement) -> String {
    tag::write(requirement)
}

pub(crate) const EHLO: &[u8] = b"250-mx1.recipient.example at your service\r\n250-PIPELINING\r\n\
    250-SIZE 52428800\r\n250-ETRN\r\n250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n\
    250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250-REQUIRETLS\r\n250 CHUNKING\r\n";

#[inline(never)]
pub(crate) fn parse_ehlo(reply: &[u8]) -> EhloReply {
    EhloReply::parse(reply)
}

pub(crate) const POLICY: &[u8] =
    b"version: STSv1\r\nmode: enforce\r\nmx: mx1.recipient.example\r\n\
    mx: mx2.recipient.example\r\nmx: *.backup.example\r\nmax_age: 604800\r\n";

#[inline(never)]
pub(crate) fn parse_policy(body: &[u8]) -> Policy {
    Policy::parse(body).expect("a policy")
}

fn next_hop(name: &str) -> NextHop {
    NextHop::parse(name).expect("a name")
}

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).expect("a name")
}
