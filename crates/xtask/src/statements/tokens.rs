//! What is text, what is comment and what is code in a Rust source file?
//!
//! As much of the language's lexical structure as is needed for that; the compiler has seen the file before.

/// A part of a source file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name, a keyword or a number.
    Word(&'a str),
    /// A string of any kind, as it is written.
    Text(&'a str),
    /// A comment that does not document the whole file.
    Comment(&'a str),
    /// Anything else, character by character.
    Mark(char),
}

/// All tokens, each with its line.
pub(crate) fn tokens(source: &str) -> Vec<(usize, Token<'_>)> {
    let mut tokens = Vec::new();
    let mut rest = source;
    let mut line = 1;
    while !rest.is_empty() {
        let (text, token, after) = next(rest);
        if let Some(token) = token {
            tokens.push((line, token));
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

/// What was text, what it is if it is anything, and what is left.
fn next(rest: &str) -> (&str, Option<Token<'_>>, &str) {
    let cut = |length: usize| rest.split_at(length.min(rest.len()));
    if rest.starts_with("//") {
        let (text, after) = cut(rest.find('\n').unwrap_or(rest.len()));
        return (text, comment(text, "//!"), after);
    }
    if rest.starts_with("/*") {
        let (text, after) = cut(block_comment(rest));
        return (text, comment(text, "/*!"), after);
    }
    let first = rest.chars().next().unwrap_or_default();
    if first == '"' {
        let (text, after) = cut(string(rest));
        return (text, Some(Token::Text(text)), after);
    }
    if first == '\'' {
        let length = character(rest);
        let (text, after) = cut(length.unwrap_or(1));
        let token = length.is_none().then_some(Token::Mark('\''));
        return (text, token, after);
    }
    if is_word(first) {
        let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = cut(length);
        let quoted = match word {
            "b" | "c" if after.starts_with('"') => Some(string(after)),
            "r" | "br" | "cr" => raw_string(after),
            _ => None,
        };
        if let Some(quoted) = quoted {
            let (text, after) = cut(length + quoted);
            return (text, Some(Token::Text(text)), after);
        }
        return (word, Some(Token::Word(word)), after);
    }
    let (text, after) = cut(first.len_utf8());
    let token = (!first.is_whitespace()).then_some(Token::Mark(first));
    (text, token, after)
}

fn comment<'a>(text: &'a str, of_the_file: &str) -> Option<Token<'a>> {
    (!text.starts_with(of_the_file)).then_some(Token::Comment(text))
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(tail) = rest.get(at..) {
        if tail.is_empty() {
            break;
        } else if tail.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if tail.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                break;
            }
        } else {
            at += tail.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == '"' {
            return at + 1;
        }
    }
    rest.len()
}

/// `#"…"#` after the letters; none for a raw name.
fn raw_string(rest: &str) -> Option<usize> {
    let hashes = rest.find(|c| c != '#').unwrap_or(rest.len());
    let body = rest.get(hashes..)?.strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = body.find(&end)?;
    Some(hashes + 1 + length + end.len())
}

/// A character in quotes; none for the quote of a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut inside = rest.char_indices().skip(1);
    let (_, first) = inside.next()?;
    let (at, second) = inside.next()?;
    if first == '\\' {
        let from = at + second.len_utf8();
        return Some(from + rest.get(from..)?.find('\'')? + 1);
    }
    (second == '\'').then_some(at + 1)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::{Token, tokens};

    fn told(source: &str) -> String {
        let told: Vec<String> = tokens(source)
            .iter()
            .map(|(line, token)| match token {
                Token::Word(word) => format!("{line} {word}"),
                Token::Text(text) => format!("{line} text {text}"),
                Token::Comment(text) => format!("{line} comment {text}"),
                Token::Mark(mark) => format!("{line} {mark}"),
            })
            .collect();
        told.join("|")
    }

    #[test]
    fn what_is_what() {
        for (source, expected) in [
            ("fn a", "1 fn|1 a"),
            ("a // b \"c\"\nd", "1 a|1 comment // b \"c\"|2 d"),
            ("//! of the file\n/// of d\nd", "2 comment /// of d|3 d"),
            (
                "/* a /* b */ \n c */ d",
                "1 comment /* a /* b */ \n c */|2 d",
            ),
            ("/*! of the file */ d", "1 d"),
            (r#""a \" // b" c"#, r#"1 text "a \" // b"|1 c"#),
            (r##"r#"a " b"# c"##, r##"1 text r#"a " b"#|1 c"##),
            (
                r#"b"a" c"b" br"\" d"#,
                r#"1 text b"a"|1 text c"b"|1 text br"\"|1 d"#,
            ),
            ("r#fn", "1 r|1 #|1 fn"),
            (r#"'"' '\'' '\u{22}' b'"' a"#, "1 b|1 a"),
            ("<'a> 'é' 'a'", "1 <|1 '|1 a|1 >"),
            ("\"a\nb\" c", "1 text \"a\nb\"|2 c"),
            ("\"no end", "1 text \"no end"),
            ("/* no end", "1 comment /* no end"),
        ] {
            assert_eq!(told(source), expected, "{source}");
        }
    }
}
