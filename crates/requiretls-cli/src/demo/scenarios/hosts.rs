//! What if there are several hosts, an open connection, or IPv6 alone?

use super::{REQUIRETLS, tag, who};
use crate::demo::describe::{anywhere, message, named, over_tls};
use crate::demo::scenario::Scenario;
use requiretls_testbed::{Certificate, Domain, Peer};

pub(super) fn scenarios() -> Vec<Scenario> {
    let several = several().into_iter().map(Scenario::with_several_hosts);
    let ipv6 = ipv6().into_iter().map(Scenario::on_ipv6);
    several.chain(open_connections()).chain(ipv6).collect()
}

#[rustfmt::skip]
fn several() -> Vec<Scenario> {
    let two = |first, second| |d: Domain| d.signed().mx("mx1").peer(first).mx("mx2").peer(second);
    let good = Peer::good;
    vec![
        message("second-host", "P7, VX12", tag::R, "the first host lacks REQUIRETLS, the second has it")
            .at(two(good().no_requiretls(), good()))
            .goes("mx2", REQUIRETLS, who::SENDER, named("mx2", "mx2").asking(REQUIRETLS)).leaks_if_ignored(),
        message("second-certificate", "R24", tag::R, "the first host has a wrong certificate")
            .at(two(good().certificate(Certificate::WrongName), good()))
            .goes("mx2", REQUIRETLS, who::SENDER, named("mx2", "mx2").asking(REQUIRETLS)).leaks_if_ignored(),
        message("both-lack-it", "R25, VX14", tag::R, "both hosts lack REQUIRETLS")
            .at(two(good().no_requiretls(), good().no_requiretls()))
            .bounces(550, "5.7.30", who::SENDER, "mx2").leaks_if_ignored(),
        message("first-down", "P7", tag::R, "the first host is down, the second lacks REQUIRETLS")
            .at(two(good().down(), good().no_requiretls()))
            .defers("4.4.1", who::NOBODY, "mx2").leaks_if_ignored(),
        message("first-mismatch", "VX70", tag::R, "the first host breaks its DANE promise, the second lacks REQUIRETLS")
            .at(two(good().dane_ee_wrong(), good().no_requiretls()))
            .defers("4.7.10", who::RECIPIENT, "mx2").leaks_if_ignored(),
        message("first-554", "P6.8a, VX81", tag::R, "the first host greets with 554, the second lacks REQUIRETLS")
            .at(two(good().greets("554 5.3.2 Never"), good().no_requiretls()))
            .defers("4.3.2", who::NOBODY, "mx2").leaks_if_ignored(),
        message("fourth-address", "P5, VX48", tag::LE, "TLSPOLICY=ENCRYPT; three addresses lack STARTTLS, the fourth has it")
            .at(|d| d.signed().mx("mx")
                .peer(good().no_starttls()).peer(good().no_starttls()).peer(good().no_starttls()).peer(good()))
            .goes("mx", "", who::SENDER, over_tls("mx")).leaks_if_ignored(),
        message("alias-first", "P6.6a, VX47", tag::FC_DNSSEC, "the draft's DNSSEC: the first host is an unsigned alias")
            .at(|d| d.signed().mx("mx1").record("mx1 CNAME host.alias-first-target.test.")
                .mx("mx2").peer(good().draft()))
            .and(Domain::new("alias-first-target.test").host("host").peer(good().draft()))
            .rule("peer_dialect = \"draft\"")
            .goes("mx2", "REQUIRETLS=CHAIN,DNSSEC", who::SENDER, named("mx2", "mx2").asking("REQUIRETLS=CHAIN,DNSSEC"))
            .leaks_if_ignored(),
    ]
}

#[rustfmt::skip]
fn open_connections() -> Vec<Scenario> {
    let host = |peer| |d: Domain| d.signed().mx("mx").peer(peer);
    let good = Peer::good;
    let right = || named("mx", "mx").asking(REQUIRETLS);
    vec![
        message("reuse-same", "P9", tag::R, "REQUIRETLS after REQUIRETLS: the same connection")
            .at(host(good())).after(tag::R, "@", true)
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("reuse-untagged", "P9, R24", tag::NONE, "nothing asked, after REQUIRETLS: the same connection")
            .at(host(good())).after(tag::R, "@", true)
            .goes("mx", "", who::NOBODY, over_tls("mx")),
        message("reuse-stricter", "P9", tag::R, "REQUIRETLS after nothing asked: judged anew, the same connection")
            .at(host(good())).after(tag::NONE, "@", true)
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("reuse-clear", "P9", tag::R, "REQUIRETLS never rides on a connection in clear")
            .at(host(good().no_starttls())).after(tag::NONE, "@", false)
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("reuse-not-offered", "P9", tag::R, "REQUIRETLS after nothing asked, and the host does not offer it")
            .at(host(good().no_requiretls())).after(tag::NONE, "@", false)
            .bounces(550, "5.7.30", who::SENDER, "mx").leaks_if_ignored(),
        message("reuse-next-hop", "P9", tag::R, "another domain with the same host: the certificate names the host")
            .at(host(good())).after(tag::R, "reuse-next-hop-other.test.", true)
            .and(Domain::new("reuse-next-hop-other.test").signed().mx("mx.reuse-next-hop.test."))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
    ]
}

#[rustfmt::skip]
fn ipv6() -> Vec<Scenario> {
    let host = |peer: Peer| |d: Domain| d.signed().mx("mx").peer(peer.ipv6());
    vec![
        message("ipv6-good", "R20", tag::R, "IPv6 alone; the host has all that it takes")
            .at(host(Peer::good().dane_ee()))
            .goes("mx", REQUIRETLS, who::SENDER, named("mx", "mx").asking(REQUIRETLS)),
        message("ipv6-no-starttls", "VX30", tag::R, "IPv6 alone; STARTTLS is not offered")
            .at(host(Peer::good().no_starttls()))
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("ipv6-untagged", "VX1", tag::NONE, "IPv6 alone; nothing asked, no STARTTLS")
            .at(host(Peer::good().no_starttls()))
            .goes("mx", "", who::NOBODY, anywhere()),
    ]
}
