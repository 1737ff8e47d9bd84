//! What do the files say that are shipped with this program?
//!
//! Exim prints what it has read with macros replaced and lines joined; so the same is made of the files, to be compared.

use std::collections::BTreeMap;

/// The files that are shipped for a stock Exim.
pub(super) const MAIN: &str =
    include_str!("../../../requiretls-capi/hosts/exim/standard/main.conf");
pub(super) const ROUTERS_TAGGED: &str =
    include_str!("../../../requiretls-capi/hosts/exim/standard/routers-tagged.conf");
pub(super) const ROUTERS_POLICY: &str =
    include_str!("../../../requiretls-capi/hosts/exim/standard/routers-policy.conf");
pub(super) const TRANSPORTS: &str =
    include_str!("../../../requiretls-capi/hosts/exim/standard/transports.conf");
/// And what is added where REQUIRETLS is offered.
pub(super) const FULL_MAIN: &str =
    include_str!("../../../requiretls-capi/hosts/exim/full/main.conf");
pub(super) const FULL_AUTHENTICATORS: &str =
    include_str!("../../../requiretls-capi/hosts/exim/full/authenticators.conf");

/// Macros of the site's configuration with their values.
pub(super) type Macros = BTreeMap<String, String>;

/// One router, transport or authenticator; the options before the first have no name.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) options: Vec<Setting>,
}

/// An option and what it is set to; a switch is "true" or "false".
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Setting {
    pub(super) option: String,
    pub(super) value: String,
    /// Only where Exim knows the option at all.
    pub(super) if_known: bool,
}

/// The macros of ours that the files ask for.
pub(super) fn macro_names() -> Vec<String> {
    let files = [
        MAIN,
        ROUTERS_TAGGED,
        ROUTERS_POLICY,
        TRANSPORTS,
        FULL_MAIN,
        FULL_AUTHENTICATORS,
    ];
    let is_part = |c: char| c.is_ascii_uppercase() || c == '_';
    let words = files
        .iter()
        .flat_map(|file| file.split(|c: char| !is_part(c)));
    let mut names: Vec<String> = words
        .filter(|word| word.starts_with("REQUIRETLS_"))
        .map(str::to_owned)
        .collect();
    // The longest first: none is then replaced as the beginning of another.
    names.sort_unstable_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    names.dedup();
    names
}

/// The main options that the files set.
pub(super) fn main_options() -> Vec<String> {
    let files = [MAIN, FULL_MAIN].into_iter();
    let sections = files.flat_map(|file| sections(file, &Macros::new()));
    let settings = sections.flat_map(|section| section.options);
    settings.map(|setting| setting.option).collect()
}

/// How a condition of the file holds.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Branch {
    Taken,
    /// It depends on what the site has defined: both are as good.
    Open,
    NotTaken,
    /// It depends on what Exim knows.
    IfKnown,
}

/// Reads a file as Exim does where these macros are defined.
pub(super) fn sections(file: &str, macros: &Macros) -> Vec<Section> {
    let mut sections = vec![Section::default()];
    let mut branches: Vec<Branch> = Vec::new();
    for line in joined(file) {
        let mut words = line.split_whitespace();
        match (words.next(), words.next()) {
            (Some(".ifdef"), Some(name)) => branches.push(branch(name, true, macros)),
            (Some(".ifndef"), Some(name)) => branches.push(branch(name, false, macros)),
            (Some(".endif"), _) => drop(branches.pop()),
            _ => {
                let skipped = |b: &Branch| matches!(b, Branch::Open | Branch::NotTaken);
                if branches.iter().any(skipped) || line.starts_with(char::is_uppercase) {
                    continue;
                }
                let is_name = !line.starts_with(' ') && line.ends_with(':');
                if is_name {
                    let name = line.trim_end_matches(':').to_owned();
                    sections.push(Section {
                        name,
                        options: Vec::new(),
                    });
                } else if let Some(section) = sections.last_mut() {
                    let if_known = branches.contains(&Branch::IfKnown);
                    section.options.push(setting(line.trim(), if_known, macros));
                }
            }
        }
    }
    sections
}

fn branch(name: &str, wanted: bool, macros: &Macros) -> Branch {
    if name.starts_with("_OPT_") {
        Branch::IfKnown
    } else if name.starts_with("REQUIRETLS_") {
        if macros.contains_key(name) == wanted {
            Branch::Taken
        } else {
            Branch::NotTaken
        }
    } else {
        Branch::Open
    }
}

fn setting(line: &str, if_known: bool, macros: &Macros) -> Setting {
    let (option, value) = match line.split_once('=') {
        Some((option, value)) => (option.trim(), value.trim()),
        None => line
            .strip_prefix("no_")
            .map_or((line, "true"), |option| (option, "false")),
    };
    // Quotes around the whole are not part of it.
    let inside = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
    Setting {
        option: option.to_owned(),
        value: replaced(inside.unwrap_or(value), macros),
        if_known,
    }
}

/// A text with the macros' values.
pub(super) fn replaced(text: &str, macros: &Macros) -> String {
    let mut text = text.to_owned();
    for name in macro_names() {
        if let Some(value) = macros.get(&name) {
            text = text.replace(&name, value);
        }
    }
    text
}

/// The lines without comments; what a backslash continues is one.
fn joined(file: &str) -> Vec<String> {
    let (mut lines, mut open): (Vec<String>, bool) = (Vec::new(), false);
    for line in file.lines() {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let (part, goes_on) = line
            .strip_suffix('\\')
            .map_or((line, false), |part| (part, true));
        match lines.last_mut().filter(|_| open) {
            Some(last) => last.push_str(part.trim_start()),
            None => lines.push(part.to_owned()),
        }
        open = goes_on;
    }
    lines
}

/// The version of the functions that the files ask for.
pub(super) fn functions_version() -> &'static str {
    let after = ROUTERS_POLICY.split_once("{requiretls_here}{");
    let version = after.and_then(|(_, rest)| rest.split_once('}'));
    version.map_or("", |(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn macros(list: &[(&str, &str)]) -> Macros {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        list.iter().map(owned).collect()
    }

    #[test]
    fn a_file_is_read_as_exim_reads_it() {
        let file = "# a comment\n.ifndef REQUIRETLS_USER\nREQUIRETLS_USER = requiretls\n.endif\none = 1\n\n\
                    first:\n  driver = smtp\n  # between\n  data = ${if a\\\n    {REQUIRETLS_USER}}\n.ifdef HELO\n  helo_data = HELO\n.endif\n\
                    .ifdef _OPT_X\n  hosts_x =\n.endif\n  no_more\n  allow_defer\n  name = \"X\\r\\nY\"\n  multi = false\n\
                    .ifndef REQUIRETLS_OTHER_ACL\n  acl = ours\n.endif\n";
        let line = |option: &str, value: &str, if_known| Setting {
            option: option.to_owned(),
            value: value.to_owned(),
            if_known,
        };
        let expected = |acl: bool| {
            let mut options = vec![
                line("driver", "smtp", false),
                line("data", "${if a{exim}}", false),
                line("hosts_x", "", true),
                line("more", "false", false),
                line("allow_defer", "true", false),
                line("name", "X\\r\\nY", false),
                line("multi", "false", false),
            ];
            if acl {
                options.push(line("acl", "ours", false));
            }
            let first = Section {
                name: "first".to_owned(),
                options,
            };
            let before = Section {
                name: String::new(),
                options: vec![line("one", "1", false)],
            };
            vec![before, first]
        };
        for (label, defined, acl) in [
            ("as shipped", macros(&[("REQUIRETLS_USER", "exim")]), true),
            (
                "with an ACL of the site",
                macros(&[("REQUIRETLS_USER", "exim"), ("REQUIRETLS_OTHER_ACL", "1")]),
                false,
            ),
        ] {
            assert_eq!(sections(file, &defined), expected(acl), "{label}");
        }
    }

    #[test]
    fn the_shipped_files_are_understood() {
        let names = |file| -> Vec<String> {
            let sections = sections(file, &Macros::new());
            sections.into_iter().skip(1).map(|s| s.name).collect()
        };
        assert_eq!(
            names(ROUTERS_TAGGED),
            ["requiretls_tagged_plan", "requiretls_tagged"]
        );
        assert_eq!(
            names(ROUTERS_POLICY),
            ["requiretls_policy", "requiretls_bound"]
        );
        assert_eq!(names(TRANSPORTS), ["requiretls_lmtp", "requiretls_smtp"]);
        assert_eq!(names(FULL_AUTHENTICATORS), ["requiretls_keyword"]);
        assert_eq!(functions_version(), "2");
        assert!(macro_names().contains(&"REQUIRETLS_LIBRARY".to_owned()));
    }
}
