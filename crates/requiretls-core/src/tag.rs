//! How is a requirement kept as text?
