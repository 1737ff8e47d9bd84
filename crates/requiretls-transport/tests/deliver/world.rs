//! A next hop, `d.test`, whose hosts are peers on loopback.

use crate::peer::{Key, Peer, Traits};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use requiretls_core::domain::Domain;
use requiretls_core::facts::{Addresses, Facts, HostFacts, Route, Security, Sts, Tlsa};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::pkix::Roots;
use requiretls_core::plan::{Message as PlanMessage, Plan, Settings};
use requiretls_core::site_policy::Rule;
use requiretls_core::tag;
use requiretls_transport::{Client, Envelope, Message, Outcome, Path, Timeouts};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

/// 1 June 2027, in the middle of the certificates' time.
pub(crate) const NOW: u64 = 1_811_808_000;

/// The port that the plan is for; nobody listens there.
const PORT: u16 = 25;

/// Hosts with their addresses: `mx1.d.test`, `mx2.d.test` and so on.
pub(crate) struct World {
    pub(crate) peers: Vec<Peer>,
    /// How many addresses each host has.
    hosts: Vec<usize>,
    pub(crate) rule: Rule,
    pub(crate) expires: Option<u64>,
    pub(crate) insecure_mx: bool,
}

impl World {
    /// One address for each host.
    pub(crate) fn of(traits: &[Traits]) -> Self {
        Self::with_hosts(&traits.iter().map(|t| vec![*t]).collect::<Vec<_>>())
    }

    pub(crate) fn with_hosts(hosts: &[Vec<Traits>]) -> Self {
        let peers = hosts.iter().zip(1..).flat_map(|(addresses, n)| {
            addresses.iter().map(move |traits| {
                let own = format!("mx{n}.d.test");
                let name = match traits.certificate {
                    "" => own.as_str(),
                    other => other,
                };
                Peer::start(*traits, server_config(name, traits))
            })
        });
        Self {
            peers: peers.collect(),
            hosts: hosts.iter().map(Vec::len).collect(),
            rule: Rule::default(),
            expires: None,
            insecure_mx: false,
        }
    }

    pub(crate) fn client(&self) -> Client {
        let addresses: Vec<SocketAddr> = self.peers.iter().map(|p| p.address).collect();
        Client::new("client.test", ROOT.roots.clone(), || NOW)
            .unwrap()
            .with_timeouts(Timeouts::all(Duration::from_secs(10)))
            .with_port(PORT)
            .with_endpoints(move |address, port| {
                assert_eq!(port, PORT);
                let IpAddr::V4(v4) = address else {
                    panic!("{address}");
                };
                addresses[usize::from(v4.octets()[3]) - 1]
            })
    }

    pub(crate) fn plan(&self, tag: &str) -> Plan {
        self.plan_for("d.test", tag, false)
    }

    pub(crate) fn plan_for(&self, next_hop: &str, tag: &str, null_path: bool) -> Plan {
        let mut addresses = (1..).map(|n| IpAddr::V4(Ipv4Addr::new(192, 0, 2, n)));
        let hosts = self.hosts.iter().zip(1..).map(|(count, n)| HostFacts {
            host: Host::Name(domain(&format!("mx{n}.d.test"))),
            addresses: Addresses::Found(addresses.by_ref().take(*count).collect()),
            cname: None,
            tlsa: Tlsa::None,
        });
        let facts = Facts {
            route: Route::Mx(if self.insecure_mx {
                Security::Insecure
            } else {
                Security::Secure
            }),
            expanded: None,
            hosts: hosts.collect(),
            sts: Sts::None,
            expires: self.expires,
        };
        let message = PlanMessage {
            requirement: tag::parse_word(tag).unwrap(),
            null_path,
            auth: false,
        };
        Plan::new(
            NextHop::parse(next_hop).unwrap(),
            message,
            self.rule.clone(),
            Settings::default(),
            facts,
        )
    }

    /// One short message under this tag.
    pub(crate) fn deliver(&self, tag: &str) -> Outcome {
        self.client().deliver(self.plan(tag), &short())
    }

    pub(crate) fn messages(&self) -> usize {
        self.peers.iter().map(|p| p.messages().len()).sum()
    }
}

pub(crate) fn path(address: &str) -> Path {
    Path::parse(address).unwrap()
}

/// To one recipient.
pub(crate) fn message(from: &Path, content: &[u8]) -> Message {
    Message::new(Envelope::new(from.clone(), [path("b@d.test")]), content).unwrap()
}

pub(crate) fn short() -> Message {
    message(&path("a@s.test"), b"Subject: x\r\n\r\nhello\r\n")
}

/// What it came to, in the words of the tables: action, code, enhanced code, row, who.
pub(crate) fn summary(outcome: &Outcome) -> String {
    format!(
        "{} {} {} {} {}",
        outcome.action.as_str(),
        outcome.reply.code,
        outcome.reply.enhanced,
        outcome.row.map_or("-", |row| row.as_str()),
        outcome.who,
    )
}

fn domain(name: &str) -> Domain {
    Domain::parse(name.as_bytes()).unwrap()
}

struct Root {
    issuer: Issuer<'static, KeyPair>,
    roots: Roots,
}

static ROOT: LazyLock<Root> = LazyLock::new(|| {
    let mut params = params("Root");
    params.subject_alt_names.clear();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Root {
        roots: Roots::from_der([certificate.der()]),
        issuer: Issuer::new(params, key),
    }
});

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2026, 1, 1);
    params.not_after = date_time_ymd(2029, 12, 1);
    params
}

fn server_config(name: &str, traits: &Traits) -> Arc<ServerConfig> {
    let provider = Arc::new(ring::default_provider());
    let mut params = params(name);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let leaf = params.signed_by(&key, &ROOT.issuer).unwrap();
    let chain = vec![CertificateDer::from(leaf.der().to_vec())];
    let key = match traits.key {
        Key::ItsOwn => key,
        Key::AnotherOne => KeyPair::generate().unwrap(),
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider.key_provider.load_private_key(key).unwrap();
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, key));
    let versions: &[_] = if traits.only_tls_1_2 {
        &[&TLS12]
    } else {
        &[&TLS13, &TLS12]
    };
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(resolver));
    Arc::new(config)
}
