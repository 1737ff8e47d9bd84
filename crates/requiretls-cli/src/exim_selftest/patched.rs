//! Does it hold in an Exim with librequiretls compiled in?
//!
//! There is less to look at: what the files do in a stock Exim, the program does itself. What can be lost is the guard for the
//! day when the stock build is put back.

use super::finding::Finding;
use super::session::Client;
use super::{Found, Subject};
use std::collections::BTreeSet;

const ADVICE: &str = "the library is not asked: is requiretls.conf readable (requiretls check-config), and is this the daemon that runs?";

/// Looks at everything that the patch needs.
pub(super) fn look(subject: &Subject<'_>) -> Found {
    let client = Client {
        exim: subject.exim,
        address: subject.address,
    };
    let mut findings = vec![guard(subject.configuration)];
    findings.extend(client.parameter(ADVICE));
    Found {
        files: "none",
        offers: Some(true),
        findings,
    }
}

/// Exim leaves the guard out when it reads the configuration; so the files themselves are looked at.
fn guard(configuration: &str) -> Finding {
    let check = "tagged mail waits where this Exim is replaced by its stock build";
    let files = files(configuration);
    let has_guard = |file: &&str| {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        is_guarded(&text)
    };
    if let Some(file) = files.iter().copied().find(has_guard) {
        return Finding::holds(check, file, ".ifndef _HAVE_REQUIRETLS");
    }
    let files: Vec<&str> = files.into_iter().collect();
    let advice = "include guard.conf before the first router that sends mail to other hosts";
    let said = "no router under .ifndef _HAVE_REQUIRETLS";
    Finding::fault(check, &files.join(" "), said, advice)
}

/// The files that Exim has read: it names each one where it begins and where it goes on.
fn files(configuration: &str) -> BTreeSet<&str> {
    let name = |line| -> Option<&str> {
        let (number, rest) = str::strip_prefix(line, "# ")?.split_once(" \"")?;
        number.parse::<u32>().ok()?;
        rest.strip_suffix('"')
    };
    configuration.lines().filter_map(name).collect()
}

/// Whether a router is there for the stock build that holds what is tagged.
fn is_guarded(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let is_there = lines.any(|line| line == ".ifndef _HAVE_REQUIRETLS");
    let guard: Vec<&str> = lines.take_while(|line| *line != ".endif").collect();
    let has = |part: &str| guard.iter().any(|line| line.contains(part));
    is_there && has("driver = redirect") && has("def:acl_m_requiretls") && has(":defer:")
}

#[cfg(test)]
mod tests {
    use super::{files, is_guarded};

    #[test]
    fn files_are_named_in_between() {
        let text = "# Exim Configuration (4.96)\n# 1 \"/etc/exim4/exim4.conf\"\n# 7 a comment\nbegin routers\n\
                    # 1 \"/usr/share/guard.conf\"\n# 4 \"/etc/exim4/exim4.conf\"\n";
        let found: Vec<&str> = files(text).into_iter().collect();
        assert_eq!(found, ["/etc/exim4/exim4.conf", "/usr/share/guard.conf"]);
    }

    #[test]
    fn a_guard_is_a_router_that_holds_tagged_mail() {
        let shipped = include_str!("../../../requiretls-capi/hosts/exim/patch/guard.conf");
        for (label, text, expected) in [
            ("as shipped", shipped.to_owned(), true),
            ("for everybody", shipped.replace(".ifndef", ".ifdef"), false),
            (
                "for other mail",
                shipped.replace("requiretls}", "other}"),
                false,
            ),
            ("that lets it go", shipped.replace(":defer:", ""), false),
            ("none", String::new(), false),
        ] {
            assert_eq!(is_guarded(&text), expected, "{label}");
        }
    }
}
