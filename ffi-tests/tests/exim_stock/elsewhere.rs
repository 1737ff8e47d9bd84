//! What would another name server say, that Exim asks and the library does not?

use std::net::SocketAddr;

use ffi_tests::{Failure, Result};
use requiretls_testbed::{DnsWorld, DnsWorldSpec, World, Zone};

/// Where it answers.
pub(crate) const ADDRESS: &str = "127.25.0.54";
/// The host of the world that it leads to, which no domain of the world has an MX record for.
pub(crate) const HOST: &str = "host.elsewhere.test";

/// Starts one that gives these domains an MX host which is an alias of [`HOST`]. Who calls it is in the world's network.
pub(crate) fn start(world: &World, domains: &[&str]) -> Result<DnsWorld> {
    let text = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let peers = world.peers(HOST);
    let peer = peers.first().ok_or_else(|| text(&"nobody is there"))?;
    let mut zones = vec![("elsewhere.test", format!("host A {}", peer.address().ip()))];
    for domain in domains {
        zones.push((domain, format!("@ MX 10 mx\nmx CNAME {HOST}.")));
    }
    let zones: std::result::Result<Vec<Zone>, _> = zones
        .iter()
        .map(|(name, records)| Zone::from_text(name, records).map(Zone::unsigned))
        .collect();
    DnsWorld::start(DnsWorldSpec {
        zones: zones.map_err(|error| text(&error))?,
        addresses: vec![SocketAddr::new(ADDRESS.parse()?, 53)],
        ..DnsWorldSpec::default()
    })
    .map_err(|error| text(&error))
}
