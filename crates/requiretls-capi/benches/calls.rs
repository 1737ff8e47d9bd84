//! How long do the calls for a MAIL command take, and core without them?
#![allow(missing_docs)]

mod cases;

use cases::{Context, Inbound};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn inbound(c: &mut Criterion) {
    let ctx = Context::open(cases::QUIET);
    cases::check_inbound(&ctx);
    let mut inbound = Inbound::new();
    c.bench_function("c_mail_line", |b| {
        b.iter(|| cases::mail_line(&ctx, black_box(cases::MAIL), &mut inbound));
    });
    c.bench_function("c_mail_line_by_core", |b| {
        b.iter(|| cases::mail_line_by_core(black_box(cases::MAIL)));
    });
    c.bench_function("c_mail_params", |b| {
        b.iter(|| cases::mail_params(black_box(&ctx), &mut inbound));
    });
    c.bench_function("c_mail_params_by_core", |b| {
        b.iter(cases::mail_params_by_core);
    });
    let begun = cases::begun(&ctx);
    c.bench_function("c_mail_param", |b| {
        b.iter(|| cases::mail_param(black_box(&begun)));
    });
}

criterion_group!(all, inbound);
criterion_main!(all);
