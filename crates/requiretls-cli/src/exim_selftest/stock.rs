//! Do the shipped files hold in a stock Exim?

use super::configured::Configured;
use super::finding::Finding;
use super::library::Library;
use super::session::Client;
use super::{Found, ROOT, Subject, drivers, shipped, surroundings};

/// The authenticator that shows REQUIRETLS to clients.
const KEYWORD: &str = "requiretls_keyword";

const NEW_EXIM: &str = "what makes Exim understand it has stopped, or is not included: take full/ out of the configuration until it holds";

/// Looks at everything that the files need.
pub(super) fn look(subject: &Subject<'_>) -> Found {
    let exim = subject.exim;
    let none = |files, offers, finding| Found {
        files,
        offers,
        findings: vec![finding],
    };
    let configured = match Configured::ask(exim) {
        Ok(configured) => configured,
        Err(why) => {
            let check = "the configuration can be asked about";
            return none(
                "unknown",
                None,
                Finding::unknown(check, "exim -bP macros", &why, ROOT),
            );
        }
    };
    let path = configured.value("REQUIRETLS_LIBRARY");
    if path.is_empty() {
        let said = "it is not defined: main.conf is not included";
        let advice = "README.md beside the files says where they are to be included";
        let check = "the shipped files are included";
        let asked = "exim -bP macro REQUIRETLS_LIBRARY";
        return none(
            "none",
            Some(false),
            Finding::fault(check, asked, said, advice),
        );
    }
    let library = Library {
        exim,
        path,
        domain: &subject.args.domain,
    };
    let client = Client {
        exim,
        address: subject.address,
    };
    let mut findings = vec![loads_functions(subject)];
    findings.extend(library.answers());
    findings.extend(drivers::main_options(&configured, shipped::MAIN));
    if configured.macros.contains_key("REQUIRETLS_OTHER_ACL") {
        findings.push(drivers::other_acl(&configured, subject.configuration));
    }
    findings.extend(tagged(&configured));
    findings.extend(drivers::transports(&configured));
    findings.extend(bound(&configured, &library));
    if let Some(transport) = configured.driver("transport", "requiretls_lmtp") {
        findings.extend(surroundings::program(transport));
    }
    findings.extend(client.fields());
    // Any part of the full files asks for all of them.
    let offers = configured.macros.contains_key("REQUIRETLS_FULL_FILES")
        || configured.driver("authenticator", KEYWORD).is_some();
    if offers {
        findings.extend(drivers::main_options(&configured, shipped::FULL_MAIN));
        findings.extend(drivers::keyword(&configured));
        findings.push(is_last(&configured));
        findings.extend(client.parameter(NEW_EXIM));
    }
    Found {
        files: if offers { "full" } else { "standard" },
        offers: Some(offers),
        findings,
    }
}

fn loads_functions(subject: &Subject<'_>) -> Finding {
    let check = "Exim can load functions";
    let supports = &subject.version.supports;
    if supports.iter().any(|what| what == "Expand_dlfunc") {
        Finding::holds(check, "exim -bV", "Expand_dlfunc")
    } else {
        let advice = "install exim4-daemon-heavy: this build has no ${dlfunc}";
        Finding::fault(check, "exim -bV", &supports.join(" "), advice)
    }
}

fn tagged(configured: &Configured) -> Vec<Finding> {
    let routers = &configured.routers;
    let mut findings = drivers::routers(configured, shipped::ROUTERS_TAGGED);
    findings.push(routers.before_tagged(configured.value("REQUIRETLS_OWN_DOMAINS")));
    findings.push(routers.follows("requiretls_tagged_plan", "requiretls_tagged"));
    findings
}

/// A server that hands everything to a smart host has none of these routers.
fn bound(configured: &Configured, library: &Library<'_>) -> Vec<Finding> {
    let routers = &configured.routers;
    if !routers.has("requiretls_policy") && !routers.has("requiretls_bound") {
        let advice =
            "with a smart host that is right; else include routers-policy.conf before dnslookup";
        return vec![Finding::doubt(
            "mail is bound by the policies of its recipients",
            "exim -bP router_list",
            "no requiretls_policy: mail without a tag goes as in stock Exim",
            advice,
        )];
    }
    let mut findings = drivers::routers(configured, shipped::ROUTERS_POLICY);
    findings.push(routers.follows("requiretls_policy", "requiretls_bound"));
    findings.push(routers.before_policy());
    if let Some(transport) = configured.driver("transport", "requiretls_smtp") {
        let gate = transport.get("authenticated_sender");
        findings.push(library.refuses_what_it_has_not_seen(gate.map_or("", String::as_str)));
    }
    let (policy, is_found) = library.finds_a_policy();
    findings.push(policy);
    if is_found {
        findings.push(library.is_routed_by_it());
    }
    findings
}

/// The name of the authenticator ends its line in the reply to EHLO; others behind it would be lost.
fn is_last(configured: &Configured) -> Finding {
    let check = "the authenticator requiretls_keyword is the last one";
    let asked = "exim -bP authenticator_list";
    let names: Vec<&str> = configured
        .authenticators
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    if names.last() == Some(&KEYWORD) {
        Finding::holds(check, asked, &names.join(" "))
    } else {
        let advice = "include authenticators.conf behind all others";
        Finding::fault(check, asked, &names.join(" "), advice)
    }
}
