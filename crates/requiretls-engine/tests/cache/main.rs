//! The cache of policies: what is believed, what survives, and what discovery makes of it.

#[cfg(test)]
mod believed;
#[cfg(test)]
mod faults;
#[cfg(test)]
#[path = "../field_reports/heard.rs"]
mod heard;
#[cfg(test)]
mod kept;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../engine/name_server.rs"]
mod name_server;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../engine/policy_host.rs"]
mod policy_host;
#[cfg(test)]
mod remembered;
#[cfg(test)]
mod scene;
#[cfg(test)]
mod shelf;
#[cfg(test)]
mod used;
#[cfg(test)]
#[allow(dead_code)]
#[path = "../engine/world.rs"]
mod world;
