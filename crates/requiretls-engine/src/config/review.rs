//! Which settings that hold for all next hops protect less than the defaults do?
//!
//! All of them are legal, and none of these remarks changes a decision. Rules have their own
//! review, in [`requiretls_core::site_policy`].

use super::Config;
#[cfg(feature = "lmtp")]
use super::LmtpListener;
use requiretls_core::plan::InsecureMxDane;
use requiretls_core::tls_level::TlsLevel;

/// Something to know about one setting outside the rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WeakSetting {
    /// The table.
    pub table: &'static str,
    /// The setting in it.
    pub setting: &'static str,
    /// One clause.
    pub text: &'static str,
}

impl Config {
    /// The settings outside the rules that protect less than their defaults, in the order of the
    /// tables. Nobody is asked: not whether a directory can be written, nor who answers where.
    #[must_use]
    pub fn weak_settings(&self) -> Vec<WeakSetting> {
        let settings = self.sending.settings;
        let far = self.dns.servers.iter().any(|s| !s.ip().is_loopback());
        #[cfg(feature = "lmtp")]
        let (open, lowered) = {
            let listeners = &self.lmtp_listeners;
            let open = listeners.iter().any(LmtpListener::takes_mail_from_afar);
            (open, listeners.iter().any(|l| l.tag_field_trusted))
        };
        #[cfg(not(feature = "lmtp"))]
        let (open, lowered) = (false, false);
        #[rustfmt::skip]
        let all = [
            (settings.null_path_floor == TlsLevel::May, "sending", "null_path_floor",
                "what comes back about a message that required TLS may go in clear text"),
            (settings.insecure_mx_dane != InsecureMxDane::Dane, "sending", "insecure_mx_dane",
                "the TLSA records of hosts that an unsigned MX record names are not obeyed"),
            (self.dns.trusted && far, "dns", "trusted",
                "what a name server on another machine says of DNSSEC is believed, and whoever is in between"),
            (self.sts.port != 443, "sts", "port",
                "policies are asked for where RFC 8461 does not have them"),
            (self.sts.allow_private_addresses, "sts", "allow_private_addresses",
                "a recipient's domain can have connections made to machines of the site"),
            (self.cache.directory.is_none(), "cache", "directory",
                "policies are not remembered, so that whoever hides one is believed (RFC 8461 section 10.2)"),
            (open, "lmtp_listener", "clients",
                "other machines can have mail sent to everywhere"),
            (lowered, "lmtp_listener", "tag_field_trusted",
                "whoever can write the field can have a message sent without the protection of its destination"),
        ];
        let weak = all.into_iter().filter(|(is_so, ..)| *is_so);
        weak.map(|(_, table, setting, text)| WeakSetting {
            table,
            setting,
            text,
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
