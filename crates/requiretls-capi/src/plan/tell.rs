//! What does a plan tell, and how does it end?

use super::{number, rtls_plan};
use crate::abi::{
    RTLS_DEFER, RTLS_GET_ADDRESS, RTLS_GET_LEVEL, RTLS_GET_METHOD, RTLS_GET_MX_PATTERN,
    RTLS_GET_NAME, RTLS_GET_POLICY_DOMAIN, RTLS_GET_POLICY_FAILURE, RTLS_GET_POLICY_STRING,
    RTLS_GET_POLICY_TYPE, RTLS_GET_RET, RTLS_GET_SESSION, RTLS_GET_SNI, RTLS_GET_TTL, RTLS_GET_WHY,
    rtls_reply,
};
use crate::text::{Line, fill};
use crate::{guard, handle};
use core::ffi::{c_char, c_int};
use requiretls_core::case::Case;
use requiretls_core::delivery::{Action, Delivery};
use requiretls_core::domain::Domain;
use requiretls_core::log_line::LogLine;
use requiretls_core::reply::{Enhanced, Reply};
use std::ffi::CString;
use std::fmt::Write as _;

/// The end, over all hosts that were tried. Changes nothing. Also right after rtls_plan_lookup, to refuse a
/// route early.
/// r: room for the reply; may be NULL.
/// Returns RTLS_GO: no objection of ours, since a host has settled the message or none could be reached;
///   the server's own result stands, and r is 250. RTLS_DEFER or RTLS_BOUNCE: with the reply in r. It is
///   RTLS_DEFER as long as a cause may heal or a host is untried.
/// When: at any time.
/// Source: RFC 8689 section 4.2.1; RFC 8461 section 5; RFC 3463.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_verdict(p: *const rtls_plan, r: *mut rtls_reply) -> c_int {
    let verdict = guard::run(|| {
        // SAFETY: by the header NULL or a live plan that nobody changes during the call.
        unsafe { handle::shared(p) }.map(rtls_plan::verdict)
    });
    let (action, reply) = match verdict {
        Some(Some((action, reply))) => (number(action), reply),
        Some(None) => (RTLS_DEFER, super::internal("there is no plan")),
        None => (RTLS_DEFER, super::internal("internal error")),
    };
    // SAFETY: by the header NULL or room for one reply.
    unsafe { write_reply(r, &reply) };
    action
}

/// Tells one thing about the plan.
/// what: an RTLS_GET_ number.
/// i: counts repeated ones from 0; else pass 0.
/// Returns a text that lives until the next call that takes p without const. NULL: there is none, no more
///   of them, or it is not known yet.
/// When: after rtls_plan_lookup; for the current host after rtls_plan_host or rtls_plan_next, no connection
///   is needed.
/// Source: RFC 8460 sections 4.3 and 4.4, for what reports are made of; RFC 7672 section 8.1, for the
///   server name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_get(
    p: *const rtls_plan,
    what: c_int,
    i: usize,
) -> *const c_char {
    let told = guard::run(|| {
        // SAFETY: by the header NULL or a live plan that nobody changes during the call.
        unsafe { handle::shared(p) }?.told(what, i)
    });
    told.flatten().unwrap_or(std::ptr::null())
}

impl rtls_plan {
    fn verdict(&self) -> (Action, Reply) {
        let ok = || (Action::Go, Reply::new(250, Enhanced(2, 0, 0), "OK"));
        if let Some(fault) = &self.fault {
            if let Some(log) = &self.log {
                log.decision(&LogLine::out_of_order(Action::Defer, fault));
                let rule = fault.enhanced == Enhanced(4, 3, 5);
                log.case(Some(Case::of_unreadable(rule)));
            }
            return (Action::Defer, fault.clone());
        }
        let Some(looked) = &self.looked else {
            let why = self.why.clone();
            return (
                Action::Defer,
                why.unwrap_or_else(|| super::internal("the next hop was not looked up")),
            );
        };
        let verdict = looked.delivery.verdict();
        if let Some(log) = &self.log {
            log.decision(&LogLine::verdict(looked.delivery.plan(), &verdict));
            log.case(Case::of_verdict(&looked.delivery));
        }
        match verdict.action {
            Action::Go => ok(),
            _ if self.settled => ok(),
            Action::Bounce => (Action::Bounce, verdict.reply),
            _ => (Action::Defer, verdict.reply),
        }
    }

    fn told(&self, what: c_int, i: usize) -> Option<*const c_char> {
        if let Some(known) = self.told.find(what, i) {
            return Some(known);
        }
        let text = CString::new(printable(&self.tell(what, i)?)).ok()?;
        Some(self.told.keep(what, i, text))
    }

    fn tell(&self, what: c_int, i: usize) -> Option<String> {
        if what == RTLS_GET_WHY {
            let why = self.fault.as_ref().or(self.why.as_ref());
            let why = why.or_else(|| self.looked.as_ref()?.delivery.why())?;
            return (i == 0).then(|| why.text.clone());
        }
        let delivery = &self.looked.as_ref()?.delivery;
        let plan = delivery.plan();
        let one = |text: Option<&str>| text.filter(|_| i == 0).map(str::to_owned);
        match what {
            RTLS_GET_TTL => {
                let left = plan.facts().expires?.saturating_sub(self.now());
                (i == 0).then(|| left.to_string())
            }
            RTLS_GET_MX_PATTERN => plan.mx_patterns().get(i).map(|p| (*p).to_owned()),
            RTLS_GET_RET => one(delivery.ret_hdrs().then_some("HDRS")),
            RTLS_GET_SESSION if i == 0 => delivery.session().map(|session| session.to_string()),
            _ => tell_of_host(delivery, what, i),
        }
    }
}

fn tell_of_host(delivery: &Delivery, what: c_int, i: usize) -> Option<String> {
    let plan = delivery.plan();
    let current = delivery.current();
    // What was found is told without a current host too: then it is the first one's.
    let candidate = match what {
        RTLS_GET_POLICY_TYPE..=RTLS_GET_POLICY_FAILURE => current.or(plan.candidates().first())?,
        _ => current?,
    };
    let one = |text: Option<&str>| text.filter(|_| i == 0).map(str::to_owned);
    match what {
        RTLS_GET_LEVEL => one(Some(candidate.terms.level().as_str())),
        RTLS_GET_SNI => one(plan.sni(candidate).map(Domain::as_str)),
        RTLS_GET_METHOD => one(Some(candidate.terms.method())),
        RTLS_GET_NAME => plan.names(candidate).get(i).map(ToString::to_string),
        RTLS_GET_POLICY_TYPE => one(Some(plan.policy_type(candidate).as_str())),
        RTLS_GET_POLICY_DOMAIN => one(plan.policy_domain(candidate).map(Domain::as_str)),
        RTLS_GET_POLICY_STRING => plan.policy_strings(candidate).into_iter().nth(i),
        RTLS_GET_POLICY_FAILURE => one(plan.policy_failure(candidate)),
        RTLS_GET_ADDRESS => candidate.addresses.get(i).map(ToString::to_string),
        _ => None,
    }
}

/// As every text out: printable ASCII without the percent sign.
fn printable(text: &str) -> String {
    Reply::new(0, Enhanced(0, 0, 0), text).text
}

/// # Safety
/// NULL, or room for one reply.
unsafe fn write_reply(r: *mut rtls_reply, reply: &Reply) {
    if r.is_null() || !r.is_aligned() {
        return;
    }
    let mut out = rtls_reply {
        code: c_int::from(reply.code),
        enhanced: [0; 12],
        text: [0; 256],
    };
    let mut enhanced = Line::new();
    let _ = write!(enhanced, "{}", reply.enhanced);
    fill(&mut out.enhanced, enhanced.as_str());
    fill(&mut out.text, &reply.text);
    // SAFETY: see above.
    unsafe { r.write(out) };
}
