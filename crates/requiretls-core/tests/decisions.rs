//! The decision tables P3, P4, P4a, P6 and P12 as text, in `decisions.txt`.
//!
//! The text is printed from core, so that any change of a decision is a difference in review.
//! A table opens with `==`, its name and what holds in all of it; then its columns, each with `:`;
//! a row opens with `--`; then come the lines of its cells, each behind its columns' names. A line
//! unfolds into every case that its table, column, row and own words allow (`;` parts
//! alternatives), and each of them has the answer behind `->`. After a change that is meant:
//! `REQUIRETLS_BLESS=1 cargo test -p requiretls-core --test decisions what_core_decides`, then read
//! the difference.

// A test's own faults end it.
#![allow(clippy::indexing_slicing, clippy::panic)]

#[path = "decisions/tables.rs"]
mod tables;

use requiretls_core::case::{Answer, Case};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use tables::{TABLES, Table};

const COMMITTED: &str = include_str!("decisions.txt");
const MAX_LINES: usize = 1_500;
const BLESS: &str = "REQUIRETLS_BLESS";

/// The names of a case's fields and the words that each may have.
#[derive(Clone, Debug, Default)]
struct Axes(Vec<(String, Vec<String>)>);

/// One word for each axis.
type World = Vec<(String, String)>;

#[test]
fn the_text_is_what_core_decides_today() {
    let printed = print();
    if std::env::var(BLESS).is_ok_and(|v| v == "1") {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decisions.txt");
        std::fs::write(path, &printed).unwrap();
        return;
    }
    let changed = COMMITTED
        .lines()
        .zip(printed.lines())
        .position(|(old, new)| old != new)
        .unwrap_or_else(|| COMMITTED.lines().count().min(printed.lines().count()));
    assert!(
        COMMITTED == printed,
        "decisions.txt is not what core decides, from line {}:\n- {}\n+ {}\n\
         If the change is meant, rewrite the text and read the difference:\n\
         {BLESS}=1 cargo test -p requiretls-core --test decisions what_core_decides",
        changed + 1,
        COMMITTED.lines().nth(changed).unwrap_or("(ends)"),
        printed.lines().nth(changed).unwrap_or("(ends)"),
    );
}

#[test]
fn every_line_of_the_text_is_true() {
    let (cases, wrong) = check(COMMITTED);
    let first: Vec<&str> = wrong.iter().take(20).map(String::as_str).collect();
    assert!(
        wrong.is_empty(),
        "{} are wrong, the first:\n{}",
        wrong.len(),
        first.join("\n")
    );
    assert!(cases > 10_000, "only {cases} cases");
}

#[test]
fn the_text_has_every_table_and_can_be_read() {
    for name in ["P3", "P4", "P4a", "P6", "P12"] {
        let opens = format!("== {name} ");
        assert!(COMMITTED.lines().any(|l| l.starts_with(&opens)), "{name}");
    }
    let lines = COMMITTED.lines().count();
    assert!(lines <= MAX_LINES, "{lines} lines");
}

#[test]
fn a_false_a_missing_and_a_second_line_are_found() {
    // The first table is enough.
    let (second, _) = COMMITTED.match_indices("== ").nth(1).unwrap();
    let lines: Vec<&str> = COMMITTED[..second].lines().collect();
    let at = lines.iter().position(|l| l.contains("-> go")).unwrap();
    let changed = |by: &[&str]| {
        let mut text = lines.clone();
        text.splice(at..=at, by.iter().copied());
        check(&text.join("\n")).1
    };
    assert!(changed(&[lines[at]]).is_empty());
    let bent = lines[at].replace("-> go", "-> defer");
    assert!(changed(&[&bent])[0].contains("core says"));
    assert!(changed(&[])[0].contains("no line"));
    assert!(changed(&[lines[at], lines[at]])[0].contains("second line"));
}

/// For each axis the numbers of some of its words, and the answer that all their worlds have.
type Product = (Vec<Vec<usize>>, String);

/// All tables.
fn print() -> String {
    let mut text = String::new();
    for Table {
        title,
        base,
        rows,
        columns,
    } in TABLES
    {
        let _ = writeln!(text, "== {title} | {base}");
        for (column, axes) in *columns {
            let _ = writeln!(text, ": {column} | {axes}");
        }
        for (row, row_axes) in *rows {
            let _ = writeln!(text, "-- {row} | {row_axes}");
            let mut lines: Vec<(String, String)> = Vec::new();
            for (column, column_axes) in *columns {
                let cell = Axes::parse(base).with(column_axes).with(row_axes);
                for line in fold(&cell) {
                    match lines.iter_mut().find(|(_, l)| *l == line) {
                        Some((names, _)) => {
                            names.push_str("; ");
                            names.push_str(column);
                        }
                        None => lines.push(((*column).to_owned(), line)),
                    }
                }
            }
            for (names, line) in lines {
                let _ = writeln!(text, "{names}: {line}");
            }
        }
    }
    text
}

/// How many cases the text unfolds into, and what is wrong with it.
fn check(text: &str) -> (usize, Vec<String>) {
    let mut wrong = Vec::new();
    let mut cases = 0;
    let (mut base, mut columns) = ("", BTreeMap::new());
    let mut row: BTreeMap<&str, (Axes, BTreeSet<World>)> = BTreeMap::new();
    for (line, number) in text.lines().chain(["== end | "]).zip(1..) {
        let mut fault = |what: &str| wrong.push(format!("line {number}: {what}"));
        let (words, axes) = line.rsplit_once("| ").unwrap_or((line, ""));
        if words.starts_with("== ") || words.starts_with("-- ") {
            for (column, (_, left)) in &row {
                if let Some(world) = left.first() {
                    let count = left.len();
                    fault(&format!(
                        "above, {column}: no line for {count} cases: {world:?}"
                    ));
                }
            }
            row.clear();
        }
        if words.starts_with("== ") {
            (base, columns) = (axes, BTreeMap::new());
        } else if let Some(column) = words.strip_prefix(": ") {
            columns.insert(column.trim_end(), axes);
        } else if words.starts_with("-- ") {
            for (column, column_axes) in &columns {
                let cell = Axes::parse(base).with(column_axes).with(axes);
                let all = cell.unfold().into_iter().collect();
                row.insert(column, (cell, all));
            }
        } else if let Some((names, line)) = line.split_once(": ")
            && let Some((alternatives, answer)) = line.split_once("-> ")
        {
            for name in names.split("; ") {
                let Some((cell, left)) = row.get_mut(name) else {
                    fault(&format!("no such column: {name}"));
                    continue;
                };
                for world in alternatives
                    .split(';')
                    .flat_map(|words| cell.clone().with(words).unfold())
                {
                    cases += 1;
                    let said = ask(&world);
                    if said != answer {
                        fault(&format!("core says {said}: {world:?}"));
                    }
                    if !left.remove(&world) {
                        fault(&format!("second line, or not of the cell: {world:?}"));
                    }
                }
            }
        } else {
            fault(&format!("cannot be read: {line}"));
        }
    }
    (cases, wrong)
}

impl Axes {
    fn parse(text: &str) -> Self {
        Self::default().with(text)
    }

    /// These axes, with the words of `text` in the place of their own.
    fn with(mut self, text: &str) -> Self {
        for axis in text.split_whitespace() {
            let Some((name, words)) = axis.split_once('=') else {
                panic!("not an axis: {axis}");
            };
            let words = words.split(',').map(str::to_owned).collect();
            match self.0.iter_mut().find(|(n, _)| n == name) {
                Some((_, old)) => *old = words,
                None => self.0.push((name.to_owned(), words)),
            }
        }
        self
    }

    /// The product.
    fn unfold(&self) -> Vec<World> {
        self.0
            .iter()
            .fold(vec![World::new()], |worlds, (name, words)| {
                worlds
                    .iter()
                    .flat_map(|world| {
                        words.iter().map(|word| {
                            let mut world = world.clone();
                            world.push((name.clone(), word.clone()));
                            world
                        })
                    })
                    .collect()
            })
    }
}

/// The lines of a cell, one for each answer: worlds with the same answer stand together where they
/// form a product.
fn fold(cell: &Axes) -> Vec<String> {
    let Axes(axes) = cell;
    // Each world as the numbers of its words.
    let worlds: Vec<Product> = cell
        .unfold()
        .iter()
        .map(|world| {
            let numbers = world.iter().zip(axes).map(|((_, word), (_, words))| {
                words.iter().position(|w| w == word).into_iter().collect()
            });
            (numbers.collect(), ask(world))
        })
        .collect();
    let varied: Vec<usize> = (0..axes.len()).filter(|&i| axes[i].1.len() > 1).collect();
    let folded = (0..varied.len().max(1))
        .flat_map(|by| {
            let mut order = varied.clone();
            order.rotate_left(by);
            let back = order.iter().rev().copied().collect();
            [order, back]
        })
        .map(|order| merge(worlds.clone(), &order))
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let mut lines: Vec<(String, String)> = Vec::new();
    for (sets, answer) in folded {
        let narrowed: Vec<String> = sets
            .iter()
            .zip(axes)
            .filter(|(set, (_, words))| set.len() < words.len())
            .map(|(set, (name, words))| {
                let named: Vec<&str> = set.iter().map(|&i| words[i].as_str()).collect();
                format!("{name}={}", named.join(","))
            })
            .collect();
        let narrowed = narrowed.join(" ");
        match lines.iter_mut().find(|(_, a)| *a == answer) {
            Some((alternatives, _)) => {
                alternatives.push_str("; ");
                alternatives.push_str(&narrowed);
            }
            None => lines.push((narrowed, answer)),
        }
    }
    lines
        .into_iter()
        .map(|(words, answer)| match words.as_str() {
            "" => format!("-> {answer}"),
            _ => format!("{words} -> {answer}"),
        })
        .collect()
}

/// Unites what differs in one axis only, axis by axis in the given order.
fn merge(mut products: Vec<Product>, order: &[usize]) -> Vec<Product> {
    for &axis in order {
        let mut united: BTreeMap<Product, Vec<usize>> = BTreeMap::new();
        for (mut sets, answer) in products {
            let words = std::mem::take(&mut sets[axis]);
            united.entry((sets, answer)).or_default().extend(words);
        }
        products = united
            .into_iter()
            .map(|((mut sets, answer), mut words)| {
                words.sort_unstable();
                sets[axis] = words;
                (sets, answer)
            })
            .collect();
    }
    products.sort();
    products
}

/// Core's answer, in a line's words.
fn ask(world: &World) -> String {
    let json = json(world);
    let Answer {
        action,
        code,
        enhanced,
        level,
        row,
        sends,
        tls,
        who,
        unmet,
        ..
    } = Case::parse(&json)
        .unwrap_or_else(|e| panic!("{e}: {json}"))
        .decide();
    if action != "go" {
        return format!("{action} {code} {enhanced} row {row} by {who}");
    }
    let channel = if tls == Some(true) { "tls" } else { "clear" };
    let mut answer = format!("go {channel} {level} by {who}");
    if !sends.is_empty() {
        let _ = write!(answer, " sends {sends}");
    }
    if !unmet.is_empty() {
        let _ = write!(answer, " unmet {}", unmet.join(","));
    }
    answer
}

/// The decision case that the words describe: one host with one address.
fn json(world: &World) -> String {
    let (mut case, mut host, mut address) = (Vec::new(), Vec::new(), Vec::new());
    let quoted = |name: &str, word: &str| format!("{name:?}:{word:?}");
    for (name, word) in world {
        match name.as_str() {
            "tag" => {
                let plain = word.strip_suffix("+DNSSEC");
                case.push(quoted("tag", plain.unwrap_or(word)));
                case.push(format!("\"dnssec\":{}", plain.is_some()));
            }
            "M" => {
                let (route, security) = word.split_once('.').unwrap_or((word, "sec"));
                case.push(quoted("M", route));
                case.push(quoted("msec", security));
            }
            "T" => {
                case.push(quoted("sts", word.trim_end_matches(['+', '-'])));
                host.push(format!("\"match\":{}", !word.ends_with('-')));
            }
            "hop" => case.push(quoted("hop", &word.replace('-', " "))),
            "methods" => case.push(list(name, word)),
            "null_path" | "tag_readable" | "rule_readable" => {
                case.push(format!("{name:?}:{word}"));
            }
            "D" | "addr" | "cname" => host.push(quoted(name, word)),
            "auth" | "offers" => address.push(list(name, word)),
            "chain" | "dsn" => address.push(format!("{name:?}:{word}")),
            "tcp" | "starttls" | "hs" | "tls" | "ehlo2" | "mail" => {
                address.push(quoted(name, word));
            }
            other => case.push(quoted(other, word)),
        }
    }
    host.push(format!("\"addrs\":[{{{}}}]", address.join(",")));
    case.push(format!("\"hosts\":[{{{}}}]", host.join(",")));
    format!("{{{}}}", case.join(","))
}

/// A field that is a list: `-` is empty, `all` every method.
fn list(name: &str, word: &str) -> String {
    let words = match word {
        "-" => String::new(),
        "all" => list_words("dane+pkix_host+pkix_nh+site_pkix+site_pin"),
        some => list_words(some),
    };
    format!("{name:?}:[{words}]")
}

fn list_words(text: &str) -> String {
    let words: Vec<String> = text.split('+').map(|w| format!("{w:?}")).collect();
    words.join(",")
}
