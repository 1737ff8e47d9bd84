//! Other people's programs: unbound, nsd, dig and the signers of BIND and ldns.
//!
//! They come out of unpacked Debian packages (`ffi-tests/servers/servers.sh`) and run in place as
//! plain programs with the libraries of their own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use requiretls_testbed::proto::rr::RecordType;

use crate::client::{ask_udp, query};

/// A program out of one of the script's roots, unpacked now if it is not there.
pub(crate) fn program(root: &str, path: &str) -> Command {
    let root = unpacked(root);
    let mut command = Command::new(find(&root, &["lib64", "lib"], "ld-linux"));
    command
        .arg("--library-path")
        .arg(find(&root, &["usr/lib"], "-linux-gnu"))
        .arg(root.join("usr").join(path));
    command
}

/// A server until this is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    /// An unbound that validates from this trust anchor what it gets from where `upstream` says.
    pub(crate) fn unbound(anchor: &str, address: SocketAddr, upstream: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("anchor"), anchor).unwrap();
        let conf = unbound_conf(dir.path(), address, upstream, "validator iterator");
        Self::start(dir, address, &conf, "unbound", "sbin/unbound")
    }

    /// One that validates nothing.
    pub(crate) fn unbound_without_validator(address: SocketAddr, upstream: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("anchor"), "").unwrap();
        let conf = unbound_conf(dir.path(), address, upstream, "iterator");
        Self::start(dir, address, &conf, "unbound", "sbin/unbound")
    }

    /// An nsd for these zones: their names and their files.
    pub(crate) fn nsd(address: SocketAddr, zones: &[(String, PathBuf)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let conf = nsd_conf(dir.path(), address, zones);
        Self::start(dir, address, &conf, "nsd", "sbin/nsd")
    }

    fn start(
        dir: tempfile::TempDir,
        address: SocketAddr,
        conf: &str,
        root: &str,
        path: &str,
    ) -> Self {
        fs::write(dir.path().join("conf"), conf).unwrap();
        let log = File::create(dir.path().join("log")).unwrap();
        let child = program(root, path)
            .arg("-d")
            .arg("-c")
            .arg(dir.path().join("conf"))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut server = Self {
            address,
            child,
            dir,
        };
        let start = Instant::now();
        let probe = query("example", RecordType::SOA);
        while ask_udp(address, &probe, Duration::from_millis(200)).is_none() {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && start.elapsed() < Duration::from_secs(30),
                "{root} does not answer: {}",
                server.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn unbound_conf(dir: &Path, address: SocketAddr, upstream: &str, modules: &str) -> String {
    let dir = dir.display();
    let (interface, port) = (address.ip(), address.port());
    format!(
        r#"server:
  interface: {interface}
  port: {port}
  access-control: 127.0.0.0/8 allow
  chroot: ""
  username: ""
  directory: "{dir}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  val-log-level: 2
  num-threads: 1
  do-ip6: no
  do-not-query-localhost: no
  local-zone: "test." nodefault
  module-config: "{modules}"
  trust-anchor-file: "{dir}/anchor"
  aggressive-nsec: no
  minimal-responses: yes
remote-control:
  control-enable: no
{upstream}"#
    )
}

/// One process that listens, so that its end is the end of all.
fn nsd_conf(dir: &Path, address: SocketAddr, zones: &[(String, PathBuf)]) -> String {
    let dir = dir.display();
    let (interface, port) = (address.ip(), address.port());
    let mut conf = format!(
        r#"server:
  ip-address: {interface}
  port: {port}
  do-ip6: no
  chroot: ""
  username: ""
  zonesdir: "{dir}"
  database: ""
  pidfile: "{dir}/pid"
  xfrdfile: "{dir}/xfrd"
  xfrdir: "{dir}"
  zonelistfile: "{dir}/list"
  logfile: "{dir}/log"
  server-count: 1
  rrl-ratelimit: 0
  rrl-whitelist-ratelimit: 0
remote-control:
  control-enable: no
"#
    );
    for (name, file) in zones {
        let file = file.display();
        writeln!(conf, "zone:\n  name: \"{name}\"\n  zonefile: \"{file}\"").unwrap();
    }
    conf
}

fn unpacked(name: &str) -> PathBuf {
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("real-servers");
    let root = cache.join("root").join(name);
    if !root.join(".done").exists() {
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ffi-tests/servers/servers.sh");
        let output = Command::new("bash")
            .arg(script)
            .args(["get", name])
            .env("RQ_CACHE", &cache)
            .output();
        let said = match &output {
            Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
            Err(error) => error.to_string(),
        };
        assert!(
            output.is_ok_and(|output| output.status.success()),
            "{name} is missing: install bash, apt and dpkg (Debian) and, as root, run \
             `ffi-tests/servers/servers.sh get {name}`: {said}"
        );
    }
    root
}

/// The file with this in its name, in one of these directories.
fn find(root: &Path, directories: &[&str], part: &str) -> PathBuf {
    let entries = directories
        .iter()
        .filter_map(|directory| fs::read_dir(root.join(directory)).ok())
        .flatten();
    let mut paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().contains(part);
    paths
        .find(named)
        .unwrap_or_else(|| panic!("{part} is not in {}", root.display()))
}
