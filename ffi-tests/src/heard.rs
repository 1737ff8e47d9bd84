//! What does the demo have a mail server hear, and what must it keep?
//!
//! `requiretls demo --json` says it of each scenario that is inbound. A real server hears the same command, inside TLS or in
//! clear, with the same configuration of the library and a message behind it; what it refuses, or keeps, is compared.

use std::fmt::Write as _;
use std::process::Command;
use std::time::Duration;

use rustls::ClientConfig;
use serde_json::Value;

use crate::{Client, Failure, Result, bounded, built};

const LIMIT: Duration = Duration::from_secs(120);
/// The name that the demo has for these scenarios.
const GROUP: &str = "What the sender asks for";
const RECIPIENT: &str = "bert@good.test";

/// One command, and what must become of it.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Its name.
    pub id: String,
    /// In one sentence.
    pub about: String,
    /// A table of the library's configuration.
    pub receiving: String,
    /// Inside TLS.
    pub tls: bool,
    /// All of MAIL or RCPT.
    pub command: String,
    /// Fields of the message, each with its end.
    pub fields: String,
    /// A tag from before.
    pub earlier: Option<Earlier>,
    /// In the words of [`Said`].
    pub expected: String,
}

/// A tag that the message has before the server hears anything.
#[derive(Clone, Debug)]
pub struct Earlier {
    /// As it is kept.
    pub tag: String,
    /// By somebody of the site; anybody's may only raise.
    pub may_lower: bool,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub enum Said {
    /// Everything was taken; what Exim calls the message.
    Taken(String),
    /// "refused", code and, if there is one, enhanced code of the first reply that refused anything.
    Refused(String),
}

impl Heard {
    /// All that the demo has.
    ///
    /// # Errors
    /// The demo does not run, or does not do as expected itself.
    pub fn all() -> Result<Vec<Self>> {
        let mut command = Command::new(built("requiretls")?);
        let told = bounded::output(command.args(["demo", "--json", "--filter", GROUP]), LIMIT)?;
        let mut all = Vec::new();
        for line in told.lines() {
            all.extend(Self::read(&serde_json::from_str(line)?));
        }
        if all.is_empty() {
            return Err(Failure::new(format!("the demo has no {GROUP:?}")));
        }
        Ok(all)
    }

    /// Says it to a server, and sends a message behind it where the server allows that. `config`: for TLS.
    ///
    /// # Errors
    /// The server is not there, or hangs up.
    pub fn say(&self, address: &str, config: ClientConfig) -> Result<Said> {
        let (mut client, _) = if self.tls {
            Client::inside_tls(address, config)?
        } else {
            Client::in_clear(address)?
        };
        let mut commands = vec![self.command.clone()];
        if self.command.starts_with("RCPT") {
            commands.insert(0, "MAIL FROM:<anna@sender.test>".to_owned());
        } else {
            commands.push(format!("RCPT TO:<{RECIPIENT}>"));
        }
        commands.push("DATA".to_owned());
        commands.push(format!("{}\r\nThe body.\r\n.", self.fields));
        let mut reply = String::new();
        for command in commands {
            reply = client.ask(&command)?;
            if !reply.starts_with(['2', '3']) {
                return Ok(Said::Refused(refusal(&reply)));
            }
        }
        let (_, id) = reply
            .split_once(" OK id=")
            .ok_or_else(|| Failure::new(format!("{}: {reply}", self.id)))?;
        Ok(Said::Taken(id.trim_end().to_owned()))
    }

    fn read(told: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (heard, expected) = (told.get("heard")?, told.get("expected")?);
        let mut fields = String::new();
        for field in heard["header"].as_array()? {
            let _ = write!(fields, "{}:{}\r\n", text(&field[0]), text(&field[1]));
        }
        let earlier = heard.get("earlier").map(|earlier| Earlier {
            tag: text(&earlier[0]),
            may_lower: earlier[1] == true,
        });
        let expected = match expected["action"].as_str()? {
            "refused" => format!(
                "refused {} {}",
                expected["code"],
                text(&expected["enhanced"])
            ),
            _ => kept(&text(&expected["with"])),
        };
        Some(Self {
            id: text(told.get("id")?),
            about: text(told.get("about")?),
            // An array of words is written alike in JSON and in TOML.
            receiving: format!(
                "[receiving]\ndialects = {}\nadvertise = {}\n",
                heard["dialects"], heard["advertise"]
            ),
            tls: heard["tls"] == true,
            command: text(&heard["command"]),
            fields,
            earlier,
            expected,
        })
    }
}

/// What Exim's `-H` file of a message says that it is kept with, in the words of [`Heard::expected`].
#[must_use]
pub fn kept_in(spool: &str) -> String {
    let mut lines = spool.lines();
    // One more hyphen stands before a variable whose text came from outside.
    let found = lines.any(|line| {
        line.trim_start_matches('-')
            .starts_with("aclm _requiretls ")
    });
    kept(lines.next().filter(|_| found).unwrap_or_default())
}

fn kept(tag: &str) -> String {
    format!("kept {tag}").trim_end().to_owned()
}

/// Code and enhanced code of a reply.
fn refusal(reply: &str) -> String {
    let is_code = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit());
    let words: Vec<&str> = reply.split([' ', '-']).take(2).filter(is_code).collect();
    format!("refused {}", words.join(" "))
}
