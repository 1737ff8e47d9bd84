//! Where does such an Exim run, and what is seen of it?
//!
//! In a network of its own: the testbed's domains, a resolver that leads Exim to them, and one or more Exims that share a
//! queue, each with the configuration and the program that a test gives it. What the peers received is told at the end.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Installed, Result, bounded, built, target, workspace};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use tempfile::TempDir;

use crate::build::{Build, script};

const LIMIT: Duration = Duration::from_secs(60);
/// What a message's body says, and no log or bounce may.
pub(crate) const SECRET: &str = "a body that only the recipient reads";

/// An Exim: its name, which is its address' last octet too, its program and what is special in its configuration.
pub(crate) struct Daemon<'a> {
    pub(crate) name: &'a str,
    pub(crate) octet: u8,
    /// `None`: the stock package's.
    pub(crate) program: Option<&'a Path>,
    pub(crate) root: &'a str,
    /// Main options.
    pub(crate) main: &'a str,
    /// Replaces the router `dns`.
    pub(crate) routers: Option<&'a str>,
    /// Options of the transport `smtp`.
    pub(crate) transport: &'a str,
    /// Options of the command line.
    pub(crate) queue: &'a str,
}

impl<'a> Daemon<'a> {
    /// The usual one.
    pub(crate) fn patched(program: &'a Path, build: Build) -> Self {
        Self {
            name: "exim",
            octet: 60,
            program: Some(program),
            root: build.root,
            main: "",
            routers: None,
            transport: "",
            queue: "",
        }
    }
}

/// Key and self-signed certificate of a server.
pub(crate) struct Identity {
    /// Both in PEM, the key first.
    pub(crate) pem: String,
    /// SHA-256 of the certificate, as Postfix writes it.
    pub(crate) fingerprint: String,
    /// SHA-256 of the public key in hex: a pin.
    pub(crate) pin: String,
}

impl Identity {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec![name.to_owned()])?.self_signed(&key)?;
        let hex = |data: &[u8], between: &str| {
            let digest = ring::digest::digest(&ring::digest::SHA256, data);
            let octets: Vec<String> = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
            octets.join(between)
        };
        Ok(Self {
            pem: format!("{}{}", key.serialize_pem(), certificate.pem()),
            fingerprint: hex(certificate.der(), ":"),
            pin: hex(&key.subject_public_key_info(), ""),
        })
    }
}

/// What a client reads.
#[derive(Debug)]
pub(crate) struct Replies(pub(crate) Vec<String>);

impl Replies {
    /// The reply that begins so.
    pub(crate) fn has(&self, start: &str) -> bool {
        self.0.iter().any(|reply| reply.starts_with(start))
    }
}

/// The running network.
pub(crate) struct Scene {
    dir: TempDir,
    world: Child,
    orders: Option<ChildStdin>,
    said: BufReader<ChildStdout>,
    testbed: Child,
}

impl Scene {
    /// The testbed and a resolver, without an Exim.
    pub(crate) fn open(roots: &[&str]) -> Result<Self> {
        if !rustix::process::geteuid().is_root() {
            return Err(Failure::new("real servers need root"));
        }
        let mut get = Command::new("bash");
        get.arg(workspace().join("ffi-tests/servers/servers.sh"))
            .arg("get")
            .args(roots)
            .arg("unbound")
            .env("RQ_CACHE", target().join("real-servers"));
        bounded::output(&mut get, Duration::from_secs(600))?;

        let parent = target().join("real-servers/worlds");
        fs::create_dir_all(&parent)?;
        let dir = TempDir::new_in(parent)?;
        for inside in ["share/testbed", "share/spool"] {
            fs::create_dir_all(dir.path().join(inside))?;
        }
        rustix::fs::chown(
            dir.path().join("share/spool"),
            Some(rustix::fs::Uid::from_raw(202)),
            Some(rustix::fs::Gid::from_raw(202)),
        )?;
        let mut world = script()
            .arg("world")
            .arg(dir.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(dir.path().join("stderr"))?)
            .spawn()?;
        // Where servers.sh looks for the network.
        fs::write(dir.path().join("pid"), world.id().to_string())?;
        let orders = world.stdin.take();
        let said = world.stdout.take().map(BufReader::new);
        let mut said = said.ok_or_else(|| Failure::new("no pipe"))?;
        expect(&mut said, "ready", dir.path())?;
        let mut testbed = in_network(&world)
            .arg(built("testbed")?)
            .arg("serve")
            .arg(dir.path().join("share/testbed"))
            .arg("ad")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(dir.path().join("leaks"))?)
            .spawn()?;
        if let Some(stdout) = testbed.stdout.take() {
            expect(&mut BufReader::new(stdout), "ready", dir.path())?;
        }
        let mut scene = Self {
            dir,
            world,
            orders,
            said,
            testbed,
        };
        scene.write_resolver()?;
        scene.start("unbound", "unbound", "127.25.0.53", 53)?;
        Ok(scene)
    }

    /// The testbed, a resolver and one patched Exim.
    pub(crate) fn with(build: Build) -> Result<Self> {
        let program = build.program()?;
        let mut scene = Self::open(&[build.root])?;
        scene.run(&Daemon::patched(&program, build))?;
        Ok(scene)
    }

    /// Starts an Exim.
    pub(crate) fn run(&mut self, daemon: &Daemon<'_>) -> Result<Identity> {
        let up = self.path(daemon.name).join("up");
        for inside in ["etc/exim4", "usr/sbin", "usr/lib", "etc/requiretls"] {
            fs::create_dir_all(up.join(inside))?;
        }
        fs::create_dir_all(self.path(daemon.name).join("log/exim4"))?;
        if let Some(program) = daemon.program {
            let place = up.join("usr/sbin/exim4");
            fs::copy(program, &place)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o4755))?;
            let library = Installed::find()?.libdir().join("librequiretls.so.0");
            fs::copy(library, up.join("usr/lib/librequiretls.so.0"))?;
        }
        for entry in fs::read_dir(self.path("share/testbed"))? {
            let entry = entry?;
            let place = up.join("etc/requiretls").join(entry.file_name());
            fs::copy(entry.path(), place)?;
        }
        let identity = Identity::new("relay.test")?;
        self.write(daemon.name, "up/etc/exim4/tls.pem", &identity.pem)?;
        self.write(
            daemon.name,
            "up/etc/exim4/exim4.conf",
            &configuration(daemon),
        )?;
        self.write(
            daemon.name,
            "up/etc/resolv.conf",
            "nameserver 127.25.0.53\noptions edns0 trust-ad timeout:2 attempts:2\n",
        )?;
        self.write(daemon.name, "up/etc/hosts", "127.0.0.1 localhost\n")?;
        self.write(
            daemon.name,
            "cmd",
            &format!(
                "chown 202:202 /var/log/exim4; exec /usr/sbin/exim4 -bdf {}",
                daemon.queue
            ),
        )?;
        let address = format!("127.25.0.{}", daemon.octet);
        self.start(daemon.name, daemon.root, &address, 25)?;
        Ok(identity)
    }

    /// What a command says that runs inside a server.
    pub(crate) fn inside(&self, name: &str, words: &[&str]) -> Result<String> {
        let mut command = Command::new("bash");
        command
            .arg(workspace().join("ffi-tests/servers/servers.sh"))
            .arg("exec")
            .arg(self.dir.path())
            .arg(name)
            .args(words)
            .env("RQ_CACHE", target().join("real-servers"));
        bounded::output(&mut command, LIMIT)
    }

    /// Whether a recipient's copy was delivered; waits for the end of the message.
    pub(crate) fn delivered(&self, id: &str, recipient: &str) -> Result<bool> {
        let end = Instant::now() + LIMIT;
        let marks = ["=>", "->"].map(|mark| format!("{id} {mark} {recipient} "));
        loop {
            let log = self.log("exim");
            if marks.iter().any(|mark| log.contains(mark)) {
                return Ok(true);
            }
            if Instant::now() >= end || log.contains(&format!("{id} ** {recipient} ")) {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Adds to the library's configuration of an Exim that is still to be started, or of one that runs: it reads it anew
    /// in each delivery.
    pub(crate) fn configure(&self, name: &str, text: &str) -> Result<()> {
        let file = self.path(name).join("up/etc/requiretls/requiretls.conf");
        let before = fs::read_to_string(self.path("share/testbed/requiretls.conf"))?;
        Ok(fs::write(file, format!("{before}\n{text}"))?)
    }

    fn write_resolver(&self) -> Result<()> {
        let conf = fs::read_to_string(self.path("share/testbed/requiretls.conf"))?;
        let server = conf
            .split_once("servers = [\"")
            .and_then(|(_, rest)| rest.split_once('"'))
            .ok_or_else(|| Failure::new(format!("no server in {conf}")))?;
        let forward = server.0.replace(':', "@");
        let text = format!(
            "server:\n interface: 127.25.0.53\n outgoing-interface: 127.25.0.53\n access-control: 127.0.0.0/8 allow\n \
             do-not-query-localhost: no\n do-ip6: no\n username: unbound\n chroot: \"\"\n directory: /etc/unbound\n \
             pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n local-zone: test. nodefault\n module-config: \"iterator\"\n\
             forward-zone:\n name: \".\"\n forward-addr: {forward}\nremote-control:\n control-enable: no\n"
        );
        self.write("unbound", "up/etc/unbound/unbound.conf", &text)?;
        let command = "exec unbound -d -c /etc/unbound/unbound.conf >/var/log/unbound.log 2>&1";
        self.write("unbound", "cmd", command)
    }

    /// Starts a server whose files are written.
    pub(crate) fn start(&mut self, name: &str, root: &str, address: &str, port: u16) -> Result<()> {
        if let Some(orders) = &mut self.orders {
            writeln!(orders, "{name} {root} {address} {port}")?;
        }
        expect(&mut self.said, &format!("ready {name}"), self.dir.path())
    }

    /// A file of a server.
    pub(crate) fn write(&self, name: &str, file: &str, text: &str) -> Result<()> {
        let file = self.path(name).join(file);
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        Ok(fs::write(file, text)?)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Says the lines to an Exim, inside TLS or in clear, and returns its replies, of those inside TLS only the ones that
    /// came there. It reads ahead: the test's configuration allows that.
    pub(crate) fn say(&self, octet: u8, in_tls: bool, lines: &[&str]) -> Result<Replies> {
        let address = format!("127.25.0.{octet}");
        let mut client = in_network(&self.world);
        if in_tls {
            let server = format!("{address}:25");
            client.args([
                "openssl",
                "s_client",
                "-quiet",
                "-starttls",
                "smtp",
                "-connect",
                &server,
            ]);
        } else {
            let talk = format!("exec 3<>/dev/tcp/{address}/25; cat >&3; cat <&3");
            client.args(["bash", "-c", &talk]);
        }
        let mut text = String::from("EHLO client.test\r\n");
        for line in lines {
            write!(text, "{line}\r\n")?;
        }
        text.push_str("QUIT\r\n");
        let output = bounded::run(&mut client, text.as_bytes(), LIMIT)?;
        let said = String::from_utf8_lossy(&output.stdout);
        let mut replies = vec![String::new()];
        for line in said.lines() {
            let last = replies
                .last_mut()
                .filter(|reply| !reply.is_empty() || !line.is_empty());
            if let Some(last) = last {
                last.push_str(line);
                last.push('\n');
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                replies.push(String::new());
            }
        }
        Ok(Replies(replies))
    }

    /// Submits a message; its id.
    pub(crate) fn submit(&self, mail: &str, header: &str, recipients: &[&str]) -> Result<String> {
        self.submit_to(60, mail, header, recipients)
    }

    /// The same, to another Exim.
    pub(crate) fn submit_to(
        &self,
        octet: u8,
        mail: &str,
        header: &str,
        recipients: &[&str],
    ) -> Result<String> {
        let commands: Vec<String> = recipients
            .iter()
            .map(|r| format!("RCPT TO:<{r}>"))
            .collect();
        let mut lines = vec![mail];
        lines.extend(commands.iter().map(String::as_str));
        lines.extend(["DATA", "From: <ann@client.test>", "Subject: x"]);
        if !header.is_empty() {
            lines.push(header);
        }
        lines.extend(["", SECRET, "."]);
        let replies = self.say(octet, true, &lines)?;
        let id = replies
            .0
            .iter()
            .find_map(|reply| reply.split_once(" OK id="));
        let id = id.ok_or_else(|| Failure::new(format!("{mail}: {replies:?}")))?;
        Ok(id.1.trim().to_owned())
    }

    /// Everything that an Exim has logged.
    pub(crate) fn log(&self, name: &str) -> String {
        fs::read_to_string(self.path(name).join("log/exim4/mainlog")).unwrap_or_default()
    }

    /// The first line of the log that has all the words.
    pub(crate) fn logged(&self, name: &str, words: &[&str]) -> Result<String> {
        let end = Instant::now() + LIMIT;
        loop {
            let log = self.log(name);
            let found = log
                .lines()
                .find(|line| words.iter().all(|word| line.contains(word)));
            if let Some(line) = found {
                return Ok(line.to_owned());
            }
            if Instant::now() >= end {
                return Err(Failure::new(format!("no line with {words:?}:\n{log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What became of a message for one recipient, by the first line that tells: `=>`, `->`, `==` or `**`.
    pub(crate) fn outcome(&self, id: &str, recipient: &str) -> Result<String> {
        let end = Instant::now() + LIMIT;
        let marks = ["=>", "->", "==", "**", ">>"].map(|mark| format!("{id} {mark} {recipient} "));
        loop {
            let log = self.log("exim");
            let found = log
                .lines()
                .find(|line| marks.iter().any(|mark| line.contains(mark)));
            if let Some(line) = found {
                return Ok(line.to_owned());
            }
            if Instant::now() >= end {
                return Err(Failure::new(format!(
                    "{id}: nothing about {recipient}:\n{log}"
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A message's file in the queue: `-H`, `-D`.
    pub(crate) fn queued(&self, id: &str, which: &str) -> Result<String> {
        let file = self.path("share/spool/input").join(format!("{id}{which}"));
        let bytes =
            fs::read(&file).map_err(|e| Failure::new(format!("{}: {e}", file.display())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Ends the testbed: what each session brought, and an error where something leaked.
    pub(crate) fn finish(mut self) -> Result<Received> {
        drop(self.testbed.stdin.take());
        let status = self.testbed.wait()?;
        let sessions = fs::read_to_string(self.path("share/testbed/sessions.txt"))?;
        let leaks = fs::read_to_string(self.path("leaks"))?;
        if !status.success() {
            return Err(Failure::new(format!("{leaks}\n{sessions}")));
        }
        Ok(Received(sessions))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        drop(self.testbed.stdin.take());
        self.orders = None;
        let end = Instant::now() + Duration::from_secs(5);
        while matches!(self.world.try_wait(), Ok(None)) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(self.world.kill());
        drop(self.world.wait());
        drop(self.testbed.kill());
        drop(self.testbed.wait());
    }
}

/// What the peers received, session by session.
pub(crate) struct Received(pub(crate) String);

impl Received {
    /// The sessions with one host.
    pub(crate) fn of(&self, host: &str) -> Vec<&str> {
        let start = format!("{host} ");
        let mut found = Vec::new();
        let mut rest = self.0.as_str();
        while !rest.is_empty() {
            let end = rest
                .match_indices('\n')
                .map(|(i, _)| i + 1)
                .find(|i| !rest.get(*i..).unwrap_or_default().starts_with(' '))
                .unwrap_or(rest.len());
            let (session, after) = rest.split_at(end);
            if session.starts_with(&start) {
                found.push(session);
            }
            rest = after;
        }
        found
    }

    /// The MAIL commands that one host has read, without SIZE, which depends on Exim's version; each with where it came.
    pub(crate) fn mail(&self, host: &str) -> Vec<String> {
        let lines = self.of(host).into_iter().flat_map(str::lines);
        lines
            .filter_map(|line| line.trim_start().split_once(": MAIL FROM:"))
            .map(|(place, command)| {
                let words = command.split(' ').filter(|word| !word.starts_with("SIZE="));
                format!("{place} {}", words.collect::<Vec<_>>().join(" "))
            })
            .collect()
    }
}

fn in_network(world: &Child) -> Command {
    let mut command = Command::new("nsenter");
    command
        .arg(format!("--net=/proc/{}/ns/net", world.id()))
        .arg("--");
    command
}

fn expect(said: &mut BufReader<ChildStdout>, expected: &str, dir: &Path) -> Result<()> {
    let mut line = String::new();
    said.read_line(&mut line)?;
    if line.trim_end() == expected {
        return Ok(());
    }
    let stderr = fs::read_to_string(dir.join("stderr")).unwrap_or_default();
    Err(Failure::new(format!("{expected}: {line:?}: {stderr}")))
}

/// A relay for everybody, with a callout for some local parts.
fn configuration(daemon: &Daemon<'_>) -> String {
    const ROUTER: &str =
        "dns:\n  driver = dnslookup\n  transport = smtp\n  self = send\n  no_more\n";
    let Daemon {
        octet,
        main,
        transport,
        routers,
        ..
    } = daemon;
    let routers = routers.unwrap_or(ROUTER);
    format!(
        "primary_hostname = relay.test\nspool_directory = /mnt/spool\nlog_file_path = /var/log/exim4/%slog\n\
         local_interfaces = 127.25.0.{octet}\ndaemon_smtp_ports = 25\nsmtp_enforce_sync = false\n\
         dsn_advertise_hosts = *\nlog_selector = +tls_certificate_verified +tls_sni +smtp_connection +pid\n\
         tls_advertise_hosts = *\ntls_certificate = /etc/exim4/tls.pem\ntls_privatekey = /etc/exim4/tls.pem\n\
         acl_smtp_mail = check_mail\nacl_smtp_rcpt = check_rcpt\nacl_smtp_data = accept\nkeep_environment =\nqueue_only_load = 1000\n\
         {main}\n\
         begin acl\ncheck_mail:\n  warn condition = ${{if eq{{$sender_address_local_part}}{{strict}}}}\n       \
         set acl_m_requiretls = 1.secure.onward\n  accept\ncheck_rcpt:\n  \
         accept local_parts = ! ^callout : ! ^cut : ! ^hold\n  \
         accept local_parts = ^cut\n         control = cutthrough_delivery\n         \
         verify = recipient/callout=20s,use_sender\n  \
         accept local_parts = ^hold\n         verify = recipient/callout=20s,use_sender,hold\n  \
         require local_parts = ^callout\n          verify = recipient/callout=20s\n  \
         accept\n\
         begin routers\n{routers}\
         begin transports\nsmtp:\n  driver = smtp\n  port = 2525\n  allow_localhost\n{transport}\n\
         begin retry\n* * F,2h,1m\n"
    )
}
