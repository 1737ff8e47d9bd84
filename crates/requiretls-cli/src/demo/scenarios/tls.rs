//! What does TLS with one host come to?

use super::{REQUIRETLS, tag, who};
use crate::demo::describe::{anywhere, message, named, over_tls};
use crate::demo::scenario::{Patience, Scenario};
use requiretls_testbed::{Certificate, Domain, Peer, Step, Tls};
use std::time::Duration;

fn host(peer: Peer) -> impl FnOnce(Domain) -> Domain {
    |domain| domain.signed().mx("mx").peer(peer)
}

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = offers();
    all.extend(failures());
    all.extend(silence());
    all
}

#[rustfmt::skip]
fn offers() -> Vec<Scenario> {
    let good = Peer::good;
    let right = || named("mx", "mx").asking(REQUIRETLS);
    vec![
        message("good", "R20, VX8", tag::R, "REQUIRETLS; the host has all that it takes")
            .at(host(good()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("tls-12", "R23", tag::R, "REQUIRETLS; the host has TLS 1.2 alone")
            .at(host(good().tls(Tls::Version12)))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("clear-untagged", "VX1", tag::NONE, "nothing asked; no STARTTLS")
            .at(host(good().no_starttls()))
            .goes("mx", "", who::NOBODY, anywhere()),
        message("no-starttls", "VX30", tag::R, "REQUIRETLS; STARTTLS is not offered")
            .at(host(good().no_starttls()))
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("stripped", "VX30", tag::R, "REQUIRETLS; somebody overwrites STARTTLS")
            .at(host(good().starttls_stripped()))
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("no-requiretls", "R25, VX14", tag::R, "REQUIRETLS; the host does not offer it")
            .at(host(good().no_requiretls()))
            .bounces(550, "5.7.30", who::SENDER, "mx").leaks_if_ignored(),
        message("before-tls-only", "R22, VX15", tag::R, "REQUIRETLS is offered before TLS alone")
            .at(host(good().requiretls_before_tls_only()))
            .bounces(550, "5.7.30", who::SENDER, "mx").leaks_if_ignored(),
        message("parameter-555", "R27, P6.14", tag::R, "REQUIRETLS is offered and then refused")
            .at(host(good().refuses_parameter("555 5.5.4 Unknown parameter")))
            .bounces(550, "5.7.30", who::SENDER, "mx").leaks_if_ignored(),
        message("mail-refused", "VX41", tag::R, "MAIL is refused for another reason: the host's own words")
            .at(host(good().answers(Step::Mail, Some(true), "550 5.7.1 Not you")))
            .bounces(550, "5.7.1", who::NOBODY, "mx"),
        message("level-encrypt", "VX7", tag::LE, "TLSPOLICY=ENCRYPT; a self-signed certificate will do")
            .at(host(good().certificate(Certificate::SelfSigned)))
            .goes("mx", "", who::SENDER, over_tls("mx")),
        message("level-clear", "VX7", tag::LE, "TLSPOLICY=ENCRYPT; no STARTTLS")
            .at(host(good().no_starttls()))
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("level-onward", "L13", tag::LS, "TLSPOLICY=SECURE is passed on where it is offered")
            .at(host(good().tlspolicy()))
            .goes("mx", "TLSPOLICY=SECURE", who::SENDER, named("mx", "mx").asking("TLSPOLICY=SECURE")),
        message("level-refused", "P6.14", tag::LS, "TLSPOLICY is offered and refused: once more without")
            .at(host(good().tlspolicy().refuses_parameter("555 5.5.4 Unknown parameter")))
            .goes("mx", super::RET_HDRS, who::SENDER, named("mx", "mx")),
        message("draft-chain", "F12, VX20", tag::FC, "the draft's CHAIN to a host of the RFC")
            .at(host(good()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("draft-dane", "VX20", tag::FD, "the draft's DANE; there are no TLSA records")
            .at(host(good()))
            .bounces(550, "5.7.10", who::SENDER, "").leaks_if_ignored(),
        message("draft-dnssec", "VX37", tag::FC_DNSSEC, "the draft's CHAIN,DNSSEC to a host of the draft")
            .at(host(good().draft())).rule("peer_dialect = \"draft\"")
            .goes("mx", "REQUIRETLS=CHAIN,DNSSEC", who::SENDER, named("mx", "mx").asking("REQUIRETLS=CHAIN,DNSSEC")),
        message("draft-cannot-say", "VX37", tag::FC_DNSSEC, "the same to a host of the RFC, which has no word for it")
            .at(host(good()))
            .bounces(550, "5.7.30", who::SENDER, "mx").leaks_if_ignored(),
        message("tag-damaged", "VX24", "1.secure.onwar", "the tag was damaged in the queue")
            .at(host(good()))
            .defers("4.3.0", who::NOBODY, ""),
        message("password", "P10", tag::NONE, "nothing asked, but a password will be sent; no STARTTLS")
            .at(host(good().no_starttls())).auth()
            .defers("4.7.4", who::NOBODY, "mx").leaks_if_ignored(),
    ]
}

#[rustfmt::skip]
fn failures() -> Vec<Scenario> {
    let good = Peer::good;
    vec![
        message("starttls-454", "P6.10", tag::R, "REQUIRETLS; STARTTLS is answered 454")
            .at(host(good().starttls_refused("454 4.7.0 TLS not available")))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("starttls-454-none", "P10", tag::NONE, "nothing asked; STARTTLS is answered 454")
            .at(host(good().starttls_refused("454 4.7.0 TLS not available")))
            .goes("mx", "", who::NOBODY, anywhere()),
        message("starttls-554", "P6.11a", tag::R, "REQUIRETLS; STARTTLS is answered 554")
            .at(host(good().starttls_refused("554 5.7.3 No TLS")))
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("handshake-alert", "P6.11b", tag::R, "REQUIRETLS; an alert in the handshake")
            .at(host(good().tls(Tls::Alert)))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("handshake-closed", "P6.10", tag::R, "REQUIRETLS; closed in the handshake")
            .at(host(good().tls(Tls::Close)))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("tls-11", "R23, VX24", tag::R, "REQUIRETLS; the host has TLS 1.1 alone")
            .at(host(good().tls(Tls::Version11)))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("tls-11-encrypt", "VX51", tag::LE, "TLSPOLICY=ENCRYPT; the host has TLS 1.1 alone")
            .at(host(good().tls(Tls::Version11)))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("injected", "R22, P6.11b", tag::R, "an answer is injected before TLS: it offers REQUIRETLS")
            .at(host(good().no_requiretls().injects("250-mx\r\n250 REQUIRETLS\r\n")))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("ehlo-451", "P6.10", tag::R, "REQUIRETLS; EHLO inside TLS is answered 451")
            .at(host(good().ehlo_in_tls_refused("451 4.3.0 Later")))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
    ]
}

#[rustfmt::skip]
fn silence() -> Vec<Scenario> {
    let good = Peer::good;
    let half_a_second = Duration::from_millis(500);
    vec![
        message("down", "P6.8", tag::R, "nobody listens")
            .at(host(good().down()))
            .defers("4.4.1", who::NOBODY, "mx"),
        message("silent", "P6.8", tag::R, "the host takes the connection and says nothing")
            .at(host(good().hangs(Step::Connection))).patience(Patience::ShortWithPeers)
            .defers("4.4.1", who::NOBODY, "mx"),
        message("slow", "P6.8", tag::R, "the host is slower than we wait")
            .at(host(good().slow(half_a_second))).patience(Patience::ShortWithPeers)
            .defers("4.4.1", who::NOBODY, "mx"),
        message("greets-421", "P6.8", tag::R, "the host is not ready: 421")
            .at(host(good().greets("421 4.3.2 Not now")))
            .defers("4.3.2", who::NOBODY, "mx"),
        message("drops-handshake", "P6.10", tag::R, "the connection breaks in the handshake")
            .at(host(good().drops(Step::Handshake)))
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("drops-data", "P6.8", tag::R, "the connection breaks within the message")
            .at(host(good().drops(Step::Data)))
            .defers("4.4.2", who::NOBODY, "mx")
            .may(named("mx", "mx").asking(REQUIRETLS)),
        message("hangs-ehlo", "P6.10", tag::R, "silence after TLS: no answer to EHLO")
            .at(host(good().hangs(Step::StartTls))).patience(Patience::ShortWithPeers)
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
    ]
}
