//! How much memory can a domain make a plan take?
//!
//! Counted on the thread of the calls, whatever the servers of the test do beside it: the most that was
//! held at one moment of the lookup, and what the plan holds afterwards.

#![allow(unsafe_code, clippy::expect_used)]

use requiretls::abi::RTLS_GO;
use requiretls::ctx::{rtls_close, rtls_ctx, rtls_open};
use requiretls::plan::{rtls_plan_free, rtls_plan_lookup, rtls_plan_new};
use requiretls_testbed::{DnsMode, Domain, Sts, World};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::CString;
use std::fmt::Write as _;
use std::ptr;

struct Counting;

thread_local! {
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static HELD: Cell<usize> = const { Cell::new(0) };
    static MOST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.get() {
            HELD.set(HELD.get().saturating_add(block(layout)));
            MOST.set(MOST.get().max(HELD.get()));
        }
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if COUNTS.get() {
            HELD.set(HELD.get().saturating_sub(block(layout)));
        }
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What an allocator takes for it: whole 16 octets, and 16 for itself.
fn block(layout: Layout) -> usize {
    layout.size().next_multiple_of(16) + 16
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a lookup, and the plan behind it, may take.
const MOST_PER_PLAN: usize = 8 * 1_024 * 1_024;

/// The most that a lookup took at once, and what the plan holds behind it.
fn measured(ctx: *const rtls_ctx, domain: &str) -> (usize, usize) {
    let domain = CString::new(domain).expect("no NUL");
    let tag = c"1.secure.onward";
    HELD.set(0);
    MOST.set(0);
    COUNTS.set(true);
    // SAFETY: as the header wants it.
    let (plan, action) = unsafe {
        let plan = rtls_plan_new(ctx, domain.as_ptr(), 0, tag.as_ptr(), 0);
        (plan, rtls_plan_lookup(plan, 120_000))
    };
    let counted = (MOST.get(), HELD.get());
    // SAFETY: from rtls_plan_new.
    unsafe { rtls_plan_free(plan) };
    COUNTS.set(false);
    assert_eq!(action, RTLS_GO, "{domain:?}");
    counted
}

/// 200 MX records, and as many hosts with addresses and TLSA records as are told.
fn large(name: &str, hosts: usize, addresses: usize, tlsa: usize) -> Domain {
    let mut policy = "version: STSv1\nmode: enforce\nmax_age: 604800\nmx: *.test\n".to_owned();
    while policy.len() < 65_536 - 4 {
        policy.push_str("a:b\n");
    }
    let sts = Sts::enforce().body(policy.as_bytes());
    let mut domain = Domain::new(name).signed().sts(sts);
    for n in 0..200 {
        domain = domain.record(&format!("@ MX {n} mx{n}"));
    }
    for n in 0..hosts {
        for address in 1..=addresses / 2 {
            domain = domain
                .record(&format!(
                    "mx{n} A 192.{n}.{}.{}",
                    address / 256,
                    address % 256
                ))
                .record(&format!("mx{n} AAAA 2001:db8::{n}:{address}"));
        }
        for record in 0..tlsa {
            domain = domain.record(&format!("_25._tcp.mx{n} TLSA 3 1 1 {record:064x}"));
        }
    }
    let mut long = String::new();
    while long.len() < 60_000 {
        write!(long, "\"{}\" ", "x".repeat(250)).expect("memory");
    }
    domain.record(&format!("_mta-sts TXT {long}"))
}

#[test]
fn a_plan_takes_less_than_8_mib() {
    // name, hosts, addresses of each, TLSA records of each (900 are as many as can be signed as one set
    // here)
    let table = [
        ("usual.test", 3, 2, 2),
        ("wide.test", 32, 100, 0),
        ("deep.test", 6, 20, 900),
        ("many.test", 10, 1_000, 0),
    ];
    let domains = table.map(|(name, hosts, addresses, tlsa)| large(name, hosts, addresses, tlsa));
    let world = World::builder().domains(domains).start().expect("a world");
    for mode in [DnsMode::Ad, DnsMode::Validate] {
        let directory = tempfile::tempdir().expect("a directory");
        world.write(directory.path(), mode).expect("files");
        let file = directory.path().join(requiretls_testbed::CONFIG_FILE);
        let path = CString::new(file.to_str().expect("UTF-8")).expect("no NUL");
        let mut ctx = ptr::null_mut();
        // SAFETY: as the header wants it.
        let opened = unsafe { rtls_open(&raw mut ctx, path.as_ptr(), ptr::null_mut(), 0) };
        assert_eq!(opened, RTLS_GO);
        for (name, ..) in table {
            let (most, held) = measured(ctx, name);
            println!(
                "{mode:?} {name}: {} KiB at most, {} KiB in the plan",
                most / 1_024,
                held / 1_024
            );
            assert!(most < MOST_PER_PLAN, "{mode:?} {name}: {most} octets");
        }
        // SAFETY: from rtls_open.
        unsafe { rtls_close(ctx) };
    }
    drop(world.stop());
}
