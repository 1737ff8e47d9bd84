//! What do messages to a domain cost of which a name server or the policy host never answers, where
//! each message has a process of its own?

use super::testbed::Testbed;
use super::{Context, Plan};
use crate::abi::{RTLS_DEFER, RTLS_GO};
use crate::plan::rtls_plan_lookup;
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{Domain, HTTPS_PORT, Peer, Sts, WireFault};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const CONFIG: &str = "REQUIRETLS_TEST_CONFIG";
/// As a mail server would have it, in milliseconds.
const PATIENCE: u32 = 10_000;

/// One message, in this process.
#[test]
#[ignore = "a child of other tests"]
fn one_message() {
    let Some(config) = std::env::var_os(CONFIG) else {
        return;
    };
    let ctx = Context::read(&PathBuf::from(config));
    let plan = Plan::new(&ctx, "d.test", "1.secure.onward", 0);
    let start = Instant::now();
    // SAFETY: a live plan of this thread.
    let action = unsafe { rtls_plan_lookup(plan.0, PATIENCE) };
    let took = start.elapsed().as_micros();
    let verdict = if action == RTLS_GO {
        plan.why()
    } else {
        plan.verdict().1
    };
    println!("told {action} {took} {verdict}; {}", plan.why());
}

/// How long a message took, and what was said of it.
fn message(config: &Path) -> (Duration, String) {
    let output = Command::new(std::env::current_exe().expect("a program"))
        .args([
            "--ignored",
            "--exact",
            "--nocapture",
            "tests::black_hole::one_message",
        ])
        .env(CONFIG, config)
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = text.lines().find_map(|line| line.strip_prefix("told "));
    let mut words = told.unwrap_or_else(|| panic!("{text}")).splitn(3, ' ');
    assert_eq!(
        words.next(),
        Some(RTLS_DEFER.to_string().as_str()),
        "{text}"
    );
    let took = words.next().and_then(|took| took.parse().ok());
    let took = Duration::from_micros(took.expect("a number"));
    (took, words.next().unwrap_or_default().to_owned())
}

/// A domain whose MX records nobody tells.
fn silent_dns() -> Testbed {
    let domain = Domain::new("d.test").mx("mx").peer(Peer::good());
    let testbed = Testbed::start([domain]);
    let faults = testbed.world.dns().faults();
    for (name, kind) in [
        ("d.test", RecordType::MX),
        ("_mta-sts.d.test", RecordType::TXT),
    ] {
        faults.wire(name, kind, WireFault::Drop).expect("a name");
    }
    testbed
}

/// A domain whose policy host takes connections, and says nothing.
fn silent_policy_host() -> (Testbed, TcpListener) {
    let domain = Domain::new("d.test")
        .mx("mx")
        .peer(Peer::good())
        .sts(Sts::enforce());
    let testbed = Testbed::start([domain]);
    let address = SocketAddr::new(testbed.world.dns().address().ip(), 0);
    let listener = TcpListener::bind(address).expect("an address");
    let port = listener.local_addr().expect("an address").port();
    testbed.change(&format!("port = {HTTPS_PORT}"), &format!("port = {port}"));
    (testbed, listener)
}

/// Sends so many, one after the other, and says what they cost.
///
/// `pause` is for how many seconds a failure is remembered.
fn send(label: &str, testbed: &Testbed, count: u32, says: &str, pause: u64) {
    let start = Instant::now();
    let (first, sentence) = message(&testbed.config());
    assert!(!sentence.contains(" ago"), "{label}: {sentence}");
    let (mut worst, mut all, mut whole) = (Duration::ZERO, Duration::ZERO, 0);
    for n in 1..count {
        let (took, sentence) = message(&testbed.config());
        if n % 100 == 0 {
            println!("{label}: {n} messages, {whole} more with all the time");
        }
        // When it is forgotten one of them has all the time again.
        if sentence.contains(says) {
            worst = worst.max(took);
            all += took;
        } else {
            whole += 1;
        }
        let is_brief = took < A_SECOND || !sentence.contains(says);
        assert!(is_brief, "{label}, {n}: {took:?}: {sentence}");
    }
    let average = all / (count - 1 - whole).max(1);
    println!(
        "soak: {label}: {count} messages in {:.0} s: the first {:.2} s, {whole} more with all the \
         time, the others {:.3} s on average and {:.3} s at most",
        start.elapsed().as_secs_f64(),
        first.as_secs_f64(),
        average.as_secs_f64(),
        worst.as_secs_f64(),
    );
    let took = start.elapsed().as_secs();
    let expected = took / (pause + 15)..=took / pause + 1;
    let is_as_often = expected.contains(&u64::from(whole));
    assert!(
        is_as_often,
        "{label}: {whole} had all the time, in {took} s"
    );
}

/// One second, and a tenfold machine.
const A_SECOND: Duration = Duration::from_millis(2_500);

fn dns(count: u32) {
    let testbed = silent_dns();
    let says = " s ago too, so waited for briefly)";
    send("silent DNS", &testbed, count, says, 60);
}

fn policy_host(count: u32) {
    let (testbed, _listener) = silent_policy_host();
    let says = " s ago; asked again after 5 minutes)";
    send("silent policy host", &testbed, count, says, 300);
}

#[test]
fn a_few_messages_to_silent_dns() {
    dns(4);
}

#[test]
fn a_few_messages_to_a_silent_policy_host() {
    policy_host(4);
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_1000_messages_to_silent_dns() {
    dns(1_000 * super::soak_times());
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_1000_messages_to_a_silent_policy_host() {
    policy_host(1_000 * super::soak_times());
}
