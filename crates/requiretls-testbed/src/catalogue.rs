//! Which peers can one meet?
//!
//! One domain for each trait and each defect, with its name: what `testbed serve` serves. Domains
//! whose name begins with `dane-` are signed and have TLSA records, `sts-` have a policy; all
//! others are signed without, unless their name says `unsigned`.

use crate::domain::Domain;
use crate::peer::{Peer, Step, Tls};
use crate::pki::Certificate;
use crate::sts_server::Sts;
use crate::zone::Zone;
use hickory_resolver::proto::rr::RecordType;
use std::time::Duration;

/// The domains, in an order that stays.
#[must_use]
pub fn catalogue() -> Vec<Domain> {
    let mut domains = Vec::new();
    domains.extend(peers().map(|(name, about, peer)| one_host(name, about).peer(peer)));
    domains.extend(certificates().map(|(name, about, certificate)| {
        one_host(name, about).peer(Peer::good().certificate(certificate))
    }));
    domains.extend(breaks().flat_map(|(word, step)| {
        [
            one_host(&format!("drops-{word}"), "drops there").peer(Peer::good().drops(step)),
            one_host(&format!("hangs-{word}"), "is silent there").peer(Peer::good().hangs(step)),
        ]
    }));
    domains.extend(dane().map(|(name, about, peer)| one_host(name, about).peer(peer)));
    domains.extend(sts().map(|(name, about, page)| {
        let domain = Domain::new(&format!("{name}.test")).about(about);
        domain.mx("mx").peer(Peer::good()).sts(page)
    }));
    domains.extend(zones());
    domains
}

fn one_host(name: &str, about: &str) -> Domain {
    let domain = Domain::new(&format!("{name}.test")).about(about);
    domain.signed().mx("mx")
}

#[rustfmt::skip]
fn peers() -> impl Iterator<Item = (&'static str, &'static str, Peer)> {
    let good = Peer::good;
    [
        ("good", "REQUIRETLS inside TLS, a certificate for the host", good()),
        ("no-starttls", "STARTTLS is not offered", good().no_starttls()),
        ("stripped", "STARTTLS is overwritten on the way", good().starttls_stripped()),
        ("starttls-454", "STARTTLS is answered 454", good().starttls_refused("454 4.7.0 TLS not available")),
        ("starttls-554", "STARTTLS is answered 554", good().starttls_refused("554 5.7.3 No TLS")),
        ("tls-garbage", "no TLS comes after 220", good().tls(Tls::Garbage)),
        ("tls-close", "closed after the client's hello", good().tls(Tls::Close)),
        ("tls-alert", "an alert after the client's hello", good().tls(Tls::Alert)),
        ("tls-11", "a hello of TLS 1.1", good().tls(Tls::Version11)),
        ("tls-12", "TLS 1.2 alone", good().tls(Tls::Version12)),
        ("injects", "a reply comes before TLS that is not asked for", good().no_requiretls().injects("250-mx\r\n250 REQUIRETLS\r\n")),
        ("resumes", "TLS sessions are taken up", good().resumes()),
        ("no-requiretls", "REQUIRETLS is not offered", good().no_requiretls()),
        ("requiretls-in-clear", "REQUIRETLS is offered before TLS alone", good().requiretls_before_tls_only()),
        ("draft", "the draft's parameters are taken", good().draft()),
        ("tlspolicy", "TLSPOLICY is offered", good().tlspolicy()),
        ("mail-555", "MAIL with REQUIRETLS is answered 555", good().refuses_parameter("555 5.5.4 Unknown parameter")),
        ("mail-550", "MAIL with REQUIRETLS is answered 550 5.7.30", good().refuses_parameter("550 5.7.30 No REQUIRETLS")),
        ("insists", "MAIL in clear is answered 530", good().insists_on_tls()),
        ("insists-in-vain", "MAIL in clear is answered 530, and there is no TLS", good().no_starttls().insists_on_tls()),
        ("ehlo-502", "EHLO is answered 502", good().ehlo_refused("502 5.5.1 No")),
        ("ehlo-in-tls-451", "EHLO inside TLS is answered 451", good().ehlo_in_tls_refused("451 4.3.0 Later")),
        ("ehlo-in-tls-502", "EHLO inside TLS is answered 502", good().ehlo_in_tls_refused("502 5.5.1 No")),
        ("greets-421", "421 instead of 220", good().greets("421 4.3.2 Not now")),
        ("greets-554", "554 instead of 220", good().greets("554 5.3.2 Never")),
        ("rcpt-550", "RCPT is answered 550", good().answers(Step::Rcpt, None, "550 5.1.1 Unknown")),
        ("data-451", "the message is answered 451", good().answers(Step::Dot, None, "451 4.3.0 Later")),
        ("no-dsn", "DSN is not offered", good().no_dsn()),
        ("two-recipients", "takes two recipients of a message", good().recipient_limit(2)),
        ("long-ehlo", "5000 lines of keywords", good().long_ehlo(5_000)),
        ("slow", "half a second before every reply", good().slow(Duration::from_millis(500))),
        ("down", "nobody listens", good().down()),
    ]
    .into_iter()
}

#[rustfmt::skip]
fn certificates() -> impl Iterator<Item = (&'static str, &'static str, Certificate)> {
    use Certificate as C;
    [
        ("cert-client", "a certificate for clients", C::ClientOnly),
        ("cert-common-name", "a certificate without alternative names", C::CommonNameOnly),
        ("cert-expired", "a certificate that has expired", C::Expired),
        ("cert-incomplete", "the intermediate is not shown", C::IntermediateWithheld),
        ("cert-domain", "a certificate that names the domain alone", C::NextHopDomain),
        ("cert-early", "a certificate that is not valid yet", C::NotYetValid),
        ("cert-self-signed", "a certificate signed by its own key", C::SelfSigned),
        ("cert-unknown", "a certificate of an unknown root", C::UnknownAuthority),
        ("cert-wildcard", "a certificate with a wildcard", C::Wildcard),
        ("cert-wrong-name", "a certificate for another name", C::WrongName),
    ]
    .into_iter()
}

fn breaks() -> impl Iterator<Item = (&'static str, Step)> {
    [
        ("connected", Step::Connection),
        ("banner", Step::Banner),
        ("ehlo", Step::Ehlo),
        ("starttls", Step::StartTls),
        ("handshake", Step::Handshake),
        ("ehlo-in-tls", Step::EhloInTls),
        ("mail", Step::Mail),
        ("rcpt", Step::Rcpt),
        ("data", Step::Data),
        ("dot", Step::Dot),
    ]
    .into_iter()
}

#[rustfmt::skip]
fn dane() -> impl Iterator<Item = (&'static str, &'static str, Peer)> {
    let good = Peer::good;
    let unknown = || good().certificate(Certificate::UnknownAuthority);
    [
        ("dane-ee", "3 1 1, right", good().dane_ee()),
        ("dane-ee-wrong", "3 1 1, wrong", good().dane_ee_wrong()),
        ("dane-ee-alone", "3 1 1, right, and no other reason for trust", unknown().dane_ee()),
        ("dane-ta", "2 0 1, right", good().dane_ta()),
        ("dane-ta-wrong", "2 0 1, wrong", good().dane_ta_wrong()),
        ("dane-ta-alone", "2 0 1, right, and no other reason for trust", unknown().dane_ta()),
        ("dane-unusable", "1 1 1, which is not for SMTP", good().tlsa(1, 1, 1)),
        ("dane-no-requiretls", "3 1 1, right, without REQUIRETLS", good().dane_ee().no_requiretls()),
        ("dane-no-starttls", "3 1 1, without STARTTLS", good().dane_ee().no_starttls()),
    ]
    .into_iter()
}

#[rustfmt::skip]
fn sts() -> impl Iterator<Item = (&'static str, &'static str, Sts)> {
    [
        ("sts-enforce", "a policy that names the host", Sts::enforce()),
        ("sts-testing", "mode testing", Sts::testing()),
        ("sts-none", "mode none", Sts::none()),
        ("sts-other", "a policy that names another host", Sts::enforce().mx("elsewhere.test")),
        ("sts-301", "the policy has moved", Sts::enforce().status(301)),
        ("sts-404", "no policy is there", Sts::enforce().status(404)),
        ("sts-html", "the policy says that it is HTML", Sts::enforce().content_type("text/html")),
        ("sts-long", "a policy of 65537 octets", Sts::enforce().too_long()),
        ("sts-slow", "the policy comes after two seconds", Sts::enforce().slow(Duration::from_secs(2))),
        ("sts-cut", "the policy breaks off", Sts::enforce().cut()),
        ("sts-wrong-name", "a policy host with another name", Sts::enforce().certificate(Certificate::WrongName)),
    ]
    .into_iter()
}

fn zones() -> impl Iterator<Item = Domain> {
    let good = |name: &str, about: &str| {
        let domain = Domain::new(&format!("{name}.test")).about(about);
        domain.mx("mx").peer(Peer::good().dane_ee())
    };
    [
        good("unsigned", "an unsigned zone"),
        good("zone-expired", "signatures have expired").zone(Zone::expired),
        good("zone-wrong-ds", "the parent names another key").zone(Zone::wrong_ds),
        good("zone-damaged", "the signature over MX is damaged").damaged("@", RecordType::MX),
        good("zone-altered", "MX was altered after signing").altered("@ MX 5 evil.test."),
        Domain::new("null.test").about("null MX").signed().null_mx(),
        Domain::new("implicit.test")
            .about("no MX")
            .signed()
            .peer(Peer::good()),
        Domain::new("addresses.test")
            .about("one host, the first of its addresses without STARTTLS")
            .mx("mx")
            .peer(Peer::good().no_starttls())
            .peer(Peer::good()),
        Domain::new("hosts.test")
            .about("two hosts, the first without REQUIRETLS")
            .signed()
            .mx("mx1")
            .peer(Peer::good().no_requiretls())
            .mx("mx2")
            .peer(Peer::good()),
        Domain::new("beside.test")
            .about("its MX is the host of sts-enforce.test, and nothing is asked")
            .signed()
            .mx("mx.sts-enforce.test."),
        Domain::new("beside-dane.test")
            .about("its MX is the host of dane-ee.test, which has TLSA records")
            .signed()
            .mx("mx.dane-ee.test."),
    ]
    .into_iter()
}
