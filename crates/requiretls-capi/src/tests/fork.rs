//! A fork while another thread is inside the library.

use super::process::{Lines, collect};
use super::testbed::Testbed;
use super::{Context, Plan};
use crate::abi::{RTLS_DEFER, RTLS_GET_POLICY_TYPE, RTLS_GO};
use crate::log::{rtls_set_log, rtls_set_log_level};
use crate::plan::{rtls_plan, rtls_plan_done, rtls_plan_get, rtls_plan_lookup};
use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::{Mode, Policy};
use requiretls_engine::Cache;
use requiretls_engine::cache::KeptPolicy;
use requiretls_testbed::{Domain as Place, Peer, Sts};
use std::path::Path;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const NOW: u64 = 1_800_000_000;

fn uses(cache: &Cache, name: &str, number: u64) -> bool {
    let domain = Domain::parse(name.as_bytes()).expect("a name");
    let kept = KeptPolicy {
        policy: Policy::from_parts(Mode::Enforce, &["mx.d.test"], 86_400).expect("a policy"),
        id: number.to_string(),
        fetched: NOW,
    };
    cache.amend(&domain, NOW, |memory| memory.recheck = Some(number));
    cache.keep(&domain, &kept, NOW)
        && cache.policy(&domain) == Some(kept)
        && cache.memory(&domain).recheck == Some(number)
}

/// The child has a cache that nobody holds: it reads and writes at once, whatever the thread that
/// it does not have was doing.
#[test]
fn a_fork_beside_a_thread_that_writes_leaves_nothing_taken() {
    let directory = tempfile::tempdir().expect("a directory");
    let ctx = Context::new(&format!("cache.directory = {:?}", directory.path()));
    // SAFETY: a live context.
    let shared = unsafe { crate::handle::shared(ctx.0) }
        .expect("live")
        .shared();
    let cache = shared.discovery.cache();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                number += 1;
                assert!(uses(cache, "thread.test", number));
            }
        });
        for number in 1..=100 {
            // SAFETY: the child uses what it has for itself, and ends without returning.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: no pointers; a child that hangs ends all the same.
                unsafe {
                    libc::alarm(20);
                    libc::_exit(i32::from(!uses(cache, "child.test", number)));
                }
            }
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: our child, and room for its status.
            let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((ended, status), (child, 0), "{number}");
        }
        over.store(true, Ordering::Relaxed);
    });
    let entries = std::fs::read_dir(directory.path()).expect("a directory");
    assert!(entries.count() >= 1);
}

/// A plan that is only looked at.
struct Shared(*const rtls_plan);

// SAFETY: as the header has it for a pointer to const.
unsafe impl Sync for Shared {}

impl Shared {
    fn is_told(&self) -> bool {
        // SAFETY: a live plan that nobody changes.
        !unsafe { rtls_plan_get(self.0, RTLS_GET_POLICY_TYPE, 0) }.is_null()
    }
}

/// A plan that several threads look at, in the parent, is the child's too.
#[test]
fn a_fork_beside_a_thread_that_asks_a_plan_leaves_nothing_taken() {
    let ctx = Context::new("");
    let plan = Plan::new(&ctx, "192.0.2.1", "", 0);
    // SAFETY: a live plan of this thread.
    assert_eq!(unsafe { rtls_plan_lookup(plan.0, 0) }, RTLS_GO);
    let over = AtomicBool::new(false);
    let shared = Shared(plan.0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                assert!(shared.is_told());
            }
        });
        for number in 1..=200 {
            // SAFETY: the child uses what it has for itself, and ends without returning.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: no pointers; a child that hangs ends all the same.
                unsafe { libc::alarm(10) };
                let told = shared.is_told();
                // SAFETY: no pointers.
                unsafe { libc::_exit(i32::from(!told)) };
            }
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: our child, and room for its status.
            let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
            over.store(status != 0, Ordering::Relaxed);
            assert_eq!((ended, status), (child, 0), "{number}");
        }
        over.store(true, Ordering::Relaxed);
    });
}

/// Opens a context with a log function, and says something to it.
fn opens_and_logs(config: &Path) -> bool {
    let (ctx, lines) = (Context::read(config), Lines::default());
    let arg = (&raw const lines).cast_mut().cast();
    // SAFETY: a live context that no other thread knows; the lines live longer than it is used.
    unsafe {
        rtls_set_log(ctx.0, Some(collect), arg);
        rtls_set_log_level(ctx.0, 7);
    }
    let plan = Plan::new(&ctx, "192.0.2.1", "", 0);
    // SAFETY: a live plan of this thread.
    unsafe {
        rtls_plan_lookup(plan.0, 0) == RTLS_GO
            && rtls_plan_done(plan.0, 250, ptr::null(), ptr::null()) == RTLS_DEFER
    }
}

/// Whatever tracing has locked for a thread that the child does not have, the child can log too.
#[test]
fn a_fork_beside_a_thread_that_sets_the_log_leaves_nothing_taken() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = directory.path().join("requiretls.conf");
    std::fs::write(
        &config,
        "[cache]\ndirectory = \"\"\n[dns]\nservers = [\"127.0.0.1:9\"]\n",
    )
    .expect("a file");
    // As the header has it: the first context is there before anybody forks.
    let first = Context::read(&config);
    let (over, turns) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut ctx = Context::read(&config);
            let lines = Lines::default();
            let arg = (&raw const lines).cast_mut().cast();
            while !over.load(Ordering::Relaxed) {
                for level in [3, 7, 6] {
                    // SAFETY: a live context of this thread alone, and its lines.
                    unsafe {
                        rtls_set_log(ctx.0, Some(collect), arg);
                        rtls_set_log_level(ctx.0, level);
                        rtls_set_log(ctx.0, None, ptr::null_mut());
                    }
                }
                if turns.fetch_add(1, Ordering::Relaxed).is_multiple_of(64) {
                    ctx = Context::read(&config);
                }
            }
        });
        for number in 1..=200 {
            // SAFETY: the child uses what it has for itself, and ends without returning.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: no pointers; a child that hangs ends all the same.
                unsafe {
                    libc::alarm(10);
                    libc::_exit(i32::from(!opens_and_logs(&config)));
                }
            }
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: our child, and room for its status.
            let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
            over.store(status != 0, Ordering::Relaxed);
            assert_eq!((ended, status), (child, 0), "{number}");
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(turns.into_inner() > 200);
    drop(first);
}

/// Seven threads look up, and this one forks children that look up.
fn lookups_beside_forks(forks: u32) {
    let places = ["a.test", "b.test", "c.test"];
    let places = places.map(|name| {
        let place = Place::new(name).signed().mx("mx");
        place.peer(Peer::good().dane_ee()).sts(Sts::enforce())
    });
    let testbed = Testbed::start(places);
    let ctx = testbed.context();
    let looks_up = |name: &str| {
        let plan = Plan::new(&ctx, name, "1.secure.onward", 0);
        // SAFETY: a live plan of this thread.
        let action = unsafe { rtls_plan_lookup(plan.0, 15_000) };
        action == RTLS_GO
    };
    let (over, lookups) = (AtomicBool::new(false), AtomicU64::new(0));
    let longest = std::thread::scope(|scope| {
        for n in 0..7 {
            let (over, lookups, looks_up) = (&over, &lookups, &looks_up);
            scope.spawn(move || {
                let name = ["a.test", "b.test", "c.test"][n % 3];
                while !over.load(Ordering::Relaxed) {
                    assert!(looks_up(name), "{name}");
                    lookups.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut longest = Duration::ZERO;
        for number in 0..forks {
            let start = Instant::now();
            // SAFETY: the child uses what it has for itself, and ends without returning.
            let child = unsafe { libc::fork() };
            if child == 0 {
                // SAFETY: no pointers; a child that hangs ends all the same.
                unsafe {
                    libc::alarm(20);
                    libc::_exit(i32::from(!looks_up("b.test")));
                }
            }
            assert!(child > 0);
            let mut status = 0;
            // SAFETY: our child, and room for its status.
            let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!((ended, status), (child, 0), "{number}");
            longest = longest.max(start.elapsed());
        }
        over.store(true, Ordering::Relaxed);
        longest
    });
    println!(
        "soak: {forks} children beside seven threads, which looked up {} times; the slowest child took {:.0} ms",
        lookups.load(Ordering::Relaxed),
        longest.as_secs_f64() * 1e3
    );
}

#[test]
fn twenty_children_look_up_beside_seven_threads() {
    lookups_beside_forks(20);
}

#[test]
#[ignore = "takes minutes: cargo xtask soak"]
fn soak_1000_children_look_up_beside_seven_threads() {
    lookups_beside_forks(1_000 * super::soak_times());
}
