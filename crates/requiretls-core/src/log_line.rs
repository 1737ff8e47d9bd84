//! How is a decision logged?
//!
//! One line per decision, one `name=value` token per feature, so that a postmaster can grep for
//! it. A delivery under a weaker hop mode, and one on the null path, names what the tag asked and
//! did not get (P12).

use crate::connection::{Clearance, Unmet};
use crate::decision::{Row, Who};
use crate::delivery::{Action, Delivery, Verdict};
use crate::plan::Plan;
use crate::requirement::Requirement;
use crate::tag;
use crate::tls_level::TlsLevel;
use std::fmt::Write;

/// How much a line matters, in the numbers of syslog.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Severity {
    /// A message was accepted that was not to be sent.
    Error = 3,
    /// A requiring tag in clear text.
    Warning = 4,
    /// A relaxed use of a requiring tag, a refusal.
    Notice = 5,
    /// Everything else.
    Info = 6,
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
        let plan = delivery.plan();
        let mut text = head(plan, "go");
        if let Some(candidate) = delivery.current() {
            token(&mut text, "host", &candidate.host.to_string());
        }
        token(&mut text, "level", clearance.level().as_str());
        token(&mut text, "who", clearance.who().as_str());
        token(
            &mut text,
            "tls",
            if clearance.tls() { "yes" } else { "none" },
        );
        let sent = match (clearance.mail_params().trim_start(), clearance.ret_hdrs()) {
            ("", true) => "RET=HDRS",
            (parameter, _) => parameter,
        };
        token(&mut text, "sent", sent);
        let relaxed = plan.is_relaxed();
        if relaxed {
            let unmet: Vec<&str> = clearance
                .unmet()
                .iter()
                .map(|u| Unmet::as_str(*u))
                .collect();
            token(&mut text, "unmet", &unmet.join(","));
        }
        let severity = match (relaxed, clearance.tls()) {
            (true, false) => Severity::Warning,
            (true, true) => Severity::Notice,
            (false, _) => Severity::Info,
        };
        Self { severity, text }
    }

    /// This host will not do, or a call came out of order.
    #[must_use]
    pub fn refused(delivery: &Delivery, action: Action) -> Self {
        let mut text = head(delivery.plan(), action.as_str());
        if let Some(refusal) = delivery
            .last_refusal()
            .filter(|_| action == Action::NextHost)
        {
            token(&mut text, "row", refusal.row.as_str());
            token(&mut text, "who", refusal.who.as_str());
        }
        if let Some(why) = delivery.why() {
            reason(&mut text, why.code, &why.enhanced.to_string(), &why.text);
        }
        Self {
            severity: Severity::Info,
            text,
        }
    }

    /// The end over all hosts.
    #[must_use]
    pub fn verdict(plan: &Plan, verdict: &Verdict) -> Self {
        let mut text = head(plan, verdict.action.as_str());
        if let Some(row) = verdict.row {
            token(&mut text, "row", Row::as_str(row));
        }
        if verdict.who != Who::Nobody {
            token(&mut text, "who", verdict.who.as_str());
        }
        if verdict.action != Action::Go {
            let reply = &verdict.reply;
            reason(
                &mut text,
                reply.code,
                &reply.enhanced.to_string(),
                &reply.text,
            );
        }
        let severity = if verdict.action == Action::Go {
            Severity::Info
        } else {
            Severity::Notice
        };
        Self { severity, text }
    }
}

fn head(plan: &Plan, action: &str) -> String {
    let mut text = format!("action={action}");
    token(&mut text, "next_hop", &plan.next_hop().to_string());
    token(&mut text, "tag", &tag::word(plan.requirement()));
    if matches!(plan.requirement(), Requirement::Requiring(_)) {
        token(
            &mut text,
            "hop",
            &plan.rule().hop.as_str().replace(' ', "-"),
        );
    }
    if plan.rule().floor > TlsLevel::May {
        token(&mut text, "floor", plan.rule().floor.as_str());
    }
    text
}

fn token(text: &mut String, name: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = write!(text, " {name}={value}");
}

fn reason(text: &mut String, code: u16, enhanced: &str, sentence: &str) {
    let _ = write!(
        text,
        " code={code} enhanced={enhanced} reason=\"{}\"",
        sentence.replace('"', "'")
    );
}

#[cfg(test)]
mod tests {
    use super::{LogLine, Severity};
    use crate::authenticate::{CertFailure, Evidence, Outcome};
    use crate::delivery::{Action, Delivery};
    use crate::domain::Domain;
    use crate::ehlo::EhloReply;
    use crate::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
    use crate::next_hop::{Host, NextHop};
    use crate::plan::{Message, Plan, Settings};
    use crate::requirement::Requirement;
    use crate::site_policy::{HopMode, Rule};

    /// P12: a relaxed use is logged with what was unmet, in clear text as a warning.
    #[test]
    fn p12_lines() {
        let rows = [
            (
                HopMode::Encrypt,
                true,
                Severity::Notice,
                "action=go next_hop=partner.test tag=R hop=encrypt host=mx.partner.test \
                 level=encrypt who=sender tls=yes sent=RET=HDRS unmet=mx,cert,norequiretls",
            ),
            (
                HopMode::Opportunistic,
                false,
                Severity::Warning,
                "action=go next_hop=partner.test tag=R hop=opportunistic host=mx.partner.test \
                 level=may who=nobody tls=none sent=RET=HDRS unmet=mx,starttls",
            ),
        ];
        for (hop, tls, severity, expected) in rows {
            let mut delivery = Delivery::new(plan(hop));
            delivery.host(&Host::Name(Domain::known("mx.partner.test")));
            if tls {
                delivery.ehlo(&EhloReply::parse(b"250-mx\n250 STARTTLS"));
                delivery.tls(Some("TLSv1.3"), Some("TLS_AES_128_GCM_SHA256"));
                delivery.peer(Evidence::new(|_| Outcome::Fails(CertFailure::NotTrusted)));
            }
            assert_eq!(
                delivery.ehlo(&EhloReply::parse(b"250-mx\n250 DSN")),
                Action::Go
            );
            let clearance = delivery.mail_params(0).expect("may go");
            let line = LogLine::cleared(&delivery, &clearance);
            assert_eq!((line.severity, line.text.as_str()), (severity, expected));
        }
    }

    /// P12: an empty `unmet` says that enforce would have passed, and it passes no host that the
    /// lookup did not find.
    #[test]
    fn p12_a_stranger_is_unmet() {
        let mut delivery = Delivery::new(plan(HopMode::Opportunistic));
        delivery.host(&Host::Name(Domain::known("elsewhere.test")));
        delivery.ehlo(&EhloReply::parse(b"250-mx\n250 DSN"));
        let clearance = delivery.mail_params(0).expect("may go");
        let line = LogLine::cleared(&delivery, &clearance).text;
        assert!(line.ends_with(" unmet=mx,starttls"), "{line}");
    }

    #[test]
    fn e6_refusals_name_host_cause_and_who() {
        let mut delivery = Delivery::new(plan(HopMode::Encrypt));
        delivery.host(&Host::Name(Domain::known("mx.partner.test")));
        let action = delivery.ehlo(&EhloReply::parse(b"250-mx\n250 DSN"));
        let line = LogLine::refused(&delivery, action);
        assert_eq!(
            line.text,
            "action=next_host next_hop=partner.test tag=R hop=encrypt row=9 who=sender code=550 \
             enhanced=5.7.10 reason=\"mx.partner.test: it offers no STARTTLS (required by the \
             sender)\""
        );
        let verdict = LogLine::verdict(delivery.plan(), &delivery.verdict());
        assert!(
            verdict
                .text
                .starts_with("action=bounce next_hop=partner.test tag=R ")
        );
        assert_eq!(verdict.severity, Severity::Notice);
    }

    fn plan(hop: HopMode) -> Plan {
        let facts = Facts {
            route: Route::Mx(Security::Insecure),
            expanded: None,
            hosts: vec![HostFacts {
                host: Host::Name(Domain::known("mx.partner.test")),
                addresses: Addresses::Found(Vec::new()),
                cname: None,
                tlsa: Tlsa::None,
            }],
            sts: Sts::None,
            expires: None,
        };
        let message = Message {
            requirement: Requirement::R,
            ..Message::default()
        };
        let rule = Rule {
            hop,
            ..Rule::default()
        };
        let next_hop = NextHop::Domain(Domain::known("partner.test"));
        Plan::new(next_hop, message, rule, Settings::default(), facts)
    }
}
