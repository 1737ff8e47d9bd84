//! Where do real servers run?
//!
//! They come out of unpacked Debian packages (`servers/servers.sh`) and live in namespaces of their own, so that neither
//! two tests' servers nor the machine's own meet each other, and all of it ends with the test.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant, SystemTime};

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

use crate::installed::{need, target};
use crate::{Failure, Result, bounded, workspace};

/// Downloading and unpacking for the first time; a few milliseconds afterwards.
const UNPACK_LIMIT: Duration = Duration::from_secs(600);
const START_LIMIT: Duration = Duration::from_secs(60);
/// For what a server logs, and for commands that run inside one.
const LIMIT: Duration = Duration::from_secs(30);

/// Running servers in one network; they end when this is dropped, or when the process ends.
pub struct Servers {
    dir: Option<TempDir>,
    path: PathBuf,
    child: Child,
    /// Held, so that it is there for a test's threads even where its servers have ended.
    network: Option<fs::File>,
    orders: Mutex<Option<ChildStdin>>,
    said: Mutex<Receiver<String>>,
}

impl Servers {
    /// Makes a network without servers; `roots` are those that will be started, and are unpacked now.
    ///
    /// # Errors
    /// Not root, a program is missing, or packages cannot be had: with what to do about it.
    pub fn open(roots: &[&str]) -> Result<Self> {
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
        bounded::output(script("get").args(roots), UNPACK_LIMIT)?;

        let parent = target().join("real-servers/worlds");
        fs::create_dir_all(&parent)?;
        let dir = TempDir::new_in(parent)?;
        let path = dir.path().to_path_buf();
        fs::create_dir_all(path.join("share"))?;
        let mut child = script("world")
            .arg(&path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(path.join("stderr"))?)
            .spawn()?;
        let (orders, stdout) = (child.stdin.take(), child.stdout.take());
        let (sender, said) = mpsc::channel();
        std::thread::spawn(move || {
            // A world that ended says nothing more, which is what the other side then sees.
            let lines = stdout.map(|pipe| BufReader::new(pipe).lines());
            for line in lines.into_iter().flatten().map_while(std::io::Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        // From here on, dropping it ends it.
        let mut servers = Self {
            dir: Some(dir),
            path,
            child,
            network: None,
            orders: Mutex::new(orders),
            said: Mutex::new(said),
        };
        servers.wait_for("ready")?;
        servers.network = Some(fs::File::open(servers.network())?);
        Ok(servers)
    }

    /// Starts a server whose configuration was written, and waits until it answers.
    ///
    /// # Errors
    /// It does not come up: with what it said.
    pub fn start(&self, name: &str, root: &str, address: &str, port: u16) -> Result<()> {
        let order = format!("{name} {root} {address} {port}\n");
        if let Ok(mut orders) = self.orders.lock()
            && let Some(orders) = orders.as_mut()
        {
            // One that has ended already is noticed by what it does not say.
            drop(orders.write_all(order.as_bytes()));
        }
        self.wait_for(&format!("ready {name}"))
    }

    fn wait_for(&self, expected: &str) -> Result<()> {
        let said = self.said.lock().ok();
        let line = said.and_then(|said| said.recv_timeout(START_LIMIT).ok());
        if line.as_deref() == Some(expected) {
            return Ok(());
        }
        let stderr = fs::read_to_string(self.path.join("stderr")).unwrap_or_default();
        Err(Failure::new(format!(
            "the servers did not come up ({expected}): {}",
            stderr.trim()
        )))
    }

    /// Where configurations and logs are: `NAME/up`, `NAME/log`, `share`.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file below [`path`](Self::path).
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        write(&self.path, name, text)
    }

    /// What a server has logged so far, in whole lines.
    ///
    /// # Errors
    /// The log cannot be read.
    pub fn log(&self, file: &str) -> Result<String> {
        match fs::read(self.path.join(file)) {
            // Whoever writes it starts with the first line.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
            // The last line may be half written.
            log => Ok(String::from_utf8_lossy(&log?)
                .rsplit_once('\n')
                .map_or_else(String::new, |(lines, _)| lines.to_owned())),
        }
    }

    /// Looks again and again: log lines arrive a moment after what they tell of.
    ///
    /// # Errors
    /// Nothing is found in time: with `what` was looked for, and the log.
    pub fn watch<T>(
        &self,
        file: &str,
        what: &str,
        look: impl Fn() -> Result<Option<T>>,
    ) -> Result<T> {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            if Instant::now() >= end {
                let log = self.log(file)?;
                return Err(Failure::new(format!(
                    "it is not logged that {what}:\n{log}"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A command that sees the network of the servers.
    pub fn command<S: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = S>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.network().display()))
            .arg("--")
            .args(words);
        command
    }

    /// Runs something on a thread that is in the network of the servers, as are all threads that it starts.
    ///
    /// # Errors
    /// The network cannot be entered.
    pub fn within<T: Send>(&self, run: impl FnOnce() -> T + Send) -> Result<T> {
        let network = self.network.as_ref();
        let network = network.ok_or_else(|| Failure::new("there is no network"))?;
        std::thread::scope(|scope| {
            let inside = scope.spawn(move || -> Result<T> {
                move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
                Ok(run())
            });
            let ended = inside.join();
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// What a command says that runs inside one of the servers.
    ///
    /// # Errors
    /// It does not end in time, or fails.
    pub fn inside(&self, server: &str, words: &[&str]) -> Result<String> {
        let mut command = self.command_inside(server);
        command.args(words);
        bounded::output(&mut command, LIMIT)
    }

    /// A command that runs inside one of the servers, and whose words are still to be added.
    #[must_use]
    pub fn command_inside(&self, server: &str) -> Command {
        let mut command = script("exec");
        command.arg(&self.path).arg(server);
        command
    }

    /// Kills the processes of the servers that run a program of this name, as nothing else does. How many there were.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn kill(&self, program: &str) -> Result<usize> {
        let running = self.running(program)?;
        // One that ends by itself meanwhile is no failure.
        let killed = |pid: &Pid| kill_process(*pid, Signal::KILL).is_ok();
        Ok(running.iter().filter(|pid| killed(pid)).count())
    }

    /// The processes of the servers that run a program of this name.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn running(&self, program: &str) -> Result<Vec<Pid>> {
        let mut found = Vec::new();
        for process in self.processes()? {
            let is_it = process
                .join("exe")
                .read_link()
                .is_ok_and(|exe| exe.ends_with(program));
            let number = process
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            if is_it && let Some(pid) = number.and_then(Pid::from_raw) {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// The directories below `/proc` of all processes in the network of the servers.
    ///
    /// # Errors
    /// `/proc` cannot be read.
    pub fn processes(&self) -> Result<Vec<PathBuf>> {
        let ours = self.network().read_link().ok();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let process = entry?.path();
            let space = process.join("ns/net").read_link().ok();
            if ours.is_some() && space == ours {
                found.push(process);
            }
        }
        Ok(found)
    }

    fn network(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.child.id()))
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // The first process reads until this closes; the kernel then ends all the others.
        if let Ok(mut orders) = self.orders.lock() {
            *orders = None;
        }
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

/// `servers.sh`, whose words are still to be added.
pub(crate) fn script(verb: &str) -> Command {
    let mut command = Command::new("bash");
    command
        .arg(workspace().join("ffi-tests/servers/servers.sh"))
        .arg(verb);
    command.env("RQ_CACHE", target().join("real-servers"));
    command
}

/// Writes a file with the directories above it.
pub(crate) fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    let file = dir.join(name);
    if let Some(parent) = file.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(&file, text).map_err(|error| Failure::new(format!("{}: {error}", file.display())))
}

/// Postfix waits a second or two before it reads a file that was written just now, lest it reads half of it.
pub(crate) fn write_settled(dir: &Path, name: &str, text: &str) -> Result<()> {
    write(dir, name, text)?;
    let past = SystemTime::now() - Duration::from_secs(60);
    Ok(fs::File::options()
        .write(true)
        .open(dir.join(name))?
        .set_modified(past)?)
}
