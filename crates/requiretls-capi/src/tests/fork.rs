//! A fork while another thread is inside the library.

use super::Context;
use requiretls_core::domain::Domain;
use requiretls_core::mta_sts::{Mode, Policy};
use requiretls_engine::Cache;
use requiretls_engine::cache::KeptPolicy;
use std::sync::atomic::{AtomicBool, Ordering};

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
