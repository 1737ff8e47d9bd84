//! What does the library add to the policy where everything is known already?
//!
//! One process looks up a domain with three hosts, DANE and a policy from a real name server and policy
//! host once; then a plan for it is made as C makes it, beside the bare plan of core from the same facts.
#![allow(missing_docs, clippy::expect_used, unsafe_code)]

use criterion::{Criterion, criterion_group, criterion_main};
use requiretls::abi::RTLS_GO;
use requiretls::ctx::{rtls_close, rtls_ctx, rtls_open};
use requiretls::plan::{rtls_plan_free, rtls_plan_lookup, rtls_plan_new};
use requiretls_core::delivery::Delivery;
use requiretls_core::facts::Facts;
use requiretls_core::next_hop::NextHop;
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::Rule;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{CONFIG_FILE, DnsMode, Domain, Sts, World};
use std::ffi::CString;
use std::hint::black_box;
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

const DOMAIN: &str = "recipient.test";

/// Three hosts; `equal`: of one preference, so that their order is drawn for each plan.
fn domain(equal: bool) -> Domain {
    let mut domain = Domain::new(DOMAIN).signed().sts(
        Sts::enforce()
            .mx("mx1.recipient.test")
            .mx("*.recipient.test"),
    );
    for n in 1..=3_u8 {
        let preference = if equal { 10 } else { n };
        domain = domain
            .record(&format!("@ 3600 MX {preference} mx{n}"))
            .record(&format!("mx{n} 3600 A 192.0.2.{n}"))
            .record(&format!("mx{n} 3600 AAAA 2001:db8::{n}"))
            .record(&format!("_25._tcp.mx{n} 3600 TLSA 3 1 1 {n:064x}"));
    }
    domain
}

/// A context, and the facts that it has; the name server is gone.
fn known(equal: bool) -> (*mut rtls_ctx, Arc<Facts>) {
    let world = World::builder().domain(domain(equal)).start();
    let world = world.expect("a world");
    let directory = tempfile::tempdir().expect("a directory");
    world.write(directory.path(), DnsMode::Ad).expect("files");
    let file = directory.path().join(CONFIG_FILE);

    let path = CString::new(file.to_str().expect("UTF-8")).expect("no NUL");
    let mut ctx = ptr::null_mut();
    // SAFETY: a text with a NUL, and room for one pointer.
    let opened = unsafe { rtls_open(&raw mut ctx, path.as_ptr(), ptr::null_mut(), 0) };
    assert_eq!(opened, RTLS_GO);
    planned(ctx, 20_000);

    let config = Config::load(Some(&file)).expect("a configuration");
    let discovery = Discovery::open(&config).expect("its files");
    let question = Question {
        next_hop: &next_hop(),
        hosts: &[],
        port: 25,
        rule: &Rule::default(),
        requiring: true,
    };
    let facts = discovery.lookup(&question, &Deadline::after(Duration::from_secs(20)));
    assert_eq!(facts.hosts.len(), 3);
    drop(world.stop());
    (ctx, facts.into())
}

fn next_hop() -> NextHop {
    NextHop::parse(DOMAIN).expect("a name")
}

/// As a server does for one message.
fn planned(ctx: *const rtls_ctx, timeout: u32) {
    let (domain, tag) = (c"recipient.test", c"1.secure.onward");
    // SAFETY: a live context, texts with a NUL, and the plan is freed once.
    unsafe {
        let plan = rtls_plan_new(ctx, domain.as_ptr(), 0, tag.as_ptr(), 0);
        assert_eq!(rtls_plan_lookup(plan, timeout), RTLS_GO);
        rtls_plan_free(plan);
    }
}

fn planned_by_core(facts: &Arc<Facts>) -> Delivery {
    let message = Message {
        requirement: Requirement::R,
        ..Message::default()
    };
    let (rule, settings) = (Rule::default(), Settings::default());
    let plan = Plan::new(next_hop(), message, rule, settings, Arc::clone(facts));
    Delivery::new(plan)
}

fn known_plan(c: &mut Criterion) {
    for (name, equal) in [("known", false), ("known_equals", true)] {
        let (ctx, facts) = known(equal);
        c.bench_function(&format!("plan_{name}"), |b| {
            // Nobody answers any more: what is not known fails.
            b.iter(|| planned(black_box(ctx), 0));
        });
        c.bench_function(&format!("plan_{name}_by_core"), |b| {
            b.iter(|| planned_by_core(black_box(&facts)));
        });
        // SAFETY: from rtls_open, and nothing uses it any more.
        unsafe { rtls_close(ctx) };
    }
}

criterion_group!(all, known_plan);
criterion_main!(all);
