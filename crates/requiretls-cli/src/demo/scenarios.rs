//! Which scenarios are there?
//!
//! Each with its expectation beside a statement: R of RFC 8689, F of the draft, L of the tls-level
//! proposal, P of the precedence tables, VX and V* of the vectors.

mod certificates;
mod discovery;
mod hosts;
mod inbound;
mod policies;
mod site;
mod tls;

use super::scenario::Scenario;

/// All of them, in the order of the table.
pub(super) fn all() -> Vec<Scenario> {
    let groups = [
        ("What the sender asks for", inbound::scenarios()),
        ("TLS with one host", tls::scenarios()),
        ("Certificates", certificates::scenarios()),
        ("DNS and DNSSEC", discovery::scenarios()),
        ("DANE and MTA-STS", policies::scenarios()),
        ("Several hosts, open connections, IPv6", hosts::scenarios()),
        ("Downgrades, bounces, site rules", site::scenarios()),
    ];
    groups
        .into_iter()
        .flat_map(|(group, scenarios)| {
            let named = move |scenario| Scenario { group, ..scenario };
            scenarios.into_iter().map(named)
        })
        .collect()
}

/// Tags as they are kept.
mod tag {
    pub(super) const NONE: &str = "";
    /// REQUIRETLS.
    pub(super) const R: &str = "1.secure.onward";
    /// `TLS-Required: No`.
    pub(super) const H: &str = "1.no";
    /// TLSPOLICY=ENCRYPT.
    pub(super) const LE: &str = "1.encrypt";
    /// TLSPOLICY=SECURE.
    pub(super) const LS: &str = "1.secure";
    /// The draft's REQUIRETLS=CHAIN.
    pub(super) const FC: &str = "1.encrypt.onward.chain";
    /// The draft's REQUIRETLS=CHAIN,DNSSEC.
    pub(super) const FC_DNSSEC: &str = "1.encrypt.onward.chain.dnssec";
    /// The draft's REQUIRETLS=DANE.
    pub(super) const FD: &str = "1.secure.onward.dane";
}

/// Who imposed it.
mod who {
    pub(super) const NOBODY: &str = "nobody";
    pub(super) const RECIPIENT: &str = "recipient";
    pub(super) const SENDER: &str = "sender";
    pub(super) const SITE: &str = "site";
}

const REQUIRETLS: &str = "REQUIRETLS";
const RET_HDRS: &str = "RET=HDRS";
