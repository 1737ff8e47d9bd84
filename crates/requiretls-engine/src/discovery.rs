//! What is known about this next hop?
//!
//! [`Discovery`] asks DNS and HTTPS and hands the answers to [`requiretls_core`] as [`Facts`]; it
//! decides nothing. It is made once, at open, and holds plain memory: it can be shared by threads,
//! and parent and child each have their own after `fork()`.
//!
//! ```no_run
//! use requiretls_core::next_hop::NextHop;
//! use requiretls_engine::{Config, Deadline, Discovery, Question};
//! use std::time::Duration;
//!
//! let config = Config::load(None)?;
//! let discovery = Discovery::open(&config)?; // before chroot and setuid
//!
//! let next_hop = NextHop::parse("example.com")?;
//! // Unreadable: defer, 451 4.3.5.
//! let rule = config.rules.look_up(&next_hop).map_err(Clone::clone)?;
//! let question = Question {
//!     next_hop: &next_hop,
//!     hosts: &[],
//!     port: rule.port.unwrap_or(25),
//!     rule,
//!     requiring: true,
//! };
//! let facts = discovery.lookup(&question, &Deadline::after(Duration::from_secs(30)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Facts`]: requiretls_core::facts::Facts

mod discovered;
mod doubt;
mod hosts;
mod kept;
mod lots;
mod policy;
mod refresh;
mod route;
mod search;
mod term;

pub use discovered::Discovered;
pub use hosts::MOST_HOSTS;
pub use kept::{MOST_KEPT, MOST_OCTETS_KEPT};
pub use refresh::RefreshFailure;

use crate::cache::{Cache, FailedQuestion};
use crate::clock::Clock;
use crate::config::{Config, ConfigError, DnsMode};
use crate::deadline::Deadline;
use crate::dns::{Family, ResolvConf, Resolver};
use crate::roots::TrustRoots;
use crate::sts_fetch::PolicyFetcher;
use kept::{Entry, KeptFacts, Key};
use lots::Lots;
use requiretls_core::delivery::Delivery;
use requiretls_core::domain::Domain;
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::InsecureMxDane;
use requiretls_core::site_policy::{self, Rule};
use requiretls_core::tls_level::TlsLevel;
use search::Search;
use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Finds out what is known about next hops, and keeps what it has found for as long as that holds.
/// Clones have what they keep in common.
#[derive(Clone, Debug)]
pub struct Discovery {
    resolver: Resolver,
    families: Vec<Family>,
    own_names: Vec<Domain>,
    insecure_mx_dane: InsecureMxDane,
    roots: TrustRoots,
    fetcher: PolicyFetcher,
    cache: Cache,
    kept: Arc<KeptFacts>,
    lots: Arc<Lots>,
    clock: Clock,
}

/// What one lookup is about.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The next hop as routed by the site.
    pub next_hop: &'a NextHop,
    /// The site's own hosts instead of MX records (P2a, C), in the order to try; empty: the
    /// rule's smart host, or the next hop's MX records.
    pub hosts: &'a [Host],
    /// The port that will be connected to: TLSA records are by port (D10).
    pub port: u16,
    /// The site's rule for the next hop.
    pub rule: &'a Rule,
    /// Whether the tag requires protection: with `discovery = "off"` DANE and MTA-STS are looked
    /// up for such tags, and for a floor of secure, alone (P3).
    pub requiring: bool,
}

impl Discovery {
    /// Reads what discovery needs: resolv.conf and the trust roots.
    ///
    /// # Errors
    /// resolv.conf is there and cannot be read.
    pub fn open(config: &Config) -> Result<Self, ConfigError> {
        let clock = Clock::system();
        let roots = match &config.sts.ca {
            Some(der) => TrustRoots::from_der(der.clone()),
            None => TrustRoots::system(),
        };
        let cache = Cache::open(&config.cache);
        Ok(Self {
            resolver: resolver(config, clock)?.tested(config.dns.probes.clone(), cache.clone()),
            families: config.dns.families.clone(),
            own_names: config.sending.own_names.clone(),
            insecure_mx_dane: config.sending.settings.insecure_mx_dane,
            fetcher: PolicyFetcher::new(&config.sts, &config.dns.families, &roots, clock),
            roots,
            cache,
            kept: Arc::new(KeptFacts::with_slots(MOST_KEPT)),
            lots: Arc::default(),
            clock,
        })
    }

    /// The same, but every lookup asks, and what it finds is not kept in this process.
    #[must_use]
    pub fn keeping_no_facts(self) -> Self {
        Self {
            kept: Arc::new(KeptFacts::with_slots(0)),
            ..self
        }
    }

    /// The same with another clock, for tests.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self {
            resolver: self.resolver.with_clock(clock),
            fetcher: self.fetcher.with_clock(clock),
            clock,
            ..self
        }
    }

    /// The clock that facts are dated by.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The resolver, for whoever wants to know more of an answer than facts say.
    #[must_use]
    pub fn resolver(&self) -> &Resolver {
        &self.resolver
    }

    /// What is kept from one process to the next.
    #[must_use]
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The trust roots, for judging chains.
    #[must_use]
    pub fn roots(&self) -> &TrustRoots {
        &self.roots
    }

    /// Whether DNSSEC counts: by validation here, or by the resolver's word.
    #[must_use]
    pub fn is_dnssec_trusted(&self) -> bool {
        self.resolver.is_trusted()
    }

    /// Asks, and returns when everything is known or the deadline has come: what was not found
    /// out by then is in the facts as a failure, so that it delays and never weakens.
    ///
    /// Nobody is asked for what an earlier lookup of this process has found while it holds: the
    /// answers' times to live, cut to the signatures' own end, and a policy's age bound it, and only
    /// what is known without failure or doubt is kept. Hosts of equal preference are drawn anew.
    /// [`Discovered::is_kept`] tells.
    ///
    /// A deadline that is over asks nobody: what is kept counts then, and all else has failed.
    ///
    /// A host that is a unix socket has no address: its [`Addresses`] are found and empty.
    ///
    /// [`Addresses`]: requiretls_core::facts::Addresses
    #[must_use]
    pub fn lookup(&self, question: &Question<'_>, deadline: &Deadline) -> Discovered {
        let (begun, since) = (Instant::now(), self.clock.now().ok());
        let key = Key::of(question);
        let known = since.and_then(|now| self.kept.find(&key, now, &self.lots));
        if let Some(known) = known {
            tracing::debug!(
                "{}: what was found {} s ago still holds",
                question.next_hop,
                since.zip(known.found_at()).map_or(0, |(now, at)| now - at)
            );
            return known;
        }
        let mut ticket = self.kept.ticket();
        let (failed, had_time) = (self.failed_lately(question), policy::has_time(deadline));
        let lately: HashSet<String> = failed.keys().cloned().collect();
        let dns = self.resolver.within(*deadline);
        let dns = dns.after_failures(failed, SECOND_PATIENCE);
        let search = Search::new(self, question, dns);
        let found = search.facts();
        if had_time {
            self.remember(question, search.dns.unanswered(), &lately);
        }
        if let (true, Some(domain)) = (search.fetched.get(), &found.policy_domain) {
            // What rests on the policy of before is for other ports or hosts of the same domain.
            ticket = self.kept.forget_policy(domain);
        }
        let facts = Arc::new(found.facts);
        if let Some(since) = since
            && !search.dns.is_in_doubt()
            && doubt::is_out_of(&facts, self.is_dnssec_trusted())
        {
            let window = search.term.window(since, begun);
            let (facts, domain) = (Arc::clone(&facts), found.policy_domain);
            let entry = Entry::new(key, facts, window, found.equals, domain);
            let entry = entry.checked_until(search.checked_until.get());
            self.kept.keep(entry, ticket, since);
        }
        Discovered::just_now(facts, since)
    }

    /// Reads off a delivery whether its policy must be looked at before it can end: then the next
    /// lookup fetches that again (S20). To be called when a delivery has stopped; it does not wait.
    pub fn note(&self, delivery: &Delivery) {
        if !delivery.wants_recheck() {
            return;
        }
        if let Some(domain) = delivery.plan().sts_domain() {
            self.kept.forget_policy(domain);
            if let Ok(now) = self.clock.now() {
                self.cache.amend(domain, now, |memory| {
                    memory.recheck.get_or_insert(now);
                });
            }
        }
    }

    /// Which questions about this next hop failed within the last minute, and how long ago.
    fn failed_lately(&self, question: &Question<'_>) -> HashMap<String, u64> {
        let (Some(domain), Ok(now)) = (question.next_hop.domain(), self.clock.now()) else {
            return HashMap::new();
        };
        let questions = self.cache.memory(domain).questions.into_iter();
        questions
            .filter_map(|failed| Some((failed.question, age(failed.at, now)?)))
            .collect()
    }

    /// `lately` are those that failed lately when the lookup began, and so were waited for briefly.
    fn remember(&self, question: &Question<'_>, unanswered: Vec<String>, lately: &HashSet<String>) {
        let (Some(domain), Ok(now)) = (question.next_hop.domain(), self.clock.now()) else {
            return;
        };
        self.cache.amend(domain, now, |memory| {
            let before = std::mem::take(&mut memory.questions);
            // What fails again keeps its time: at its end it gets all the time once more, even where
            // that has come while the last brief wait was under way.
            let since = |question: &String| {
                let mut before = before.iter().filter(|_| lately.contains(question));
                let same = before.find(|failed| failed.question == *question);
                same.map(|failed| failed.at)
            };
            memory.questions = unanswered
                .into_iter()
                .map(|question| FailedQuestion {
                    at: since(&question).unwrap_or(now),
                    question,
                })
                .collect();
        });
    }
}

/// In seconds, of what still counts as lately.
fn age(at: u64, now: u64) -> Option<u64> {
    now.checked_sub(at).filter(|age| *age < LATELY)
}

/// How long a question that was not answered is remembered, in seconds.
const LATELY: u64 = 60;

/// What all questions that failed lately may take of a lookup.
const SECOND_PATIENCE: Duration = Duration::from_secs(1);

impl Question<'_> {
    /// Whether DANE and MTA-STS are looked up at all (P3, P12).
    fn discovers(&self) -> bool {
        !self.is_local()
            && match self.rule.discovery {
                site_policy::Discovery::On | site_policy::Discovery::Audit => true,
                site_policy::Discovery::Off => {
                    self.requiring || self.rule.floor == TlsLevel::Secure
                }
            }
    }

    /// Whether the site calls the next hop a local endpoint (P12): M = C, D = T = 0.
    fn is_local(&self) -> bool {
        self.rule.hop.is_local()
    }
}

fn resolver(config: &Config, clock: Clock) -> Result<Resolver, ConfigError> {
    let dns = &config.dns;
    let resolver = if dns.servers.is_empty() {
        let path = &dns.resolv_conf;
        let conf = match std::fs::read(path) {
            Ok(text) => ResolvConf::parse(&text),
            Err(e) if e.kind() == ErrorKind::NotFound => ResolvConf::default(),
            Err(e) => return Err(ConfigError::in_file(path, format!("cannot be read: {e}"))),
        };
        Resolver::from_resolv_conf(conf, dns.trusted)
    } else {
        Resolver::from_servers(dns.servers.clone(), dns.trusted)
    };
    if let DnsMode::Validate(anchor) = &dns.mode {
        return Ok(resolver.validating(anchor.clone(), clock));
    }
    let resolver = match dns.mode {
        DnsMode::Ad => resolver.trusted_alone(),
        DnsMode::Auto | DnsMode::Validate(_) => resolver,
    };
    if !resolver.is_trusted() {
        tracing::warn!(
            "the path to the name servers is not trusted: nothing counts as DNSSEC-validated; \
             run a validating resolver on the loopback, or set trusted in [dns]"
        );
    }
    Ok(resolver)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Most processes that open a context judge no chain and fetch no policy.
    #[test]
    fn opening_decodes_no_roots() {
        let mut config = Config::parse(b"cache.directory = \"\"", Path::new("x")).unwrap();
        let made = rcgen::generate_simple_self_signed(["ca.example".to_owned()]).unwrap();
        config.sts.ca = Some(vec![made.cert.der().to_vec()]);
        let discovery = Discovery::open(&config).unwrap();
        assert!(!discovery.roots().are_decoded());
        assert_eq!(discovery.clone().roots().roots().count(), 1);
        assert!(discovery.roots().are_decoded(), "for all clones");
    }

    /// Messages that follow each other closely must not keep a failure young for ever.
    #[test]
    fn a_minute_that_ends_during_a_lookup_is_over() {
        const NOW: u64 = 1_800_000_000;
        let directory = tempfile::tempdir().unwrap();
        let text = format!("cache.directory = {:?}", directory.path());
        let config = Config::parse(text.as_bytes(), Path::new("x")).unwrap();
        let discovery = |now| {
            let discovery = Discovery::open(&config).unwrap();
            discovery.with_clock(Clock::fixed(now))
        };
        let next_hop = NextHop::parse("d.test").unwrap();
        let question = Question {
            next_hop: &next_hop,
            hosts: &[],
            port: 25,
            rule: &Rule::default(),
            requiring: false,
        };
        let failed = || vec!["MX d.test".to_owned()];
        let domain = next_hop.domain().unwrap();
        let at = || {
            discovery(NOW)
                .cache
                .memory(domain)
                .questions
                .first()
                .map(|q| q.at)
        };
        let lately = |now| {
            discovery(now)
                .failed_lately(&question)
                .into_keys()
                .collect()
        };

        discovery(NOW).remember(&question, failed(), &HashSet::new());
        assert_eq!(at(), Some(NOW));
        // Begun 59 s later, and over 60 s later.
        let briefly = lately(NOW + 59);
        assert_eq!(briefly, HashSet::from(["MX d.test".to_owned()]));
        discovery(NOW + 60).remember(&question, failed(), &briefly);
        assert_eq!(at(), Some(NOW), "it keeps its time");
        // The next one has all the time; then a minute begins anew.
        let with_all_the_time = lately(NOW + 60);
        assert_eq!(with_all_the_time, HashSet::new());
        discovery(NOW + 65).remember(&question, failed(), &with_all_the_time);
        assert_eq!(at(), Some(NOW + 65));
    }
}
