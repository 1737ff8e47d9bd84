//! What is a scenario?
//!
//! One message, the part of the world that it meets, and what must become of it. What must become
//! of it is written by hand from the statement that is named beside it; nothing here is computed
//! by the library that is on trial.

use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Domain};
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
#[derive(Clone, Debug)]
pub(super) struct Inbound {
    pub(super) dialects: &'static [&'static str],
    pub(super) advertise: bool,
    pub(super) tls: bool,
    /// A whole MAIL or RCPT command.
    pub(super) command: &'static str,
    /// Fields of the message's header.
    pub(super) header: &'static [(&'static str, &'static str)],
    /// A tag from before, and whether whoever wrote it may also lower.
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

/// The leak line: where a message may arrive at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum MayArrive {
    /// Wherever, in clear too.
    Anywhere,
    Nowhere,
    Only(Only),
}

/// The conditions of [`MayArrive::Only`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Only {
    /// At this host; empty: at any.
    pub(super) host: String,
    /// Over TLS.
    pub(super) tls: bool,
    pub(super) shown: Shown,
    /// MAIL has this parameter, and the peer offered its keyword inside TLS.
    pub(super) asking: Option<&'static str>,
}

/// Which certificate the peer must have shown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) enum Shown {
    #[default]
    Any,
    /// Valid, from the world's root, and for this name.
    Named(String),
    /// The very one that the host's TLSA record was made from.
    Published,
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

/// A command inside TLS to a server with the dialect of RFC 8689.
pub(super) fn heard(
    id: &'static str,
    statement: &'static str,
    command: &'static str,
    about: &'static str,
) -> Scenario {
    Scenario {
        id,
        group: "",
        statement,
        about,
        kind: Kind::Inbound(Inbound {
            dialects: &["rfc8689"],
            advertise: true,
            tls: true,
            command,
            header: &[],
            earlier: None,
        }),
        expected: ending("not_ours", 250, "2.0.0", "", None, ""),
    }
}

/// A message with this tag to the domain that is named after the scenario. It may arrive nowhere
/// until something else is said.
pub(super) fn message(
    id: &'static str,
    statement: &'static str,
    tag: &'static str,
    about: &'static str,
) -> Scenario {
    Scenario {
        id,
        group: "",
        statement,
        about,
        kind: Kind::Outbound(Box::new(Outbound {
            tag,
            next_hop: Some(own_domain(id)),
            null_path: false,
            auth: false,
            domains: Vec::new(),
            faults: Vec::new(),
            rule: "",
            settings: "",
            patience: Patience::Usual,
            before: None,
            may: MayArrive::Nowhere,
            hosts: Hosts::One,
            leaks_if_ignored: false,
        })),
        expected: ending("", 0, "", "", None, ""),
    }
}

/// The descriptions of inbound scenarios.
impl Scenario {
    fn inbound(mut self, change: impl FnOnce(&mut Inbound)) -> Self {
        if let Kind::Inbound(inbound) = &mut self.kind {
            change(inbound);
        }
        self
    }

    pub(super) fn in_clear(self) -> Self {
        self.inbound(|i| i.tls = false)
    }

    pub(super) fn dialects(self, words: &'static [&'static str]) -> Self {
        self.inbound(|i| i.dialects = words)
    }

    pub(super) fn not_advertised(self) -> Self {
        self.inbound(|i| i.advertise = false)
    }

    pub(super) fn header(self, fields: &'static [(&'static str, &'static str)]) -> Self {
        self.inbound(|i| i.header = fields)
    }

    pub(super) fn earlier(self, tag: &'static str, may_lower: bool) -> Self {
        self.inbound(|i| i.earlier = Some((tag, may_lower)))
    }

    pub(super) fn taken(mut self, tag: &'static str) -> Self {
        self.expected = ending("taken", 250, "2.0.0", "", None, tag);
        self
    }

    pub(super) fn refused(mut self, code: u16, enhanced: &'static str) -> Self {
        self.expected = ending("refused", code, enhanced, "", None, "!");
        self
    }
}

/// The descriptions of outbound scenarios. A host `mx` is below the scenario's own domain, `@` the
/// domain itself; one with a final dot is as it stands.
impl Scenario {
    fn change(mut self, change: impl FnOnce(&mut Outbound)) -> Self {
        if let Kind::Outbound(outbound) = &mut self.kind {
            change(outbound);
        }
        self
    }

    /// What there is at the domain that is named after the scenario.
    pub(super) fn at(self, describe: impl FnOnce(Domain) -> Domain) -> Self {
        let domain = Domain::new(&own_domain(self.id)).about(self.about);
        self.change(|o| o.domains.push(describe(domain)))
    }

    /// Another domain.
    pub(super) fn and(self, domain: Domain) -> Self {
        self.change(|o| o.domains.push(domain))
    }

    /// To another name below the scenario's own domain.
    pub(super) fn routed_to(self, name: &str) -> Self {
        let next_hop = full_name(self.id, name);
        self.change(|o| o.next_hop = Some(next_hop))
    }

    /// To the address of its first host, as a literal; such a host is called `[address].`
    pub(super) fn routed_to_address(self) -> Self {
        self.change(|o| o.next_hop = None)
    }

    pub(super) fn null_path(self) -> Self {
        self.change(|o| o.null_path = true)
    }

    pub(super) fn auth(self) -> Self {
        self.change(|o| o.auth = true)
    }

    /// `name` is below the scenario's own domain.
    pub(super) fn fault(self, name: &str, kind: RecordType, fault: AuthorityFault) -> Self {
        let name = full_name(self.id, name);
        self.change(|o| o.faults.push((name, kind, fault)))
    }

    pub(super) fn rule(self, table: &'static str) -> Self {
        self.change(|o| o.rule = table)
    }

    pub(super) fn settings(self, toml: &'static str) -> Self {
        self.change(|o| o.settings = toml)
    }

    pub(super) fn on_ipv6(self) -> Self {
        self.change(|o| o.hosts = Hosts::OnIpv6)
    }

    pub(super) fn with_several_hosts(self) -> Self {
        self.change(|o| o.hosts = Hosts::Several)
    }

    pub(super) fn patience(self, patience: Patience) -> Self {
        self.change(|o| o.patience = patience)
    }

    pub(super) fn after(self, tag: &'static str, next_hop: &str, is_reused: bool) -> Self {
        let next_hop = full_name(self.id, next_hop);
        self.change(|o| {
            o.before = Some(Before {
                tag,
                next_hop,
                is_reused,
            });
        })
    }

    /// It goes to this host with these parameters.
    pub(super) fn goes(mut self, host: &str, with: &str, who: &str, may: MayArrive) -> Self {
        let host = full_name(self.id, host);
        self.expected = ending("go", 250, "2.0.0", who, Some(host), with);
        let id = self.id;
        self.change(|o| o.may = may.in_full(id))
    }

    /// It is kept; `host` was tried last, or empty.
    pub(super) fn defers(mut self, enhanced: &str, who: &str, host: &str) -> Self {
        let host = (!host.is_empty()).then(|| full_name(self.id, host));
        self.expected = ending("defer", 451, enhanced, who, host, "");
        self
    }

    /// It is returned.
    pub(super) fn bounces(mut self, code: u16, enhanced: &str, who: &str, host: &str) -> Self {
        let host = (!host.is_empty()).then(|| full_name(self.id, host));
        self.expected = ending("bounce", code, enhanced, who, host, "");
        self
    }

    /// It does not end with go, but parts of it may have arrived there.
    pub(super) fn may(self, may: MayArrive) -> Self {
        let id = self.id;
        self.change(|o| o.may = may.in_full(id))
    }

    pub(super) fn leaks_if_ignored(self) -> Self {
        self.change(|o| o.leaks_if_ignored = true)
    }
}

/// The beginnings of leak lines.
pub(super) fn anywhere() -> MayArrive {
    MayArrive::Anywhere
}

/// Over TLS, whatever the certificate.
pub(super) fn over_tls(host: &str) -> MayArrive {
    MayArrive::Only(Only {
        host: host.to_owned(),
        tls: true,
        ..Only::default()
    })
}

/// Over TLS with a valid certificate for a name.
pub(super) fn named(host: &str, name: &str) -> MayArrive {
    MayArrive::Only(Only {
        host: host.to_owned(),
        tls: true,
        shown: Shown::Named(name.to_owned()),
        asking: None,
    })
}

/// Over TLS with the certificate that DNS names.
pub(super) fn published(host: &str) -> MayArrive {
    MayArrive::Only(Only {
        host: host.to_owned(),
        tls: true,
        shown: Shown::Published,
        asking: None,
    })
}

impl MayArrive {
    /// And only with this parameter.
    pub(super) fn asking(self, parameter: &'static str) -> Self {
        match self {
            Self::Only(only) => Self::Only(Only {
                asking: Some(parameter),
                ..only
            }),
            other => other,
        }
    }

    fn in_full(self, id: &str) -> Self {
        match self {
            Self::Only(only) => Self::Only(Only {
                host: if only.host.is_empty() {
                    only.host
                } else {
                    full_name(id, &only.host)
                },
                shown: match only.shown {
                    Shown::Named(name) => Shown::Named(full_name(id, &name)),
                    other => other,
                },
                ..only
            }),
            other => other,
        }
    }
}

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

pub(super) fn own_domain(id: &str) -> String {
    format!("{id}.test")
}

fn full_name(id: &str, name: &str) -> String {
    match name {
        "@" => own_domain(id),
        _ => name
            .strip_suffix('.')
            .map_or_else(|| format!("{name}.{id}.test"), str::to_owned),
    }
}
