//! What has the recipient's domain promised, by DANE or by MTA-STS?

use super::{REQUIRETLS, tag, who};
use crate::demo::describe::{message, named, over_tls, published};
use crate::demo::scenario::Scenario;
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

pub(super) fn scenarios() -> Vec<Scenario> {
    let mut all = dane();
    all.extend(mta_sts());
    all
}

#[rustfmt::skip]
fn dane() -> Vec<Scenario> {
    use Certificate as C;
    let unknown = || Peer::good().certificate(C::UnknownAuthority);
    let host = |peer| |d: Domain| d.signed().mx("mx").peer(peer);
    let right = || published("mx").asking(REQUIRETLS);
    vec![
        message("dane-ee", "R20, P4a", tag::R, "DANE-EE names the key; the authority is unknown")
            .at(host(unknown().dane_ee()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("dane-ee-expired", "D12, VX69", tag::R, "DANE-EE names the key of an expired certificate")
            .at(host(Peer::good().certificate(C::Expired).dane_ee()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("dane-ee-wrong", "D18, P5", tag::R, "DANE-EE names another key")
            .at(host(Peer::good().dane_ee_wrong()))
            .defers("4.7.10", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("dane-ee-untagged", "D4, P3", tag::NONE, "nothing asked; DANE-EE names the key")
            .at(host(unknown().dane_ee()))
            .goes("mx", "", who::RECIPIENT, published("mx")),
        message("dane-ta", "D13", tag::R, "DANE-TA names the authority, which nobody else knows")
            .at(host(unknown().dane_ta()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("dane-ta-wrong", "D18", tag::NONE, "nothing asked; DANE-TA names another authority")
            .at(host(Peer::good().dane_ta_wrong()))
            .defers("4.7.5", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("dane-ta-name", "D13", tag::R, "DANE-TA names the authority, the certificate another host")
            .at(host(Peer::good().certificate(C::WrongName).dane_ta()))
            .defers("4.7.10", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("dane-unusable", "D19, VD5", tag::NONE, "unusable TLSA records ask for TLS, not for a certificate")
            .at(host(Peer::good().certificate(C::SelfSigned).tlsa(1, 1, 1)))
            .goes("mx", "", who::RECIPIENT, over_tls("mx")),
        message("dane-no-starttls", "VX2", tag::NONE, "nothing asked; TLSA records, but no STARTTLS")
            .at(host(Peer::good().dane_ee().no_starttls()))
            .defers("4.7.4", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("dane-sni", "D20", tag::R, "the host shows the right certificate only to who asks by name")
            .at(host(unknown().dane_ee().needs_sni()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("dane-unsigned-mx", "VX9, D7", tag::R, "TLSA records behind unsigned MX vouch for nothing")
            .at(|d| d.mx("mx.dane-unsigned-mx-host.test."))
            .and(Domain::new("dane-unsigned-mx-host.test").signed().host("mx").peer(Peer::good().dane_ee()))
            .bounces(550, "5.7.10", who::SENDER, "").leaks_if_ignored(),
    ]
}

#[rustfmt::skip]
fn mta_sts() -> Vec<Scenario> {
    use Certificate as C;
    let host = |page, peer| |d: Domain| d.mx("mx").peer(peer).sts(page);
    let good = Peer::good;
    let expired = || good().certificate(C::Expired);
    let right = || named("mx", "mx").asking(REQUIRETLS);
    vec![
        message("sts-enforce", "R18, VX10", tag::R, "unsigned, but a policy names the host")
            .at(host(Sts::enforce(), good()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("sts-testing", "R18, VX10", tag::R, "a policy in mode testing names the host")
            .at(host(Sts::testing(), good()))
            .goes("mx", REQUIRETLS, who::SENDER, right()),
        message("sts-none", "R18", tag::R, "a policy in mode none vouches for nothing")
            .at(host(Sts::none(), good()))
            .bounces(550, "5.7.10", who::SENDER, "").leaks_if_ignored(),
        message("sts-other-host", "VX29", tag::R, "the policy names another host")
            .at(host(Sts::enforce().mx("elsewhere.test"), good()))
            .defers("4.7.10", who::RECIPIENT, "").leaks_if_ignored(),
        message("sts-other-untagged", "S16, P6.7", tag::NONE, "nothing asked; the policy names another host")
            .at(host(Sts::enforce().mx("elsewhere.test"), good()))
            .defers("4.7.5", who::RECIPIENT, "").leaks_if_ignored(),
        message("sts-404", "P6.4, VX9", tag::R, "a policy is announced and is not there")
            .at(host(Sts::enforce().status(404), good()))
            .defers("4.7.10", who::SENDER, "").leaks_if_ignored(),
        message("sts-404-untagged", "S17, P6.4", tag::NONE, "nothing asked; the policy is not there")
            .at(host(Sts::enforce().status(404), good()))
            .goes("mx", "", who::NOBODY, over_tls("mx")),
        message("sts-bad-policy-host", "S8, P6.4", tag::R, "the policy host shows a certificate for another name")
            .at(host(Sts::enforce().certificate(C::WrongName), good()))
            .defers("4.7.10", who::SENDER, "").leaks_if_ignored(),
        message("sts-enforce-expired", "P11a, S16", tag::NONE, "nothing asked; policy, and an expired certificate")
            .at(host(Sts::enforce(), expired()))
            .defers("4.7.5", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("sts-enforce-clear", "P6.9", tag::NONE, "nothing asked; policy, but no STARTTLS")
            .at(host(Sts::enforce(), good().no_starttls()))
            .defers("4.7.4", who::RECIPIENT, "mx").leaks_if_ignored(),
        message("sts-testing-expired", "S16, VX4", tag::NONE, "nothing asked; mode testing, an expired certificate")
            .at(host(Sts::testing(), expired()))
            .goes("mx", "", who::NOBODY, over_tls("mx")),
        message("sts-and-dane", "S22, VX5", tag::NONE, "signed: DANE decides, though the policy names another host")
            .at(|d| d.signed().mx("mx").peer(good().certificate(C::SelfSigned).dane_ee()).sts(Sts::enforce().mx("elsewhere.test")))
            .goes("mx", "", who::RECIPIENT, published("mx")),
        message("sts-no-requiretls", "P6.13", tag::R, "a policy, but the host does not offer REQUIRETLS")
            .at(host(Sts::enforce(), good().no_requiretls()))
            .bounces(550, "5.7.30", who::SENDER, "mx").leaks_if_ignored(),
    ]
}
