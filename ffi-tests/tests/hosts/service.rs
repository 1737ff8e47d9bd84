//! How does the transport serve a socket, and what takes its place when it was killed?

use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result, Servers};

/// Where servers connect.
pub(crate) const SOCKET: &str = "/run/requiretls/lmtp.sock";
/// Where the gate connects that stands there.
pub(crate) const REAL_SOCKET: &str = "/run/requiretls/lmtp.sock.real";
/// The program by its other name.
const PROGRAM: &str = "/usr/libexec/requiretls-lmtp";
const LIMIT: Duration = Duration::from_secs(60);

/// `requiretls lmtp` behind its socket, and the gate in front of it.
pub(crate) struct Service {
    gate: Option<Child>,
    service: Child,
    socket: &'static str,
}

impl Service {
    pub(crate) fn start(servers: &Servers, gated: bool) -> Result<Self> {
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
    pub(crate) fn restart(&mut self, servers: &Servers) -> Result<()> {
        self.service.wait()?;
        servers.inside("host", &["rm", "-f", self.socket])?;
        self.service = serve(servers)?;
        wait_for_socket(servers, self.socket, &mut self.service)
    }
}

impl Drop for Service {
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
