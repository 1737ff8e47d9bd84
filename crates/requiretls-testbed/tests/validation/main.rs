//! Does the engine say of an answer what other people's validators say of it?
//!
//! Zones that other people's tools have signed and nsd serves ([`zones`]), asked for by the engine
//! in both modes, by unbound and by dig ([`compare`]); and a liar on the way to whoever validates
//! ([`lies`]).

#[cfg(test)]
#[allow(dead_code)] // shared with another program
#[path = "../dns/client.rs"]
mod client;
#[cfg(test)]
mod compare;
#[cfg(test)]
mod hand;
#[cfg(test)]
mod known;
#[cfg(test)]
mod liar;
#[cfg(test)]
mod lies;
#[cfg(test)]
#[path = "../dns/programs.rs"]
mod programs;
#[cfg(test)]
mod told;
#[cfg(test)]
mod work;
#[cfg(test)]
mod zones;
