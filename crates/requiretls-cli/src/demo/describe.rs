//! How is a scenario written down?
//!
//! In one sentence: who asks for what, what is there, and what must become of it.

use super::scenario::{Before, Hosts, Inbound, Kind, Outbound, Patience, Scenario, ending};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{AuthorityFault, Domain, MayArrive, Only, Shown};

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
        self.change(|o| o.may = in_full(may, id))
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
        self.change(|o| o.may = in_full(may, id))
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
    MayArrive::over_tls(host)
}

/// Over TLS with a valid certificate for a name.
pub(super) fn named(host: &str, name: &str) -> MayArrive {
    MayArrive::named(host, name)
}

/// Over TLS with the certificate that DNS names.
pub(super) fn published(host: &str) -> MayArrive {
    MayArrive::published(host)
}

/// Names below the scenario's own domain become whole ones.
fn in_full(may: MayArrive, id: &str) -> MayArrive {
    match may {
        MayArrive::Only(only) => MayArrive::Only(Only {
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

fn own_domain(id: &str) -> String {
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
