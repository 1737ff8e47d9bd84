//! What is a scenario?
//!
//! One message, the part of the world that it meets, and what must become of it. What must become
//! of it is written by hand from the statement that is named beside it; nothing here is computed
//! by the library that is on trial.

use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Domain, MayArrive};
use serde::Serialize;

/// One scenario.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    /// Short and unique; `--filter` finds it, and the message carries it.
    pub(super) id: &'static str,
    /// What it belongs to, for the table.
    pub(super) group: &'static str,
    /// Where the expectation comes from.
    pub(super) statement: &'static str,
    /// One plain sentence.
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    /// By hand.
    pub(super) expected: Ending,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Inbound(Inbound),
    Outbound(Box<Outbound>),
}

/// What the mail server hears and asks the library about.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Inbound {
    pub(super) dialects: &'static [&'static str],
    pub(super) advertise: bool,
    pub(super) tls: bool,
    /// A whole MAIL or RCPT command.
    pub(super) command: &'static str,
    /// Fields of the message's header.
    pub(super) header: &'static [(&'static str, &'static str)],
    /// A tag from before, and whether whoever wrote it may also lower.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) earlier: Option<(&'static str, bool)>,
}

/// A message on its way out.
#[derive(Clone, Debug)]
pub(super) struct Outbound {
    /// The tag as kept.
    pub(super) tag: &'static str,
    /// The next hop; `None`: the address of the first host, as a literal.
    pub(super) next_hop: Option<String>,
    pub(super) null_path: bool,
    pub(super) auth: bool,
    /// What is there.
    pub(super) domains: Vec<Domain>,
    pub(super) faults: Vec<(String, RecordType, AuthorityFault)>,
    /// The site's `[next_hop]` table for the next hop.
    pub(super) rule: &'static str,
    /// Further settings of the site, for this message alone.
    pub(super) settings: &'static str,
    pub(super) patience: Patience,
    /// A message before it, whose connection is kept.
    pub(super) before: Option<Before>,
    /// Where it may arrive.
    pub(super) may: MayArrive,
    pub(super) hosts: Hosts,
    /// A client that does not listen to the library leaks here.
    pub(super) leaks_if_ignored: bool,
}

/// What kind of hosts there are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hosts {
    One,
    /// One that is on IPv6 alone.
    OnIpv6,
    /// Or one with several addresses.
    Several,
}

/// The message before.
#[derive(Clone, Debug)]
pub(super) struct Before {
    pub(super) tag: &'static str,
    pub(super) next_hop: String,
    /// Whether the second message rides on the first one's connection.
    pub(super) is_reused: bool,
}

/// Who is waited for less long, so that silence costs little.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Patience {
    #[default]
    Usual,
    ShortWithDns,
    ShortWithPeers,
}

/// How it ends, as expected and as it happened.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub(super) struct Ending {
    /// Outbound: go, defer, bounce. Inbound: taken, `not_ours`, refused.
    pub(super) action: String,
    pub(super) code: u16,
    pub(super) enhanced: String,
    /// Who imposed it.
    pub(super) who: String,
    /// The host that got the message or was tried last.
    pub(super) host: Option<String>,
    /// Outbound: the parameters that MAIL FROM went with. Inbound: the tag.
    pub(super) with: String,
}

impl Scenario {
    pub(super) fn is_inbound(&self) -> bool {
        matches!(self.kind, Kind::Inbound(_))
    }

    pub(super) fn outbound(&self) -> Option<&Outbound> {
        match &self.kind {
            Kind::Inbound(_) => None,
            Kind::Outbound(outbound) => Some(outbound),
        }
    }

    /// Whether `--filter` means this one.
    pub(super) fn is_about(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        [self.id, self.group, self.statement, self.about]
            .iter()
            .any(|field| field.to_lowercase().contains(&text))
    }
}

/// In the order of the fields.
pub(super) fn ending(
    action: &str,
    code: u16,
    enhanced: &str,
    who: &str,
    host: Option<String>,
    with: &str,
) -> Ending {
    Ending {
        action: action.to_owned(),
        code,
        enhanced: enhanced.to_owned(),
        who: who.to_owned(),
        host,
        with: with.to_owned(),
    }
}
