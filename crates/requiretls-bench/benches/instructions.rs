//! How many instructions does the policy take?
//!
//! Counted by callgrind, and so nearly the same on each run: `cargo xtask bench` compares them with
//! `instructions.txt` beside this file.
#![allow(missing_docs)]

mod cases;

use gungraun::{library_benchmark, library_benchmark_group, main};
use requiretls_core::delivery::Delivery;
use requiretls_core::ehlo::EhloReply;
use requiretls_core::mta_sts::Policy;
use requiretls_core::next_hop::NextHop;
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rules;
use requiretls_core::tls_level::TlsLevel;
use std::hint::black_box;

#[library_benchmark]
fn mail_line() -> Requirement {
    cases::mail_line(black_box(cases::MAIL))
}

#[library_benchmark]
fn bare_scan() -> usize {
    cases::bare_scan(black_box(cases::MAIL))
}

#[library_benchmark]
#[bench::three_hosts(cases::given())]
fn plan_to_gate(given: cases::Given) -> Delivery {
    black_box(cases::plan_to_gate(black_box(given)))
}

fn rules(count: usize) -> (Rules, NextHop) {
    (cases::rules(count), cases::looked_up())
}

#[library_benchmark]
#[bench::among_10(args = (10), setup = rules)]
#[bench::among_10000(args = (10_000), setup = rules)]
fn look_up((rules, next_hop): (Rules, NextHop)) -> (TlsLevel, Rules, NextHop) {
    let floor = cases::look_up(black_box(&rules), black_box(&next_hop));
    // Handed back, so that their end is not counted.
    (floor, rules, next_hop)
}

#[library_benchmark]
fn tag_parse() -> Requirement {
    cases::parse_tag(black_box(cases::TAG))
}

#[library_benchmark]
#[bench::longest(cases::parse_tag(cases::TAG))]
fn tag_write(requirement: Requirement) -> String {
    cases::write_tag(black_box(requirement))
}

#[library_benchmark]
fn ehlo_parse() -> EhloReply {
    cases::parse_ehlo(black_box(cases::EHLO))
}

#[library_benchmark]
fn sts_policy_parse() -> Policy {
    cases::parse_policy(black_box(cases::POLICY))
}

library_benchmark_group!(
    name = policy,
    benchmarks = [
        mail_line,
        bare_scan,
        plan_to_gate,
        look_up,
        tag_parse,
        tag_write,
        ehlo_parse,
        sts_policy_parse
    ]
);

main!(library_benchmark_groups = policy);
