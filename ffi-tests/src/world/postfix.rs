//! How is one Postfix all the mail hosts at once?
//!
//! A listener of its own for each host, with the host's certificate. `syslog_name` tells them apart in the log. What is
//! taken in is relayed to one further host that is secured by DANE, so that the log shows by the message's id whether
//! the requirement went on: `tls=dane/requiretls` against `tls=dane`. That last host drops everything.

use std::fmt::Write as _;
use std::path::Path;

use super::RESOLVER;
use super::certificates::Certificates;
use super::hosts::{FILTER, Host, ONWARD, Starttls};
use crate::servers::write_settled;
use crate::{Result, master_cf};

/// `inet_interfaces` are the machine's own addresses, and 127.0.0.1 is the only one configured.
const MAIN: &str = "\
compatibility_level = 3.6
myhostname = relay.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
alias_maps =
relay_domains = static:all
relay_transport = smtp:@ONWARD@
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_loglevel = 1
milter_header_checks = regexp:{ { /^RequireTLS-Tag:/ WARN kept } }
debug_peer_list = 127.0.0.1
debug_peer_level = 1
smtp_bind_address = 127.25.0.30
smtp_dns_support_level = dnssec
smtp_tls_security_level = dane-only
smtp_tls_loglevel = 1
";
/// Writes Postfix' configuration and command.
pub(super) fn write(dir: &Path, hosts: &[Host], certificates: &Certificates) -> Result<()> {
    let mut listeners = String::new();
    for (host, shown) in hosts.iter().zip(certificates.hosts()) {
        let domain = host.domain;
        write!(
            listeners,
            "{}:25 inet n - n - - smtpd -o syslog_name=postfix/{domain} -o myhostname={} \
             -o smtpd_tls_chain_files=/etc/rq/{domain}.pem",
            host.listens_at(),
            host.name()
        )?;
        match host.starttls {
            Starttls::Yes => {}
            Starttls::No => listeners.push_str(" -o smtpd_tls_security_level=none"),
            Starttls::Broken => listeners.push_str(" -o smtpd_tls_protocols=<=TLSv1.1"),
        }
        if !host.requiretls {
            listeners.push_str(" -o requiretls_enable=no");
        }
        if host.filtered {
            write!(listeners, " -o smtpd_milters={}", FILTER.0)?;
        }
        if domain == ONWARD {
            listeners.push_str(" -o content_filter=discard:");
        }
        listeners.push('\n');
        super::write(
            dir,
            &format!("postfix311/up/etc/rq/{domain}.pem"),
            &shown.pem,
        )?;
    }
    write_settled(
        dir,
        "postfix311/up/etc/postfix/master.cf",
        &master_cf(&listeners),
    )?;
    write_settled(
        dir,
        "postfix311/up/etc/postfix/main.cf",
        &MAIN.replace("@ONWARD@", ONWARD),
    )?;
    super::write(
        dir,
        "postfix311/up/etc/resolv.conf",
        &format!("nameserver {RESOLVER}\noptions edns0 trust-ad timeout:2 attempts:2\n"),
    )?;
    super::write(dir, "postfix311/up/etc/hosts", "127.0.0.1 localhost\n")?;
    super::write(
        dir,
        "postfix311/cmd",
        "exec /usr/lib/postfix/sbin/master -s -c /etc/postfix",
    )
}
