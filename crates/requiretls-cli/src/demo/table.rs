//! How is it shown?
//!
//! A table for people, or one JSON object a line.

use super::run::{Happened, Sender};
use super::scenario::{Ending, Inbound, Kind, Outbound, Scenario};
use super::world::Scene;
use comfy_table::{Attribute, Cell, Color, ColumnConstraint, ContentArrangement, Table, presets};
use serde::Serialize;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

/// One line of the table.
pub(super) struct Line<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) happened: Happened,
    pub(super) leaks: Vec<String>,
    /// As the hand-written expectation says.
    pub(super) is_as_expected: bool,
}

/// The numbers at the end.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub(super) scenarios: usize,
    pub(super) as_expected: usize,
    pub(super) leaks: usize,
    pub(super) inbound: usize,
    pub(super) outbound: usize,
    pub(super) several_hosts: usize,
    pub(super) open_connection: usize,
    pub(super) ipv6: usize,
    pub(super) seconds: f64,
}

/// For people: who sees at a glance where to look.
pub(super) fn print(lines: &[Line<'_>], sender: Sender<'_>, summary: &Summary) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let look = Look::of(&out);
    writeln!(out, "{}\n", look.table(lines, sender))?;
    writeln!(out, "{LEGEND}\n")?;
    for line in lines {
        for leak in &line.leaks {
            writeln!(out, "leak: {}: {leak}", line.scenario.id)?;
        }
        if !line.is_as_expected && sender != Sender::IgnoresAnswers {
            let (id, sentence) = (line.scenario.id, &line.happened.sentence);
            writeln!(out, "wrong: {id}: {sentence}")?;
        }
    }
    writeln!(out, "{}", summary.last_line())?;
    out.flush()
}

const LEGEND: &str = "\
(sender), (recipient), (site): who imposed it. The host is the one that got the
message or was tried last; where there is none, no connection was made.";

/// For programs.
pub(super) fn print_json(lines: &[Line<'_>], scene: &Scene, summary: &Summary) -> io::Result<()> {
    let mut out = io::stdout().lock();
    for line in lines {
        let told = Told {
            id: line.scenario.id,
            group: line.scenario.group,
            direction: if line.scenario.is_inbound() {
                "inbound"
            } else {
                "outbound"
            },
            statement: line.scenario.statement,
            about: line.scenario.about,
            sent: line
                .scenario
                .outbound()
                .and_then(|o| Sent::of(scene, line.scenario, o)),
            heard: match &line.scenario.kind {
                Kind::Inbound(inbound) => Some(inbound),
                Kind::Outbound(_) => None,
            },
            expected: &line.scenario.expected,
            happened: &line.happened.ending,
            sentence: &line.happened.sentence,
            as_expected: line.is_as_expected,
            leaks: &line.leaks,
            leaks_if_ignored: line.scenario.outbound().is_some_and(|o| o.leaks_if_ignored),
            milliseconds: line.happened.took.as_millis(),
        };
        serde_json::to_writer(&mut out, &told)?;
        writeln!(out)?;
    }
    serde_json::to_writer(&mut out, &Ended { summary })?;
    writeln!(out)?;
    out.flush()
}

impl Summary {
    pub(super) fn last_line(&self) -> String {
        let (n, ok, leaks) = (self.scenarios, self.as_expected, self.leaks);
        format!("{n} scenarios: {ok} as expected, {leaks} leaks")
    }

    pub(super) fn is_good(&self) -> bool {
        self.as_expected == self.scenarios && self.leaks == 0
    }
}

#[derive(Serialize)]
struct Told<'a> {
    id: &'a str,
    group: &'a str,
    direction: &'a str,
    statement: &'a str,
    about: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<Sent<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heard: Option<&'a Inbound>,
    expected: &'a Ending,
    happened: &'a Ending,
    sentence: &'a str,
    as_expected: bool,
    leaks: &'a [String],
    leaks_if_ignored: bool,
    milliseconds: u128,
}

/// All that another sender needs to do the same in a world that is kept.
#[derive(Serialize)]
struct Sent<'a> {
    config: PathBuf,
    next_hop: String,
    port: u16,
    tag: &'a str,
    null_path: bool,
    auth: bool,
    /// A message before it goes first, and its connection is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<After<'a>>,
}

#[derive(Serialize)]
struct After<'a> {
    next_hop: &'a str,
    tag: &'a str,
}

impl<'a> Sent<'a> {
    fn of(scene: &Scene, scenario: &Scenario, outbound: &'a Outbound) -> Option<Self> {
        let world = scene.world()?;
        let next_hop = super::world::next_hop(world, scenario, outbound);
        Some(Self {
            config: scene.config_file(outbound.settings),
            port: world.port(&next_hop),
            next_hop,
            tag: outbound.tag,
            null_path: outbound.null_path,
            auth: outbound.auth,
            after: outbound.before.as_ref().map(|before| After {
                next_hop: &before.next_hop,
                tag: before.tag,
            }),
        })
    }
}

#[derive(Serialize)]
struct Ended<'a> {
    summary: &'a Summary,
}

/// Whether there is somebody to look, and at colours.
struct Look {
    is_terminal: bool,
    is_coloured: bool,
}

impl Look {
    fn of(out: &impl IsTerminal) -> Self {
        let is_terminal = out.is_terminal();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            is_terminal,
            is_coloured: is_terminal && !no_color,
        }
    }

    fn table(&self, lines: &[Line<'_>], sender: Sender<'_>) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        if self.is_terminal {
            table.set_content_arrangement(ContentArrangement::Dynamic);
        }
        let verdict = match sender {
            Sender::FollowsAnswers | Sender::Program(_) => "",
            Sender::IgnoresAnswers => "leaked",
        };
        let titles = ["", "scenario", "what happened", "expected", verdict];
        table.set_header(titles.map(|title| self.quiet(Cell::new(title))));
        let mut last = "";
        for line in lines {
            let Scenario {
                id,
                group,
                statement,
                about,
                expected,
                ..
            } = line.scenario;
            if *group != last {
                last = group;
                table.add_row([""]);
                table.add_row([Cell::new(""), self.loud(Cell::new(format!("{group}:")))]);
            }
            let happened = said(&line.happened.ending, id);
            let expected = said(expected, id);
            let expected = if expected == happened {
                format!("the same [{statement}]")
            } else {
                format!("{expected} [{statement}]")
            };
            table.add_row([
                self.quiet(Cell::new(id)),
                Cell::new(about),
                Cell::new(happened),
                self.quiet(Cell::new(expected)),
                self.verdict(line, sender),
            ]);
        }
        if let Some(ids) = table.column_mut(0) {
            ids.set_constraint(ColumnConstraint::ContentWidth);
        }
        if let Some(verdicts) = table.column_mut(4) {
            verdicts.set_constraint(ColumnConstraint::ContentWidth);
        }
        table
    }

    fn loud(&self, cell: Cell) -> Cell {
        if self.is_coloured {
            cell.add_attribute(Attribute::Bold)
        } else {
            cell
        }
    }

    /// What is there for who looks twice.
    fn quiet(&self, cell: Cell) -> Cell {
        if self.is_coloured {
            cell.add_attribute(Attribute::Dim)
        } else {
            cell
        }
    }

    fn verdict(&self, line: &Line<'_>, sender: Sender<'_>) -> Cell {
        let (word, colour) = match (sender, line.leaks.is_empty(), line.is_as_expected) {
            (_, false, _) => ("LEAK", Color::Red),
            (Sender::IgnoresAnswers, true, _) => ("no", Color::Reset),
            (_, true, true) => ("ok", Color::Green),
            (_, true, false) => ("WRONG", Color::Red),
        };
        let cell = Cell::new(word);
        match (self.is_coloured, colour) {
            (false, _) => cell,
            (true, Color::Red) => self.loud(cell.fg(colour)),
            (true, _) => cell.fg(colour),
        }
    }
}

/// In words, as short as they can be: hosts of the scenario's own domain by their first label.
fn said(ending: &Ending, id: &str) -> String {
    let reply = format!("{} {}", ending.code, ending.enhanced);
    let by = match ending.who.as_str() {
        "" | "nobody" => String::new(),
        who => format!(" ({who})"),
    };
    let host = ending.host.as_deref().unwrap_or_default();
    let own = format!(".{id}.test");
    let host = host.strip_suffix(own.as_str()).unwrap_or(host);
    let at = match host {
        "" => String::new(),
        host => format!(" at {host}"),
    };
    match ending.action.as_str() {
        "taken" => format!("kept as {}", ending.with),
        "not_ours" => "asks for nothing".to_owned(),
        "refused" => format!("refused, {reply}"),
        "go" if ending.with.is_empty() => format!("sent to {host}{by}"),
        "go" => format!("sent to {host} with {}{by}", ending.with),
        "defer" => format!("waits, {reply}{at}{by}"),
        "bounce" => format!("returned, {reply}{at}{by}"),
        other => other.to_owned(),
    }
}
