//! A world of the testbed, and a configuration with a cache that leads into it.

use super::Context;
use requiretls_core::domain::Domain as Name;
use requiretls_core::mta_sts::Policy;
use requiretls_engine::cache::{Cache, KeptPolicy};
use requiretls_engine::config;
use requiretls_testbed::{CONFIG_FILE, DnsMode, Domain, World};
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;
use tempfile::TempDir;

pub(super) struct Testbed {
    pub(super) world: World,
    directory: TempDir,
}

impl Testbed {
    pub(super) fn start(domains: impl IntoIterator<Item = Domain>) -> Self {
        let world = World::builder().domains(domains).start().expect("a world");
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("kept")).expect("a directory");
        world.write(directory.path(), DnsMode::Ad).expect("files");
        let testbed = Self { world, directory };
        let kept = format!("directory = \"{}\"", testbed.kept().display());
        testbed.change("directory = \"\"", &kept);
        testbed
    }

    /// Changes a line of the configuration.
    pub(super) fn change(&self, line: &str, by: &str) {
        let text = fs::read_to_string(self.config()).expect("a file");
        assert!(text.contains(line), "no {line} in {text}");
        fs::write(self.config(), text.replace(line, by)).expect("a file");
    }

    pub(super) fn config(&self) -> PathBuf {
        self.directory.path().join(CONFIG_FILE)
    }

    fn kept(&self) -> PathBuf {
        self.directory.path().join("kept")
    }

    pub(super) fn context(&self) -> Context {
        Context::read(&self.config())
    }

    pub(super) fn cache(&self) -> Cache {
        Cache::open(&config::Cache {
            directory: Some(self.kept()),
            owners: Vec::new(),
        })
    }

    /// Keeps a policy of mode enforce that was fetched so many seconds ago.
    pub(super) fn keep(&self, domain: &str, host: &str, age: u64) {
        let text = format!("version: STSv1\nmode: enforce\nmx: {host}\nmax_age: 604800\n");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.expect("a clock").as_secs();
        let kept = KeptPolicy {
            policy: Policy::parse(text.as_bytes()).expect("a policy"),
            id: "1".to_owned(),
            fetched: now - age,
        };
        assert!(self.cache().keep(&name(domain), &kept, now));
    }

    /// How often a policy was fetched.
    pub(super) fn requests(&self) -> usize {
        self.world.sts().requests().len()
    }
}

pub(super) fn name(domain: &str) -> Name {
    Name::parse(domain.as_bytes()).expect("a name")
}
