//! Does the header section say TLS-Required No?
