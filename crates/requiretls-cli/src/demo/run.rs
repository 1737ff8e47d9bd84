//! What becomes of each scenario?
//!
//! Inbound, the library is told what a mail server hears. Outbound, facts are looked up, a plan is
//! made, and an SMTP client follows it; or, to try the judge, a client that follows nothing.

use super::program::{self, Program, Sent};
use super::scenario::{Ending, Inbound, Kind, Outbound, Patience, Scenario, ending};
use super::world::{self, Scene, Site};
use requiretls_core::mail_param::{Answer, Dialects, MailParams, TagTrust, rcpt_param};
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::{Message as PlanMessage, Plan, Unreadable};
use requiretls_core::reply::Reply;
use requiretls_core::tag;
use requiretls_engine::{Deadline, Question};
use requiretls_testbed::{SCENARIO_FIELD, TAG_FIELD, World};
use requiretls_transport::{
    Client, ClientIgnoringAnswers, Envelope, Message, Outcome, Path, Timeouts,
};
use std::error::Error;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What became of one.
#[derive(Clone, Debug)]
pub(super) struct Happened {
    pub(super) ending: Ending,
    /// The library's sentence, for who wants to know why.
    pub(super) sentence: String,
    pub(super) took: Duration,
}

/// Who sends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sender<'a> {
    FollowsAnswers,
    IgnoresAnswers,
    /// Another program, which has the library through its C interface.
    Program(Program<'a>),
}

/// So many at once; most of them wait for somebody.
const THREADS: usize = 8;
/// For whoever answers, on a busy machine too.
const USUAL: Duration = Duration::from_secs(10);
/// For whoever does not.
const SHORT: Duration = Duration::from_millis(300);

/// Runs all of them, and tells how many are done. Those that wait come first.
pub(super) fn all(
    scene: &Scene,
    scenarios: &[&Scenario],
    sender: Sender<'_>,
    progress: impl Fn(usize) + Sync,
) -> Vec<Happened> {
    let mut order: Vec<usize> = (0..scenarios.len()).collect();
    order.sort_by_key(|&n| scenarios.get(n).is_none_or(|s| !is_slow(s)));
    let (taken, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results = Mutex::new(Vec::with_capacity(scenarios.len()));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some((n, scenario)) = order
                    .get(taken.fetch_add(1, Ordering::SeqCst))
                    .and_then(|&n| Some((n, *scenarios.get(n)?)))
                {
                    let happened = one(scene, scenario, sender);
                    if let Ok(mut results) = results.lock() {
                        results.push((n, happened));
                    }
                    progress(done.fetch_add(1, Ordering::SeqCst) + 1);
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_default();
    results.sort_by_key(|(n, _)| *n);
    results.into_iter().map(|(_, happened)| happened).collect()
}

fn is_slow(scenario: &Scenario) -> bool {
    let outbound = scenario.outbound();
    outbound.is_some_and(|o| o.patience != Patience::Usual)
}

fn one(scene: &Scene, scenario: &Scenario, sender: Sender) -> Happened {
    let started = Instant::now();
    let (ending, sentence) = match &scenario.kind {
        // What a server hears is asked of the library here, whoever sends.
        Kind::Inbound(inbound) => hear(inbound),
        Kind::Outbound(outbound) => send(scene, scenario, outbound, sender)
            .unwrap_or_else(|e| (broken("not run"), e.to_string())),
    };
    Happened {
        ending,
        sentence,
        took: started.elapsed(),
    }
}

/// What never came to a decision, and is no scenario's expectation.
fn broken(word: &str) -> Ending {
    ending(word, 0, "", "", None, "")
}

fn hear(heard: &Inbound) -> (Ending, String) {
    let mut dialects = Dialects::NONE;
    for word in heard.dialects {
        let _ = dialects.enable(word);
    }
    if let Some(arguments) = heard.command.strip_prefix("RCPT TO:") {
        let mut parameters = arguments.split(' ').skip(1);
        let refusal = parameters.find_map(|p| rcpt_param(dialects, p.as_bytes()));
        return match refusal {
            Some(refusal) => (refused(&refusal.reply()), refusal.sentence().to_owned()),
            None => (broken("not_ours"), String::new()),
        };
    }
    let mut mail = MailParams::new(dialects, heard.advertise, heard.tls);
    let mut answers = vec![mail.line(heard.command.as_bytes())];
    for (name, value) in heard.header {
        answers.push(mail.header(name.as_bytes(), value.as_bytes()));
    }
    if let Some((tag, may_lower)) = heard.earlier {
        let trust = if may_lower {
            TagTrust::Full
        } else {
            TagTrust::RaiseOnly
        };
        answers.push(mail.earlier_tag(tag.as_bytes(), trust));
    }
    match mail.end() {
        Ok(requirement) => {
            let tag = tag::write(requirement);
            let taken = answers.contains(&Answer::Taken) && !tag.is_empty();
            let action = if taken { "taken" } else { "not_ours" };
            (ending(action, 250, "2.0.0", "", None, &tag), String::new())
        }
        Err(refusal) => (refused(&refusal.reply()), refusal.sentence().to_owned()),
    }
}

fn refused(reply: &Reply) -> Ending {
    let enhanced = reply.enhanced.to_string();
    ending("refused", reply.code, &enhanced, "", None, tag::REFUSED)
}

fn send(
    scene: &Scene,
    scenario: &Scenario,
    outbound: &Outbound,
    sender: Sender<'_>,
) -> Result<(Ending, String), Box<dyn Error>> {
    let world = scene.world().ok_or("the world has ended")?;
    let site = scene
        .site(outbound.settings)
        .ok_or("there is no such site")?;
    let sending = Sending {
        world,
        site,
        outbound,
        sender,
    };
    let next_hop = world::next_hop(world, scenario, outbound);
    if let Sender::Program(program) = sender {
        return sending.hand_over(program, scenario, &next_hop);
    }
    let kept = match &outbound.before {
        None => None,
        Some(before) => {
            let id = before_id(scenario.id);
            let outcome = sending.deliver(&id, before.tag, &before.next_hop, None)?;
            outcome.kept
        }
    };
    let outcome = sending.deliver(scenario.id, outbound.tag, &next_hop, kept)?;
    let with = outcome.sent().filter(|_| outcome.action.as_str() == "go");
    let is_literal = outbound.next_hop.is_none();
    let host = outcome.host().map(|host| {
        if is_literal {
            "[address]".to_owned()
        } else {
            host.to_string()
        }
    });
    let happened = ending(
        outcome.action.as_str(),
        outcome.reply.code,
        &outcome.reply.enhanced.to_string(),
        outcome.who.as_str(),
        host,
        with.map_or("", |sent| &sent.parameters),
    );
    Ok((happened, outcome.reply.text.clone()))
}

/// The message before a scenario's own carries this.
pub(super) fn before_id(id: &str) -> String {
    format!("{id}-before")
}

/// The scenario comes first: a message that breaks off behind its first line is known too.
fn content(id: &str, tag: &str) -> String {
    format!(
        "{SCENARIO_FIELD}: {id}\r\n{TAG_FIELD}: {tag}\r\nSubject: {id}\r\n\
         From: Anna <anna@sender.test>\r\nTo: Bert <bert@recipient.test>\r\n\r\nDear Bert!\r\n"
    )
}

/// One scenario's way of sending.
struct Sending<'a> {
    world: &'a World,
    site: &'a Site,
    outbound: &'a Outbound,
    sender: Sender<'a>,
}

impl Sending<'_> {
    fn deliver(
        &self,
        id: &str,
        tag: &str,
        next_hop: &str,
        kept: Option<requiretls_transport::Kept>,
    ) -> Result<Outcome, Box<dyn Error>> {
        let port = self.world.port(next_hop);
        let plan = self.plan(tag, next_hop, port)?;
        let from = if self.outbound.null_path {
            Path::null()
        } else {
            Path::parse("anna@sender.test")?
        };
        let to = Path::parse("bert@recipient.test")?;
        // First what names it: a message that is cut has its name all the same.
        let content = format!(
            "{SCENARIO_FIELD}: {id}\r\n{TAG_FIELD}: {tag}\r\n\
             From: Anna <anna@sender.test>\r\nTo: Bert <bert@recipient.test>\r\n\
             Subject: {id}\r\n\r\nDear Bert!\r\n"
        );
        let message = Message::new(Envelope::new(from, [to]), content.into_bytes())?;
        let clock = self.world.clock().clone();
        let roots = self.site.discovery.roots().roots();
        let mut client = Client::new("mail.sender.test", roots, move || clock.now())?
            .with_timeouts(Timeouts::all(self.limit(Patience::ShortWithPeers)))
            .with_port(port);
        let discovery = self.site.discovery.clone();
        client = client.noting(move |delivery| discovery.note(delivery));
        if self.outbound.before.is_some() {
            client = client.keeping_connections();
        }
        Ok(match (self.sender, kept) {
            (Sender::IgnoresAnswers | Sender::Program(_), _) => {
                ClientIgnoringAnswers::leaking(client).send_regardless(plan, &message)
            }
            (Sender::FollowsAnswers, Some(kept)) => client.deliver_over(kept, plan, &message),
            (Sender::FollowsAnswers, None) => client.deliver(plan, &message),
        })
    }

    /// Another program sends; the hosts are ours to give where it takes them from its server.
    fn hand_over(
        &self,
        program: Program<'_>,
        scenario: &Scenario,
        next_hop: &str,
    ) -> Result<(Ending, String), Box<dyn Error>> {
        let outbound = self.outbound;
        let port = self.world.port(next_hop);
        let plan = self.plan(outbound.tag, next_hop, port)?;
        let hosts: Vec<String> = plan
            .candidates()
            .iter()
            .map(|c| c.host.to_string())
            .collect();
        let before = outbound.before.as_ref().map(|before| {
            let id = before_id(scenario.id);
            (
                before.tag,
                before.next_hop.as_str(),
                content(&id, before.tag),
            )
        });
        program::send(
            program,
            &Sent {
                config: &self.site.path,
                next_hop,
                port,
                tag: outbound.tag,
                null_path: outbound.null_path,
                auth: outbound.auth,
                hosts: &hosts,
                look_up: self.limit(Patience::ShortWithDns),
                patience: self.limit(Patience::ShortWithPeers),
                content: &content(scenario.id, outbound.tag),
                before,
                is_literal: outbound.next_hop.is_none(),
            },
        )
    }

    fn plan(&self, tag: &str, next_hop: &str, port: u16) -> Result<Plan, Box<dyn Error>> {
        let next_hop = NextHop::parse(next_hop)?;
        let requirement = match tag::parse(tag) {
            Ok(requirement) => requirement,
            Err(error) => {
                return Ok(Plan::unreadable(
                    next_hop,
                    Unreadable::Tag,
                    error.sentence(),
                ));
            }
        };
        let config = &self.site.config;
        let rule = config.rules.look_up(&next_hop).map_err(Clone::clone)?;
        let question = Question {
            next_hop: &next_hop,
            hosts: &[],
            port,
            rule,
            requiring: requirement.requiring().is_some(),
        };
        let deadline = Deadline::after(self.limit(Patience::ShortWithDns));
        let facts = self.site.discovery.lookup(&question, &deadline);
        let rule = rule.clone();
        let message = PlanMessage {
            requirement,
            null_path: self.outbound.null_path,
            auth: self.outbound.auth,
        };
        let settings = config.sending.settings;
        Ok(Plan::new(next_hop, message, rule, settings, facts))
    }

    fn limit(&self, patience: Patience) -> Duration {
        if self.outbound.patience == patience {
            SHORT
        } else {
            USUAL
        }
    }
}
