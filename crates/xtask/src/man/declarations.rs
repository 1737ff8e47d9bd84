//! What does the header say of each of its names?
//!
//! `include/requiretls.h` is generated from the source of the C ABI and holds all its words, so the pages are made of it.
//! A comment that begins a line is about what follows. That of a call is a summary, then its parameters as
//! `name, name: text`, then `Returns`, `When:` and `Source:`, each with its further lines indented.

use std::collections::BTreeMap;

use crate::Result;

/// The header, taken apart.
pub(crate) struct Declarations {
    /// The comment at its head: the stories, then what holds for every call.
    pub(crate) head: Vec<String>,
    items: Vec<Item>,
}

/// One name, with its comment and its code.
pub(crate) struct Item {
    pub(crate) name: String,
    pub(crate) code: String,
    comment: Vec<String>,
}

/// What is said of a call.
#[derive(Debug, Default)]
pub(crate) struct Call {
    pub(crate) summary: String,
    /// Names of parameters, and what is said of them.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) returns: Option<String>,
    pub(crate) when: Option<String>,
    pub(crate) source: Option<String>,
}

/// Calls that decide nothing: no standard says what they do.
const WITHOUT_SOURCE: [&str; 6] = [
    "rtls_open",
    "rtls_close",
    "rtls_set_log",
    "rtls_set_log_level",
    "rtls_plan_free",
    "rtls_version",
];

/// Said once for all calls, at the head of the header.
const SAID_ONCE: [&str; 2] = ["m", "p"];

impl Declarations {
    pub(crate) fn read(header: &str) -> Self {
        let (mut head, mut items) = (Vec::new(), Vec::new());
        for (comment, code) in pieces(header) {
            match name(&code) {
                Some(name) => items.push(Item {
                    name,
                    code,
                    comment,
                }),
                None if head.is_empty() => head = comment,
                None => {}
            }
        }
        Self { head, items }
    }

    /// What is declared under a name.
    pub(crate) fn item(&self, name: &str) -> Result<&Item> {
        let found = self.items.iter().find(|item| item.name == name);
        Ok(found.ok_or_else(|| format!("the header has no {name}"))?)
    }

    /// All of them, in the order of the header.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// What the comments of the calls leave unsaid.
    pub(crate) fn gaps(&self) -> Vec<String> {
        let calls = self.items.iter().filter(|item| item.is_call());
        calls.flat_map(Item::gaps).collect()
    }
}

impl Item {
    pub(crate) fn is_call(&self) -> bool {
        self.name.starts_with("rtls_") && !self.code.starts_with("typedef")
    }

    /// The comment as one text.
    pub(crate) fn text(&self) -> String {
        self.comment.join(" ")
    }

    /// The comment of a call.
    pub(crate) fn call(&self) -> Call {
        let mut call = Call::default();
        for paragraph in paragraphs(&self.comment) {
            if let Some(text) = paragraph.strip_prefix("Returns ") {
                call.returns = Some(text.to_owned());
            } else if let Some(text) = paragraph.strip_prefix("When: ") {
                call.when = Some(text.to_owned());
            } else if let Some(text) = paragraph.strip_prefix("Source: ") {
                call.source = Some(text.to_owned());
            } else if let Some((names, text)) = parameter(&paragraph) {
                call.parameters.push((names.to_owned(), text.to_owned()));
            } else {
                if !call.summary.is_empty() {
                    call.summary.push(' ');
                }
                call.summary.push_str(&paragraph);
            }
        }
        call
    }

    fn gaps(&self) -> Vec<String> {
        let call = self.call();
        let told: Vec<&str> = call
            .parameters
            .iter()
            .flat_map(|(names, _)| names.split(", "))
            .collect();
        let arguments = arguments(&self.code);
        let mut gaps = Vec::new();
        for argument in &arguments {
            if !told.contains(&argument.as_str()) && !SAID_ONCE.contains(&argument.as_str()) {
                gaps.push(format!("{}: nothing is said of {argument}", self.name));
            }
        }
        for name in told {
            if !arguments.iter().any(|argument| argument == name) {
                gaps.push(format!("{}: there is no parameter {name}", self.name));
            }
        }
        let mut need = |what: &str, is_there: bool| {
            if !is_there {
                gaps.push(format!("{}: {what}", self.name));
            }
        };
        need("no summary", !call.summary.is_empty());
        need("no When", call.when.is_some());
        let void = self.code.starts_with("void ");
        need("what it returns", call.returns.is_some() != void);
        let without = WITHOUT_SOURCE.contains(&self.name.as_str());
        need("its source", call.source.is_some() != without);
        gaps
    }
}

/// Comments that begin a line, each with the code behind it.
fn pieces(header: &str) -> Vec<(Vec<String>, String)> {
    let mut pieces: Vec<(Vec<String>, String)> = Vec::new();
    let mut inside = false;
    for line in header.lines() {
        if line.starts_with("/*") {
            inside = true;
            pieces.push((Vec::new(), String::new()));
        }
        let Some((comment, code)) = pieces.last_mut() else {
            continue;
        };
        if inside {
            inside = !line.contains("*/");
            let text = line.trim_start_matches("/*").trim_end_matches("*/");
            let text = text.strip_prefix(" *").unwrap_or(text);
            let text = text.strip_prefix(' ').unwrap_or(text).trim_end();
            if !(comment.is_empty() && text.is_empty()) {
                comment.push(text.to_owned());
            }
        } else if !line.trim().is_empty() && !line.starts_with("#if") && !line.starts_with("#end") {
            code.push_str(line);
            code.push('\n');
        }
    }
    for (comment, _) in &mut pieces {
        while comment.last().is_some_and(String::is_empty) {
            comment.pop();
        }
    }
    pieces
}

/// What a piece of code declares.
fn name(code: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let first = |text: &str| -> String { text.chars().take_while(|c| is_name(*c)).collect() };
    let name = if let Some(rest) = code.strip_prefix("#define ") {
        first(rest)
    } else if let Some((_, rest)) = code.split_once("(*rtls_") {
        format!("rtls_{}", first(rest))
    } else if code.starts_with("typedef ") {
        let before = code.trim_end().trim_end_matches(';');
        before.rsplit(|c| !is_name(c)).next()?.to_owned()
    } else {
        let (before, _) = code.split_once('(')?;
        before.rsplit(|c| !is_name(c)).next()?.to_owned()
    };
    let ours = name.starts_with("rtls_") || name.starts_with("RTLS_");
    ours.then_some(name)
}

/// Lines that belong together, as one text each.
fn paragraphs(comment: &[String]) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    for line in comment {
        let labelled = ["Returns ", "When: ", "Source: "]
            .iter()
            .any(|label| line.starts_with(label));
        match paragraphs.last_mut() {
            Some(last) if line.starts_with("  ") || !(labelled || parameter(line).is_some()) => {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => paragraphs.push(line.clone()),
        }
    }
    paragraphs
}

/// "name, name: text".
fn parameter(line: &str) -> Option<(&str, &str)> {
    let (names, text) = line.split_once(": ")?;
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    names.split(", ").all(is_name).then_some((names, text))
}

/// The names of a function's parameters.
fn arguments(code: &str) -> Vec<String> {
    let inside = code.split_once('(').map_or("", |(_, rest)| rest);
    let inside = inside.split_once(')').map_or("", |(inside, _)| inside);
    inside
        .split(',')
        .filter_map(|one| {
            one.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .next()
        })
        .filter(|name| *name != "void")
        .map(str::to_owned)
        .collect()
}

/// Every name with the page that tells of it; a name that two tell of, or none, is an error.
pub(crate) fn distribute<'a>(
    declarations: &Declarations,
    pages: impl Iterator<Item = (&'a str, &'a [&'a str])>,
) -> Result<BTreeMap<String, &'a str>> {
    let mut found = BTreeMap::new();
    for (page, names) in pages {
        for name in names {
            declarations.item(name)?;
            if let Some(other) = found.insert((*name).to_owned(), page) {
                return Err(format!("{name} is on the pages {other} and {page}").into());
            }
        }
    }
    for item in declarations.items() {
        if !found.contains_key(&item.name) {
            return Err(format!("no page tells of {}", item.name).into());
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "\
/* A head.
 *
 * More of it.
 */
#ifndef X
#define X

/* A number. */
#define RTLS_ONE 1

/*
 A type.
 */
typedef struct rtls_reply {
  /*
   A field.
   */
  int code;
} rtls_reply;

/*
 A function type: not a parameter.
 */
typedef void (*rtls_log_fn)(void *arg, int level);

/*
 Does it. On
 two lines.
 name, name_len: a text, of
   two lines.
 Returns RTLS_ONE: done.
 When: always.
 Source: RFC 0.
 */
int rtls_do(struct rtls_plan *p,
            const char *name, size_t name_len);
#endif
";

    #[test]
    fn names_comments_and_code() {
        let read = Declarations::read(HEADER);
        assert_eq!(read.head, ["A head.", "", "More of it."]);
        let names: Vec<_> = read.items().iter().map(|i| i.name.as_str()).collect();
        assert_eq!(names, ["RTLS_ONE", "rtls_reply", "rtls_log_fn", "rtls_do"]);
        assert_eq!(read.item("RTLS_ONE").expect("it").text(), "A number.");
        let code = &read.item("rtls_reply").expect("it").code;
        assert!(code.contains("A field.") && code.ends_with("} rtls_reply;\n"));
        let call = read.item("rtls_do").expect("it").call();
        assert_eq!(call.summary, "Does it. On two lines.");
        let parameters = [(
            "name, name_len".to_owned(),
            "a text, of two lines.".to_owned(),
        )];
        assert_eq!(call.parameters, parameters);
        assert_eq!(call.returns.as_deref(), Some("RTLS_ONE: done."));
        assert_eq!(call.when.as_deref(), Some("always."));
        assert_eq!(call.source.as_deref(), Some("RFC 0."));
        assert_eq!(read.gaps(), [""; 0]);
    }

    #[test]
    fn what_is_left_unsaid_is_found() {
        for (label, from, to, gap) in [
            (
                "parameter",
                " name, name_len: a",
                " name: a",
                "nothing is said of name_len",
            ),
            (
                "no such one",
                " name, name_len: a",
                " name, name_len, x: a",
                "there is no parameter x",
            ),
            (
                "result",
                " Returns RTLS_ONE: done.\n",
                "",
                "what it returns",
            ),
            (
                "a result of void",
                "int rtls_do",
                "void rtls_do",
                "what it returns",
            ),
            ("when", " When: always.\n", "", "no When"),
            ("source", " Source: RFC 0.\n", "", "its source"),
            ("summary", " Does it. On\n two lines.\n", "", "no summary"),
        ] {
            let gaps = Declarations::read(&HEADER.replace(from, to)).gaps();
            assert_eq!(gaps, [format!("rtls_do: {gap}")], "{label}");
        }
    }

    #[test]
    fn each_name_is_on_one_page() {
        let read = Declarations::read(HEADER);
        let all: &[&str] = &["RTLS_ONE", "rtls_reply", "rtls_log_fn", "rtls_do"];
        for (label, pages, ok) in [
            ("all", &[("a", all)][..], true),
            ("two pages", &[("a", &all[..1]), ("b", &all[1..])], true),
            ("one is missing", &[("a", &all[1..])], false),
            ("twice", &[("a", all), ("b", &all[..1])], false),
            ("none such", &[("a", all), ("b", &["rtls_none"])], false),
        ] {
            let found = distribute(&read, pages.iter().copied());
            assert_eq!(found.is_ok(), ok, "{label}");
        }
    }
}
