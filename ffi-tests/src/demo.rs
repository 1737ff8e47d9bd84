//! Which scenarios does the demo have for a mail server that is not its own, and did anything leak?
//!
//! `requiretls demo --keep` in the network of the servers: first it sends by itself, then its world stays. Whatever is sent
//! into it meanwhile is judged, by the demo's judge and by the lines that were written for the demo, when the world ends.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::{Failure, Result, Servers, built};

const LIMIT: Duration = Duration::from_secs(120);

/// The world of the demo, kept; it ends when this is dropped.
pub struct Demo {
    child: Child,
    scenarios: Vec<Scenario>,
    inbound: usize,
}

/// One message, and what must become of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name; the message says it in the field `X-Scenario`.
    pub id: String,
    /// In one sentence.
    pub about: String,
    /// The library's configuration for it; other files are beside it.
    pub config: PathBuf,
    /// The domain, or an address literal.
    pub next_hop: String,
    /// Where its hosts listen.
    pub port: u64,
    /// As it is kept.
    pub tag: String,
    /// The return path is empty.
    pub null_path: bool,
    /// AUTH will be sent.
    pub auth: bool,
    /// Domain and tag of a message that goes first.
    pub after: Option<(String, String)>,
    /// "go", "defer", "bounce".
    pub action: String,
    /// As "550".
    pub code: String,
    /// As "5.7.10".
    pub enhanced: String,
    /// The host that gets it, or was tried last.
    pub host: Option<String>,
    /// Who sends it whatever the library says leaks it.
    pub leaks_if_ignored: bool,
}

impl Demo {
    /// Builds the world; its own messages have been sent when it is there. `options`: more of the command's.
    ///
    /// # Errors
    /// It is not built, or does not do as expected itself.
    pub fn start(servers: &Servers, options: &[&str]) -> Result<Self> {
        let program = built("requiretls")?;
        let mut command = servers.command([program.as_os_str()]);
        let mut child = command
            .args(["demo", "--keep", "--json"])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take();
        let mut demo = Self {
            child,
            scenarios: Vec::new(),
            inbound: 0,
        };
        for line in stdout
            .into_iter()
            .flat_map(|pipe| BufReader::new(pipe).lines())
        {
            let told: Value = serde_json::from_str(&line?)?;
            if let Some(summary) = told.get("summary") {
                if summary["leaks"] == 0 && summary["as_expected"] == summary["scenarios"] {
                    return Ok(demo);
                }
                return Err(Failure::new(format!("the demo itself: {summary}")));
            }
            match Scenario::read(&told) {
                Some(scenario) => demo.scenarios.push(scenario),
                None => demo.inbound += 1,
            }
        }
        Err(Failure::new("the demo ended before its time"))
    }

    /// All that are outbound, in the order of the demo.
    #[must_use]
    pub fn scenarios(&self) -> &[Scenario] {
        &self.scenarios
    }

    /// How many others there are.
    #[must_use]
    pub fn inbound(&self) -> usize {
        self.inbound
    }

    /// Ends the world: what leaked while it was kept, a line for each.
    ///
    /// # Errors
    /// It does not end in time, or says nothing about leaks.
    pub fn end(mut self) -> Result<Vec<String>> {
        drop(self.child.stdin.take());
        let stderr = self.child.stderr.take();
        let end = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            if Instant::now() >= end {
                return Err(Failure::new("the demo does not end"));
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        let mut leaks = Vec::new();
        for line in lines_of(stderr) {
            if line.ends_with(" leaks while the world was kept") {
                if status.success() != leaks.is_empty() {
                    return Err(Failure::new(format!("{line}, and the demo: {status}")));
                }
                return Ok(leaks);
            }
            if line.starts_with("leak: ") {
                leaks.push(line);
            }
        }
        Err(Failure::new("the demo does not say what leaked"))
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn lines_of(pipe: Option<impl std::io::Read>) -> impl Iterator<Item = String> {
    let lines = pipe.map(|pipe| BufReader::new(pipe).lines());
    lines.into_iter().flatten().map_while(std::io::Result::ok)
}

impl Scenario {
    /// `None` for one that is inbound.
    fn read(told: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let sent = told.get("sent")?;
        let expected = told.get("expected")?;
        let after = sent
            .get("after")
            .map(|after| (text(&after["next_hop"]), text(&after["tag"])));
        Some(Self {
            id: text(told.get("id")?),
            about: text(told.get("about")?),
            config: PathBuf::from(text(&sent["config"])),
            next_hop: text(&sent["next_hop"]),
            port: sent["port"].as_u64()?,
            tag: text(&sent["tag"]),
            null_path: sent["null_path"] == true,
            auth: sent["auth"] == true,
            after,
            action: text(&expected["action"]),
            code: expected["code"].to_string(),
            enhanced: text(&expected["enhanced"]),
            host: expected["host"].as_str().map(str::to_owned),
            leaks_if_ignored: told["leaks_if_ignored"] == true,
        })
    }
}
