//! Where is what in the source tree?

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_path_buf()
}

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
