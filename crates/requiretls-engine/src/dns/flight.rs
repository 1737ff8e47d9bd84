//! How do questions get to a name server and back, many at a time?
//!
//! UDP from a port that the kernel draws for each question, TCP when the answer was cut, and one
//! poll(2) for all that is under way: no thread, and nothing stays open. A datagram counts when it
//! came from the server asked (the socket is connected), carries the id and repeats the question;
//! anything else is waited past, as if it had not come (RFC 5452 section 9.1).

mod wire;

use super::{Resolver, answer};
use crate::deadline::Deadline;
use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query};
use requiretls_core::facts::LookupCause;
use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use wire::{Heard, Wire};

/// The response, or why there is none.
pub(super) type Outcome = Result<Message, LookupCause>;

/// The questions under way to one resolver's servers.
#[derive(Debug)]
pub(super) struct Flight<'r> {
    resolver: &'r Resolver,
    deadline: Deadline,
    waiting: VecDeque<Query>,
    under_way: Vec<Exchange>,
    /// The server that answered last: one that is dead costs its time once.
    first: usize,
}

/// One question: round after round through all servers, each given twice the time of the round
/// before. An error code counts when no server has better.
#[derive(Debug)]
struct Exchange {
    question: Query,
    query: Message,
    wire: Option<Wire>,
    /// When the present server's time is over.
    until: Deadline,
    round: u32,
    /// How many servers this round has asked, from which on, and how many of them said no.
    asked: usize,
    first: usize,
    refused: usize,
    failure: LookupCause,
}

impl<'r> Flight<'r> {
    /// Nothing under way; `first` is the place of the server to begin with.
    pub(super) fn new(resolver: &'r Resolver, deadline: Deadline, first: usize) -> Self {
        Self {
            resolver,
            deadline,
            waiting: VecDeque::new(),
            under_way: Vec::new(),
            first,
        }
    }

    /// The place of the server that answered last.
    pub(super) fn first(&self) -> usize {
        self.first
    }

    /// Puts a question on its way.
    pub(super) fn depart(&mut self, question: Query) {
        self.waiting.push_back(question);
    }

    /// Waits until at least one question is settled; nothing, when none is under way.
    pub(super) fn landed(&mut self) -> Vec<(Query, Outcome)> {
        let mut landed = Vec::new();
        loop {
            while self.under_way.len() < MOST_AT_ONCE {
                let Some(question) = self.waiting.pop_front() else {
                    break;
                };
                let started = Exchange::start(&question, self);
                match started {
                    Ok(exchange) => self.under_way.push(exchange),
                    Err(cause) => landed.push((question, Err(cause))),
                }
            }
            if !landed.is_empty() || self.under_way.is_empty() {
                return landed;
            }
            let ready = self.wait();
            let mut ready = ready.into_iter().chain(std::iter::repeat(false));
            for mut exchange in std::mem::take(&mut self.under_way) {
                let mut settled = None;
                if ready.next() == Some(true) {
                    settled = exchange.heard(self);
                }
                // Whatever keeps coming, the time is over when it is.
                if settled.is_none() && exchange.until.is_over() {
                    settled = exchange.unheard(self);
                }
                match settled {
                    Some(outcome) => landed.push((exchange.question, outcome)),
                    None => self.under_way.push(exchange),
                }
            }
        }
    }

    /// Which exchanges have something to read or to write, in order.
    fn wait(&self) -> Vec<bool> {
        let left = |exchange: &Exchange| exchange.until.left().unwrap_or_default();
        let next = self.under_way.iter().map(left).min().unwrap_or_default();
        let timeout = Timespec {
            tv_sec: i64::try_from(next.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: next.subsec_nanos().into(),
        };
        let wires = self.under_way.iter().map(|exchange| &exchange.wire);
        let mut descriptors: Vec<PollFd<'_>> = wires.flatten().map(Wire::descriptor).collect();
        match poll(&mut descriptors, Some(&timeout)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Vec::new(),
            Err(_) => std::thread::sleep(PAUSE), // no memory: the deadline goes on
        }
        let mut ready = descriptors.iter().map(|d| !d.revents().is_empty());
        let ready_of = |exchange: &Exchange| exchange.wire.is_some() && ready.next() == Some(true);
        self.under_way.iter().map(ready_of).collect()
    }

    fn server(&self, place: usize) -> Option<SocketAddr> {
        let count = self.resolver.servers.len();
        let place = place.checked_rem(count)?;
        self.resolver.servers.get(place).copied()
    }
}

impl Exchange {
    fn start(question: &Query, flight: &Flight<'_>) -> Result<Self, LookupCause> {
        let mut exchange = Self {
            question: question.clone(),
            query: query(question, flight.resolver.validates())?,
            wire: None,
            until: flight.deadline,
            round: 0,
            asked: 0,
            first: flight.first,
            refused: 0,
            failure: LookupCause::Timeout,
        };
        exchange.next_server(flight).map_or(Ok(exchange), Err)
    }

    /// Reads or writes what can be.
    fn heard(&mut self, flight: &mut Flight<'_>) -> Option<Outcome> {
        match self.wire.as_mut()?.proceed(&self.query) {
            Heard::Nothing => None,
            Heard::Failure(cause) => {
                self.fails(cause);
                self.next_server(flight).map(Err)
            }
            Heard::Response(message) => match answer::error(&message, flight.resolver.trusted) {
                None => {
                    flight.first = self.place();
                    Some(Ok(message))
                }
                Some(cause) => {
                    self.failure = cause;
                    self.refused += 1;
                    self.next_server(flight).map(Err)
                }
            },
        }
    }

    /// The present server's time is over.
    fn unheard(&mut self, flight: &Flight<'_>) -> Option<Outcome> {
        let cause = self
            .wire
            .as_ref()
            .map_or(LookupCause::Timeout, Wire::failure);
        self.fails(cause);
        self.next_server(flight).map(Err)
    }

    fn fails(&mut self, cause: LookupCause) {
        if self.failure == LookupCause::Timeout {
            self.failure = cause;
        }
    }

    /// The place of the server asked last.
    fn place(&self) -> usize {
        self.first.wrapping_add(self.asked.saturating_sub(1))
    }

    /// The failure, when no server is left to ask.
    fn next_server(&mut self, flight: &Flight<'_>) -> Option<LookupCause> {
        self.wire = None;
        let count = flight.resolver.servers.len();
        loop {
            if self.asked == count {
                // Each has said no: asking again says the same.
                let vain = self.refused == count || self.round + 1 >= flight.resolver.rounds;
                if vain {
                    return Some(self.failure);
                }
                (self.asked, self.refused) = (0, 0);
                self.round += 1;
                self.first = flight.first;
            }
            if flight.deadline.is_over() {
                return Some(self.failure);
            }
            self.asked += 1;
            let Some(server) = flight.server(self.place()) else {
                return Some(self.failure);
            };
            let wait = FIRST_WAIT
                .saturating_mul(1_u32.checked_shl(self.round).unwrap_or(u32::MAX))
                .min(flight.resolver.wait);
            self.until = flight.deadline.at_most(wait);
            match Wire::udp(server, &self.query) {
                Ok(wire) => {
                    self.wire = Some(wire);
                    return None;
                }
                Err(cause) => self.fails(cause),
            }
        }
    }
}

/// RFC 6891 section 6.2.5: what passes unfragmented everywhere.
const UDP_PAYLOAD: u16 = 1232;

/// How long the first round waits for a server.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// How many questions, and so descriptors, are under way at most.
const MOST_AT_ONCE: usize = 32;

const PAUSE: Duration = Duration::from_millis(5);

fn query(question: &Query, validates: bool) -> Result<Message, LookupCause> {
    let mut id = [0; 2];
    // No number that cannot be guessed, no question.
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
        .ok()
        .filter(|&n| n == id.len())
        .ok_or(LookupCause::Timeout)?;
    let mut message = Message::new(u16::from_ne_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = !validates; // RFC 6840 section 5.7: asks for the AD bit
    message.metadata.checking_disabled = validates; // RFC 6840 section 5.9
    message.add_query(question.clone());
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    edns.set_dnssec_ok(validates);
    message.set_edns(edns);
    Ok(message)
}
