//! What does a log function cost that is not there?

use super::outbound::{PLAIN, State, plan_in};
use super::process::{Lines, collect};
use super::{Context, Plan, c, empty_reply};
use crate::abi::{RTLS_GO, RTLS_NEXT_HOST, RTLS_NUL, RTLS_PARAMS_SIZE};
use crate::log::rtls_set_log;
use crate::plan::{rtls_plan_done, rtls_plan_ehlo, rtls_plan_mail_params, rtls_plan_verdict};
use requiretls_core::delivery::{Delivery, End};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::reply::{Enhanced, Reply};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ffi::{c_char, c_int};
use std::ptr;

/// Counts what one thread asks of the system's allocator.
struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: the system's allocator does the work.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn counted<T>(run: impl FnOnce() -> T) -> (T, usize) {
    let before = COUNT.get();
    let result = run();
    (result, COUNT.get() - before)
}

/// A step by the C call, and the same step by core alone.
struct Step {
    name: &'static str,
    plan: fn(&Context) -> Plan,
    expected: c_int,
    call: fn(&Plan, *const c_char) -> c_int,
    bare: fn(&mut Delivery),
}

// SAFETY (of all calls): the plan is live and this thread's, the texts have a NUL.
const STEPS: [Step; 4] = [
    Step {
        name: "the gate opens",
        plan: |ctx| plan_in(ctx, State::Ready),
        expected: RTLS_GO,
        call: |p, _| {
            let mut buf = [0; RTLS_PARAMS_SIZE];
            unsafe { rtls_plan_mail_params(p.0, buf.as_mut_ptr(), buf.len()) }
        },
        bare: |delivery| assert!(delivery.mail_params(0).is_ok()),
    },
    Step {
        name: "a host is refused",
        plan: |ctx| {
            let plan = Plan::new(ctx, "relay.example", "1.encrypt", 0);
            assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
            assert_eq!((plan.lookup(), plan.host("192.0.2.1")), (RTLS_GO, RTLS_GO));
            plan
        },
        expected: RTLS_NEXT_HOST,
        call: |p, text| unsafe { rtls_plan_ehlo(p.0, text, RTLS_NUL) },
        bare: |delivery| {
            let _ = delivery.ehlo(&EhloReply::parse(PLAIN.as_bytes()));
        },
    },
    Step {
        name: "a host is over",
        plan: |ctx| plan_in(ctx, State::Sent),
        expected: RTLS_GO,
        call: |p, _| unsafe { rtls_plan_done(p.0, 250, ptr::null(), ptr::null()) },
        bare: |delivery| {
            let _ = delivery.done(End::Reply(250));
        },
    },
    Step {
        name: "the verdict",
        plan: |ctx| plan_in(ctx, State::Done),
        expected: RTLS_GO,
        call: |p, _| {
            let mut reply = empty_reply();
            unsafe { rtls_plan_verdict(p.0, &raw mut reply) }
        },
        // Where core has no objection the server's own result stands, and C gets a reply all the same.
        bare: |delivery| drop((delivery.verdict(), Reply::new(250, Enhanced(2, 0, 0), "OK"))),
    },
];

#[test]
fn without_a_log_function_a_step_allocates_what_core_does() {
    let (silent, heard) = (Context::new(""), Context::new(""));
    let lines = Lines::default();
    // SAFETY: a live context; the lines live longer than it is used.
    unsafe { rtls_set_log(heard.0, Some(collect), (&raw const lines).cast_mut().cast()) };
    let text = c(PLAIN);
    for Step {
        name,
        plan,
        expected,
        call,
        bare,
    } in STEPS
    {
        let plan_of = |ctx| {
            let plan = plan(ctx);
            // SAFETY: a live plan that is this thread's alone.
            let delivery = unsafe { crate::handle::shared(plan.0) }
                .and_then(crate::plan::rtls_plan::delivery)
                .expect("looked up")
                .clone();
            (plan, delivery)
        };
        let (unlogged, mut delivery) = plan_of(&silent);
        let (action, by_call) = counted(|| call(&unlogged, text.as_ptr()));
        assert_eq!(action, expected, "{name}");
        let ((), by_core) = counted(|| bare(&mut delivery));
        assert_eq!(by_call, by_core, "{name}");
        let (logged, _) = plan_of(&heard);
        let (action, with_lines) = counted(|| call(&logged, text.as_ptr()));
        assert_eq!(action, expected, "{name}");
        let says = name != "a host is over";
        assert_eq!(
            with_lines > by_core,
            says,
            "{name}: {with_lines} and {by_core}"
        );
    }
}
