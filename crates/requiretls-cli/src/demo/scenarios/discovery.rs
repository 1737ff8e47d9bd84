//! What does DNS say, and who vouches for it?

use super::{REQUIRETLS, tag, who};
use crate::demo::describe::{message, named, over_tls};
use crate::demo::scenario::{Patience, Scenario};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Certificate, Domain, Peer, Zone};

#[rustfmt::skip]
pub(super) fn scenarios() -> Vec<Scenario> {
    let good = Peer::good;
    let host = |d: Domain| d.mx("mx").peer(good());
    let returned = |scenario: Scenario| scenario.bounces(550, "5.7.10", who::SENDER, "").leaks_if_ignored();
    vec![
        message("signature-intact", "R18", tag::R, "the signature over MX is as it was made")
            .at(|d| host(d.signed()))
            .goes("mx", REQUIRETLS, who::SENDER, named("mx", "mx").asking(REQUIRETLS)),
        message("signature-altered", "D1, VX22", tag::R, "the same with one octet of that signature changed")
            .at(|d| host(d.damaged("@", RecordType::MX)))
            .defers("4.4.3", who::NOBODY, ""),
        message("mx-altered", "D1, VX22", tag::NONE, "MX was replaced on the way, under the old signature")
            .at(|d| host(d.altered("@ MX 5 evil.test.")))
            .defers("4.4.3", who::NOBODY, ""),
        message("zone-expired", "D1, VX22", tag::R, "the zone's signatures have expired")
            .at(|d| host(d.zone(Zone::expired)))
            .defers("4.4.3", who::NOBODY, ""),
        message("zone-wrong-key", "D1, VX22", tag::NONE, "the parent names another key for the zone")
            .at(|d| host(d.zone(Zone::wrong_ds)))
            .defers("4.4.3", who::NOBODY, ""),
        message("zone-nsec3", "R18", tag::R, "a zone that denies with NSEC3")
            .at(|d| host(d.zone(Zone::nsec3)))
            .goes("mx", REQUIRETLS, who::SENDER, named("mx", "mx").asking(REQUIRETLS)),
        returned(message("unsigned", "R18, VX9", tag::R, "REQUIRETLS; an unsigned zone, nothing vouches for its MX")
            .at(host)),
        message("unsigned-untagged", "P6.3", tag::NONE, "nothing asked; the same zone")
            .at(host)
            .goes("mx", "", who::NOBODY, over_tls("mx")),
        returned(message("zone-island", "R18", tag::R, "a signed zone that its parent does not vouch for")
            .at(|d| host(d.zone(Zone::island)))),
        message("mx-servfail", "D2, P6.1", tag::NONE, "the MX lookup is answered SERVFAIL")
            .at(|d| host(d.signed())).fault("@", RecordType::MX, AuthorityFault::ServFail)
            .defers("4.4.3", who::NOBODY, ""),
        message("mx-silent", "D2, P6.1", tag::R, "the MX lookup is not answered at all")
            .at(|d| host(d.signed())).fault("@", RecordType::MX, AuthorityFault::Drop)
            .patience(Patience::ShortWithDns)
            .defers("4.4.3", who::NOBODY, ""),
        message("null-mx", "VX22", tag::R, "the domain takes no mail: null MX")
            .at(|d| d.signed().null_mx())
            .bounces(556, "5.1.10", who::NOBODY, ""),
        message("nxdomain", "P6.2", tag::R, "there is no such domain")
            .bounces(550, "5.1.2", who::NOBODY, ""),
        message("hosts-gone", "VX79", tag::NONE, "the MX hosts do not exist")
            .at(|d| d.signed().record("@ MX 10 gone").record("@ MX 20 also-gone"))
            .bounces(550, "5.4.4", who::NOBODY, ""),
        message("mx-cname", "P2, VX45", tag::R, "the MX host is an alias into an unsigned zone")
            .at(|d| d.signed().mx("mx").record("mx CNAME host.mx-cname-target.test."))
            .and(Domain::new("mx-cname-target.test").host("host").peer(good()))
            .bounces(550, "5.7.10", who::SENDER, "mx").leaks_if_ignored(),
        message("domain-cname", "P2a, VX46", tag::R, "the unsigned domain is an alias of a signed one")
            .at(|d| d.record("alias CNAME domain-cname-target.test.")).routed_to("alias")
            .and(Domain::new("domain-cname-target.test").signed().mx("mx").peer(good()))
            .bounces(550, "5.7.10", who::SENDER, "").leaks_if_ignored(),
        message("tlsa-servfail", "D2, P6.6", tag::NONE, "nothing asked; the TLSA lookup is answered SERVFAIL")
            .at(|d| d.signed().mx("mx").peer(good().dane_ee()))
            .fault("_2525._tcp.mx", RecordType::TLSA, AuthorityFault::ServFail)
            .defers("4.7.5", who::RECIPIENT, "").leaks_if_ignored(),
        message("tlsa-stripped", "D2, P6.6", tag::R, "REQUIRETLS; somebody removes the TLSA signature")
            .at(|d| d.signed().mx("mx").peer(good().certificate(Certificate::Good).dane_ee()))
            .fault("_2525._tcp.mx", RecordType::TLSA, AuthorityFault::StripSignatures)
            .defers("4.7.10", who::RECIPIENT, "").leaks_if_ignored(),
    ]
}
