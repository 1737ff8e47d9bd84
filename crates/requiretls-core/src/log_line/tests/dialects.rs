//! Nothing behind the parser knows in which dialect a sender has asked.

use super::{AES, insecure_mx, partner, to_host, unproved};
use crate::authenticate::{Evidence, Outcome};
use crate::case::Case;
use crate::delivery::Delivery;
use crate::log_line::LogLine;
use crate::mail_param::{Answer, Dialects, MailParams, TagTrust};
use crate::next_hop::NextHop;
use crate::plan::{Message, Plan, Settings};
use crate::requirement::Requirement;
use crate::site_policy::{HopMode, Rule};
use std::path::Path;

/// What two senders say, one in each dialect, and may mean the same.
type Asked = (
    Dialects,
    &'static [(&'static str, Option<&'static str>)],
    &'static str,
);

const RFC8689: Dialects = Dialects {
    rfc8689: true,
    ..Dialects::NONE
};
const DRAFT: Dialects = Dialects {
    draft_fenton: true,
    ..Dialects::NONE
};
const LEVEL: Dialects = Dialects {
    tls_level: true,
    ..Dialects::NONE
};
const ALL: Dialects = Dialects {
    rfc8689: true,
    draft_fenton: true,
    tls_level: true,
};

/// design.md, "Three ways to ask": equal requirements give equal plans, lines and cases, whatever
/// they were said in. A plan's own part of a message has no room for a dialect either.
#[test]
fn p4_equal_requirements_are_equal_in_every_dialect() {
    #[rustfmt::skip]
    let rows: [(&str, Asked, Asked); 6] = [
        ("R: rfc8689, and LS merged with the draft's bare form",
            (RFC8689, &[("REQUIRETLS", None)], ""), (DRAFT, &[("REQUIRETLS", None)], "1.secure")),
        ("R: one dialect, and all of them",
            (RFC8689, &[("REQUIRETLS", None)], ""), (ALL, &[("REQUIRETLS", None)], "")),
        ("R: a parameter, and LS merged with a tag of F0",
            (RFC8689, &[("REQUIRETLS", None)], ""), (LEVEL, &[("TLSPOLICY", Some("SECURE"))], "1.encrypt.onward")),
        ("LM: both names of the parameter",
            (LEVEL, &[("TLSPOLICY", Some("MAY"))], ""), (ALL, &[("TLS", Some("may"))], "")),
        ("FC: the draft, and FCD merged with it",
            (DRAFT, &[("REQUIRETLS", Some("CHAIN"))], ""), (DRAFT, &[("REQUIRETLS", Some("CHAIN,DANE"))], "1.encrypt.onward.chain")),
        ("R with CHAIN: LS merged with FC, and R with FC",
            (LEVEL, &[("TLSPOLICY", Some("SECURE"))], "1.encrypt.onward.chain"), (RFC8689, &[("REQUIRETLS", None)], "1.encrypt.onward.chain")),
    ];
    for (label, one, other) in rows {
        let (one, other) = (read(one), read(other));
        assert_eq!(one, other, "{label}");
        for hop in [HopMode::Enforce, HopMode::Encrypt, HopMode::Off] {
            assert_eq!(traces(one, hop), traces(other, hop), "{label}, {hop:?}");
        }
    }
}

/// By name as well: only the parser and those who set it up know the type. The manual is no code.
#[test]
fn p4_no_room_behind_the_parser_names_an_inbound_dialect() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut knowing = Vec::new();
    for name in files(&root) {
        let text = std::fs::read_to_string(root.join(&name)).expect("a source");
        let parser =
            name.starts_with("mail_param") || name.starts_with("manual/") || name.contains("tests");
        if !parser && (text.contains("Dialects") || text.contains("mail_param::")) {
            knowing.push(name);
        }
    }
    // EHLO has to say which dialects are understood.
    assert_eq!(knowing, ["ehlo.rs"]);
}

/// Everything that a plan makes of a requirement, as text.
fn traces(requirement: Requirement, hop: HopMode) -> Vec<String> {
    // Without a rest: another field here would have to be shown not to be a dialect.
    let message = Message {
        requirement,
        null_path: false,
        auth: false,
    };
    let rule = Rule {
        hop,
        ..Rule::default()
    };
    let next_hop = NextHop::parse("partner.test").expect("a next hop");
    let mut facts = insecure_mx();
    facts.route = crate::facts::Route::Configured;
    let plan = Plan::new(next_hop, message, rule, Settings::default(), facts);
    let offer = "250-REQUIRETLS\n250-TLSPOLICY MAY ENCRYPT SECURE\n250 DSN";
    let good = Evidence::new(|_| Outcome::Holds);
    let sent = to_host(plan.clone(), &partner(), Some("TLSv1.3"), AES, good, offer);
    let mut refused = Delivery::new(plan.clone()).recording();
    refused.host(&partner());
    refused.ehlo(&crate::ehlo::EhloReply::parse(b"250-mx\n250 STARTTLS"));
    refused.tls(Some("TLSv1.1"), AES);
    refused.peer(unproved());
    let verdict = LogLine::verdict(&plan, &refused.verdict());
    let case = Case::of_verdict(&refused).map(|case| case.line());
    vec![
        format!("{plan:?}"),
        sent.text,
        verdict.text,
        format!("{case:?}"),
    ]
}

fn read((dialects, parameters, earlier): Asked) -> Requirement {
    let mut params = MailParams::new(dialects, true, true);
    for (name, value) in parameters {
        let answer = params.param(name.as_bytes(), value.map(str::as_bytes));
        assert_eq!(answer, Answer::Taken, "{name}={value:?}");
    }
    if !earlier.is_empty() {
        params.earlier_tag(earlier.as_bytes(), TagTrust::Full);
    }
    params.end().expect("is not refused")
}

fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                left.push(path);
            } else if let Ok(name) = path.strip_prefix(root) {
                found.push(name.display().to_string());
            }
        }
    }
    found.sort();
    found
}
