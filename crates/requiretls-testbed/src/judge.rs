//! Did a message arrive where its sender forbade it?
//!
//! The judge knows two things: what the peers saw, and the line that was written by hand for each
//! scenario. What the library said is nothing to it, and it uses none of its code: a judge that
//! asks the accused finds no fault.

use crate::session_log::{Message, Session};
use crate::world::World;
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// The field of a message that names its scenario.
pub const SCENARIO_FIELD: &str = "X-Scenario";

/// Where a message may arrive at all.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum MayArrive {
    /// Wherever, in clear too.
    Anywhere,
    /// At no peer.
    Nowhere,
    /// Where all of this holds.
    Only(Only),
}

/// The conditions of [`MayArrive::Only`].
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Only {
    /// At this host; empty: at any.
    pub host: String,
    /// Over TLS.
    pub tls: bool,
    /// The certificate.
    pub shown: Shown,
    /// MAIL has this parameter, and the peer offered its keyword inside TLS.
    pub asking: Option<&'static str>,
}

/// Which certificate the peer must have shown.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Shown {
    /// Whichever.
    #[default]
    Any,
    /// Valid, from the world's root, and for this name.
    Named(String),
    /// The very one that the host's TLSA record was made from.
    Published,
}

impl MayArrive {
    /// Over TLS, whatever the certificate.
    #[must_use]
    pub fn over_tls(host: &str) -> Self {
        Self::showing(host, Shown::Any)
    }

    /// Over TLS with a valid certificate for a name.
    #[must_use]
    pub fn named(host: &str, name: &str) -> Self {
        Self::showing(host, Shown::Named(name.to_owned()))
    }

    /// Over TLS with the certificate that DNS names.
    #[must_use]
    pub fn published(host: &str) -> Self {
        Self::showing(host, Shown::Published)
    }

    fn showing(host: &str, shown: Shown) -> Self {
        Self::Only(Only {
            host: host.to_owned(),
            tls: true,
            shown,
            asking: None,
        })
    }

    /// And only with this parameter.
    #[must_use]
    pub fn asking(self, parameter: &'static str) -> Self {
        match self {
            Self::Only(only) => Self::Only(Only {
                asking: Some(parameter),
                ..only
            }),
            other => other,
        }
    }
}

/// What the peers saw, and what certificates are held against.
#[derive(Debug)]
pub struct Judge {
    sessions: Vec<Session>,
    root: Option<TrustAnchor<'static>>,
    now: UnixTime,
    /// The certificate that belongs to each peer, and that its TLSA records were made from.
    own: BTreeMap<SocketAddr, Vec<u8>>,
}

impl Judge {
    /// Hears a world's peers as witnesses.
    #[must_use]
    pub fn of(world: &World) -> Self {
        let sessions = world.sessions().sessions();
        let own = sessions
            .iter()
            .flat_map(|session| world.peers(&session.peer))
            .filter_map(|peer| {
                let leaf = peer.credential().chain().first()?;
                Some((peer.address(), leaf.clone()))
            })
            .collect();
        let root = CertificateDer::from(world.ca_der());
        Self {
            root: anchor_from_trusted_cert(&root).ok().map(|a| a.to_owned()),
            now: UnixTime::since_unix_epoch(Duration::from_secs(world.clock().now())),
            sessions,
            own,
        }
    }

    /// Every arrival of a scenario's message that its line forbids, in words.
    #[must_use]
    pub fn leaks(&self, id: &str, may: &MayArrive) -> Vec<String> {
        let arrivals = self.arrivals().filter(|(_, message)| names(message, id));
        arrivals
            .filter_map(|(session, message)| self.objection(session, message, may))
            .collect()
    }

    /// The same for all arrivals, where the line is known by the message's name and the session.
    #[must_use]
    pub fn all_leaks(&self, may: impl Fn(&str, &Session) -> MayArrive) -> Vec<String> {
        let objections = self.arrivals().filter_map(|(session, message)| {
            let name = name(message).unwrap_or_default();
            let what = self.objection(session, message, &may(&name, session))?;
            Some(format!("{name} {what}"))
        });
        objections.collect()
    }

    /// Messages that no scenario has sent; there must be none.
    #[must_use]
    pub fn strangers(&self, ids: &[&str]) -> usize {
        self.arrivals()
            .filter(|(_, message)| !ids.iter().any(|id| names(message, id)))
            .count()
    }

    /// Whether one peer saw both messages on one connection.
    #[must_use]
    pub fn shared_a_connection(&self, one: &str, other: &str) -> bool {
        self.sessions.iter().any(|session| {
            let has = |id| session.messages.iter().any(|m| names(m, id));
            has(one) && has(other)
        })
    }

    /// A message has arrived when something of its content has, be it taken or not.
    fn arrivals(&self) -> impl Iterator<Item = (&Session, &Message)> {
        self.sessions.iter().flat_map(|session| {
            let messages = session.messages.iter().filter(|m| !m.body.is_empty());
            messages.map(move |message| (session, message))
        })
    }

    fn objection(&self, session: &Session, message: &Message, may: &MayArrive) -> Option<String> {
        let only = match may {
            MayArrive::Anywhere => return None,
            MayArrive::Nowhere => return Some(format!("arrived at {}", session.peer)),
            MayArrive::Only(only) => only,
        };
        let what = self.unmet(session, message, only)?;
        Some(format!("arrived at {} {what}", session.peer))
    }

    fn unmet(&self, session: &Session, message: &Message, only: &Only) -> Option<String> {
        if !only.host.is_empty() && session.peer != only.host {
            return Some(format!("and not at {}", only.host));
        }
        if only.tls && !(message.in_tls && session.tls_version.is_some()) {
            return Some("in clear".to_owned());
        }
        match &only.shown {
            Shown::Any => {}
            Shown::Named(name) => {
                if !self.is_named(session, name) {
                    return Some(format!("without a valid certificate for {name}"));
                }
            }
            Shown::Published => {
                let own = self.own.get(&session.address);
                if own.is_none() || session.chain.first() != own {
                    return Some("with another certificate than DNS names".to_owned());
                }
            }
        }
        let parameter = only.asking?;
        if !message.mail_parameters.iter().any(|p| p == parameter) {
            return Some(format!("without {parameter}"));
        }
        let keyword = parameter.split('=').next().unwrap_or(parameter);
        let is_offered = |line: &String| line.split(' ').next() == Some(keyword);
        let offered = session.offered_in_tls.iter().any(is_offered);
        (!offered && keyword != "RET").then(|| format!("which does not offer {keyword}"))
    }

    fn is_named(&self, session: &Session, name: &str) -> bool {
        let chain: Vec<CertificateDer<'_>> = session
            .chain
            .iter()
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        let Some((leaf, others)) = chain.split_first() else {
            return false;
        };
        let (Ok(leaf), Ok(name), Some(root)) = (
            EndEntityCert::try_from(leaf),
            ServerName::try_from(name),
            &self.root,
        ) else {
            return false;
        };
        let trusted = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            std::slice::from_ref(root),
            others,
            self.now,
            KeyUsage::server_auth(),
            None,
            None,
        );
        trusted.is_ok() && leaf.verify_is_valid_for_subject_name(&name).is_ok()
    }
}

fn names(message: &Message, id: &str) -> bool {
    name(message).is_some_and(|name| name == id)
}

/// What [`SCENARIO_FIELD`] says.
fn name(message: &Message) -> Option<String> {
    let body = String::from_utf8_lossy(&message.body);
    let mut header = body.lines().take_while(|line| !line.is_empty());
    header.find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field
            .eq_ignore_ascii_case(SCENARIO_FIELD)
            .then(|| value.trim().to_owned())
    })
}

#[cfg(test)]
mod tests;
