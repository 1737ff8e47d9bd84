//! Which statements do the tests of a file cite?
//!
//! A citation is an id at the beginning of a test's name, or in a string or a comment of test code. What a file's own
//! documentation says (`//!`) is about other places as often as about this one, and does not count.

use std::path::Path;

use super::id::Id;
use super::tokens::{Token, tokens};

/// An id in test code.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Citation {
    pub(crate) id: Id,
    /// The function or table that it stands in or before.
    pub(crate) item: String,
    pub(crate) line: usize,
}

/// How much of a file is test code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// All of it.
    Tests,
    /// What stands under `#[cfg(test)]`.
    Product,
    /// Inputs of a test; the string after `"statement":` cites.
    Inputs,
}

impl Kind {
    /// By the name of the file below the root of the workspace; none for what is neither.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let in_tests = path.iter().any(|part| part == "tests") || path.ends_with("tests.rs");
        match path.extension()?.to_str()? {
            "rs" if in_tests => Some(Self::Tests),
            "rs" => Some(Self::Product),
            "json" if in_tests => Some(Self::Inputs),
            _ => None,
        }
    }
}

/// All citations, in the order of the file.
pub(crate) fn citations(source: &str, kind: Kind) -> Vec<Citation> {
    let tokens = tokens(source);
    match kind {
        Kind::Tests => in_tests(&tokens),
        Kind::Product => in_tests(&under_cfg_test(&tokens)),
        Kind::Inputs => in_inputs(&tokens),
    }
}

type Tokens<'a> = [(usize, Token<'a>)];

fn in_tests(tokens: &Tokens<'_>) -> Vec<Citation> {
    let mut found = Vec::new();
    // Cited by a comment, and not known yet whether the comment belongs to an item that follows.
    let mut pending: Vec<(usize, Id)> = Vec::new();
    let mut item = String::new();
    let mut is_test = false;
    let mut rest = tokens;
    while let Some(((line, token), after)) = rest.split_first() {
        match *token {
            Token::Comment(text) => {
                pending.extend(Id::all_in(text).into_iter().map(|id| (*line, id)));
            }
            Token::Text(text) => {
                flush(&mut pending, &item, &mut found);
                for id in Id::all_in(text) {
                    cite(id, &item, *line, &mut found);
                }
            }
            Token::Mark('#') if begins(after, &["[", "test", "]"]) => is_test = true,
            Token::Mark('#') => {}
            Token::Mark('{' | '}' | ';' | '(') if !pending.is_empty() => {
                flush(&mut pending, &item, &mut found);
            }
            Token::Word("fn" | "const" | "static" | "struct" | "enum" | "type" | "mod") => {
                if let Some((_, Token::Word(name))) = after.first()
                    && !matches!(*name, "fn" | "unsafe" | "mut")
                    && !is_part_of_type(tokens, rest)
                {
                    (*name).clone_into(&mut item);
                    flush(&mut pending, &item, &mut found);
                    if *token == Token::Word("fn") {
                        let leading = if is_test { Id::leading(name) } else { vec![] };
                        for id in leading {
                            cite(id, &item, *line, &mut found);
                        }
                        is_test = false;
                    }
                }
            }
            Token::Word(_) | Token::Mark(_) => {}
        }
        rest = after;
    }
    flush(&mut pending, &item, &mut found);
    found
}

/// Whether the word is that of `*const T`, of `&'static T` or of a parameter `<const N: usize>`.
fn is_part_of_type(all: &Tokens<'_>, rest: &Tokens<'_>) -> bool {
    let before = all.len().saturating_sub(rest.len() + 1);
    rest.len() < all.len()
        && matches!(
            all.get(before),
            Some((_, Token::Mark('*' | '<' | ',' | '\'')))
        )
}

fn flush(pending: &mut Vec<(usize, Id)>, item: &str, found: &mut Vec<Citation>) {
    for (line, id) in pending.drain(..) {
        cite(id, item, line, found);
    }
}

fn cite(id: Id, item: &str, line: usize, found: &mut Vec<Citation>) {
    let item = item.to_owned();
    found.push(Citation { id, item, line });
}

fn in_inputs(tokens: &Tokens<'_>) -> Vec<Citation> {
    let mut found = Vec::new();
    let mut rest = tokens;
    while let Some((_, after)) = rest.split_first() {
        if let [
            (_, Token::Text("\"statement\"")),
            (_, Token::Mark(':')),
            (line, Token::Text(text)),
            ..,
        ] = rest
        {
            for id in Id::all_in(text) {
                cite(id, "", *line, &mut found);
            }
        }
        rest = after;
    }
    found
}

/// The tokens of every item under `#[cfg(test)]`, in a row.
fn under_cfg_test<'a>(tokens: &Tokens<'a>) -> Vec<(usize, Token<'a>)> {
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some(((_, token), after)) = rest.split_first() {
        rest = after;
        if *token != Token::Mark('#') || !begins(after, &["[", "cfg", "("]) {
            continue;
        }
        let (attribute, behind) = split_where(after, '[', ']');
        if !has_word(attribute, "test") || has_word(attribute, "not") {
            continue;
        }
        let block = behind
            .iter()
            .position(|(_, token)| matches!(token, Token::Mark('{' | ';')));
        let (head, body) = behind.split_at(block.unwrap_or(behind.len()));
        kept.extend_from_slice(head);
        let (body, behind) = split_where(body, '{', '}');
        kept.extend_from_slice(body);
        rest = behind;
    }
    kept
}

/// Cuts behind the mark that closes the first one; behind the first token if that opens nothing.
fn split_where<'t, 'a>(
    tokens: &'t Tokens<'a>,
    open: char,
    close: char,
) -> (&'t Tokens<'a>, &'t Tokens<'a>) {
    let mut depth = 0_usize;
    for (at, (_, token)) in tokens.iter().enumerate() {
        if *token == Token::Mark(open) {
            depth += 1;
        } else if *token == Token::Mark(close) {
            depth = depth.saturating_sub(1);
        }
        if depth == 0 {
            return tokens.split_at(at + 1);
        }
    }
    (tokens, &[])
}

fn begins(tokens: &Tokens<'_>, expected: &[&str]) -> bool {
    tokens.len() >= expected.len()
        && tokens
            .iter()
            .zip(expected)
            .all(|((_, token), expected)| match token {
                Token::Word(word) => word == expected,
                Token::Mark(mark) => expected.chars().eq([*mark]),
                Token::Text(_) | Token::Comment(_) => false,
            })
}

fn has_word(tokens: &Tokens<'_>, word: &str) -> bool {
    tokens.iter().any(|(_, token)| *token == Token::Word(word))
}

#[cfg(test)]
mod tests {
    use super::{Kind, citations};
    use std::path::Path;

    fn told(source: &str, kind: Kind) -> String {
        let told: Vec<String> = citations(source, kind)
            .iter()
            .map(|citation| format!("{} {} {}", citation.id, citation.item, citation.line))
            .collect();
        told.join("|")
    }

    #[test]
    fn kinds_of_files() {
        for (path, expected) in [
            ("crates/a/src/b.rs", Some(Kind::Product)),
            ("crates/a/src/b/tests.rs", Some(Kind::Tests)),
            ("crates/a/src/b/tests/c.rs", Some(Kind::Tests)),
            ("crates/a/tests/c.rs", Some(Kind::Tests)),
            ("crates/a/src/contests.rs", Some(Kind::Product)),
            ("crates/a/tests/c.json", Some(Kind::Inputs)),
            ("crates/a/src/c.json", None),
            ("crates/a/tests/c.md", None),
        ] {
            assert_eq!(Kind::of(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn files_of_tests() {
        for (source, expected) in [
            ("#[test]\nfn r1_a() {}", "R1 r1_a 2"),
            ("fn r1_helper() {}", ""),
            ("#[test]\nfn a() {}\nfn r1_b() {}", ""),
            ("const ROWS: T = [(\"R1, R2\", 0)];", "R1 ROWS 1|R2 ROWS 1"),
            ("fn a() {\n // R1\n b();\n}", "R1 a 2"),
            ("fn a() {}\n/// R1\n#[test]\nfn b() {}", "R1 b 2"),
            ("fn a() { f::<*const R2>(\"R1\") }", "R1 a 1"),
            ("//! R1 is elsewhere.\nfn a() {}", ""),
            ("fn a() { R1::new(R1); }", ""),
            ("fn a(b: &'static str) { \"R1\" }", "R1 a 1"),
        ] {
            assert_eq!(told(source, Kind::Tests), expected, "{source}");
        }
    }

    #[test]
    fn files_of_the_product() {
        for (source, expected) in [
            ("// R1\nfn a() { b(\"R1\") }", ""),
            ("// R1\n#[cfg(test)]\nmod tests;\n// R1\n", ""),
            (
                "#[cfg(test)]\nmod tests {\n fn a() { \"R1\" }\n}\nfn b() { \"R2\" }",
                "R1 a 3",
            ),
            (
                "#[cfg(all(test, unix))] mod tests { fn a() { \"R1\" } }",
                "R1 a 1",
            ),
            ("#[cfg(not(test))] fn a() { \"R1\" }", ""),
            ("#[cfg(unix)] fn a() { \"R1\" }", ""),
            (
                "#[cfg(test)]\nuse b::{c, d};\nfn a() { \"R1\" }\n#[cfg(test)] fn t() { \"R2\" }",
                "R2 t 4",
            ),
        ] {
            assert_eq!(told(source, Kind::Product), expected, "{source}");
        }
    }

    #[test]
    fn inputs_of_tests() {
        let source = r#"{"note": "S2", "rows": [{"statement": "S3, S4", "body": "S5"}]}"#;
        assert_eq!(told(source, Kind::Inputs), "S3  1|S4  1");
    }
}
