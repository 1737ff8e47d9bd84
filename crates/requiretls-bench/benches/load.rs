//! How long does it take to read a site's rules?
#![allow(missing_docs, clippy::expect_used)]

use criterion::{Criterion, criterion_group, criterion_main};
use requiretls_engine::Config;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

/// 10,000 rules in a configuration, three settings each.
fn configuration() -> String {
    let mut text = String::new();
    for n in 0..10_000 {
        let rule = "floor = \"secure\"\nhop = \"encrypt\"\nport = 587\n";
        writeln!(text, "[next_hop.\"partner{n}.example\"]\n{rule}").expect("memory");
    }
    text
}

fn load(c: &mut Criterion) {
    let text = configuration();
    let path = Path::new("/etc/requiretls/requiretls.conf");
    c.bench_function("load_10000", |b| {
        b.iter(|| Config::parse(black_box(text.as_bytes()), path).expect("a configuration"));
    });
}

criterion_group! {
    name = all;
    config = Criterion::default().sample_size(20);
    targets = load
}
criterion_main!(all);
