//! The lines of a delivery, and its case at level debug.

use super::delivery::pinned;
use super::outbound::{OFFERS, PLAIN, STARTTLS};
use super::process::{Lines, collect};
use super::{Context, Plan};
use crate::abi::{RTLS_BOUNCE, RTLS_DEFER, RTLS_GO, RTLS_NEXT_HOST, RTLS_STARTTLS};
use crate::log::{rtls_set_log, rtls_set_log_level};
use requiretls_core::case::{Answer, Case};
use std::ffi::c_int;

fn listen(ctx: &Context, lines: &Lines, level: Option<c_int>) {
    let arg = std::ptr::from_ref(lines).cast_mut().cast();
    // SAFETY: a live context; the lines live longer than it is used.
    unsafe {
        rtls_set_log(ctx.0, Some(collect), arg);
        if let Some(level) = level {
            rtls_set_log_level(ctx.0, level);
        }
    }
}

fn told(lines: &Lines) -> Vec<(c_int, String)> {
    std::mem::take(&mut *lines.lock().expect("lock"))
}

/// What the last line decides, which is a case at level debug.
fn replayed(lines: &[(c_int, String)]) -> Answer {
    let (level, line) = lines.last().expect("a line");
    assert_eq!(*level, 7, "{line}");
    let case = line.strip_prefix("case=").expect("a case");
    Case::parse(case).expect("can be read").decide()
}

/// P5: a verdict and its case say the same; the tokens of the line are those of P12.
#[test]
fn p5_a_delivery_and_its_cases() {
    let lines = Lines::default();
    let (ctx, der) = pinned();
    listen(&ctx, &lines, Some(7));
    let plan = Plan::new(&ctx, "relay.example", "1.secure.onward", 0);
    for host in ["192.0.2.1", "192.0.2.2"] {
        assert_eq!(plan.add_host(host), RTLS_GO);
    }
    assert_eq!(plan.lookup(), RTLS_GO, "{}", plan.why());
    told(&lines);
    assert_eq!(plan.verdict().0, RTLS_DEFER, "nothing was tried");
    let answer = replayed(&told(&lines));
    assert_eq!((answer.action, answer.row), ("defer", "8"));

    assert_eq!(plan.next().0, RTLS_GO);
    assert_eq!(plan.ehlo(PLAIN), RTLS_NEXT_HOST);
    let refused = told(&lines);
    assert!(
        refused.iter().all(|(_, line)| !line.starts_with("case=")),
        "not for each step: {refused:?}"
    );
    assert_eq!(plan.verdict().0, RTLS_DEFER, "one host is left");
    let answer = replayed(&told(&lines));
    assert_eq!(
        (answer.action, answer.row, answer.who),
        ("defer", "9", "site")
    );

    assert_eq!(plan.next().0, RTLS_GO);
    assert_eq!(plan.ehlo(STARTTLS), RTLS_STARTTLS);
    assert_eq!(plan.tls("TLSv1.3"), RTLS_GO);
    assert_eq!(plan.peer(&[&der]), RTLS_GO);
    assert_eq!(plan.ehlo(OFFERS), RTLS_GO);
    told(&lines);
    assert_eq!(plan.mail_params(), (RTLS_GO, " REQUIRETLS".to_owned()));
    let sent = told(&lines);
    let answer = replayed(&sent);
    assert_eq!((answer.action, answer.sends.as_str()), ("go", "REQUIRETLS"));
    assert_eq!((answer.level, answer.host), ("secure", Some(1)));
    let line = &sent.first().expect("a line").1;
    let tokens = "hop=enforce rule=relay.example tag=R tls=1.3 auth=site-pin sent=REQUIRETLS";
    assert!(line.ends_with(tokens), "{line}");
    assert_eq!(plan.done(250), RTLS_GO);
    assert_eq!(plan.verdict().0, RTLS_GO);
    assert_eq!(replayed(&told(&lines)).action, "go");
}

/// Nobody pays for cases who does not read them, and a level is a level.
#[test]
fn lines_up_to_a_level() {
    for (level, highest) in [
        (None, 6),
        (Some(7), 7),
        (Some(6), 6),
        (Some(5), 5),
        (Some(3), 0),
    ] {
        let lines = Lines::default();
        let ctx = Context::new("");
        listen(&ctx, &lines, level);
        let plan = Plan::new(&ctx, "[192.0.2.1]", "1.encrypt", 0);
        assert_eq!(plan.lookup(), RTLS_GO);
        assert_eq!(plan.next().0, RTLS_GO);
        assert_eq!(plan.ehlo(PLAIN), RTLS_NEXT_HOST);
        assert_eq!(plan.verdict().0, RTLS_BOUNCE);
        let told = told(&lines);
        let most = told.iter().map(|(level, _)| *level).max();
        assert_eq!(most.unwrap_or(0), highest, "{level:?}: {told:?}");
        let cases = told.iter().filter(|(_, line)| line.starts_with("case="));
        assert_eq!(cases.count(), usize::from(level == Some(7)), "{level:?}");
        // SAFETY: a live plan; its lookup has made the delivery.
        let plan = unsafe { crate::handle::shared(plan.0) }.expect("a plan");
        assert_eq!(plan.records(), level == Some(7), "{level:?}: kept");
    }
}

/// P6.15: what could not be read has a case as well.
#[test]
fn p6_15_what_cannot_be_read() {
    let lines = Lines::default();
    let ctx = Context::new("");
    listen(&ctx, &lines, Some(7));
    for (label, tag) in [("damaged", "1.secure.onwar"), ("newer", "2.secure")] {
        let plan = Plan::new(&ctx, "d.example", tag, 0);
        assert_eq!(plan.verdict(), (RTLS_DEFER, "451 4.3.0".to_owned()));
        let told = told(&lines);
        let answer = replayed(&told);
        let code = format!("{} {}", answer.code, answer.enhanced);
        assert_eq!(
            (answer.action, code.as_str()),
            ("defer", "451 4.3.0"),
            "{label}"
        );
        let line = &told.first().expect("a line").1;
        assert!(
            line.starts_with("action=defer code=451 enhanced=4.3.0 reason=\""),
            "{line}"
        );
    }
}

/// A case that is too long is named, and never cut: half a case would decide otherwise.
#[test]
fn a_long_case_is_left_out() {
    let lines = Lines::default();
    let ctx = Context::new("");
    listen(&ctx, &lines, Some(7));
    let plan = Plan::new(&ctx, "d.example", "1.encrypt", 0);
    for i in 0..250 {
        assert_eq!(plan.add_host(&format!("192.0.2.{i}")), RTLS_GO);
    }
    assert_eq!(plan.lookup(), RTLS_GO, "{}", plan.why());
    for _ in 0..250 {
        assert_eq!(plan.next().0, RTLS_GO);
        assert_eq!(plan.ehlo(PLAIN), RTLS_NEXT_HOST);
    }
    told(&lines);
    assert_eq!(plan.verdict().0, RTLS_BOUNCE);
    let told = told(&lines);
    let (level, line) = told.last().expect("a line");
    assert_eq!(*level, 7);
    assert!(line.starts_with("the case of this decision has "), "{line}");
}
