//! How fast does the transport send, beside Postfix' own?
//!
//! Both are fed with messages that are prepared, send them to one receiver under one policy, and nothing else runs. The
//! rate is from the receiver's first connection to its last message; the CPU is that of the sending processes: smtp(8),
//! tlsproxy(8) and scache(8), or `requiretls lmtp`. `cargo xtask bench transport` runs it, optimised.
#![forbid(unsafe_code)]

mod feeder;
mod postfix;
mod receiver;
mod requiretls;

use std::time::Duration;

use ffi_tests::{Result, Servers};

use receiver::Receiver;

/// Where the receiver listens.
const RECEIVER: &str = "127.25.0.11";
/// What its certificate is for.
const NAME: &str = "mx.bench.test";

/// How a message is protected, and whether connections serve several.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    Clear,
    /// A handshake for each message.
    TlsNew,
    TlsReused,
}

impl Way {
    fn words(self) -> &'static str {
        match self {
            Self::Clear => "cleartext",
            Self::TlsNew => "TLS, new",
            Self::TlsReused => "TLS, reused",
        }
    }
}

/// One measurement.
#[derive(Clone, Copy, Debug)]
struct Load {
    way: Way,
    /// At once.
    sessions: usize,
    messages: usize,
    /// Of the content, in octets.
    size: usize,
}

/// What it came to.
#[derive(Clone, Copy, Debug)]
struct Figures {
    span: Duration,
    /// Of the sending processes.
    cpu: Duration,
    connections: usize,
}

impl Figures {
    fn rate(&self, load: &Load) -> f64 {
        count(load.messages) / self.span.as_secs_f64()
    }

    /// In milliseconds for one message.
    fn cost(&self, load: &Load) -> f64 {
        self.cpu.as_secs_f64() * 1_000.0 / count(load.messages)
    }
}

/// Counts of messages are far below the numbers that a float cannot hold.
fn count(n: usize) -> f64 {
    u32::try_from(n).map_or(f64::INFINITY, f64::from)
}

#[test]
#[ignore = "cargo xtask bench transport"]
fn bench_transport() -> Result<()> {
    let messages = std::env::var("REQUIRETLS_BENCH_MESSAGES");
    let messages: usize = messages.map_or(5_000, |n| n.parse().unwrap_or(5_000));
    // The same number of large ones would be five gigabytes in Postfix' queue.
    let sizes = [(4 << 10, messages), (1 << 20, messages / 25)];
    println!(
        "bench: {:<12} {:>8} {:>5} {:>8} | {:>16} {:>8} | {:>16} {:>8} | {:>9} {:>6} {:>5}",
        "way",
        "octets",
        "at 1",
        "messages",
        "Postfix/s",
        "ms CPU",
        "requiretls/s",
        "ms CPU",
        "ceiling/s",
        "rate",
        "CPU"
    );
    for (size, messages) in sizes {
        for way in [Way::Clear, Way::TlsNew, Way::TlsReused] {
            for sessions in [1, 16] {
                measure(&Load {
                    way,
                    sessions,
                    messages,
                    size,
                })?;
            }
        }
    }
    Ok(())
}

fn measure(load: &Load) -> Result<()> {
    let servers = Servers::open(&["postfix311"])?;
    let receiver = Receiver::start(&servers, load.way != Way::Clear)?;
    let theirs = postfix::send(&servers, &receiver, load)?;
    let ours = requiretls::send(&servers, &receiver, load)?;
    let ceiling = feeder::ceiling(&servers, &receiver, load)?;
    receiver.stop(&servers)?;
    let all = |figures: &Figures| format!("{:.0} ({} c.)", figures.rate(load), figures.connections);
    println!(
        "bench: {:<12} {:>8} {:>5} {:>8} | {:>16} {:>8.3} | {:>16} {:>8.3} | {:>9.0} {:>6.2} {:>5.2}",
        load.way.words(),
        load.size,
        load.sessions,
        load.messages,
        all(&theirs),
        theirs.cost(load),
        all(&ours),
        ours.cost(load),
        ceiling.rate(load),
        ours.rate(load) / theirs.rate(load),
        ours.cost(load) / theirs.cost(load),
    );
    Ok(())
}

/// What a process has used so far.
fn cpu(process: &std::path::Path) -> Result<Duration> {
    let stat = std::fs::read_to_string(process.join("stat"))?;
    // The name may have blanks; behind it the state is the third field of all.
    let fields: Vec<&str> = stat
        .rsplit_once(") ")
        .map_or_else(Vec::new, |(_, rest)| rest.split(' ').collect());
    let ticks = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok());
    let ticks = ticks(11).unwrap_or(0) + ticks(12).unwrap_or(0);
    Ok(Duration::from_millis(
        ticks * 1_000 / rustix::param::clock_ticks_per_second(),
    ))
}

/// A header section and a body of so many octets, dot-stuffed as it is.
fn content(size: usize) -> String {
    let mut text = "From: ann@client.test\r\nTo: bert@bench.test\r\nSubject: x\r\n\r\n".to_owned();
    let line = "What is in it does not matter, its length does; sixty-six octets.\r\n";
    while text.len() + line.len() <= size {
        text.push_str(line);
    }
    text
}
