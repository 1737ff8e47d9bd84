//! What do a host's TLSA records ask for, and does this chain give it?
//!
//! RFC 7672, 7671 and 6698.

/// One TLSA record as published (RFC 6698 section 2.1).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsaRecord {
    /// Certificate usage: 0 to 3 are defined, 2 (DANE-TA) and 3 (DANE-EE) are used in SMTP.
    pub usage: u8,
    /// 0: the whole certificate, 1: its public key.
    pub selector: u8,
    /// 0: the bytes themselves, 1: SHA-256, 2: SHA-512.
    pub matching: u8,
    /// The certificate association data.
    pub data: Vec<u8>,
}

/// Whether at least one of the records can be used in SMTP (D11): `D = U`, else `D = X`.
#[must_use]
pub fn any_usable(records: &[TlsaRecord]) -> bool {
    let _ = records;
    todo!()
}
