//! An SMTP client that enforces the policy.
#![forbid(unsafe_code)]
