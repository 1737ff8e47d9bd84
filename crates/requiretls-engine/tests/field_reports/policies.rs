//! MTA-STS policies: which one holds, and what becomes of a message under it.

use crate::site::{Site, name, now, policy};
use requiretls_core::facts::Sts as Found;
use requiretls_testbed::{Certificate, DnsMode, Domain, Peer, Sts, WRONG_NAME, World};

/// Label; domain; what is kept (hosts, id, age); tag; what becomes of it; a part of the sentence;
/// requests to the policy host.
type Row = (
    &'static str,
    &'static str,
    Option<(&'static [&'static str], &'static str, u64)>,
    &'static str,
    &'static str,
    &'static str,
    usize,
);

fn domains() -> Vec<Domain> {
    let good = Peer::good;
    let wrong = || good().certificate(Certificate::WrongName);
    let typo = policy("enforce", &[]).replace("max_age", "nmx: mx.r1.test\nmax_age");
    let of = |name: &str, peer: Peer, page: Sts| Domain::new(name).mx("mx").peer(peer).sts(page);
    let ended = |end: &str| {
        let lines = [
            "version: STSv1",
            "mode: enforce",
            "mx: mx.{}",
            "max_age: 604800",
        ];
        lines.map(|line| format!("{line}{end}")).concat()
    };
    let body = |name: &str, text: &str| Sts::enforce().body(text.replace("{}", name).as_bytes());
    let mixed = ended("\n").replacen('\n', "\r\n", 2);
    let mut domains = vec![
        of("r1.test", wrong(), Sts::enforce().body(typo.as_bytes())),
        of("r10.test", good(), Sts::enforce()),
        of("r11.test", good(), Sts::enforce()),
        of(
            "r14.test",
            wrong(),
            Sts::enforce().mx("mx.r14.test").mx(WRONG_NAME),
        ),
        of("r25.test", good(), Sts::enforce().without_txt()),
        of("r43.test", good(), Sts::enforce().mx("elsewhere.test")),
        Domain::new("r43-relay.test").host("mx").peer(wrong()),
        of("r55-lf.test", good(), body("r55-lf.test", &ended("\n"))),
        of(
            "r55-crlf.test",
            good(),
            body("r55-crlf.test", &ended("\r\n")),
        ),
        of("r55-mixed.test", good(), body("r55-mixed.test", &mixed)),
        of("r56.test", wrong(), Sts::enforce().txt("v=STSv1; id=2;")),
        of(
            "r56-invalid.test",
            wrong(),
            Sts::enforce().txt("v=STSv1; id=!;"),
        ),
        of("r59-more.test", good(), Sts::enforce().max_age(31_557_601)),
        of(
            "r59-32bit.test",
            good(),
            Sts::enforce().max_age(4_294_967_296),
        ),
        of(
            "r59-digits.test",
            good(),
            Sts::enforce().max_age(9_999_999_999),
        ),
        of("xn--r61-sla.test", good(), Sts::enforce()),
        of(
            "xn--r61-una.test",
            wrong(),
            body(
                "xn--r61-una.test",
                &ended("\n").replace("mx.{}", "mx.r61\u{f6}.test"),
            ),
        ),
        of(
            "r62.test",
            good().certificate(Certificate::Wildcard),
            Sts::enforce(),
        ),
        of("s20.test", good().no_requiretls(), Sts::enforce()),
    ];
    domains.extend([301, 302, 307, 308].map(|status| {
        let name = format!("r58-{status}.test");
        of(&name, wrong(), Sts::enforce().status(status))
    }));
    domains
}

const RULES: &str = "[next_hop.\"r43.test\"]\nsmarthost = \"mx.r43-relay.test\"\n";

#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("field report 1, a typo: as if not fetched",       "r1.test",        None, "none", "go mx.r1.test may none", "", 1),
    ("field report 1, R waits",                         "r1.test",        None, "R", "defer 451 4.7.10 sender", "policy", 1),
    ("field report 1, an unexpired policy stays",       "r1.test",        Some((&["mx.r1.test"], "0", 1_000)), "none", "defer 451 4.7.5 recipient", "mx.r1.test: ", 1),
    ("field report 10, another id: fetched first",      "r10.test",       Some((&["old.x.test"], "0", 1_000)), "none", "go mx.r10.test secure pkix", "", 1),
    ("field report 11, the same id: fetched once",      "r11.test",       Some((&["old.x.test"], "1", 1_000)), "none", "go mx.r11.test secure pkix", "", 1),
    ("field report 11, at most every five minutes",     "r11.test",       Some((&["old.x.test"], "1", 200)),   "none", "defer 451 4.7.5 recipient", "does not name it", 0),
    ("field report 14, for another host of the policy", "r14.test",       None, "none", "defer 451 4.7.5 recipient", "mx.r14.test: ", 1),
    ("field report 25, no record, a stale policy",      "r25.test",       Some((&["old.x.test"], "1", 80_000)), "none", "go mx.r25.test secure pkix", "", 1),
    ("field report 43, the relay's policy, not this",   "r43.test",       None, "none", "go mx.r43-relay.test may none", "", 0),
    ("field report 55, LF",                             "r55-lf.test",    None, "none", "go mx.r55-lf.test secure pkix", "", 1),
    ("field report 55, CRLF",                           "r55-crlf.test",  None, "none", "go mx.r55-crlf.test secure pkix", "", 1),
    ("field report 55, mixed",                          "r55-mixed.test", None, "none", "go mx.r55-mixed.test secure pkix", "", 1),
    ("field report 56, two records",                    "r56.test",       None, "none", "go mx.r56.test may none", "", 0),
    ("field report 56, one of two is invalid",          "r56-invalid.test", None, "none", "go mx.r56-invalid.test may none", "", 0),
    ("field report 58, 301",                            "r58-301.test",   None, "R", "defer 451 4.7.10 sender", "HTTP 301", 1),
    ("field report 58, 302",                            "r58-302.test",   None, "R", "defer 451 4.7.10 sender", "HTTP 302", 1),
    ("field report 58, 307",                            "r58-307.test",   None, "R", "defer 451 4.7.10 sender", "HTTP 307", 1),
    ("field report 58, 308",                            "r58-308.test",   None, "R", "defer 451 4.7.10 sender", "HTTP 308", 1),
    ("field report 58, an unexpired policy stays",      "r58-301.test",   Some((&["mx.r58-301.test"], "0", 1_000)), "none", "defer 451 4.7.5 recipient", "mx.r58-301.test: ", 1),
    ("field report 61, a U-label is the A-label",       "r61\u{e4}.test", None, "none", "go mx.xn--r61-sla.test secure pkix", "", 1),
    ("field report 61, a U-label in a policy",          "r61\u{f6}.test", None, "R", "defer 451 4.7.10 sender", "policy", 1),
    ("field report 62, a wildcard",                     "r62.test",       None, "none", "go mx.r62.test secure pkix", "", 1),
];

#[test]
fn messages_end_as_prescribed() {
    let world = World::builder().domains(domains()).start().unwrap();
    let mut wrong = Vec::new();
    for mode in [DnsMode::Ad, DnsMode::Validate] {
        for (label, domain, kept, tag, expected, says, requests) in ROWS {
            let site = Site::new(&world, mode, RULES);
            if let Some((hosts, id, age)) = kept {
                site.keep(domain, &policy("enforce", hosts), id, *age);
            }
            let asked = name(domain);
            let before = site.requests(asked.as_str());
            let sent = site.send(domain, tag);
            let sentence = sent.sentence();
            let made = site.requests(asked.as_str()) - before;
            if sent.told() != *expected || !sentence.contains(says) || made != *requests {
                let told = sent.told();
                wrong.push(format!(
                    "{label}, {mode:?}: {told}, {made} requests: {sentence}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// An age that nobody means is cut to a year.
#[test]
fn a_year_is_the_longest_age() {
    let world = World::builder().domains(domains()).start().unwrap();
    let site = Site::new(&world, DnsMode::Ad, "");
    for domain in ["r59-more.test", "r59-32bit.test", "r59-digits.test"] {
        let plan = site.plan(domain, "none");
        let live = matches!(plan.facts().sts, Found::Live { .. });
        assert!(live, "field report 59, {domain}");
        let kept = site.discovery().cache().policy(&name(domain)).unwrap();
        let end = kept.kept().expires();
        let year = now() + 31_557_600;
        assert!(
            (year - 60..=year).contains(&end),
            "field report 59, {domain}: {end}"
        );
    }
}

/// S20: a bounce in which the policy took part waits until that was fetched again. The client says
/// which domain it is, and the next lookup fetches; were it not noted, the message would wait for ever.
#[test]
fn s20_what_stopped_is_fetched_again_by_the_next_lookup() {
    let world = World::builder().domains(domains()).start().unwrap();
    for mode in [DnsMode::Ad, DnsMode::Validate] {
        let site = Site::new(&world, mode, "");
        site.keep("s20.test", &policy("enforce", &["mx.s20.test"]), "1", 1_000);
        let before = site.requests("s20.test");
        let sent = site.send("s20.test", "R");
        assert_eq!(sent.told(), "defer 451 4.7.10 sender", "{mode:?}");
        let says = sent
            .sentence()
            .ends_with("the MTA-STS policy is to be checked first");
        assert!(says, "{mode:?}: {}", sent.sentence());
        assert_eq!(
            site.requests("s20.test"),
            before,
            "{mode:?}: nothing asks for it yet"
        );

        let sent = site.send("s20.test", "R");
        assert_eq!(
            sent.told(),
            "bounce 550 5.7.30 sender",
            "{mode:?}: {}",
            sent.sentence()
        );
        assert_eq!(site.requests("s20.test"), before + 1, "{mode:?}");
    }
}
