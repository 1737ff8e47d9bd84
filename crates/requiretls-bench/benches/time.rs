//! How long does the policy take?
//!
//! `cargo xtask bench` runs this beside the instruction counts and compares both with the goals.
#![allow(missing_docs)]

mod cases;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn mail(c: &mut Criterion) {
    c.bench_function("mail_line", |b| {
        b.iter(|| cases::mail_line(black_box(cases::MAIL)));
    });
    c.bench_function("bare_scan", |b| {
        b.iter(|| cases::bare_scan(black_box(cases::MAIL)));
    });
}

fn plan(c: &mut Criterion) {
    c.bench_function("plan_to_gate", |b| {
        b.iter_batched(cases::given, cases::plan_to_gate, BatchSize::SmallInput);
    });
}

fn look_up(c: &mut Criterion) {
    for count in cases::RULES {
        let (rules, next_hop) = (cases::rules(count), cases::looked_up());
        c.bench_function(&format!("look_up_{count}"), |b| {
            b.iter(|| cases::look_up(black_box(&rules), black_box(&next_hop)));
        });
    }
}

fn texts(c: &mut Criterion) {
    let requirement = cases::parse_tag(cases::TAG);
    c.bench_function("tag_parse", |b| {
        b.iter(|| cases::parse_tag(black_box(cases::TAG)));
    });
    c.bench_function("tag_write", |b| {
        b.iter(|| cases::write_tag(black_box(requirement)));
    });
    c.bench_function("ehlo_parse", |b| {
        b.iter(|| cases::parse_ehlo(black_box(cases::EHLO)));
    });
    c.bench_function("sts_policy_parse", |b| {
        b.iter(|| cases::parse_policy(black_box(cases::POLICY)));
    });
}

criterion_group!(all, mail, plan, look_up, texts);
criterion_main!(all);
