//! What has the site configured?
//!
//! One TOML file, every setting with a default, nothing from the environment. Whatever is not
//! understood is an error with file and line: a setting that is read over is a protection that the
//! site believes to have. Files named in it are read here too, so that nothing is left to open
//! after chroot and setuid; relative names start at the directory of the file that names them.

mod file;
#[cfg(feature = "lmtp")]
mod lmtp;
mod review;
mod rules;
mod source;
mod written;

#[cfg(feature = "lmtp")]
pub use lmtp::{Endpoint, Lmtp, LmtpListener, Outbound, TlsFiles};
pub use review::WeakSetting;
pub use written::{Place, Written, WrittenRule};

use crate::dns::self_test::ProbeNames;
use crate::dns::{Family, TrustAnchor};
use requiretls_core::domain::Domain;
use requiretls_core::mail_param::Dialects;
use requiretls_core::plan::Settings;
use requiretls_core::site_policy::Rules;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::fmt;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file that is read when none is named; set at build by the variable `REQUIRETLS_CONF`.
pub const BUILT_IN_PATH: &str = match option_env!("REQUIRETLS_CONF") {
    Some(path) => path,
    None => "/etc/requiretls/requiretls.conf",
};

/// All settings.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// `[receiving]`.
    pub receiving: Receiving,
    /// `[sending]`.
    pub sending: Sending,
    /// `[next_hop]`, of this file and of `site_policy`.
    pub rules: Rules,
    /// `[dns]`.
    pub dns: Dns,
    /// `[sts]`.
    pub sts: Sts,
    /// `[cache]`.
    pub cache: Cache,
    /// `[lmtp]`.
    #[cfg(feature = "lmtp")]
    pub lmtp: Lmtp,
    /// `[lmtp_listener]`.
    #[cfg(feature = "lmtp")]
    pub lmtp_listeners: Vec<LmtpListener>,
}

/// What is offered to clients.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Receiving {
    /// The ways of asking that are understood.
    pub dialects: Dialects,
    /// Whether they are offered (R10).
    pub advertise: bool,
}

/// What holds for all next hops.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sending {
    /// What decides (P13).
    pub settings: Settings,
    /// This host's names: the first MX among them and all of equal or worse preference are not
    /// tried (RFC 5321 section 5.1).
    pub own_names: Vec<Domain>,
}

/// Where and how DNS is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dns {
    /// Whose word on DNSSEC counts.
    pub mode: DnsMode,
    /// The servers; empty: those of `resolv_conf`.
    pub servers: Vec<SocketAddr>,
    /// Read at open, where `servers` is empty.
    pub resolv_conf: PathBuf,
    /// The path to the servers can be trusted, as with `options trust-ad`.
    pub trusted: bool,
    /// The address families in use, in the order to try: the others do not exist for us.
    pub families: Vec<Family>,
    /// The names that servers are tested with, whether they can be relied on for DNSSEC.
    pub probes: ProbeNames,
}

/// Whose word on DNSSEC counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum DnsMode {
    /// The resolver's AD bit, where the path to every server can be trusted; else nobody's.
    #[default]
    Auto,
    /// The AD bit of the servers that the path to can be trusted; no other is asked while there is
    /// one.
    Ad,
    /// Our own, from these keys: validation in this process, whoever the resolver is.
    Validate(TrustAnchor),
}

/// How MTA-STS policies are fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Sts {
    /// The site's own roots as DER; `None`: the system's.
    pub ca: Option<Vec<Vec<u8>>>,
    /// 443 but for tests.
    pub port: u16,
    /// Whether a policy host may have a private or loopback address.
    pub allow_private_addresses: bool,
}

/// Where policies are kept.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Cache {
    /// `None`: nowhere.
    pub directory: Option<PathBuf>,
    /// Whose files are believed, besides our own.
    pub owners: Vec<String>,
}

impl Config {
    /// Reads a file, or the built-in one: without that the defaults hold.
    ///
    /// # Errors
    /// [`ConfigError`] names file and line.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        match path {
            Some(path) => Self::parse(&read(path)?, path),
            None => Self::load_or_default(Path::new(BUILT_IN_PATH)),
        }
    }

    /// Reads a text as the content of a file; what the text names is read too.
    ///
    /// # Errors
    /// [`ConfigError`] names file and line.
    pub fn parse(text: &[u8], path: &Path) -> Result<Self, ConfigError> {
        file::parse(text, path).map(|(config, _)| config)
    }

    /// As [`Config::load`], with where everything is written.
    ///
    /// # Errors
    /// [`ConfigError`] names file and line.
    pub fn load_written(path: Option<&Path>) -> Result<(Self, Written), ConfigError> {
        let (text, path) = match path {
            Some(path) => (read(path)?, path),
            None => match read_if_there(Path::new(BUILT_IN_PATH))? {
                Some(text) => (text, Path::new(BUILT_IN_PATH)),
                None => return Ok((Self::default(), Written::default())),
            },
        };
        let (config, sources) = file::parse(&text, path)?;
        Ok((config, Written::of(&sources)?))
    }

    fn load_or_default(path: &Path) -> Result<Self, ConfigError> {
        match read_if_there(path)? {
            Some(text) => Self::parse(&text, path),
            None => Ok(Self::default()),
        }
    }
}

impl Default for Receiving {
    fn default() -> Self {
        Self {
            dialects: Dialects::default(),
            advertise: true,
        }
    }
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            mode: DnsMode::Auto,
            servers: Vec::new(),
            resolv_conf: PathBuf::from("/etc/resolv.conf"),
            trusted: false,
            families: vec![Family::Ipv4, Family::Ipv6],
            probes: ProbeNames::default(),
        }
    }
}

impl Default for Sts {
    fn default() -> Self {
        Self {
            ca: None,
            port: 443,
            allow_private_addresses: false,
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            directory: Some(PathBuf::from("/var/lib/requiretls")),
            owners: vec!["root".to_owned(), "requiretls".to_owned()],
        }
    }
}

/// What is wrong with the configuration, and where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// The file.
    pub file: PathBuf,
    /// Counted from 1; `None`: the file as a whole.
    pub line: Option<usize>,
    /// One sentence.
    pub what: String,
}

impl ConfigError {
    pub(crate) fn in_file(file: &Path, what: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line: None,
            what: what.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for ConfigError {}

fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(path).map_err(|e| ConfigError::in_file(path, format!("cannot be read: {e}")))
}

/// `None`: it is not there, and the defaults are in use.
fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            tracing::info!("no configuration at {}: defaults in use", path.display());
            Ok(None)
        }
        Err(e) => Err(ConfigError::in_file(path, format!("cannot be read: {e}"))),
    }
}

/// The certificates of a PEM file, as DER.
fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let name = path.display();
    let text = std::fs::read(path).map_err(|e| format!("{name} cannot be read: {e}"))?;
    let certificates: Vec<Vec<u8>> = CertificateDer::pem_slice_iter(&text)
        .map(|certificate| certificate.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|e| format!("{name} is no PEM file: {e}"))?;
    if certificates.is_empty() {
        return Err(format!("{name} holds no certificate"));
    }
    Ok(certificates)
}

#[cfg(test)]
mod keys;
#[cfg(test)]
mod tests;
