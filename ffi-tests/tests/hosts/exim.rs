//! Stock Exim: a site's configuration with the README's lines in it.

use std::collections::BTreeSet;

use ffi_tests::{Result, Servers};

use crate::mail_server::{ADDRESS, Handing, MailServer, share};
use crate::outcome::{Fate, Outcome};
use crate::readme;

/// The parts of a configuration, each with the README's lines for it. A header field sets the variable as an ACL of the
/// site's would, with a text that anybody can have written.
const SITE: &str = "\
primary_hostname = host.test
local_interfaces = @ADDRESS@
disable_ipv6 = true
keep_environment =
log_file_path = /var/log/exim4/%slog
domainlist local_domains = host.test
acl_smtp_rcpt = accept
acl_smtp_data = site
tls_advertise_hosts =
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 100
@main@
begin acl
site:
  warn condition = ${if def:h_X-Site-Tag:}
       set acl_m_requiretls = $h_X-Site-Tag:
       remove_header = X-Site-Tag
  accept
begin routers
@router@
begin transports
@transport@
begin retry
* * F,4d,1h
";

pub(crate) struct Exim(pub(crate) &'static str);

impl MailServer for Exim {
    fn root(&self) -> &'static str {
        self.0
    }

    fn write(&self, servers: &Servers, handing: Handing) -> Result<()> {
        share(servers, "exim")?;
        let mut text = SITE.replace("@ADDRESS@", ADDRESS);
        let transport = match handing {
            Handing::Process => "exim transport",
            Handing::Socket => "exim transport, socket",
        };
        for (part, mark) in [
            ("@main@", "exim main"),
            ("@router@", "exim router"),
            ("@transport@", transport),
        ] {
            text = text.replace(part, readme::lines(mark)?.trim_end());
        }
        servers.write("host/up/etc/exim4/exim4.conf", &text)?;
        servers.write(
            "host/cmd",
            "install -d -o Debian-exim /var/log/exim4; exec exim4 -bdf -q10m",
        )
    }

    fn log(&self) -> &'static str {
        "host/log/exim4/mainlog"
    }

    /// `=> user <user@domain>` or `=> user@domain`, `->` for those beside it, `==` and `**`.
    fn outcome(&self, log: &str, recipient: &str) -> Option<Outcome> {
        let named = format!("<{recipient}>");
        let line = log.lines().rfind(|line| {
            let mut words = line.split(' ').skip(4);
            words.next() == Some(recipient) || words.next() == Some(&named)
        })?;
        let fate = match line.split(' ').nth(3)? {
            "=>" | "->" => Fate::Delivered,
            "==" => Fate::Deferred,
            "**" => Fate::Bounced,
            _ => return None,
        };
        Some(Outcome::new(fate, line))
    }

    /// Recipients stand alone on their lines; those that are done have a D in front.
    fn waiting(&self, servers: &Servers) -> Result<BTreeSet<String>> {
        let listed = servers.inside("host", &["exim4", "-bp"])?;
        let lines = listed.lines().filter(|line| line.starts_with("   "));
        let addresses = lines.map(str::trim).filter(|line| !line.starts_with("D "));
        Ok(addresses
            .filter(|line| line.contains('@') && !line.contains(' '))
            .map(str::to_owned)
            .collect())
    }

    fn flush(&self, servers: &Servers) -> Result<()> {
        servers.inside("host", &["exim4", "-qff"]).map(drop)
    }
}
