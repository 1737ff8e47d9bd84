//! Is everything on this machine that the checks need?
//!
//! Rust itself must be there. Debian packages are installed as root, and only those that are missing; cargo's own
//! tools are built where they are missing. Both are announced.

use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::command::{cargo, output, run, succeeds};
use crate::tree::root;

/// What has to be there to compile: a program in the path, or a file; and the Debian package that brings it.
const COMPILING: [(Need, &str); 4] = [
    (Need::Program("cc"), "gcc"),
    (Need::File("/usr/include/stdlib.h"), "libc6-dev"),
    (Need::Program("nm"), "binutils"),
    (Need::Program("pkg-config"), "pkg-config"),
];
/// And to test.
const TESTING: [(Need, &str); 15] = [
    (Need::Program("c++"), "g++"),
    (Need::File("/usr/include/openssl/ssl.h"), "libssl-dev"),
    (
        Need::File("/usr/include/gnutls/gnutls.h"),
        "libgnutls28-dev",
    ),
    (
        Need::File("/usr/include/libmilter/mfapi.h"),
        "libmilter-dev",
    ),
    (Need::Program("mandoc"), "mandoc"),
    (Need::Program("valgrind"), "valgrind"),
    // valgrind cannot run without the names of the dynamic linker's functions.
    (Need::File("/usr/lib/debug/.build-id"), "libc6-dbg"),
    (Need::Program("strace"), "strace"),
    (Need::Program("ip"), "iproute2"),
    (Need::Program("unshare"), "util-linux"),
    (
        Need::File("/usr/share/keyrings/debian-archive-keyring.gpg"),
        "debian-archive-keyring",
    ),
    (Need::Program("debootstrap"), "debootstrap"),
    // What a stock Exim loads, and what is compiled into a patched one.
    (Need::Program("make"), "make"),
    (Need::Program("patch"), "patch"),
    (Need::Program("openssl"), "openssl"),
];
/// What the packages need, to be built and looked at.
const PACKAGING: [(Need, &str); 5] = [
    (Need::Program("git"), "git"),
    (Need::Program("dpkg-buildpackage"), "dpkg-dev"),
    (Need::Program("dh"), "debhelper"),
    (Need::Program("lintian"), "lintian"),
    (Need::Program("xz"), "xz-utils"),
];
/// Cargo's tools: how they are asked for their version, and their package.
const CARGO: [(&str, &str); 2] = [("nextest", "cargo-nextest"), ("deny", "cargo-deny")];
/// Parts of the Rust toolchain.
const TOOLCHAIN: [&str; 2] = ["fmt", "clippy"];

enum Need {
    File(&'static str),
    Program(&'static str),
}

impl Need {
    fn is_there(&self) -> bool {
        match self {
            Self::File(path) => Path::new(path).exists(),
            Self::Program(name) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                std::env::split_paths(&path).any(|dir| dir.join(name).is_file())
            }
        }
    }
}

/// Installs what is missing.
pub(crate) fn install() -> Result<()> {
    for part in TOOLCHAIN {
        if !succeeds(cargo().args([part, "--version"])) {
            return Err(format!(
                "cargo {part} is missing: it belongs to the Rust toolchain, install it there"
            )
            .into());
        }
    }
    install_missing(COMPILING.iter().chain(&TESTING).chain(&PACKAGING))?;
    for (name, package) in CARGO {
        install_cargo_tool(name, package)?;
    }
    Ok(())
}

/// Installs what the packages need.
pub(crate) fn install_packaging() -> Result<()> {
    install_missing(COMPILING.iter().chain(&PACKAGING))
}

/// Installs what a whole Debian is made with.
pub(crate) fn install_bootstrap() -> Result<()> {
    let packages = ["debootstrap", "debian-archive-keyring", "util-linux"];
    let needed = |(_, package): &&(Need, &str)| packages.contains(package);
    install_missing(TESTING.iter().filter(needed))
}

fn install_missing<'a>(wanted: impl Iterator<Item = &'a (Need, &'static str)>) -> Result<()> {
    let missing: Vec<_> = wanted
        .filter(|(need, _)| !need.is_there())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        println!("all Debian packages are there");
        return Ok(());
    }
    install_debian(&missing)
}

/// Builds one of cargo's tools where it is missing.
pub(crate) fn install_cargo_tool(name: &str, package: &str) -> Result<()> {
    if succeeds(cargo().args([name, "--version"])) {
        println!("cargo {name} is there");
        return Ok(());
    }
    println!("installing {package} with cargo install, since it is missing");
    run(cargo().args(["install", "--locked", package]))
}

/// Installs what counts instructions. The program must have the version of the library that the benchmarks link.
pub(crate) fn install_counter() -> Result<()> {
    let valgrind = TESTING
        .iter()
        .filter(|(_, package)| matches!(*package, "valgrind" | "libc6-dbg"));
    install_missing(valgrind)?;
    let version = locked_version("gungraun")?;
    let there = output(Command::new("gungraun-runner").arg("--version")).unwrap_or_default();
    if there.split_whitespace().any(|word| word == version) {
        println!("gungraun-runner {version} is there");
        return Ok(());
    }
    println!("installing gungraun-runner {version} with cargo install, since it is missing");
    run(cargo().args([
        "install",
        "--locked",
        "gungraun-runner",
        "--version",
        &version,
    ]))
}

/// The version of a package in the lock file.
fn locked_version(package: &str) -> Result<String> {
    #[derive(serde::Deserialize)]
    struct Lock {
        package: Vec<Package>,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
        version: String,
    }
    let lock: Lock = toml::from_str(&std::fs::read_to_string(root().join("Cargo.lock"))?)?;
    let found = lock.package.into_iter().find(|p| p.name == package);
    Ok(found
        .ok_or_else(|| format!("{package} is not in Cargo.lock"))?
        .version)
}

fn install_debian(packages: &[&str]) -> Result<()> {
    let list = packages.join(" ");
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(format!("these Debian packages are missing, and only root can install them: apt-get install {list}").into());
    }
    println!("installing Debian packages that are missing: {list}");
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
        command
    };
    run(apt().arg("update"))?;
    run(apt()
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages))
}
