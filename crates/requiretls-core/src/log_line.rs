//! How is a decision logged?
//!
//! One line per decision, one `name=value` token per feature, so that a postmaster can grep for
//! it; [`token`] lists them all. A delivery under a weaker hop mode, and one on the null path, names
//! what the tag asked and did not get (P12); any delivery names what the next hop is not told (F12).

use crate::authenticate::Method;
use crate::case::Case;
use crate::connection::{Clearance, Unmet};
use crate::decision::{Row, Who};
use crate::delivery::{Action, Delivery, Verdict};
use crate::ehlo::Lost;
use crate::facts::{Route, Security};
use crate::need::MethodSet;
use crate::negotiated::Negotiated;
use crate::plan::Plan;
use crate::reply::Reply;
use crate::requirement::Requirement;
use crate::tag;
use crate::tls_level::TlsLevel;
use token::{Token, Tokens};

mod handed_over;
pub mod token;

pub use handed_over::{Answered, Carried, Ended};

/// How much a line matters, in the numbers of syslog.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Severity {
    /// A message was accepted that was not to be sent.
    Error = 3,
    /// A requiring tag in clear text.
    Warning = 4,
    /// A relaxed use of a requiring tag, a tag that is not passed on as it is, a refusal.
    Notice = 5,
    /// Everything else.
    Info = 6,
    /// The case of a decision.
    Debug = 7,
}

/// A line without its newline: printable ASCII.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    /// How much it matters.
    pub severity: Severity,
    /// The tokens.
    pub text: String,
}

impl LogLine {
    /// The gate has opened: what the message is sent with.
    #[must_use]
    pub fn cleared(delivery: &Delivery, clearance: &Clearance) -> Self {
        let mut tokens = opened(delivery.plan(), Action::Go);
        let severity = put_cleared(&mut tokens, delivery, clearance, true);
        Self::of(severity, tokens)
    }

    /// This host will not do, or a call came out of order.
    #[must_use]
    pub fn refused(delivery: &Delivery, action: Action) -> Self {
        let plan = delivery.plan();
        let mut tokens = opened(plan, action);
        put_floor(&mut tokens, plan);
        if let Some(refusal) = delivery
            .last_refusal()
            .filter(|_| action == Action::NextHost)
        {
            tokens.put(Token::Row, refusal.row);
            tokens.put(Token::Who, refusal.who);
        }
        put_tag(&mut tokens, plan);
        if let Some(why) = delivery.why() {
            put_reply(&mut tokens, why);
        }
        Self::of(Severity::Info, tokens)
    }

    /// What was refused before it came to a plan's delivery.
    #[must_use]
    pub fn out_of_order(action: Action, why: &Reply) -> Self {
        let mut tokens = Tokens::default();
        tokens.put(Token::Action, action.as_str());
        put_reply(&mut tokens, why);
        Self::of(Severity::Notice, tokens)
    }

    /// The end over all hosts.
    #[must_use]
    pub fn verdict(plan: &Plan, verdict: &Verdict) -> Self {
        put_verdict(Tokens::default(), plan, verdict)
    }

    /// The case of a decision, for `requiretls explain`.
    #[must_use]
    pub fn case(case: &Case) -> Self {
        let mut tokens = Tokens::default();
        tokens.put(Token::Case, case.line());
        Self::of(Severity::Debug, tokens)
    }

    fn of(severity: Severity, tokens: Tokens) -> Self {
        Self {
            severity,
            text: tokens.finish(),
        }
    }
}

impl Severity {
    /// This one, or the other where that matters more.
    fn at_least(self, other: Self) -> Self {
        if (other as u8) < self as u8 {
            other
        } else {
            self
        }
    }
}

fn opened(plan: &Plan, action: Action) -> Tokens {
    let mut tokens = Tokens::default();
    put_next_hop(&mut tokens, plan, action);
    tokens
}

fn put_next_hop(tokens: &mut Tokens, plan: &Plan, action: Action) {
    tokens.put(Token::Action, action.as_str());
    tokens.put(Token::NextHop, plan.next_hop());
}

/// What an open gate has let through; `said`: MAIL FROM has gone with it. How much that matters.
fn put_cleared(
    tokens: &mut Tokens,
    delivery: &Delivery,
    clearance: &Clearance,
    said: bool,
) -> Severity {
    let plan = delivery.plan();
    if let Some(candidate) = delivery.current() {
        tokens.put(Token::Host, &candidate.host);
    }
    if let Some(found) = found(&plan.facts().route) {
        tokens.put(Token::Mx, found);
    }
    tokens.put(Token::Level, clearance.level());
    put_floor(tokens, plan);
    tokens.put(Token::Who, clearance.who());
    put_tag(tokens, plan);
    let tls = clearance.negotiated().map_or("none", Negotiated::as_str);
    tokens.put(Token::Tls, tls);
    tokens.put(Token::Auth, held(clearance.held()));
    let relaxed = plan.is_relaxed();
    if relaxed {
        tokens.put(Token::Unmet, list(clearance.unmet(), Unmet::as_str));
    }
    if said {
        let sent = match (clearance.mail_params().trim_start(), clearance.ret_hdrs()) {
            ("", true) => "RET=HDRS",
            (parameter, _) => parameter,
        };
        tokens.put(Token::Sent, sent);
    }
    let lost = clearance.lost();
    if !lost.is_empty() {
        tokens.put(Token::Lost, list(lost, Lost::as_str));
    }
    match (relaxed, clearance.tls()) {
        (true, false) => Severity::Warning,
        (true, true) => Severity::Notice,
        // No server is known to offer TLSPOLICY (L8): that it is not told is no news.
        (false, _) if !lost.is_empty() && asks_onward(plan) => Severity::Notice,
        (false, _) => Severity::Info,
    }
}

fn put_verdict(mut tokens: Tokens, plan: &Plan, verdict: &Verdict) -> LogLine {
    put_next_hop(&mut tokens, plan, verdict.action);
    put_floor(&mut tokens, plan);
    if let Some(row) = verdict.row {
        tokens.put(Token::Row, Row::as_str(row));
    }
    if verdict.who != Who::Nobody {
        tokens.put(Token::Who, verdict.who);
    }
    put_tag(&mut tokens, plan);
    if verdict.action == Action::Go {
        return LogLine::of(Severity::Info, tokens);
    }
    put_reply(&mut tokens, &verdict.reply);
    LogLine::of(Severity::Notice, tokens)
}

fn asks_onward(plan: &Plan) -> bool {
    matches!(plan.requirement(), Requirement::Requiring(demand) if demand.onward())
}

fn put_floor(tokens: &mut Tokens, plan: &Plan) {
    if plan.rule().floor > TlsLevel::May {
        tokens.put(Token::Floor, plan.rule().floor);
    }
}

fn put_tag(tokens: &mut Tokens, plan: &Plan) {
    if matches!(plan.requirement(), Requirement::Requiring(_)) {
        tokens.put(Token::Hop, plan.rule().hop.as_str().replace(' ', "-"));
    }
    if let Some(key) = plan.rule_key() {
        tokens.put(Token::Rule, key);
    }
    tokens.put(Token::Tag, tag::word(plan.requirement()));
}

fn put_reply(tokens: &mut Tokens, reply: &Reply) {
    tokens.put(Token::Code, reply.code);
    tokens.put(Token::Enhanced, reply.enhanced);
    tokens.put(Token::Reason, &reply.text);
}

fn list<T: Copy>(items: &[T], word: fn(T) -> &'static str) -> String {
    let words: Vec<&str> = items.iter().map(|item| word(*item)).collect();
    words.join(",")
}

fn held(methods: MethodSet) -> String {
    if methods.is_empty() {
        return "none".to_owned();
    }
    let words: Vec<&str> = methods
        .iter()
        .map(|method| match method {
            Method::Dane => "dane",
            Method::PkixHost => "pkix",
            Method::PkixNextHop => "pkix-domain",
            Method::SitePkix => "site-pkix",
            Method::SitePin => "site-pin",
        })
        .collect();
    words.join(",")
}

/// P2a; nothing goes by the other routes.
fn found(route: &Route) -> Option<&'static str> {
    match route {
        Route::Mx(Security::Secure) => Some("secure"),
        Route::Mx(Security::Insecure) => Some("insecure"),
        Route::Mx(Security::Unknown) => Some("unknown"),
        Route::Implicit(_) => Some("none"),
        Route::Configured => Some("configured"),
        Route::Literal => Some("literal"),
        Route::Failed(_) | Route::NullMx(_) | Route::NoDomain(_) => None,
    }
}

#[cfg(test)]
mod tests;
