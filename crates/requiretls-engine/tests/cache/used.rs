//! What discovery makes of a kept policy, the record and the policy host together.

use crate::policy_host::Response;
use crate::scene::{DAY, Scene, answer, ok, policy, told, why};
use crate::shelf::{NOW, domain};
use requiretls_core::authenticate::{Evidence, Outcome};
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::{Addresses, Facts, Route};
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rule;

/// What becomes of a message with this tag.
fn plan(facts: &Facts, requirement: Requirement) -> Plan {
    let message = Message {
        requirement,
        ..Message::default()
    };
    let next_hop = NextHop::parse("d.test").unwrap();
    let rule = Rule::default();
    Plan::new(next_hop, message, rule, Settings::default(), facts.clone())
}

/// Label, what is kept with id a, its age, TXT, policy host, what is in force, requests, age after.
type Row<'a> = (
    &'a str,
    Option<&'a str>,
    i64,
    Option<&'static str>,
    Response,
    &'a str,
    usize,
    i64,
);

#[test]
fn what_is_kept_is_used() {
    let old = policy("enforce", &["mx.d.test", "old.x"]);
    let new = policy("enforce", &["mx.d.test", "new.x"]);
    let testing = policy("testing", &["mx.d.test", "new.x"]);
    let none = policy("none", &[]);
    let off = "version: STSv1\nmode: none\nmax_age: 604800\n";
    let stale = policy("enforce", &["old.x"]);
    let at_once = new.replace("604800", "0");
    let (o, n) = ("enforce mx.d.test old.x", "enforce mx.d.test new.x");
    let (ou, stays) = (
        "enforce mx.d.test old.x, unchecked",
        "enforce old.x, unchecked",
    );
    let fails = || answer("404 Not Found", "Content-Type: text/plain", "");
    let html = || answer("200 OK", "Content-Type: text/html", &new);
    let moved = |status| {
        let to = "Content-Type: text/plain\r\nLocation: https://mta-sts.d.test/x";
        answer(status, to, &new)
    };
    let long = || ok(&"x".repeat(65_537));
    let day = i64::try_from(DAY).unwrap();
    let (a, b) = (Some("a"), Some("b"));
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("first contact (S17)",            None,         0,        a,    ok(&new),  n,      1, 0),
        ("first contact, none published",  None,         0,        None, ok(&new),  "none", 0, -1),
        ("same id (S18)",                  Some(&old),   1_000,    a,    ok(&new),  ou,     0, 1_000),
        ("fetched just now (S20)",         Some(&old),   299,      a,    ok(&new),  o,      0, 299),
        ("TXT absent (VP15, S18)",         Some(&old),   1_000,    None, ok(&new),  ou,     0, 1_000),
        ("last second (S17)",              Some(&old),   7 * day - 1, None, fails(), ou,    1, 7 * day - 1),
        ("expired, fetch fails (VP15)",    Some(&old),   7 * day,  a,    fails(),   "unknown", 1, 7 * day),
        ("expired, fetched (S17)",         Some(&old),   7 * day,  a,    ok(&new),  n,      1, 0),
        ("new id, mode none (VP16)",       Some(&old),   1_000,    b,    ok(off),   "none", 1, 0),
        ("new id, testing (S18)",          Some(&old),   1_000,    b,    ok(&testing), "testing mx.d.test new.x", 1, 0),
        ("new id, 404 (VP16)",             Some(&old),   1_000,    b,    fails(),   ou,     1, 1_000),
        ("new id, 301 (VP14, row 58)",     Some(&old),   1_000,    b,    moved("301 Moved"), ou, 1, 1_000),
        ("new id, 302 (row 58)",           Some(&old),   1_000,    b,    moved("302 Found"), ou, 1, 1_000),
        ("new id, 307 (row 58)",           Some(&old),   1_000,    b,    moved("307 Temporary"), ou, 1, 1_000),
        ("new id, 308 (row 58)",           Some(&old),   1_000,    b,    moved("308 Permanent"), ou, 1, 1_000),
        ("new id, text/html (VP14)",       Some(&old),   1_000,    b,    html(),    ou,     1, 1_000),
        ("new id, 65537 octets (VP14)",    Some(&old),   1_000,    b,    long(),    ou,     1, 1_000),
        ("new id, a typo (row 1)",         Some(&old),   1_000,    b,    ok(&new.replace("mx:", "nmx:")), ou, 1, 1_000),
        ("none kept, same id",             Some(off),    1_000,    a,    ok(&new),  "none", 0, 1_000),
        ("none kept, new id (S18)",        Some(off),    1_000,    b,    ok(&new),  n,      1, 0),
        ("a day old (S19)",                Some(&old),   day,      a,    ok(&new),  n,      1, 0),
        ("a day old, TXT absent (S19)",    Some(&old),   day,      None, ok(&new),  n,      1, 0),
        ("a day old, fails (S19)",         Some(&old),   day,      a,    fails(),   ou,     1, day),
        ("young (S19)",                    Some(&old),   day / 2,  a,    ok(&new),  ou,     0, day / 2),
        ("from the future (S25)",          Some(&old),   -1_000,   a,    ok(&new),  n,      1, 0),
        ("from the future, fails (S25)",   Some(&old),   -1_000,   a,    fails(),   ou,     1, -1_000),
        ("old host, same id (VX43, row 11)", Some(&stale), 1_000,  a,    ok(&new),  n,      1, 0),
        ("old host, new id (row 10)",      Some(&stale), 1_000,    b,    ok(&new),  n,      1, 0),
        ("old host, TXT absent (row 25)",  Some(&stale), 1_000,    None, ok(&new),  n,      1, 0),
        ("old host, unchanged (S20)",      Some(&stale), 1_000,    a,    ok(&stale), "enforce old.x", 1, 0),
        ("old host, just looked (S20)",    Some(&stale), 299,      a,    ok(&new),  "enforce old.x", 0, 299),
        ("old host, fails (S20)",          Some(&stale), 1_000,    a,    fails(),   stays,  1, 1_000),
        ("expired yesterday, no TXT (VX44)", Some(&old), 8 * day,  None, ok(&new),  "unknown", 0, 8 * day),
        ("note over (P2c)",                Some(&old),   38 * day, None, ok(&new),  "none", 0, 38 * day),
        ("max_age 0 (S12)",                None,         0,        a,    ok(&at_once), n,   1, 0),
    ];
    assert_eq!(none, off);
    for (label, kept, age, txt, response, expected, requests, age_after) in table {
        let scene = Scene::new(txt, response);
        if let Some(kept) = kept {
            scene.keep(kept, "a", age);
        }
        let sts = scene.sts();
        assert_eq!(told(&sts), expected, "{label}: {sts:?}");
        assert_eq!(scene.requests(), requests, "{label}");
        let after = scene.kept().map(|kept| NOW.wrapping_sub(kept.fetched));
        let age_after = (age_after != -1).then(|| age_after.cast_unsigned());
        assert_eq!(after, age_after, "{label}");
    }
}

#[test]
fn vx43_the_hosts_have_changed_under_the_same_id() {
    let new = policy("enforce", &["mx.d.test"]);
    let scene = Scene::new(Some("a"), ok(&new));
    scene.keep(&policy("enforce", &["old.x"]), "a", 1_000);
    for lookup in ["first", "second"] {
        let plan = plan(&scene.facts(), Requirement::None);
        assert!(plan.refused().is_none(), "{lookup}");
        assert!(plan.candidates()[0].refused.is_none(), "{lookup}: go");
    }
    assert_eq!(scene.requests(), 1, "one refetch");

    // Without it the host would be refused.
    let scene = Scene::new(Some("a"), answer("500 Oops", "X: y", ""));
    scene.keep(&policy("enforce", &["old.x"]), "a", 1_000);
    let plan = plan(&scene.facts(), Requirement::None);
    assert!(plan.candidates()[0].refused.is_some(), "P6.7");
}

#[test]
fn vx44_a_policy_that_expired_yesterday_is_a_note() {
    let scene = Scene::new(None, Response::Silence);
    let week = i64::try_from(8 * DAY).unwrap();
    scene.keep(&policy("enforce", &["mx.d.test"]), "a", week);
    let facts = scene.facts();
    let refused = plan(&facts, Requirement::R).refused().cloned().unwrap();
    let reply = refused.reply;
    assert_eq!(
        (reply.code, reply.enhanced.to_string()),
        (451, "4.7.10".to_owned())
    );
    assert!(
        plan(&facts, Requirement::None).refused().is_none(),
        "none: go"
    );
    assert_eq!(
        why(&facts.sts),
        "MTA-STS policy of d.test (expired, and none is announced in its place)"
    );
}

/// S9: five minutes after a failure for the same id, none for a new one.
#[test]
fn s9_a_failed_fetch_is_not_repeated_at_once() {
    let fails = || answer("301 Moved", "Content-Type: text/plain\r\nLocation: /x", "");
    let mut scene = Scene::new(Some("a"), fails());
    #[rustfmt::skip]
    let steps = [
        ("first",           0,    "a", 1, "HTTP 301)"),
        ("at once",         0,    "a", 1, "HTTP 301, 0 s ago; asked again after 5 minutes)"),
        ("299 s later",     299,  "a", 1, "HTTP 301, 299 s ago; asked again after 5 minutes)"),
        ("300 s later",     300,  "a", 2, "HTTP 301)"),
        ("a new id",        301,  "b", 3, "HTTP 301)"),
        ("the clock back",  -900, "b", 4, "HTTP 301)"),
    ];
    for (label, after, id, requests, expected) in steps {
        scene.now = NOW.checked_add_signed(after).unwrap();
        scene.announce(Some(id));
        let found = why(&scene.sts());
        assert_eq!(
            found,
            format!("MTA-STS policy of d.test ({expected}"),
            "{label}"
        );
        assert_eq!(scene.requests(), requests, "{label}");
    }
    scene.serve(ok(&policy("enforce", &["mx.d.test"])));
    scene.now = NOW + 1_000;
    assert_eq!(told(&scene.sts()), "enforce mx.d.test");
    assert_eq!(scene.memory().fetch, None, "forgotten");
}

/// S20: at most once in five minutes for a domain, and a mark waits for its turn.
#[test]
fn s20_a_marked_domain_is_fetched_again() {
    let text = policy("enforce", &["mx.d.test"]);
    let mut scene = Scene::new(Some("a"), ok(&text));
    scene.keep(&text, "a", 1_000);
    assert_eq!(told(&scene.sts()), "enforce mx.d.test, unchecked");
    scene
        .shelf
        .cache
        .amend(&domain("d.test"), NOW, |m| m.recheck = Some(NOW));
    assert_eq!(told(&scene.sts()), "enforce mx.d.test");
    assert_eq!((scene.requests(), scene.memory().recheck), (1, None));
    assert_eq!(told(&scene.sts()), "enforce mx.d.test", "still checked");
    assert_eq!(scene.requests(), 1);

    // When it fails the mark stays, and the old policy with it.
    scene.now = NOW + 1_000;
    scene
        .shelf
        .cache
        .amend(&domain("d.test"), NOW, |m| m.recheck = Some(NOW));
    scene.serve_as("other.test", ok(&text));
    for requests in [0, 0] {
        assert_eq!(told(&scene.sts()), "enforce mx.d.test, unchecked");
        assert_eq!(scene.requests(), 1 + requests, "the handshake fails, once");
    }
    let memory = scene.memory();
    assert_eq!(
        memory.fetch.unwrap().why,
        "TLS: certificate for another name"
    );
    assert_eq!(memory.recheck, Some(NOW));
}

/// S20: a bounce waits, and the next lookup looks again; then it is for good.
#[test]
fn s20_a_bounce_waits_for_another_look() {
    let text = policy("enforce", &["mx.d.test"]);
    let mut scene = Scene::new(Some("a"), ok(&text));
    scene.keep(&text, "a", 1_000);
    let attempt = |scene: &Scene| {
        let mut delivery = Delivery::new(plan(&scene.facts(), Requirement::R));
        let ehlo = |keyword| EhloReply::parse(format!("250-mx\r\n250 {keyword}\r\n").as_bytes());
        assert!(delivery.next_host_to_try().is_ok());
        assert_eq!(delivery.ehlo(&ehlo("STARTTLS")), Action::StartTls);
        let cipher = Some("TLS_AES_128_GCM_SHA256");
        assert_eq!(delivery.tls(Some("TLSv1.3"), cipher), Action::Go);
        let evidence = Evidence::new(|_| Outcome::Holds);
        assert_eq!(delivery.peer(evidence), Action::Go);
        assert_eq!(
            delivery.ehlo(&ehlo("DSN")),
            Action::NextHost,
            "no REQUIRETLS"
        );
        scene.discovery().note(&delivery);
        delivery.outcome()
    };
    let first = attempt(&scene);
    assert_eq!(first.action, Action::Defer, "{first:?}");
    assert!(
        first
            .reply
            .text
            .ends_with("the MTA-STS policy is to be checked first")
    );
    assert_eq!(scene.memory().recheck, Some(NOW));
    assert_eq!(scene.requests(), 0);
    scene.now = NOW + 10;
    let second = attempt(&scene);
    assert_eq!(
        (second.action, scene.requests()),
        (Action::Bounce, 1),
        "{second:?}"
    );
    assert_eq!(scene.memory().recheck, None);
}

/// S12: for the delivery at hand; a note stays.
#[test]
fn s12_a_policy_without_age_is_used_once() {
    let text = policy("enforce", &["mx.d.test"]).replace("604800", "0");
    let mut scene = Scene::new(Some("a"), ok(&text));
    assert_eq!(told(&scene.sts()), "enforce mx.d.test");
    scene.announce(None);
    assert_eq!(told(&scene.sts()), "unknown", "P2c");
}

/// What is kept counts where nobody can be asked; what is not kept, the hosts, is still missing.
#[test]
fn s17_without_time_what_is_kept_counts() {
    let text = policy("enforce", &["mx.d.test"]);
    let mut scene = Scene::new(Some("a"), ok(&text));
    scene.keep(&text, "a", i64::try_from(2 * DAY).unwrap());
    scene.budget = 0;
    let facts = scene.facts_by(&["d.test"]);
    assert_eq!(told(&facts.sts), "enforce mx.d.test, unchecked");
    assert!(matches!(facts.hosts[0].addresses, Addresses::Failed(_)));
    let facts = scene.facts();
    assert!(matches!(facts.route, Route::Failed(_)), "{:?}", facts.route);
    assert!(
        scene.memory().is_empty(),
        "lack of time is nobody's failure"
    );
    assert_eq!(scene.requests(), 0);
}

#[test]
fn s17_a_file_that_is_not_believed_is_no_policy() {
    let text = policy("enforce", &["mx.d.test"]);
    let scene = Scene::new(Some("a"), ok(&text));
    scene.keep(&policy("none", &[]), "a", 10);
    let file = scene.shelf.file("d.test");
    let content = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, content.replace("604800", "604801")).unwrap();
    assert_eq!(told(&scene.sts()), "enforce mx.d.test", "fetched anew");
    assert_eq!(scene.requests(), 1);
}

#[test]
fn s19_a_refresh_asks_whatever_is_kept() {
    let old = policy("enforce", &["old.x"]);
    let new = policy("enforce", &["mx.d.test"]);
    let failed = |why: &str| Err(why.to_owned());
    let html = || answer("200 OK", "Content-Type: text/html", "");
    let kept_new = || Ok("mx.d.test".to_owned());
    #[rustfmt::skip]
    let table = [
        ("just fetched",           Some(10),     Some("a"), ok(&new), kept_new(), 1),
        ("a week old, no TXT",     Some(604_000), None,     ok(&new), kept_new(), 1),
        ("expired, no TXT",        Some(700_000), None,     ok(&new), kept_new(), 1),
        ("first contact",          None,         Some("a"), ok(&new), kept_new(), 1),
        ("none announced",         None,         None,      ok(&new), failed("no policy is announced, and none is kept"), 0),
        ("fails",                  Some(10),     Some("b"), html(),   failed("HTTP: the media type is not text/plain"), 1),
    ];
    for (label, age, txt, response, expected, requests) in table {
        let scene = Scene::new(txt, response);
        if let Some(age) = age {
            scene.keep(&old, "a", age);
        }
        let found = scene.refresh().map_err(|why| why.to_string());
        let found = found.map(|policy| policy.mx().collect::<Vec<_>>().join(" "));
        assert_eq!(found, expected, "{label}");
        assert_eq!(scene.requests(), requests, "{label}");
        let kept = scene.kept().map(|kept| kept.fetched == NOW);
        assert_eq!(
            kept,
            age.map(|_| expected.is_ok())
                .or(expected.is_ok().then_some(true)),
            "{label}"
        );
    }
}
