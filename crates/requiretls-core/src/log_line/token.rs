//! Which tokens does a log line have, and what do they mean?
//!
//! One list: every line is built from it, and this page is made from it. A token is `name=value`;
//! a value has no blank in it, but for `reason`, which stands in quotes, and `case`, which is alone
//! in its line. The tokens of a line come in this order.
#![doc = ""]
#![doc = include_str!("tokens.md")]

use std::fmt::{self, Write as _};

mod list;

pub use list::TOKENS;

/// A token of a log line.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Token {
    /// `connection`
    Connection,
    /// `message`
    Message,
    /// `listener`
    Listener,
    /// `from`
    From,
    /// `to`
    To,
    /// `octets`
    Octets,
    /// `messages`
    Messages,
    /// `ended`
    Ended,
    /// `action`
    Action,
    /// `next_hop`
    NextHop,
    /// `host`
    Host,
    /// `mx`
    Mx,
    /// `level`
    Level,
    /// `floor`
    Floor,
    /// `row`
    Row,
    /// `who`
    Who,
    /// `hop`
    Hop,
    /// `rule`
    Rule,
    /// `tag`
    Tag,
    /// `tls`
    Tls,
    /// `auth`
    Auth,
    /// `unmet`
    Unmet,
    /// `sent`
    Sent,
    /// `lost`
    Lost,
    /// `code`
    Code,
    /// `enhanced`
    Enhanced,
    /// `reason`
    Reason,
    /// `case`
    Case,
}

/// What is to be known about a token.
#[derive(Clone, Copy, Debug)]
pub struct Described {
    /// Which one.
    pub token: Token,
    /// Its name in the line.
    pub name: &'static str,
    /// What it tells.
    pub meaning: &'static str,
    /// Its values.
    pub values: Values,
    /// In which lines it stands.
    pub when: &'static str,
}

/// The values of a token.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some of these words with commas between them, or none.
    Words(&'static [&'static str]),
    /// A text of this kind.
    Text(&'static str),
}

impl Token {
    /// What is to be known about it.
    #[must_use]
    pub fn described(self) -> &'static Described {
        const NONE: Described = Described {
            token: Token::Action,
            name: "",
            meaning: "",
            values: Values::Text(""),
            when: "",
        };
        // A test sees to it that every token is in the list.
        TOKENS
            .iter()
            .find(|described| described.token == self)
            .unwrap_or(&NONE)
    }
}

/// The list as text: for this page, and for `requiretls explain --log-tokens`.
#[must_use]
pub fn manual() -> String {
    let mut text = String::new();
    for described in &TOKENS {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{described}");
    }
    text
}

impl fmt::Display for Described {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |words: &[&str]| -> String {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        };
        let values = match self.values {
            Values::Word(words) => list(words),
            Values::Words(words) => format!("some of {}", list(words)),
            Values::Text(text) => text.to_owned(),
        };
        writeln!(f, "- `{}`: {}.", self.name, self.meaning)?;
        writeln!(f, "  Values: {values}.")?;
        write!(f, "  When: {}.", self.when)
    }
}

/// A line as it is made, token by token.
#[derive(Debug, Default)]
pub(super) struct Tokens(String);

impl Tokens {
    /// Adds a token. What would end the value, and what a log must not hold, becomes `?`.
    pub(super) fn put(&mut self, token: Token, value: impl fmt::Display) {
        let quoted = token == Token::Reason;
        let may_have_blanks = matches!(token, Token::Reason | Token::Case);
        let blank = if self.0.is_empty() { "" } else { " " };
        let quote = if quoted { "\"" } else { "" };
        let value: String = value
            .to_string()
            .chars()
            .map(|c| match c {
                '"' if quoted => '\'',
                ' ' if may_have_blanks => ' ',
                '!'..='~' if c != '%' => c,
                _ => '?',
            })
            .collect();
        let name = token.described().name;
        // Writing to a String cannot fail.
        let _ = write!(self.0, "{blank}{name}={quote}{value}{quote}");
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{TOKENS, Token, Tokens, Values, manual};
    use crate::connection::Unmet;
    use crate::ehlo::Lost;
    use crate::negotiated::Negotiated;
    use crate::site_policy::HopMode;
    use crate::tls_level::TlsLevel;

    /// The page and the program's answer are made from the list.
    #[test]
    fn the_manual_is_the_list() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/log_line/tokens.md");
        if std::env::var("REQUIRETLS_BLESS").is_ok_and(|v| v == "1") {
            std::fs::write(path, manual()).expect("writes");
            return;
        }
        assert_eq!(
            include_str!("tokens.md"),
            manual(),
            "rewrite it with REQUIRETLS_BLESS=1 cargo test -p requiretls-core the_manual"
        );
    }

    #[test]
    fn every_token_is_described_once_and_in_order() {
        let all: Vec<Token> = TOKENS.iter().map(|d| d.token).collect();
        assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
        assert_eq!(
            all.last().map(|last| *last as usize),
            Some(TOKENS.len() - 1)
        );
        for described in &TOKENS {
            let name = described.name;
            assert_eq!(described.token.described().name, name);
            assert!(!name.is_empty() && !described.meaning.is_empty(), "{name}");
            let plain = |b: u8| b.is_ascii_lowercase() || b == b'_';
            assert!(name.bytes().all(plain), "{name}: can be searched for");
        }
    }

    /// P12, F12: the words of the list are those of the code, all of them.
    #[test]
    fn the_words_are_those_of_the_code() {
        let hops = [
            HopMode::Enforce,
            HopMode::Encrypt,
            HopMode::Opportunistic,
            HopMode::Off,
            HopMode::Local,
            HopMode::LocalCarry,
        ]
        .map(|hop| hop.as_str().replace(' ', "-"));
        let hops: Vec<&str> = hops.iter().map(String::as_str).collect();
        let levels = [TlsLevel::May, TlsLevel::Encrypt, TlsLevel::Secure].map(TlsLevel::as_str);
        let tls = [Negotiated::Tls13, Negotiated::Tls12, Negotiated::Weak].map(Negotiated::as_str);
        let rows: [(Token, &[&str], usize); 5] = [
            (Token::Hop, &hops, 0),
            (Token::Level, &levels, 0),
            (Token::Tls, &tls, 1),
            (Token::Unmet, &Unmet::ALL.map(Unmet::as_str), 0),
            (Token::Lost, &Lost::ALL.map(Lost::as_str), 0),
        ];
        for (token, words, others) in rows {
            let (Values::Word(listed) | Values::Words(listed)) = token.described().values else {
                panic!("{token:?} has no words");
            };
            assert_eq!(&listed[..listed.len() - others], words, "{token:?}");
        }
    }

    /// No value can look like another token or end the line.
    #[test]
    fn values_stay_values() {
        let mut tokens = Tokens::default();
        tokens.put(Token::NextHop, "unix:/a b\nc=\u{e9}%s");
        tokens.put(Token::Reason, "a \"b\"\r\n action=go");
        assert_eq!(
            tokens.finish(),
            "next_hop=unix:/a?b?c=??s reason=\"a 'b'?? action=go\""
        );
    }
}
