//! What happens when the servers are real?
//!
//! One world is nsd with signed and unsigned zones, unbound that validates them from its own trust anchor, and a
//! Postfix 3.11 that is every mail host of the table in [`hosts`], each with an address and a certificate of its own,
//! and relays what it takes to a further host: with REQUIRETLS where the message demands it, and it logs that. The
//! servers come out of unpacked Debian packages (`servers/servers.sh`) and live in namespaces of the world's own, so
//! that worlds do not meet each other or the machine's servers, and all of it ends with the test.

mod certificates;
mod hosts;
mod names;
mod postfix;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::servers::write;
use crate::{Result, Servers, bounded};

const NAME_SERVER: &str = "127.25.0.54";
const RESOLVER: &str = "127.25.0.53";
/// The servers, in the order to start them.
const SERVERS: [(&str, &str, u16); 3] = [
    ("nsd", NAME_SERVER, 53),
    ("unbound", RESOLVER, 53),
    ("postfix311", hosts::FIRST_ADDRESS, 25),
];
/// Postfix' own, below the directory of the servers.
const LOG: &str = "postfix311/log/postfix.log";
const LIMIT: Duration = Duration::from_secs(60);

/// Running servers; they end when this is dropped, or when the process ends.
pub struct World {
    servers: Servers,
}

impl World {
    /// Starts one.
    ///
    /// # Errors
    /// Not root, a program is missing, packages cannot be had, or a server does not come up: with what it said.
    pub fn start() -> Result<Self> {
        let servers = Servers::open(&SERVERS.map(|(name, _, _)| name))?;
        write_configuration(servers.path())?;
        for (name, address, port) in SERVERS {
            servers.start(name, name, address, port)?;
        }
        let world = Self { servers };
        // The connection that showed that Postfix is up must not be taken for a test's.
        world.wait_for_end(hosts::FIRST_DOMAIN, 0)?;
        Ok(world)
    }

    /// A command that sees the world's network.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        self.servers.command(words)
    }

    /// Where the mail filter of `filtered.signed.test` has to listen, as libmilter wants it.
    #[must_use]
    pub fn filter_socket(&self) -> &'static str {
        hosts::FILTER.1
    }

    /// Waits until the mail filter listens.
    ///
    /// # Errors
    /// It does not in time.
    pub fn wait_for_filter(&self) -> Result<()> {
        self.servers.watch(LOG, "the mail filter listens", || {
            let listening = bounded::output(&mut self.command(["ss", "-Hltn"]), LIMIT)?;
            Ok(listening.contains("127.25.0.40:8894").then_some(()))
        })
    }

    /// The fields that the mail filter has added so far, by Postfix' log.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn added_fields(&self) -> Result<Vec<String>> {
        let log = self.postfix_log()?;
        let fields = log.lines().filter_map(|line| {
            let (_, rest) = line.split_once(": milter-header-warning: header ")?;
            Some(rest.split(" from ").next()?.to_owned())
        });
        Ok(fields.collect())
    }

    /// The library's configuration file for this world.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.servers.path().join("requiretls.conf")
    }

    /// What a command says that runs inside one of the servers, "nsd" or "unbound" or "postfix311".
    ///
    /// # Errors
    /// It does not end in time, or fails.
    pub fn inside(&self, server: &str, words: &[&str]) -> Result<String> {
        self.servers.inside(server, words)
    }

    /// The directories below `/proc` of all processes of the world.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn processes(&self) -> Result<Vec<PathBuf>> {
        self.servers.processes()
    }

    /// Everything that Postfix has logged so far.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn postfix_log(&self) -> Result<String> {
        self.servers.log(LOG)
    }

    /// The line that tells where Postfix sent a message on to, by the id it gave the message.
    ///
    /// # Errors
    /// There is none in time; the log is in the sentence.
    pub fn onward(&self, queue_id: &str) -> Result<String> {
        let start = format!(": {queue_id}: to=<");
        self.servers
            .watch(LOG, &format!("Postfix sends {queue_id} on"), || {
                let log = self.postfix_log()?;
                let line = log
                    .lines()
                    .find(|line| line.contains(&start) && line.contains("status="));
                Ok(line.map(str::to_owned))
            })
    }

    /// Waits until a mail host has been connected to more than `before` times, and all of that is over.
    ///
    /// # Errors
    /// That does not happen in time; the log is in the sentence.
    pub fn wait_for_end(&self, domain: &str, before: usize) -> Result<()> {
        self.servers
            .watch(LOG, &format!("the sessions with mx.{domain} end"), || {
                let begun = self.connections(domain)?;
                let ended = self.said_by(domain, "disconnect from ")?.len();
                Ok((begun > before && ended == begun).then_some(()))
            })
    }

    /// How often a mail host was connected to, by the domain whose host it is.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn connections(&self, domain: &str) -> Result<usize> {
        Ok(self.said_by(domain, "connect from ")?.len())
    }

    /// The MAIL commands that a mail host has read, as they came, by the domain whose host it is.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn mail_commands(&self, domain: &str) -> Result<Vec<String>> {
        let read = self.said_by(domain, "< unknown[127.0.0.1]: ")?;
        Ok(read
            .into_iter()
            .filter(|command| command.starts_with("MAIL "))
            .collect())
    }

    /// What one host's listener has logged behind `start`.
    fn said_by(&self, domain: &str, start: &str) -> Result<Vec<String>> {
        let listener = format!(" postfix/{domain}/smtpd[");
        let log = self.postfix_log()?;
        let lines = log
            .lines()
            .filter_map(|line| line.split_once(&listener)?.1.split_once("]: "));
        Ok(lines
            .filter_map(|(_, text)| text.strip_prefix(start).map(str::to_owned))
            .collect())
    }
}

fn write_configuration(path: &Path) -> Result<()> {
    let certificates = certificates::issue(&hosts::HOSTS)?;
    write(path, "ca.pem", certificates.authority())?;
    names::write(path, &hosts::HOSTS, &certificates)?;
    postfix::write(path, &hosts::HOSTS, &certificates)?;
    write(path, "requiretls.conf", &requiretls_conf(path))
}

/// No more than this world needs. The resolver is on the loopback, so its AD bit counts without a word about it.
fn requiretls_conf(path: &Path) -> String {
    format!(
        "[dns]\nservers = [\"{RESOLVER}:53\"]\nfamilies = [\"ipv4\"]\n\n\
         [sts]\nca_file = \"{}\"\n\n[cache]\ndirectory = \"\"\n",
        path.join("ca.pem").display()
    )
}
