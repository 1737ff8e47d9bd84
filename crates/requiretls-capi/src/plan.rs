//! Outbound: may this message go there, and how?
//!
//! A plan in C is core's [`Delivery`] with what it needs around it: the context it was made from,
//! the lookup, the clock, and the texts that it has handed out.

use crate::abi::{
    RTLS_AGAIN, RTLS_BOUNCE, RTLS_DEFER, RTLS_F_AUTH, RTLS_F_LMTP, RTLS_F_NULL_PATH, RTLS_GO,
    RTLS_NEXT_HOST, RTLS_NUL, RTLS_STARTTLS,
};
use crate::ctx::{Shared, rtls_ctx};
use crate::log::Log;
use crate::{guard, handle, text};
use arguments::host_named;
use core::ffi::{c_char, c_int, c_uint};
use requiretls_core::authenticate::Site;
use requiretls_core::delivery::{Action, Delivery, End};
use requiretls_core::facts::Facts;
use requiretls_core::log_line::{LogLine, Severity};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::plan::{Message, Plan};
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;
use requiretls_engine::{Deadline, Question};
use std::sync::Arc;
use std::time::Duration;

mod arguments;
mod steps;
mod tell;
mod told;

pub use steps::*;
pub use tell::*;
use told::Told;

/// One tag, one next hop: what one message needs there, and what has been tried.
pub struct rtls_plan {
    /// Why nothing can be done with this plan: it holds the mail, for good.
    fault: Option<Reply>,
    shared: Option<Arc<Shared>>,
    log: Option<Log>,
    next_hop: Option<NextHop>,
    message: Message,
    port: Option<u16>,
    hosts: Vec<Host>,
    looked: Option<Looked>,
    /// A host has settled the message, before an earlier lookup was made anew.
    settled: bool,
    /// Why the latest call was refused before it came to core.
    why: Option<Reply>,
    told: Told,
}

/// What a lookup has led to.
struct Looked {
    delivery: Delivery,
    site: Site,
}

// A pointer to const may be used by several threads at once, and any thread may have the plan.
const _: () = {
    const fn is_shared<T: Send + Sync>() {}
    is_shared::<rtls_plan>();
    is_shared::<rtls_ctx>();
};

/// Makes a plan for one next hop and one message, or several messages with the same tag. Never waits.
/// ctx: from rtls_open; the plan keeps what it needs of it and may outlive it.
/// domain: the next hop as routed, not CNAME-expanded: a domain, the name of a smart host, an address
///   literal, or "unix:/path".
/// port: the TCP port that connections go to; 0: the port of the site's rule for this next hop, else 25.
/// tag: from rtls_mail_end; "" for an untagged message; NULL is misuse.
/// flags: RTLS_F_NULL_PATH, RTLS_F_LMTP and RTLS_F_AUTH, added up, or 0.
/// Returns a plan, yours until rtls_plan_free. Where an argument cannot be read, a tag among them, it is a
///   plan that says RTLS_DEFER to everything, and why; in the worst case NULL, which every call takes and
///   says RTLS_DEFER to.
/// When: for each message and next hop, before anything is connected to.
/// Source: RFC 8689 sections 4.2.1, 4.2.2 and 5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_new(
    ctx: *const rtls_ctx,
    domain: *const c_char,
    port: c_uint,
    tag: *const c_char,
    flags: c_uint,
) -> *mut rtls_plan {
    let plan = guard::run(|| {
        // SAFETY: by the header NULL or a live context.
        let ctx = unsafe { handle::shared(ctx) };
        // SAFETY: by the header NULL, or texts that end at their NUL.
        let (domain, tag) = unsafe {
            (
                text::bytes(domain, RTLS_NUL, MAX_NAME),
                text::bytes(tag, RTLS_NUL, tag::MAX_LEN),
            )
        };
        let mut plan = rtls_plan::for_ctx(ctx, flags);
        if let Err(sentence) = plan.read(domain, port, tag, flags) {
            plan.fault = Some(internal(sentence));
        }
        handle::give(plan)
    });
    plan.unwrap_or(std::ptr::null_mut())
}

/// The site's own route instead of MX records: call it for each host, in the order to try. Not for hosts
/// that came out of DNS, whose names prove nothing. A host on another machine takes nothing from a next hop
/// that is a unix socket or a loopback address: a tag is enforced there.
/// host: a name, "192.0.2.1", "[IPv6:2001:db8::1]" or "unix:/path".
/// Returns RTLS_GO or RTLS_DEFER.
/// When: after rtls_plan_new and before the first rtls_plan_lookup.
/// Source: RFC 8689 section 4.2.1: what the site itself configures rests on no DNS answer.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_add_host(p: *mut rtls_plan, host: *const c_char) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and host NULL or a text.
    unsafe {
        change(p, |plan| {
            if plan.looked.is_some() {
                return plan.misuse("a host was added after the lookup");
            }
            match host_named(host) {
                Some(host) if plan.hosts.len() < MAX_HOSTS => {
                    plan.hosts.push(host);
                    Action::Go
                }
                Some(_) => plan.misuse("too many hosts were added"),
                // Without one of its hosts the route is not the site's: nothing goes anywhere.
                None => {
                    plan.fault = Some(internal("a host of the route cannot be read"));
                    Action::Defer
                }
            }
        })
    }
}

/// Finds out what is known about the next hop: MX records, addresses, TLSA records, MTA-STS policy. It is
/// the one call that waits: a server with an event loop makes it on a worker thread and takes the plan
/// back. It leaves the current host.
/// timeout_ms: it waits no longer than that, in milliseconds of a monotonic clock; 0: it uses what an
///   earlier lookup of this plan or of its context has found, and asks nobody.
/// What a lookup has found serves later plans of the same context, in this process and in its children, for
///   as long as DNS and the policy allow: then it does not wait at all. It takes less than 8 MiB of memory,
///   whatever a domain publishes, and a plan less than it.
/// Returns RTLS_GO; or RTLS_DEFER or RTLS_BOUNCE for the message: no host may be tried then.
/// When: after rtls_plan_new; again after RTLS_DEFER, or when the facts have expired (RTLS_GET_TTL).
/// Source: RFC 8689 section 4.2.1; RFC 7672 section 2; RFC 8461 section 3.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_lookup(p: *mut rtls_plan, timeout_ms: c_uint) -> c_int {
    // SAFETY: by the header p is NULL or ours alone.
    unsafe {
        change(p, |plan| {
            plan.look_up(Duration::from_millis(timeout_ms.into()))
        })
    }
}

/// Frees the plan and the texts that rtls_plan_get has given. A host that is still current counts as lost.
/// NULL is fine.
/// When: at any time, once for each plan.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_free(p: *mut rtls_plan) {
    guard::run(|| {
        // SAFETY: by the header NULL or what rtls_plan_new gave, and nobody uses it any more.
        drop(unsafe { handle::take_back(p) });
    });
}

/// A domain name has at most 253 octets, more in UTF-8; the path of a socket may be longer.
const MAX_NAME: usize = 1_024;

/// More hosts than that no site lists for one next hop.
const MAX_HOSTS: usize = 256;

impl rtls_plan {
    fn for_ctx(ctx: Option<&rtls_ctx>, flags: c_uint) -> Self {
        Self {
            fault: None,
            shared: ctx.map(rtls_ctx::shared),
            log: ctx.and_then(rtls_ctx::log).copied(),
            next_hop: None,
            message: Message {
                null_path: flags & RTLS_F_NULL_PATH != 0,
                auth: flags & RTLS_F_AUTH != 0,
                ..Message::default()
            },
            port: None,
            hosts: Vec::new(),
            looked: None,
            settled: false,
            why: None,
            told: Told::default(),
        }
    }

    fn read(
        &mut self,
        domain: Option<&[u8]>,
        port: c_uint,
        tag: Option<&[u8]>,
        flags: c_uint,
    ) -> Result<(), &'static str> {
        self.shared.as_ref().ok_or("there is no context")?;
        if flags & !(RTLS_F_NULL_PATH | RTLS_F_LMTP | RTLS_F_AUTH) != 0 {
            return Err("an unknown flag was passed");
        }
        let port = u16::try_from(port).map_err(|_| "there is no such port")?;
        self.port = Some(port).filter(|port| *port != 0);
        let tag = tag.ok_or("there is no tag, not even an empty one")?;
        self.message.requirement = tag::parse(tag).map_err(tag::TagError::sentence)?;
        let domain = domain
            .and_then(|bytes| str::from_utf8(bytes).ok())
            .ok_or("the next hop cannot be read")?;
        let next_hop = NextHop::parse(domain).map_err(|_| "the next hop cannot be read")?;
        self.next_hop = Some(next_hop);
        Ok(())
    }

    fn look_up(&mut self, budget: Duration) -> Action {
        let (Some(shared), Some(next_hop)) = (self.shared.clone(), self.next_hop.clone()) else {
            return self.misuse("there is nothing to look up");
        };
        if let Some(looked) = &self.looked {
            let outcome = looked.delivery.outcome();
            if looked.delivery.plan().refused().is_some() && outcome.action == Action::Bounce {
                return self.misuse("the next hop was refused for good");
            }
            self.settled |= outcome.action == Action::Go;
        }
        let rule = match shared.config.rules.look_up(&next_hop) {
            Ok(rule) => rule.clone().with_hosts(&next_hop, &self.hosts),
            Err(unreadable) => {
                self.say(Severity::Error, format_args!("{unreadable}"));
                let sentence = format!("{next_hop}: the site's rule for it cannot be read");
                self.fault = Some(Reply::new(451, Enhanced(4, 3, 5), sentence));
                return Action::Defer;
            }
        };
        let facts = self
            .known_facts(budget, &shared)
            .unwrap_or_else(|| self.discover(&shared, &next_hop, &rule, budget));
        let site = Site::of(&rule.methods);
        let key = shared.config.rules.key(&next_hop);
        let plan = Plan::new(
            next_hop,
            self.message,
            rule,
            shared.config.sending.settings,
            facts,
        );
        let mut delivery = Delivery::new(plan.under(key));
        if self.log.as_ref().is_some_and(Log::takes_cases) {
            delivery = delivery.recording();
        }
        let action = match delivery.plan().refused() {
            None => Action::Go,
            Some(_) => delivery.outcome().action,
        };
        self.looked = Some(Looked { delivery, site });
        action
    }

    /// Without time to ask, what was found before still counts until it expires.
    fn known_facts(&self, budget: Duration, shared: &Shared) -> Option<Arc<Facts>> {
        let plan = self.looked.as_ref()?.delivery.plan();
        let now = shared.discovery.clock().now().ok()?;
        let fresh = plan.facts().expires.is_none_or(|expires| expires > now);
        (budget.is_zero() && fresh).then(|| plan.shared_facts())
    }

    fn discover(
        &self,
        shared: &Shared,
        next_hop: &NextHop,
        rule: &Rule,
        budget: Duration,
    ) -> Arc<Facts> {
        let question = Question {
            next_hop,
            hosts: &self.hosts,
            port: self.port.or(rule.port).unwrap_or(25),
            rule,
            requiring: self.message.requirement.requiring().is_some(),
        };
        let deadline = Deadline::after(budget);
        Log::during(self.log.as_ref(), || {
            shared.discovery.lookup(&question, &deadline).into()
        })
    }

    /// Whether the delivery keeps what it is told.
    #[cfg(test)]
    pub(crate) fn records(&self) -> bool {
        let looked = self.looked.as_ref();
        looked.is_some_and(|looked| looked.delivery.is_recording())
    }

    /// What core has of the plan, once it was looked up.
    #[cfg(test)]
    pub(crate) fn delivery(&self) -> Option<&Delivery> {
        self.looked.as_ref().map(|looked| &looked.delivery)
    }

    /// Runs a step of the delivery; before the lookup there is none.
    fn step(&mut self, step: impl FnOnce(&mut Delivery) -> Action) -> Action {
        match &mut self.looked {
            Some(looked) => step(&mut looked.delivery),
            None => self.misuse("a host was asked about before the lookup"),
        }
    }

    /// What the server may not do: it holds the mail, and leaves the host.
    fn misuse(&mut self, what: &str) -> Action {
        if let Some(looked) = &mut self.looked {
            let _ = looked.delivery.misuse(what);
        }
        self.why = Some(internal(&format!("called out of order: {what}")));
        Action::Defer
    }

    fn leave(&mut self) {
        if let Some(looked) = &mut self.looked
            && looked.delivery.current().is_some()
        {
            let _ = looked.delivery.done(End::Lost);
        }
    }

    /// One line for an answer that sends nothing on.
    fn log_refusal(&self, action: Action) {
        let refused = matches!(action, Action::Defer | Action::NextHost | Action::Bounce);
        let Some(log) = self.log.as_ref().filter(|_| refused) else {
            return;
        };
        match (self.fault.as_ref().or(self.why.as_ref()), &self.looked) {
            (Some(why), _) => log.decision(&LogLine::out_of_order(action, why)),
            (None, Some(looked)) => log.decision(&LogLine::refused(&looked.delivery, action)),
            (None, None) => {}
        }
    }

    fn say(&self, severity: Severity, text: std::fmt::Arguments<'_>) {
        if let Some(log) = &self.log {
            log.line(severity, text);
        }
    }
}

/// Runs a call that changes a plan. Texts handed out before end here. A panic breaks the plan: it
/// holds the mail from then on.
///
/// # Safety
/// `p` is NULL, or a live plan that is ours alone.
unsafe fn change(p: *mut rtls_plan, call: impl FnOnce(&mut rtls_plan) -> Action) -> c_int {
    // It may be the plan whose call is on its way, and that is not ours alone now.
    if guard::is_inside() {
        return RTLS_DEFER;
    }
    // SAFETY: see above.
    let Some(plan) = (unsafe { handle::exclusive(p) }) else {
        return RTLS_DEFER;
    };
    let action = guard::run(|| {
        plan.told.forget();
        if plan.fault.is_some() {
            return Action::Defer;
        }
        plan.why = None;
        let action = call(plan);
        if let (Some(shared), Some(looked)) = (&plan.shared, &plan.looked) {
            shared.discovery.note(&looked.delivery);
        }
        plan.log_refusal(action);
        action
    });
    if let Some(action) = action {
        return number(action);
    }
    plan.fault = Some(internal(&format!("internal error at {}", guard::place())));
    RTLS_DEFER
}

fn number(action: Action) -> c_int {
    match action {
        Action::Defer => RTLS_DEFER,
        Action::Go => RTLS_GO,
        Action::NextHost => RTLS_NEXT_HOST,
        Action::Bounce => RTLS_BOUNCE,
        Action::StartTls => RTLS_STARTTLS,
        Action::Again => RTLS_AGAIN,
    }
}

fn internal(sentence: &str) -> Reply {
    Reply::new(451, Enhanced(4, 3, 0), sentence)
}

#[cfg(test)]
mod tests {
    use super::rtls_plan;
    use crate::tests::Context;
    use requiretls_core::delivery::Action;
    use std::time::Duration;

    #[test]
    fn facts_of_before_are_for_a_lookup_without_time() {
        let ctx = Context::new("");
        // SAFETY: a live context.
        let ctx = unsafe { crate::handle::shared(ctx.0) };
        let mut plan = rtls_plan::for_ctx(ctx, 0);
        let read = plan.read(Some(b"[192.0.2.1]"), 0, Some(b""), 0);
        assert_eq!(read, Ok(()));
        let shared = plan.shared.clone().expect("a context");
        let none = Duration::ZERO;
        assert_eq!(plan.known_facts(none, &shared), None, "there are none yet");
        assert_eq!(plan.look_up(Duration::from_millis(100)), Action::Go);
        assert!(plan.known_facts(none, &shared).is_some());
        assert_eq!(plan.known_facts(Duration::from_millis(1), &shared), None);
    }
}
