//! What a mail server has: the program, its configuration, and somewhere to send to.

use requiretls_testbed::{CONFIG_FILE, DnsMode, SMTP_PORT, World, catalogue};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_requiretls");

/// The world of the catalogue, and a directory with the configuration that leads there.
pub(crate) struct Office {
    pub(crate) world: World,
    pub(crate) directory: TempDir,
}

impl Office {
    /// `further`: tables that follow the world's own.
    pub(crate) fn open(further: &str) -> Self {
        let world = World::builder().domains(catalogue()).start().unwrap();
        let directory = tempfile::tempdir().unwrap();
        world.write(directory.path(), DnsMode::Ad).unwrap();
        let office = Self { world, directory };
        office.configure(further);
        office
    }

    pub(crate) fn configure(&self, further: &str) {
        let config = self.world.config_toml(DnsMode::Ad);
        let rules = format!("\n[next_hop.\"*\"]\nport = {SMTP_PORT}\n{further}");
        std::fs::write(self.config(), config + &rules).unwrap();
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.directory.path().join(CONFIG_FILE)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The program with these words behind `lmtp --config FILE`, its log on standard error.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        let config = self.config();
        command.arg("lmtp").arg("--config").arg(config).args(words);
        command.args(["--log", "stderr"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// Hands everything over at once, as a pipelining client does: the replies, and what was logged.
    pub(crate) fn pipe(&self, words: &[&str], said: &str) -> (Vec<String>, String) {
        let mut child = self.command(words).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(said.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{told}");
        let replies = String::from_utf8(output.stdout).unwrap();
        let final_line = |line: &&str| line.as_bytes().get(3) == Some(&b' ');
        let replies = replies.lines().filter(final_line).map(str::to_owned);
        (replies.collect(), told)
    }
}

/// The greeting, LHLO and the message's envelope and content, and QUIT.
pub(crate) fn one_message(recipients: &[&str], content: &str) -> String {
    let recipients = recipients.iter().map(|r| format!("RCPT TO:<{r}>\r\n"));
    let recipients: String = recipients.collect();
    format!(
        "LHLO client.test\r\nMAIL FROM:<anna@sender.test>\r\n{recipients}DATA\r\n{content}.\r\nQUIT\r\n"
    )
}

/// A child that ends with its test.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    pub(crate) fn end(&mut self, signal: &str) -> (ExitStatus, String) {
        let pid = self.0.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(sent.success());
        self.ended()
    }

    pub(crate) fn ended(&mut self) -> (ExitStatus, String) {
        let status = self.0.wait().unwrap();
        let mut told = String::new();
        let mut stderr = self.0.stderr.take().unwrap();
        stderr.read_to_string(&mut told).unwrap();
        (status, told)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

pub(crate) fn link(path: &Path) {
    std::os::unix::fs::symlink(PROGRAM, path).unwrap();
}

/// A free port of this machine, as good as one can know.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
