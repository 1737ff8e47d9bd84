//! Which name servers does resolv.conf name, and may their AD bit be trusted?
//!
//! resolv.conf(5): `nameserver` lines and the options `trust-ad`, `timeout` and `attempts`. Search
//! lists are not for us: every name here is complete.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// What we need of resolv.conf.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ResolvConf {
    /// At most three; the machine itself where the file names none.
    pub servers: Vec<SocketAddr>,
    /// `options trust-ad`: the path to the servers can be trusted.
    pub trust_ad: bool,
    /// How long to wait for one server.
    pub timeout: Duration,
    /// How often to go through all servers.
    pub attempts: u32,
}

impl ResolvConf {
    /// Reads the file's text. What is not understood is passed over, as the C library does.
    #[must_use]
    pub fn parse(text: &[u8]) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            ..Self::default()
        };
        for line in text.split(|&b| b == b'\n') {
            let line = String::from_utf8_lossy(line);
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if conf.servers.len() < MOST_SERVERS => {
                    let address = words.next().and_then(|word| word.parse::<IpAddr>().ok());
                    conf.servers
                        .extend(address.map(|ip| SocketAddr::new(ip, 53)));
                }
                Some("options") => words.for_each(|word| conf.option(word)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers = Self::default().servers;
        }
        conf
    }

    fn option(&mut self, word: &str) {
        let number = |text: &str, most: u32| text.parse::<u32>().ok().map(|n| n.clamp(1, most));
        if word == "trust-ad" {
            self.trust_ad = true;
        } else if let Some(n) = word.strip_prefix("timeout:").and_then(|t| number(t, 30)) {
            self.timeout = Duration::from_secs(n.into());
        } else if let Some(n) = word.strip_prefix("attempts:").and_then(|t| number(t, 5)) {
            self.attempts = n;
        }
    }
}

impl Default for ResolvConf {
    /// What holds when there is no such file.
    fn default() -> Self {
        Self {
            servers: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 53))],
            trust_ad: false,
            timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }
}

const MOST_SERVERS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (
        &'static str,
        &'static str,
        &'static [&'static str],
        bool,
        u64,
        u32,
    );

    #[test]
    fn resolv_conf_is_read_as_the_c_library_reads_it() {
        #[rustfmt::skip]
        let table: [Row; 14] = [
            ("empty file",      "",                                  &["127.0.0.1"], false, 5, 2),
            ("one server",      "nameserver 192.0.2.1\n",            &["192.0.2.1"], false, 5, 2),
            ("both families",   "nameserver ::1\nnameserver 192.0.2.1", &["::1", "192.0.2.1"], false, 5, 2),
            ("a fourth server", "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n\
                                 nameserver 192.0.2.4\n",            &["192.0.2.1", "192.0.2.2", "192.0.2.3"], false, 5, 2),
            ("no address",      "nameserver example.com\n",          &["127.0.0.1"], false, 5, 2),
            ("comments",        "# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n", &["127.0.0.1"], false, 5, 2),
            ("trust-ad",        "options edns0 trust-ad\n",          &["127.0.0.1"], true,  5, 2),
            ("not trust-ad",    "options no-trust-ad\n",             &["127.0.0.1"], false, 5, 2),
            ("limits",          "options timeout:99 attempts:99\n",  &["127.0.0.1"], false, 30, 5),
            ("zero",            "options timeout:0 attempts:0\n",    &["127.0.0.1"], false, 1, 1),
            ("no numbers",      "options timeout:x attempts:\n",     &["127.0.0.1"], false, 5, 2),
            ("CRLF and tabs",   "nameserver\t192.0.2.1\r\n",         &["192.0.2.1"], false, 5, 2),
            ("search",          "search example.com\ndomain x\n",    &["127.0.0.1"], false, 5, 2),
            ("not UTF-8",       "\u{fffd}\nnameserver 192.0.2.1",    &["192.0.2.1"], false, 5, 2),
        ];
        for (label, text, servers, trust_ad, timeout, attempts) in table {
            let expected = ResolvConf {
                servers: servers
                    .iter()
                    .map(|ip| SocketAddr::new(ip.parse().unwrap(), 53))
                    .collect(),
                trust_ad,
                timeout: Duration::from_secs(timeout),
                attempts,
            };
            assert_eq!(ResolvConf::parse(text.as_bytes()), expected, "{label}");
        }
    }
}
