//! Who is there? One Exim with the shipped files, next hops with one defect each, and their names.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ffi_tests::{Failure, Installed, Result, Servers, built, workspace};
use rcgen::{CertificateParams, KeyPair};
use requiretls_testbed::{DnsMode, Domain, Message, Session, World};
use rustix::process::{Pid, Signal, kill_process};

use crate::built::{build, copy_tree};
use crate::submission::say;

/// Where Exim listens.
pub(crate) const ADDRESS: &str = "127.25.0.21";
/// Its log.
pub(crate) const LOG: &str = "host/log/exim4/mainlog";
/// What a test may change while Exim runs, in the directory that both see, and where Exim has it.
const SHARED: [(&str, &str); 5] = [
    ("resolv.conf", "etc/resolv.conf"),
    ("requiretls-exim.so", "usr/lib/exim4/requiretls-exim.so"),
    (
        "librequiretls.so.0",
        "usr/lib/x86_64-linux-gnu/librequiretls.so.0",
    ),
    ("requiretls", "etc/requiretls"),
    ("cache", "var/lib/requiretls"),
];
const FILES: &str = "host/up/usr/share/requiretls/exim";
/// In the place of further tables: the library keeps a cache.
const CACHE: &str = "\n# with a cache\n";

/// A site with the shipped files in their places. Peers are on the loopback, where no mail host of the network is.
const SITE: &str = include_str!("site.conf");

/// Everything that runs; it ends when this is dropped.
pub(crate) struct Scene<'a> {
    pub(crate) world: World,
    pub(crate) servers: &'a Servers,
}

/// What a scene differs in from the one that all have.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a line of the site's configuration"
)]
pub(crate) struct Setting {
    /// Without the shipped files: a stock Exim.
    pub(crate) without: bool,
    /// Nothing is delivered but by a queue run.
    pub(crate) queue_only: bool,
    /// An ACL asks for recipients at their hosts, and for the message to go on meanwhile.
    pub(crate) cutthrough: bool,
    /// REQUIRETLS is offered and accepted.
    pub(crate) full: bool,
    /// The library has a cache.
    pub(crate) cache: bool,
    /// Lines of the main section, which turn on parts of [`SITE`].
    pub(crate) main: &'static [&'static str],
    /// Lines before the transports.
    pub(crate) transports: &'static str,
    /// Servers that a test starts beside Exim: their packages.
    pub(crate) beside: &'static [&'static str],
    /// Debian's configuration in the place of [`SITE`], and what is done to it before Exim starts.
    pub(crate) debian: Option<String>,
}

impl Scene<'_> {
    /// Runs a test in a scene. All of it, the end of the peers too, happens on a thread in the servers' network.
    pub(crate) fn run(
        exim: &str,
        setting: &Setting,
        domains: Vec<Domain>,
        test: impl FnOnce(&Scene<'_>) -> Result<()> + Send,
    ) -> Result<()> {
        let servers = Servers::open(&[&[exim], setting.beside].concat())?;
        let tried = servers.within(|| {
            let builder = World::builder().smtp_port(25).dns_port(53);
            let world = builder
                .domains(domains)
                .start()
                .map_err(|error| Failure::new(error.to_string()))?;
            let scene = Scene {
                world,
                servers: &servers,
            };
            scene.start(exim, setting)?;
            test(&scene)?;
            let leaks = scene.world.stop();
            assert!(leaks.is_empty(), "{leaks:?}");
            Ok(())
        });
        tried?
    }

    fn start(&self, exim: &str, setting: &Setting) -> Result<()> {
        self.install(&Installed::find()?)?;
        self.configure(if setting.cache { CACHE } else { "" })?;
        if setting.full {
            let key = KeyPair::generate()?;
            let certificate =
                CertificateParams::new(vec!["host.test".to_owned()])?.self_signed(&key)?;
            let pem = key.serialize_pem() + &certificate.pem();
            fs::write(self.shared("server.pem"), pem)?;
        }
        let before = if let Some(script) = &setting.debian {
            self.servers.write("host/up/etc/exim4/before.sh", script)?;
            // Of util-linux, which is not among what Exim depends on.
            fs::copy("/usr/bin/getopt", self.path("host/up/usr/bin/getopt"))?;
            "sh -e /etc/exim4/before.sh; "
        } else {
            self.write_site(setting)?;
            fs::create_dir_all(self.path("host/up/etc/exim4"))?;
            symlink("/mnt/exim4.conf", self.path("host/up/etc/exim4/exim4.conf"))?;
            ""
        };
        let resolver = self.world.dns().address().ip();
        fs::write(
            self.shared("resolv.conf"),
            format!("nameserver {resolver}\noptions edns0 trust-ad timeout:2 attempts:2\n"),
        )?;
        self.servers
            .write("host/up/etc/hosts", "127.0.0.1 localhost\n")?;
        self.servers.write(
            "host/cmd",
            &format!("{before}install -d -o Debian-exim /var/log/exim4; install -d -o requiretls -g requiretls -m 2775 /mnt/cache; \
             install -d -o mail /mnt/box; exec exim4 -bdf"),
        )?;
        self.servers.start("host", exim, ADDRESS, 25)
    }

    /// The site's configuration.
    fn write_site(&self, setting: &Setting) -> Result<()> {
        let mut main = String::new();
        for (wanted, line) in [
            (setting.without, "SITE_WITHOUT = yes\n"),
            (setting.queue_only, "queue_only = true\n"),
            (setting.cutthrough, "SITE_CUTTHROUGH = yes\n"),
            (setting.full, "SITE_FULL = yes\n"),
        ] {
            main.push_str(if wanted { line } else { "" });
        }
        for line in setting.main {
            main.push_str(line);
            main.push('\n');
        }
        let site = SITE.replace("@transports@", setting.transports);
        // No process reads half of it.
        let new = self.shared("new-exim4.conf");
        fs::write(&new, site.replace("@main@\n", &main))?;
        Ok(fs::rename(new, self.shared("exim4.conf"))?)
    }

    /// Has Exim go on with another configuration, and with the queue that it has.
    pub(crate) fn reconfigure(&self, setting: &Setting) -> Result<()> {
        self.write_site(setting)?;
        let starts = || Ok::<_, Failure>(self.servers.log(LOG)?.matches("daemon started").count());
        let before = starts()?;
        let process = i32::try_from(self.daemon()?).ok().and_then(Pid::from_raw);
        let process = process.ok_or_else(|| Failure::new("no process has this number"))?;
        kill_process(process, Signal::HUP)?;
        let again = || Ok((starts()? > before).then_some(()));
        self.servers.watch(LOG, "Exim has started again", again)
    }

    /// The number of the process that listens.
    pub(crate) fn daemon(&self) -> Result<u32> {
        let is_it = |process: &Path| {
            let words = fs::read(process.join("cmdline")).unwrap_or_default();
            let program = words.split(|octet| *octet == 0).next().unwrap_or_default();
            program.ends_with(b"exim4") && words.ends_with(b"\0-bdf\0")
        };
        let found = self
            .servers
            .processes()?
            .into_iter()
            .find(|process| is_it(process));
        let number = found.and_then(|process| process.file_name()?.to_str()?.parse().ok());
        number.ok_or_else(|| Failure::new("no Exim listens"))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.servers.path().join(name)
    }

    /// What a package would put there.
    fn install(&self, installed: &Installed) -> Result<()> {
        for (shared, name) in SHARED {
            let link = self.path("host/up").join(name);
            fs::create_dir_all(link.parent().unwrap_or(&link))?;
            symlink(Path::new("/mnt").join(shared), link)?;
        }
        fs::copy(installed.shared_object(), self.shared("librequiretls.so.0"))?;
        fs::copy(build(installed)?, self.shared("requiretls-exim.so"))?;
        fs::create_dir_all(self.path("host/up/usr/bin"))?;
        fs::hard_link(
            built("requiretls")?,
            self.path("host/up/usr/bin/requiretls"),
        )?;
        fs::create_dir_all(self.shared("requiretls"))?;
        self.world.write(&self.shared("requiretls"), DnsMode::Ad)?;
        copy_tree(
            &workspace().join("crates/requiretls-capi/hosts/exim"),
            &self.path(FILES),
        )
    }

    /// The library's configuration, with further tables.
    pub(crate) fn configure(&self, tables: &str) -> Result<()> {
        let mut text = self.world.config_toml(DnsMode::Ad) + tables;
        if let Some(rest) = text.strip_suffix(CACHE) {
            text = rest.replace("directory = \"\"", "directory = \"/var/lib/requiretls\"");
        }
        // No process reads half of it.
        let (new, file) = (
            self.shared("new"),
            self.shared("requiretls/requiretls.conf"),
        );
        fs::write(&new, text)?;
        Ok(fs::rename(new, file)?)
    }

    /// Something that Exim sees as well.
    pub(crate) fn shared(&self, name: &str) -> PathBuf {
        self.path("share").join(name)
    }

    /// Has Exim take a message by SMTP.
    pub(crate) fn submit(&self, recipients: &[&str], header: &str) -> Result<()> {
        self.submit_from("ann@host.test", recipients, header)
    }

    /// The same with another return path.
    #[expect(
        clippy::unused_self,
        reason = "there is nobody to submit to without a scene"
    )]
    pub(crate) fn submit_from(
        &self,
        sender: &str,
        recipients: &[&str],
        header: &str,
    ) -> Result<()> {
        say(sender, recipients, header)
            .map_err(|error| Failure::new(format!("{recipients:?}: {error}")))
    }

    /// The log line of a kind (`=>`, `==`, `**`) for a recipient, as soon as there is one.
    pub(crate) fn outcome(&self, recipient: &str) -> Result<(String, String)> {
        self.servers
            .watch(LOG, &format!("something became of {recipient}"), || {
                Ok(self.outcomes(recipient)?.pop())
            })
    }

    /// All of them so far.
    pub(crate) fn outcomes(&self, recipient: &str) -> Result<Vec<(String, String)>> {
        let log = self.servers.log(LOG)?;
        let lines = log.lines().filter_map(|line| {
            let mut words = line.split(' ').skip(3);
            let (kind, who, whole) = (words.next()?, words.next()?, words.next()?);
            // Where no host is named, the address stands in brackets behind its local part.
            let about = who.trim_end_matches(':') == recipient || whole == format!("<{recipient}>");
            let told = about && ["=>", "->", "==", "**"].contains(&kind);
            told.then(|| (kind.to_owned(), line.to_owned()))
        });
        Ok(lines.collect())
    }

    /// Waits until a recipient has this outcome.
    pub(crate) fn wait_for(&self, recipient: &str, kind: &str) -> Result<String> {
        let what = format!("{recipient} is {kind}");
        self.servers.watch(LOG, &what, || {
            let mut outcomes = self.outcomes(recipient)?.into_iter();
            let found = outcomes.find(|(found, _)| found == kind);
            Ok(found.map(|(_, line)| line))
        })
    }

    /// Waits until the log has a line with all of these.
    pub(crate) fn logged(&self, parts: &[&str]) -> Result<String> {
        self.servers.watch(LOG, &format!("{parts:?}"), || {
            let log = self.servers.log(LOG)?;
            let mut lines = log.lines();
            let found = lines.find(|line| parts.iter().all(|part| line.contains(part)));
            Ok(found.map(str::to_owned))
        })
    }

    /// All lines so far of the message that a line of the log is about.
    pub(crate) fn told(&self, line: &str) -> Result<String> {
        let id = line.split(' ').nth(2).unwrap_or_default();
        let log = self.servers.log(LOG)?;
        let lines: Vec<&str> = log.lines().filter(|line| line.contains(id)).collect();
        Ok(lines.join("\n"))
    }

    /// What Exim has in its panic log, which is empty where nothing is wrong with a configuration.
    pub(crate) fn panics(&self) -> Result<String> {
        self.servers.log("host/log/exim4/paniclog")
    }

    /// Runs Exim with these arguments, as root.
    pub(crate) fn exim(&self, arguments: &[&str]) -> Result<String> {
        self.servers
            .inside("host", &[&["exim4"], arguments].concat())
    }

    /// The messages that peers took for a recipient, each with its session.
    pub(crate) fn taken(&self, recipient: &str) -> Vec<(Session, Message)> {
        let sessions = self.world.sessions().sessions();
        let messages = sessions.into_iter().flat_map(|session| {
            let messages = session.messages.clone().into_iter();
            messages.map(move |message| (session.clone(), message))
        });
        messages
            .filter(|(_, message)| {
                message.taken && message.recipients.iter().any(|r| r == recipient)
            })
            .collect()
    }
}
