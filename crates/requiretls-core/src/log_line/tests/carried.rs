//! The line of a message at one next hop says what its recipients are told.

use super::{AES, connect, only, partner, plan_for, with_route};
use crate::authenticate::Method;
use crate::delivery::{Action, Delivery, End};
use crate::facts::{Route, Security};
use crate::log_line::{Carried, LogLine, Severity};
use crate::reply::{Enhanced, Reply};
use crate::requirement::Requirement;
use crate::site_policy::Rule;

/// What the peer has offered besides REQUIRETLS decides nothing here.
const OFFER: &str = "250 REQUIRETLS";
const OPEN: &str =
    "host=mx.partner.test mx=secure level=secure who=sender hop=enforce tag=R tls=1.3 auth=pkix";

fn delivery() -> Delivery {
    let facts = with_route(Route::Mx(Security::Secure));
    Delivery::new(plan_for(Requirement::R, Rule::default(), facts))
}

/// At the gate, which has opened.
fn cleared() -> Delivery {
    let mut delivery = delivery();
    let chain = only(Method::PkixHost);
    connect(
        &mut delivery,
        &partner(),
        Some("TLSv1.3"),
        AES,
        chain,
        OFFER,
    );
    assert!(delivery.mail_params(0).is_ok());
    delivery
}

/// Behind MAIL, as that ended.
fn sent(end: End) -> Delivery {
    let mut delivery = cleared();
    assert_eq!(delivery.mail_reply(250, ""), Action::Go);
    delivery.done(end);
    delivery
}

#[test]
fn p5_go_is_said_only_of_what_has_arrived() {
    let unfit = {
        let mut delivery = cleared();
        delivery.done(End::Closed);
        delivery
    };
    let unreachable = {
        let mut delivery = delivery();
        delivery.host(&partner());
        delivery.done(End::Lost);
        delivery
    };
    let refused = {
        let mut delivery = delivery();
        delivery.host(&partner());
        delivery.ehlo(&crate::ehlo::EhloReply::parse(b"250 mx"));
        delivery
    };
    let (go, defer, bounce) = (Action::Go, Action::Defer, Action::Bounce);
    let (info, notice) = (Severity::Info, Severity::Notice);
    let reply = |code, enhanced, text: &str| Reply::new(code, enhanced, text);
    let taken = reply(250, Enhanced(2, 0, 0), "ok");
    let unknown = reply(
        451,
        Enhanced(4, 4, 2),
        "mx: timed out: it may have been taken (possible duplicate)",
    );
    let full = reply(452, Enhanced(4, 3, 1), "full");
    let no = reply(550, Enhanced(5, 7, 1), "no");
    let large = reply(552, Enhanced(5, 3, 4), "too large");
    let down = reply(451, Enhanced(4, 4, 1), "down");
    let tls = reply(550, Enhanced(5, 7, 10), "no TLS");
    #[rustfmt::skip]
    let rows = [
        ("taken", sent(End::Reply(250)), go, &taken, true, info,
            format!("{OPEN} sent=REQUIRETLS")),
        ("RFC 1047: nobody knows", sent(End::Closed), defer, &unknown, true, notice,
            format!("{OPEN} sent=REQUIRETLS code=451 enhanced=4.4.2 reason=\"mx: timed out: it may have been taken (possible duplicate)\"")),
        ("the peer waits", sent(End::Reply(452)), defer, &full, true, notice,
            "row=8 hop=enforce tag=R code=452 enhanced=4.3.1 reason=\"full\"".to_owned()),
        ("the peer refuses", sent(End::Reply(550)), bounce, &no, true, notice,
            format!("{OPEN} sent=REQUIRETLS code=550 enhanced=5.7.1 reason=\"no\"")),
        ("it cannot be said there", unfit, bounce, &large, false, notice,
            format!("{OPEN} code=552 enhanced=5.3.4 reason=\"too large\"")),
        ("P6.8 no host answers", unreachable, defer, &down, false, notice,
            "row=8 hop=enforce tag=R code=451 enhanced=4.4.1 reason=\"down\"".to_owned()),
        ("P6.9 the verdict is core's", refused, go, &tls, false, notice,
            "row=9 who=sender hop=enforce tag=R code=550 enhanced=5.7.10 reason=\"mx.partner.test: it offers no STARTTLS (required by the sender)\"".to_owned()),
    ];
    for (label, delivery, action, reply, said, severity, expected) in rows {
        let line = LogLine::carried(&Carried {
            message: (7, 2),
            delivery: &delivery,
            action,
            reply,
            said,
        });
        let action = if label.starts_with("P6.9") {
            bounce
        } else {
            action
        };
        let expected = format!(
            "message=7.2 action={} next_hop=partner.test {expected}",
            action.as_str()
        );
        assert_eq!(line.text, expected, "{label}");
        assert_eq!(line.severity, severity, "{label}");
        super::list::read(&line.text);
    }
}
