//! What the tests of rtls_plan_* have in common: its calls, and plans that have come so far.

use super::{Context, Plan, c, text_of};
use crate::abi::{RTLS_GO, RTLS_HOST_SIZE, RTLS_NUL, RTLS_PARAMS_SIZE, RTLS_STARTTLS, rtls_bytes};
use crate::plan::{
    rtls_plan_add_host, rtls_plan_done, rtls_plan_ehlo, rtls_plan_host, rtls_plan_lookup,
    rtls_plan_mail_params, rtls_plan_mail_reply, rtls_plan_next, rtls_plan_peer, rtls_plan_resume,
    rtls_plan_tls, rtls_plan_tls_failed,
};
use std::ffi::c_int;
use std::ptr;

pub(super) const STARTTLS: &str = "250-mx.example\r\n250 STARTTLS\r\n";
pub(super) const PLAIN: &str = "250 mx.example\r\n";
pub(super) const OFFERS: &str = "mx.example\nREQUIRETLS\nDSN\n";

impl Plan {
    // SAFETY (of all of these): the plan is live and this thread's, the texts have a NUL.
    pub(super) fn add_host(&self, host: &str) -> c_int {
        unsafe { rtls_plan_add_host(self.0, c(host).as_ptr()) }
    }

    pub(super) fn lookup(&self) -> c_int {
        unsafe { rtls_plan_lookup(self.0, 2_000) }
    }

    pub(super) fn host(&self, host: &str) -> c_int {
        unsafe { rtls_plan_host(self.0, c(host).as_ptr()) }
    }

    pub(super) fn next(&self) -> (c_int, String) {
        let mut host = [1; RTLS_HOST_SIZE];
        let action = unsafe { rtls_plan_next(self.0, host.as_mut_ptr(), host.len()) };
        (action, text_of(host.as_ptr()))
    }

    pub(super) fn resume(&self, host: &str, session: &str) -> c_int {
        unsafe { rtls_plan_resume(self.0, c(host).as_ptr(), c(session).as_ptr()) }
    }

    pub(super) fn ehlo(&self, reply: &str) -> c_int {
        unsafe { rtls_plan_ehlo(self.0, c(reply).as_ptr(), RTLS_NUL) }
    }

    pub(super) fn tls_failed(&self, how: c_int) -> c_int {
        unsafe { rtls_plan_tls_failed(self.0, how, c("because").as_ptr()) }
    }

    pub(super) fn peer(&self, chain: &[&[u8]]) -> c_int {
        let chain: Vec<rtls_bytes> = chain
            .iter()
            .map(|der| rtls_bytes {
                data: der.as_ptr(),
                len: der.len(),
            })
            .collect();
        unsafe { rtls_plan_peer(self.0, chain.as_ptr(), chain.len()) }
    }

    pub(super) fn tls(&self, protocol: &str) -> c_int {
        let cipher = c("TLS_AES_256_GCM_SHA384");
        unsafe { rtls_plan_tls(self.0, c(protocol).as_ptr(), cipher.as_ptr()) }
    }

    pub(super) fn mail_params(&self) -> (c_int, String) {
        let mut buf = [1; RTLS_PARAMS_SIZE];
        let action = unsafe { rtls_plan_mail_params(self.0, buf.as_mut_ptr(), buf.len()) };
        (action, text_of(buf.as_ptr()))
    }

    pub(super) fn mail_reply(&self, code: c_int, text: &str) -> c_int {
        unsafe { rtls_plan_mail_reply(self.0, code, c(text).as_ptr()) }
    }

    pub(super) fn done(&self, code: c_int) -> c_int {
        unsafe { rtls_plan_done(self.0, code, ptr::null(), ptr::null()) }
    }
}

/// The states of order-rules: how far a plan for relay.example has come, at level may.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum State {
    New,
    Looked,
    Host,
    Clear,
    Peer,
    Tls,
    Ready,
    Sent,
    Done,
}

pub(super) const STATES: [State; 9] = [
    State::New,
    State::Looked,
    State::Host,
    State::Clear,
    State::Peer,
    State::Tls,
    State::Ready,
    State::Sent,
    State::Done,
];

pub(super) fn plan_in(ctx: &Context, state: State) -> Plan {
    let plan = Plan::new(ctx, "relay.example", "", 0);
    assert_eq!(plan.add_host("192.0.2.1"), RTLS_GO);
    assert_eq!(plan.add_host("192.0.2.2"), RTLS_GO);
    let steps: [(State, c_int, fn(&Plan) -> c_int); 8] = [
        (State::Looked, RTLS_GO, Plan::lookup),
        (State::Host, RTLS_GO, |p| p.host("192.0.2.1")),
        (State::Clear, RTLS_STARTTLS, |p| p.ehlo(STARTTLS)),
        (State::Peer, RTLS_GO, |p| p.peer(&[])),
        (State::Tls, RTLS_GO, |p| p.tls("TLSv1.3")),
        (State::Ready, RTLS_GO, |p| p.ehlo(OFFERS)),
        (State::Sent, RTLS_GO, |p| p.mail_params().0),
        (State::Done, RTLS_GO, |p| p.done(250)),
    ];
    if state != State::New {
        for (reached, expected, step) in steps {
            assert_eq!(step(&plan), expected, "{reached:?}");
            if reached == state {
                break;
            }
        }
    }
    plan
}
