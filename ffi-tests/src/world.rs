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
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::installed::{need, target};
use crate::{Failure, Result, bounded, workspace};

const NAME_SERVER: &str = "127.25.0.54";
const RESOLVER: &str = "127.25.0.53";
/// The servers, in the order to start them.
const SERVERS: [(&str, &str, u16); 3] = [
    ("nsd", NAME_SERVER, 53),
    ("unbound", RESOLVER, 53),
    ("postfix311", hosts::FIRST_ADDRESS, 25),
];
/// Downloading and unpacking for the first time; a few milliseconds afterwards.
const UNPACK_LIMIT: Duration = Duration::from_secs(600);
const START_LIMIT: Duration = Duration::from_secs(60);
const LOG_LIMIT: Duration = Duration::from_secs(60);

/// Running servers; they end when this is dropped, or when the process ends.
pub struct World {
    dir: Option<TempDir>,
    path: PathBuf,
    child: Child,
    alive: Option<ChildStdin>,
}

impl World {
    /// Starts one.
    ///
    /// # Errors
    /// Not root, a program is missing, packages cannot be had, or a server does not come up: with what it said.
    pub fn start() -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::new(
                "real servers need root: for ports 25 and 53, and for mount and network namespaces",
            ));
        }
        for (program, package) in [
            ("ip", "iproute2"),
            ("unshare", "util-linux"),
            ("nsenter", "util-linux"),
        ] {
            need(program, package)?;
        }
        let mut get = servers("get");
        get.args(SERVERS.map(|(name, _, _)| name));
        bounded::output(&mut get, UNPACK_LIMIT)?;

        let parent = target().join("real-servers/worlds");
        fs::create_dir_all(&parent)?;
        let dir = TempDir::new_in(parent)?;
        let path = dir.path().to_path_buf();
        write_configuration(&path)?;
        let mut child = servers("world")
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(path.join("stderr"))?)
            .spawn()?;
        let (alive, stdout) = (child.stdin.take(), child.stdout.take());
        // From here on, dropping the world ends it.
        let world = Self {
            dir: Some(dir),
            path,
            child,
            alive,
        };

        let (said, ready) = mpsc::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            if let Some(pipe) = stdout {
                // A world that ended says nothing, which is what the other side then sees.
                drop(BufReader::new(pipe).read_line(&mut line));
            }
            drop(said.send(line));
        });
        if ready
            .recv_timeout(START_LIMIT)
            .is_ok_and(|line| line.trim_end() == "ready")
        {
            // The connection that showed that Postfix is up must not be taken for a test's.
            world.wait_for_end(hosts::FIRST_DOMAIN, 0)?;
            return Ok(world);
        }
        let stderr = fs::read_to_string(world.path.join("stderr")).unwrap_or_default();
        Err(Failure::new(format!(
            "the servers did not come up: {}",
            stderr.trim()
        )))
    }

    /// A command that sees the world's network.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.child.id()))
            .arg("--")
            .args(words);
        command
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
        self.wait_for_log("the mail filter listens", || {
            let listening = bounded::output(&mut self.command(["ss", "-Hltn"]), LOG_LIMIT)?;
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
        self.path.join("requiretls.conf")
    }

    /// What a command says that runs inside one of the servers, "nsd" or "unbound" or "postfix311".
    ///
    /// # Errors
    /// It does not end in time, or fails.
    pub fn inside(&self, server: &str, words: &[&str]) -> Result<String> {
        let mut command = servers("exec");
        command.arg(&self.path).arg(server).args(words);
        bounded::output(&mut command, LOG_LIMIT)
    }

    /// The directories below `/proc` of all processes of the world.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn processes(&self) -> Result<Vec<PathBuf>> {
        let space = |process: &Path| process.join("ns/net").read_link().ok();
        let ours = space(Path::new(&format!("/proc/{}", self.child.id())));
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let process = entry?.path();
            if ours.is_some() && space(&process) == ours {
                found.push(process);
            }
        }
        Ok(found)
    }

    /// Everything that Postfix has logged so far.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn postfix_log(&self) -> Result<String> {
        match fs::read_to_string(self.path.join("postfix311/log/postfix.log")) {
            // The logging process starts with the first line.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            // The last line may be half written.
            log => Ok(log?
                .rsplit_once('\n')
                .map_or_else(String::new, |(lines, _)| lines.to_owned())),
        }
    }

    /// The line that tells where Postfix sent a message on to, by the id it gave the message.
    ///
    /// # Errors
    /// There is none in time; the log is in the sentence.
    pub fn onward(&self, queue_id: &str) -> Result<String> {
        let start = format!(": {queue_id}: to=<");
        self.wait_for_log(&format!("Postfix sends {queue_id} on"), || {
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
        self.wait_for_log(&format!("the sessions with mx.{domain} end"), || {
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

    /// Log lines arrive a moment after what they tell of.
    fn wait_for_log<T>(&self, what: &str, look: impl Fn() -> Result<Option<T>>) -> Result<T> {
        let end = Instant::now() + LOG_LIMIT;
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if Instant::now() >= end {
                let log = self.postfix_log()?;
                return Err(Failure::new(format!(
                    "it is not logged that {what}:\n{log}"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
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

impl Drop for World {
    fn drop(&mut self) {
        // The world's first process reads until this closes; the kernel then ends all the others.
        self.alive = None;
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) {
            if Instant::now() >= end {
                drop(self.child.kill());
                drop(self.child.wait());
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if std::thread::panicking()
            && let Some(dir) = self.dir.take()
        {
            eprintln!(
                "the servers' configuration and logs are kept in {}",
                dir.keep().display()
            );
        }
    }
}

fn servers(verb: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .arg(workspace().join("ffi-tests/servers/servers.sh"))
        .arg(verb);
    command.env("RQ_CACHE", target().join("real-servers"));
    command
}

fn write_configuration(path: &Path) -> Result<()> {
    let mut order = String::new();
    for (name, address, port) in SERVERS {
        writeln!(order, "{name} {address} {port}")?;
    }
    write(path, "servers", &order)?;
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

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let file = dir.join(name);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&file, text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}
