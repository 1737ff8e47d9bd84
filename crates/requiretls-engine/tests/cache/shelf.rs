//! Shorthand for the tests: a directory with a cache in it.

use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::Policy;
use requiretls_engine::cache::{Cache, KeptPolicy};
use requiretls_engine::config;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// When all of this happens, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) struct Shelf {
    pub(crate) directory: TempDir,
    pub(crate) cache: Cache,
}

impl Shelf {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache_in(directory.path(), &[]);
        Self { directory, cache }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The file that is there for a domain.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        files_in(self.path())
            .into_iter()
            .find(|path| path.file_name().unwrap() == name)
            .unwrap_or_else(|| panic!("no file {name}"))
    }
}

pub(crate) fn cache_in(directory: &Path, owners: &[&str]) -> Cache {
    Cache::open(&config::Cache {
        directory: Some(directory.to_owned()),
        owners: owners.iter().map(|&o| o.to_owned()).collect(),
    })
}

/// All files two levels down.
pub(crate) fn files_in(directory: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(path).unwrap();
        entries.map(|e| e.unwrap().path()).collect()
    };
    let buckets = entries(directory).into_iter().filter(|path| path.is_dir());
    buckets.flat_map(|path| entries(&path)).collect()
}

pub(crate) fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

/// A policy with this host, fetched at that time and good for a day.
pub(crate) fn kept(mx: &str, fetched: u64) -> KeptPolicy {
    let text = format!("version: STSv1\nmode: enforce\nmx: {mx}\nmax_age: 86400\n");
    KeptPolicy {
        policy: Policy::parse(text.as_bytes()).unwrap(),
        id: "1".to_owned(),
        fetched,
    }
}
