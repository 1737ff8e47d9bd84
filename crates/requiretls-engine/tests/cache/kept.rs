//! How long a process that stays may rest on a policy without asking.

use crate::policy_host::Response;
use crate::scene::{DAY, Scene, answer, ok, policy, told};
use crate::shelf::{NOW, domain};
use crate::world::World;
use requiretls_core::authenticate::{Evidence, Outcome};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::mta_sts::Policy;
use requiretls_core::mta_sts::freshness::Kept;
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rule;
use requiretls_engine::clock::Clock;
use requiretls_engine::discovery::Discovered;
use requiretls_engine::{Deadline, Discovery, Question};
use std::time::Duration;

/// A process that looks up as time goes by.
struct Process<'a> {
    scene: &'a Scene,
    world: World,
    discovery: Discovery,
}

impl<'a> Process<'a> {
    fn start(scene: &'a Scene) -> Self {
        let world = scene.world();
        let discovery = world.discovery();
        Self {
            scene,
            world,
            discovery,
        }
    }

    fn at(&self, time: u64) -> Discovery {
        self.discovery.clone().with_clock(Clock::fixed(time))
    }

    fn look_up(&self, time: u64, port: u16) -> Discovered {
        let question = Question {
            next_hop: &NextHop::parse("d.test").unwrap(),
            hosts: &[],
            port,
            rule: &Rule::default(),
            requiring: false,
        };
        let deadline = Deadline::after(Duration::from_secs(10));
        self.at(time).lookup(&question, &deadline)
    }

    /// How often name server and policy host have been asked.
    fn asked(&self) -> (usize, usize) {
        (self.world.name_server.asked().len(), self.scene.requests())
    }
}

/// Label, how old the kept policy is (none: first contact), its text, the text served, the time to the
/// second lookup, whether that asks the name server, requests to the policy host in all, what is in
/// force at the end.
type Row<'a> = (
    &'a str,
    Option<u64>,
    &'a str,
    Response,
    u64,
    bool,
    usize,
    &'a str,
);

#[test]
fn until_the_policy_is_to_be_looked_at_again() {
    let good = policy("enforce", &["mx.d.test"]);
    let stale = policy("enforce", &["old.x"]);
    let testing = policy("testing", &["old.x"]);
    let none = "version: STSv1\nmode: none\nmax_age: 604800\n";
    let (short, at_once) = (good.replace("604800", "200"), good.replace("604800", "0"));
    let due = {
        let policy = Policy::parse(good.as_bytes()).unwrap();
        let kept = Kept {
            policy: &policy,
            id: "a",
            fetched: NOW,
            failed: None,
        };
        kept.refresh_is_due_from(&domain("d.test"), NOW) - NOW
    };
    assert!((DAY * 3 / 4..=DAY).contains(&due), "{due}");
    let fails = || answer("404 Not Found", "Content-Type: text/plain", "");
    let (g, gu) = ("enforce mx.d.test", "enforce mx.d.test, unchecked");
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("S20 checked for five minutes",   None,              "",      ok(&good),  299,   false, 1, g),
        ("S20 and no longer",              None,              "",      ok(&good),  300,   false, 1, gu),
        ("the TXT record's TTL",           None,              "",      ok(&good),  3_599, false, 1, gu),
        ("S18 its id is looked at again",  None,              "",      ok(&good),  3_600, true,  1, gu),
        ("S18 kept from before",           Some(1_000),       &good,   ok(&good),  3_599, false, 0, gu),
        ("S19 not yet due",                Some(due - 100),   &good,   ok(&good),  99,    false, 0, gu),
        ("S19 due",                        Some(due - 100),   &good,   ok(&good),  100,   true,  1, g),
        ("S19 mode none, not yet due",     Some(due - 100),   none,    ok(&good),  99,    false, 0, "none"),
        ("S19 mode none, due",             Some(due - 100),   none,    ok(&good),  100,   true,  1, g),
        ("S17 the policy's end",           None,              "",      ok(&short), 199,   false, 1, g),
        ("S17 over",                       None,              "",      ok(&short), 200,   true,  2, g),
        ("S12 for the delivery at hand",   None,              "",      ok(&at_once), 0,   true,  2, g),
        ("S20 refused, just fetched",      None,              "",      ok(&stale), 299,   false, 1, "enforce old.x"),
        ("S20 refused, may be fetched",    None,              "",      ok(&stale), 300,   true,  2, "enforce old.x"),
        ("S20 testing, just fetched",      None,              "",      ok(&testing), 299, false, 1, "testing old.x"),
        ("S20 testing, may be fetched",    None,              "",      ok(&testing), 300, true,  2, "testing old.x"),
        ("S17 not fetched is not kept",    Some(due),         &good,   fails(),    0,     true,  1, gu),
        ("S17 announced and not had",      None,              "",      fails(),    0,     true,  1, "unknown"),
    ];
    for (label, age, kept, served, after, asks, requests, in_force) in table {
        let mut scene = Scene::new(Some("a"), served);
        scene.lines.push("mx.d.test AAAA 2001:db8::1".to_owned());
        if let Some(age) = age {
            scene.keep(kept, "a", i64::try_from(age).unwrap());
        }
        let process = Process::start(&scene);
        assert!(!process.look_up(NOW, 25).is_kept(), "{label}");
        let (questions, _) = process.asked();
        let second = process.look_up(NOW + after, 25);
        assert_eq!(second.is_kept(), !asks, "{label}");
        let asked = process.asked();
        assert_eq!((asked.0 > questions, asked.1), (asks, requests), "{label}");
        assert_eq!(told(&second.sts), in_force, "{label}");
    }
}

/// S20: a delivery that wants the policy looked at again gets that at the next lookup, by whatever port,
/// and whatever is kept.
#[test]
fn s20_a_note_ends_what_is_kept() {
    let text = policy("enforce", &["mx.d.test"]);
    let scene = Scene::new(Some("a"), ok(&text));
    scene.keep(&text, "a", 1_000);
    let process = Process::start(&scene);
    // The host lacks REQUIRETLS: a bounce that the policy takes part in.
    let attempt = |time| {
        let message = Message {
            requirement: Requirement::R,
            ..Message::default()
        };
        let next_hop = NextHop::parse("d.test").unwrap();
        let facts = process.look_up(time, 25);
        let plan = Plan::new(
            next_hop,
            message,
            Rule::default(),
            Settings::default(),
            facts,
        );
        let mut delivery = Delivery::new(plan);
        let ehlo = |keyword| EhloReply::parse(format!("250-mx\r\n250 {keyword}\r\n").as_bytes());
        assert!(delivery.next_host_to_try().is_ok());
        assert_eq!(delivery.ehlo(&ehlo("STARTTLS")), Action::StartTls);
        process.at(time).note(&delivery);
        let cipher = Some("TLS_AES_128_GCM_SHA256");
        assert_eq!(delivery.tls(Some("TLSv1.3"), cipher), Action::Go);
        let evidence = Evidence::new(|_| Outcome::Holds);
        assert_eq!(delivery.peer(evidence), Action::Go);
        assert_eq!(delivery.ehlo(&ehlo("DSN")), Action::NextHost);
        delivery
    };
    let by_another_port = process.look_up(NOW, 26);
    assert_eq!(told(&by_another_port.sts), "enforce mx.d.test, unchecked");
    assert_eq!(attempt(NOW).outcome().action, Action::Defer);
    assert!(process.look_up(NOW + 1, 25).is_kept(), "nothing is noted");
    let delivery = attempt(NOW + 1);
    assert_eq!(delivery.outcome().action, Action::Defer);
    assert_eq!(process.asked().1, 0);
    process.at(NOW + 2).note(&delivery);
    let delivery = attempt(NOW + 3);
    assert_eq!(process.asked().1, 1, "fetched again");
    assert_eq!(delivery.outcome().action, Action::Bounce);
    let other = process.look_up(NOW + 4, 26);
    assert_eq!(told(&other.sts), "enforce mx.d.test");
    assert_eq!(process.asked().1, 1);
}

/// What one lookup has fetched, or a refresh, is what all of this process rest on.
#[test]
fn s18_a_new_policy_ends_what_rests_on_the_old() {
    let old = policy("enforce", &["mx.d.test", "old.x"]);
    let new = policy("enforce", &["mx.d.test", "new.x"]);
    let due = 90_000;
    for by_refresh in [false, true] {
        let scene = Scene::new(Some("a"), ok(&new));
        scene.keep(&old, "a", 1_000);
        let process = Process::start(&scene);
        let first = process.look_up(NOW, 25);
        assert_eq!(told(&first.sts), "enforce mx.d.test old.x, unchecked");
        if by_refresh {
            let deadline = Deadline::after(Duration::from_secs(5));
            let refreshed = process.at(NOW).refresh(&domain("d.test"), &deadline);
            assert!(refreshed.is_ok(), "{refreshed:?}");
        } else {
            scene.keep(&old, "a", due);
            let _ = process.look_up(NOW, 26);
        }
        assert_eq!(process.asked().1, 1, "by refresh: {by_refresh}");
        let again = process.look_up(NOW + 1, 25);
        assert_eq!(told(&again.sts), "enforce mx.d.test new.x");
        assert!(!again.is_kept());
        assert_eq!(process.asked().1, 1);
        assert!(process.look_up(NOW + 2, 25).is_kept());
    }
}
