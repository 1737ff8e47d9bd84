//! The engine against name servers and policy hosts of its own, on the loopback.

#[cfg(test)]
mod configured;
#[cfg(test)]
mod dns;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../../../requiretls-testbed/tests/dns/table.rs"]
mod dns_table;
#[cfg(test)]
mod half_open;
#[cfg(test)]
mod hosts;
#[cfg(test)]
mod kept;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod name_server;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod policy_host;
#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod self_test;
#[cfg(test)]
mod validate;
#[cfg(test)]
mod world;
