//! Does this chain lead to a trusted root, for this name, at this time?
