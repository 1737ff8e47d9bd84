//! How is the workspace built, checked and packaged?
//!
//! `cargo xtask test` is the whole check, on a developer's machine and in CI alike. `cargo xtask header` keeps
//! `include/requiretls.h` as the source says, `cargo xtask man` writes the manual pages, `cargo xtask dist` installs what a C
//! program needs, `cargo xtask source` makes a release's tarball and `cargo xtask deb` Debian packages of it, `cargo xtask exim-patch` the patch for one version of Exim,
//! `cargo xtask statements` says which test holds which statement, `cargo xtask bench` how fast the policy is,
//! `cargo xtask hosts` whether all mail servers hand over their mail, `cargo xtask fuzz` runs the fuzz targets, `cargo xtask soak` the tests that take long, `cargo xtask sanitize` those
//! of an instrumented library, and `cargo xtask mutants` says whether the tests would notice a fault.
#![forbid(unsafe_code)]

mod bench;
mod command;
mod deb;
mod dist;
mod exim_library;
mod exim_patch;
mod fuzz;
mod header;
mod hosts;
mod made;
mod man;
mod mutants;
mod prerequisites;
mod sanitize;
mod soak;
mod source;
mod statements;
mod test;
mod tree;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What a task returns: an error is one sentence for whoever called it.
type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Builds, checks and packages librequiretls"
)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run every check and every test; installs what is missing for them, and says so
    Test,
    /// Write include/requiretls.h from the source of the C ABI
    Header {
        /// Change nothing; fail when the header is stale or does not fit symbols-in-versions
        #[arg(long)]
        check: bool,
    },
    /// Write the manual pages, made of the header and of the list of configuration keys
    Man(man::Options),
    /// Build the shared and the static library and install them with header, pkg-config file and manual pages
    Dist(dist::Options),
    /// Make the source tarball of a release, with all crates in it
    Source(source::Options),
    /// Build the Debian packages and let lintian look at them
    Deb(deb::Options),
    /// Make the patch that compiles the library into one version of Exim
    EximPatch(exim_patch::Options),
    /// Measure the policy against its goals, and its instructions against the committed counts
    Bench(bench::Options),
    /// List the statements and vectors with the tests that cite them; fail when one has none and is no exception
    Statements(statements::Options),
    /// Build requiretls-exim.so, which a stock Exim loads, against the library that the tests use
    EximLibrary(exim_library::Options),
    /// Run the fuzz targets for a time each; fail when one finds something
    Fuzz(fuzz::Options),
    /// Try all mail servers that can hand their mail to `requiretls lmtp`
    Hosts(hosts::Options),
    /// Run the tests that take long, and show what they measured
    Soak(soak::Options),
    /// Build the library, Rust code included, with the sanitizers of addresses and of threads, and run C programs on it
    Sanitize(sanitize::Options),
    /// Plant small faults in the policy, one at a time; fail when no test fails, unless mutants.toml says why
    Mutants(mutants::Options),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test => test::run(),
        Task::Header { check: true } => header::check(),
        Task::Header { check: false } => header::write(),
        Task::Man(options) => man::run(&options),
        Task::Dist(options) if options.hooked => dist::run_hooked(),
        Task::Dist(options) => dist::run(&options).map(|sizes| println!("{sizes}")),
        Task::Source(options) => source::run(&options),
        Task::Deb(options) => deb::run(&options),
        Task::EximPatch(options) => exim_patch::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Statements(options) => statements::run(options),
        Task::EximLibrary(options) => exim_library::run(&options),
        Task::Fuzz(options) => fuzz::run_targets(&options),
        Task::Hosts(options) => hosts::run_all(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Sanitize(options) => sanitize::run(&options),
        Task::Mutants(options) => mutants::run(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
