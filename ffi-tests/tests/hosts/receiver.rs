//! The best of the next hops: a Postfix 3.11 that receives with REQUIRETLS, found by DANE.

use ffi_tests::{Identity, POSTFIX, Result, Servers, master_cf};
use requiretls_testbed::Domain;

const ADDRESS: &str = "127.25.0.11";
/// Whose mail it takes.
pub(crate) const DOMAIN: &str = "postfix.test";

/// The receiving Postfix, and what it shows.
pub(crate) struct Receiver(Identity);

impl Receiver {
    pub(crate) fn issue() -> Result<Self> {
        Identity::new(&format!("mx.{DOMAIN}")).map(Self)
    }

    /// Found by DANE.
    pub(crate) fn domain(&self) -> Domain {
        Domain::new(DOMAIN)
            .signed()
            .record("@ MX 10 mx")
            .record(&format!("mx A {ADDRESS}"))
            .record(&format!("_25._tcp.mx TLSA 3 1 1 {}", self.0.pin))
    }

    /// Everything goes to one mailbox, where every message is a file.
    pub(crate) fn start(&self, servers: &Servers) -> Result<()> {
        let main = format!(
            "compatibility_level = 3.6\nmyhostname = mx.{DOMAIN}\nmydestination =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmaillog_file = /var/log/postfix.log\nalias_maps =\n\
             smtpd_relay_restrictions = reject_unauth_destination\nsmtpd_peername_lookup = no\n\
             smtpd_tls_security_level = may\nsmtpd_tls_loglevel = 1\nsmtpd_tls_chain_files = /etc/rq/key.pem\n\
             virtual_mailbox_domains = {DOMAIN}\nvirtual_mailbox_maps = static:box/\n\
             virtual_mailbox_base = /mnt/received\nvirtual_uid_maps = static:8\nvirtual_gid_maps = static:8\n\
             virtual_minimum_uid = 1\ndebug_peer_list = 127.0.0.1\ndebug_peer_level = 1\n"
        );
        servers.write("receiver/up/etc/rq/key.pem", &self.0.pem)?;
        servers.write("receiver/up/etc/postfix/main.cf", &main)?;
        let listener = format!("{ADDRESS}:25 inet n - n - - smtpd");
        servers.write("receiver/up/etc/postfix/master.cf", &master_cf(&listener))?;
        servers.write("receiver/up/etc/hosts", "127.0.0.1 localhost\n")?;
        servers.write(
            "receiver/cmd",
            &format!("install -d -o mail /mnt/received; {POSTFIX}\n"),
        )?;
        servers.start("receiver", "postfix311", ADDRESS, 25)
    }
}
