//! Stock Postfix: a site's configuration with the README's lines behind it.

use std::collections::BTreeSet;

use ffi_tests::{POSTFIX, Result, Servers, master_cf};

use crate::mail_server::{ADDRESS, Handing, MailServer, share};
use crate::outcome::{Fate, Outcome};
use crate::readme;

/// `inet_interfaces` are the machine's own addresses, and 127.0.0.1 is the only one configured.
const SITE: &str = "\
compatibility_level = 3.6
myhostname = host.test
mydestination = host.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
alias_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
";

pub(crate) struct Postfix(pub(crate) &'static str);

impl MailServer for Postfix {
    fn root(&self) -> &'static str {
        self.0
    }

    fn write(&self, servers: &Servers, _: Handing) -> Result<()> {
        share(servers, "postfix")?;
        servers.write("host/up/etc/postfix/main.cf", SITE)?;
        let listener = format!("{ADDRESS}:25 inet n - n - - smtpd");
        servers.write("host/up/etc/postfix/master.cf", &master_cf(&listener))?;
        let lines = readme::lines("postfix")?;
        servers.write("host/cmd", &format!("{lines}{POSTFIX}\n"))
    }

    fn log(&self) -> &'static str {
        "host/log/postfix.log"
    }

    /// `to=<user@domain>, relay=…, dsn=5.7.30, status=bounced (…)`.
    fn outcome(&self, log: &str, recipient: &str) -> Option<Outcome> {
        let to = format!(": to=<{recipient}>, ");
        let line = log.lines().rfind(|line| line.contains(&to))?;
        let (_, status) = line.split_once(", status=")?;
        let fate = match status.split(' ').next()? {
            "sent" => Fate::Delivered,
            "deferred" => Fate::Deferred,
            "bounced" => Fate::Bounced,
            _ => return None,
        };
        Some(Outcome::new(fate, line))
    }

    /// It has no place for a field in a bounce. There is nothing but the header section of the message in it.
    fn bounces_require(&self) -> bool {
        false
    }

    fn waiting(&self, servers: &Servers) -> Result<BTreeSet<String>> {
        let listed = servers.inside("host", &["postqueue", "-j"])?;
        let addresses = listed.split("\"recipients\": [").skip(1);
        let addresses = addresses.flat_map(|rest| rest.split("\"address\": \"").skip(1));
        Ok(addresses
            .filter_map(|rest| Some(rest.split_once('"')?.0.to_owned()))
            .collect())
    }

    fn flush(&self, servers: &Servers) -> Result<()> {
        servers.inside("host", &["postqueue", "-f"]).map(drop)
    }
}
