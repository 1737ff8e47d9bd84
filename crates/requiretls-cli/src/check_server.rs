//! Does a receiving server keep its side of RFC 8689?

use crate::USAGE;
use requiretls_core::domain::Domain;
use requiretls_transport::{Check, Finding, Path, Server, ServerCheck, Timeouts, Verdict};
use serde::Serialize;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::process::ExitCode;
use std::time::Duration;

/// At least one fault.
const FAULTY: u8 = 1;
/// No fault, but something could not be found out.
const UNKNOWN: u8 = 2;
/// `EX_IOERR`: nobody has read the answer.
const IO: u8 = 74;

/// Tests whether a receiving server keeps its side of REQUIRETLS (RFC 8689)
///
/// Connects once for each check and quits before DATA, so that no message is sent. A fault is
/// against an RFC; a doubt is allowed, but not what this project does in its place. Certificates are
/// not judged: see `requiretls check`. Exit status: 0 when everything holds, doubts or not; 1 when
/// there is a fault; 2 when there is none, but something could not be found out; 64 for wrong usage.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A host name or address; IPv6 addresses stand in brackets where a port follows
    #[arg(value_name = "HOST[:PORT]")]
    server: String,

    /// The name to greet with
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// The sender to name; postmaster at the name greeted with when it is left out
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,

    /// A recipient that the server takes; postmaster at the host when it is left out
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,

    /// Seconds to wait for each reply
    #[arg(long, value_name = "S", default_value_t = 10)]
    timeout: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    server: &'a str,
    address: String,
    verdict: &'static str,
    findings: Vec<Told>,
}

#[derive(Serialize)]
struct Told {
    check: &'static str,
    source: &'static str,
    verdict: &'static str,
    said: String,
}

/// Checks, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let (address, findings) = match ask(args, &Check::ALL) {
        Ok(asked) => asked,
        Err((status, why)) => return failed(status, &why),
    };
    let verdict = findings.iter().map(|finding| finding.verdict).max();
    let verdict = verdict.unwrap_or(Verdict::Unknown);
    let report = Report {
        server: &args.server,
        address: address.to_string(),
        verdict: verdict.as_str(),
        findings: findings.into_iter().map(Told::from).collect(),
    };
    if report.print(args.json).is_err() {
        return ExitCode::from(IO);
    }
    match verdict {
        Verdict::Holds | Verdict::Doubt => ExitCode::SUCCESS,
        Verdict::Unknown => ExitCode::from(UNKNOWN),
        Verdict::Fault => ExitCode::from(FAULTY),
    }
}

/// Makes these checks; the error has the exit status of a program that can do nothing else.
pub(crate) fn ask(
    args: &Args,
    checks: &[Check],
) -> Result<(SocketAddr, Vec<Finding>), (u8, String)> {
    let wrong = |why| (USAGE, why);
    let target = Target::parse(&args.server).map_err(wrong)?;
    let check = server_check(args, &target).map_err(wrong)?;
    let address = target
        .find(Duration::from_secs(args.timeout))
        .map_err(|why| (UNKNOWN, format!("{}: {why}", args.server)))?;
    let server = Server {
        address: address.into(),
        name: target.name,
    };
    let findings = checks.iter().map(|one| check.check(*one, &server));
    Ok((address, findings.collect()))
}

impl Args {
    /// For whoever asks about a server of its own.
    pub(crate) fn of(server: &str, to: Option<String>, timeout: u64) -> Self {
        Self {
            server: server.to_owned(),
            name: None,
            from: None,
            to,
            timeout,
            json: false,
        }
    }

    /// What is asked.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }
}

fn server_check(args: &Args, target: &Target) -> Result<ServerCheck, String> {
    let name = args.name.clone().unwrap_or_else(own_name);
    let from = args.from.clone();
    let from = from.unwrap_or_else(|| format!("postmaster@{name}"));
    let to = args.to.clone();
    let to = to.unwrap_or_else(|| format!("postmaster@{}", target.domain()));
    let path = |option: &str, address: &str| {
        Path::parse(address).map_err(|error| format!("{option} {address}: {error}"))
    };
    let timeouts = Timeouts::all(Duration::from_secs(args.timeout));
    ServerCheck::new(&name, path("--from", &from)?, path("--to", &to)?, timeouts)
        .map_err(|error| format!("--name {name}: {error}"))
}

/// What the system calls itself.
fn own_name() -> String {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_string_lossy();
    if name.is_empty() {
        "localhost".to_owned()
    } else {
        name.into_owned()
    }
}

/// HOST[:PORT], taken apart.
#[derive(Debug, Eq, PartialEq)]
struct Target {
    host: String,
    port: u16,
    /// None where HOST is an address.
    name: Option<Domain>,
}

impl Target {
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text}: not HOST or HOST:PORT");
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(wrong)?)),
            None if text.parse::<IpAddr>().is_ok() => (text, None),
            None => text
                .split_once(':')
                .map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = match port.map(str::parse) {
            None => 25,
            Some(Ok(port)) if port > 0 => port,
            Some(_) => return Err(wrong()),
        };
        let name = match host.parse::<IpAddr>() {
            Ok(_) => None,
            Err(_) => {
                Some(Domain::parse(host.as_bytes()).map_err(|error| format!("{text}: {error}"))?)
            }
        };
        let host = name
            .as_ref()
            .map_or_else(|| host.to_owned(), |name| name.as_str().to_owned());
        Ok(Self { host, port, name })
    }

    fn domain(&self) -> String {
        match self.host.parse() {
            Ok(IpAddr::V4(address)) => format!("[{address}]"),
            Ok(IpAddr::V6(address)) => format!("[IPv6:{address}]"),
            Err(_) => self.host.clone(),
        }
    }

    /// The first of its addresses where somebody listens.
    fn find(&self, limit: Duration) -> io::Result<SocketAddr> {
        let mut last = io::Error::other("no address");
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, limit) {
                Ok(_) => return Ok(address),
                Err(error) => last = io::Error::new(error.kind(), format!("{address}: {error}")),
            }
        }
        Err(last)
    }
}

impl From<Finding> for Told {
    fn from(finding: Finding) -> Self {
        Self {
            check: finding.check.as_str(),
            source: finding.check.source(),
            verdict: finding.verdict.as_str(),
            said: finding.said,
        }
    }
}

impl Report<'_> {
    fn print(&self, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
            return out.flush();
        }
        writeln!(out, "{} ({})\n", self.server, self.address)?;
        for told in &self.findings {
            writeln!(out, "  {:8} {}", told.verdict, told.check)?;
            if told.verdict != Verdict::Holds.as_str() {
                writeln!(out, "           {}\n           {}", told.said, told.source)?;
            }
        }
        let count = |verdict: Verdict| {
            let word = verdict.as_str();
            self.findings.iter().filter(|t| t.verdict == word).count()
        };
        writeln!(
            out,
            "\n{} checks: {} hold, {} in doubt, {} unknown, {} faults",
            self.findings.len(),
            count(Verdict::Holds),
            count(Verdict::Doubt),
            count(Verdict::Unknown),
            count(Verdict::Fault)
        )?;
        out.flush()
    }
}

fn failed(status: u8, what: &str) -> ExitCode {
    eprintln!("requiretls: {what}");
    ExitCode::from(status)
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn host_and_port() {
        for (label, text, expected) in [
            (
                "a name",
                "mx.example.net",
                Some(("mx.example.net", 25, true)),
            ),
            (
                "with a port",
                "MX.example.net:587",
                Some(("mx.example.net", 587, true)),
            ),
            (
                "U-labels",
                "m\u{fc}.example",
                Some(("xn--m-eha.example", 25, true)),
            ),
            ("IPv4", "192.0.2.1:2525", Some(("192.0.2.1", 2525, false))),
            ("IPv6", "2001:db8::1", Some(("2001:db8::1", 25, false))),
            (
                "IPv6 with a port",
                "[2001:db8::1]:26",
                Some(("2001:db8::1", 26, false)),
            ),
            ("in brackets", "[192.0.2.1]", Some(("192.0.2.1", 25, false))),
            ("port 0", "a.test:0", None),
            ("no port", "a.test:", None),
            ("a port too large", "a.test:65536", None),
            ("behind the bracket", "[::1]25", None),
            ("no host", ":25", None),
            ("a blank", "a b", None),
        ] {
            let target = Target::parse(text).ok();
            let read = target
                .as_ref()
                .map(|t| (t.host.as_str(), t.port, t.name.is_some()));
            assert_eq!(read, expected, "{label}");
        }
    }
}
