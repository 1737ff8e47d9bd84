//! Stock Sendmail: a site's configuration with the README's lines in it.

use std::collections::BTreeSet;

use ffi_tests::{Result, Servers};

use crate::mail_server::{ADDRESS, Handing, MailServer, share};
use crate::outcome::{Fate, Outcome};
use crate::readme;

/// Sendmail would ask DNS about every address, and let a busy machine's mail wait.
const SITE: &str = "\
divert(0)dnl
OSTYPE(`debian')dnl
define(`confDOMAIN_NAME', `host.test')dnl
define(`confLOG_LEVEL', `14')dnl
define(`ALIAS_FILE', `')dnl
define(`confQUEUE_LA', `1000')dnl
define(`confREFUSE_LA', `1000')dnl
undefine(`confHOST_STATUS_DIRECTORY')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA, Addr=@ADDRESS@, Port=25')dnl
@lines@
MAILER(`smtp')dnl
";
const COMMAND: &str = "\
busybox syslogd -O /var/log/mail.log
cd /usr/share/sendmail/cf/cf && m4 ../m4/cf.m4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf && cd /
for s in /usr/libexec/sendmail/sendmail /usr/lib/sm.bin/sendmail; do [ -x $s ] && exec $s -bD -q10m -L mta; done
";

pub(crate) struct Sendmail(pub(crate) &'static str);

impl MailServer for Sendmail {
    fn root(&self) -> &'static str {
        self.0
    }

    fn write(&self, servers: &Servers, handing: Handing) -> Result<()> {
        share(servers, "sendmail")?;
        let lines = match handing {
            Handing::Process => readme::lines("sendmail")?,
            Handing::Socket => readme::lines("sendmail, socket")?,
        };
        let text = SITE
            .replace("@ADDRESS@", ADDRESS)
            .replace("@lines@", lines.trim_end());
        servers.write("host/up/etc/mail/sendmail.mc", &text)?;
        servers.write("host/up/etc/mail/local-host-names", "host.test\n")?;
        servers.write("host/up/etc/hosts", "127.0.0.1 localhost host.test\n")?;
        servers.write("host/cmd", COMMAND)
    }

    fn log(&self) -> &'static str {
        "host/log/mail.log"
    }

    /// `to=<a>,<b>, delay=…, dsn=5.7.30, stat=…`.
    fn outcome(&self, log: &str, recipient: &str) -> Option<Outcome> {
        let named = format!("<{recipient}>");
        let line = log.lines().rfind(|line| {
            let to = line.split_once(": to=").map(|(_, rest)| rest);
            let to = to.and_then(|rest| rest.split_once(", delay="));
            to.is_some_and(|(to, _)| to.contains(&named))
        })?;
        let (_, state) = line.split_once(", stat=")?;
        let fate = match line.split_once(", dsn=")?.1.get(..1)? {
            "2" if state.starts_with("Sent") => Fate::Delivered,
            "4" => Fate::Deferred,
            "5" => Fate::Bounced,
            _ => return None,
        };
        Some(Outcome::new(fate, line))
    }

    fn logs_what_it_hears(&self) -> bool {
        false
    }

    /// The files of the queue, by Sendmail's own letters: `R` is a recipient, its flags before the colon.
    fn waiting(&self, servers: &Servers) -> Result<BTreeSet<String>> {
        let lines = "cat /var/spool/mqueue/qf* 2>/dev/null || true";
        let lines = servers.inside("host", &["sh", "-c", lines])?;
        let recipients = lines.lines().filter_map(|line| {
            let (_, address) = line.strip_prefix('R')?.split_once(":<")?;
            Some(address.trim_end_matches('>').to_owned())
        });
        Ok(recipients.collect())
    }

    fn flush(&self, servers: &Servers) -> Result<()> {
        let run = "for s in /usr/libexec/sendmail/sendmail /usr/lib/sm.bin/sendmail; do [ -x $s ] && exec $s -q; done";
        servers.inside("host", &["sh", "-c", run]).map(drop)
    }
}
