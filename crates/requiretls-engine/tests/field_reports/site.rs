//! A site that sends into a world of the testbed.

use requiretls_core::domain::Domain;
use requiretls_core::log_line::LogLine;
use requiretls_core::mta_sts::Policy;
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::{Message as PlanMessage, Plan};
use requiretls_core::tag;
use requiretls_engine::cache::KeptPolicy;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{CONFIG_FILE, DnsMode, World};
use requiretls_transport::{Client, Envelope, Message, Outcome, Path, Timeouts};
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

/// A configuration with a cache, each lookup by a process of its own.
pub(crate) struct Site<'w> {
    world: &'w World,
    directory: TempDir,
    pub(crate) budget: Duration,
}

/// What became of one message.
pub(crate) struct Sent {
    pub(crate) outcome: Outcome,
    /// The line that a mail server logs.
    pub(crate) line: String,
}

impl<'w> Site<'w> {
    /// With these rules.
    pub(crate) fn new(world: &'w World, mode: DnsMode, rules: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let kept = directory.path().join("kept");
        fs::create_dir(&kept).unwrap();
        world.write(directory.path(), mode).unwrap();
        let path = directory.path().join(CONFIG_FILE);
        let text = fs::read_to_string(&path).unwrap();
        let text = text.replace("directory = \"\"", &format!("directory = {kept:?}"));
        fs::write(&path, format!("{text}\n{rules}\n")).unwrap();
        Self {
            world,
            directory,
            budget: Duration::from_secs(10),
        }
    }

    fn config(&self) -> PathBuf {
        self.directory.path().join(CONFIG_FILE)
    }

    /// As a new process has it.
    pub(crate) fn discovery(&self) -> Discovery {
        Discovery::open(&Config::load(Some(&self.config())).unwrap()).unwrap()
    }

    /// Puts a policy there that was fetched so many seconds ago.
    pub(crate) fn keep(&self, domain: &str, text: &str, id: &str, age: u64) {
        let kept = KeptPolicy {
            policy: Policy::parse(text.as_bytes()).unwrap(),
            id: id.to_owned(),
            fetched: now() - age,
        };
        assert!(self.discovery().cache().keep(&name(domain), &kept, now()));
    }

    /// What is known of a next hop, and the plan for a message with this tag.
    pub(crate) fn plan(&self, next_hop: &str, word: &str) -> Plan {
        let config = Config::load(Some(&self.config())).unwrap();
        let discovery = Discovery::open(&config).unwrap();
        let requirement = tag::parse_word(word).unwrap();
        let port = self.world.port(next_hop);
        let next_hop = NextHop::parse(next_hop).unwrap();
        let rule = config.rules.look_up(&next_hop).unwrap();
        let question = Question {
            next_hop: &next_hop,
            hosts: &[],
            port,
            rule,
            requiring: requirement.requiring().is_some(),
        };
        let facts = discovery.lookup(&question, &Deadline::after(self.budget));
        let message = PlanMessage {
            requirement,
            ..PlanMessage::default()
        };
        let settings = config.sending.settings;
        Plan::new(next_hop, message, rule.clone(), settings, facts)
    }

    /// Sends one message with this tag.
    pub(crate) fn send(&self, next_hop: &str, word: &str) -> Sent {
        let discovery = self.discovery();
        let clock = self.world.clock().clone();
        let roots = discovery.roots().roots();
        let client = Client::new("mail.sender.test", roots, move || clock.now())
            .unwrap()
            .with_timeouts(Timeouts::all(Duration::from_secs(10)))
            .with_port(self.world.port(next_hop))
            .noting(move |delivery| discovery.note(delivery));
        let from = Path::parse("anna@sender.test").unwrap();
        let to = Path::parse("bert@recipient.test").unwrap();
        let content = b"Subject: x\r\n\r\nDear Bert!\r\n".as_slice();
        let message = Message::new(Envelope::new(from, [to]), content).unwrap();
        let outcome = client.deliver(self.plan(next_hop, word), &message);
        let delivery = &outcome.delivery;
        let line = match delivery.clearance() {
            Some(clearance) if outcome.action.as_str() == "go" => {
                LogLine::cleared(delivery, clearance)
            }
            _ => LogLine::verdict(delivery.plan(), &delivery.outcome()),
        };
        Sent {
            line: line.text,
            outcome,
        }
    }

    /// How often the policy host of a domain was asked.
    pub(crate) fn requests(&self, domain: &str) -> usize {
        let host = format!("mta-sts.{domain}");
        let requests = self.world.sts().requests();
        requests
            .iter()
            .filter(|request| request.host == host)
            .count()
    }
}

impl Sent {
    /// `go HOST LEVEL AUTH`, or action, codes, and who imposed it.
    pub(crate) fn told(&self) -> String {
        let Outcome {
            action, reply, who, ..
        } = &self.outcome;
        if action.as_str() != "go" {
            return format!(
                "{} {} {} {who}",
                action.as_str(),
                reply.code,
                reply.enhanced
            );
        }
        let token = |name: &str| {
            let mut words = self.line.split(' ');
            words.find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let host = self.outcome.host().unwrap();
        let (level, auth) = (token("level").unwrap(), token("auth").unwrap());
        let clear = if token("tls") == Some("none") {
            " clear"
        } else {
            ""
        };
        format!("go {host} {level} {auth}{clear}")
    }

    /// The sentence that a sender or postmaster reads.
    pub(crate) fn sentence(&self) -> &str {
        &self.outcome.reply.text
    }
}

pub(crate) fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.unwrap().as_secs()
}

pub(crate) fn name(domain: &str) -> Domain {
    Domain::parse(domain.as_bytes()).unwrap()
}

/// A policy for a week.
pub(crate) fn policy(mode: &str, hosts: &[&str]) -> String {
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
    lines.extend(hosts.iter().map(|host| format!("mx: {host}")));
    lines.push("max_age: 604800\n".to_owned());
    lines.join("\n")
}
