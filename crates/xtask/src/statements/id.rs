//! Which statement does a word name?
//!
//! `R22`, `P2a`, `VX15`; the rows of table P6 are `P6.9` and `P6.12a`. In the name of a test the same are `r22`, `p2a`,
//! `vx15`, `p6_9` and `p6_12a`.

use std::fmt;

/// The series, in the order in which they are listed.
const SERIES: [&str; 16] = [
    "R", "F", "L", "S", "D", "P", "T", "E", "VT", "VP", "VM", "VF", "VH", "VD", "VX", "VR",
];

/// The name of a statement or a vector; in the order of the statements.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Id {
    series: usize,
    number: Number,
    row: Option<Number>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Number {
    value: u16,
    letter: Option<char>,
}

impl Id {
    /// The statement that this word is, and nothing else.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let (id, rest) = Self::read(word)?;
        rest.is_empty().then_some(id)
    }

    /// Every statement that a text names. The ends of `VX1-VX4` are named, what lies between is not.
    pub(crate) fn all_in(text: &str) -> Vec<Self> {
        let mut ids = Vec::new();
        let mut rest = text;
        let mut inside_word = false;
        while let Some(first) = rest.chars().next() {
            if !inside_word && let Some((id, after)) = Self::read(rest) {
                ids.push(id);
                rest = after;
                continue;
            }
            inside_word = is_word(first) || first == '.' && inside_word;
            rest = rest.split_at(first.len_utf8()).1;
        }
        ids
    }

    /// The statements with which the name of a test begins.
    pub(crate) fn leading(test: &str) -> Vec<Self> {
        let mut ids = Vec::new();
        let mut words = test.split('_').peekable();
        while let Some(word) = words.next() {
            let mut name = with_capitals(word);
            if name == "P6"
                && let Some(row) =
                    words.next_if(|row| row.starts_with(|c: char| c.is_ascii_digit()))
            {
                name = format!("{name}.{row}");
            }
            match Self::parse(&name) {
                Some(id) => ids.push(id),
                None => break,
            }
        }
        ids
    }

    fn read(text: &str) -> Option<(Self, &str)> {
        // No series begins another one, followed by a digit.
        let (series, rest) = SERIES.iter().enumerate().find_map(|(series, name)| {
            let rest = text.strip_prefix(name)?;
            rest.starts_with(|c: char| c.is_ascii_digit())
                .then_some((series, rest))
        })?;
        let (number, mut rest) = Number::read(rest)?;
        let mut row = None;
        if let Some((number, after)) = rest.strip_prefix('.').and_then(Number::read) {
            (row, rest) = (Some(number), after);
        }
        (!rest.starts_with(is_word)).then_some((
            Self {
                series,
                number,
                row,
            },
            rest,
        ))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let series = SERIES.get(self.series).copied().unwrap_or_default();
        write!(f, "{series}{}", self.number)?;
        self.row.map_or(Ok(()), |row| write!(f, ".{row}"))
    }
}

impl Number {
    fn read(text: &str) -> Option<(Self, &str)> {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (digits, rest) = text.split_at(end);
        if digits.starts_with('0') {
            return None;
        }
        let value = digits.parse().ok()?;
        let letter = rest.chars().next().filter(char::is_ascii_lowercase);
        let rest = letter
            .and_then(|letter| rest.strip_prefix(letter))
            .unwrap_or(rest);
        Some((Self { value, letter }, rest))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value)?;
        self.letter.map_or(Ok(()), |letter| write!(f, "{letter}"))
    }
}

/// `p2a` as `P2a`: the letters of the series alone are capitals.
fn with_capitals(word: &str) -> String {
    let (series, rest) = word.split_at(word.find(|c: char| c.is_ascii_digit()).unwrap_or(0));
    series.to_ascii_uppercase() + rest
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::Id;

    fn words(ids: &[Id]) -> String {
        let words: Vec<String> = ids.iter().map(ToString::to_string).collect();
        words.join(" ")
    }

    #[test]
    fn in_texts() {
        for (text, expected) in [
            ("R22", "R22"),
            ("see R22, D12; P6.12a.", "R22 D12 P6.12a"),
            ("(VX15)[P2a]", "VX15 P2a"),
            ("P6.9 and P6.", "P6.9 P6"),
            ("VX1-VX4", "VX1 VX4"),
            ("P6.1,2 P6.14/15", "P6.1 P6.14"),
            ("r22 vx15 p6.9", ""),
            ("XR22 R22x_ R22_1 _R22 R22X", ""),
            ("R0 R01 D0 R R99999999", ""),
            ("mx.R1.test", ""),
            ("FC F0 V1 TLS1 é1 R", ""),
        ] {
            assert_eq!(words(&Id::all_in(text)), expected, "{text}");
        }
    }

    #[test]
    fn in_names_of_tests() {
        for (name, expected) in [
            ("r22_keywords", "R22"),
            ("r22_d12_keywords", "R22 D12"),
            ("p6_12a_chain", "P6.12a"),
            ("p6_8_and_10_deadlines", "P6.8"),
            ("p12_a_socket", "P12"),
            ("p2a_what_mx_was", "P2a"),
            ("vx15_keyword", "VX15"),
            ("keyword_of_r22", ""),
            ("r22keyword", ""),
        ] {
            assert_eq!(words(&Id::leading(name)), expected, "{name}");
        }
    }

    #[test]
    fn in_order() {
        let names = [
            "R2", "R10", "F1", "P2", "P2a", "P6.5", "P6.5a", "P6.10", "E1", "VT1", "VX2",
        ];
        let ids: Vec<Id> = names.iter().filter_map(|name| Id::parse(name)).collect();
        assert_eq!(ids.len(), names.len());
        assert!(ids.is_sorted());
    }
}
