//! Is each peer what its description says, as rustls and OpenSSL see it?

#[cfg(test)]
mod breaks;
#[cfg(test)]
mod certificates;
#[cfg(test)]
mod client;
#[cfg(test)]
mod found;
#[cfg(test)]
mod handshakes;
#[cfg(test)]
mod replies;
#[cfg(test)]
mod site;
#[cfg(test)]
mod worlds;
