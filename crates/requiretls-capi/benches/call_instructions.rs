//! How many instructions do the calls of the C ABI take?
//!
//! As requiretls-bench counts those of core: `cargo xtask bench` compares both with their baselines.
#![allow(missing_docs)]

mod cases;

use cases::{Context, Inbound, Outbound};
use gungraun::{library_benchmark, library_benchmark_group, main};
use std::hint::black_box;

/// The first call of a process does some things once.
fn ready() -> Box<(Context, Inbound)> {
    let ctx = Context::open(cases::QUIET);
    cases::check_inbound(&ctx);
    let begun = cases::begun(&ctx);
    Box::new((ctx, begun))
}

// What is given comes back, so that its end is not counted; in a box, so that it is not moved.

#[library_benchmark]
#[bench::ready(ready())]
fn c_mail_line(mut ready: Box<(Context, Inbound)>) -> Box<(Context, Inbound)> {
    let (ctx, inbound) = &mut *ready;
    cases::mail_line(ctx, black_box(cases::MAIL), inbound);
    ready
}

#[library_benchmark]
fn c_mail_line_by_core() -> [&'static str; 5] {
    cases::mail_line_by_core(black_box(cases::MAIL))
}

#[library_benchmark]
#[bench::ready(ready())]
fn c_mail_param(ready: Box<(Context, Inbound)>) -> Box<(Context, Inbound)> {
    black_box(cases::mail_param(black_box(&ready.1)));
    ready
}

#[library_benchmark]
#[bench::ready(ready())]
fn c_mail_params(mut ready: Box<(Context, Inbound)>) -> Box<(Context, Inbound)> {
    let (ctx, inbound) = &mut *ready;
    cases::mail_params(ctx, inbound);
    ready
}

/// A context in which relay.example must show a certificate, and the certificate: nobody has to be asked.
fn pinned() -> (Context, Vec<Vec<u8>>) {
    let (der, pin) = cases::certificate();
    let rule = "[next_hop.\"relay.example\"]\nfloor = \"secure\"\nmethods = [\"pin\"]";
    let ctx = Context::open(&format!("{}{rule}\npins = [\"{pin}\"]\n", cases::QUIET));
    let chain = vec![der];
    cases::check_outbound(&ctx, &to_relay(&chain));
    (ctx, chain)
}

fn to_relay(chain: &[Vec<u8>]) -> Outbound<'_> {
    Outbound {
        next_hop: c"relay.example",
        added: true,
        host: c"192.0.2.1",
        chain,
    }
}

#[library_benchmark]
#[bench::pinned(pinned())]
fn c_outbound_pinned((ctx, chain): (Context, Vec<Vec<u8>>)) -> (Context, Vec<Vec<u8>>) {
    black_box(cases::outbound(&ctx, &to_relay(&chain)));
    (ctx, chain)
}

library_benchmark_group!(
    name = calls,
    benchmarks = [
        c_mail_line,
        c_mail_line_by_core,
        c_mail_param,
        c_mail_params,
        c_outbound_pinned
    ]
);

main!(library_benchmark_groups = calls);
