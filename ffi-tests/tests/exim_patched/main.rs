//! What does an Exim do that the library is compiled into?
//!
//! Real daemons, built from the patches of `cargo xtask exim-patch`, between a client and the peers of the testbed or a
//! real Postfix. What the peers received, what Exim logged and what it kept in its queue is read beside each other. Every
//! test is there once for each build: Debian stable's version in each run, the others in `cargo xtask hosts`.

/// One test for each build.
macro_rules! on_every_build {
    ($($name:ident),* $(,)?) => {
        mod exim_4_98 {
            $(#[test] fn $name() -> ffi_tests::Result<()> { super::$name(crate::build::STABLE) })*
        }
        on_every_build_of_hosts!($($name),*);
    };
}

/// The same for what takes too long for each run.
macro_rules! on_every_build_at_leisure {
    ($($name:ident),* $(,)?) => {
        mod exim_4_98_at_leisure {
            $(#[test] #[ignore = "cargo xtask hosts"] fn $name() -> ffi_tests::Result<()> { super::$name(crate::build::STABLE) })*
        }
        on_every_build_of_hosts!($($name),*);
    };
}

macro_rules! on_every_build_of_hosts {
    ($($name:ident),*) => {
        mod exim_4_96 {
            $(#[test] #[ignore = "cargo xtask hosts"] fn $name() -> ffi_tests::Result<()> { super::$name(crate::build::OLD) })*
        }
        mod exim_4_100 {
            $(#[test] #[ignore = "cargo xtask hosts"] fn $name() -> ffi_tests::Result<()> { super::$name(crate::build::NEWEST) })*
        }
        mod exim_4_100_openssl {
            $(#[test] #[ignore = "cargo xtask hosts"] fn $name() -> ffi_tests::Result<()> { super::$name(crate::build::NEWEST_OPENSSL) })*
        }
    };
}

mod bounces;
mod build;
mod callouts;
mod daemon;
mod domains;
#[path = "../exim_stock/elsewhere.rs"]
mod elsewhere;
mod held;
mod inbound;
mod outbound;
mod packaged;
mod postfix;
mod privileges;
mod protocols;
mod queue;
mod received;
mod reuse;
mod scenarios;
mod scene;
mod selftest;
mod shortcuts;
mod takeover;
