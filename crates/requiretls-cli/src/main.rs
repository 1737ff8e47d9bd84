//! The `requiretls` command: asks the library what a mail server would ask it.
#![forbid(unsafe_code)]
// Comments on arguments are what --help says: brackets in them are brackets.
#![allow(rustdoc::broken_intra_doc_links)]

use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

mod cache;
mod check;
mod check_config;
mod check_resolver;
mod check_server;
#[cfg(feature = "demo")]
mod demo;
mod exim_selftest;
mod explain;
mod lmtp;
mod mail_from;
#[cfg(feature = "man")]
mod man;

/// `EX_USAGE` of sysexits.h.
const USAGE: u8 = 64;

/// Per-message TLS policy for mail: what did the sender require, and may this message go there?
#[derive(Parser)]
#[command(name = "requiretls", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Cache(cache::Args),
    Check(check::Args),
    CheckConfig(check_config::Args),
    CheckResolver(check_resolver::Args),
    CheckServer(check_server::Args),
    #[cfg(feature = "demo")]
    Demo(demo::Args),
    EximSelftest(exim_selftest::Args),
    Explain(explain::Args),
    Lmtp(lmtp::Args),
    MailFrom(mail_from::Args),
    #[cfg(feature = "man")]
    #[command(hide = true)]
    Man(man::Args),
}

fn main() -> ExitCode {
    match Cli::try_parse_from(arguments()) {
        Ok(cli) => match cli.command {
            Command::Cache(args) => cache::run(&args),
            Command::Check(args) => check::run(&args),
            Command::CheckConfig(args) => check_config::run(&args),
            Command::CheckResolver(args) => check_resolver::run(&args),
            Command::CheckServer(args) => check_server::run(&args),
            #[cfg(feature = "demo")]
            Command::Demo(args) => demo::run(&args),
            Command::EximSelftest(args) => exim_selftest::run(&args),
            Command::Explain(args) => explain::run(&args),
            Command::Lmtp(args) => lmtp::run(&args),
            Command::MailFrom(args) => mail_from::run(&args),
            #[cfg(feature = "man")]
            Command::Man(args) => man::run(&args),
        },
        Err(error) => {
            if let Some(status) = lmtp::misused(&error) {
                return status;
            }
            // A closed standard output leaves nobody to tell.
            let _ = error.print();
            if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            }
        }
    }
}

/// A mail server that starts `requiretls-lmtp` means `requiretls lmtp`.
fn arguments() -> Vec<OsString> {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    if arguments.first().is_some_and(lmtp::is_named_so) {
        arguments.insert(1, "lmtp".into());
    }
    arguments
}
