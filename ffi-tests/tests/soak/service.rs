//! `requiretls lmtp --listen`, which is killed and started again.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result, built};
use requiretls_testbed::{DnsMode, SMTP_PORT, World};
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct Service {
    dir: TempDir,
    socket: PathBuf,
    running: Mutex<Running>,
}

struct Running {
    child: Child,
    kills: usize,
}

impl Service {
    /// Into this world.
    pub(crate) fn start(world: &World) -> Result<Self> {
        let dir = TempDir::new()?;
        let socket = dir.path().join("lmtp.sock");
        world.write(dir.path(), DnsMode::Ad)?;
        let configuration = format!(
            "{}\n[next_hop.\"*\"]\nport = {SMTP_PORT}\n\n[lmtp]\ndirectory = \"{}\"\n\n\
             [lmtp_listener.\"unix:{}\"]\ntag_field = \"RequireTLS-Tag\"\n",
            world.config_toml(DnsMode::Ad),
            dir.path().display(),
            socket.display()
        );
        std::fs::write(dir.path().join("requiretls.conf"), configuration)?;
        let child = spawn(dir.path())?;
        let service = Self {
            dir,
            socket,
            running: Mutex::new(Running { child, kills: 0 }),
        };
        service.wait()?;
        Ok(service)
    }

    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// With SIGKILL; it is gone when this returns.
    pub(crate) fn kill(&self) -> Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.child.kill()?;
        running.child.wait()?;
        running.kills += 1;
        Ok(())
    }

    /// As systemd would.
    pub(crate) fn restart(&self) -> Result<()> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.child = spawn(self.dir.path())?;
        drop(running);
        self.wait()
    }

    pub(crate) fn kills(&self) -> usize {
        let running = self.running.lock();
        running.unwrap_or_else(PoisonError::into_inner).kills
    }

    fn wait(&self) -> Result<()> {
        let end = Instant::now() + LIMIT;
        while UnixStream::connect(&self.socket).is_err() {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if Instant::now() > end || running.child.try_wait()?.is_some() {
                let log = std::fs::read_to_string(self.dir.path().join("log"))?;
                return Err(Failure::new(format!("requiretls lmtp ended: {log}")));
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        drop(running.child.kill());
        drop(running.child.wait());
    }
}

fn spawn(dir: &Path) -> Result<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(dir.join("log"))?;
    Ok(Command::new(built("requiretls")?)
        .args(["lmtp", "--listen", "--config"])
        .arg(dir.join("requiretls.conf"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?)
}
