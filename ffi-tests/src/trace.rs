//! Which user read what from the network, as strace tells it?
//!
//! A process is what it was when it was made until it says otherwise: by setuid and its kin, by what geteuid answers, and by
//! starting Exim, which is root's.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use crate::{Failure, Result, Servers};
use rustix::process::{Pid, Signal, kill_process};

/// The effective user, and "UDP" with the type that was asked for, or "TCP" with the port of the other end.
pub type Reads = BTreeSet<(String, String)>;

const CALLS: &str = "trace=read,readv,recvfrom,recvmsg,recvmmsg,execve,clone,clone3,fork,vfork,\
                     geteuid,setuid,setreuid,setresuid";
/// As long as a question and what stands before it in an answer.
const LENGTH: &str = "600";
const TYPES: [(u16, &str); 8] = [
    (1, "A"),
    (6, "SOA"),
    (15, "MX"),
    (16, "TXT"),
    (28, "AAAA"),
    (43, "DS"),
    (48, "DNSKEY"),
    (52, "TLSA"),
];

/// strace, in the network of the servers: else it would not know the addresses of sockets.
///
/// # Errors
/// There is no directory for what it tells.
pub fn strace(servers: &Servers, to: &Path, arguments: &[&str]) -> Result<Command> {
    fs::create_dir_all(to)?;
    let mut command = servers.command(["strace", "-ff", "-yy", "-xx", "-s", LENGTH]);
    command
        .args([
            "-e",
            "signal=none",
            "-e",
            CALLS,
            "--pidns-translation",
            "-o",
        ])
        .arg(to.join("trace"))
        .args(arguments);
    Ok(command)
}

/// strace of a process that is there, and of all that it makes; until it is dropped.
pub struct Watch {
    strace: Child,
    /// It tells of each process that is made, and would end where nobody could hear it.
    _told: BufReader<ChildStderr>,
}

impl Watch {
    /// Begins, and returns when nothing will be missed.
    ///
    /// # Errors
    /// strace is missing, or may not watch.
    pub fn begin(servers: &Servers, to: &Path, process: &str) -> Result<Self> {
        let mut command = strace(servers, to, &["-p", process])?;
        let mut strace = command.stderr(Stdio::piped()).spawn()?;
        let stderr = strace.stderr.take();
        let mut told = BufReader::new(stderr.ok_or_else(|| Failure::new("strace has no voice"))?);
        let mut line = String::new();
        told.read_line(&mut line)?;
        let watch = Self {
            strace,
            _told: told,
        };
        if line.contains("attached") {
            Ok(watch)
        } else {
            Err(Failure::new(format!("strace: {line}")))
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It lets go of whom it watches.
        if let Some(pid) = i32::try_from(self.strace.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        drop(self.strace.wait());
    }
}

/// What was read in all processes of a trace, of which those without a parent began as this user.
///
/// # Errors
/// The trace cannot be read, or some of its processes are nobody's children.
pub fn reads(trace: &Path, first: &str) -> Result<Reads> {
    let mut processes = BTreeMap::new();
    for entry in fs::read_dir(trace)? {
        let path = entry?.path();
        let number = path.extension().map(|n| n.to_string_lossy().into_owned());
        processes.insert(number.unwrap_or_default(), fs::read_to_string(path)?);
    }
    let mut users: BTreeMap<String, String> = BTreeMap::new();
    let children: BTreeSet<&str> = processes
        .values()
        .flat_map(|text| text.lines())
        .filter_map(child)
        .collect();
    for number in processes
        .keys()
        .filter(|number| !children.contains(number.as_str()))
    {
        users.insert(number.clone(), first.to_owned());
    }
    let mut found = Reads::new();
    // A parent before its children: each round tells the users of a further generation.
    while let Some(number) = processes
        .keys()
        .find(|number| users.contains_key(*number))
        .cloned()
    {
        let text = processes.remove(&number).unwrap_or_default();
        let mut user = users.get(&number).cloned().unwrap_or_default();
        for line in text.lines() {
            if let Some(child) = child(line) {
                users.insert(child.to_owned(), user.clone());
            }
            if let Some(changed) = changed(line, &user) {
                user = changed;
            }
            found.extend(read(line).map(|what| (user.clone(), what)));
        }
    }
    if processes.is_empty() {
        Ok(found)
    } else {
        Err(Failure::new(format!(
            "whose children are these? {:?}",
            processes.keys()
        )))
    }
}

/// The arguments of a call, and what came of it.
fn call(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(") = ").or_else(|| {
        let (arguments, result) = rest.rsplit_once(" = ")?;
        Some((arguments.trim_end().strip_suffix(')')?, result))
    })?;
    Some((name, arguments, result))
}

/// The process that a line tells the beginning of, by its number outside.
fn child(line: &str) -> Option<&str> {
    let (name, _, result) = call(line)?;
    if !["clone", "clone3", "fork", "vfork"].contains(&name) {
        return None;
    }
    let translated = result.split_once("/* ").map(|(_, rest)| rest);
    let number = translated.unwrap_or(result).split(' ').next()?;
    number
        .parse::<u32>()
        .ok()
        .filter(|n| *n > 0)
        .map(|_| number)
}

/// Who the process is from this line on, if it tells.
fn changed(line: &str, user: &str) -> Option<String> {
    let (name, arguments, result) = call(line)?;
    let result = result.split(' ').next()?;
    if name == "geteuid" {
        return Some(result.to_owned());
    }
    if result != "0" {
        return None;
    }
    let mut words = arguments.split(", ");
    let new = match name {
        "setuid" => words.next()?,
        "setreuid" | "setresuid" => words.nth(1)?,
        "execve" if is_exim(words.next()?) => "0",
        _ => return None,
    };
    Some(if new == "-1" { user } else { new }.to_owned())
}

fn is_exim(program: &str) -> bool {
    let name: Option<Vec<u8>> = bytes(program);
    name.is_some_and(|name| name.ends_with(b"exim4"))
}

/// What a line read from the network.
fn read(line: &str) -> Option<String> {
    let (name, arguments, result) = call(line)?;
    if !["read", "readv", "recvfrom", "recvmsg", "recvmmsg"].contains(&name)
        || result.split(' ').next()?.parse::<u64>().ok()? == 0
    {
        return None;
    }
    let (_, descriptor) = arguments.split_once('<')?;
    let (kind, rest) = descriptor.split_once(":[")?;
    let (ends, _) = rest.split_once(']')?;
    if kind.starts_with("UDP") {
        return Some(format!("UDP {}", question(arguments).unwrap_or("?")));
    }
    if !kind.starts_with("TCP") {
        return None;
    }
    let (ours, theirs) = ends.split_once("->").unwrap_or((ends, "?"));
    // What Exim hears from its own clients is not looked up.
    (!ours.ends_with(":25")).then(|| format!("TCP {}", theirs.rsplit(':').next().unwrap_or("?")))
}

/// The type that the answer is about.
fn question(arguments: &str) -> Option<&'static str> {
    let message = arguments
        .split_once("iov_base=")
        .map_or(arguments, |(_, rest)| rest);
    let octets = bytes(message)?;
    let mut at = 12;
    while let Some(length) = octets.get(at).copied().filter(|length| *length > 0) {
        at += usize::from(length) + 1;
    }
    let number = u16::from_be_bytes([*octets.get(at + 1)?, *octets.get(at + 2)?]);
    TYPES
        .iter()
        .find(|(n, _)| *n == number)
        .map(|(_, name)| *name)
}

/// The first text in quotes, which is in hex.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once('"')?;
    let (hex, _) = rest.split_once('"')?;
    let octets = hex.split("\\x").skip(1);
    octets
        .map(|octet| u8::from_str_radix(octet, 16).ok())
        .collect()
}

/// As strace writes it.
#[test]
fn a_trace_tells_who_read_what() {
    let rows = [
        ("geteuid() = 0", Some("0"), None),
        ("setuid(202) = 0", Some("202"), None),
        ("setresuid(-1, 8, -1) = 0", Some("8"), None),
        (
            "setresuid(-1, 8, -1) = -1 EPERM (Operation not permitted)",
            None,
            None,
        ),
        (
            "execve(\"\\x2f\\x65\\x78\\x69\\x6d\\x34\", [\"\\x78\"], 0x7ff /* 3 vars */) = 0",
            Some("0"),
            None,
        ),
        (
            "execve(\"\\x2f\\x73\\x68\", [\"\\x78\"], 0x7ff /* 3 vars */) = 0",
            None,
            None,
        ),
        ("read(3</etc/passwd>, \"\\x61\", 4096) = 1", None, None),
        (
            "read(3<TCP:[127.0.0.1:4000->127.64.0.2:8443]>, \"\\x61\", 4096) = 1",
            None,
            Some("TCP 8443"),
        ),
        (
            "read(3<TCP:[127.0.0.1:4000->127.64.0.2:8443]>, \"\", 4096) = 0",
            None,
            None,
        ),
        (
            "read(3<TCP:[127.25.0.21:25->127.0.0.1:4000]>, \"\\x61\", 4096) = 1",
            None,
            None,
        ),
        (
            "recvfrom(5<UDP:[127.0.0.1:4000->127.64.0.2:53]>, \
             \"\\x12\\x34\\x81\\x80\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01\\x61\\x00\\x00\\x10\\x00\\x01\", 2048, 0, NULL, NULL) = 19",
            None,
            Some("UDP TXT"),
        ),
        (
            "recvmsg(5<UDP:[0.0.0.0:4000]>, {msg_name={sa_family=AF_INET, sin_port=htons(53), sin_addr=inet_addr(\"\\x31\")}, \
             msg_iov=[{iov_base=\"\\x61\", iov_len=9}]}, 0) = 1",
            None,
            Some("UDP ?"),
        ),
    ];
    for (line, user, what) in rows {
        assert_eq!(changed(line, "7").as_deref(), user, "{line}");
        assert_eq!(read(line).as_deref(), what, "{line}");
    }
    assert_eq!(
        child("clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD) = 9"),
        Some("9")
    );
    assert_eq!(
        child("fork() = 9 /* 4711 in strace's PID NS */"),
        Some("4711")
    );
    assert_eq!(child("clone(child_stack=NULL) = -1 EAGAIN (no room)"), None);
}
