//! An Exim that is none: a script that answers each question as it is told.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The answers follow, each for its question. `-bh` is answered by what the client says.
const SCRIPT: &str = r#"#!/bin/sh
key="$*"
if [ "$1" = -bh ]; then
  key=plain
  while read -r line; do
    case "$line" in
      "RequireTLS-Tag: 1.secure.onward"*) key=readable ;;
      RequireTLS-Tag*) key=unreadable ;;
      MAIL*REQUIRETLS*) key=parameter ;;
    esac
  done
fi
case "$key" in
"#;

const LIBRARY: &str = "/usr/lib/exim4/requiretls-exim.so";

/// The answers of one, by the question.
pub(crate) struct Fake {
    pub(crate) answers: BTreeMap<String, String>,
    /// Files beside it, by their name.
    pub(crate) files: BTreeMap<String, String>,
}

/// Each routers, transports and so on with their options: as the shipped files have them.
pub(crate) struct Drivers(pub(crate) Vec<(String, Vec<(String, String)>)>);

impl Drivers {
    /// Reads a shipped file in its simplest way: whatever is under a condition is left out, but for options that Exim may not
    /// know.
    fn read(file: &str, macros: &[(&str, String)]) -> Self {
        let path = Path::new("../requiretls-capi/hosts/exim").join(file);
        let text = fs::read_to_string(path).expect("a shipped file");
        let lines = text.lines().map(str::trim_end);
        let text: Vec<&str> = lines
            .filter(|line| !line.trim_start().starts_with('#'))
            .collect();
        let text = text.join("\n") + "\n";
        let mut joined = String::new();
        for part in text.split("\\\n") {
            let part = if joined.is_empty() {
                part
            } else {
                part.trim_start()
            };
            joined.push_str(part);
        }
        for (name, value) in macros {
            joined = joined.replace(name, value);
        }
        let (mut drivers, mut left_out) = (Vec::new(), false);
        for line in joined.lines() {
            if line.starts_with(".ifdef") || line.starts_with(".ifndef") {
                left_out = !line.contains("_OPT_");
            } else if line.starts_with(".endif") {
                left_out = false;
            } else if let Some(name) = line.strip_suffix(':').filter(|n| !n.starts_with(' ')) {
                drivers.push((name.to_owned(), Vec::new()));
            } else if let Some((_, options)) = drivers.last_mut().filter(|_| !left_out) {
                options.extend(option(line.trim()));
            }
        }
        Self(drivers)
    }

    /// As Exim prints them.
    fn print(&self, kind: &str) -> String {
        let mut text = String::new();
        for (name, options) in &self.0 {
            let _ = writeln!(text, "\n{name} {kind}:");
            for (option, value) in options {
                let _ = match value.as_str() {
                    "true" => writeln!(text, "{option}"),
                    "false" => writeln!(text, "no_{option}"),
                    value => writeln!(text, "{option} = {value}"),
                };
            }
        }
        text
    }
}

fn option(line: &str) -> Vec<(String, String)> {
    let one = |name: &str, value: &str| (name.to_owned(), value.trim_matches('"').to_owned());
    match line.split_once(" =") {
        _ if line.is_empty() => vec![],
        _ if line == "no_verify" => vec![
            one("verify_recipient", "false"),
            one("verify_sender", "false"),
        ],
        // Only the whole may stand in quotes.
        Some((name, value)) if value.trim().starts_with('"') => vec![one(name, value.trim())],
        Some((name, value)) => vec![(name.to_owned(), value.trim().to_owned())],
        None => match line.strip_prefix("no_") {
            Some(name) => vec![one(name, "false")],
            None => vec![one(line, "true")],
        },
    }
}

/// A part of a stock Exim, to be changed before it is written down.
pub(crate) struct Stock {
    pub(crate) macros: Vec<(&'static str, String)>,
    pub(crate) main: Vec<(&'static str, String)>,
    pub(crate) routers: Drivers,
    pub(crate) transports: Drivers,
    pub(crate) authenticators: Drivers,
    pub(crate) supports: &'static str,
}

impl Stock {
    /// With the standard files, or the full ones, in this directory.
    pub(crate) fn new(directory: &Path, full: bool) -> Self {
        let text = |name: &str| directory.join(name).display().to_string();
        let mut macros = vec![
            ("REQUIRETLS_LIBRARY", LIBRARY.to_owned()),
            (
                "REQUIRETLS_PROGRAM",
                env!("CARGO_BIN_EXE_requiretls").to_owned(),
            ),
            ("REQUIRETLS_USER", "root".to_owned()),
            ("REQUIRETLS_OWN_DOMAINS", "+local_domains".to_owned()),
            ("REQUIRETLS_IGNORED_HOSTS", "127.0.0.0/8".to_owned()),
            ("REQUIRETLS_FILES", directory.display().to_string()),
        ];
        if full {
            macros.push(("REQUIRETLS_FULL_FILES", text("full")));
        }
        let local = [("driver", "accept"), ("domains", "+local_domains")];
        let lookup = [("driver", "dnslookup"), ("domains", "! +local_domains")];
        let named = |name: &str, options: &[(&str, &str)]| {
            let owned = options
                .iter()
                .map(|(o, v)| ((*o).to_owned(), (*v).to_owned()));
            (name.to_owned(), owned.collect())
        };
        let mut routers = vec![named("local", &local)];
        routers.extend(Drivers::read("standard/routers-tagged.conf", &macros).0);
        routers.extend(Drivers::read("standard/routers-policy.conf", &macros).0);
        routers.push(named("dnslookup", &lookup));
        let authenticators = if full {
            Drivers::read("full/authenticators.conf", &macros)
        } else {
            Drivers(Vec::new())
        };
        let mut main = vec![
            ("bounce_return_body", "false".to_owned()),
            ("bounce_message_file", text("bounce")),
            ("warn_message_file", text("warning")),
            ("acl_not_smtp", "requiretls_not_smtp".to_owned()),
            ("strict_acl_vars", "false".to_owned()),
        ];
        if full {
            main.push(("acl_smtp_mail", "requiretls_mail".to_owned()));
        }
        Self {
            transports: Drivers::read("standard/transports.conf", &macros),
            macros,
            main,
            routers: Drivers(routers),
            authenticators,
            supports: "Expand_dlfunc GnuTLS DANE",
        }
    }

    /// Sets an option of a router or transport.
    pub(crate) fn set(&mut self, driver: &str, option: &str, value: &str) {
        let all = self.routers.0.iter_mut().chain(&mut self.transports.0);
        for (_, options) in all.filter(|(name, _)| name == driver) {
            options.retain(|(name, _)| name != option);
            options.push((option.to_owned(), value.to_owned()));
        }
    }

    /// Its answers.
    pub(crate) fn fake(&self) -> Fake {
        let own: Vec<&str> = vec![
            "strict_acl_vars",
            "bounce_return_body",
            "bounce_message_file",
            "warn_message_file",
            "acl_not_smtp",
            "acl_smtp_mail",
        ];
        let main: Vec<String> = self
            .main
            .iter()
            .map(|(name, value)| match value.as_str() {
                "false" => format!("no_{name}"),
                "true" => (*name).to_owned(),
                value => format!("{name} = {value}"),
            })
            .collect();
        let macros: Vec<String> = self
            .macros
            .iter()
            .map(|(n, v)| format!("{n}={v}"))
            .collect();
        let call = |rest: &str| format!("-be ${{dlfunc{{{LIBRARY}}}{rest}}}");
        let plan =
            "{requiretls_plan}{}{a.test}{postmaster@$primary_hostname}{}{$exim_uid}{$exim_gid}";
        let unreadable = "{requiretls_plan}{!}{example.com}{a@example.com}{}{$exim_uid}{$exim_gid}";
        let session =
            |more: &str| format!("220 h.test ESMTP\n250-h.test Hello\n250 HELP\n{more}221 bye\n");
        let sent = |last: &str| {
            session(&format!(
                "250 OK\n250 Accepted\n354 Enter message\n{last}\n"
            ))
        };
        let gate = self.transports.0.iter().flat_map(|(_, options)| options);
        let gate = gate
            .clone()
            .find(|(name, _)| name == "authenticated_sender");
        let gate = gate.map_or_else(String::new, |(_, value)| value.clone());
        let answers = [
            ("-bV".to_owned(), format!("Exim version 4.96 #2 built today\nSupport for: {}\nConfiguration file is /etc/exim4/exim4.conf\n", self.supports)),
            ("-bP config".to_owned(), "# Exim Configuration (4.96)\nbegin acl\n".to_owned()),
            ("-bP macros".to_owned(), macros.join("\n") + "\n"),
            ("-bP routers".to_owned(), self.routers.print("router")),
            ("-bP transports".to_owned(), self.transports.print("transport")),
            ("-bP authenticators".to_owned(), self.authenticators.print("authenticator")),
            (format!("-bP {}", own.join(" ")), main.join("\n") + "\n"),
            ("-be $primary_hostname".to_owned(), "h.test\n".to_owned()),
            ("-be $exim_uid $exim_gid".to_owned(), "0 0\n".to_owned()),
            (call("{requiretls_here}{2}"), "yes\n".to_owned()),
            (call("{requiretls_tag}{1.secure.onward}"), "1.secure.onward\n".to_owned()),
            (call("{requiretls_tag}{1.nonsense}"), "!\n".to_owned()),
            (call(unreadable), ":defer: 451 4.3.0 the tag cannot be read\n".to_owned()),
            (call(plan), "*\n".to_owned()),
            (format!("-be {gate}"), "Failed: failed to open /dev/null/requiretls refuses this connection: Not a directory\n".to_owned()),
            ("-bt postmaster@a.test".to_owned(), "postmaster@a.test\n  router = requiretls_bound, transport = requiretls_smtp\n".to_owned()),
            ("plain".to_owned(), sent("250 OK id=1")),
            ("readable".to_owned(), sent("250 OK id=2")),
            ("unreadable".to_owned(), sent("451 4.3.0 this tag cannot be read")),
            ("parameter".to_owned(), session("530 5.7.10 Encryption required\n")),
        ];
        Fake {
            answers: answers.into(),
            files: [
                ("bounce", "RequireTLS-Tag: x"),
                ("warning", "RequireTLS-Tag: x"),
            ]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
            .into(),
        }
    }
}

impl Fake {
    /// Puts it into the directory; returns where.
    pub(crate) fn write(&self, directory: &Path) -> PathBuf {
        for (name, text) in &self.files {
            fs::write(directory.join(name), text).expect("a file");
        }
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "'\\''"));
        let mut script = SCRIPT.to_owned();
        for (question, text) in &self.answers {
            let _ = writeln!(
                script,
                "{}) printf %s {} ;;",
                quoted(question),
                quoted(text)
            );
        }
        script.push_str("*) echo \"$key: nothing is known of that\" >&2; exit 1 ;;\nesac\n");
        let program = directory.join("exim");
        fs::write(&program, script).expect("a script");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        program
    }
}

/// Runs the self-test with an Exim, a server and a configuration of the library.
pub(crate) fn selftest(exim: &Path, server: &str, config: &Path, further: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_requiretls"))
        .args(["exim-selftest", "--timeout", "5", "--exim"])
        .arg(exim)
        .args(["--server", server, "--config"])
        .arg(config)
        .args(further)
        .args(if further.contains(&"--domain") {
            &[][..]
        } else {
            &["--domain", "a.test"]
        })
        .output()
        .expect("the program runs")
}
