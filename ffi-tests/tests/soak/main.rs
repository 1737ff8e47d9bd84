//! Is anything lost, leaked or sent twice, when thousands of messages meet faults and a transport that dies?
//!
//! A queue of the test's own hands messages to `requiretls lmtp`, sixteen at once; its next hops have one defect each,
//! and it is killed again and again. At the end each recipient of each message must have it, or be in the queue, or in
//! a bounce. What arrived is judged by what the next hops saw, as in `requiretls demo`.
#![forbid(unsafe_code)]

mod chance;
mod connection;
mod mix;
mod queue;
mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result};
use requiretls_testbed::{Judge, World};

use chance::Chance;
use connection::Connection;
use mix::Mix;
use queue::{Queue, State};
use service::Service;

const WORKERS: usize = 16;

#[test]
fn five_hundred_messages_and_ten_kills() -> Result<()> {
    deliver(500, 10)
}

#[test]
#[ignore = "cargo xtask soak"]
fn soak_lmtp() -> Result<()> {
    let times = std::env::var("REQUIRETLS_SOAK_TIMES");
    let times: usize = times.map_or(1, |times| times.parse().unwrap_or(1));
    deliver(20_000 * times, 400 * times)
}

/// The same messages each time, from this number on, unless `REQUIRETLS_SOAK_SEED` says another.
const SEED: u64 = 8_689;

fn deliver(messages: usize, kills: usize) -> Result<()> {
    let seed = std::env::var("REQUIRETLS_SOAK_SEED");
    let seed = seed.map_or(SEED, |seed| seed.parse().unwrap_or(SEED));
    println!("soak: seed {seed}");
    let world = World::builder()
        .domains(mix::domains())
        .start()
        .map_err(|error| Failure::new(error.to_string()))?;
    let mix = Mix::new(messages, &mut Chance::new(seed));
    let queue = Queue::new(mix.messages());
    let service = Service::start(&world)?;
    let begun = Instant::now();
    let tries = AtomicUsize::new(0);
    let killed = std::thread::scope(|scope| -> Result<Vec<String>> {
        for worker in 0..WORKERS {
            let (queue, service, tries) = (&queue, &service, &tries);
            scope.spawn(move || work(worker, queue, service, tries));
        }
        kill(&queue, &service, kills, &mut Chance::new(seed ^ 1))
    })?;
    let took = begun.elapsed();

    let counted = count(&world, &queue, &killed);
    let leaks = Judge::of(&world).all_leaks(|id, session| mix.may_arrive(id, &session.peer));
    println!(
        "soak: {messages} messages with {} recipients, {} tries in {:.1} s: {} sent, {} wait, {} returned",
        counted.recipients,
        tries.load(Ordering::SeqCst),
        took.as_secs_f64(),
        counted.sent,
        counted.waiting,
        counted.returned,
    );
    println!(
        "soak: {} kills with {} recipients in flight: {} came twice, {} lost, {} leaks",
        service.kills(),
        killed.len(),
        counted.twice.len(),
        counted.lost.len(),
        leaks.len()
    );
    assert_eq!(service.kills(), kills);
    assert!(leaks.is_empty(), "{leaks:#?}");
    assert!(counted.lost.is_empty(), "{:#?}", counted.lost);
    assert!(counted.unexplained.is_empty(), "{:#?}", counted.unexplained);
    assert!(counted.twice.len() <= killed.len());
    // A mix in which nothing of a kind happens would prove nothing of it.
    assert!(counted.sent > 0 && counted.waiting > 0 && counted.returned > 0);
    drop(service);
    if world.stop().is_empty() {
        Ok(())
    } else {
        Err(Failure::new("a tag came outside TLS"))
    }
}

/// One of the queue's runners.
fn work(worker: usize, queue: &Queue, service: &Service, tries: &AtomicUsize) {
    let mut connection: Option<Connection> = None;
    while !queue.is_done() {
        let Some(message) = queue.take() else {
            std::thread::sleep(Duration::from_millis(2));
            continue;
        };
        tries.fetch_add(1, Ordering::SeqCst);
        queue.begin(worker, &message);
        let replies = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(service.socket()),
        }
        .and_then(|mut open| {
            let replies = open.hand_over(&message)?;
            connection = Some(open);
            Ok(replies)
        });
        if replies.is_err() {
            // The service is on its way.
            std::thread::sleep(Duration::from_millis(5));
        }
        // What breaks off is tried again, as every mail server does.
        queue.end(worker, message, replies.ok());
    }
}

/// Kills the transport, so often and spread over the whole run; whose messages were under way then.
fn kill(
    queue: &Queue,
    service: &Service,
    kills: usize,
    chance: &mut Chance,
) -> Result<Vec<String>> {
    let mut killed = Vec::new();
    for n in 0..kills {
        let part = queue.size() * n / kills;
        while queue.finished() < part && !queue.is_done() {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Wherever the dialogues are by then.
        std::thread::sleep(Duration::from_micros(chance.below(20_000)));
        // Nobody begins or ends meanwhile, so that what is under way is known.
        killed.extend(queue.under_way(|| service.kill())?);
        service.restart()?;
    }
    Ok(killed)
}

/// What became of all recipients.
#[derive(Default)]
struct Counted {
    recipients: usize,
    sent: usize,
    waiting: usize,
    returned: usize,
    twice: Vec<String>,
    lost: Vec<String>,
    /// Came twice, although nothing was killed while it was under way; or was returned and came.
    unexplained: Vec<String>,
}

fn count(world: &World, queue: &Queue, killed: &[String]) -> Counted {
    let mut copies: BTreeMap<String, usize> = BTreeMap::new();
    for session in world.sessions().sessions() {
        for message in session.messages.iter().filter(|message| message.taken) {
            for recipient in &message.recipients {
                *copies.entry(recipient.clone()).or_default() += 1;
            }
        }
    }
    let mut interrupted: BTreeMap<&str, usize> = BTreeMap::new();
    for address in killed {
        *interrupted.entry(address).or_default() += 1;
    }
    let all = queue.recipients();
    let returned: BTreeSet<String> = all
        .iter()
        .filter_map(|(address, _, _)| address.split_once("+returned-"))
        .filter_map(|(_, rest)| Some(rest.rsplit_once('@')?.0.replace('=', "@")))
        .collect();
    let mut counted = Counted::default();
    for (address, state, _) in &all {
        counted.recipients += 1;
        let arrived = copies.get(address).copied().unwrap_or(0);
        let is_kept = match state {
            State::Sent => arrived > 0,
            State::Waiting => true,
            State::Returned => returned.contains(address),
        };
        match state {
            State::Sent => counted.sent += 1,
            State::Waiting => counted.waiting += 1,
            State::Returned => counted.returned += 1,
        }
        if !is_kept {
            counted.lost.push(format!("{address}: {state:?}"));
        }
        let deaths = interrupted.get(address.as_str()).copied().unwrap_or(0);
        if arrived > 1 {
            counted.twice.push(address.clone());
        }
        // Each death can leave one copy that nobody was told of.
        let told = usize::from(*state == State::Sent);
        if arrived > told + deaths {
            counted
                .unexplained
                .push(format!("{address}: {arrived} copies, {deaths} deaths"));
        }
    }
    counted
}
