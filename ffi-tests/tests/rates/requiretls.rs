//! `requiretls lmtp` behind its socket, with sixteen sessions or one.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result, Servers, built};

use crate::receiver::Receiver;
use crate::{Figures, Load, NAME, RECEIVER, Way, cpu, feeder};

pub(crate) fn send(servers: &Servers, receiver: &Receiver, load: &Load) -> Result<Figures> {
    let dir = servers.path().join("requiretls");
    fs::create_dir_all(&dir)?;
    fs::write(dir.join("ca.pem"), &receiver.authority)?;
    let socket = dir.join("lmtp.sock");
    let (floor, kept) = match load.way {
        Way::Clear => ("", 16),
        Way::TlsNew => (SECURE, 0),
        Way::TlsReused => (SECURE, 16),
    };
    let configuration = format!(
        "[next_hop.\"*\"]\nsmarthost = \"[{RECEIVER}]\"\n{}\n[cache]\ndirectory = \"\"\n\n\
         [lmtp]\nname = \"client.test\"\nhost_idle_connections = {kept}\nconnection_messages = 10000\n\n\
         [lmtp_listener.\"unix:{}\"]\n",
        floor.replace("@NAME@", NAME),
        socket.display()
    );
    fs::write(dir.join("requiretls.conf"), configuration)?;
    let log = fs::File::create(dir.join("log"))?;
    let program = built("requiretls")?;
    let mut child = servers
        .command([program.as_os_str(), "lmtp".as_ref(), "--listen".as_ref()])
        .arg("--config")
        .arg(dir.join("requiretls.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    let measured = measure(receiver, load, &socket, child.id());
    child.kill()?;
    child.wait()?;
    measured.map_err(|error| {
        let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
        error.during(log.lines().next_back().unwrap_or_default())
    })
}

/// What Postfix' level `secure` is, with a name and an authority that are given.
const SECURE: &str =
    "floor = \"secure\"\nmethods = [\"pkix\"]\npkix_names = [\"@NAME@\"]\nca_file = \"ca.pem\"\n";

fn measure(receiver: &Receiver, load: &Load, socket: &Path, process: u32) -> Result<Figures> {
    let end = Instant::now() + Duration::from_secs(20);
    while UnixStream::connect(socket).is_err() {
        if Instant::now() > end {
            return Err(Failure::new("requiretls lmtp does not listen"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    // nsenter has become it.
    let process = Path::new("/proc").join(process.to_string());
    let before = cpu(&process)?;
    feeder::by_lmtp(load, socket)?;
    let (span, connections) = receiver.wait(load.messages)?;
    Ok(Figures {
        span,
        cpu: cpu(&process)?.saturating_sub(before),
        connections,
    })
}
