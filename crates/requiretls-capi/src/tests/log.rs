//! Whose log function is told what?

use super::outbound::PLAIN;
use super::process::{Lines, collect};
use super::{Context, Plan};
use crate::abi::{RTLS_DEFER, RTLS_GO, rtls_log_fn};
use crate::log::{rtls_set_log, rtls_set_log_level};
use std::collections::BTreeSet;
use std::ffi::c_int;
use std::ptr;

fn listen(ctx: &Context, function: rtls_log_fn, lines: &Lines) {
    let arg = ptr::from_ref(lines).cast_mut().cast();
    // SAFETY: a live context; the lines live longer than it is used.
    unsafe { rtls_set_log(ctx.0, function, arg) };
}

fn level(ctx: &Context, level: c_int) {
    // SAFETY: a live context.
    unsafe { rtls_set_log_level(ctx.0, level) };
}

fn told(lines: &Lines) -> Vec<(c_int, String)> {
    std::mem::take(&mut *lines.lock().expect("lock"))
}

/// A required message to a socket of the site's own, in clear text; then what no server may do: lines of every level.
fn everything(ctx: &Context) -> Plan {
    let plan = Plan::new(ctx, "127.0.0.1", "1.secure.onward", 0);
    assert_eq!(plan.host("127.0.0.1"), RTLS_DEFER, "before the lookup");
    assert_eq!(plan.lookup(), RTLS_GO, "{}", plan.why());
    assert_eq!(plan.host("127.0.0.1"), RTLS_GO);
    assert_eq!(plan.ehlo(PLAIN), RTLS_GO, "P12, in clear text");
    assert_eq!(plan.mail_params().0, RTLS_GO);
    assert_eq!(plan.done(250), RTLS_GO);
    let untagged = Plan::new(ctx, "127.0.0.1", "", 0);
    assert_eq!(untagged.lookup(), RTLS_GO);
    assert_eq!(untagged.host("127.0.0.1"), RTLS_GO);
    assert_eq!(untagged.ehlo(PLAIN), RTLS_GO);
    assert_eq!(untagged.mail_params().0, RTLS_GO);
    let breach = Plan::new(ctx, "127.0.0.1", "", 0);
    assert_eq!(breach.lookup(), RTLS_GO);
    assert_eq!(breach.host("127.0.0.1"), RTLS_GO);
    assert_eq!(breach.done(250), RTLS_DEFER, "the gate was not asked");
    plan
}

#[test]
fn lines_above_the_level_are_not_passed_on() {
    let ctx = Context::new("");
    let lines = Lines::default();
    for (set, seen) in [
        (Some(3), &[3][..]),
        (Some(4), &[3, 4]),
        (Some(5), &[3, 4, 5]),
        (Some(6), &[3, 4, 5, 6]),
        (Some(7), &[3, 4, 5, 6, 7]),
        (None, &[3, 4, 5, 6]),
    ] {
        listen(&ctx, Some(collect), &lines);
        if let Some(set) = set {
            level(&ctx, set);
        }
        told(&lines);
        drop(everything(&ctx));
        let levels: BTreeSet<c_int> = told(&lines).into_iter().map(|(level, _)| level).collect();
        assert_eq!(levels.into_iter().collect::<Vec<_>>(), seen, "{set:?}");
    }
}

#[test]
fn each_context_has_its_own_function_and_level() {
    let (one, other, silent) = (Context::new(""), Context::new(""), Context::new(""));
    let (to_one, to_other) = (Lines::default(), Lines::default());
    listen(&one, Some(collect), &to_one);
    listen(&other, Some(collect), &to_other);
    level(&other, 3);
    told(&to_one);
    told(&to_other);
    drop(everything(&silent));
    assert_eq!((told(&to_one), told(&to_other)), (vec![], vec![]));
    drop(everything(&one));
    assert!(told(&to_one).len() > 3);
    assert_eq!(told(&to_other), vec![]);
    drop(everything(&other));
    assert_eq!(told(&to_one), vec![]);
    let breaches = told(&to_other);
    assert!(
        matches!(breaches.as_slice(), [(3, line)] if line.starts_with("breach")),
        "{breaches:?}"
    );
    // A plan of one between two steps of a plan of the other, on one thread.
    let (a, b) = (
        Plan::new(&one, "127.0.0.1", "", 0),
        Plan::new(&other, "127.0.0.1", "", 0),
    );
    level(&other, 3);
    assert_eq!((a.done(0), b.done(0)), (RTLS_DEFER, RTLS_DEFER));
    assert_eq!((told(&to_one).len(), told(&to_other).len()), (1, 0));
}

/// A plan keeps what its context had when it was made.
#[test]
fn what_is_set_is_for_plans_made_from_then_on() {
    let ctx = Context::new("");
    let (first, second) = (Lines::default(), Lines::default());
    let misuse = |plan: &Plan| assert_eq!(plan.done(0), RTLS_DEFER);
    let before = Plan::new(&ctx, "127.0.0.1", "", 0);
    listen(&ctx, Some(collect), &first);
    told(&first);
    misuse(&before);
    assert_eq!(told(&first), vec![], "made without one");
    let with_first = Plan::new(&ctx, "127.0.0.1", "", 0);
    listen(&ctx, Some(collect), &second);
    let with_second = Plan::new(&ctx, "127.0.0.1", "", 0);
    level(&ctx, 3);
    let with_less = Plan::new(&ctx, "127.0.0.1", "", 0);
    listen(&ctx, None, &second);
    let with_none = Plan::new(&ctx, "127.0.0.1", "", 0);
    for (label, plan, lines) in [
        ("the first", &with_first, (1, 0)),
        ("the second", &with_second, (0, 1)),
        ("a lower level", &with_less, (0, 0)),
        ("none any more", &with_none, (0, 0)),
    ] {
        misuse(plan);
        assert_eq!((told(&first).len(), told(&second).len()), lines, "{label}");
    }
    // The context is not there any more, its function is.
    drop(ctx);
    misuse(&with_first);
    assert_eq!(told(&first).len(), 1);
}
