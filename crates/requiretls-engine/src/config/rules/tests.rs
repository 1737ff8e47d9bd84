use crate::config::Config;
use requiretls_core::next_hop::NextHop;
use rustix::time::{ClockId, clock_gettime};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// How much time of a processor this thread has had: others on the machine do not count.
fn time_of_this_thread() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap()
}

fn configuration(rules: usize) -> String {
    let mut text = String::new();
    for n in 0..rules {
        let rule = "floor = \"secure\"\nhop = \"encrypt\"\nport = 587\n";
        writeln!(text, "[next_hop.\"partner{n}.example\"]\n{rule}").unwrap();
    }
    text
}

/// The goal is 50 ms, for the library as it is shipped; this is ten times that, unoptimised. A work
/// that grows with the square of the rules goes far beyond it.
#[test]
fn ten_thousand_rules_are_read_in_time() {
    const LIMIT: Duration = Duration::from_millis(500);
    let text = configuration(10_000);
    let path = Path::new("/etc/requiretls/requiretls.conf");
    let start = time_of_this_thread();
    let config = Config::parse(text.as_bytes(), path).unwrap();
    let time = time_of_this_thread().saturating_sub(start);
    let last = NextHop::parse("partner9999.example").unwrap();
    assert_eq!(config.rules.look_up(&last).unwrap().port, Some(587));
    assert!(time < LIMIT, "10,000 rules took {time:?}");
}

#[test]
fn the_first_of_two_is_found_among_many() {
    let text = configuration(1_000) + "\n[next_hop.\"Partner7.example.\"]\n";
    let error = Config::parse(text.as_bytes(), Path::new("rules")).unwrap_err();
    assert_eq!(error.line, Some(5_002));
    assert!(
        error.what.ends_with("the first is at rules, line 36"),
        "{error}"
    );
}
