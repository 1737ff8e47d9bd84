//! Does the configuration of this project really hold in an Exim?

mod configured;
mod drivers;
mod exim;
mod finding;
mod library;
mod order;
mod patched;
mod server;
mod session;
mod shipped;
mod stock;
mod surroundings;

use crate::{USAGE, check_server};
use exim::{Exim, Version};
use finding::{Finding, Report};
use requiretls_transport::Verdict;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use surroundings::Surroundings;

/// Something does not hold.
const FAULTY: u8 = 1;
/// Nothing is wrong, but something could not be found out.
const UNKNOWN: u8 = 2;
/// `EX_IOERR`: nobody has read the answer.
const IO: u8 = 74;

/// Where Debian and others have it.
const PLACES: [&str; 3] = ["/usr/sbin/exim4", "/usr/sbin/exim", "/usr/exim/bin/exim"];
/// For whom Exim has no answer.
const ROOT: &str = "only root is told everything: run this as root";
/// What a look-up of the library may take, and its process.
const LONGEST_ANSWER: Duration = Duration::from_secs(40);

/// Tests whether the configuration for Exim really holds; run it after every upgrade of Exim
///
/// Finds out which Exim it is, stock or with librequiretls compiled in, and whether the standard or
/// the full files are there. Exim is then asked by -bV, -bP, -be, -bt and -bh, and the running
/// server by SMTP as in `requiretls check-server`. No message is sent, and nothing is changed. What
/// was asked, what came and what to do about it is told of everything that does not hold. Only root
/// is told everything by Exim.
///
/// Exit status: 0 when everything holds, doubts or not; 1 when something does not; 2 when nothing is
/// wrong, but something could not be found out; 64 for wrong usage.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The program; /usr/sbin/exim4 or /usr/sbin/exim when it is left out
    #[arg(long, value_name = "PATH")]
    exim: Option<PathBuf>,

    /// Where it receives mail
    #[arg(long, value_name = "HOST[:PORT]", default_value = "127.0.0.1:25")]
    server: String,

    /// An address that the server takes; postmaster at its own name when it is left out
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,

    /// A domain that is known to have an MTA-STS policy or DANE; the network is asked about it
    #[arg(long, value_name = "DOMAIN", default_value = "gmail.com")]
    domain: String,

    /// The library's configuration; the built-in file when it is left out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Seconds to wait for each reply of a server
    #[arg(long, value_name = "S", default_value_t = 10)]
    timeout: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What the tests of either build need.
struct Subject<'a> {
    exim: &'a Exim,
    version: &'a Version,
    /// As Exim has read it.
    configuration: &'a str,
    /// An address of this server.
    address: &'a str,
    args: &'a Args,
}

/// Which files are in use, and what was found about them.
struct Found {
    files: &'static str,
    /// REQUIRETLS is to be offered to clients; `None`: that is not known.
    offers: Option<bool>,
    findings: Vec<Finding>,
}

/// Tests, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Err(why) = requiretls_core::domain::Domain::parse(args.domain.as_bytes()) {
        return failed(USAGE, &format!("--domain {}: {why}", args.domain));
    }
    let places = PLACES.iter().map(Path::new).find(|path| path.exists());
    let Some(program) = args.exim.as_deref().or(places) else {
        return failed(
            UNKNOWN,
            "there is no Exim in its usual places: --exim names one",
        );
    };
    let exim = Exim::new(program, LONGEST_ANSWER);
    let report = match look(&exim, program, args) {
        Ok(report) => report,
        Err((status, why)) => return failed(status, &why),
    };
    if report.print(args.json).is_err() {
        return ExitCode::from(IO);
    }
    match report.verdict {
        Verdict::Holds | Verdict::Doubt => ExitCode::SUCCESS,
        Verdict::Unknown => ExitCode::from(UNKNOWN),
        Verdict::Fault => ExitCode::from(FAULTY),
    }
}

fn look(exim: &Exim, program: &Path, args: &Args) -> Result<Report, (u8, String)> {
    let check = "Exim starts, and reads its configuration";
    let mut report = Report {
        exim: program.display().to_string(),
        version: "of a version unknown".to_owned(),
        build: "unknown",
        files: "unknown",
        verdict: Verdict::Fault,
        findings: Vec::new(),
    };
    let version = match exim.version() {
        Ok(version) => version,
        Err(why) => {
            let advice = "nothing of a mail server works like that: is a library missing, or a file of its configuration?";
            report.findings = vec![Finding::fault(check, "exim -bV", &why, advice)];
            return Ok(report);
        }
    };
    report.version.clone_from(&version.number);
    let is_patched = version.supports.iter().any(|what| what == "REQUIRETLS");
    report.build = if is_patched { "patched" } else { "stock" };
    let mut findings = vec![Finding::holds(check, "exim -bV", &version.configuration)];
    match exim.configuration() {
        Ok(configuration) => {
            let host = exim.expand("$primary_hostname").unwrap_or_default();
            let own = format!("postmaster@{host}");
            let subject = Subject {
                exim,
                version: &version,
                configuration: &configuration,
                address: args.to.as_deref().unwrap_or(&own),
                args,
            };
            let found = if is_patched {
                patched::look(&subject)
            } else {
                stock::look(&subject)
            };
            report.files = found.files;
            findings.extend(found.findings);
            let surroundings = Surroundings {
                exim,
                file: args.config.as_deref(),
                timeout: Duration::from_secs(args.timeout),
            };
            findings.extend(surroundings.check());
            if let Some(offers) = found.offers {
                let to = Some(subject.address.to_owned());
                let outside = check_server::Args::of(&args.server, to, args.timeout);
                let outside = server::check(&outside, offers);
                findings.extend(outside.map_err(|why| (USAGE, why))?);
            }
        }
        Err(why) => {
            let check = "the configuration can be asked about";
            findings.push(Finding::unknown(check, "exim -bP config", &why, ROOT));
        }
    }
    let worst = findings.iter().map(|finding| finding.verdict).max();
    report.verdict = worst.unwrap_or(Verdict::Unknown);
    report.findings = findings;
    Ok(report)
}

fn failed(status: u8, what: &str) -> ExitCode {
    eprintln!("requiretls: {what}");
    ExitCode::from(status)
}
