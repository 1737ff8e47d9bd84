//! Where is what in the source tree?

use std::path::PathBuf;

/// The root of the workspace. Cargo tells it to what it runs; a program that was built in one tree may be told another, of the
/// same sources.
pub(crate) fn root() -> PathBuf {
    let told = std::env::var_os(HERE).map(PathBuf::from);
    // A test of another crate that starts this program has the variable of its own.
    let told = told.filter(|dir| dir.ends_with("crates/xtask"));
    let here = told.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    here.ancestors().nth(2).unwrap_or(&here).to_path_buf()
}

/// The variable that names the directory of this crate.
pub(crate) const HERE: &str = "CARGO_MANIFEST_DIR";

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The crate of the C ABI.
pub(crate) fn capi() -> PathBuf {
    root().join("crates/requiretls-capi")
}

/// The crate of the policy.
pub(crate) fn core() -> PathBuf {
    root().join("crates/requiretls-core")
}

/// The one version of the workspace, "1.2.3".
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
