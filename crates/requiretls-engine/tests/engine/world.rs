//! Shorthand for the tests.

use crate::name_server::{Fault, NameServer, Zone};
use requiretls_core::domain::Domain;
use requiretls_core::facts::Facts;
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::site_policy::Rule;
use requiretls_engine::clock::Clock;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// When all of this happens, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) struct World {
    pub(crate) name_server: NameServer,
    /// Further settings.
    pub(crate) settings: String,
    /// Where policies are kept; empty: nowhere.
    pub(crate) directory: PathBuf,
    pub(crate) clock: Clock,
}

impl World {
    pub(crate) fn new(lines: &[&str], signed: &[&str], faults: &[(&str, Fault)]) -> Self {
        Self {
            name_server: NameServer::start(Zone::new(lines, signed, faults)),
            settings: String::new(),
            directory: PathBuf::new(),
            clock: Clock::fixed(NOW),
        }
    }

    /// What is found with these settings alone.
    pub(crate) fn with_config(text: &str, next_hop: &str) -> Facts {
        let text = format!("cache.directory = \"\"\n{text}\nprobe_signed = []");
        let config = Config::parse(text.as_bytes(), Path::new("world")).unwrap();
        let discovery = Discovery::open(&config)
            .unwrap()
            .with_clock(Clock::fixed(NOW));
        let question = Question {
            next_hop: &NextHop::parse(next_hop).unwrap(),
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: false,
        };
        discovery
            .lookup(&question, &Deadline::after(Duration::from_secs(5)))
            .into()
    }

    pub(crate) fn discovery(&self) -> Discovery {
        let server = self.name_server.address();
        let directory = &self.directory;
        let text = format!(
            "dns.servers = [\"{server}\"]\ndns.probe_signed = []\ncache.directory = {directory:?}\n{}",
            self.settings
        );
        let config = Config::parse(text.as_bytes(), Path::new("world")).unwrap();
        Discovery::open(&config).unwrap().with_clock(self.clock)
    }

    pub(crate) fn facts(&self, next_hop: &str) -> Facts {
        self.ask(next_hop, &[], &Rule::default(), false, 5_000)
    }

    pub(crate) fn ask(
        &self,
        next_hop: &str,
        hosts: &[&str],
        rule: &Rule,
        requiring: bool,
        budget: u64,
    ) -> Facts {
        let hosts: Vec<Host> = hosts.iter().map(|h| Host::parse(h).unwrap()).collect();
        let question = Question {
            next_hop: &NextHop::parse(next_hop).unwrap(),
            hosts: &hosts,
            port: 25,
            rule,
            requiring,
        };
        let deadline = Deadline::after(Duration::from_millis(budget));
        self.discovery().lookup(&question, &deadline).into()
    }
}

pub(crate) fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

/// The hosts' names, in order.
pub(crate) fn names(facts: &Facts) -> Vec<String> {
    facts.hosts.iter().map(|h| h.host.to_string()).collect()
}
