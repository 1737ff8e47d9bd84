//! What may a bounce of this message contain?
