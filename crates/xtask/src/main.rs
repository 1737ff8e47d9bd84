//! Builds, checks and packages the workspace.
#![forbid(unsafe_code)]
fn main() {}
