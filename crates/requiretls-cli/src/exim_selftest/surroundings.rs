//! Is there what Exim and the library need beside them?
//!
//! The program that carries tagged mail, requiretls.conf, the cache as Exim's user sees it, and name servers that validate.

use super::exim::{Exim, Options};
use super::finding::Finding;
use crate::check_resolver;
use requiretls_engine::{Config, Deadline, Discovery};
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Whether what the transport for tagged mail starts is there, and is of this version.
pub(super) fn program(transport: &Options) -> Vec<Finding> {
    let value = |option: &str| transport.get(option).map_or("", String::as_str);
    let program = value("command").split(' ').next().unwrap_or_default();
    let check = "the program that carries tagged mail is there";
    let asked = format!("{program} --version");
    let expected = concat!("requiretls ", env!("CARGO_PKG_VERSION"));
    let advice = "install requiretls; another place is set by REQUIRETLS_PROGRAM before main.conf";
    let found = match Command::new(program).arg("--version").output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if said == expected {
                Finding::holds(check, &asked, &said)
            } else if said.starts_with("requiretls ") {
                let advice = format!("this is {expected}: install both of one version");
                Finding::doubt(check, &asked, &said, &advice)
            } else {
                Finding::fault(
                    check,
                    &asked,
                    &format!("\"{said}\", not \"{expected}\""),
                    advice,
                )
            }
        }
        Err(error) => Finding::fault(check, &asked, &error.to_string(), advice),
    };
    vec![found, runs_as(value("user"))]
}

fn runs_as(user: &str) -> Finding {
    let check = "the user it runs as is there";
    let asked = format!("/etc/passwd, user {user}");
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let is_there = users
        .lines()
        .any(|line| line.split(':').next() == Some(user));
    if is_there {
        Finding::holds(check, &asked, "there")
    } else {
        let advice = "install requiretls, which makes it; another user is set by REQUIRETLS_USER before main.conf";
        Finding::fault(check, &asked, "not there", advice)
    }
}

/// What requiretls.conf says, for Exim's user.
pub(super) struct Surroundings<'a> {
    pub(super) exim: &'a Exim,
    pub(super) file: Option<&'a Path>,
    pub(super) timeout: Duration,
}

impl Surroundings<'_> {
    /// Whether it can be read, whether policies can be kept, and whether DNSSEC counts.
    pub(super) fn check(&self) -> Vec<Finding> {
        let check = "requiretls.conf can be read";
        match Config::load(self.file) {
            Ok(config) => vec![
                Finding::holds(check, "requiretls check-config", "it can"),
                self.cache(&config),
                self.resolver(&config),
            ],
            Err(error) => {
                let advice = "mail waits until this is mended";
                vec![Finding::fault(
                    check,
                    "requiretls check-config",
                    &error.to_string(),
                    advice,
                )]
            }
        }
    }

    fn cache(&self, config: &Config) -> Finding {
        let check = "Exim's user can keep policies in the cache";
        let Some(directory) = &config.cache.directory else {
            let advice = "without a cache a policy protects no further message (RFC 8461 section 10.2): set directory in [cache]";
            return Finding::doubt(check, "requiretls.conf", "there is no cache", advice);
        };
        let asked = format!("permissions of {}", directory.display());
        let user = match self.exim.expand("$exim_uid $exim_gid") {
            Ok(said) => User::read(&said),
            Err(why) => return Finding::unknown(check, "exim -be", &why, ""),
        };
        let Some(user) = user else {
            return Finding::unknown(check, "exim -be '$exim_uid $exim_gid'", "no numbers", "");
        };
        let advice = "policies are fetched anew for each message (RFC 8461 section 10.2): adduser Debian-exim requiretls";
        match user.may_write(directory) {
            Ok(true) => Finding::holds(check, &asked, &format!("user {} may", user.uid)),
            Ok(false) => {
                Finding::fault(check, &asked, &format!("user {} may not", user.uid), advice)
            }
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
                Finding::unknown(check, &asked, &error.to_string(), super::ROOT)
            }
            Err(error) => Finding::fault(check, &asked, &error.to_string(), advice),
        }
    }

    fn resolver(&self, config: &Config) -> Finding {
        let check = "the name servers can be relied on for DNSSEC";
        let asked = "requiretls check-resolver";
        let advice = "no DANE without it: let a validating resolver run on this machine, and tell requiretls.conf (trusted = true in [dns])";
        let discovery = match Discovery::open(config) {
            Ok(discovery) => discovery,
            Err(error) => return Finding::fault(check, asked, &error.to_string(), advice),
        };
        if !discovery.is_dnssec_trusted() {
            return Finding::fault(check, asked, "the path to them is not trusted", advice);
        }
        let dns = &config.dns;
        if dns.probes.signed.is_empty() {
            return Finding::unknown(check, asked, "no names in probe_signed to test with", "");
        }
        let examined = discovery
            .resolver()
            .examine(&dns.probes, Deadline::after(self.timeout));
        let fit = |word: &str| {
            let found = examined
                .iter()
                .find(|one| check_resolver::fit(one.finding, dns) == word);
            found.map(|one| format!("{}: {}", one.server, one.finding))
        };
        if let Some(said) = fit("no") {
            Finding::fault(check, asked, &said, advice)
        } else if let Some(said) = fit("unknown") {
            Finding::unknown(check, asked, &said, advice)
        } else {
            Finding::holds(check, asked, "they can")
        }
    }
}

/// A user of this machine, as its processes are when they have all their groups.
struct User {
    uid: u32,
    gids: Vec<u32>,
}

impl User {
    /// From "uid gid", and what the system's files say.
    fn read(numbers: &str) -> Option<Self> {
        let (uid, gid) = numbers.split_once(' ')?;
        let file = |name| std::fs::read_to_string(name).unwrap_or_default();
        let (uid, gid) = (uid.parse().ok()?, gid.parse().ok()?);
        Some(Self::of(
            uid,
            gid,
            &file("/etc/passwd"),
            &file("/etc/group"),
        ))
    }

    fn of(uid: u32, gid: u32, passwd: &str, group: &str) -> Self {
        let field = |line: &str, n: usize| line.split(':').nth(n).unwrap_or_default().to_owned();
        let names: Vec<String> = passwd
            .lines()
            .filter(|line| field(line, 2) == uid.to_string())
            .map(|line| field(line, 0))
            .collect();
        let is_member = |line: &str| {
            field(line, 3)
                .split(',')
                .any(|m| names.iter().any(|n| n == m))
        };
        let groups = group.lines().filter(|line| is_member(line));
        let further = groups.filter_map(|line| field(line, 2).parse().ok());
        Self {
            uid,
            gids: std::iter::once(gid).chain(further).collect(),
        }
    }

    /// Whether files can be put into a directory.
    fn may_write(&self, directory: &Path) -> std::io::Result<bool> {
        let directory = directory.canonicalize()?;
        for above in directory.ancestors().skip(1) {
            if !self.may(&above.metadata()?, 0o1) {
                return Ok(false);
            }
        }
        Ok(self.may(&directory.metadata()?, 0o3))
    }

    fn may(&self, what: &Metadata, wanted: u32) -> bool {
        let shift = if what.uid() == self.uid {
            6
        } else if self.gids.contains(&what.gid()) {
            3
        } else {
            0
        };
        self.uid == 0 || what.mode() >> shift & wanted == wanted
    }
}

#[cfg(test)]
mod tests {
    use super::User;

    #[test]
    fn a_user_has_groups() {
        let passwd = "root:x:0:0::/root:/bin/sh\nDebian-exim:x:103:109::/var/spool/exim4:/usr/sbin/nologin\n";
        let group = "root:x:0:\nDebian-exim:x:109:\nrequiretls:x:120:mail,Debian-exim\nother:x:121:Debian\nbroken\n";
        for (label, uid, gid, expected) in [
            ("a member", 103, 109, vec![109, 120]),
            ("of its own group alone", 0, 0, vec![0]),
            ("not in the file", 104, 110, vec![110]),
        ] {
            let user = User::of(uid, gid, passwd, group);
            assert_eq!((user.uid, user.gids), (uid, expected), "{label}");
        }
    }
}
