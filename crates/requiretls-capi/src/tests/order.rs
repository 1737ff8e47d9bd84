//! Every call in every state.

use super::outbound::{STARTTLS, STATES, State, plan_in};
use super::{Context, Plan};
use crate::abi::{
    RTLS_CLOSED, RTLS_DEFER, RTLS_GET_SESSION, RTLS_GO, RTLS_NEXT_HOST, RTLS_STARTTLS,
    RTLS_TLS_LOST,
};
use std::ffi::c_int;

#[test]
fn order_rules() {
    const D: c_int = RTLS_DEFER;
    const G: c_int = RTLS_GO;
    const N: c_int = RTLS_NEXT_HOST;
    const S: c_int = RTLS_STARTTLS;
    let ctx = Context::new("");
    let session = plan_in(&ctx, State::Ready)
        .get(RTLS_GET_SESSION, 0)
        .expect("a session");
    type Call<'a> = Box<dyn Fn(&Plan) -> c_int + 'a>;
    // Columns: NEW LOOKED HOST CLEAR PEER TLS READY SENT DONE. D at a step is misuse.
    let rows: [(&str, [c_int; 9], Call<'_>); 17] = [
        (
            "add_host",
            [G, D, D, D, D, D, D, D, D],
            Box::new(|p| p.add_host("192.0.2.3")),
        ),
        (
            "lookup",
            [G, G, G, G, G, G, G, G, G],
            Box::new(Plan::lookup),
        ),
        (
            "host",
            [D, G, G, G, G, G, G, G, G],
            Box::new(|p| p.host("192.0.2.2")),
        ),
        (
            "host, a stranger",
            [D, G, G, G, G, G, G, G, G],
            Box::new(|p| p.host("other.example")),
        ),
        (
            "host, no name",
            [D, N, N, N, N, N, N, N, N],
            Box::new(|p| p.host("no name")),
        ),
        (
            "next",
            [D, G, G, G, G, G, G, G, G],
            Box::new(|p| p.next().0),
        ),
        (
            "resume",
            [D, G, G, G, G, G, G, G, G],
            Box::new(|p| p.resume("192.0.2.1", &session)),
        ),
        (
            "ehlo",
            [D, D, S, D, D, G, D, D, D],
            Box::new(|p| p.ehlo(STARTTLS)),
        ),
        (
            "tls_failed",
            [D, D, G, G, G, G, D, D, D],
            Box::new(|p| p.tls_failed(RTLS_TLS_LOST)),
        ),
        (
            "peer",
            [D, D, G, G, G, G, D, D, D],
            Box::new(|p| p.peer(&[])),
        ),
        (
            "tls",
            [D, D, G, G, G, D, D, D, D],
            Box::new(|p| p.tls("TLSv1.3")),
        ),
        (
            "mail_params",
            [D, D, D, D, D, D, G, G, D],
            Box::new(|p| p.mail_params().0),
        ),
        (
            "mail_reply",
            [D, D, D, D, D, D, D, G, D],
            Box::new(|p| p.mail_reply(250, "ok")),
        ),
        (
            "done 0",
            [D, N, N, N, N, N, N, N, G],
            Box::new(|p| p.done(0)),
        ),
        (
            "done 250",
            [D, D, D, D, D, D, D, G, G],
            Box::new(|p| p.done(250)),
        ),
        (
            "done 550",
            [D, N, N, N, N, N, N, G, G],
            Box::new(|p| p.done(550)),
        ),
        (
            "done CLOSED",
            [D, N, N, N, N, N, G, G, G],
            Box::new(|p| p.done(RTLS_CLOSED)),
        ),
    ];
    for (name, expected, call) in rows {
        for (state, expected) in STATES.into_iter().zip(expected) {
            let plan = plan_in(&ctx, state);
            assert_eq!(call(&plan), expected, "{name} in {state:?}: {}", plan.why());
            if expected == D {
                assert!(
                    plan.why().contains("out of order"),
                    "{name}: {}",
                    plan.why()
                );
                assert_eq!(
                    plan.mail_params().0,
                    D,
                    "{name} in {state:?} leaves the host"
                );
            }
            if expected != G || name == "host" || name == "next" || name == "lookup" {
                assert_eq!(
                    plan.get(RTLS_GET_SESSION, 0)
                        .filter(|_| state != State::Done),
                    None
                );
                assert_eq!(
                    plan.mail_params().0,
                    D,
                    "{name} in {state:?}: the gate is shut"
                );
            }
        }
    }
}
