//! The cache of policies: what is believed, what survives, and what discovery makes of it.

#[cfg(test)]
mod believed;
#[cfg(test)]
mod shelf;
