//! Does the chain match the TLSA records?
