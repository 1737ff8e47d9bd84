//! How are the settings written in the file?

#[cfg(feature = "lmtp")]
use super::lmtp::{self, ListenerTables, LmtpTable};
use super::rules::{self, RuleTable};
use super::source::Source;
use super::{Cache, Config, ConfigError, Dns, DnsMode, Receiving, Sending, Sts};
use crate::dns::self_test::{ProbeName, ProbeNames};
use crate::dns::{Family, TrustAnchor};
use requiretls_core::mail_param::Dialects;
use requiretls_core::plan::{InsecureMxDane, Settings};
use requiretls_core::tls_level::TlsLevel;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// The configuration, and the files that it was read from.
pub(super) fn parse<'a>(
    text: &'a [u8],
    path: &'a Path,
) -> Result<(Config, Vec<Source<'a>>), ConfigError> {
    let source = Source::new(text, path)?;
    let file: File = source.read()?;
    let mut files = vec![(&source, file.next_hop)];
    let further = further(file.sending.site_policy.as_ref(), &source)?;
    if let Some(further) = &further {
        let rules: RulesFile = further.read()?;
        files.push((further, rules.next_hop));
    }
    let config = Config {
        rules: rules::build(&files)?,
        receiving: file.receiving.read(&source)?,
        sending: file.sending.read(&source)?,
        dns: file.dns.read(&source)?,
        sts: file.sts.read(&source)?,
        cache: file.cache.into(),
        #[cfg(feature = "lmtp")]
        lmtp: file.lmtp.read(&source)?,
        #[cfg(feature = "lmtp")]
        lmtp_listeners: lmtp::listeners(&file.lmtp_listener, &source)?,
    };
    Ok((config, std::iter::once(source).chain(further).collect()))
}

/// The file of further rules.
fn further(
    named: Option<&Spanned<String>>,
    source: &Source<'_>,
) -> Result<Option<Source<'static>>, ConfigError> {
    let Some(named) = non_empty(named) else {
        return Ok(None);
    };
    let path = source.path(named.get_ref());
    let text = super::read(&path).map_err(|e| source.error(&named.span(), &e.to_string()))?;
    Source::owned(text, path).map(Some)
}

/// An empty text means that the setting is not set.
pub(super) fn non_empty(text: Option<&Spanned<String>>) -> Option<&Spanned<String>> {
    text.filter(|text| !text.get_ref().is_empty())
}

/// The table that holds the rules.
pub(super) const NEXT_HOP: &str = "next_hop";

/// The rules of a file. There may be many thousands of them, and nobody looks for one in here: a
/// list is made in half the time of a map. That no key stands there twice TOML has seen to.
#[derive(Debug, Default)]
pub(super) struct Tables(pub(super) Vec<(Spanned<String>, RuleTable)>);

#[cfg(feature = "lmtp")]
type Lmtp = LmtpTable;
#[cfg(feature = "lmtp")]
type Listeners = ListenerTables;
// They are the command's to understand.
#[cfg(not(feature = "lmtp"))]
type Lmtp = serde::de::IgnoredAny;
#[cfg(not(feature = "lmtp"))]
type Listeners = serde::de::IgnoredAny;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    receiving: ReceivingTable,
    sending: SendingTable,
    next_hop: Tables,
    dns: DnsTable,
    sts: StsTable,
    cache: CacheTable,
    lmtp: Lmtp,
    lmtp_listener: Listeners,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RulesFile {
    next_hop: Tables,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ReceivingTable {
    dialects: Option<Vec<Spanned<String>>>,
    advertise: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SendingTable {
    null_path_floor: Option<LevelWord>,
    insecure_mx_dane: InsecureMxDaneWord,
    own_names: Vec<Spanned<String>>,
    site_policy: Option<Spanned<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DnsTable {
    mode: Option<Spanned<DnsModeWord>>,
    servers: Vec<Spanned<String>>,
    resolv_conf: Option<Spanned<String>>,
    trusted: bool,
    trust_anchor: Option<Spanned<String>>,
    families: Option<Spanned<Vec<FamilyWord>>>,
    probe_signed: Option<Vec<Spanned<String>>>,
    probe_unsigned: Option<Vec<Spanned<String>>>,
    probe_bogus: Option<Vec<Spanned<String>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct StsTable {
    ca_file: Option<Spanned<String>>,
    port: Option<NonZeroU16>,
    allow_private_addresses: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct CacheTable {
    directory: Option<String>,
    owners: Option<Vec<String>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum LevelWord {
    May,
    Encrypt,
    Secure,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum InsecureMxDaneWord {
    #[default]
    Dane,
    Encrypt,
    May,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum DnsModeWord {
    Auto,
    Ad,
    Validate,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum FamilyWord {
    Ipv4,
    Ipv6,
}

impl<'de> Deserialize<'de> for Tables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Listed;
        impl<'de> Visitor<'de> for Listed {
            type Value = Tables;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tables, A::Error> {
                let mut tables = Vec::with_capacity(map.size_hint().unwrap_or_default());
                while let Some(entry) = map.next_entry()? {
                    tables.push(entry);
                }
                Ok(Tables(tables))
            }
        }
        deserializer.deserialize_map(Listed)
    }
}

impl From<LevelWord> for TlsLevel {
    fn from(word: LevelWord) -> Self {
        match word {
            LevelWord::May => Self::May,
            LevelWord::Encrypt => Self::Encrypt,
            LevelWord::Secure => Self::Secure,
        }
    }
}

impl ReceivingTable {
    fn read(self, source: &Source<'_>) -> Result<Receiving, ConfigError> {
        let default = Receiving::default();
        let mut dialects = default.dialects;
        if let Some(words) = self.dialects {
            dialects = Dialects::NONE;
            for word in words {
                if !dialects.enable(word.get_ref()) {
                    let known = Dialects::WORDS.join(", ");
                    let what = format!("unknown dialect {:?}: one of {known}", word.get_ref());
                    return Err(source.error(&word.span(), &what));
                }
            }
        }
        Ok(Receiving {
            dialects,
            advertise: self.advertise.unwrap_or(default.advertise),
        })
    }
}

impl SendingTable {
    fn read(self, source: &Source<'_>) -> Result<Sending, ConfigError> {
        Ok(Sending {
            settings: Settings {
                null_path_floor: self
                    .null_path_floor
                    .map_or(Settings::default().null_path_floor, TlsLevel::from),
                insecure_mx_dane: match self.insecure_mx_dane {
                    InsecureMxDaneWord::Dane => InsecureMxDane::Dane,
                    InsecureMxDaneWord::Encrypt => InsecureMxDane::Encrypt,
                    InsecureMxDaneWord::May => InsecureMxDane::May,
                },
            },
            own_names: self
                .own_names
                .iter()
                .map(|name| source.domain(name))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl DnsTable {
    fn read(self, source: &Source<'_>) -> Result<Dns, ConfigError> {
        let default = Dns::default();
        let mode = match self.mode {
            None => DnsMode::Auto,
            Some(word) => match word.get_ref() {
                DnsModeWord::Auto => DnsMode::Auto,
                DnsModeWord::Ad => DnsMode::Ad,
                DnsModeWord::Validate => {
                    let Some(named) = non_empty(self.trust_anchor.as_ref()) else {
                        let what = "mode \"validate\" needs a trust_anchor";
                        return Err(source.error(&word.span(), what));
                    };
                    DnsMode::Validate(read_anchor(named, source)?)
                }
            },
        };
        let families = match self.families {
            None => default.families,
            Some(words) if words.get_ref().is_empty() => {
                return Err(source.error(&words.span(), "no address family is left"));
            }
            Some(words) => {
                let mut families = Vec::new();
                for word in words.get_ref() {
                    let family = match word {
                        FamilyWord::Ipv4 => Family::Ipv4,
                        FamilyWord::Ipv6 => Family::Ipv6,
                    };
                    if !families.contains(&family) {
                        families.push(family);
                    }
                }
                families
            }
        };
        let path = |named: &Spanned<String>| source.path(named.get_ref());
        Ok(Dns {
            mode,
            servers: self
                .servers
                .iter()
                .map(|server| read_server(server, source))
                .collect::<Result<_, _>>()?,
            resolv_conf: non_empty(self.resolv_conf.as_ref()).map_or(default.resolv_conf, path),
            trusted: self.trusted,
            families,
            probes: ProbeNames {
                signed: read_probes(self.probe_signed, default.probes.signed, source)?,
                unsigned: read_probes(self.probe_unsigned, default.probes.unsigned, source)?,
                bogus: read_probes(self.probe_bogus, default.probes.bogus, source)?,
            },
        })
    }
}

impl StsTable {
    fn read(self, source: &Source<'_>) -> Result<Sts, ConfigError> {
        let ca = non_empty(self.ca_file.as_ref())
            .map(|named| {
                super::certificates(&source.path(named.get_ref()))
                    .map_err(|what| source.error(&named.span(), &what))
            })
            .transpose()?;
        Ok(Sts {
            ca,
            port: self.port.map_or(443, NonZeroU16::get),
            allow_private_addresses: self.allow_private_addresses,
        })
    }
}

impl From<CacheTable> for Cache {
    fn from(table: CacheTable) -> Self {
        let default = Self::default();
        Self {
            directory: match table.directory {
                None => default.directory,
                Some(directory) => (!directory.is_empty()).then(|| PathBuf::from(directory)),
            },
            owners: table.owners.unwrap_or(default.owners),
        }
    }
}

fn read_anchor(named: &Spanned<String>, source: &Source<'_>) -> Result<TrustAnchor, ConfigError> {
    let path = source.path(named.get_ref());
    let name = path.display();
    std::fs::read_to_string(&path)
        .map_err(|e| format!("{name} cannot be read: {e}"))
        .and_then(|text| TrustAnchor::parse(&text).map_err(|e| format!("{name} is {e}")))
        .map_err(|what| source.error(&named.span(), &what))
}

fn read_probes(
    names: Option<Vec<Spanned<String>>>,
    default: Vec<ProbeName>,
    source: &Source<'_>,
) -> Result<Vec<ProbeName>, ConfigError> {
    let Some(names) = names else {
        return Ok(default);
    };
    let read = |name: &Spanned<String>| {
        let parsed = name.get_ref().parse();
        parsed.map_err(|what: String| source.error(&name.span(), &what))
    };
    names.iter().map(read).collect()
}

/// `192.0.2.1`, `192.0.2.1:53`, `2001:db8::1` or `[2001:db8::1]:53`.
fn read_server(server: &Spanned<String>, source: &Source<'_>) -> Result<SocketAddr, ConfigError> {
    let text = server.get_ref();
    text.parse::<SocketAddr>()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
        .ok()
        .filter(|address| address.port() != 0)
        .ok_or_else(|| {
            let what = format!("{text:?} is no address, or has no port from 1 to 65535");
            source.error(&server.span(), &what)
        })
}
