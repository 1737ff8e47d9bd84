//! Where does it all happen?
//!
//! One world for all scenarios: each has domains of its own, so that they can run at the same
//! time. The site's rules go through the same configuration file that a mail server would have.

use super::scenario::{Outbound, Scenario};
use requiretls_engine::{Config, Discovery};
use requiretls_testbed::{CONFIG_FILE, DNS_PORT, DnsMode, SMTP_PORT, World};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::net::{Ipv6Addr, TcpListener};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Whose word on DNSSEC counts.
const MODE: DnsMode = DnsMode::Validate;

/// Where mail hosts and the name server listen.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) smtp: u16,
    dns: u16,
}

impl Ports {
    /// Anybody may listen there.
    pub(super) const UNPRIVILEGED: Self = Self {
        smtp: SMTP_PORT,
        dns: DNS_PORT,
    };
    /// Root alone may.
    pub(super) const MAIL: Self = Self { smtp: 25, dns: 53 };
}

/// A running world, and the site that sends into it.
pub(super) struct Scene {
    world: Option<World>,
    ports: Ports,
    directory: TempDir,
    /// The site by its further settings; the usual one has none.
    sites: BTreeMap<&'static str, Site>,
}

/// The configuration as read, and what it opens.
pub(super) struct Site {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    pub(super) discovery: Discovery,
}

impl Scene {
    /// Builds everything that these scenarios meet.
    pub(super) fn set(scenarios: &[&Scenario], ports: Ports) -> Result<Self, Box<dyn Error>> {
        let outbound: Vec<&Outbound> = scenarios.iter().filter_map(|s| s.outbound()).collect();
        let domains = outbound.iter().flat_map(|o| o.domains.clone());
        let world = World::builder()
            .smtp_port(ports.smtp)
            .dns_port(ports.dns)
            .domains(domains)
            .start()?;
        let mut scene = Self {
            world: None,
            ports,
            directory: tempfile::Builder::new()
                .prefix("requiretls-demo-")
                .tempdir()?,
            sites: BTreeMap::new(),
        };
        let world = scene.world.insert(world);
        for (name, kind, fault) in outbound.iter().flat_map(|o| &o.faults) {
            // Scenarios know one port; TLSA records are named by the one that is.
            let (usual, other) = (
                format!("_{SMTP_PORT}._tcp"),
                format!("_{}._tcp", ports.smtp),
            );
            let name = name.replace(&usual, &other);
            world
                .dns()
                .faults()
                .authority(&name, *kind, fault.clone())?;
        }
        world.write(scene.directory.path(), MODE)?;
        let usual = world.config_toml(MODE) + &rules(world, &outbound);
        let path = scene.directory.path().join(CONFIG_FILE);
        std::fs::write(&path, &usual)?;
        scene.sites.insert("", Site::open(&usual, &path)?);
        for further in outbound.iter().map(|o| o.settings) {
            if !scene.sites.contains_key(further) {
                let text = format!("{usual}\n{further}");
                let name = format!("requiretls-{}.conf", scene.sites.len());
                let path = scene.directory.path().join(name);
                std::fs::write(&path, &text)?;
                scene.sites.insert(further, Site::open(&text, &path)?);
            }
        }
        Ok(scene)
    }

    /// The world; `None` at its end alone.
    pub(super) fn world(&self) -> Option<&World> {
        self.world.as_ref()
    }

    pub(super) fn ports(&self) -> Ports {
        self.ports
    }

    /// The site with these further settings.
    pub(super) fn site(&self, settings: &str) -> Option<&Site> {
        self.sites.get(settings)
    }

    /// The file by which another process finds the world, as this scenario's site has it.
    pub(super) fn config_file(&self, settings: &str) -> PathBuf {
        let usual = || self.directory.path().join(CONFIG_FILE);
        self.site(settings)
            .map_or_else(usual, |site| site.path.clone())
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Scene {
    /// A world that is only dropped judges by itself, and knows no hop modes.
    fn drop(&mut self) {
        if let Some(world) = self.world.take() {
            let _ = world.stop();
        }
    }
}

impl Site {
    fn open(text: &str, path: &Path) -> Result<Self, Box<dyn Error>> {
        let config = Config::parse(text.as_bytes(), path)?;
        let discovery = Discovery::open(&config)?;
        Ok(Self {
            path: path.to_owned(),
            config,
            discovery,
        })
    }
}

/// Whether this machine has IPv6 at all.
pub(super) fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// Where a scenario's message is routed to.
pub(super) fn next_hop(world: &World, scenario: &Scenario, outbound: &Outbound) -> String {
    outbound.next_hop.clone().unwrap_or_else(|| {
        let host = format!("mx.{}.test", scenario.id);
        let peers = world.peers(&host);
        let address = peers.first().map(|peer| peer.address().ip());
        address.map(|ip| format!("[{ip}]")).unwrap_or_default()
    })
}

/// The `[next_hop]` tables of all scenarios.
fn rules(world: &World, outbound: &[&Outbound]) -> String {
    let mut text = String::new();
    for message in outbound.iter().filter(|o| !o.rule.is_empty()) {
        let Some(next_hop) = &message.next_hop else {
            continue;
        };
        let rule = message.rule.replace("{key}", &key(world, next_hop));
        let _ = writeln!(text, "\n[next_hop.\"{next_hop}\"]\n{rule}");
    }
    text
}

/// The SHA-256 of the key that the domain's host shows, as in TLSA 3 1 1.
fn key(world: &World, domain: &str) -> String {
    let peers = world.peers(&format!("mx.{domain}"));
    let record = peers
        .first()
        .map(|peer| peer.credential().tlsa(3, 1, 1).to_string());
    let key = record
        .as_deref()
        .and_then(|record| record.split(' ').next_back());
    key.unwrap_or_default().to_owned()
}
