//! The best of the next hops: a Postfix 3.11 that receives with REQUIRETLS, found by DANE.

use std::fmt::Write as _;

use ffi_tests::{Result, Servers};
use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use requiretls_testbed::Domain;

use crate::postfix::{self, START};

const ADDRESS: &str = "127.25.0.11";
/// Whose mail it takes.
pub(crate) const DOMAIN: &str = "postfix.test";

/// Key and certificate of the receiving Postfix.
pub(crate) struct Receiver {
    pem: String,
    digest: String,
}

impl Receiver {
    pub(crate) fn issue() -> Result<Self> {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec![format!("mx.{DOMAIN}")])?.self_signed(&key)?;
        let mut digest = String::new();
        let spki = key.subject_public_key_info();
        for byte in ring::digest::digest(&ring::digest::SHA256, &spki).as_ref() {
            write!(digest, "{byte:02x}")?;
        }
        Ok(Self {
            pem: format!("{}{}", key.serialize_pem(), certificate.pem()),
            digest,
        })
    }

    /// Found by DANE.
    pub(crate) fn domain(&self) -> Domain {
        Domain::new(DOMAIN)
            .signed()
            .record("@ MX 10 mx")
            .record(&format!("mx A {ADDRESS}"))
            .record(&format!("_25._tcp.mx TLSA 3 1 1 {}", self.digest))
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
        servers.write("receiver/up/etc/rq/key.pem", &self.pem)?;
        servers.write("receiver/up/etc/postfix/main.cf", &main)?;
        servers.write(
            "receiver/up/etc/postfix/master.cf",
            &postfix::master(ADDRESS, "")?,
        )?;
        servers.write("receiver/up/etc/hosts", "127.0.0.1 localhost\n")?;
        servers.write(
            "receiver/cmd",
            &format!("install -d -o mail /mnt/received\n{START}"),
        )?;
        servers.start("receiver", "postfix311", ADDRESS, 25)
    }
}
