//! Is an MTA-STS policy fetched again before it costs a message?
//!
//! RFC 8461 sections 5 and 5.1 (S20, VX43): a host may have moved while the policy that was kept
//! still names the old one. The store and the fetch are the caller's; what is asked of them, how
//! often, and what becomes of the message is decided here.

// A test's own faults end it.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

use requiretls_core::authenticate::{CertFailure, Evidence, Outcome};
use requiretls_core::delivery::{Action, Delivery, End};
use requiretls_core::domain::Domain;
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{
    Addresses, Facts, HostFacts, LookupCause, LookupFailure, Route, Security, Sts, Tlsa,
};
use requiretls_core::mta_sts::freshness::{Kept, State, fetch_is_due, settle};
use requiretls_core::mta_sts::{Announcement, Mode, Policy};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::reply::Enhanced;
use requiretls_core::site_policy::{Discovery, Rule};
use requiretls_core::tag;

const NOW: u64 = 1_800_000_000;

fn policy(mode: Mode, host: &str) -> Policy {
    Policy::from_parts(mode, &[host], 86_400).unwrap()
}

fn failure() -> LookupFailure {
    LookupFailure {
        cause: LookupCause::PolicyUnavailable,
        question: "MTA-STS policy of d.test".to_owned(),
    }
}

/// A domain with one host, found by MX records that are not signed.
fn facts(host: &str, sts: Sts) -> Facts {
    Facts {
        route: Route::Mx(Security::Insecure),
        expanded: None,
        hosts: vec![HostFacts {
            host: Host::Name(Domain::parse(host.as_bytes()).unwrap()),
            addresses: Addresses::Found(vec!["192.0.2.1".parse().unwrap()]),
            cname: None,
            tlsa: Tlsa::None,
        }],
        sts,
        expires: None,
    }
}

fn plan(word: &str, rule: Rule, facts: Facts) -> Plan {
    let message = Message {
        requirement: tag::parse_word(word).unwrap(),
        ..Message::default()
    };
    let next_hop = NextHop::parse("d.test").unwrap();
    Plan::new(next_hop, message, rule, Settings::default(), facts)
}

/// What the host's connection shows.
#[derive(Clone, Copy, Debug)]
enum Shown {
    /// Everything.
    Whole,
    /// A certificate that nothing vouches for.
    Untrusted,
    /// No REQUIRETLS.
    NoRequiretls,
}

fn deliver(plan: Plan, shown: Shown) -> Delivery {
    let mut delivery = Delivery::new(plan);
    while delivery.next_host_to_try().is_ok() {
        let ehlo = |keyword: &str| {
            EhloReply::parse(format!("250-mx.d.test\r\n{keyword}250 SIZE\r\n").as_bytes())
        };
        let outcome = match shown {
            Shown::Whole | Shown::NoRequiretls => Outcome::Holds,
            Shown::Untrusted => Outcome::Fails(CertFailure::NotTrusted),
        };
        let keyword = match shown {
            Shown::NoRequiretls => "",
            Shown::Whole | Shown::Untrusted => "250-REQUIRETLS\r\n",
        };
        let went = delivery.ehlo(&ehlo("250-STARTTLS\r\n")) == Action::StartTls
            && delivery.tls(Some("TLSv1.3"), Some("TLS_AES_128_GCM_SHA256")) == Action::Go
            && delivery.peer(Evidence::new(|_| outcome)) == Action::Go
            && delivery.ehlo(&ehlo(keyword)) == Action::Go
            && delivery.mail_params(NOW).is_ok();
        if went {
            delivery.done(End::Reply(250));
            break;
        }
    }
    delivery
}

/// What a caller with a store does: at most one more fetch, and a plan from what that has found.
struct Domains<'a> {
    kept: Kept<'a>,
    announced: &'a str,
    serves: Option<&'a Policy>,
    fetches: usize,
}

impl Domains<'_> {
    fn sts(&self, fetched: Option<&Policy>, failed: bool) -> Sts {
        let txt = [format!("v=STSv1; id={}", self.announced)];
        let announcement = Announcement::of(&txt);
        match settle(Some(&announcement), Some(&self.kept), fetched, NOW) {
            State::None => Sts::None,
            State::Live(policy) => Sts::Live {
                policy: policy.clone(),
                checked: fetched.is_some() || self.kept.is_checked(NOW),
                refetch_failed: failed.then(failure),
            },
            State::Unknown => Sts::Unknown(failure()),
        }
    }

    fn plan(&mut self, word: &str, host: &str) -> Plan {
        let announcement = Announcement::of(&[format!("v=STSv1; id={}", self.announced)]);
        let mut may_fetch = self.kept.may_be_rechecked(NOW);
        let mut sts = self.sts(None, false);
        if fetch_is_due(Some(&announcement), Some(&self.kept), NOW) && may_fetch {
            may_fetch = false;
            self.fetches += 1;
            sts = self.sts(self.serves, self.serves.is_none());
        }
        let first = plan(word, Rule::default(), facts(host, sts));
        if !(first.wants_recheck() && may_fetch) {
            return first;
        }
        self.fetches += 1;
        let sts = self.sts(self.serves, self.serves.is_none());
        plan(word, Rule::default(), facts(host, sts))
    }
}

#[test]
fn vx43_s20_hosts_moved_under_the_same_id() {
    let (old, new) = (
        policy(Mode::Enforce, "old.x.test"),
        policy(Mode::Enforce, "new.x.test"),
    );
    let none = Policy::from_parts(Mode::None, &[], 86_400).unwrap();
    let (hour, moved) = (3_600, Some(&new));
    // label, tag, TXT id, age of the kept policy, age of the last failure, what is served,
    // fetches, action, code
    #[rustfmt::skip]
    let rows = [
        ("VX43", "none", "a", hour, None, moved, 1, Action::Go, (250, Enhanced(2, 0, 0))),
        ("VX43, R", "R", "a", hour, None, moved, 1, Action::Go, (250, Enhanced(2, 0, 0))),
        ("S18, a new id was fetched already", "none", "b", hour, None, moved, 1, Action::Go, (250, Enhanced(2, 0, 0))),
        ("S20, mode none now", "none", "a", hour, None, Some(&none), 1, Action::Go, (250, Enhanced(2, 0, 0))),
        ("VX29 S20, nothing has changed", "R", "a", hour, None, Some(&old), 1, Action::Defer, (451, Enhanced(4, 7, 10))),
        ("S20, the refetch fails: the old one stays", "none", "a", hour, None, None, 1, Action::Defer, (451, Enhanced(4, 7, 5))),
        ("S20 S18, nothing but the old body under a new id", "none", "b", hour, None, Some(&old), 1, Action::Defer, (451, Enhanced(4, 7, 5))),
        ("S20, fetched four minutes ago", "none", "a", 240, None, moved, 0, Action::Defer, (451, Enhanced(4, 7, 5))),
        ("S20, failed four minutes ago", "none", "a", hour, Some(240), moved, 0, Action::Defer, (451, Enhanced(4, 7, 5))),
        ("S20, failed five minutes ago", "none", "a", hour, Some(300), moved, 1, Action::Go, (250, Enhanced(2, 0, 0))),
    ];
    for (label, word, announced, age, failed, serves, fetches, action, code) in rows {
        let mut domains = Domains {
            kept: Kept {
                policy: &old,
                id: "a",
                fetched: NOW - age,
                failed: failed.map(|ago| NOW - ago),
            },
            announced,
            serves,
            fetches: 0,
        };
        let plan = domains.plan(word, "new.x.test");
        assert_eq!(domains.fetches, fetches, "{label}: fetches");
        let outcome = deliver(plan, Shown::Whole).outcome();
        assert_eq!(outcome.action, action, "{label}");
        let reply = (outcome.reply.code, outcome.reply.enhanced);
        assert_eq!(reply, code, "{label}");
    }
}

#[test]
fn s20_no_bounce_before_the_policy_was_checked() {
    let sts = |mode, checked| Sts::Live {
        policy: policy(mode, "mx.d.test"),
        checked,
        refetch_failed: None,
    };
    let (enforce, testing) = (Mode::Enforce, Mode::Testing);
    let off = || Rule {
        discovery: Discovery::Off,
        ..Rule::default()
    };
    // label, tag, policy, rule, shown, action, code, is a recheck wanted
    #[rustfmt::skip]
    let rows = [
        ("S20, bounce held", "R", sts(enforce, false), Rule::default(), Shown::NoRequiretls, Action::Defer, (451, Enhanced(4, 7, 10)), true),
        ("S20, bounce held, testing", "R", sts(testing, false), Rule::default(), Shown::NoRequiretls, Action::Defer, (451, Enhanced(4, 7, 10)), true),
        ("S20, checked", "R", sts(enforce, true), Rule::default(), Shown::NoRequiretls, Action::Bounce, (550, Enhanced(5, 7, 30)), false),
        ("S20, checked, testing", "R", sts(testing, true), Rule::default(), Shown::Untrusted, Action::Bounce, (550, Enhanced(5, 7, 10)), false),
        ("S20, it went", "R", sts(enforce, false), Rule::default(), Shown::Whole, Action::Go, (250, Enhanced(2, 0, 0)), false),
        ("S20, deferred anyway", "R", sts(enforce, false), Rule::default(), Shown::Untrusted, Action::Defer, (451, Enhanced(4, 7, 10)), false),
        ("S20, beside discovery off", "R", sts(enforce, false), off(), Shown::NoRequiretls, Action::Defer, (451, Enhanced(4, 7, 10)), true),
    ];
    for (label, word, sts, rule, shown, action, code, wanted) in rows {
        let delivery = deliver(plan(word, rule, facts("mx.d.test", sts)), shown);
        let outcome = delivery.outcome();
        assert_eq!(outcome.action, action, "{label}: {outcome:?}");
        let reply = (outcome.reply.code, outcome.reply.enhanced);
        assert_eq!(reply, code, "{label}");
        assert_eq!(delivery.wants_recheck(), wanted, "{label}: recheck");
        let says = outcome.reply.text.contains("is to be checked first");
        assert_eq!(says, wanted, "{label}: {}", outcome.reply.text);
    }
}

#[test]
fn s20_a_recheck_is_wanted_where_row_7_refuses() {
    let sts = |mode, checked| Sts::Live {
        policy: policy(mode, "old.x.test"),
        checked,
        refetch_failed: None,
    };
    let live = || sts(Mode::Enforce, false);
    #[rustfmt::skip]
    let rows = [
        ("S20, untagged", "none", live(), true),
        ("S20, R", "R", live(), true),
        ("S20, R, testing", "R", sts(Mode::Testing, false), true),
        ("S20, checked just now", "none", sts(Mode::Enforce, true), false),
        ("S20, untagged, testing refuses nothing", "none", sts(Mode::Testing, false), false),
        ("S20 P1, H is not bound", "H", live(), false),
        ("S20, no policy", "R", Sts::None, false),
    ];
    for (label, word, sts, wanted) in rows {
        let plan = plan(word, Rule::default(), facts("new.x.test", sts));
        assert_eq!(plan.wants_recheck(), wanted, "{label}");
        assert_eq!(Delivery::new(plan).wants_recheck(), wanted, "{label}");
    }
}
