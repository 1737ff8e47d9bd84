
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
