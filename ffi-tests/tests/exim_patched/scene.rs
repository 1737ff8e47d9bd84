//! Where does such an Exim run, and what is seen of it?
//!
//! In a network of its own: the testbed's domains, whose name server leads Exim to them, and one or more Exims that share a
//! queue, each with the configuration and the program that a test gives it. What the peers received is told at the end.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Identity, Installed, Result, Servers, bounded};
use requiretls_testbed::{DnsMode, Domain, World, catalogue};
use rustix::process::{Pid, Signal, kill_process};

use crate::build::Build;
pub(crate) use crate::daemon::Daemon;
pub(crate) use crate::received::Received;

const LIBRARY: &str = "librequiretls.so.0";
/// Exim's user and group in each unpacked package.
pub(crate) const EXIM: u32 = 202;
pub(crate) const LIMIT: Duration = Duration::from_secs(60);
/// What a message's body says, and no log or bounce may.
pub(crate) const SECRET: &str = "a body that only the recipient reads";

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
    pub(crate) servers: Servers,
    world: Option<World>,
}

impl Scene {
    /// The testbed's catalogue, without an Exim.
    pub(crate) fn open(roots: &[&str]) -> Result<Self> {
        Self::with_domains(roots, catalogue())
    }

    /// These domains, without an Exim.
    pub(crate) fn with_domains(roots: &[&str], domains: Vec<Domain>) -> Result<Self> {
        let servers = Servers::open(roots)?;
        let builder = World::builder().smtp_port(25).dns_port(53);
        let world = servers.within(|| builder.domains(domains).start())?;
        let world = world.map_err(|error| Failure::new(error.to_string()))?;
        let scene = Self {
            servers,
            world: Some(world),
        };
        let mail = scene.shared("mail");
        fs::create_dir_all(&mail)?;
        chown(&mail, Some(EXIM), Some(EXIM))?;
        Ok(scene)
    }

    /// The testbed's catalogue and one patched Exim.
    pub(crate) fn with(build: Build) -> Result<Self> {
        let program = build.program()?;
        let mut scene = Self::open(&[build.root])?;
        scene.run(&Daemon::patched(&program, build))?;
        Ok(scene)
    }

    /// The peers and their names.
    pub(crate) fn world(&self) -> Result<&World> {
        let world = self.world.as_ref();
        world.ok_or_else(|| Failure::new("the world has ended"))
    }

    /// The first address of a peer's host.
    pub(crate) fn address(&self, host: &str) -> Result<String> {
        let peers = self.world()?.peers(host);
        let peer = peers.first();
        let peer = peer.ok_or_else(|| Failure::new(format!("there is no {host}")))?;
        Ok(peer.address().ip().to_string())
    }

    /// What the peers have received so far.
    pub(crate) fn received(&self) -> Result<Received> {
        Ok(Received::of_log(self.world()?.sessions()))
    }

    /// Starts an Exim.
    pub(crate) fn run(&mut self, daemon: &Daemon<'_>) -> Result<Identity> {
        let up = self.path(daemon.name).join("up");
        for inside in ["etc/exim4", "usr/sbin", "usr/lib"] {
            fs::create_dir_all(up.join(inside))?;
        }
        fs::create_dir_all(self.path(daemon.name).join("log/exim4"))?;
        if let Some(program) = daemon.program {
            let place = up.join("usr/sbin/exim4");
            fs::copy(program, &place)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o4755))?;
            self.install_library()?;
            symlink(
                Path::new("/mnt").join(LIBRARY),
                up.join("usr/lib").join(LIBRARY),
            )?;
        }
        let own = format!("requiretls-{}", daemon.name);
        symlink(Path::new("/mnt").join(&own), up.join("etc/requiretls"))?;
        let own = self.path("share").join(own);
        fs::create_dir_all(&own)?;
        self.world()?.write(&own, DnsMode::Ad)?;
        let identity = match daemon.identity {
            Some(identity) => identity.clone(),
            None => Identity::new("relay.test")?,
        };
        let spool = self.shared(daemon.spool);
        fs::create_dir_all(&spool)?;
        chown(&spool, Some(EXIM), Some(EXIM))?;
        self.write(daemon.name, "up/etc/exim4/tls.pem", &identity.pem)?;
        self.write(
            daemon.name,
            "up/etc/exim4/exim4.conf",
            &daemon.configuration(),
        )?;
        let resolver = match daemon.resolver {
            Some(resolver) => resolver.to_owned(),
            None => self.world()?.dns().address().ip().to_string(),
        };
        let resolver =
            format!("nameserver {resolver}\noptions edns0 trust-ad timeout:2 attempts:2\n");
        self.write(daemon.name, "up/etc/resolv.conf", &resolver)?;
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
        self.servers.start(daemon.name, daemon.root, &address, 25)?;
        Ok(identity)
    }

    /// What a package would put there, for all Exims, or put there anew.
    pub(crate) fn install_library(&self) -> Result<()> {
        // Under another name first: a program that runs keeps the one it has.
        let (new, place) = (self.shared("new.so"), self.shared(LIBRARY));
        fs::copy(Installed::find()?.shared_object(), &new)?;
        Ok(fs::rename(new, place)?)
    }

    /// Something that every server sees below /mnt.
    pub(crate) fn shared(&self, name: &str) -> PathBuf {
        self.path("share").join(name)
    }

    /// What a command says that runs inside a server.
    pub(crate) fn inside(&self, name: &str, words: &[&str]) -> Result<String> {
        let mut command = self.servers.command_inside(name);
        bounded::output(command.args(words), LIMIT)
    }

    /// The number of the process that listens, as this machine has it.
    pub(crate) fn daemon(&self) -> Result<u32> {
        let listens = |process: &Path| {
            let words = fs::read(process.join("cmdline")).unwrap_or_default();
            // One that has started again goes by the name that it was built with.
            ["exim4", "exim"]
                .iter()
                .any(|name| words.starts_with(format!("/usr/sbin/{name}\0-bdf\0").as_bytes()))
        };
        let mut processes = self.servers.processes()?.into_iter();
        let found = processes.find(|process| listens(process));
        let number = found.and_then(|process| process.file_name()?.to_str()?.parse().ok());
        number.ok_or_else(|| Failure::new("no Exim listens"))
    }

    /// Has the one that listens start anew, with the configuration that is there now.
    pub(crate) fn restart(&self) -> Result<()> {
        let starts = || self.log("exim").matches("daemon started").count();
        let before = starts();
        let process = i32::try_from(self.daemon()?).ok().and_then(Pid::from_raw);
        let process = process.ok_or_else(|| Failure::new("no process has this number"))?;
        kill_process(process, Signal::HUP)?;
        let end = Instant::now() + LIMIT;
        while starts() == before {
            if Instant::now() >= end {
                return Err(Failure::new("Exim does not start again"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
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
        let before = self.world()?.config_toml(DnsMode::Ad);
        self.write_configuration(name, &format!("{before}\n{text}"))
    }

    /// Puts another text in the place of the library's configuration. No process reads half of it.
    pub(crate) fn write_configuration(&self, name: &str, text: &str) -> Result<()> {
        let file = self.shared(&format!("requiretls-{name}/requiretls.conf"));
        let new = self.shared("new.conf");
        fs::write(&new, text)?;
        Ok(fs::rename(new, file)?)
    }

    /// A file of a server.
    pub(crate) fn write(&self, name: &str, file: &str, text: &str) -> Result<()> {
        self.servers.write(&format!("{name}/{file}"), text)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.servers.path().join(name)
    }

    /// Says the lines to an Exim, inside TLS or in clear, and returns its replies, of those inside TLS only the ones that
    /// came there. It reads ahead: the test's configuration allows that.
    pub(crate) fn say(&self, octet: u8, in_tls: bool, lines: &[&str]) -> Result<Replies> {
        let address = format!("127.25.0.{octet}");
        let talk = if in_tls {
            format!("exec openssl s_client -quiet -starttls smtp -connect {address}:25")
        } else {
            format!("exec 3<>/dev/tcp/{address}/25; cat >&3; cat <&3")
        };
        let mut client = self.servers.command(["bash", "-c", &talk]);
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
        let commands = recipients.iter().map(|r| format!("RCPT TO:<{r}>"));
        let commands: Vec<String> = [mail.to_owned()].into_iter().chain(commands).collect();
        let commands: Vec<&str> = commands.iter().map(String::as_str).collect();
        self.submit_lines_to(octet, &commands, header)
    }

    /// The same with whole MAIL and RCPT commands.
    pub(crate) fn submit_lines(&self, commands: &[&str], header: &str) -> Result<String> {
        self.submit_lines_to(60, commands, header)
    }

    fn submit_lines_to(&self, octet: u8, commands: &[&str], header: &str) -> Result<String> {
        let mut lines = commands.to_vec();
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
        let id = id.ok_or_else(|| Failure::new(format!("{commands:?}: {replies:?}")))?;
        Ok(id.1.trim().to_owned())
    }

    /// The id of the message that a line of Exim's log is about.
    pub(crate) fn id_in(line: &str) -> &str {
        let is_id = |word: &&str| {
            word.matches('-').count() == 2 && word.len() > 15 && !word.starts_with("20")
        };
        line.split(' ').find(is_id).unwrap_or_default()
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
        // A router's refusal has a colon behind the address.
        let marks: Vec<String> = ["=>", "->", "==", "**", ">>"]
            .iter()
            .flat_map(|mark| [" ", ":"].map(|end| format!("{id} {mark} {recipient}{end}")))
            .collect();
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
        let Some(world) = self.world.take() else {
            return Err(Failure::new("the world has ended"));
        };
        let log = world.sessions().clone();
        let leaks = self.servers.within(|| world.stop())?;
        let received = Received::of_log(&log);
        if leaks.is_empty() {
            return Ok(received);
        }
        Err(Failure::new(format!("{leaks:#?}\n{}", received.0)))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if let Some(world) = self.world.take() {
            // The test has failed already; its peers end where they are.
            drop(self.servers.within(|| world.stop()));
        }
    }
}
