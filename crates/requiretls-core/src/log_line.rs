//! How is a decision logged?
