//! Stands between a mail server and `requiretls lmtp`, and holds their dialogue at a place that a test names.
//!
//! As `requiretls lmtp ...` in place of that program it starts the real one; with `--socket=PATH` it connects to the real one's
//! socket, `PATH.real`, for each connection to its own. The file `hold` in its directory names the place; when the dialogue has come there, the
//! file is renamed to `held`, and nothing goes on until the real program has ended. Then the gate ends as that did.
#![forbid(unsafe_code)]

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::{Signal, getpid, kill_process};

/// All servers of a world see it.
const DIRECTORY: &str = "/mnt/gate";
const REAL: &str = "/usr/libexec/requiretls-lmtp";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let socket = arguments.iter().find_map(|a| a.strip_prefix("--socket="));
    let ended = match socket {
        Some(path) => listen(path),
        None => stand_before(&arguments),
    };
    ended.unwrap_or(ExitCode::from(75))
}

/// One connection after another, until this is killed.
fn listen(path: &str) -> io::Result<ExitCode> {
    let listener = UnixListener::bind(path)?;
    rustix::fs::chmod(path, rustix::fs::Mode::from_raw_mode(0o666))?;
    for connection in listener.incoming() {
        let server = connection?;
        let Ok(real) = UnixStream::connect(format!("{path}.real")) else {
            continue; // closed, as by a service that is not there
        };
        let (to_real, to_server) = (real.try_clone()?, server.try_clone()?);
        let end = server.try_clone()?;
        relay(server, to_real, real, to_server, move || {
            drop(end.shutdown(Shutdown::Both));
        });
    }
    Ok(ExitCode::SUCCESS)
}

fn stand_before(arguments: &[String]) -> io::Result<ExitCode> {
    let mut real = Command::new(REAL)
        .args(arguments.iter().skip(1))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(to_real), Some(from_real)) = (real.stdin.take(), real.stdout.take()) else {
        return Err(io::ErrorKind::BrokenPipe.into());
    };
    let (ended, has_ended) = std::sync::mpsc::channel();
    relay(io::stdin(), to_real, from_real, io::stdout(), move || {
        let _ = ended.send(());
    });
    let _ = has_ended.recv();
    let status = real.wait()?;
    if status.signal().is_some() {
        kill_process(getpid(), Signal::KILL)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(75)))
}

/// Both directions, each on a thread; `ended` is called when the real program says no more.
fn relay(
    from_server: impl Read + Send + 'static,
    to_real: impl Write + Send + 'static,
    from_real: impl Read + Send + 'static,
    to_server: impl Write + Send + 'static,
    ended: impl FnOnce() + Send + 'static,
) {
    let dot = Arc::new(AtomicBool::new(false));
    let came = Arc::clone(&dot);
    std::thread::spawn(move || commands(from_server, to_real, &dot));
    std::thread::spawn(move || {
        replies(from_real, to_server, &came);
        ended();
    });
}

/// Until one side is gone, which the replies tell.
fn commands(from: impl Read, mut to: impl Write, dot: &AtomicBool) {
    let mut lines = Lines::new(from);
    let (mut in_content, mut is_first) = (false, false);
    while let Some(line) = lines.next() {
        if !in_content {
            let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
            if is_held_at(&String::from_utf8_lossy(&verb)) {
                return stay();
            }
            in_content = verb == b"DATA";
            is_first = in_content;
        } else if line == b".\r\n" {
            in_content = false;
            dot.store(true, Ordering::SeqCst);
        }
        if to.write_all(&line).and_then(|()| to.flush()).is_err() {
            return;
        }
        if in_content && !line.to_ascii_uppercase().starts_with(b"DATA") {
            if is_first && is_held_at("CONTENT") {
                return stay();
            }
            is_first = false;
        }
        if line == b".\r\n" && is_held_at("DOT") {
            return stay();
        }
    }
}

fn replies(from: impl Read, mut to: impl Write, dot: &AtomicBool) {
    let mut lines = Lines::new(from);
    while let Some(line) = lines.next() {
        // The one to DATA came before the content did.
        if dot.load(Ordering::SeqCst) && is_held_at("ANSWER") {
            while lines.next().is_some() {}
            return;
        }
        if to.write_all(&line).and_then(|()| to.flush()).is_err() {
            return;
        }
    }
}

/// Whole lines, with their ends.
struct Lines<R: Read>(BufReader<R>);

impl<R: Read> Lines<R> {
    fn new(from: R) -> Self {
        Self(BufReader::new(from))
    }

    fn next(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).ok()?;
        (!line.is_empty()).then_some(line)
    }
}

/// Whether this is where the dialogue stands still.
fn is_held_at(place: &str) -> bool {
    let hold = Path::new(DIRECTORY).join("hold");
    fs::read_to_string(&hold).is_ok_and(|named| named == place)
        && fs::rename(&hold, hold.with_file_name("held")).is_ok()
}

/// Keeps both ends open; the replies tell when the real program has ended.
fn stay() {
    loop {
        std::thread::park();
    }
}
