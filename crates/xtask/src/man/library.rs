//! Which calls are told of together?

use std::fs;

use super::declarations::{self, Declarations, Item};
use super::page::{self, Page};
use crate::{Result, tree};

/// One page of section 3.
struct Group {
    title: &'static str,
    about: &'static str,
    /// What opens the description.
    lead: &'static str,
    /// Calls, types and numbers, in the order to tell of them.
    names: &'static [&'static str],
    see_also: &'static [&'static str],
}

const OVERVIEW: &str = "librequiretls";

const GROUPS: [Group; 7] = [
    Group {
        title: "rtls_open",
        about: "read the configuration of librequiretls",
        lead: "A context holds the configuration, the trust roots and what else is read once. Every other call has it \
               behind it.",
        names: &[
            "rtls_open",
            "rtls_close",
            "rtls_version",
            "rtls_ctx",
            "RTLS_VERSION",
            "RTLS_VERSION_NUMBER",
        ],
        see_also: &["librequiretls(3)", "rtls_set_log(3)", "requiretls.conf(5)"],
    },
    Group {
        title: "rtls_set_log",
        about: "take the log lines of librequiretls",
        lead: "The library writes nothing by itself, neither to a standard stream nor to syslog: a server's standard \
               output can be the SMTP connection. It tells a function of the server.",
        names: &["rtls_set_log", "rtls_set_log_level", "rtls_log_fn"],
        see_also: &["librequiretls(3)", "rtls_open(3)", "syslog(3)"],
    },
    Group {
        title: "rtls_mail",
        about: "what did the sender of a message require?",
        lead: "While a server reads MAIL FROM, and later the header section, it tells the library what the client has \
               said. The answer is a tag to keep with the message, or the reply that refuses the command. The state is a \
               plain value: a server may leave by longjmp(3) at any time, and there is nothing to free.",
        names: &[
            "rtls_ehlo_keyword",
            "rtls_mail_begin",
            "rtls_mail_param",
            "rtls_mail_line",
            "rtls_mail_header",
            "rtls_mail_tag",
            "rtls_mail_end",
            "rtls_mail_get",
            "rtls_mail",
            "rtls_reply",
            "RTLS_NOT_OURS",
            "RTLS_TAKEN",
            "RTLS_REFUSED",
            "RTLS_F_TLS",
            "RTLS_F_RAISE_ONLY",
            "RTLS_TAG_SIZE",
            "RTLS_GET_PARAMS",
            "RTLS_NUL",
        ],
        see_also: &["librequiretls(3)", "rtls_open(3)", "rtls_plan(3)"],
    },
    Group {
        title: "rtls_plan",
        about: "may a message go to a next hop?",
        lead: "A plan is for one tag and one next hop. It is looked up once, follows the server over all hosts that are \
               tried, and says in the end what becomes of the message.",
        names: &[
            "rtls_plan_new",
            "rtls_plan_add_host",
            "rtls_plan_lookup",
            "rtls_plan_verdict",
            "rtls_plan_free",
            "rtls_plan",
            "RTLS_DEFER",
            "RTLS_GO",
            "RTLS_NEXT_HOST",
            "RTLS_BOUNCE",
            "RTLS_F_NULL_PATH",
            "RTLS_F_LMTP",
            "RTLS_F_AUTH",
        ],
        see_also: &[
            "librequiretls(3)",
            "rtls_mail(3)",
            "rtls_plan_host(3)",
            "rtls_plan_ehlo(3)",
            "rtls_plan_get(3)",
        ],
    },
    Group {
        title: "rtls_plan_host",
        about: "may a message go to this host?",
        lead: "Servers that have a list of hosts of their own ask about each; others let the library name the next one. A \
               connection that is open already may serve too.",
        names: &[
            "rtls_plan_host",
            "rtls_plan_next",
            "rtls_plan_resume",
            "rtls_plan_done",
            "RTLS_CLOSED",
            "RTLS_HOST_SIZE",
        ],
        see_also: &[
            "librequiretls(3)",
            "rtls_plan(3)",
            "rtls_plan_ehlo(3)",
            "rtls_plan_get(3)",
        ],
    },
    Group {
        title: "rtls_plan_ehlo",
        about: "may a message go over this connection?",
        lead: "The server speaks SMTP and has a TLS library; after each step it tells what the peer has shown, and does \
               what the answer says.",
        names: &[
            "rtls_plan_ehlo",
            "rtls_plan_tls",
            "rtls_plan_tls_failed",
            "rtls_plan_peer",
            "rtls_plan_mail_params",
            "rtls_plan_mail_reply",
            "rtls_bytes",
            "RTLS_STARTTLS",
            "RTLS_AGAIN",
            "RTLS_TLS_LOST",
            "RTLS_TLS_REJECTED",
            "RTLS_PARAMS_SIZE",
        ],
        see_also: &[
            "librequiretls(3)",
            "rtls_plan(3)",
            "rtls_plan_host(3)",
            "rtls_plan_get(3)",
        ],
    },
    Group {
        title: "rtls_plan_get",
        about: "what is known of a next hop and its hosts?",
        lead: "Everything that a plan can be asked, by number. Most servers need no more than the server name to send, the \
               addresses of the host and the sentence for the log.",
        names: &[
            "rtls_plan_get",
            "RTLS_GET_LEVEL",
            "RTLS_GET_RET",
            "RTLS_GET_WHY",
            "RTLS_GET_SNI",
            "RTLS_GET_SESSION",
            "RTLS_GET_METHOD",
            "RTLS_GET_NAME",
            "RTLS_GET_TTL",
            "RTLS_GET_POLICY_TYPE",
            "RTLS_GET_POLICY_DOMAIN",
            "RTLS_GET_POLICY_STRING",
            "RTLS_GET_MX_PATTERN",
            "RTLS_GET_POLICY_FAILURE",
            "RTLS_GET_ADDRESS",
            "RTLS_SESSION_SIZE",
        ],
        see_also: &["librequiretls(3)", "rtls_plan(3)", "rtls_plan_host(3)"],
    },
];

/// The pages, and for each call one that leads to its page.
pub(super) fn pages(declarations: &Declarations) -> Result<Vec<(String, String)>> {
    let all = GROUPS.iter().map(|group| (group.title, group.names));
    let homes = declarations::distribute(declarations, all)?;
    let mut files = vec![(format!("{OVERVIEW}.3"), overview(declarations)?)];
    for group in &GROUPS {
        files.push((format!("{}.3", group.title), group.page(declarations)?));
    }
    for (name, home) in homes {
        if declarations.item(&name)?.is_call() && name != home {
            files.push((format!("{name}.3"), page::link(home)));
        }
    }
    Ok(files)
}

impl Group {
    fn page(&self, declarations: &Declarations) -> Result<String> {
        let items: Vec<&Item> = self
            .names
            .iter()
            .map(|name| declarations.item(name))
            .collect::<Result<_>>()?;
        let (calls, others): (Vec<&Item>, Vec<&Item>) =
            items.into_iter().partition(|item| item.is_call());
        let (types, numbers): (Vec<&Item>, Vec<&Item>) = others
            .into_iter()
            .partition(|item| item.name.starts_with("rtls_"));
        let mut names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        if !names.contains(&self.title) {
            names.insert(0, self.title);
        }
        let mut page = Page::new(self.title, 3, &names, self.about);
        page.section("SYNOPSIS");
        page.paragraph(
            "Compile and link with what \"pkg-config --cflags --libs requiretls\" says.",
        );
        page.verbatim(&synopsis(&types, &calls));
        page.section("DESCRIPTION");
        page.paragraph(self.lead);
        for call in &calls {
            describe(&mut page, call);
        }
        if !types.is_empty() {
            page.section("TYPES");
            for item in &types {
                page.entry(&item.name, &item.text());
            }
        }
        page.section("RETURN VALUE");
        for call in &calls {
            let returns = call.call().returns;
            page.entry(&call.name, returns.as_deref().unwrap_or("Nothing."));
        }
        if !numbers.is_empty() {
            page.section("NUMBERS");
            for item in &numbers {
                page.entry(&item.name, &item.text());
            }
        }
        page.section("EXAMPLES");
        page.paragraph("This is a whole program.");
        page.verbatim(&example(self.title)?);
        page.see_also(self.see_also.iter().copied());
        Ok(page.render())
    }
}

fn synopsis(types: &[&Item], calls: &[&Item]) -> String {
    let mut text = "#include <requiretls.h>\n\n".to_owned();
    for item in types {
        text.push_str(&without_comments(&item.code));
        text.push('\n');
    }
    for item in calls {
        text.push_str(&item.code);
        text.push('\n');
    }
    text
}

/// A struct without what is said of its fields.
fn without_comments(code: &str) -> String {
    let mut plain = String::new();
    let mut inside = false;
    for line in code.lines() {
        inside |= line.trim_start().starts_with("/*");
        if !inside {
            plain.push_str(line);
            plain.push('\n');
        }
        inside &= !line.contains("*/");
    }
    plain
}

fn describe(page: &mut Page, item: &Item) {
    let call = item.call();
    page.subsection(&item.name);
    page.paragraph(&call.summary);
    for (names, text) in &call.parameters {
        page.entry(names, text);
    }
    if let Some(when) = &call.when {
        page.paragraph(&format!("To be called {when}"));
    }
    if let Some(source) = &call.source {
        page.paragraph(&format!("See {source}"));
    }
}

/// The stories and the rules, and where the rest is.
fn overview(declarations: &Declarations) -> Result<String> {
    let mut page = Page::new(
        OVERVIEW,
        3,
        &[OVERVIEW],
        "per-message TLS policy for mail servers",
    );
    page.section("SYNOPSIS");
    page.verbatim(
        "#include <requiretls.h>\n\ncc program.c $(pkg-config --cflags --libs requiretls)",
    );
    page.section("DESCRIPTION");
    let mut paragraphs = Paragraphs::of(&declarations.head);
    paragraphs.next();
    for paragraph in paragraphs {
        match paragraph {
            Paragraph::Heading(text) => page.subsection(&text),
            Paragraph::Text(text) => page.paragraph(&text),
            Paragraph::Program(text) => page.verbatim(&text),
        }
    }
    page.section("PAGES");
    for group in &GROUPS {
        let calls: Vec<&str> = group
            .names
            .iter()
            .copied()
            .filter(|name| declarations.item(name).is_ok_and(Item::is_call))
            .collect();
        let text = format!("{} {}.", group.about, calls.join(", "));
        page.entry(&format!("{}(3)", group.title), &text);
    }
    page.section("EXAMPLES");
    page.paragraph("This is a whole program, which asks both questions.");
    page.verbatim(&example(OVERVIEW)?);
    let see_also = GROUPS.iter().map(|group| format!("{}(3)", group.title));
    let see_also: Vec<String> = see_also.chain(["requiretls.conf(5)".to_owned()]).collect();
    page.see_also(see_also.iter().map(String::as_str));
    Ok(page.render())
}

fn example(title: &str) -> Result<String> {
    let path = tree::capi().join(format!("man/{title}.c"));
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(text)
}

/// What the comment at the head of the header is made of.
enum Paragraph {
    Heading(String),
    Text(String),
    Program(String),
}

struct Paragraphs<'a> {
    lines: std::iter::Peekable<std::slice::Iter<'a, String>>,
}

impl<'a> Paragraphs<'a> {
    fn of(lines: &'a [String]) -> Self {
        Self {
            lines: lines.iter().peekable(),
        }
    }
}

impl Iterator for Paragraphs<'_> {
    type Item = Paragraph;

    fn next(&mut self) -> Option<Paragraph> {
        while self.lines.next_if(|line| line.is_empty()).is_some() {}
        let first = self.lines.next()?;
        if first.starts_with("   ") {
            let mut text = format!("{first}\n");
            while let Some(line) = self.lines.next_if(|line| !line.is_empty()) {
                text.push_str(line);
                text.push('\n');
            }
            return Some(Paragraph::Program(text));
        }
        let rule = first.strip_prefix("- ");
        let mut text = rule.unwrap_or(first).to_owned();
        while let Some(line) = self
            .lines
            .next_if(|line| !line.is_empty() && !line.starts_with("- "))
        {
            text.push(' ');
            text.push_str(line.trim());
        }
        let alone = rule.is_none() && !text.ends_with('.');
        Some(if alone {
            Paragraph::Heading(text)
        } else {
            Paragraph::Text(text)
        })
    }
}
