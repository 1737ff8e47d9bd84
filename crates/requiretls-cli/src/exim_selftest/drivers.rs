//! Are routers, transports and main options what the shipped files say?

use super::configured::Configured;
use super::exim::{Options, one_line};
use super::finding::Finding;
use super::shipped::{self, Macros, Section, Setting};

/// What does not matter to anybody's protection.
const FREE: [&str; 3] = ["batch_max", "debug_print", "timeout"];

/// Parts of the transport for mail that is bound by a policy, and what depends on them. Whatever is in none of them comes last.
const PARTS: [(&str, &[&str]); 3] = [
    (
        "a connection serves one message that is bound by a policy, and no other",
        &[
            "connection_max_messages",
            "hosts_nopass_tls",
            "hosts_noproxy_tls",
            "multi_domain",
        ],
    ),
    (
        "the library judges each step, and MAIL waits for it",
        &["authenticated_sender", "event_action", "hosts_require_auth"],
    ),
    (
        "bound mail needs TLS, with the certificates of this very connection",
        &[
            "hosts_pipe_connect",
            "hosts_require_dane",
            "hosts_require_tls",
            "hosts_try_dane",
            "tls_resumption_hosts",
            "tls_sni",
            "tls_verify_hosts",
        ],
    ),
];

const ADVICE: &str = "include the file as it is shipped, or install this version of it; main.conf says what a site can set";

/// The transports of the standard files.
pub(super) fn transports(configured: &Configured) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in named(shipped::TRANSPORTS, &configured.macros) {
        let parts: &[_] = if section.name == "requiretls_smtp" {
            &PARTS
        } else {
            &[]
        };
        findings.extend(driver(configured, "transport", &section, parts));
    }
    findings
}

/// The routers of one of the standard files.
pub(super) fn routers(configured: &Configured, file: &str) -> Vec<Finding> {
    let sections = named(file, &configured.macros).into_iter();
    sections
        .flat_map(|section| driver(configured, "router", &section, &[]))
        .collect()
}

/// The authenticator that shows the keyword.
pub(super) fn keyword(configured: &Configured) -> Vec<Finding> {
    let sections = named(shipped::FULL_AUTHENTICATORS, &configured.macros).into_iter();
    sections
        .flat_map(|section| driver(configured, "authenticator", &section, &[]))
        .collect()
}

/// The main options: one finding each.
pub(super) fn main_options(configured: &Configured, file: &str) -> Vec<Finding> {
    let sections = shipped::sections(file, &configured.macros);
    let settings = sections.iter().flat_map(|section| &section.options);
    let look = |setting: &Setting| {
        let Setting { option, value, .. } = setting;
        let found = configured.main.get(option).map_or("", String::as_str);
        let (check, asked) = (format!("{option} is {value}"), format!("exim -bP {option}"));
        if option.ends_with("_message_file") {
            text_of_bounces(found, option)
        } else if found == value {
            Finding::holds(&check, &asked, found)
        } else {
            Finding::fault(&check, &asked, &said(found), why(option))
        }
    };
    settings.map(look).collect()
}

/// The text of bounces may be the site's own, if it passes the tag on.
fn text_of_bounces(file: &str, option: &str) -> Finding {
    let check = format!("what {option} names passes the tag on");
    if file.is_empty() {
        let asked = format!("exim -bP {option}");
        return Finding::fault(&check, &asked, "not set", why(option));
    }
    match std::fs::read_to_string(file) {
        Ok(text) if text.contains("RequireTLS-Tag: ") => Finding::holds(&check, file, "it does"),
        Ok(_) => Finding::fault(&check, file, "RequireTLS-Tag is not in it", why(option)),
        Err(error) => Finding::fault(&check, file, &error.to_string(), why(option)),
    }
}

/// Whether an ACL of the site's own, for messages that do not come by SMTP, asks for tags. `configuration`: as Exim has read it.
pub(super) fn other_acl(configured: &Configured, configuration: &str) -> Finding {
    let check = "messages that do not come by SMTP, bounces among them, keep their tags";
    let name = configured.main.get("acl_not_smtp");
    let name = name.map_or("", String::as_str);
    let asked = format!("exim -bP config, ACL {name}");
    let start = format!("{name}:");
    let mut lines = configuration.lines().map(str::trim);
    let found = !name.is_empty() && lines.any(|line| line == start);
    let ends =
        |line: &&str| (!line.ends_with(':') || line.contains(' ')) && !line.starts_with("begin ");
    if found
        && lines
            .take_while(ends)
            .any(|line| line.ends_with("acl = requiretls_fields"))
    {
        return Finding::holds(check, &asked, "requiretls_fields is asked");
    }
    Finding::fault(
        check,
        &asked,
        "requiretls_fields is not asked there",
        why("acl_not_smtp"),
    )
}

/// What is lost with a main option.
fn why(option: &str) -> &'static str {
    match option {
        "bounce_return_body" => {
            "RFC 8689 section 5: a bounce of tagged mail has no body; include main.conf"
        }
        "bounce_message_file" | "warn_message_file" => {
            "RFC 8689 section 5: a bounce requires what its message required; have the lines of the shipped file in the site's own"
        }
        "acl_not_smtp" => {
            "submitted mail and bounces lose their tags; set REQUIRETLS_OTHER_ACL, and have \"warn acl = requiretls_fields\" in the site's own ACL"
        }
        "strict_acl_vars" => {
            "whether a message has a tag cannot be asked then, and all mail waits; include main.conf"
        }
        "acl_smtp_mail" => {
            "set REQUIRETLS_MAIL_ACL, and have \"require acl = requiretls_mail\" in the site's own ACL"
        }
        _ => ADVICE,
    }
}

fn named(file: &str, macros: &Macros) -> Vec<Section> {
    let sections = shipped::sections(file, macros).into_iter();
    sections
        .filter(|section| !section.name.is_empty())
        .collect()
}

fn driver(
    configured: &Configured,
    kind: &str,
    section: &Section,
    parts: &[(&str, &[&str])],
) -> Vec<Finding> {
    let name = &section.name;
    let asked = format!("exim -bP {kind} {name}");
    let whole = format!("the {kind} {name} is as shipped");
    let Some(options) = configured.driver(kind, name) else {
        return vec![Finding::fault(&whole, &asked, "there is none", ADVICE)];
    };
    let in_no_part = |option: &str| !parts.iter().any(|(_, of)| of.contains(&option));
    let rest = if parts.is_empty() {
        whole
    } else {
        format!("the {kind} {name} is otherwise as shipped")
    };
    let look = |check: &str, of: &dyn Fn(&str) -> bool| {
        let settings = section.options.iter().filter(|s| of(&s.option));
        let differences: Vec<String> = settings.filter_map(|s| difference(s, options)).collect();
        if differences.is_empty() {
            Finding::holds(check, &asked, "as shipped")
        } else {
            Finding::fault(check, &asked, &differences.join("; "), ADVICE)
        }
    };
    let mut findings: Vec<Finding> = parts
        .iter()
        .map(|(check, of)| look(check, &|option| of.contains(&option)))
        .collect();
    findings.push(look(&rest, &|option| {
        in_no_part(option) && !FREE.contains(&option)
    }));
    findings
}

fn difference(setting: &Setting, options: &Options) -> Option<String> {
    let Setting {
        option,
        value,
        if_known,
    } = setting;
    // One word for two options.
    let option = if option == "verify" {
        "verify_recipient"
    } else {
        option
    };
    match options.get(option) {
        Some(found) if found == value => None,
        Some(found) => Some(format!("{option} is {}, not {}", said(found), said(value))),
        None if *if_known => None,
        None => Some(format!("{option} is not known")),
    }
}

/// A value that fits into a sentence.
fn said(value: &str) -> String {
    const LONGEST: usize = 100;
    let line = one_line(value);
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.split_at(end).0),
        None if line.is_empty() => "not set".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_are_in_the_file() {
        let sections = named(shipped::TRANSPORTS, &Macros::new());
        let smtp = sections
            .iter()
            .find(|section| section.name == "requiretls_smtp");
        let settings = &smtp.expect("the transport").options;
        for option in PARTS.iter().flat_map(|(_, of)| *of) {
            let count = settings.iter().filter(|s| s.option == *option).count();
            assert_eq!(count, 1, "{option}");
        }
    }
}
