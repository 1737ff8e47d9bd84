//! Does no message go where its sender forbade it?
//!
//! `requiretls demo` builds a mail world on loopback, runs the main job in it, and holds every
//! scenario against what was written down for it by hand. Whether a message leaked is said by a
//! judge that knows what the peers saw, and nothing of what the library said.

mod describe;
mod program;
mod run;
mod scenario;
mod scenarios;
mod table;
mod world;

use crate::USAGE;
use program::Program;
use requiretls_testbed::{DOMAINS_FILE, Judge};
use run::Sender;
use scenario::{Hosts, Scenario};
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use table::{Line, Summary};
use world::{Ports, Scene};

/// `EX_SOFTWARE` of sysexits.h: there is no world to be had.
const NO_WORLD: u8 = 70;

/// Runs the main job in a mail world of its own and shows that no message leaks
///
/// Builds DNSSEC zones, MTA-STS hosts and mail servers with one defect each on loopback, sends
/// messages through them, and compares what happens with what was written down by hand. Needs no
/// root and no network. Exit status: 0 when everything is as expected and nothing leaked, 1 when not,
/// 64 when no scenario is meant, 70 when the world cannot be built.
#[derive(clap::Args)]
// Each is a switch of its own.
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Args {
    /// Only the scenarios that have this in their id, group, statement or description
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,

    /// One JSON object for each scenario, and one with the numbers
    #[arg(long)]
    json: bool,

    /// Leave the world running afterwards, until Enter is pressed or standard input ends
    #[arg(long)]
    keep: bool,

    /// Mail hosts at port 25 and the name server at 53, where a mail server looks for them
    ///
    /// For root, in a network namespace where nobody else listens there.
    #[arg(long)]
    mail_ports: bool,

    /// Send whatever the library says: the judge must then find leaks
    #[arg(long)]
    ignore_answers: bool,

    /// Let this program send, as ffi-tests/c/sender.c does by the C library; outbound scenarios only
    #[arg(long, value_name = "PROGRAM", conflicts_with = "ignore_answers")]
    sender: Option<PathBuf>,

    /// With --sender: it is given the hosts, and asks the library about each
    #[arg(long, requires = "sender")]
    own_hosts: bool,
}

/// Runs, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let all = scenarios::all();
    let wanted: Vec<&Scenario> = all
        .iter()
        .filter(|s| args.filter.as_ref().is_none_or(|text| s.is_about(text)))
        .filter(|s| args.sender.is_none() || !s.is_inbound())
        .collect();
    if wanted.is_empty() {
        eprintln!("requiretls: no scenario is about that");
        return ExitCode::from(USAGE);
    }
    // Who stays in the world wants all of it.
    let there: Vec<&Scenario> = if args.keep {
        all.iter().collect()
    } else {
        wanted.clone()
    };
    match demo(args, &wanted, &there) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("requiretls: {error}");
            ExitCode::from(NO_WORLD)
        }
    }
}

fn demo(args: &Args, wanted: &[&Scenario], there: &[&Scenario]) -> Result<bool, Box<dyn Error>> {
    let started = Instant::now();
    if there.iter().any(|s| is_on_ipv6(s)) && !world::has_ipv6() {
        eprintln!("requiretls: this machine has no ::1, which some scenarios need");
        return Ok(false);
    }
    let ports = if args.mail_ports {
        Ports::MAIL
    } else {
        Ports::UNPRIVILEGED
    };
    let scene = Scene::set(there, ports)?;
    let sender = match &args.sender {
        Some(path) => Sender::Program(Program {
            path,
            own_hosts: args.own_hosts,
        }),
        None if args.ignore_answers => Sender::IgnoresAnswers,
        None => Sender::FollowsAnswers,
    };
    let progress = Progress::of(wanted.len());
    let happened = run::all(&scene, wanted, sender, |done| progress.show(done));
    progress.clear();
    let judge = Judge::of(scene.world().ok_or("the world has ended")?);
    let lines: Vec<Line<'_>> = wanted
        .iter()
        .zip(happened)
        .map(|(scenario, happened)| judged(scenario, happened, &judge))
        .collect();
    let summary = summary(&lines, &judge, started.elapsed());
    if args.json {
        table::print_json(&lines, &scene, &summary)?;
    } else {
        table::print(&lines, sender, &summary)?;
    }
    let mut is_good = summary.is_good();
    if args.keep {
        keep(&scene)?;
        is_good &= judge_again(&scene, there, &lines);
    }
    Ok(is_good)
}

fn judged<'a>(scenario: &'a Scenario, happened: run::Happened, judge: &Judge) -> Line<'a> {
    let leaks = scenario
        .outbound()
        .map(|o| judge.leaks(scenario.id, &o.may))
        .unwrap_or_default();
    let reused = scenario.outbound().and_then(|o| o.before.as_ref());
    let is_reused = judge.shared_a_connection(&run::before_id(scenario.id), scenario.id);
    Line {
        is_as_expected: happened.ending == scenario.expected
            && reused.is_none_or(|before| before.is_reused == is_reused),
        scenario,
        happened,
        leaks,
    }
}

fn summary(lines: &[Line<'_>], judge: &Judge, took: Duration) -> Summary {
    let count = |is: &dyn Fn(&Scenario) -> bool| lines.iter().filter(|l| is(l.scenario)).count();
    let outbound = |is: fn(&scenario::Outbound) -> bool| {
        count(&move |s: &Scenario| s.outbound().is_some_and(is))
    };
    let before: Vec<String> = lines
        .iter()
        .map(|l| run::before_id(l.scenario.id))
        .collect();
    let known: Vec<&str> = lines
        .iter()
        .map(|l| l.scenario.id)
        .chain(before.iter().map(String::as_str))
        .collect();
    Summary {
        scenarios: lines.len(),
        as_expected: lines.iter().filter(|l| l.is_as_expected).count(),
        leaks: lines.iter().filter(|l| !l.leaks.is_empty()).count() + judge.strangers(&known),
        inbound: count(&Scenario::is_inbound),
        outbound: count(&|s| !s.is_inbound()),
        several_hosts: outbound(|o| o.hosts == Hosts::Several),
        open_connection: outbound(|o| o.before.is_some()),
        ipv6: count(&is_on_ipv6),
        seconds: took.as_secs_f64(),
    }
}

fn is_on_ipv6(scenario: &Scenario) -> bool {
    scenario
        .outbound()
        .is_some_and(|o| o.hosts == Hosts::OnIpv6)
}

/// Until Enter, or the end of standard input.
fn keep(scene: &Scene) -> io::Result<()> {
    let config = scene.config_file("");
    let config = config.display();
    let port = scene.ports().smtp;
    eprintln!(
        "\nThe world is running. In another terminal:\n\n  \
         requiretls check dane-ee.test --port {port} --config {config}\n  \
         requiretls check unsigned.test --port {port} --tag R --config {config}\n\n\
         and a program in C, with ffi-tests/c/sender.c built against the library:\n\n  \
         sender -c {config} -p {port} \\\n    \
         'MAIL FROM:<anna@sender.test> REQUIRETLS' bert@dane-ee.test < message\n\n\
         A message with the field X-Scenario: dane-ee is judged as that scenario's when the world\n\
         ends; demo --json says what each of them is.\n\n\
         Which domains, ports, hosts and addresses there are: {}/{DOMAINS_FILE}\n\
         Enter ends it.",
        scene.directory().display()
    );
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// What other programs sent meanwhile, by the same lines. Whether nothing has leaked.
fn judge_again(scene: &Scene, there: &[&Scenario], lines: &[Line<'_>]) -> bool {
    let Some(world) = scene.world() else {
        return false;
    };
    let judge = Judge::of(world);
    let mut count = 0;
    for (scenario, outbound) in there.iter().filter_map(|s| Some((s, s.outbound()?))) {
        let before = lines.iter().find(|l| l.scenario.id == scenario.id);
        let known = before.map_or(0, |line| line.leaks.len());
        for leak in judge.leaks(scenario.id, &outbound.may).iter().skip(known) {
            eprintln!("leak: {}: {leak}", scenario.id);
            count += 1;
        }
    }
    eprintln!("{count} leaks while the world was kept");
    count == 0
}

/// How far it has come, where somebody looks.
struct Progress {
    of: usize,
    is_shown: bool,
}

impl Progress {
    fn of(of: usize) -> Self {
        Self {
            of,
            is_shown: io::stderr().is_terminal(),
        }
    }

    fn show(&self, done: usize) {
        if self.is_shown {
            let mut err = io::stderr().lock();
            let _ = write!(err, "\r{done} of {} scenarios ", self.of);
            let _ = err.flush();
        }
    }

    fn clear(&self) {
        if self.is_shown {
            eprint!("\r\u{1b}[K");
        }
    }
}
