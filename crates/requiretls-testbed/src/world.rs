//! How do zones, peers and policies become one world?
//!
//! Each domain is one sentence ([`Domain`]). The world claims a block of loopback addresses, starts
//! the peers there, then signs the zones that name them. When it ends it checks the rule above all
//! by itself: nothing that asks for protection came outside TLS.

mod placing;

use crate::block::Block;
use crate::clock::Clock;
use crate::dns_server::{DnsError, DnsWorld, DnsWorldSpec};
use crate::domain::Domain;
use crate::pki::Pki;
use crate::session_log::{Leak, SessionLog};
use crate::smtp_peer::SmtpPeer;
use crate::sts_server::StsServer;
use crate::zone::{Zone, ZoneError};
use placing::{Inhabited, Placing};
use std::fmt::{self, Write as _};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// Where peers listen, but for [`WorldBuilder::smtp_port`]: in the place of 25, also in the names of TLSA records.
pub const SMTP_PORT: u16 = 2525;
/// Where policy hosts listen.
pub const HTTPS_PORT: u16 = 8443;
/// Where the name server listens, but for [`WorldBuilder::dns_port`].
pub const DNS_PORT: u16 = 5353;

/// A running world; it ends when it is dropped.
#[derive(Debug)]
pub struct World {
    clock: Clock,
    pki: Arc<Pki>,
    log: SessionLog,
    dns: DnsWorld,
    sts: StsServer,
    domains: Vec<Inhabited>,
    port: u16,
    checked: bool,
    /// Dropped last: nobody else may have the addresses before.
    _block: Block,
}

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldBuilder {
    domains: Vec<Domain>,
    zones: Vec<Zone>,
    clock: Clock,
    smtp_port: u16,
    dns_port: u16,
}

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            domains: Vec::new(),
            zones: Vec::new(),
            clock: Clock::default(),
            smtp_port: SMTP_PORT,
            dns_port: DNS_PORT,
        }
    }
}

/// Whose word on DNSSEC counts, in the configuration of whoever asks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum DnsMode {
    /// The world's resolver, by its AD bit.
    #[default]
    Ad,
    /// Their own, under the world's trust anchor.
    Validate,
}

impl WorldBuilder {
    /// Adds a domain.
    #[must_use]
    pub fn domain(mut self, domain: Domain) -> Self {
        self.domains.push(domain);
        self
    }

    /// Adds several.
    #[must_use]
    pub fn domains(mut self, domains: impl IntoIterator<Item = Domain>) -> Self {
        self.domains.extend(domains);
        self
    }

    /// Adds a zone without hosts, one between the root and the domains say.
    #[must_use]
    pub fn zone(mut self, zone: Zone) -> Self {
        self.zones.push(zone);
        self
    }

    /// The world's time; without it, the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Peers listen at this port instead of [`SMTP_PORT`]: at 25, in a network of the world's own, mail servers find them
    /// that know no other.
    #[must_use]
    pub fn smtp_port(mut self, port: u16) -> Self {
        self.smtp_port = port;
        self
    }

    /// The name server listens at this port instead of [`DNS_PORT`]: at 53, in a network of the world's own, every resolver
    /// finds it.
    #[must_use]
    pub fn dns_port(mut self, port: u16) -> Self {
        self.dns_port = port;
        self
    }

    /// Starts everything.
    ///
    /// # Errors
    /// An address cannot be had, or a zone is wrong.
    pub fn start(self) -> Result<World, WorldError> {
        let block = Block::claim()?;
        let pki = Arc::new(Pki::new(self.clock.now())?);
        let log = SessionLog::default();
        let services = IpAddr::V4(block.address(SERVICES));
        let sts = StsServer::start(SocketAddr::new(services, HTTPS_PORT), Arc::clone(&pki))?;
        let mut placing = Placing {
            block: &block,
            pki: &pki,
            log: &log,
            port: self.smtp_port,
            last: SERVICES,
        };
        let (mut zones, mut domains) = (self.zones, Vec::new());
        for domain in self.domains {
            let (inhabited, placed) = placing.inhabit(&domain)?;
            zones.push(domain.build_zone(inhabited.port, &placed, services)?);
            if let Some(page) = domain.sts.clone() {
                let page = page.or_hosts(domain.mail_hosts());
                sts.publish(&domain.name, page)?;
            }
            domains.push(inhabited);
        }
        let dns = DnsWorld::start(DnsWorldSpec {
            zones,
            addresses: vec![SocketAddr::new(services, self.dns_port)],
            clock: self.clock.clone(),
        })?;
        Ok(World {
            clock: self.clock,
            pki,
            log,
            dns,
            sts,
            domains,
            port: self.smtp_port,
            checked: false,
            _block: block,
        })
    }
}

impl World {
    /// An empty one, to be described.
    #[must_use]
    pub fn builder() -> WorldBuilder {
        WorldBuilder::default()
    }

    /// Its time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Its name server: faults, and what was asked.
    #[must_use]
    pub fn dns(&self) -> &DnsWorld {
        &self.dns
    }

    /// Its policy hosts: new pages, and what was fetched.
    #[must_use]
    pub fn sts(&self) -> &StsServer {
        &self.sts
    }

    /// What its peers received.
    #[must_use]
    pub fn sessions(&self) -> &SessionLog {
        &self.log
    }

    /// The port that a domain's peers listen on, and that its TLSA records are named by:
    /// the same for all, but for domains with a peer on `::1`. That address is the same for all
    /// worlds of a machine, so such a domain has a port of its own.
    #[must_use]
    pub fn port(&self, domain: &str) -> u16 {
        let found = self.domains.iter().find(|d| d.name == domain);
        found.map_or(self.port, |d| d.port)
    }

    /// The peers that listen for a host, in the order of its addresses.
    #[must_use]
    pub fn peers(&self, host: &str) -> Vec<&SmtpPeer> {
        let peers = self.domains.iter().flat_map(|d| &d.peers);
        let of_host = peers.filter(|(name, _)| name == host);
        of_host.map(|(_, peer)| peer).collect()
    }

    /// The root that its policy hosts and good peers have their certificates from, as PEM.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.pki.ca_pem()
    }

    /// The same as DER.
    #[must_use]
    pub fn ca_der(&self) -> &[u8] {
        self.pki.ca_der()
    }

    /// The root's keys as DNSKEY records.
    #[must_use]
    pub fn trust_anchor(&self) -> &str {
        self.dns.trust_anchor()
    }

    /// The configuration that leads into this world. It names [`CA_FILE`] and [`ANCHOR_FILE`], in
    /// the directory of the file that it is in; further tables can follow it.
    #[must_use]
    pub fn config_toml(&self, mode: DnsMode) -> String {
        let mode = match mode {
            DnsMode::Ad => "ad",
            DnsMode::Validate => "validate",
        };
        let server = self.dns.address();
        format!(
            "[dns]\nmode = \"{mode}\"\nservers = [\"{server}\"]\ntrusted = true\n\
             trust_anchor = \"{ANCHOR_FILE}\"\n\n\
             [sts]\nca_file = \"{CA_FILE}\"\nport = {HTTPS_PORT}\n\
             allow_private_addresses = true\n\n\
             [cache]\ndirectory = \"\"\n"
        )
    }

    /// Domain, port, host and address of every peer that listens, one a line; what a domain is
    /// there for stands before it, behind `#`.
    #[must_use]
    pub fn domains_txt(&self) -> String {
        let mut text = "# domain port host address\n".to_owned();
        for Inhabited {
            name,
            about,
            port,
            peers,
        } in &self.domains
        {
            let _ = writeln!(text, "# {name}: {about}");
            for (host, peer) in peers {
                let _ = writeln!(text, "{name} {port} {host} {}", peer.address().ip());
            }
        }
        text
    }

    /// Writes the files by which another process finds this world.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn write(&self, directory: &Path, mode: DnsMode) -> io::Result<()> {
        let files = [
            (CA_FILE, self.ca_pem().to_owned()),
            (ANCHOR_FILE, self.trust_anchor().to_owned()),
            (DOMAINS_FILE, self.domains_txt()),
            // Last, since whoever sees it finds all of them.
            (CONFIG_FILE, self.config_toml(mode)),
        ];
        for (name, content) in files {
            std::fs::write(directory.join(name), content)?;
        }
        Ok(())
    }

    /// Ends it, and says what came outside TLS though it asked for protection. A world that is
    /// just dropped panics where this is not empty.
    #[must_use]
    pub fn stop(mut self) -> Vec<Leak> {
        self.checked = true;
        self.domains.clear();
        self.log.leaks()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // Every peer has ended before the log is read.
        self.domains.clear();
        if !self.checked && !std::thread::panicking() {
            let leaks = self.log.leaks();
            assert!(leaks.is_empty(), "came outside TLS: {leaks:#?}");
        }
    }
}

/// The configuration.
pub const CONFIG_FILE: &str = "requiretls.conf";
/// The root certificate.
pub const CA_FILE: &str = "ca.pem";
/// The root's DNSKEY.
pub const ANCHOR_FILE: &str = "anchor.key";
/// What is there.
pub const DOMAINS_FILE: &str = "domains.txt";

/// The last octet of the address of policy hosts and name server; peers have those above it.
const SERVICES: u8 = 2;

/// Why a world does not start.
#[derive(Debug)]
pub enum WorldError {
    /// What was described cannot be.
    Description(String),
    /// The name server.
    Dns(DnsError),
    /// An address, a thread or a certificate cannot be had.
    Io(io::Error),
    /// A zone is wrong.
    Zone(ZoneError),
}

impl fmt::Display for WorldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Description(what) => f.write_str(what),
            Self::Dns(error) => error.fmt(f),
            Self::Io(error) => error.fmt(f),
            Self::Zone(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for WorldError {}

impl From<DnsError> for WorldError {
    fn from(error: DnsError) -> Self {
        Self::Dns(error)
    }
}

impl From<io::Error> for WorldError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<ZoneError> for WorldError {
    fn from(error: ZoneError) -> Self {
        Self::Zone(error)
    }
}
