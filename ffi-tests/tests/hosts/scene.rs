//! Who is there? A mail server, the transport, next hops with one defect each, and a Postfix 3.11 as the best of them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use ffi_tests::{Failure, Result, Servers, built};
use requiretls_testbed::{Certificate, DnsMode, Domain, Message, Peer, Step, Sts, World};

use crate::mail_server::{ADDRESS, Handing, MailServer};
use crate::outcome::{Fate, Outcome};
use crate::readme;
use crate::receiver::Receiver;
use crate::service::{REAL_SOCKET, SOCKET, Service};
use crate::submission::Submission;

/// Where bounces go.
pub(crate) const SENDER: &str = "ann@bounces.test";

/// Everything that runs; it ends when this is dropped.
pub(crate) struct Scene {
    pub(crate) server: Box<dyn MailServer>,
    service: Option<Service>,
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
        receiver.start(servers)?;

        install(servers, place.world()?, listener, gated)?;
        server.write(servers, handing)?;
        prepare(servers)?;
        servers.start("host", server.root(), ADDRESS, 25)?;
        let service = match handing {
            Handing::Process => None,
            Handing::Socket => Some(Service::start(servers, gated)?),
        };
        Ok(Self {
            server,
            service,
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
    pub(crate) fn restart_service(&mut self) -> Result<()> {
        match &mut self.service {
            Some(service) => service.restart(self.place.servers()),
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
