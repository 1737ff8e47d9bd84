//! Serves the test world to programs in other processes.
//!
//! `testbed serve DIRECTORY [ad|validate]` writes there what leads into the world, says `ready`,
//! and ends when its standard input does. Then it writes what the peers received; its exit status
//! is 1 where something that asks for protection came outside TLS.
#![forbid(unsafe_code)]

use requiretls_testbed::{DnsMode, World, catalogue};
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (directory, mode) = match arguments.as_slice() {
        ["serve", directory] | ["serve", directory, "ad"] => (directory, DnsMode::Ad),
        ["serve", directory, "validate"] => (directory, DnsMode::Validate),
        _ => {
            eprintln!("usage: testbed serve DIRECTORY [ad|validate]");
            return ExitCode::from(64);
        }
    };
    match serve(Path::new(directory), mode) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("testbed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether nothing leaked.
fn serve(directory: &Path, mode: DnsMode) -> Result<bool, Box<dyn std::error::Error>> {
    let world = World::builder().domains(catalogue()).start()?;
    if let Err(error) = world.write(directory, mode) {
        return Err(format!("{}: {error}", directory.display()).into());
    }
    println!("ready");
    io::stdout().flush()?;
    // Whatever comes is no word of ours: the end is.
    io::copy(&mut io::stdin(), &mut io::sink())?;
    let log = world.sessions().clone();
    let leaks = world.stop();
    let mut sessions = String::new();
    for session in log.sessions() {
        sessions.push_str(&session.to_string());
    }
    std::fs::write(directory.join("sessions.txt"), sessions)?;
    for leak in &leaks {
        eprintln!(
            "testbed: outside TLS: {} at {}: {}",
            leak.tag, leak.peer, leak.line
        );
    }
    Ok(leaks.is_empty())
}
