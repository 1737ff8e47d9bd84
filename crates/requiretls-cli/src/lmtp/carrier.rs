//! What makes the plan for each next hop, and who sends by it?

use super::log::Log;
use requiretls_core::log_line::{Carried, LogLine};
use requiretls_core::plan::{Message, Plan, Unreadable};
use requiretls_core::tag;
use requiretls_engine::clock::Clock;
use requiretls_engine::config::Outbound;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_transport::{Carrier, Client, Limits, PlanFor};
use std::error::Error;

/// Sends by what the engine finds out, and logs what was decided.
pub(super) fn open(
    config: &Config,
    name: &str,
    keeping: Keeping,
    log: &Log,
) -> Result<Carrier, Box<dyn Error>> {
    let discovery = Discovery::open(config)?;
    let clock = discovery.clock();
    let noted = discovery.clone();
    let roots = discovery.roots().roots().clone();
    let client = Client::new(name, roots, move || seconds(clock))?
        .noting(move |delivery| noted.note(delivery));
    let outbound = &config.lmtp.outbound;
    let client = client
        .with_sources(outbound.sources.iter().copied())
        .within(outbound.answer);
    let limits = limits(outbound, keeping);
    let config = config.clone();
    let carrier = Carrier::with_limits(client, limits, move |wanted| {
        plan(&config, &discovery, wanted)
    });
    let log = log.clone();
    Ok(carrier.telling(move |request, outcome| {
        let line = LogLine::carried(&Carried {
            message: request.number,
            delivery: &outcome.delivery,
            action: outcome.action,
            reply: &outcome.reply,
            said: outcome.sent().is_some(),
        });
        log.line(line.severity, &line.text);
    }))
}

/// Whether connections are kept for further messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Keeping {
    /// There will be none.
    Nothing,
    /// As the configuration says.
    Configured,
}

fn limits(outbound: &Outbound, keeping: Keeping) -> Limits {
    let idle = match keeping {
        Keeping::Nothing => 0,
        Keeping::Configured => outbound.idle_connections,
    };
    Limits {
        per_host: outbound.host_connections,
        idle_per_host: outbound.host_idle_connections.min(idle),
        idle,
        idle_time: outbound.reuse,
        lifetime: outbound.lifetime,
        messages: outbound.messages,
        patience: outbound.place,
        next_hops: outbound.next_hops,
    }
}

/// A clock that cannot be read is none that a certificate or a policy is valid by.
fn seconds(clock: Clock) -> u64 {
    clock.now().unwrap_or(0)
}

fn plan(config: &Config, discovery: &Discovery, wanted: &PlanFor<'_>) -> Plan {
    let next_hop = wanted.next_hop;
    let unreadable = |what, sentence: &str| Plan::unreadable(next_hop.clone(), what, sentence);
    let requirement = match tag::parse(wanted.tag) {
        Ok(requirement) => requirement,
        Err(error) => return unreadable(Unreadable::Tag, error.sentence()),
    };
    let rule = match config.rules.look_up(next_hop) {
        Ok(rule) => rule,
        Err(error) => return unreadable(Unreadable::Rule, &error.to_string()),
    };
    let question = Question {
        next_hop,
        hosts: &[],
        port: rule.port.unwrap_or(SMTP),
        rule,
        requiring: requirement.requiring().is_some(),
    };
    let facts = discovery.lookup(&question, &Deadline::after(config.lmtp.lookup));
    let message = Message {
        requirement,
        null_path: wanted.null_path,
        auth: false,
    };
    let settings = config.sending.settings;
    Plan::new(next_hop.clone(), message, rule.clone(), settings, facts)
        .under(config.rules.key(next_hop))
}

/// Where the site's rule names no port.
const SMTP: u16 = 25;
