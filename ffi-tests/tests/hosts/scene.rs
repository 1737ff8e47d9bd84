//! Who is there? A mail server, the transport, next hops with one defect each, and a Postfix 3.11 as the best of them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result, Servers, built};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use requiretls_testbed::{Certificate, DnsMode, Domain, Message, Peer, Step, Sts, World};

use crate::mail_server::{ADDRESS, Handing, MailServer};
use crate::outcome::{Fate, Outcome};
use crate::postfix::{self, START};
use crate::readme;
use crate::submission::Submission;

/// Where the Postfix 3.11 listens that receives with REQUIRETLS.
const RECEIVER: &str = "127.25.0.11";
/// Whose it is.
pub(crate) const RECEIVER_DOMAIN: &str = "postfix.test";
/// Where bounces go.
pub(crate) const SENDER: &str = "ann@bounces.test";
const SOCKET: &str = "/run/requiretls/lmtp.sock";
/// Behind the gate.
const REAL_SOCKET: &str = "/run/requiretls/lmtp.sock.real";
/// The program by its other name.
const PROGRAM: &str = "/usr/libexec/requiretls-lmtp";
const LIMIT: Duration = Duration::from_secs(60);

/// Everything that runs; it ends when this is dropped.
pub(crate) struct Scene {
    pub(crate) server: Box<dyn MailServer>,
    transport: Option<Transport>,
    place: Place,
}

impl Scene {
    pub(crate) fn start(server: Box<dyn MailServer>, handing: Handing) -> Result<Self> {
        Self::begin(server, handing, &listener(handing)?, false)
    }

    /// A server that hands over by a socket, and a listener other than the usual one.
    pub(crate) fn configured(server: Box<dyn MailServer>, listener: &str) -> Result<Self> {
        Self::begin(server, Handing::Socket, listener, false)
    }

    /// The same with a gate in front of the transport, where tests can hold a dialogue.
    pub(crate) fn behind_gate(server: Box<dyn MailServer>, handing: Handing) -> Result<Self> {
        let listener = listener(handing)?.replace(SOCKET, REAL_SOCKET);
        Self::begin(server, handing, &listener, true)
    }

    fn begin(
        server: Box<dyn MailServer>,
        handing: Handing,
        listener: &str,
        gated: bool,
    ) -> Result<Self> {
        let servers = Servers::open(&[server.root(), "postfix311"])?;
        let receiver = Receiver::issue()?;
        let mut domains = domains();
        domains.push(receiver.domain());
        let place = Place::settle(servers, domains)?;
        let servers = place.servers();
        receiver.write(servers)?;
        servers.start("receiver", "postfix311", RECEIVER, 25)?;

        install(servers, place.world()?, listener, gated)?;
        server.write(servers, handing)?;
        prepare(servers)?;
        servers.start("host", server.root(), ADDRESS, 25)?;
        let transport = match handing {
            Handing::Process => None,
            Handing::Socket => Some(Transport::start(servers, gated)?),
        };
        Ok(Self {
            server,
            transport,
            place,
        })
    }

    pub(crate) fn servers(&self) -> &Servers {
        self.place.servers()
    }

    /// Hands a message to the mail server.
    pub(crate) fn submit(&self, message: &Submission) -> Result<()> {
        message.to(self.servers(), &format!("{ADDRESS}:25"))
    }

    /// What became of a recipient, as soon as that is logged.
    pub(crate) fn outcome(&self, recipient: &str) -> Result<Outcome> {
        let file = self.server.log();
        let what = format!("something became of {recipient}");
        self.servers().watch(file, &what, || {
            let log = self.servers().log(file)?;
            Ok(self.server.outcome(&log, recipient))
        })
    }

    /// The same, but not before it is this.
    pub(crate) fn wait_for(&self, recipient: &str, fate: Fate) -> Result<Outcome> {
        let file = self.server.log();
        let what = format!("{recipient} is {fate:?}");
        self.servers().watch(file, &what, || {
            let log = self.servers().log(file)?;
            let outcome = self.server.outcome(&log, recipient);
            Ok(outcome.filter(|outcome| outcome.fate == fate))
        })
    }

    /// The messages that the testbed's peers took for a recipient.
    pub(crate) fn taken(&self, recipient: &str) -> Vec<Message> {
        let mut messages = self.came(recipient);
        messages.retain(|message| message.taken);
        messages
    }

    /// What came for a recipient, as far as it came.
    pub(crate) fn came(&self, recipient: &str) -> Vec<Message> {
        let of = |message: &Message| message.recipients.iter().any(|r| r == recipient);
        let world = self.place.world.as_ref();
        let sessions = world.map_or_else(Vec::new, |world| world.sessions().sessions());
        let messages = sessions.into_iter().flat_map(|session| session.messages);
        messages.filter(of).collect()
    }

    /// What the receiving Postfix stored for a recipient.
    pub(crate) fn stored(&self, recipient: &str) -> Result<Vec<String>> {
        let new = self.servers().path().join("share/received/box/new");
        let mut found = Vec::new();
        for entry in fs::read_dir(new).into_iter().flatten() {
            let text = fs::read_to_string(entry?.path())?;
            if text.contains(&format!("Delivered-To: {recipient}\n")) {
                found.push(text);
            }
        }
        Ok(found)
    }

    /// Waits for something that is not logged.
    pub(crate) fn until<T>(&self, what: &str, look: impl Fn() -> Result<Option<T>>) -> Result<T> {
        self.servers().watch(self.server.log(), what, look)
    }

    /// Starts the service behind the socket again, where there is one and it was killed.
    pub(crate) fn restart_transport(&mut self) -> Result<()> {
        match &mut self.transport {
            Some(transport) => transport.restart(self.place.servers()),
            None => Ok(()),
        }
    }
}

/// The servers' network with the testbed's world in it.
struct Place {
    servers: Servers,
    world: Option<World>,
}

impl Place {
    fn settle(servers: Servers, domains: Vec<Domain>) -> Result<Self> {
        let world = servers
            .within(|| World::builder().smtp_port(25).domains(domains).start())?
            .map_err(|error| Failure::new(error.to_string()))?;
        Ok(Self {
            servers,
            world: Some(world),
        })
    }

    fn servers(&self) -> &Servers {
        &self.servers
    }

    fn world(&self) -> Result<&World> {
        let world = self.world.as_ref();
        world.ok_or_else(|| Failure::new("the world has ended"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A world knocks at its own doors to end, which it finds in its network alone. Its own check, that nothing came
        // outside TLS, is then made as well.
        let world = self.world.take();
        if let Err(error) = self.servers.within(|| drop(world)) {
            eprintln!("{error}");
        }
    }
}

/// `requiretls lmtp` behind its socket, and the gate in front of it.
struct Transport {
    gate: Option<Child>,
    service: Child,
    socket: &'static str,
}

impl Transport {
    fn start(servers: &Servers, gated: bool) -> Result<Self> {
        let socket = if gated { REAL_SOCKET } else { SOCKET };
        let gate = gated.then(|| {
            let listen = format!("--socket={SOCKET}");
            spawn(servers, "gate", &["/usr/bin/requiretls", "lmtp", &listen])
        });
        let mut transport = Self {
            gate: gate.transpose()?,
            service: serve(servers)?,
            socket,
        };
        if let Some(gate) = &mut transport.gate {
            wait_for_socket(servers, SOCKET, gate)?;
        }
        wait_for_socket(servers, socket, &mut transport.service)?;
        Ok(transport)
    }

    /// As systemd would, when it was killed.
    fn restart(&mut self, servers: &Servers) -> Result<()> {
        self.service.wait()?;
        servers.inside("host", &["rm", "-f", self.socket])?;
        self.service = serve(servers)?;
        wait_for_socket(servers, self.socket, &mut self.service)
    }
}

impl Drop for Transport {
    fn drop(&mut self) {
        for child in self.gate.iter_mut().chain([&mut self.service]) {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The user of the unit that is shipped.
fn serve(servers: &Servers) -> Result<Child> {
    let user = "--userspec=requiretls:requiretls";
    spawn(
        servers,
        "transport",
        &["chroot", user, "/", PROGRAM, "--listen"],
    )
}

fn spawn(servers: &Servers, name: &str, words: &[&str]) -> Result<Child> {
    let log = servers.path().join(format!("{name}.log"));
    let said = fs::File::options().create(true).append(true).open(log)?;
    let child = servers
        .command_inside("host")
        .args(words)
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .spawn()?;
    Ok(child)
}

fn wait_for_socket(servers: &Servers, socket: &str, child: &mut Child) -> Result<()> {
    let end = Instant::now() + LIMIT;
    while servers.inside("host", &["test", "-S", socket]).is_err() {
        if let Some(status) = child.try_wait()? {
            let said = fs::read_to_string(servers.path().join("transport.log"))?;
            return Err(Failure::new(format!("requiretls lmtp: {status}: {said}")));
        }
        if Instant::now() > end {
            return Err(Failure::new("requiretls lmtp does not listen"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// The program where a package has it, and what leads it into this world. The gate takes the program's place.
fn install(servers: &Servers, world: &World, listener: &str, gated: bool) -> Result<()> {
    let root = servers.path().join("host/up");
    let configuration = root.join("etc/requiretls");
    for dir in [
        &configuration,
        &root.join("usr/bin"),
        &root.join("usr/libexec"),
        &root.join("run/requiretls"),
    ] {
        fs::create_dir_all(dir)?;
    }
    let program = if gated { "gate" } else { "requiretls" };
    fs::hard_link(built(program)?, root.join("usr/bin/requiretls"))?;
    fs::hard_link(
        built("requiretls")?,
        root.join("usr/libexec/requiretls-lmtp"),
    )?;
    // The transport has no rights of its own.
    let gate = servers.path().join("share/gate");
    fs::create_dir_all(&gate)?;
    fs::set_permissions(&gate, fs::Permissions::from_mode(0o777))?;
    world.write(&configuration, DnsMode::Ad)?;
    servers.write(
        "host/up/etc/requiretls/requiretls.conf",
        &format!("{}\n{listener}", world.config_toml(DnsMode::Ad)),
    )
}

/// What the README says of the listener.
fn listener(handing: Handing) -> Result<String> {
    match handing {
        Handing::Process => readme::lines("requiretls.conf, process"),
        Handing::Socket => readme::lines("requiretls.conf, socket"),
    }
}

/// What systemd and the administrator would have done: the directory of the socket is its user's, and Postfix is in its
/// group.
fn prepare(servers: &Servers) -> Result<()> {
    let start = fs::read_to_string(servers.path().join("host/cmd"))?;
    let before = "chown requiretls:requiretls /run/requiretls; sed -i 's/^requiretls:.*/&postfix/' /etc/group\n";
    servers.write("host/cmd", &format!("{before}{start}"))
}

/// The next hops. Those that wait do so for 200 ms before each reply.
fn domains() -> Vec<Domain> {
    let good = Peer::good;
    let signed = |name: &str, peer| {
        let domain = Domain::new(&format!("{name}.test"));
        domain.signed().mx("mx").peer(peer)
    };
    vec![
        signed("good", good()),
        signed("bounces", good()),
        signed("no-starttls", good().no_starttls()),
        signed("no-requiretls", good().no_requiretls()),
        signed("wrong-name", good().certificate(Certificate::WrongName)),
        signed("dane", good().dane_ee()),
        signed("dane-wrong", good().dane_ee_wrong()),
        signed(
            "some",
            good().refuses_recipient("nobody", "550 5.1.1 There is nobody here"),
        ),
        signed(
            "later",
            good().answers(Step::Dot, None, "451 4.3.0 Not today"),
        ),
        signed("lost", good().drops(Step::Dot)),
        signed("slow", good().slow(Duration::from_millis(200))),
        Domain::new("sts-other.test")
            .mx("mx")
            .peer(good())
            .sts(Sts::enforce().mx("elsewhere.test")),
    ]
}

/// Key and certificate of the receiving Postfix.
struct Receiver {
    pem: String,
    digest: String,
}

impl Receiver {
    fn issue() -> Result<Self> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec![format!("mx.{RECEIVER_DOMAIN}")])?.self_signed(&key)?;
        let mut digest = String::new();
        let spki = key.subject_public_key_info();
        for byte in ring::digest::digest(&ring::digest::SHA256, &spki).as_ref() {
            write!(digest, "{byte:02x}")?;
        }
        Ok(Self {
            pem: format!("{}{}", key.serialize_pem(), certificate.pem()),
            digest,
        })
    }

    /// Found by DANE.
    fn domain(&self) -> Domain {
        Domain::new(RECEIVER_DOMAIN)
            .signed()
            .record("@ MX 10 mx")
            .record(&format!("mx A {RECEIVER}"))
            .record(&format!("_25._tcp.mx TLSA 3 1 1 {}", self.digest))
    }

    /// Everything goes to one mailbox.
    fn write(&self, servers: &Servers) -> Result<()> {
        let main = format!(
            "compatibility_level = 3.6\nmyhostname = mx.{RECEIVER_DOMAIN}\nmydestination =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmaillog_file = /var/log/postfix.log\nalias_maps =\n\
             smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_peername_lookup = no\n\
             smtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtpd_tls_chain_files = /etc/rq/key.pem\n\
             virtual_mailbox_domains = {RECEIVER_DOMAIN}\nvirtual_mailbox_maps = static:box/\n\
             virtual_mailbox_base = /mnt/received\nvirtual_uid_maps = static:8\nvirtual_gid_maps = static:8\n\
             virtual_minimum_uid = 1\ndebug_peer_list = 127.0.0.1\ndebug_peer_level = 1\n"
        );
        servers.write("receiver/up/etc/rq/key.pem", &self.pem)?;
        servers.write("receiver/up/etc/postfix/main.cf", &main)?;
        servers.write(
            "receiver/up/etc/postfix/master.cf",
            &postfix::master(RECEIVER, "")?,
        )?;
        servers.write("receiver/up/etc/hosts", "127.0.0.1 localhost\n")?;
        servers.write(
            "receiver/cmd",
            &format!("install -d -o mail /mnt/received\n{START}"),
        )
    }
}
