//! Every row of P6, by what the destination, the site and the tag ask, as a report tells it.

mod world;

use super::{PolicyType, Session};
use crate::authenticate::{CertFailure, CertUndecided, Outcome};
use crate::decision::Row;
use crate::facts::{Addresses, LookupCause, Route, Security, Sts};
use crate::mta_sts::Mode;
use crate::plan::{InsecureMxDane, Unreadable};
use crate::site_policy::{Discovery, HopMode, Methods, Rule};
use crate::tls_level::TlsLevel;
use world::{Shown, World, failed, policy};

const EXPIRED: Outcome = Outcome::Fails(CertFailure::Expired);
const NAME: Outcome = Outcome::Fails(CertFailure::HostMismatch);
const CHAIN: Outcome = Outcome::Fails(CertFailure::NotTrusted);
const NO_MATCH: Outcome = Outcome::Fails(CertFailure::DaneMismatch);
const LATER: Outcome = Outcome::Undecided(CertUndecided::NotYetValid);
const OK: Shown = Shown::tls(Outcome::Holds, Outcome::Holds);

/// `tlsa ok; sts certificate-expired`: each policy and what the session was to it.
fn told(session: &Session) -> String {
    let policies = session.policies.iter().map(|judged| {
        let kind = judged.policy.kind.as_str();
        match &judged.failure {
            None => format!("{kind} ok"),
            Some(failure) => match failure.reason {
                None => format!("{kind} {}", failure.result),
                Some(reason) => format!("{kind} {} {reason}", failure.result),
            },
        }
    });
    policies.collect::<Vec<_>>().join("; ")
}

/// The row that the delivery ended in, `-` for go, and what is told of it.
fn found(world: &World, shown: Shown) -> (&'static str, String) {
    let delivery = world.deliver(shown);
    let told: Vec<String> = delivery.tls_sessions().map(|s| told(&s)).collect();
    let row = delivery.outcome().row;
    (row.map_or("-", Row::as_str), told.join(" | "))
}

type Rows<'a> = &'a [(&'a str, World, Shown, &'a str, &'a str)];

fn holds(rows: Rows) {
    for (label, world, shown, row, told) in rows {
        assert_eq!(found(world, *shown), (*row, (*told).to_owned()), "{label}");
    }
}

fn plain() -> World {
    World::new()
}

fn dane() -> World {
    World::new().usable()
}

fn enforce() -> World {
    World::new().sts(policy(Mode::Enforce, "mx.d.test"))
}

fn testing() -> World {
    World::new().sts(policy(Mode::Testing, "mx.d.test"))
}

fn elsewhere(mode: Mode) -> World {
    World::new().sts(policy(mode, "other.d.test"))
}

fn floor(level: TlsLevel, methods: Methods) -> Rule {
    Rule {
        floor: level,
        methods,
        ..Rule::default()
    }
}

fn only_dane() -> Methods {
    Methods {
        dane: true,
        ..Methods::default()
    }
}

fn insecure() -> Route {
    Route::Mx(Security::Insecure)
}

const MISMATCH: &str = "sts validation-failure mtasts-policy-mx-mismatch";

#[test]
#[rustfmt::skip]
fn t4_rows_that_need_no_connection() {
    let dane_plus_pin = Methods { pins: vec![[7; 32]], ..only_dane() };
    holds(&[
        ("T7, row 1", plain().route(Route::Failed(failed(LookupCause::Timeout))), OK, "1", ""),
        ("row 2", plain().route(Route::NullMx(Security::Secure)), OK, "2", ""),
        ("row 2, live policy", enforce().route(Route::NullMx(Security::Insecure)), OK, "2", ""),
        ("T8, row 3, tag", plain().route(insecure()).tag("R"), OK, "3", ""),
        ("T8, row 3, site", plain().route(insecure()).rule(floor(TlsLevel::Secure, only_dane())), OK, "3", ""),
        ("T8, row 4", plain().route(insecure()).tag("R").sts(Sts::Unknown(failed(LookupCause::PolicyUnavailable))), OK, "4", ""),
        ("T7, row 5", dane().addresses(Addresses::Failed(failed(LookupCause::ServFail))), OK, "5", ""),
        ("row 5a", dane().addresses(Addresses::Denied(Security::Secure)), OK, "2", ""),
        ("T4, row 6, bogus", plain().tlsa_failed(LookupCause::Bogus), OK, "6", "tlsa dnssec-invalid"),
        ("T4, row 6, SERVFAIL", plain().tlsa_failed(LookupCause::ServFail), OK, "6", "tlsa tlsa-invalid"),
        ("T4, row 6 before MTA-STS", elsewhere(Mode::Enforce).tlsa_failed(LookupCause::Bogus), OK, "6", "tlsa dnssec-invalid"),
        ("T8, row 6 under H and a floor", plain().tag("H").rule(floor(TlsLevel::Secure, only_dane())).tlsa_failed(LookupCause::Bogus), OK, "6", ""),
        ("T4, row 6 in audit mode goes on", plain().rule(Rule { discovery: Discovery::Audit, ..Rule::default() }).tlsa_failed(LookupCause::Bogus), OK, "-", "tlsa dnssec-invalid"),
        ("T8, row 6a", plain().tag("FD"), OK, "6a", ""),
        ("T4, row 7", elsewhere(Mode::Enforce), OK, "7", MISMATCH),
        ("T4, row 7, R with t-", elsewhere(Mode::Testing).route(insecure()).tag("R"), OK, "7", MISMATCH),
        ("T5 S16, testing, goes all the same", elsewhere(Mode::Testing), OK, "-", MISMATCH),
        ("T4, row 7 before DANE", elsewhere(Mode::Enforce).route(insecure()).usable(), OK, "7", MISMATCH),
        ("S22, DANE alone", elsewhere(Mode::Enforce).usable(), OK, "-", "tlsa ok"),
        ("T4, site DANE absent", plain().rule(floor(TlsLevel::Secure, only_dane())), OK, "12", "no-policy-found dane-required"),
        ("T4, site DANE there", dane().rule(floor(TlsLevel::Secure, only_dane())), OK, "-", "tlsa ok"),
        ("T8, site DANE or pin", plain().rule(floor(TlsLevel::Secure, dane_plus_pin)), Shown::tls(CHAIN, CHAIN), "12", ""),
        ("T8, row 15", plain().unreadable(Unreadable::Tag), OK, "15", ""),
    ]);
}

#[test]
#[rustfmt::skip]
fn t4_rows_of_a_connection() {
    let encrypt = || floor(TlsLevel::Encrypt, Methods::default());
    let broke_off = "tlsa validation-failure tls-broke-off";
    let refused = "tlsa validation-failure starttls-refused";
    let handshake = "tlsa validation-failure tls-handshake-failed";
    let too_old = "tlsa validation-failure tls-too-old";
    holds(&[
        ("T7, row 8, no connection", dane(), Shown::Down, "8", ""),
        ("T7, row 8, greeting", enforce(), Shown::Greeting(421), "8", ""),
        ("T7, row 8a", dane(), Shown::Greeting(554), "8a", ""),
        ("T7, testing, no connection", elsewhere(Mode::Testing), Shown::Down, "8", ""),
        ("VR2 VX2, row 9, DANE", dane(), Shown::Clear, "9", "tlsa starttls-not-supported"),
        ("T4, row 9, unusable", plain().unusable(), Shown::Clear, "9", "tlsa starttls-not-supported"),
        ("T4, row 9, MTA-STS", enforce(), Shown::Clear, "9", "sts starttls-not-supported"),
        ("T5 S16, row 9, testing, in clear", testing(), Shown::Clear, "-", "sts starttls-not-supported"),
        ("T8, row 9, no policy, in clear", plain(), Shown::Clear, "-", ""),
        ("T8, row 9, tag", plain().tag("LE"), Shown::Clear, "9", ""),
        ("T8, row 9, site", plain().rule(encrypt()), Shown::Clear, "9", ""),
        ("T4, row 10, STARTTLS 4yz", dane(), Shown::StarttlsReply(454), "10", broke_off),
        ("T4, row 10, TLS lost", dane(), Shown::Lost, "10", broke_off),
        ("T4, row 10, EHLO inside TLS 4yz", dane(), Shown::InsideTls(451), "10", broke_off),
        ("T4, row 10, drop inside TLS", dane(), Shown::DropInsideTls, "10", broke_off),
        ("T8, row 10, tag", plain().tag("LE"), Shown::Lost, "10", ""),
        ("T8, row 10, no policy, in clear", plain(), Shown::Lost, "-", ""),
        ("T4, row 11a", dane(), Shown::StarttlsReply(502), "11a", refused),
        ("T8, row 11a, site", plain().rule(encrypt()), Shown::StarttlsReply(502), "11a", ""),
        ("T4, row 11b, alert", dane(), Shown::Rejected, "11b", handshake),
        ("T5, row 11b, testing, in clear", testing(), Shown::Rejected, "-", "sts validation-failure tls-handshake-failed"),
        ("T4, row 11b, TLS 1.1", dane(), Shown::OldTls, "11b", too_old),
        ("T5 S15, row 11b, testing, TLS 1.1", testing(), Shown::OldTls, "-", "sts validation-failure tls-too-old"),
        ("T8, TLS 1.1 without a policy", plain(), Shown::OldTls, "-", "no-policy-found ok"),
        ("T8, row 16", plain().tag("H"), Shown::Demanded, "16", ""),
    ]);
}

#[test]
#[rustfmt::skip]
fn t4_rows_of_a_certificate() {
    let no_match = "tlsa validation-failure dane-no-match";
    let pinned = Methods { pins: vec![[7; 32]], ..Methods::default() };
    holds(&[
        ("VR1, row 12, MTA-STS, expired", enforce(), Shown::tls(CHAIN, EXPIRED), "12", "sts certificate-expired"),
        ("T4, row 12, MTA-STS, name", enforce(), Shown::tls(CHAIN, NAME), "12", "sts certificate-host-mismatch"),
        ("T4, row 12, MTA-STS, chain", enforce(), Shown::tls(CHAIN, CHAIN), "12", "sts certificate-not-trusted"),
        ("T5 S16, row 12, testing goes", testing(), Shown::tls(CHAIN, EXPIRED), "-", "sts certificate-expired"),
        ("T4, row 12, DANE, no match", dane(), Shown::tls(NO_MATCH, Outcome::Holds), "12", no_match),
        ("T4, row 12, DANE-TA, expired", dane(), Shown::tls(EXPIRED, Outcome::Holds), "12", "tlsa certificate-expired"),
        ("T4, row 12, DANE-TA, name", dane(), Shown::tls(NAME, Outcome::Holds), "12", "tlsa certificate-host-mismatch"),
        ("T4, row 12, DANE-TA, chain", dane(), Shown::tls(CHAIN, Outcome::Holds), "12", "tlsa certificate-not-trusted"),
        ("T4, row 12, DANE beside MTA-STS", enforce().usable(), Shown::tls(NO_MATCH, Outcome::Holds), "12", no_match),
        ("T8, row 12, tag", plain().tag("R"), Shown::tls(CHAIN, CHAIN), "12", ""),
        ("T8, row 12, tag beside DANE that holds", dane().tag("FC"), Shown::tls(Outcome::Holds, CHAIN), "12", ""),
        ("T4, row 12, tag beside DANE that fails", dane().tag("FC"), Shown::tls(NO_MATCH, CHAIN), "12", no_match),
        ("T8, row 12, site", plain().rule(floor(TlsLevel::Secure, pinned)), Shown::tls(CHAIN, CHAIN), "12", ""),
        ("T4, row 12a, DANE", dane(), Shown::tls(LATER, LATER), "12a", ""),
        ("T4, row 12a, no chain", enforce(), Shown::NoChain, "12a", ""),
        ("T4, row 12a, testing", testing(), Shown::NoChain, "-", ""),
        ("T8, row 12a, no policy", plain(), Shown::NoChain, "-", "no-policy-found ok"),
        ("VR2 VX14 T8, row 13", plain().tag("R"), Shown::NoRequiretls, "13", ""),
        ("T8, row 13, DANE held", dane().tag("R"), Shown::NoRequiretls, "13", ""),
        ("T8, row 14", dane().tag("R"), Shown::Refused, "14", ""),
        ("T8, unmet= is not told", plain().tag("R").hop(HopMode::Encrypt), Shown::tls(CHAIN, CHAIN), "-", "no-policy-found ok"),
    ]);
}

#[test]
#[rustfmt::skip]
fn t2_policies_of_sessions_that_went() {
    let audit = Rule { discovery: Discovery::Audit, ..Rule::default() };
    let off = Rule { discovery: Discovery::Off, ..Rule::default() };
    let bad = Shown::tls(NO_MATCH, CHAIN);
    holds(&[
        ("T2, no policy", plain(), OK, "-", "no-policy-found ok"),
        ("T2, no policy, any certificate", plain(), bad, "-", "no-policy-found ok"),
        ("T2, DANE", dane(), OK, "-", "tlsa ok"),
        ("T2, MTA-STS", enforce(), OK, "-", "sts ok"),
        ("T2, testing", testing(), OK, "-", "sts ok"),
        ("T2, both, insecure MX", enforce().route(insecure()).usable(), OK, "-", "tlsa ok; sts ok"),
        ("T2, both, one fails", enforce().route(insecure()).usable(), Shown::tls(Outcome::Holds, NAME), "12", "sts certificate-host-mismatch"),
        ("T2, both, testing fails", testing().route(insecure()).usable(), Shown::tls(Outcome::Holds, NAME), "-", "tlsa ok; sts certificate-host-mismatch"),
        ("VR2 VD5, unusable, delivered", plain().unusable(), bad, "-", "tlsa tlsa-invalid"),
        ("T4, unusable beside MTA-STS", enforce().unusable(), OK, "-", "tlsa tlsa-invalid; sts ok"),
        ("T2, the peer refuses the message", dane(), Shown::Answered(550), "-", "tlsa ok"),
        ("T2, the peer defers the message", dane(), Shown::Answered(450), "8", "tlsa ok"),
        ("D22, audit, would fail", dane().rule(audit.clone()), bad, "-", "tlsa validation-failure dane-no-match"),
        ("D22, audit, would hold", dane().rule(audit), OK, "-", "tlsa ok"),
        ("D22, off", dane().rule(off), bad, "-", ""),
        ("T8, H", dane().tag("H"), bad, "-", ""),
        ("T8, LM", enforce().tag("LM"), bad, "-", ""),
        ("T8, a report itself goes as H", dane().tag("H"), Shown::Clear, "-", ""),
        ("P12, local", plain().tag("R").hop(HopMode::Local), OK, "-", ""),
        ("D5, literal", plain().literal(), OK, "-", ""),
        ("D7, knob encrypt", dane().route(insecure()).knob(InsecureMxDane::Encrypt), bad, "-", "tlsa ok"),
        ("D7, knob may", dane().route(insecure()).knob(InsecureMxDane::May), bad, "-", "no-policy-found ok"),
        ("P2b, no validating resolver", dane().route(Route::Mx(Security::Unknown)), bad, "-", "no-policy-found ok"),
        ("P3, null path", dane().tag("R").null_path(), bad, "12", "tlsa validation-failure dane-no-match"),
    ]);
}

#[test]
#[rustfmt::skip]
fn t5_fetches_that_failed() {
    let unknown = |cause| plain().sts(Sts::Unknown(failed(cause)));
    let kept = |mode, cause| {
        let Sts::Live { policy, checked, .. } = policy(mode, "mx.d.test") else { panic!("live") };
        plain().sts(Sts::Live { policy, checked, refetch_failed: Some(failed(cause)) })
    };
    let (invalid, untrusted) = (LookupCause::PolicyInvalid, LookupCause::PolicyUntrusted);
    holds(&[
        ("T5, no policy had", unknown(LookupCause::PolicyUnavailable), OK, "-", "sts sts-policy-fetch-error"),
        ("T5, syntax", unknown(invalid), OK, "-", "sts sts-policy-invalid"),
        ("T5, certificate", unknown(untrusted), OK, "-", "sts sts-webpki-invalid"),
        ("T5, in clear", unknown(invalid), Shown::Clear, "-", "sts sts-policy-invalid"),
        ("T7, no connection", unknown(invalid), Shown::Down, "8", ""),
        ("T7, TXT lookup failed", unknown(LookupCause::ServFail), OK, "-", ""),
        ("T5, beside DANE", unknown(invalid).route(insecure()).usable(), OK, "-", "tlsa ok; sts sts-policy-invalid"),
        ("T5, a cached policy", kept(Mode::Enforce, invalid), OK, "-", "sts sts-policy-invalid"),
        ("T5, a cached policy, testing", kept(Mode::Testing, untrusted), OK, "-", "sts sts-webpki-invalid"),
        ("T5, the host's own failure first", kept(Mode::Enforce, invalid), Shown::tls(CHAIN, NAME), "12", "sts certificate-host-mismatch"),
        ("T5, mode none is no policy", plain(), OK, "-", "no-policy-found ok"),
    ]);
}

#[test]
fn t2_s26_policy_blocks() {
    let only = |world: &World| {
        let delivery = world.deliver(OK);
        let session = delivery.tls_sessions().next().expect("a session");
        let first = session.policies.first().expect("a policy").policy.clone();
        (session, first)
    };
    let (session, none) = only(&plain());
    assert_eq!(none.kind, PolicyType::NoPolicyFound);
    assert!(none.strings.is_empty() && none.mx_hosts.is_empty());
    assert_eq!(none.domain.as_str(), "d.test", "T2, field report 70");
    assert_eq!(session.domain.as_str(), "d.test");
    assert_eq!(session.host.as_str(), "mx.d.test");
    let address = session.address.map(|ip| ip.to_string());
    assert_eq!(address.as_deref(), Some("192.0.2.1"));

    let (session, tlsa) = only(&dane());
    assert_eq!(tlsa.strings, [format!("3 1 1 {}", "aa".repeat(32))]);
    assert_eq!(tlsa.domain.as_str(), "base.d.test", "T2, TLSA base domain");
    assert_eq!(session.domain.as_str(), "d.test", "T2, who is told");

    let (_, sts) = only(&enforce());
    let lines = [
        "version: STSv1",
        "mode: enforce ",
        "extra: x",
        "mx: mx.d.test",
        "mx: *.far.test",
        "max_age: 86400",
    ];
    assert_eq!(sts.strings, lines, "S26, as served");
    assert_eq!(sts.mx_hosts, ["mx.d.test", "*.far.test"]);

    let (session, relay) = only(&plain().route(Route::Configured));
    assert_eq!(session.domain.as_str(), "mx.d.test", "S21, smart host");
    assert_eq!(relay.domain.as_str(), "mx.d.test");
}

#[test]
fn every_address_is_a_session_of_its_own() {
    let world = dane().two_addresses();
    let delivery = world.deliver(Shown::Clear);
    let addresses: Vec<String> = delivery
        .tls_sessions()
        .filter_map(|session| session.address)
        .map(|ip| ip.to_string())
        .collect();
    assert_eq!(addresses, ["192.0.2.1", "192.0.2.2"]);
}
