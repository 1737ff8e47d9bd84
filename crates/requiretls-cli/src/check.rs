//! What is known about this domain, and may this message go there?

mod answered;
mod fact;
mod hosts;
mod policy;
mod report;
mod secure;
mod servers;
mod shown;
mod way;

use crate::USAGE;
use answered::Answered;
use report::Report;
use requiretls_core::facts::{LookupCause, LookupFailure, Route};
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::{Message, Plan};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;
use requiretls_engine::config::Written;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// `EX_UNAVAILABLE` of sysexits.h: the message would be returned.
const BOUNCE: u8 = 69;
/// `EX_IOERR`: nobody has read the answer.
const IO: u8 = 74;
/// `EX_TEMPFAIL`: the message would wait.
const DEFER: u8 = 75;
/// `EX_CONFIG`.
const CONFIG: u8 = 78;
/// DNS could not be asked.
const UNKNOWN: u8 = 2;

/// Looks up a domain and prints the plan for a message to it
///
/// Every fact stands there with its DNSSEC status, where it is from and for how long it holds; the
/// policy that was kept beside the one that is served now; every host with what a connection to it
/// must prove, and which half is missing for level secure: that the way to the host is vouched for,
/// and that the host can prove who it is. No mail server is connected to. Exit status: 0 when the
/// message may go as far as is known, 69 when it would be returned, 75 when it would wait, 2 when
/// DNS could not be asked, 64 for wrong usage, 78 for an unreadable configuration.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The next hop: a domain, or an address in brackets
    domain: String,

    /// The tag that is kept with the message, or its short word: R, LE, LS, H
    #[arg(long, value_name = "TAG", default_value = "")]
    tag: String,

    /// The configuration; the built-in file when it is left out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The port that would be connected to; it is part of the TLSA records' names
    #[arg(long, value_name = "N")]
    port: Option<u16>,

    /// Seconds that the lookup may take, as for a message; what is told besides takes a few more
    #[arg(long, value_name = "S", default_value_t = 30)]
    timeout: u64,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What everything that is told is taken from.
struct Looked<'a> {
    config: &'a Config,
    written: &'a Written,
    discovery: &'a Discovery,
    rule: &'a Rule,
    port: u16,
    /// For the message, and for one with REQUIRETLS, over the same facts.
    plan: Plan,
    strictest: Plan,
    /// The same questions once more: facts do not keep the status of every answer.
    answered: Answered<'a>,
}

/// Looks up, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let next_hop = match NextHop::parse(&args.domain) {
        Ok(next_hop) => next_hop,
        Err(error) => return failed(USAGE, &format!("{:?}: {error}", args.domain)),
    };
    let Ok(requirement) = tag::parse_word(&args.tag) else {
        return failed(USAGE, &format!("{:?} is no tag", args.tag));
    };
    let opened = Config::load_written(args.config.as_deref()).and_then(|(config, written)| {
        let discovery = Discovery::open(&config)?;
        Ok((config, written, discovery))
    });
    let (config, written, discovery) = match opened {
        Ok(opened) => opened,
        Err(error) => return failed(CONFIG, &error.to_string()),
    };
    let rule = match config.rules.look_up(&next_hop) {
        Ok(rule) => rule,
        Err(error) => return failed(CONFIG, &error.to_string()),
    };
    let port = args.port.or(rule.port).unwrap_or(25);
    let question = Question {
        next_hop: &next_hop,
        hosts: &[],
        port,
        rule,
        // What level secure would rest on is told for every tag.
        requiring: true,
    };
    let budget = Duration::from_secs(args.timeout);
    // Before the lookup, which may fetch another.
    let kept = policy::kept_before(&next_hop, rule, &discovery);
    let begin = discovery.clock().now().unwrap_or_default();
    let facts = discovery.lookup(&question, &Deadline::after(budget));
    let plan_for = |requirement| {
        let message = Message {
            requirement,
            ..Message::default()
        };
        let settings = config.sending.settings;
        let facts = facts.clone();
        Plan::new(next_hop.clone(), message, rule.clone(), settings, facts)
    };
    let further = Deadline::after(budget.min(FURTHER));
    let looked = Looked {
        plan: plan_for(requirement),
        strictest: plan_for(Requirement::R),
        answered: Answered::new(&discovery, &config.dns.families, further),
        config: &config,
        written: &written,
        discovery: &discovery,
        rule,
        port,
    };
    let report = Report::new(&looked, kept.as_ref(), begin);
    let status = match report.action() {
        _ if could_not_ask(&facts.route) => UNKNOWN,
        "go" => 0,
        "bounce" => BOUNCE,
        _ => DEFER,
    };
    match print(&report, args.json) {
        Ok(()) => ExitCode::from(status),
        Err(_) => ExitCode::from(IO),
    }
}

/// For what is asked besides the lookup.
const FURTHER: Duration = Duration::from_secs(5);

fn could_not_ask(route: &Route) -> bool {
    matches!(
        route,
        Route::Failed(LookupFailure {
            cause: LookupCause::Timeout,
            ..
        })
    )
}

fn print(report: &Report, json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, report)?;
        writeln!(out)?;
    } else {
        // Whatever reads a pipe wants a line whole.
        let width = terminal_size::terminal_size_of(&out).map(|(width, _)| usize::from(width.0));
        write!(out, "{}", report.shown(width))?;
    }
    out.flush()
}

fn failed(status: u8, what: &str) -> ExitCode {
    eprintln!("requiretls: {what}");
    ExitCode::from(status)
}
