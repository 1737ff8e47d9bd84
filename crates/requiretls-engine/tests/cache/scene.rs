//! A domain whose records and policy change, and the cache of whoever sends there.

use crate::name_server::Fault;
use crate::policy_host::{Authority, PolicyHost, Response, http};
use crate::shelf::{NOW, Shelf, domain};
use crate::world::World;
use requiretls_core::facts::{Facts, Sts};
use requiretls_core::mta_sts::Policy;
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::cache::{KeptPolicy, Memory};
use requiretls_engine::clock::Clock;
use requiretls_engine::discovery::RefreshFailure;
use requiretls_engine::{Deadline, Discovery, Question};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) struct Scene {
    pub(crate) shelf: Shelf,
    /// The cache, where it is not the shelf's own.
    elsewhere: Option<PathBuf>,
    authority: Authority,
    host: PolicyHost,
    txt: Option<&'static str>,
    pub(crate) lines: Vec<String>,
    pub(crate) faults: Vec<(&'static str, Fault)>,
    pub(crate) now: u64,
    pub(crate) budget: u64,
    asked_before: usize,
}

impl Scene {
    /// The domain is `d.test` with the host `mx.d.test`; the record has this id.
    pub(crate) fn new(txt: Option<&'static str>, response: Response) -> Self {
        let authority = Authority::new("CA");
        let host = PolicyHost::start(authority.issue(&["mta-sts.d.test"], YEARS), response);
        let shelf = Shelf::new();
        std::fs::write(shelf.path().join("ca.pem"), authority.pem()).unwrap();
        Self {
            shelf,
            elsewhere: None,
            authority,
            host,
            txt,
            lines: vec![
                "d.test MX 10 mx.d.test".to_owned(),
                "mx.d.test A 192.0.2.1".to_owned(),
                "mta-sts.d.test A 127.0.0.1".to_owned(),
            ],
            faults: Vec::new(),
            now: NOW,
            budget: 10_000,
            asked_before: 0,
        }
    }

    /// With the cache of somebody else, whose files are believed; its policy is served too.
    pub(crate) fn for_reading(cache: &Path, txt: Option<&'static str>) -> Self {
        let served = ok(&policy("enforce", &["mx.d.test"]));
        Self {
            elsewhere: Some(cache.to_owned()),
            ..Self::new(txt, served)
        }
    }

    /// What one process finds that looks up so many times.
    pub(crate) fn facts_of_one_process(&self, times: usize) -> Vec<Facts> {
        let world = self.world();
        let discovery = world.discovery();
        let next_hop = NextHop::parse("d.test").unwrap();
        let question = Question {
            next_hop: &next_hop,
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: false,
        };
        let look_up = |_| discovery.lookup(&question, &Deadline::after(Duration::from_secs(5)));
        (0..times).map(look_up).map(Facts::from).collect()
    }

    pub(crate) fn announce(&mut self, txt: Option<&'static str>) {
        self.txt = txt;
    }

    pub(crate) fn serve(&mut self, response: Response) {
        self.serve_as("mta-sts.d.test", response);
    }

    /// With a certificate for this name.
    pub(crate) fn serve_as(&mut self, name: &str, response: Response) {
        self.asked_before += self.host.requests().len();
        self.host = PolicyHost::start(self.authority.issue(&[name], YEARS), response);
    }

    /// How often the policy host was asked.
    pub(crate) fn requests(&self) -> usize {
        self.asked_before + self.host.requests().len()
    }

    /// What another process finds, which has the directory in common with those before.
    pub(crate) fn facts(&self) -> Facts {
        self.facts_by(&[])
    }

    /// By way of these hosts.
    pub(crate) fn facts_by(&self, hosts: &[&str]) -> Facts {
        self.world()
            .ask("d.test", hosts, &Rule::default(), false, self.budget)
    }

    /// Whoever asks in that process; its name server ends with this call.
    pub(crate) fn discovery(&self) -> Discovery {
        self.world().discovery()
    }

    /// The name server that knows all of it as it is now, and the settings of whoever asks it.
    pub(crate) fn world(&self) -> World {
        let txt = self
            .txt
            .map(|id| format!("_mta-sts.d.test TXT v=STSv1; id={id}"));
        let lines: Vec<&str> = self.lines.iter().chain(&txt).map(String::as_str).collect();
        let mut world = World::new(&lines, &[], &self.faults);
        world.clock = Clock::fixed(self.now);
        let own = || self.shelf.path().to_owned();
        world.directory = self.elsewhere.clone().unwrap_or_else(own);
        world.settings = format!(
            "[sts]\nca_file = {:?}\nport = {}\nallow_private_addresses = true",
            self.shelf.path().join("ca.pem"),
            self.host.port()
        );
        world
    }

    /// What `refresh` finds.
    pub(crate) fn refresh(&self) -> Result<Policy, RefreshFailure> {
        let world = self.world();
        let deadline = Deadline::after(Duration::from_secs(5));
        world.discovery().refresh(&domain("d.test"), &deadline)
    }

    pub(crate) fn sts(&self) -> Sts {
        self.facts().sts
    }

    /// Puts a policy there that was fetched so long ago.
    pub(crate) fn keep(&self, text: &str, id: &str, age: i64) {
        let kept = KeptPolicy {
            policy: Policy::parse(text.as_bytes()).unwrap(),
            id: id.to_owned(),
            fetched: NOW.checked_add_signed(-age).unwrap(),
        };
        assert!(self.shelf.cache.keep(&domain("d.test"), &kept, NOW));
    }

    pub(crate) fn kept(&self) -> Option<KeptPolicy> {
        self.shelf.cache.policy(&domain("d.test"))
    }

    pub(crate) fn memory(&self) -> Memory {
        self.shelf.cache.memory(&domain("d.test"))
    }
}

const YEARS: (i32, i32) = (2020, 2090);

pub(crate) const DAY: u64 = 86_400;

/// A policy for a week.
pub(crate) fn policy(mode: &str, mx: &[&str]) -> String {
    let mut lines = vec!["version: STSv1".to_owned(), format!("mode: {mode}")];
    lines.extend(mx.iter().map(|mx| format!("mx: {mx}")));
    lines.push("max_age: 604800\n".to_owned());
    lines.join("\n")
}

pub(crate) fn ok(text: &str) -> Response {
    answer("200 OK", "Content-Type: text/plain", text)
}

pub(crate) fn answer(status: &str, header: &str, text: &str) -> Response {
    Response::Octets(http(status, header, text.as_bytes()))
}

/// Mode and patterns of what is in force.
pub(crate) fn told(sts: &Sts) -> String {
    match sts {
        Sts::None => "none".to_owned(),
        Sts::Unknown(_) => "unknown".to_owned(),
        Sts::Live {
            policy, checked, ..
        } => {
            let mx = policy.mx().collect::<Vec<_>>().join(" ");
            let checked = if *checked { "" } else { ", unchecked" };
            format!("{} {mx}{checked}", policy.mode())
        }
    }
}

/// Why there is none.
pub(crate) fn why(sts: &Sts) -> String {
    match sts {
        Sts::Unknown(failure) => failure.question.clone(),
        other => panic!("{other:?}"),
    }
}
