//! Which address and port does each peer have?

use super::WorldError;
use crate::block::Block;
use crate::domain::{Domain, Host, Placed};
use crate::peer::{Peer, Place};
use crate::pki::Pki;
use crate::session_log::SessionLog;
use crate::smtp_peer::SmtpPeer;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// A domain with its running peers.
#[derive(Debug)]
pub(super) struct Inhabited {
    pub(super) name: String,
    pub(super) about: String,
    pub(super) port: u16,
    pub(super) peers: Vec<(String, SmtpPeer)>,
}

/// Gives each peer its address.
pub(super) struct Placing<'a> {
    pub(super) block: &'a Block,
    pub(super) pki: &'a Pki,
    pub(super) log: &'a SessionLog,
    /// Of all peers but those on `::1`.
    pub(super) port: u16,
    /// The last octet that was given away.
    pub(super) last: u8,
}

impl Placing<'_> {
    pub(super) fn inhabit(
        &mut self,
        domain: &Domain,
    ) -> Result<(Inhabited, Vec<Placed>), WorldError> {
        let mut port = self.port;
        let mut on_ipv6 = BTreeMap::new();
        // Those on ::1 first: they say which port it is.
        for (n, (host, peer)) in peers(domain)?.enumerate() {
            if peer.place == Place::Ipv6 {
                if !on_ipv6.is_empty() {
                    let what = format!("{}: a second peer on ::1", domain.name);
                    return Err(WorldError::Description(what));
                }
                let running = self.start_on_ipv6(&domain.name, &host, peer)?;
                port = running.address().port();
                on_ipv6.insert(n, running);
            }
        }
        let (mut running, mut placed) = (Vec::new(), Vec::new());
        for (n, (host, peer)) in peers(domain)?.enumerate() {
            let (address, tlsa) = if let Some(started) = on_ipv6.remove(&n) {
                let tlsa = peer.tlsa_records(started.credential());
                let address = started.address().ip();
                running.push((host.clone(), started));
                (address, tlsa)
            } else {
                let address = self.next_address()?;
                let credential = self.pki.issue(peer.certificate, &host, &domain.name)?;
                let tlsa = peer.tlsa_records(&credential);
                if peer.place == Place::Ipv4 {
                    let socket = SocketAddr::new(address, port);
                    let (peer, pki, log) = (peer.clone(), self.pki, self.log);
                    let started = SmtpPeer::start_with(socket, &host, credential, peer, pki, log)?;
                    running.push((host.clone(), started));
                }
                (address, tlsa)
            };
            placed.push(Placed {
                host,
                address,
                tlsa,
            });
        }
        let inhabited = Inhabited {
            name: domain.name.clone(),
            about: domain.about.clone(),
            port,
            peers: running,
        };
        Ok((inhabited, placed))
    }

    fn start_on_ipv6(&self, domain: &str, host: &str, peer: &Peer) -> io::Result<SmtpPeer> {
        let mut taken = io::Error::from(ErrorKind::AddrInUse);
        for port in IPV6_PORTS {
            let address = SocketAddr::new(Ipv6Addr::LOCALHOST.into(), port);
            match SmtpPeer::start(address, host, domain, peer.clone(), self.pki, self.log) {
                Err(e) if e.kind() == ErrorKind::AddrInUse => taken = e,
                done => return done,
            }
        }
        Err(taken)
    }

    fn next_address(&mut self) -> Result<IpAddr, WorldError> {
        self.last = self
            .last
            .checked_add(1)
            .filter(|&n| n < 255)
            .ok_or_else(|| {
                WorldError::Description("a world has 252 addresses, and these are more".to_owned())
            })?;
        Ok(IpAddr::V4(self.block.address(self.last)))
    }
}

const IPV6_PORTS: std::ops::Range<u16> = 2_526..3_026;

/// Each peer with its host's name.
fn peers(domain: &Domain) -> Result<impl Iterator<Item = (String, &Peer)>, WorldError> {
    let foreign = |host: &&Host| host.is_foreign() && !host.peers.is_empty();
    if let Some(host) = domain.hosts.iter().find(foreign) {
        let name = host.full_name(&domain.name);
        let what = format!(
            "{name} is not below {}: its peers belong elsewhere",
            domain.name
        );
        return Err(WorldError::Description(what));
    }
    Ok(domain.hosts.iter().flat_map(|host| {
        let name = host.full_name(&domain.name);
        host.peers.iter().map(move |peer| (name.clone(), peer))
    }))
}
