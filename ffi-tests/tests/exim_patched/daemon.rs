//! Which Exim runs, and with what configuration?

use std::path::Path;

use ffi_tests::Identity;

use crate::build::Build;

/// An Exim: its name, which is its address' last octet too, its program and what is special in its configuration.
pub(crate) struct Daemon<'a> {
    pub(crate) name: &'a str,
    pub(crate) octet: u8,
    /// `None`: the stock package's.
    pub(crate) program: Option<&'a Path>,
    pub(crate) root: &'a str,
    /// Where it listens.
    pub(crate) ports: &'a str,
    /// Main options.
    pub(crate) main: &'a str,
    /// Replaces the router `dns`.
    pub(crate) routers: Option<&'a str>,
    /// Options of the transport `smtp`.
    pub(crate) transport: &'a str,
    /// Options of the command line.
    pub(crate) queue: &'a str,
    /// Its queue's directory; of one name, it is shared.
    pub(crate) spool: &'a str,
    /// What it shows to clients, if not a certificate of its own making.
    pub(crate) identity: Option<&'a Identity>,
    /// The name server that it asks by itself, if not the testbed's.
    pub(crate) resolver: Option<&'a str>,
}

impl<'a> Daemon<'a> {
    /// The usual one.
    pub(crate) fn patched(program: &'a Path, build: Build) -> Self {
        Self {
            name: "exim",
            octet: 60,
            program: Some(program),
            root: build.root,
            ports: "25",
            main: "",
            routers: None,
            transport: "",
            queue: "",
            spool: "spool",
            identity: None,
            resolver: None,
        }
    }

    /// Its configuration: a relay for everybody, with a callout for some local parts, and a tag by the sender's address.
    pub(crate) fn configuration(&self) -> String {
        const ROUTER: &str =
            "dns:\n  driver = dnslookup\n  transport = smtp\n  self = send\n  no_more\n";
        let Daemon {
            octet,
            ports,
            main,
            transport,
            routers,
            spool,
            ..
        } = self;
        let routers = routers.unwrap_or(ROUTER);
        format!(
            "primary_hostname = relay.test\nspool_directory = /mnt/{spool}\nlog_file_path = /var/log/exim4/%slog\n\
         local_interfaces = 127.25.0.{octet}\ndaemon_smtp_ports = {ports}\nsmtp_enforce_sync = false\n\
         dsn_advertise_hosts = *\nlog_selector = +tls_certificate_verified +tls_resumption +tls_sni +pipelining +smtp_connection +pid\n\
         tls_advertise_hosts = *\ntls_certificate = /etc/exim4/tls.pem\ntls_privatekey = /etc/exim4/tls.pem\n\
         acl_smtp_mail = check_mail\nacl_smtp_rcpt = check_rcpt\nacl_smtp_data = accept\nkeep_environment =\nqueue_only_load = 1000\n\
         {main}\n\
         begin acl\ncheck_mail:\n  warn condition = ${{if match{{$sender_address_local_part}}{{[+]}}}}\n       \
         set acl_m_requiretls = ${{sg{{$sender_address_local_part}}{{^[^+]*[+]}}{{}}}}\n  accept\ncheck_rcpt:\n  \
         accept local_parts = ! ^callout : ! ^cut : ! ^hold\n  \
         accept local_parts = ^cut\n         control = cutthrough_delivery\n         \
         verify = recipient/callout=20s,use_sender\n  \
         accept local_parts = ^hold\n         verify = recipient/callout=20s,use_sender,hold\n  \
         require local_parts = ^callout\n          verify = recipient/callout=20s\n  \
         accept\n\
         begin routers\n{routers}\
         begin transports\nsmtp:\n  driver = smtp\n  allow_localhost\n{transport}\n\
         begin retry\n* * F,2h,1m\n"
        )
    }
}
