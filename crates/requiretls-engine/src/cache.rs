//! What do we remember of a domain from one process to the next?
//!
//! MTA-STS protects the second delivery and all after it, if the policy of the first is kept (RFC
//! 8461 section 10.2). Two small files a domain: its policy with the id and the time of its fetch,
//! and, under the same name with [`MEMORY_MARK`] behind it, what has failed there lately. They are
//! apart so that writing down a failure can never bring back a policy that another process has just
//! replaced.
//!
//! The directory is shared by processes of several users. Nothing in it is believed because it is
//! there: see [`Disbelief`]. Whatever goes wrong, a full disk or a directory that is missing, the
//! cache is then poorer and mail goes on: none of it is an error. Between calls there is no lock and
//! no descriptor, so a fork leaves nothing taken.
//!
//! It holds at most [`MOST_FILES`] files and [`MOST_OCTETS`] octets in each of 256 directories. What
//! is expired gives way then, notes of expired policies before their time too; a policy in force
//! never does, since an attacker could otherwise push it out with domains of his own.

mod directory;
mod entry;
mod owners;

pub use directory::{Disbelief, MOST_FILES, MOST_OCTETS};
pub use entry::{FailedFetch, FailedQuestion, KeptPolicy, MEMORY_MARK, Memory, SERVER_MARK};

use crate::config;
use crate::dns::self_test::Tested;
use directory::Directory;
use requiretls_core::domain::Domain;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Policies, and what failed lately, on disk. Plain memory itself.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: Option<Directory>,
    /// That nothing can be written there has been said.
    complained: Arc<AtomicBool>,
}

impl Cache {
    /// Where the site keeps them. Names of owners are looked up now, before chroot; the directory
    /// is opened at each use.
    #[must_use]
    pub fn open(settings: &config::Cache) -> Self {
        let directory = settings.directory.as_ref().map(|path| Directory {
            path: path.clone(),
            owners: owners::uids(&settings.owners),
        });
        Self {
            directory,
            complained: Arc::default(),
        }
    }

    /// The directory; `None`: nothing is kept.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_ref().map(|d| d.path.as_path())
    }

    /// The policy that is kept for a domain; what is not believed is logged, and as good as none.
    #[must_use]
    pub fn policy(&self, domain: &Domain) -> Option<KeptPolicy> {
        self.read(domain).unwrap_or_else(|why| {
            tracing::warn!("the kept MTA-STS policy of {domain} is ignored: {why}");
            None
        })
    }

    /// The same, for whoever wants to know why.
    ///
    /// # Errors
    /// [`Disbelief`]: there is something, and it does not count.
    pub fn read(&self, domain: &Domain) -> Result<Option<KeptPolicy>, Disbelief> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        let Some(text) = directory.read(domain.as_str(), domain.as_str())? else {
            return Ok(None);
        };
        let kept = KeptPolicy::decode(domain, &text).ok_or(Disbelief::Torn)?;
        Ok(Some(kept))
    }

    /// Keeps a policy in the place of the one before; says whether that was possible.
    #[must_use]
    pub fn keep(&self, domain: &Domain, policy: &KeptPolicy, now: u64) -> bool {
        let text = policy.encode(domain);
        self.write(domain.as_str(), domain.as_str(), Some(&text), now)
    }

    /// What has failed lately.
    #[must_use]
    pub fn memory(&self, domain: &Domain) -> Memory {
        let Some(directory) = &self.directory else {
            return Memory::default();
        };
        let memory = match directory.read(domain.as_str(), &entry::memory_name(domain)) {
            Ok(None) => return Memory::default(),
            Ok(Some(text)) => Memory::decode(domain, &text).ok_or(Disbelief::Torn),
            Err(why) => Err(why),
        };
        memory.unwrap_or_else(|why| {
            tracing::warn!("what is remembered of {domain} is ignored: {why}");
            Memory::default()
        })
    }

    /// Changes what is remembered; nothing takes its file away. Of two processes that do so at
    /// the same time one may win, which costs time and no protection.
    pub fn amend(&self, domain: &Domain, now: u64, change: impl FnOnce(&mut Memory)) {
        if self.directory.is_none() {
            return;
        }
        let before = self.memory(domain);
        let mut memory = before.clone();
        change(&mut memory);
        if memory != before {
            let text = (!memory.is_empty()).then(|| memory.encode(domain));
            self.write(
                domain.as_str(),
                &entry::memory_name(domain),
                text.as_deref(),
                now,
            );
        }
    }

    /// What the tests of a name server have found.
    #[must_use]
    pub fn tested(&self, server: SocketAddr) -> Option<Tested> {
        let directory = self.directory.as_ref()?;
        let name = entry::server_name(server);
        let text = match directory.read(&server.to_string(), &name) {
            Ok(text) => text?,
            Err(why) => {
                tracing::warn!("the kept test of the name server {server} is ignored: {why}");
                return None;
            }
        };
        entry::decode_tested(server, &text)
    }

    /// Keeps what the tests have found, the last one just now.
    pub fn keep_tested(&self, server: SocketAddr, tested: Tested) {
        let text = entry::encode_tested(server, tested);
        let name = entry::server_name(server);
        self.write(&server.to_string(), &name, Some(&text), tested.at);
    }

    /// Forgets a domain; says whether there was anything.
    ///
    /// # Errors
    /// It is there and cannot be removed.
    pub fn forget(&self, domain: &Domain) -> io::Result<bool> {
        let Some(directory) = &self.directory else {
            return Ok(false);
        };
        let policy = directory.remove(domain.as_str(), domain.as_str())?;
        let memory = directory.remove(domain.as_str(), &entry::memory_name(domain))?;
        Ok(policy || memory)
    }

    /// The domains that something is kept for, in order. What is kept may still not be believed.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn domains(&self) -> io::Result<Vec<Domain>> {
        let mut domains = match &self.directory {
            Some(directory) => directory.domains()?,
            None => Vec::new(),
        };
        domains.sort();
        domains.dedup();
        Ok(domains)
    }

    /// Removes what counts no longer: policies 30 days after their end (P2c), of mode none at once,
    /// failures after an hour, torn files, and what a process that was killed has left. Says how
    /// many files there were.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn sweep(&self, now: u64) -> io::Result<usize> {
        match &self.directory {
            Some(directory) => directory.sweep(now),
            None => Ok(0),
        }
    }

    fn write(&self, whose: &str, name: &str, text: Option<&[u8]>, now: u64) -> bool {
        let Some(directory) = &self.directory else {
            return false;
        };
        let written = match text {
            Some(text) => directory.replace(whose, name, text, now),
            None => directory.remove(whose, name).map(|_| ()),
        };
        if let Err(why) = &written
            && tracing::enabled!(tracing::Level::WARN) // somebody hears it
            && !self.complained.swap(true, Ordering::Relaxed)
        {
            let path = directory.path.display();
            tracing::warn!("nothing new is kept in {path}: {why}");
        }
        written.is_ok()
    }
}
