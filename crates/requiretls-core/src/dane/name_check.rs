//! Is this certificate for one of these names?
