//! Can the name servers be relied on for DNSSEC?

use crate::USAGE;
use requiretls_engine::config::{Dns, DnsMode};
use requiretls_engine::dns::self_test::{
    Ad, BogusName, Examination, Finding, ProbeName, Signatures,
};
use requiretls_engine::{Config, Deadline, Discovery};
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Nothing of DNSSEC counts with at least one of them.
const WANTING: u8 = 1;
/// At least one of them did not answer.
const UNKNOWN: u8 = 2;
/// `EX_IOERR`: nobody has read the answer.
const IO: u8 = 74;
/// `EX_CONFIG`.
const CONFIG: u8 = 78;

/// Tests whether the name servers can be relied on for DNSSEC
///
/// Each server is asked about names that are signed, unsigned and bogus by intent: the settings
/// `probe_signed`, `probe_unsigned` and `probe_bogus` in [dns] name others. What a lookup has found
/// before is not looked at. Exit status: 0 when every server is fit for the mode that is configured,
/// 1 when one is not or none is trusted, so that nothing counts as DNSSEC-validated, 2 when one does
/// not answer, 64 for wrong usage, 78 for an unreadable configuration.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration; the built-in file when it is left out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Seconds to wait at most
    #[arg(long, value_name = "S", default_value_t = 10)]
    timeout: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    mode: &'static str,
    /// Whether the path to the servers, or our own validation, can be trusted at all.
    trusted: bool,
    servers: Vec<Server>,
}

#[derive(Serialize)]
struct Server {
    address: String,
    ad: &'static str,
    signatures: &'static str,
    /// What it says of the names that are bogus by intent.
    bogus: &'static str,
    /// Whether it can be relied on in this mode: "yes", "no" or "unknown".
    fit: &'static str,
    text: String,
}

/// Tests, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let opened = Config::load(args.config.as_deref())
        .and_then(|config| Discovery::open(&config).map(|discovery| (config, discovery)));
    let (config, discovery) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(CONFIG, &error.to_string()),
    };
    let dns = &config.dns;
    if dns.probes.signed.is_empty() {
        return failed(
            USAGE,
            "the configuration has no names in probe_signed to test with",
        );
    }
    let deadline = Deadline::after(Duration::from_secs(args.timeout));
    let examined = discovery.resolver().examine(&dns.probes, deadline);
    let report = Report {
        mode: mode(dns),
        trusted: discovery.is_dnssec_trusted(),
        servers: examined.iter().map(|one| Server::of(one, dns)).collect(),
    };
    let fit = |word| report.servers.iter().any(|server| server.fit == word);
    let status = if !report.trusted || fit("no") {
        WANTING
    } else if fit("unknown") {
        UNKNOWN
    } else {
        0
    };
    match report.print(dns, args.json) {
        Ok(()) => ExitCode::from(status),
        Err(_) => ExitCode::from(IO),
    }
}

fn mode(dns: &Dns) -> &'static str {
    match dns.mode {
        DnsMode::Auto => "auto",
        DnsMode::Ad => "ad",
        DnsMode::Validate(_) => "validate",
    }
}

impl Server {
    fn of(examined: &Examination, dns: &Dns) -> Self {
        let finding = examined.finding;
        let bogus = match examined.bogus {
            None => "not tested",
            Some(BogusName::Held) => "held",
            Some(BogusName::LetThrough) => "let through",
            Some(BogusName::Unclear) => "unclear",
        };
        Self {
            address: examined.server.to_string(),
            ad: finding.ad.as_str(),
            signatures: finding.signatures.as_str(),
            bogus,
            fit: fit(finding, dns),
            text: finding.to_string(),
        }
    }
}

impl Report {
    fn print(&self, dns: &Dns, json: bool) -> io::Result<()> {
        let mut out = io::stdout().lock();
        if json {
            serde_json::to_writer(&mut out, self)?;
            writeln!(out)?;
            return out.flush();
        }
        writeln!(out, "mode {}", self.mode)?;
        if !self.trusted {
            writeln!(
                out,
                "the path to the name servers is not trusted: nothing counts as DNSSEC-validated, \
                 whatever they can"
            )?;
        }
        for server in &self.servers {
            let Server {
                address, text, fit, ..
            } = server;
            writeln!(out, "\n{address}: {text}")?;
            writeln!(out, "  fit for this mode  {fit}")?;
            writeln!(out, "  AD                 {}", server.ad)?;
            writeln!(out, "  signatures         {}", server.signatures)?;
            let bogus = names(&dns.probes.bogus);
            writeln!(out, "  bogus names        {} ({bogus})", server.bogus)?;
        }
        let (signed, unsigned) = (names(&dns.probes.signed), names(&dns.probes.unsigned));
        writeln!(
            out,
            "\ntested with {signed} (signed), {unsigned} (unsigned)"
        )?;
        out.flush()
    }
}

/// Whether a server can be relied on in this mode: "yes", "no" or "unknown".
pub(crate) fn fit(finding: Finding, dns: &Dns) -> &'static str {
    match &dns.mode {
        DnsMode::Validate(_) => match finding.signatures {
            Signatures::Passes => "yes",
            Signatures::Strips | Signatures::DropsDo => "no",
            Signatures::Silent | Signatures::Refuses | Signatures::Fails => "unknown",
        },
        DnsMode::Auto | DnsMode::Ad => match finding.ad {
            Ad::Right => "yes",
            Ad::Always | Ad::Never => "no",
            Ad::Silent | Ad::Refuses | Ad::Fails => "unknown",
        },
    }
}

fn names(names: &[ProbeName]) -> String {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(" ")
    }
}

fn failed(status: u8, what: &str) -> ExitCode {
    eprintln!("requiretls: {what}");
    ExitCode::from(status)
}
