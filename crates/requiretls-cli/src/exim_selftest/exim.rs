//! What does an Exim say of itself?
//!
//! It is asked by its own options: -bV, -bP, -be, -bt and -bh. None of them sends mail or changes anything.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Options of Exim and what they are set to; a switch is "true" or "false".
pub(super) type Options = BTreeMap<String, String>;

/// A program that is an Exim.
pub(super) struct Exim {
    program: PathBuf,
    limit: Duration,
}

/// What `exim -bV` says.
pub(super) struct Version {
    /// As in `4.96`.
    pub(super) number: String,
    /// What was compiled in.
    pub(super) supports: Vec<String>,
    /// The file that is read.
    pub(super) configuration: String,
}

/// All that one call has said.
struct Said {
    ended_well: bool,
    out: String,
    errors: String,
}

impl Said {
    /// What it complains of.
    fn complaint(&self) -> String {
        let text = if self.errors.trim().is_empty() {
            &self.out
        } else {
            &self.errors
        };
        one_line(text)
    }
}

impl Exim {
    /// This program, which has so long for each answer.
    pub(super) fn new(program: &Path, limit: Duration) -> Self {
        Self {
            program: program.to_path_buf(),
            limit,
        }
    }

    /// Its version, build and file.
    pub(super) fn version(&self) -> Result<Version, String> {
        let said = self.ask(&["-bV"], "")?;
        let after = |start: &str| {
            let found = said.out.lines().find_map(|line| line.strip_prefix(start));
            found.map(|rest| rest.trim().to_owned())
        };
        let number = after("Exim version ").filter(|_| said.ended_well);
        let number = number.ok_or_else(|| said.complaint())?;
        let number = number.split(' ').next().unwrap_or_default().to_owned();
        let supports = after("Support for: ").unwrap_or_default();
        Ok(Version {
            number,
            supports: supports.split(' ').map(str::to_owned).collect(),
            configuration: after("Configuration file is ").unwrap_or_default(),
        })
    }

    /// The configuration as Exim has read it.
    pub(super) fn configuration(&self) -> Result<String, String> {
        self.print(&["config"])
    }

    /// All macros of the configuration with their values.
    pub(super) fn macros(&self) -> Result<BTreeMap<String, String>, String> {
        let told = self.print(&["macros"])?;
        let pairs = told.lines().filter_map(|line| line.split_once('='));
        Ok(pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect())
    }

    /// All drivers of a kind (`router`) with their options, in their order.
    pub(super) fn drivers(&self, kind: &str) -> Result<Vec<(String, Options)>, String> {
        let told = self.print(&[&format!("{kind}s")])?;
        Ok(drivers(&told, kind))
    }

    /// These main options; what this Exim does not know is not among them.
    pub(super) fn main_options(&self, names: &[&str]) -> Result<Options, String> {
        self.print(names).map(|told| options(&told))
    }

    fn print(&self, what: &[&str]) -> Result<String, String> {
        let said = self.ask(&[&["-bP"], what].concat(), "")?;
        if said.ended_well {
            Ok(said.out)
        } else {
            Err(said.complaint())
        }
    }

    /// What a text is expanded to; the error: why it cannot be.
    pub(super) fn expand(&self, text: &str) -> Result<String, String> {
        let said = self.ask(&["-be", text], "")?;
        let answer = said.out.strip_suffix('\n').unwrap_or(&said.out);
        match answer.strip_prefix("Failed: ") {
            Some(why) => Err(one_line(why)),
            None if said.ended_well => Ok(answer.to_owned()),
            None => Err(said.complaint()),
        }
    }

    /// How an address would be routed.
    pub(super) fn route(&self, address: &str) -> Result<String, String> {
        let said = self.ask(&["-bt", address], "")?;
        Ok(one_line(&said.out))
    }

    /// The replies to a client that says all this at once, from the loopback. Nothing of it is real for Exim.
    pub(super) fn session(&self, lines: &[&str]) -> Result<Vec<String>, String> {
        let input = lines.join("\r\n") + "\r\n";
        let said = self.ask(&["-bh", "127.0.0.1"], &input)?;
        Ok(replies(&said.out))
    }

    fn ask(&self, arguments: &[&str], input: &str) -> Result<Said, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.program.display());
        let mut child = Command::new(&self.program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (stdin, input) = (child.stdin.take(), input.to_owned());
        // Who does not want to read it all is not made to.
        let writing =
            std::thread::spawn(move || stdin.map(|mut to| to.write_all(input.as_bytes())));
        let reading = [read(child.stdout.take()), read(child.stderr.take())];
        let ended = wait(&mut child, self.limit).map_err(failed)?;
        let Some(ended_well) = ended else {
            let limit = self.limit.as_secs();
            return Err(format!("no answer in {limit} seconds"));
        };
        drop(writing.join());
        let [out, errors] = reading.map(|thread| thread.join().unwrap_or_default());
        Ok(Said {
            ended_well,
            out,
            errors,
        })
    }
}

fn read<R: Read + Send + 'static>(from: Option<R>) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        // What came before an error is still what was said.
        let _ = from.map(|mut from| from.read_to_end(&mut bytes));
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Whether it ended well; `None`: it did not end in time, and was ended.
fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<bool>> {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status.success()));
        }
        if Instant::now() >= end {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// As `-bP` prints them: `name = value`, `name`, `no_name`.
fn options(text: &str) -> Options {
    let option = |line: &str| match line.split_once(" =") {
        Some((name, value)) => (name.to_owned(), value.trim().to_owned()),
        None => match line.strip_prefix("no_") {
            Some(name) => (name.to_owned(), "false".to_owned()),
            None => (line.to_owned(), "true".to_owned()),
        },
    };
    text.lines()
        .filter(|line| !line.is_empty())
        .map(option)
        .collect()
}

/// As `-bP routers` prints them: each begins with `name router:`.
fn drivers(text: &str, kind: &str) -> Vec<(String, Options)> {
    let end = format!(" {kind}:");
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some(name) = line.strip_suffix(&end) {
            found.push((name.to_owned(), String::new()));
        } else if let Some((_, options)) = found.last_mut() {
            options.push_str(line);
            options.push('\n');
        }
    }
    let read = |(name, text): (String, String)| (name, options(&text));
    found.into_iter().map(read).collect()
}

/// Every reply with its lines in one. Between them Exim says that none of it is real.
fn replies(text: &str) -> Vec<String> {
    let (mut replies, mut reply) = (Vec::new(), String::new());
    for line in text.lines() {
        let bytes = line.as_bytes();
        let is_reply = bytes.len() >= 3 && bytes.iter().take(3).all(u8::is_ascii_digit);
        if !is_reply {
            continue;
        }
        if !reply.is_empty() {
            reply.push('\n');
        }
        reply.push_str(line);
        if bytes.get(3) != Some(&b'-') {
            replies.push(std::mem::take(&mut reply));
        }
    }
    replies
}

/// A text of several lines in one, without what is much too long for it.
pub(super) fn one_line(text: &str) -> String {
    const LONGEST: usize = 400;
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", line.split_at(end).0),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::{drivers, one_line, options, replies};

    #[test]
    fn options_as_exim_prints_them() {
        for (label, text, name, expected) in [
            ("a value", "driver = smtp\n", "driver", Some("smtp")),
            ("none", "command = \n", "command", Some("")),
            ("none, without a blank", "owners =\n", "owners", Some("")),
            ("on", "allow_defer\nmore\n", "more", Some("true")),
            ("off", "no_more\n", "more", Some("false")),
            (
                "with a sign in it",
                "set = r_a = ${b}\n",
                "set",
                Some("r_a = ${b}"),
            ),
            ("another", "driver = smtp\n", "user", None),
        ] {
            let read = options(text);
            assert_eq!(read.get(name).map(String::as_str), expected, "{label}");
        }
    }

    #[test]
    fn drivers_as_exim_prints_them() {
        let text = "\none router:\ndriver = accept\nno_more\n\ntwo router:\ndriver = redirect\n";
        let found = drivers(text, "router");
        let told: Vec<(&str, usize, &str)> = found
            .iter()
            .map(|(name, o)| (name.as_str(), o.len(), o["driver"].as_str()))
            .collect();
        assert_eq!(told, [("one", 2, "accept"), ("two", 1, "redirect")]);
    }

    #[test]
    fn replies_of_a_session_that_is_not_real() {
        let text = "\n**** SMTP testing session\n**** This is not for real!\n\n220 a.test ESMTP\n\
                    250-a.test Hello\n250-SIZE 1\n250 HELP\n550 no\n\n**** SMTP testing: that is not a real message id!\n\n221 bye\n";
        let expected = [
            "220 a.test ESMTP",
            "250-a.test Hello\n250-SIZE 1\n250 HELP",
            "550 no",
            "221 bye",
        ];
        assert_eq!(replies(text), expected);
    }

    #[test]
    fn lines_have_an_end() {
        assert_eq!(one_line(" a\n  b \n"), "a b");
        assert_eq!(one_line(&"x".repeat(500)).len(), 403);
    }
}
