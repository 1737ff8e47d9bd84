//! Which certificates satisfy REQUIRETLS where the zone is signed and nothing else is published?

use super::{REQUIRETLS, tag, who};
use crate::demo::describe::{message, named, over_tls};
use crate::demo::scenario::Scenario;
use requiretls_testbed::{Certificate, Peer};

#[rustfmt::skip]
pub(super) fn scenarios() -> Vec<Scenario> {
    use Certificate as C;
    let host = |id, statement, certificate, about| {
        message(id, statement, tag::R, about)
            .at(|d| d.signed().mx("mx").peer(Peer::good().certificate(certificate)))
    };
    let returned = |id, certificate, about| {
        host(id, "R20, P6.12", certificate, about)
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored()
    };
    vec![
        returned("cert-expired", C::Expired, "the certificate has expired"),
        host("cert-early", "VX52, P6.12a", C::NotYetValid, "the certificate is not valid yet, which heals")
            .defers("4.7.10", who::SENDER, "mx").leaks_if_ignored(),
        returned("cert-wrong-name", C::WrongName, "the certificate is for another name"),
        returned("cert-unknown-ca", C::UnknownAuthority, "the certificate is from an unknown authority"),
        returned("cert-self-signed", C::SelfSigned, "the certificate is signed by its own key"),
        returned("cert-client", C::ClientOnly, "the certificate is for clients"),
        returned("cert-incomplete", C::IntermediateWithheld, "the authority between is not shown"),
        returned("cert-common-name", C::CommonNameOnly, "the name stands in the common name alone (R21)"),
        host("cert-wildcard", "R20, D14", C::Wildcard, "a wildcard for the host's parent")
            .goes("mx", REQUIRETLS, who::SENDER, named("mx", "mx").asking(REQUIRETLS)),
        message("cert-untagged", "P6.12", tag::NONE, "nothing asked: any certificate will do")
            .at(|d| d.signed().mx("mx").peer(Peer::good().certificate(C::Expired)))
            .goes("mx", "", who::NOBODY, over_tls("mx")),
        message("cert-domain", "L9, VX39", tag::LS, "TLSPOLICY=SECURE; the certificate names the domain alone")
            .at(|d| d.signed().mx("mx").peer(Peer::good().certificate(C::NextHopDomain)))
            .goes("mx", "", who::SENDER, named("mx", "@")),
        message("cert-implicit", "R19, VX11", tag::R, "no MX record: the certificate names the domain")
            .at(|d| d.signed().peer(Peer::good()))
            .goes("@", REQUIRETLS, who::SENDER, named("@", "@").asking(REQUIRETLS)),
        message("cert-implicit-other", "R19, VX11", tag::R, "no MX record, and the certificate names another host")
            .at(|d| d.signed().peer(Peer::good().certificate(C::WrongName)))
            .bounces(550, "5.7.10", who::SENDER, "@").leaks_if_ignored(),
    ]
}
