//! How does a mail server hand its mail over to be sent under the policy?

mod carrier;
mod doors;
mod log;
mod metrics;

use carrier::Keeping;
use log::{Destination, Log};
use requiretls_core::log_line::Severity;
use requiretls_core::next_hop::NextHop;
use requiretls_engine::Config;
use requiretls_engine::config::{Endpoint, LmtpListener};
use requiretls_transport::Request;
use requiretls_transport::lmtp::{Drain, Server};
use signal_hook::consts::{SIGINT, SIGTERM};
use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The name under which the program is this command.
pub(crate) const PROGRAM: &str = "requiretls-lmtp";

/// `EX_TEMPFAIL`: whatever is wrong here, the mail stays in its queue.
const TEMPORARY: u8 = 75;
/// `EX_CONFIG`.
const CONFIG: u8 = 78;

/// Takes mail by LMTP and sends it as each message's tag, the site and the destination require
///
/// Without --listen it serves the one client at its standard input and output, as a mail server
/// starts it, and takes one message: what the command line says was said of that one. Whatever is
/// wrong at its start it says to syslog alone and ends with status 75, so that the message waits.
///
/// A message is acknowledged for each recipient when the next hop has taken it, and not before:
/// the mail server's queue stays the only one. Nothing in it is rewritten: what has octets above 127
/// goes as it is also to a host that does not offer 8BITMIME, and is returned if MAIL declared them.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The configuration; the built-in file when it is left out
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The tag of the message, as it was kept with it; it counts as it stands
    #[arg(long, value_name = "TAG", conflicts_with_all = ["listen", "reuse"])]
    tag: Option<OsString>,

    /// Send to this next hop, a domain, an address or `unix:/path`, instead of to each recipient's domain
    #[arg(long, value_name = "NEXT_HOP", value_parser = next_hop, conflicts_with = "listen")]
    route: Option<NextHop>,

    /// Take any number of messages at standard input
    #[arg(long, conflicts_with = "listen")]
    reuse: bool,

    /// Serve the sockets that the configuration names, and those of them that systemd hands over
    #[arg(long)]
    listen: bool,

    /// Where the log goes: to syslog when it is left out, with --listen to standard error
    #[arg(long, value_name = "PLACE", value_enum)]
    log: Option<Destination>,
}

/// Serves, and says how the program ends.
pub(crate) fn run(args: &Args) -> ExitCode {
    let usual = if args.listen {
        Destination::Stderr
    } else {
        Destination::Syslog
    };
    let log = Log::open(args.log.unwrap_or(usual));
    log.take_events();
    match serve(args, &log) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log.line(Severity::Error, &error.to_string());
            ExitCode::from(if args.listen { CONFIG } else { TEMPORARY })
        }
    }
}

/// What is to be done when the command line cannot be read: a mail server that has started the
/// program gets what any other fault at the start gives it.
pub(crate) fn misused(error: &clap::Error) -> Option<ExitCode> {
    let mut words = std::env::args_os();
    let is_program = words.next().is_some_and(|name| is_named_so(&name));
    let is_command = is_program || words.next().is_some_and(|word| word == "lmtp");
    let is_asked = !error.use_stderr();
    let listens = std::env::args_os().any(|word| word == "--listen");
    if !is_command || is_asked || listens || io::stdin().is_terminal() {
        return None;
    }
    let text = error.to_string();
    let text: Vec<&str> = text.split_whitespace().collect();
    Log::open(Destination::Syslog).line(Severity::Error, &text.join(" "));
    Some(ExitCode::from(TEMPORARY))
}

/// Whether the program was started as [`PROGRAM`].
pub(crate) fn is_named_so(name: &OsString) -> bool {
    Path::new(name)
        .file_name()
        .is_some_and(|name| name == PROGRAM)
}

fn serve(args: &Args, log: &Log) -> Result<(), Box<dyn Error>> {
    let config = Config::load(args.config.as_deref())?;
    let name = match &config.lmtp.name {
        Some(name) => name.clone(),
        None => rustix::system::uname().nodename().to_str()?.to_owned(),
    };
    let keeping = if args.listen || args.reuse {
        Keeping::Configured
    } else {
        Keeping::Nothing
    };
    let carrier = carrier::open(&config, &name, keeping, log)?;
    let drain = Drain::new()?;
    for signal in [SIGTERM, SIGINT] {
        signal_hook::low_level::pipe::register(signal, drain.writer()?)?;
    }
    let carry = move |request: &Request<'_>| carrier.carry(request);
    let server = Server::new(Arc::new(carry), drain, config.lmtp.connections);
    if args.listen {
        return doors::serve(&server, &config, &name, log);
    }
    let known = |listener: &&LmtpListener| listener.endpoint == Endpoint::Pipe;
    let default = LmtpListener::at(Endpoint::Pipe);
    let pipe = config.lmtp_listeners.iter().find(known).unwrap_or(&default);
    let mut terms = doors::terms(pipe, &config, &name)?;
    terms.one_transaction = !args.reuse;
    if let Some(tag) = &args.tag {
        // What is not UTF-8 is no tag that can be read, and must not become one.
        terms.tag = Some(tag.to_str().unwrap_or("?").to_owned());
    }
    if args.route.is_some() {
        terms.route.clone_from(&args.route);
    }
    server.pipe(io::stdin(), io::stdout(), terms)?;
    Ok(())
}

fn next_hop(text: &str) -> Result<NextHop, String> {
    NextHop::parse(text).map_err(|error| error.to_string())
}
