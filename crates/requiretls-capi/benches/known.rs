//! What does the library add to the policy where everything is known already?
//!
//! One process looks up a domain with three hosts, DANE and a policy from a real name server and policy
//! host once; then a plan for it is made as C makes it, and a whole message delivered, beside the bare plan
//! and the same delivery of core from the same facts.
#![allow(missing_docs, clippy::expect_used, unsafe_code)]

mod cases;

use cases::{Context, Outbound};
use criterion::{Criterion, criterion_group, criterion_main};
use requiretls::abi::RTLS_GO;
use requiretls::plan::{rtls_plan_free, rtls_plan_lookup, rtls_plan_new};
use requiretls_core::facts::Facts;
use requiretls_core::next_hop::NextHop;
use requiretls_core::site_policy::Rule;
use requiretls_engine::{Config, Deadline, Discovery, Question};
use requiretls_testbed::{CONFIG_FILE, DnsMode, Domain, Sts, World};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const DOMAIN: &str = "recipient.test";

/// Three hosts; `equal`: of one preference, so that their order is drawn for each plan.
fn domain(equal: bool, key: &str) -> Domain {
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
            .record(&format!("_25._tcp.mx{n} 3600 TLSA 3 1 1 {key}"));
    }
    domain
}

/// A context, and the facts that it has; the name server is gone.
fn known(equal: bool, key: &str) -> (Context, Arc<Facts>) {
    let world = World::builder().domain(domain(equal, key)).start();
    let world = world.expect("a world");
    let directory = tempfile::tempdir().expect("a directory");
    world.write(directory.path(), DnsMode::Ad).expect("files");
    let file = directory.path().join(CONFIG_FILE);

    let ctx = Context::read(file.to_str().expect("UTF-8"));
    planned(&ctx, 20_000);

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
fn planned(ctx: &Context, timeout: u32) {
    let (domain, tag) = (c"recipient.test", c"1.secure.onward");
    // SAFETY: a live context, texts with a NUL, and the plan is freed once.
    unsafe {
        let plan = rtls_plan_new(ctx.0, domain.as_ptr(), 0, tag.as_ptr(), 0);
        assert_eq!(rtls_plan_lookup(plan, timeout), RTLS_GO);
        rtls_plan_free(plan);
    }
}

fn known_plan(c: &mut Criterion) {
    let (der, key) = cases::certificate();
    let chain = [der];
    let given = Outbound {
        next_hop: c"recipient.test",
        added: false,
        host: c"mx1.recipient.test",
        chain: &chain,
    };
    for (name, equal) in [("known", false), ("known_equals", true)] {
        let (ctx, facts) = known(equal, &key);
        c.bench_function(&format!("plan_{name}"), |b| {
            // Nobody answers any more: what is not known fails.
            b.iter(|| planned(black_box(&ctx), 0));
        });
        c.bench_function(&format!("plan_{name}_by_core"), |b| {
            b.iter(|| cases::planned_by_core(black_box(&facts), next_hop()));
        });
        if equal {
            continue;
        }
        cases::check_outbound(&ctx, &given);
        c.bench_function("c_outbound", |b| {
            b.iter(|| cases::outbound(&ctx, black_box(&given)));
        });
        c.bench_function("c_outbound_by_core", |b| {
            b.iter(|| cases::outbound_by_core(&facts, black_box(&given)));
        });
    }
}

criterion_group!(all, known_plan);
criterion_main!(all);
