//! What is there to know about one domain of the world, in one sentence?
//!
//! `Domain::new("dane.test").signed().mx("mx").peer(Peer::good().dane_ee())`: its zone, its hosts
//! with their peers, its policy. Names without a final dot are below the domain.

use crate::peer::Peer;
use crate::sts_server::Sts;
use crate::zone::{Zone, ZoneError};
use hickory_resolver::proto::rr::RecordType;
use std::fmt::Write as _;
use std::net::IpAddr;

/// A domain: zone, hosts, policy.
#[derive(Clone, Debug)]
pub struct Domain {
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) hosts: Vec<Host>,
    pub(crate) sts: Option<Sts>,
    records: Vec<String>,
    signed: bool,
    shapes: Vec<fn(Zone) -> Zone>,
    altered: Vec<String>,
    damaged: Vec<(String, RecordType)>,
}

/// A host of a domain; one with a final dot in its name belongs to another.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    name: String,
    preference: Option<u16>,
    /// One for each of its addresses.
    pub(crate) peers: Vec<Peer>,
}

/// Where a host's peer came to listen, and what its TLSA records say.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) host: String,
    pub(crate) address: IpAddr,
    pub(crate) tlsa: Vec<String>,
}

impl Domain {
    /// An unsigned domain without any host.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.trim_end_matches('.').to_ascii_lowercase(),
            about: String::new(),
            hosts: Vec::new(),
            sts: None,
            records: Vec::new(),
            signed: false,
            shapes: Vec::new(),
            altered: Vec::new(),
            damaged: Vec::new(),
        }
    }

    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is there for, in a few words.
    #[must_use]
    pub fn about(mut self, words: &str) -> Self {
        words.clone_into(&mut self.about);
        self
    }

    /// Its zone is signed, with a DS in the parent.
    #[must_use]
    pub fn signed(mut self) -> Self {
        self.signed = true;
        self
    }

    /// Its zone is signed and has this shape or defect: `Zone::expired`, `Zone::wrong_ds`.
    #[must_use]
    pub fn zone(mut self, shape: fn(Zone) -> Zone) -> Self {
        self.shapes.push(shape);
        self.signed()
    }

    /// Its zone is signed, and then these records take the place of others: [`Zone::altered`].
    #[must_use]
    pub fn altered(mut self, records: &str) -> Self {
        self.altered.push(records.to_owned());
        self.signed()
    }

    /// Its zone is signed, and then one signature is damaged: [`Zone::damaged`].
    #[must_use]
    pub fn damaged(mut self, name: &str, record_type: RecordType) -> Self {
        self.damaged.push((name.to_owned(), record_type));
        self.signed()
    }

    /// A mail host, less preferred than those before it.
    #[must_use]
    pub fn mx(self, host: &str) -> Self {
        let preferences = self.hosts.iter().filter_map(|h| h.preference);
        let preference = preferences.max().unwrap_or(0).saturating_add(10);
        self.mx_at(preference, host)
    }

    /// A mail host with this preference.
    #[must_use]
    pub fn mx_at(mut self, preference: u16, host: &str) -> Self {
        self.hosts.push(Host {
            name: host.to_ascii_lowercase(),
            preference: Some(preference),
            peers: Vec::new(),
        });
        self
    }

    /// A host without an MX record: a smart host, or another domain's mail host; `@` is the domain
    /// itself.
    #[must_use]
    pub fn host(mut self, name: &str) -> Self {
        self.hosts.push(Host {
            name: name.to_ascii_lowercase(),
            preference: None,
            peers: Vec::new(),
        });
        self
    }

    /// Null MX (RFC 7505).
    #[must_use]
    pub fn null_mx(self) -> Self {
        self.record("@ MX 0 .")
    }

    /// Behind one more address of the last host; where no host was named, of the domain itself,
    /// which then has no MX.
    #[must_use]
    pub fn peer(self, peer: Peer) -> Self {
        let mut domain = if self.hosts.is_empty() {
            self.host("@")
        } else {
            self
        };
        if let Some(host) = domain.hosts.last_mut() {
            host.peers.push(peer);
        }
        domain
    }

    /// Its policy host.
    #[must_use]
    pub fn sts(mut self, page: Sts) -> Self {
        self.sts = Some(page);
        self
    }

    /// A further line of its zone.
    #[must_use]
    pub fn record(mut self, line: &str) -> Self {
        self.records.push(line.to_owned());
        self
    }

    /// The names of its mail hosts.
    pub(crate) fn mail_hosts(&self) -> impl Iterator<Item = String> {
        let mail_hosts = self.hosts.iter().filter(|h| h.preference.is_some());
        mail_hosts.map(|host| host.full_name(&self.name))
    }

    /// Its zone, where its peers are placed so.
    pub(crate) fn build_zone(
        &self,
        port: u16,
        placed: &[Placed],
        policy_host: IpAddr,
    ) -> Result<Zone, ZoneError> {
        let text = self.zone_text(port, placed, policy_host);
        let mut zone = Zone::from_text(&self.name, &text)?;
        if !self.signed {
            zone = zone.unsigned();
        }
        for shape in &self.shapes {
            zone = shape(zone);
        }
        for records in &self.altered {
            zone = zone.altered(records)?;
        }
        for (name, record_type) in &self.damaged {
            zone = zone.damaged(name, *record_type)?;
        }
        Ok(zone)
    }

    fn zone_text(&self, port: u16, placed: &[Placed], policy_host: IpAddr) -> String {
        let mut text = String::new();
        for host in &self.hosts {
            if let Some(preference) = host.preference {
                let _ = writeln!(text, "@ MX {preference} {}", host.name);
            }
        }
        for Placed {
            host,
            address,
            tlsa,
        } in placed
        {
            let kind = if address.is_ipv4() { "A" } else { "AAAA" };
            let _ = writeln!(text, "{host}. {kind} {address}");
            for data in tlsa {
                let _ = writeln!(text, "_{port}._tcp.{host}. TLSA {data}");
            }
        }
        if let Some(page) = &self.sts {
            for record in &page.txt {
                let quoted = record.replace('\\', "\\\\").replace('"', "\\\"");
                let _ = writeln!(text, "_mta-sts TXT \"{quoted}\"");
            }
            let _ = writeln!(text, "mta-sts A {policy_host}");
        }
        for record in &self.records {
            let _ = writeln!(text, "{record}");
        }
        text
    }
}

impl Host {
    /// Without a final dot.
    pub(crate) fn full_name(&self, domain: &str) -> String {
        match self.name.strip_suffix('.') {
            Some(name) => name.to_owned(),
            None if self.name == "@" => domain.to_owned(),
            None => format!("{}.{domain}", self.name),
        }
    }

    pub(crate) fn is_foreign(&self) -> bool {
        self.name.ends_with('.')
    }
}
