//! What a server is found to be good for, and what its answers count for then.

use requiretls_core::facts::{LookupCause, Route, Security};
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::clock::Clock;
use requiretls_engine::dns::self_test::{Ad, BogusName, Finding, Signatures};
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{Block, DnsWorld, DnsWorldSpec, WireFault, Zone};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const LINES: &str = "\
@ MX 10 mx
@ MX 20 mx2
@ MX 30 mx3
mx A 192.0.2.1
mx2 A 192.0.2.2
mx3 A 192.0.2.3
_25._tcp.mx TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
_mta-sts TXT \"v=STSv2\"
";

/// `d.example` is signed, `u.example` is not, `b.example` is bogus.
fn world(block: &Block, root: Zone) -> DnsWorld {
    let zone = |name: &str| Zone::from_text(name, LINES).unwrap();
    let zones = vec![
        root,
        Zone::from_text("example", "").unwrap(),
        zone("d.example"),
        zone("u.example").unsigned(),
        zone("b.example").expired(),
    ];
    let addresses = [2, 3].map(|last| SocketAddr::from((block.address(last), 0)));
    DnsWorld::start(DnsWorldSpec {
        zones,
        addresses: addresses.to_vec(),
        ..DnsWorldSpec::default()
    })
    .unwrap()
}

fn root() -> Zone {
    Zone::from_text(".", "").unwrap()
}

fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

struct Site {
    directory: TempDir,
    servers: Vec<SocketAddr>,
    settings: &'static str,
}

const PROBES: &str = "probe_signed = [\".\", \"example\"]\nprobe_unsigned = [\"u.example\"]\n\
                      probe_bogus = [\"mx.b.example\"]";

impl Site {
    /// With the first of the world's servers.
    fn new(world: &DnsWorld) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let anchor = directory.path().join("root.key");
        std::fs::write(anchor, world.trust_anchor()).unwrap();
        Self {
            directory,
            servers: vec![world.address()],
            settings: PROBES,
        }
    }

    /// With all of them.
    fn of(world: &DnsWorld) -> Self {
        Self {
            servers: world.addresses().to_vec(),
            ..Self::new(world)
        }
    }

    fn config(&self, mode: &str, cache: &str) -> Config {
        let servers: Vec<String> = self.servers.iter().map(|s| format!("\"{s}\"")).collect();
        let servers = servers.join(", ");
        let settings = self.settings;
        let text = format!(
            "[dns]\nmode = \"{mode}\"\ntrust_anchor = \"root.key\"\nservers = [{servers}]\n\
             {settings}\n[cache]\ndirectory = \"{cache}\""
        );
        Config::parse(text.as_bytes(), &self.directory.path().join("x.conf")).unwrap()
    }

    fn discovery(&self, mode: &str) -> Discovery {
        let discovery = Discovery::open(&self.config(mode, "")).unwrap();
        discovery.keeping_no_facts() // each lookup asks the servers
    }
}

fn lookup(discovery: &Discovery, domain: &str, budget: u64) -> Route {
    let question = Question {
        next_hop: &NextHop::parse(domain).unwrap(),
        hosts: &[],
        port: 25,
        rule: &Rule::default(),
        requiring: true,
    };
    let deadline = Deadline::after(Duration::from_millis(budget));
    discovery.lookup(&question, &deadline).route.clone()
}

/// As in P2a, of the signed, the unsigned and the bogus domain.
fn routes(discovery: &Discovery, budget: u64) -> String {
    let domains = ["d.example", "u.example", "b.example"];
    let letters = domains.map(|domain| match lookup(discovery, domain, budget) {
        Route::Mx(Security::Secure) => "S",
        Route::Mx(Security::Insecure) => "I",
        Route::Mx(Security::Unknown) => "V",
        Route::Failed(failure) => match failure.cause {
            LookupCause::Bogus => "B",
            _ => "E",
        },
        other => panic!("{other:?}"),
    });
    letters.concat()
}

type Row = (
    &'static str,
    fn(&DnsWorld),
    (Ad, Signatures),
    BogusName,
    &'static str,
    &'static str,
    &'static str,
);

#[test]
fn what_each_server_counts_for() {
    use BogusName::{Held, Unclear};
    use WireFault::{ClearAd, Drop, DropDo, Refused, ServFail, SetAd, StripSignatures};
    fn all(world: &DnsWorld, faults: impl IntoIterator<Item = WireFault>) {
        faults
            .into_iter()
            .for_each(|fault| world.faults().everywhere(fault));
    }
    fn at(world: &DnsWorld, name: &str, fault: WireFault) {
        world.faults().wire(name, RecordType::SOA, fault).unwrap();
    }
    let (right, always, never) = (Ad::Right, Ad::Always, Ad::Never);
    let (passes, strips, drops) = (Signatures::Passes, Signatures::Strips, Signatures::DropsDo);
    let silent = (Ad::Silent, Signatures::Silent);
    #[rustfmt::skip]
    let table: Vec<Row> = vec![
        // label, faults, found, a bogus name, routes in ad and validate, words
        ("nothing is wrong", |_| {},                     (right, passes), Held, "SIB", "SIB", "it validates"),
        ("no AD", |w| all(w, [ClearAd]),                 (never, passes), Held, "VVB", "SIB", "passes signatures on"),
        ("field report 22: strips RRSIG", |w| all(w, [ClearAd, StripSignatures]),
                                                         (never, strips), Held, "VVB", "VVV", "strips signatures"),
        ("drops DO", |w| all(w, [ClearAd, DropDo]),      (never, drops),  Held, "VVB", "VVV", "drops DO"),
        ("AD, but strips RRSIG", |w| all(w, [StripSignatures]),
                                                         (right, strips), Held, "SIB", "VVV", "it validates, but strips"),
        ("AD, but drops DO", |w| all(w, [DropDo]),       (right, drops),  Held, "SIB", "VVV", "it validates, but drops"),
        ("AD on everything", |w| all(w, [SetAd]),        (always, passes), Held, "VVB", "SIB", "means nothing"),
        ("answers nothing", |w| all(w, [Drop]),          silent,       Unclear, "EEE", "EEE", "answers nothing"),
        ("REFUSED", |w| all(w, [Refused]), (Ad::Refuses, Signatures::Refuses), Unclear, "EEE", "EEE", "refuses"),
        ("SERVFAIL", |w| all(w, [ServFail]), (Ad::Fails, Signatures::Fails), Unclear, "EEB", "EEE", "fails to answer"),
        ("field report 26: no AD for the root alone", |w| at(w, ".", ClearAd),
                                                         (right, passes), Held, "SIB", "SIB", "it validates"),
        ("no AD for one, no answer for the other", |w| { at(w, ".", ClearAd); at(w, "example", Drop); },
                                                  (Ad::Silent, passes), Held, "SVB", "SIE", "not answer every"),
        ("no AD for one, the other refused", |w| { at(w, ".", ClearAd); at(w, "example", Refused); },
                                                 (Ad::Refuses, passes), Held, "SVB", "SIE", "refuses"),
        ("signatures for one, no answer for the other", |w| at(w, "example", Drop),
                                                         (right, passes), Held, "SIB", "SIE", "it validates"),
    ];
    std::thread::scope(|scope| {
        for (label, fault, (ad, signatures), bogus, in_ad, in_validate, words) in table {
            scope.spawn(move || {
                let block = Block::claim().unwrap();
                let world = world(&block, root());
                fault(&world);
                let site = Site::new(&world);
                let budget = if in_ad.starts_with("EE") { 600 } else { 20_000 };
                let ad_mode = site.discovery("ad");
                assert_eq!(routes(&ad_mode, budget), in_ad, "{label}, ad");
                assert_eq!(
                    routes(&site.discovery("auto"), budget),
                    in_ad,
                    "{label}, auto"
                );
                let validating = site.discovery("validate");
                assert_eq!(
                    routes(&validating, budget),
                    in_validate,
                    "{label}, validate"
                );
                let names = site.config("ad", "").dns.probes;
                let deadline = Deadline::after(Duration::from_secs(4));
                let examined = ad_mode.resolver().examine(&names, deadline);
                let [examined] = examined.as_slice() else {
                    panic!("{label}: {examined:?}");
                };
                assert_eq!(examined.finding, Finding { ad, signatures }, "{label}");
                assert_eq!(examined.bogus, Some(bogus), "{label}");
                let told = examined.finding.to_string();
                assert!(told.contains(words), "{label}: {told}");
            });
        }
    });
}

#[test]
fn a_server_that_finds_everything_bogus() {
    let block = Block::claim().unwrap();
    let world = world(&block, root().expired());
    let site = Site::new(&world);
    let ad = site.discovery("ad");
    assert_eq!(routes(&ad, 5_000), "BBB");
    let names = site.config("ad", "").dns.probes;
    let examined = ad
        .resolver()
        .examine(&names, Deadline::after(Duration::from_secs(4)));
    let finding = Finding {
        ad: Ad::Fails,
        signatures: Signatures::Passes,
    };
    assert_eq!(examined[0].finding, finding);
    assert!(finding.to_string().contains("clock"), "{finding}");
}

/// Field report 28, P2a: an answer of a server that does not validate is never taken in the place
/// of one that another, which may, has not given.
#[test]
fn one_server_in_the_place_of_another() {
    use WireFault::{ClearAd, Drop, StripSignatures};
    let (good, bad, strips, dead) = (None, Some(ClearAd), Some(StripSignatures), Some(Drop));
    #[rustfmt::skip]
    let table = [
        ("both are good",             "ad",       [&good, &good],     "SIB"),
        ("the second is bad",         "ad",       [&good, &bad],      "SIB"),
        ("the first is bad",          "ad",       [&bad, &good],      "SIB"),
        ("both are bad",              "ad",       [&bad, &bad],       "VVB"),
        ("the good one is dead",      "ad",       [&dead, &bad],      "EEE"),
        ("a bad one, the other dead", "ad",       [&bad, &dead],      "EEE"),
        ("the first strips",          "validate", [&strips, &good],   "SIB"),
        ("the second strips",         "validate", [&good, &strips],   "SIB"),
        ("both strip",                "validate", [&strips, &strips], "VVV"),
    ];
    std::thread::scope(|scope| {
        for (label, mode, faults, expected) in table {
            scope.spawn(move || {
                let block = Block::claim().unwrap();
                let world = world(&block, root());
                for (&address, fault) in world.addresses().iter().zip(faults) {
                    if let Some(fault) = fault {
                        world.faults().at_address(address, fault.clone());
                    }
                }
                let routes = routes(&Site::of(&world).discovery(mode), 5_000);
                assert_eq!(routes, expected, "{label}");
            });
        }
    });
}

/// Field report 22, P2a, D1: a server that cannot pass signatures on is one thing, one that withholds
/// them today another.
#[test]
fn signatures_that_came_lately_and_are_withheld() {
    use WireFault::{ClearAd, DropDo, StripSignatures};
    const DAY: i64 = 86_400;
    let strips: &[WireFault] = &[ClearAd, StripSignatures];
    let drops: &[WireFault] = &[ClearAd, DropDo];
    #[rustfmt::skip]
    let table = [
        // label, mode, when it passed, when it was asked, what it did then, routes
        ("field report 22: it never did better", "validate", None,         0,           strips, "VVV"),
        ("it did ten minutes ago",               "validate", Some(0),      601,         strips, "BBB"),
        ("it dropped DO",                        "validate", Some(0),      601,         drops,  "BBB"),
        ("nearly three days ago",                "validate", Some(0),      3 * DAY - 1, strips, "BBB"),
        ("three days ago",                       "validate", Some(0),      3 * DAY,     strips, "VVV"),
        ("it does again",                        "validate", Some(0),      601,         &[],    "SIB"),
        ("by a clock that was wrong",            "validate", Some(9_000),  601,         strips, "VVV"),
        ("mode ad goes by AD",                   "ad",       Some(0),      601,         strips, "VVB"),
    ];
    std::thread::scope(|scope| {
        for (label, mode, passed, asked, faults, expected) in table {
            for is_one_process in [false, true] {
                scope.spawn(move || {
                    let block = Block::claim().unwrap();
                    let world = world(&block, root());
                    let site = Site::new(&world);
                    let kept = site.directory.path().join("kept");
                    std::fs::create_dir(&kept).unwrap();
                    let cache = if is_one_process {
                        ""
                    } else {
                        kept.to_str().unwrap()
                    };
                    let open = || Discovery::open(&site.config(mode, cache)).unwrap();
                    let one = open();
                    let (begin, at) = (now(), |discovery: Discovery, seconds: i64, begin: u64| {
                        let now = begin.checked_add_signed(seconds).unwrap();
                        discovery.with_clock(Clock::fixed(now))
                    });
                    let process = || if is_one_process { one.clone() } else { open() };
                    if let Some(passed) = passed {
                        let before = at(process(), passed, begin);
                        assert_eq!(routes(&before, 10_000), "SIB", "{label}");
                    }
                    for fault in faults {
                        world.faults().everywhere(fault.clone());
                    }
                    let after = at(process(), asked, begin);
                    assert_eq!(
                        routes(&after, 10_000),
                        expected,
                        "{label}, {is_one_process}"
                    );
                });
            }
        }
    });
}

/// Whoever strips the answers of the test alone has no more of it than before.
#[test]
fn a_test_that_is_stripped_by_itself() {
    let block = Block::claim().unwrap();
    let world = world(&block, root());
    let site = Site::new(&world);
    let validating = site.discovery("validate");
    let later = |seconds| validating.clone().with_clock(Clock::fixed(now() + seconds));
    assert_eq!(routes(&validating, 10_000), "SIB");
    for name in [".", "example"] {
        let strip = WireFault::StripSignatures;
        world.faults().wire(name, RecordType::SOA, strip).unwrap();
    }
    assert_eq!(
        routes(&later(601), 10_000),
        "SIB",
        "what is signed still counts"
    );
}

/// A server that withholds signatures gives way to one that does not, and not to one that cannot pass
/// any on.
#[test]
fn one_that_withholds_signatures_beside_others() {
    use WireFault::{Drop, StripSignatures};
    #[rustfmt::skip]
    let table = [
        ("the other is good",            None,                  "SIB"),
        ("the other never passed any",   Some(StripSignatures), "BBB"),
        ("the other is silent: P2a, E",  Some(Drop),            "EEE"),
    ];
    for (label, of_other, expected) in table {
        let block = Block::claim().unwrap();
        let world = world(&block, root());
        let [first, second] = [0, 1].map(|n| world.addresses()[n]);
        let validating = Site::of(&world).discovery("validate");
        world.faults().at_address(second, Drop);
        assert_eq!(routes(&validating, 10_000), "SIB", "{label}");
        world.faults().clear();
        world.faults().at_address(first, StripSignatures);
        if let Some(fault) = of_other {
            world.faults().at_address(second, fault);
        }
        let later = validating.with_clock(Clock::fixed(now() + 601));
        assert_eq!(routes(&later, 6_000), expected, "{label}");
    }
}

/// The questions of the test alone.
fn tests_in(world: &DnsWorld) -> usize {
    let asked = world.questions().into_iter();
    asked
        .filter(|asked| asked.record_type == RecordType::SOA)
        .count()
}

#[test]
fn a_finding_is_kept_for_ten_minutes() {
    let block = Block::claim().unwrap();
    let world = world(&block, root());
    let site = Site::new(&world);
    let (now, each) = (now(), 5);
    let at = |cache: &str, seconds: i64| {
        let discovery = Discovery::open(&site.config("ad", cache)).unwrap();
        discovery.with_clock(Clock::fixed(now.checked_add_signed(seconds).unwrap()))
    };
    let asks = |discovery: &Discovery| {
        let before = tests_in(&world);
        let route = lookup(discovery, "d.example", 10_000);
        assert_eq!(route, Route::Mx(Security::Secure));
        tests_in(&world) - before
    };
    let alone = at("", 0);
    assert_eq!(
        (asks(&alone), asks(&alone)),
        (each, 0),
        "one process, nothing kept on disk"
    );
    assert_eq!(asks(&alone.clone()), 0, "a copy, as after a fork");
    assert_eq!(asks(&at("", 0)), each, "another process, nothing kept");

    let kept = site.directory.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    let cache = kept.to_str().unwrap();
    let later = |seconds| asks(&at(cache, seconds));
    assert_eq!(later(0), each);
    assert_eq!((later(0), later(599)), (0, 0), "other processes");
    assert_eq!(later(-1), each, "a clock that was set back");
    assert_eq!(later(599), each, "ten minutes after that");
    assert_eq!(later(1_199), each, "ten minutes after that");
    let files = std::fs::read_dir(&kept).unwrap();
    let bucket = files.into_iter().find_map(|bucket| {
        let mut files = std::fs::read_dir(bucket.unwrap().path()).unwrap();
        files.find_map(|file| {
            file.ok()
                .filter(|f| f.path().to_str().unwrap().ends_with('@'))
        })
    });
    let file = bucket.unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(" right passes\npassed "), "{text}");
    std::fs::write(&file, text.replace("right", "never")).unwrap();
    assert_eq!(
        later(1_199),
        each,
        "changed by hand: torn, so it does not count"
    );
    let sweep = |at| alone_in(&site, cache).cache().sweep(at).unwrap();
    let last = now + 1_199;
    sweep(last + 3 * 86_400);
    assert!(file.exists(), "that signatures came through is remembered");
    let swept = sweep(last + 3 * 86_400 + 1);
    assert!((1..=2).contains(&swept) && !file.exists(), "{swept}");
}

fn alone_in(site: &Site, cache: &str) -> Discovery {
    Discovery::open(&site.config("ad", cache)).unwrap()
}

#[test]
fn the_test_costs_no_round_trip() {
    let block = Block::claim().unwrap();
    let world = world(&block, root());
    let delay = Duration::from_millis(400);
    world.faults().everywhere(WireFault::Delay(delay));
    let discovery = Site::new(&world).discovery("ad");
    let begin = Instant::now();
    let route = lookup(&discovery, "d.example", 20_000);
    let took = begin.elapsed();
    assert_eq!(route, Route::Mx(Security::Secure));
    assert!(tests_in(&world) > 0, "it was tested");
    assert!(
        took >= delay * 3 && took < delay * 4,
        "MX and TXT, addresses, TLSA: {took:?}"
    );
}

#[test]
fn names_are_read_from_the_configuration() {
    let parse = |text: &str| Config::parse(text.as_bytes(), Path::new("x.conf"));
    let config = parse("[dns]\nprobe_signed = [\".\", \"Example.com\"]\nprobe_bogus = []").unwrap();
    let probes = config.dns.probes;
    let signed: Vec<String> = probes.signed.iter().map(ToString::to_string).collect();
    assert_eq!(signed, [".", "Example.com."]);
    assert!(probes.bogus.is_empty());
    let unsigned: Vec<String> = probes.unsigned.iter().map(ToString::to_string).collect();
    assert_eq!(unsigned, ["home.arpa."], "the default");
    for bad in ["", "a..b", &"x".repeat(64)] {
        let error = parse(&format!("[dns]\nprobe_signed = [\"{bad}\"]")).unwrap_err();
        assert_eq!(error.line, Some(2), "{bad}");
    }
}
