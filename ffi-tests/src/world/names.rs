//! What do the name servers serve?
//!
//! A signed root, below it the signed `test`, and below that one zone for each way of being secured. nsd signs them
//! with fresh keys when it starts, and leaves the root's DS where unbound finds its trust anchor.

use std::fmt::Write as _;
use std::path::Path;

use super::certificates::Certificates;
use super::hosts::{Host, ROUTES, Tlsa, ZONES, Zone};
use super::{NAME_SERVER, RESOLVER};
use crate::Result;

/// A world lives for minutes at most: what was found in it once holds until its end.
const HEAD: &str = "$TTL 3600\n@ SOA ns.test. root.test. 1 3600 600 86400 3600\n@ NS ns.test.\n";
const SERVER: &str = "\
server:
 ip-address: @ADDRESS@@53
 username: nsd
 zonesdir: /etc/nsd
 logfile: /var/log/nsd.log
 pidfile: \"\"
 database: \"\"
 zonelistfile: /run/nsd/zones
 xfrdfile: /run/nsd/xfrd
 server-count: 1
remote-control:
 control-enable: no
";
/// `validator` is what makes unbound set AD, and answer SERVFAIL for what is bogus. The order of addresses is kept so
/// that the one that refuses comes first.
const VALIDATOR: &str = "\
server:
 interface: @ADDRESS@
 outgoing-interface: @ADDRESS@
 access-control: 127.0.0.0/8 allow
 do-not-query-localhost: no
 do-ip6: no
 username: unbound
 chroot: \"\"
 directory: /etc/unbound
 pidfile: \"\"
 use-syslog: no
 logfile: \"\"
 local-zone: test. nodefault
 root-hints: root.hints
 trust-anchor-file: /mnt/anchor.ds
 module-config: \"validator iterator\"
 val-log-level: 2
 rrset-roundrobin: no
remote-control:
 control-enable: no
";

/// Writes zones, configurations and commands of nsd and unbound.
pub(super) fn write(dir: &Path, hosts: &[Host], certificates: &Certificates) -> Result<()> {
    let mut server = SERVER.replace("@ADDRESS@", NAME_SERVER);
    let mut sign = String::from(
        "set -e; cd /etc/nsd\n\
         key() { ldns-keygen -a ECDSAP256SHA256 -k \"$1\"; }\n\
         sign() { k=$(key \"$1\"); ldns-signzone -f \"$2.signed\" \"$2\" \"$k\"; cat \"$k.ds\" >>\"$3\"; }\n",
    );
    let mut test = format!("$ORIGIN test.\n{HEAD}ns A {NAME_SERVER}\n");
    for (zone, secured) in ZONES {
        super::write(
            dir,
            &format!("nsd/up/etc/nsd/{zone}"),
            &zone_text(zone, hosts, certificates)?,
        )?;
        let file = match secured {
            Zone::Unsigned => zone.to_owned(),
            Zone::Signed => {
                writeln!(sign, "sign {zone} {zone} test")?;
                format!("{zone}.signed")
            }
            Zone::Bogus => {
                writeln!(
                    sign,
                    "sign {zone} {zone} /dev/null; cat \"$(key {zone}).ds\" >>test"
                )?;
                format!("{zone}.signed")
            }
        };
        writeln!(test, "{zone}. NS ns")?;
        write!(server, "zone:\n name: {zone}\n zonefile: {file}\n")?;
    }
    server.push_str(
        "zone:\n name: test\n zonefile: test.signed\nzone:\n name: .\n zonefile: root.signed\n",
    );
    sign.push_str("sign test test root; sign . root /mnt/anchor.ds\n");
    sign.push_str(
        "mkdir -p /run/nsd; touch /var/log/nsd.log; chown nsd /run/nsd /var/log/nsd.log\n",
    );
    sign.push_str("exec nsd -d -c /etc/nsd/nsd.conf\n");
    super::write(dir, "nsd/up/etc/nsd/test", &test)?;
    super::write(
        dir,
        "nsd/up/etc/nsd/root",
        &format!("$ORIGIN .\n{HEAD}test. NS ns.test.\nns.test. A {NAME_SERVER}\n"),
    )?;
    super::write(dir, "nsd/up/etc/nsd/nsd.conf", &server)?;
    super::write(dir, "nsd/up/etc/nsd/start.sh", &sign)?;
    super::write(dir, "nsd/cmd", "sh /etc/nsd/start.sh")?;

    super::write(
        dir,
        "unbound/up/etc/unbound/unbound.conf",
        &VALIDATOR.replace("@ADDRESS@", RESOLVER),
    )?;
    super::write(
        dir,
        "unbound/up/etc/unbound/root.hints",
        &format!(". 3600 NS ns.test.\nns.test. 3600 A {NAME_SERVER}\n"),
    )?;
    super::write(
        dir,
        "unbound/cmd",
        "exec unbound -d -c /etc/unbound/unbound.conf >/var/log/unbound.log 2>&1",
    )
}

fn zone_text(zone: &str, hosts: &[Host], certificates: &Certificates) -> Result<String> {
    let mut text = format!("$ORIGIN {zone}.\n{HEAD}");
    for (host, shown) in hosts.iter().zip(certificates.hosts()) {
        if !is_in(host.domain, zone) {
            continue;
        }
        let name = host.name();
        writeln!(text, "{}. MX 10 {name}.", host.domain)?;
        for address in host.addresses {
            writeln!(text, "{name}. A {address}")?;
        }
        let digest = match host.tlsa {
            Tlsa::None => continue,
            Tlsa::Right => shown.digest.clone(),
            Tlsa::Wrong => "00".repeat(32),
        };
        writeln!(text, "_25._tcp.{name}. TLSA 3 1 1 {digest}")?;
    }
    for (domain, hosts) in ROUTES.iter().filter(|(domain, _)| is_in(domain, zone)) {
        for (preference, name) in *hosts {
            writeln!(text, "{domain}. MX {preference} {name}.")?;
        }
    }
    Ok(text)
}

fn is_in(domain: &str, zone: &str) -> bool {
    domain == zone || domain.ends_with(&format!(".{zone}"))
}

#[cfg(test)]
mod tests {
    use super::super::{certificates, hosts};
    use super::*;

    #[test]
    fn every_host_is_in_exactly_one_zone() -> Result<()> {
        let certificates = certificates::issue(&hosts::HOSTS)?;
        let mut all = String::new();
        for (zone, _) in ZONES {
            all.push_str(&zone_text(zone, &hosts::HOSTS, &certificates)?);
        }
        for host in &hosts::HOSTS {
            let mx = format!("{}. MX 10 {}.", host.domain, host.name());
            assert_eq!(all.matches(&mx).count(), 1, "{mx} in\n{all}");
        }
        Ok(())
    }
}
