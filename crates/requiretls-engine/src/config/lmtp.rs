//! How does `requiretls lmtp` take mail?
//!
//! One table for the program, and one for each place where clients come in. Files that hold keys are
//! named here and not read: whoever else has this configuration need not be able to.

mod outbound;

pub use outbound::Outbound;

use super::ConfigError;
use super::file::non_empty;
use super::source::Source;
use ipnet::IpNet;
use requiretls_core::next_hop::NextHop;
use serde::Deserialize;
use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::{NonZero, NonZeroU32};
use std::path::{Path, PathBuf};
use std::time::Duration;
use toml::Spanned;

/// `[lmtp]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lmtp {
    /// What the program calls itself; `None`: the system's own name.
    pub name: Option<String>,
    /// The largest message in octets; `None`: no limit.
    pub message_size: Option<u64>,
    /// The most recipients of one message.
    pub recipients: usize,
    /// The most connections at once.
    pub connections: usize,
    /// What a message may have in memory, in octets.
    pub memory: usize,
    /// Where a message goes that has more.
    pub directory: PathBuf,
    /// How long a client may say nothing.
    pub idle: Duration,
    /// How long clients with a message under way have, when the program is told to end.
    pub drain: Duration,
    /// How long the facts about one next hop are looked for.
    pub lookup: Duration,
    /// Where the counters can be read; `None`: nowhere.
    pub metrics: Option<SocketAddr>,
    /// How mail goes out.
    pub outbound: Outbound,
}

/// `[lmtp_listener."…"]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LmtpListener {
    /// Where clients come in.
    pub endpoint: Endpoint,
    /// The permissions of a unix socket that the program makes.
    pub mode: u32,
    /// Who may connect by TCP.
    pub clients: Vec<IpNet>,
    /// Where all mail goes; `None`: each recipient's domain says it.
    pub route: Option<NextHop>,
    /// The header field that holds a tag.
    pub tag_field: Option<String>,
    /// Whether its tag also counts where it lowers.
    pub tag_field_trusted: bool,
    /// Whether `Require-TLS-ESMTP: yes` counts as REQUIRETLS.
    pub require_tls_esmtp: bool,
    /// For STARTTLS by TCP.
    pub tls: Option<TlsFiles>,
}

/// Where clients come in.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Endpoint {
    /// Standard input and output.
    Pipe,
    /// A port of this machine.
    Tcp(SocketAddr),
    /// A unix socket.
    Unix(PathBuf),
}

/// Two PEM files.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFiles {
    /// The certificate and those of its authorities, in the order to send.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Default for Lmtp {
    fn default() -> Self {
        Self {
            name: None,
            message_size: None,
            recipients: 1_000,
            connections: 2_000,
            memory: 65_536,
            directory: PathBuf::from("/var/tmp"),
            idle: Duration::from_secs(300),
            drain: Duration::from_secs(60),
            lookup: Duration::from_secs(30),
            metrics: None,
            outbound: Outbound::default(),
        }
    }
}

impl LmtpListener {
    /// What holds where the configuration says nothing of an endpoint.
    #[must_use]
    pub fn at(endpoint: Endpoint) -> Self {
        let host = |address: IpAddr| IpNet::from(address);
        let loopback = IpNet::new(Ipv4Addr::LOCALHOST.into(), 8).map(|net| net.trunc());
        Self {
            endpoint,
            mode: 0o660,
            clients: loopback
                .into_iter()
                .chain([host(Ipv6Addr::LOCALHOST.into())])
                .collect(),
            route: None,
            tag_field: None,
            tag_field_trusted: false,
            require_tls_esmtp: false,
            tls: None,
        }
    }

    /// Whether other machines may connect.
    pub(super) fn takes_mail_from_afar(&self) -> bool {
        let is_far = |net: &IpNet| !net.network().is_loopback();
        matches!(self.endpoint, Endpoint::Tcp(_)) && self.clients.iter().any(is_far)
    }
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "pipe" {
            return Ok(Self::Pipe);
        }
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Path::new(path);
            let is_usable = path.is_absolute() && !text.contains('\0');
            return is_usable
                .then(|| Self::Unix(path.to_owned()))
                .ok_or("a unix socket has an absolute path");
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.port() == 25 => Err("LMTP has no place on port 25 (RFC 2033)"),
            Ok(address) if address.port() != 0 => Ok(Self::Tcp(address)),
            _ => Err("not \"pipe\", \"unix:/path\" or an address with a port"),
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pipe => f.write_str("pipe"),
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct LmtpTable {
    name: Option<Spanned<String>>,
    message_size: Option<u64>,
    recipients: Option<NonZeroU32>,
    connections: Option<NonZeroU32>,
    memory: Option<u32>,
    directory: Option<Spanned<String>>,
    idle_seconds: Option<NonZeroU32>,
    drain_seconds: Option<u32>,
    lookup_seconds: Option<NonZeroU32>,
    metrics: Option<Spanned<String>>,
    host_connections: Option<NonZeroU32>,
    host_idle_connections: Option<u32>,
    idle_connections: Option<u32>,
    reuse_seconds: Option<u32>,
    lifetime_seconds: Option<u32>,
    connection_messages: Option<NonZeroU32>,
    place_seconds: Option<u32>,
    answer_seconds: Option<NonZeroU32>,
    next_hops: Option<NonZeroU32>,
    sources: Vec<Spanned<String>>,
}

/// All `[lmtp_listener."…"]` tables, by what names them.
pub(super) type ListenerTables = HashMap<Spanned<String>, ListenerTable>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ListenerTable {
    mode: Option<Spanned<String>>,
    clients: Option<Vec<Spanned<String>>>,
    route: Option<Spanned<String>>,
    tag_field: Option<Spanned<String>>,
    tag_field_trusted: bool,
    require_tls_esmtp: bool,
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
}

impl LmtpTable {
    pub(super) fn read(&self, source: &Source<'_>) -> Result<Lmtp, ConfigError> {
        let default = Lmtp::default();
        let count = |n: Option<NonZeroU32>, default| n.map_or(default, |n| widen(n.get()));
        let seconds = |n: Option<NonZeroU32>, default| {
            n.map_or(default, |n| Duration::from_secs(n.get().into()))
        };
        let name = non_empty(self.name.as_ref());
        if let Some(name) = name.filter(|n| !n.get_ref().bytes().all(|b| b.is_ascii_graphic())) {
            let what = format!("{:?} cannot stand behind LHLO", name.get_ref());
            return Err(source.error(&name.span(), &what));
        }
        let metrics = non_empty(self.metrics.as_ref()).map(|text| {
            let address = text.get_ref().parse::<SocketAddr>().ok();
            address.filter(|a| a.port() != 0).ok_or_else(|| {
                let what = format!("{:?} is no address with a port", text.get_ref());
                source.error(&text.span(), &what)
            })
        });
        Ok(Lmtp {
            name: name.map(|name| name.get_ref().clone()),
            message_size: self.message_size.filter(|size| *size > 0),
            recipients: count(self.recipients, default.recipients),
            connections: count(self.connections, default.connections),
            memory: self.memory.map_or(default.memory, widen),
            directory: non_empty(self.directory.as_ref())
                .map_or(default.directory, |named| source.path(named.get_ref())),
            idle: seconds(self.idle_seconds, default.idle),
            drain: self
                .drain_seconds
                .map_or(default.drain, |n| Duration::from_secs(n.into())),
            lookup: seconds(self.lookup_seconds, default.lookup),
            metrics: metrics.transpose()?,
            outbound: self.outbound(source)?,
        })
    }

    fn outbound(&self, source: &Source<'_>) -> Result<Outbound, ConfigError> {
        let default = Outbound::default();
        let count = |n: Option<NonZeroU32>, default| n.map_or(default, |n| widen(n.get()));
        let seconds =
            |n: Option<u32>, default| n.map_or(default, |n| Duration::from_secs(n.into()));
        let mut sources: Vec<IpAddr> = Vec::new();
        for text in &self.sources {
            let fault = |what| {
                let what = format!("{:?}: {what}", text.get_ref());
                source.error(&text.span(), &what)
            };
            let address: IpAddr = text.get_ref().parse().map_err(|_| fault("no address"))?;
            if sources
                .iter()
                .any(|known| known.is_ipv4() == address.is_ipv4())
            {
                return Err(fault("a second address of its family"));
            }
            sources.push(address);
        }
        Ok(Outbound {
            host_connections: count(self.host_connections, default.host_connections),
            host_idle_connections: self
                .host_idle_connections
                .map_or(default.host_idle_connections, widen),
            idle_connections: self
                .idle_connections
                .map_or(default.idle_connections, widen),
            reuse: seconds(self.reuse_seconds, default.reuse),
            lifetime: seconds(self.lifetime_seconds, default.lifetime),
            messages: count(self.connection_messages, default.messages),
            place: seconds(self.place_seconds, default.place),
            answer: self
                .answer_seconds
                .map_or(default.answer, |n| Duration::from_secs(n.get().into())),
            next_hops: NonZero::new(count(self.next_hops, default.next_hops.get()))
                .unwrap_or(default.next_hops),
            sources,
        })
    }
}

/// The listeners in the order of the file.
pub(super) fn listeners(
    tables: &ListenerTables,
    source: &Source<'_>,
) -> Result<Vec<LmtpListener>, ConfigError> {
    let mut tables: Vec<_> = tables.iter().collect();
    tables.sort_unstable_by_key(|(name, _)| name.span().start);
    let mut listeners: Vec<LmtpListener> = Vec::new();
    for (name, table) in tables {
        let fault = |what: &str| {
            let what = format!("lmtp_listener {:?}: {what}", name.get_ref());
            source.error(&name.span(), &what)
        };
        let endpoint = Endpoint::parse(name.get_ref()).map_err(fault)?;
        if listeners.iter().any(|known| known.endpoint == endpoint) {
            return Err(fault("it is there twice"));
        }
        listeners.push(table.read(endpoint, source)?);
    }
    Ok(listeners)
}

impl ListenerTable {
    fn read(&self, endpoint: Endpoint, source: &Source<'_>) -> Result<LmtpListener, ConfigError> {
        let default = LmtpListener::at(endpoint);
        let of = |named: &Spanned<String>, what: &str| Err(source.error(&named.span(), what));
        let is_tcp = matches!(default.endpoint, Endpoint::Tcp(_));
        let (certificate, key) = (
            non_empty(self.certificate.as_ref()),
            non_empty(self.key.as_ref()),
        );
        let tls = match (certificate, key) {
            (None, None) => None,
            (Some(named), None) => return of(named, "a certificate needs its key"),
            (None, Some(named)) => return of(named, "a key needs its certificate"),
            (Some(named), Some(_)) if !is_tcp => {
                return of(named, "only an address and port can have a certificate");
            }
            (Some(certificate), Some(key)) => Some(TlsFiles {
                certificate: source.path(certificate.get_ref()),
                key: source.path(key.get_ref()),
            }),
        };
        let mode = non_empty(self.mode.as_ref()).map(|text| {
            let mode = u32::from_str_radix(text.get_ref(), 8).ok();
            mode.filter(|mode| *mode <= 0o777).ok_or_else(|| {
                let what = format!("{:?} is no octal mode up to 0777", text.get_ref());
                source.error(&text.span(), &what)
            })
        });
        let route = non_empty(self.route.as_ref()).map(|text| {
            NextHop::parse(text.get_ref())
                .map_err(|e| source.error(&text.span(), &format!("{:?}: {e}", text.get_ref())))
        });
        let tag_field = non_empty(self.tag_field.as_ref());
        if let Some(name) = tag_field.filter(|name| !is_field_name(name.get_ref())) {
            let what = format!("{:?} is no name for a field of our own", name.get_ref());
            return Err(source.error(&name.span(), &what));
        }
        let clients = self.clients.as_ref().map(|texts| {
            let networks = texts.iter().map(|text| network(text, source));
            networks.collect::<Result<Vec<_>, _>>()
        });
        Ok(LmtpListener {
            mode: mode.transpose()?.unwrap_or(default.mode),
            clients: clients.transpose()?.unwrap_or(default.clients),
            route: route.transpose()?,
            tag_field: tag_field.map(|name| name.get_ref().clone()),
            tag_field_trusted: self.tag_field_trusted,
            require_tls_esmtp: self.require_tls_esmtp,
            tls,
            endpoint: default.endpoint,
        })
    }
}

/// `192.0.2.0/24`, `2001:db8::/32`, or one address.
fn network(text: &Spanned<String>, source: &Source<'_>) -> Result<IpNet, ConfigError> {
    let net = text.get_ref().parse::<IpNet>();
    net.or_else(|_| text.get_ref().parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| {
            let what = format!("{:?} is neither an address nor a network", text.get_ref());
            source.error(&text.span(), &what)
        })
}

/// RFC 5322 section 2.2; the two fields that have a meaning of their own keep it.
fn is_field_name(name: &str) -> bool {
    let taken = ["TLS-Required", "Require-TLS-ESMTP"];
    name.bytes().all(|b| b.is_ascii_graphic() && b != b':')
        && !taken.iter().any(|other| name.eq_ignore_ascii_case(other))
}

fn widen(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests;
