//! What do downgrades, bounces and the site's own rules change?

use super::{REQUIRETLS, RET_HDRS, tag, who};
use crate::demo::describe::{anywhere, message, named, over_tls, published};
use crate::demo::scenario::Scenario;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = downgrades();
    all.extend(null_paths());
    all.extend(hop_modes());
    all.extend(floors());
    all
}

#[rustfmt::skip]
fn downgrades() -> Vec<Scenario> {
    let good = Peer::good;
    vec![
        message("no-dane", "R14", tag::H, "TLS-Required: No; a broken DANE promise is overlooked")
            .at(|d| d.signed().mx("mx").peer(good().dane_ee_wrong()))
            .goes("mx", "", who::NOBODY, anywhere()),
        message("no-sts", "R14", tag::H, "TLS-Required: No; a policy, but no STARTTLS")
            .at(|d| d.mx("mx").peer(good().no_starttls()).sts(Sts::enforce()))
            .goes("mx", "", who::NOBODY, anywhere()),
        message("no-insists", "R15, VX54", tag::H, "TLS-Required: No; the host insists on a TLS that it does not have")
            .at(|d| d.signed().mx("mx").peer(good().no_starttls().insists_on_tls()))
            .bounces(530, "5.7.0", who::SENDER, "mx"),
        message("no-site", "R36, VX85", tag::H, "TLS-Required: No does not lower the site's own floor")
            .at(|d| d.signed().mx("mx").peer(good().no_starttls())).rule("floor = \"encrypt\"")
            .defers("4.7.4", who::SITE, "mx").leaks_if_ignored(),
    ]
}

#[rustfmt::skip]
fn null_paths() -> Vec<Scenario> {
    let good = Peer::good;
    let self_signed = || good().certificate(Certificate::SelfSigned).no_requiretls();
    let host = |peer| |d: Domain| d.signed().mx("mx").peer(peer);
    vec![
        message("bounce-encrypted", "R29, VX17", tag::R, "a bounce: encrypted is enough, headers only")
            .at(host(self_signed())).null_path()
            .goes("mx", RET_HDRS, who::SENDER, over_tls("mx").asking(RET_HDRS)),
        message("bounce-clear", "R29, VX17", tag::R, "a bounce: never in clear")
            .at(host(good().no_starttls())).null_path()
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("bounce-secure", "R29, VX78", tag::R, "a bounce where the site wants authentication for them too")
            .at(|d| d.mx("mx").peer(good())).null_path()
            .settings("[sending]\nnull_path_floor = \"secure\"\n")
            .defers("4.7.10", who::SENDER, "").leaks_if_ignored(),
    ]
}

#[rustfmt::skip]
fn hop_modes() -> Vec<Scenario> {
    let good = Peer::good;
    let self_signed = || good().certificate(Certificate::SelfSigned);
    let host = |peer| |d: Domain| d.signed().mx("mx").peer(peer);
    vec![
        message("hop-encrypt", "P12, VX56", tag::R, "hop = encrypt: unsigned, self-signed, REQUIRETLS offered")
            .at(|d| d.mx("mx").peer(self_signed())).rule("hop = \"encrypt\"")
            .goes("mx", REQUIRETLS, who::SENDER, over_tls("mx").asking(REQUIRETLS)),
        message("hop-encrypt-bare", "P12, VX60", tag::R, "hop = encrypt: the same without REQUIRETLS, headers only")
            .at(|d| d.mx("mx").peer(self_signed().no_requiretls())).rule("hop = \"encrypt\"")
            .goes("mx", RET_HDRS, who::SENDER, over_tls("mx").asking(RET_HDRS)),
        message("hop-encrypt-clear", "P12, VX61", tag::R, "hop = encrypt: no STARTTLS")
            .at(host(good().no_starttls())).rule("hop = \"encrypt\"")
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("hop-encrypt-dane", "P12, VX62", tag::R, "hop = encrypt: the domain's DANE promise still counts")
            .at(host(good().dane_ee_wrong())).rule("hop = \"encrypt\"")
            .defers("4.7.10", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("hop-opportunistic", "P12, VX63", tag::R, "hop = opportunistic: in clear, by the site's own choice")
            .at(host(good().no_starttls())).rule("hop = \"opportunistic\"")
            .goes("mx", RET_HDRS, who::NOBODY, anywhere()),
        message("hop-weak-floor", "P12, VX63", tag::R, "hop = opportunistic, floor = encrypt: not in clear")
            .at(host(good().no_starttls())).rule("hop = \"opportunistic\"\nfloor = \"encrypt\"")
            .defers("4.7.4", who::SITE, "mx").leaks_if_ignored(),
        message("hop-off", "P12, VX64", tag::R, "hop = off: REQUIRETLS is offered and not used, headers only")
            .at(host(good())).rule("hop = \"off\"")
            .goes("mx", RET_HDRS, who::NOBODY, anywhere()),
        message("hop-loopback", "P12", tag::R, "the site routes to an address of this machine: headers only")
            .at(host(good().no_requiretls())).routed_to_address()
            .goes("[address].", RET_HDRS, who::NOBODY, anywhere()),
    ]
}

#[rustfmt::skip]
fn floors() -> Vec<Scenario> {
    use Certificate as C;
    let good = Peer::good;
    let host = |peer| |d: Domain| d.signed().mx("mx").peer(peer);
    vec![
        message("floor-encrypt", "P8", tag::NONE, "floor = encrypt: no STARTTLS")
            .at(host(good().no_starttls())).rule("floor = \"encrypt\"")
            .defers("4.7.4", who::SITE, "mx").leaks_if_ignored(),
        message("floor-encrypt-tag", "P5, VX71", tag::R, "floor = encrypt and REQUIRETLS: no STARTTLS")
            .at(host(good().no_starttls())).rule("floor = \"encrypt\"")
            .defers("4.7.10", who::SITE, "mx").leaks_if_ignored(),
        message("floor-secure-host", "P8, VX25", tag::NONE, "floor = secure: unsigned MX, the certificate names the host alone")
            .at(|d| d.mx("mx").peer(good())).rule("floor = \"secure\"")
            .defers("4.7.5", who::SITE, "mx").leaks_if_ignored(),
        message("floor-secure-domain", "P8, VX25", tag::NONE, "floor = secure: the certificate names the domain")
            .at(|d| d.mx("mx").peer(good().certificate(C::NextHopDomain))).rule("floor = \"secure\"")
            .goes("mx", "", who::SITE, named("mx", "@")),
        message("floor-dane", "D21, P8", tag::NONE, "floor = secure by DANE alone: there are no TLSA records")
            .at(host(good())).rule("floor = \"secure\"\nmethods = [\"dane\"]")
            .defers("4.7.5", who::SITE, "mx").leaks_if_ignored(),
        message("floor-pin", "P8", tag::NONE, "floor = secure by a pinned key")
            .at(|d| d.mx("mx").peer(good().certificate(C::SelfSigned)))
            .rule("floor = \"secure\"\nmethods = [\"pin\"]\npins = [\"{key}\"]")
            .goes("mx", "", who::SITE, published("mx")),
        message("floor-pin-wrong", "P8", tag::NONE, "floor = secure by another pinned key")
            .at(host(good()))
            .rule("floor = \"secure\"\nmethods = [\"pin\"]\npins = [\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"]")
            .defers("4.7.5", who::SITE, "mx").leaks_if_ignored(),
        message("smart-host", "P4a, VX49", tag::R, "a smart host that lacks REQUIRETLS")
            .at(|d| d.signed().host("relay").peer(good().no_requiretls()))
            .rule("smarthost = \"relay.smart-host.test\"")
            .bounces(550, "5.7.30", who::SENDER, "relay").leaks_if_ignored(),
        message("smart-host-relaxed", "P12, VX49", tag::R, "the same with hop = encrypt: headers only")
            .at(|d| d.signed().host("relay").peer(good().no_requiretls()))
            .rule("smarthost = \"relay.smart-host-relaxed.test\"\nhop = \"encrypt\"")
            .goes("relay", RET_HDRS, who::SENDER, over_tls("relay").asking(RET_HDRS)),
        message("discovery-off", "D22, VX53", tag::R, "discovery = off: REQUIRETLS still asks for the policy")
            .at(|d| d.mx("mx").peer(good()).sts(Sts::enforce())).rule("discovery = \"off\"")
            .goes("mx", REQUIRETLS, who::SENDER, named("mx", "mx").asking(REQUIRETLS)),
    ]
}
