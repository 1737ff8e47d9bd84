//! How do questions get to a name server and back, many at a time?
//!
//! UDP from a port that the kernel draws for each question, TCP when the answer was cut, and one
//! poll(2) for all that is under way: no thread, and nothing stays open. A datagram counts when it
//! came from the server asked (the socket is connected), carries the id and repeats the question;
//! anything else is waited past, as if it had not come (RFC 5452 section 9.1).

mod room;
mod wire;

pub(super) use room::Room;

use super::self_test::Probe;
use super::{Resolver, answer};
use crate::deadline::Deadline;
use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query};
use requiretls_core::facts::LookupCause;
use rustix::event::{PollFd, Timespec, poll};
use rustix::io::Errno;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use wire::{Heard, Wire};

/// The response, or why there is none.
pub(super) type Outcome = Result<Message, LookupCause>;

/// How a question is asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// For the server's own verdict (RFC 6840 section 5.7).
    Believing,
    /// For the signatures, whatever the server thinks of them (RFC 6840 section 5.9).
    Carrying,
}

/// The questions under way to one resolver's servers.
#[derive(Debug)]
pub(super) struct Flight<'r> {
    resolver: &'r Resolver,
    deadline: Deadline,
    /// The places of the servers that are asked, the one that answered last at the head: one that
    /// is dead costs its time once.
    servers: Vec<usize>,
    waiting: VecDeque<Query>,
    /// Tests of servers wait until all questions are on their way.
    probes: VecDeque<Probe>,
    under_way: Vec<Exchange>,
    /// By which server a question was answered.
    answered_by: HashMap<Query, usize>,
    probed: Vec<(Probe, Outcome)>,
    room: Room,
}

/// One question: round after round through all servers, each given twice the time of the round
/// before. An error code counts when no server has better.
#[derive(Debug)]
struct Exchange {
    question: Query,
    query: Message,
    form: Form,
    /// A question of a test goes to the server under test alone.
    probe: Option<Probe>,
    servers: Vec<usize>,
    wire: Option<Wire>,
    /// When the present server's time is over.
    until: Deadline,
    round: u32,
    /// How many servers this round has asked, and how many of them said no.
    asked: usize,
    refused: usize,
    failure: LookupCause,
}

impl<'r> Flight<'r> {
    /// Nothing under way, and nobody to ask but for tests.
    pub(super) fn new(resolver: &'r Resolver, deadline: Deadline) -> Self {
        Self {
            resolver,
            deadline,
            servers: Vec::new(),
            waiting: VecDeque::new(),
            probes: VecDeque::new(),
            under_way: Vec::new(),
            answered_by: HashMap::new(),
            probed: Vec::new(),
            room: Room::default(),
        }
    }

    /// The same, with what the flights before it have left of the room.
    pub(super) fn with_room(self, room: Room) -> Self {
        Self { room, ..self }
    }

    /// What is left of it.
    pub(super) fn room(&self) -> Room {
        self.room
    }

    /// Asks the servers at these places from now on, beginning with `first` where that is one.
    pub(super) fn ask_in_order(&mut self, servers: Vec<usize>, first: usize) {
        self.servers = servers;
        self.prefer(first);
    }

    /// The place of the server that answered last.
    pub(super) fn first(&self) -> Option<usize> {
        self.servers.first().copied()
    }

    /// The time that it has.
    pub(super) fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    /// The place of the server that answered a question.
    pub(super) fn answered_by(&self, question: &Query) -> Option<usize> {
        self.answered_by.get(question).copied()
    }

    /// The places of all servers that answered one.
    pub(super) fn answering(&self) -> Vec<usize> {
        let mut places: Vec<usize> = self.answered_by.values().copied().collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Puts the questions of a test on their way.
    pub(super) fn probe(&mut self, probes: Vec<Probe>) {
        self.probes.extend(probes);
    }

    /// Whether this server's test is under way or over.
    pub(super) fn has_probes(&self, place: usize) -> bool {
        let under_way = self.under_way.iter().filter_map(|e| e.probe.as_ref());
        let over = self.probed.iter().map(|(probe, _)| probe);
        let mut all = self.probes.iter().chain(under_way).chain(over);
        all.any(|probe| probe.place == place)
    }

    /// Waits for the tests of these servers, but no longer than `patience`.
    pub(super) fn land_probes(&mut self, patience: Deadline, whose: impl Fn(usize) -> bool) {
        let is_wanted = |probe: &Probe| whose(probe.place);
        loop {
            let waits = self.probes.iter().any(is_wanted);
            let mut flies = self.under_way.iter().filter_map(|e| e.probe.as_ref());
            if !(waits || flies.any(is_wanted)) {
                return;
            }
            if patience.is_over() {
                break;
            }
            self.step(&patience);
        }
        // Whoever is wanted and late has not answered.
        let (late, rest) = std::mem::take(&mut self.under_way)
            .into_iter()
            .partition(|exchange| exchange.probe.as_ref().is_some_and(is_wanted));
        self.under_way = rest;
        let (waits, rest) = std::mem::take(&mut self.probes)
            .into_iter()
            .partition(is_wanted);
        self.probes = rest;
        let late: Vec<Exchange> = late;
        let late = late.into_iter().filter_map(|exchange| exchange.probe);
        let waits: VecDeque<Probe> = waits;
        let all = late.chain(waits);
        self.probed
            .extend(all.map(|probe| (probe, Err(LookupCause::Timeout))));
    }

    /// What came back from the tests so far.
    pub(super) fn probed(&self) -> &[(Probe, Outcome)] {
        &self.probed
    }

    /// Puts a question on its way.
    pub(super) fn depart(&mut self, question: Query) {
        self.waiting.push_back(question);
    }

    /// Waits until at least one question is settled; nothing, when none is under way.
    pub(super) fn landed(&mut self) -> Vec<(Query, Outcome)> {
        loop {
            let landed = self.step(&self.deadline.clone());
            let is_question = |exchange: &Exchange| exchange.probe.is_none();
            let flies = self.under_way.iter().any(is_question);
            if !landed.is_empty() || !flies && self.waiting.is_empty() {
                return landed;
            }
        }
    }

    /// Sends what can be sent, and waits until there is something to read or `limit` is over.
    fn step(&mut self, limit: &Deadline) -> Vec<(Query, Outcome)> {
        let mut landed = Vec::new();
        while self.under_way.len() < MOST_AT_ONCE {
            let started = if let Some(question) = self.waiting.pop_front() {
                Exchange::start(&question, None, self).map_err(|cause| (question, None, cause))
            } else if let Some(probe) = self.probes.pop_front() {
                let question = probe.question.clone();
                Exchange::start(&question, Some(probe.clone()), self)
                    .map_err(|cause| (question, Some(probe), cause))
            } else {
                break;
            };
            match started {
                Ok(exchange) => self.under_way.push(exchange),
                Err((question, None, cause)) => landed.push((question, Err(cause))),
                Err((_, Some(probe), cause)) => self.probed.push((probe, Err(cause))),
            }
        }
        if !landed.is_empty() || self.under_way.is_empty() {
            return landed;
        }
        let ready = self.wait(limit);
        let mut ready = ready.into_iter().chain(std::iter::repeat(false));
        for mut exchange in std::mem::take(&mut self.under_way) {
            let mut settled = None;
            // Reading takes time too: what came is as good as late when there is none left.
            if ready.next() == Some(true) && !limit.is_over() {
                settled = exchange.heard(self);
            }
            // Whatever keeps coming, the time is over when it is.
            if settled.is_none() && exchange.until.is_over() {
                settled = exchange.unheard(self);
            }
            match (settled, exchange.probe.take()) {
                (Some(outcome), None) => landed.push((exchange.question, outcome)),
                (Some(outcome), Some(probe)) => self.probed.push((probe, outcome)),
                (None, probe) => {
                    exchange.probe = probe;
                    self.under_way.push(exchange);
                }
            }
        }
        landed
    }

    /// Which exchanges have something to read or to write, in order.
    fn wait(&self, limit: &Deadline) -> Vec<bool> {
        let left = |exchange: &Exchange| exchange.until.left().unwrap_or_default();
        let next = self.under_way.iter().map(left).min().unwrap_or_default();
        let next = next.min(limit.left().unwrap_or_default());
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

    /// Asks this one first from now on.
    fn prefer(&mut self, place: usize) {
        if let Some(at) = self.servers.iter().position(|&other| other == place) {
            self.servers.rotate_left(at);
        }
    }
}

impl Exchange {
    fn start(
        question: &Query,
        probe: Option<Probe>,
        flight: &Flight<'_>,
    ) -> Result<Self, LookupCause> {
        let form = match &probe {
            Some(probe) => probe.form,
            None if flight.resolver.validates() => Form::Carrying,
            None => Form::Believing,
        };
        let servers = match &probe {
            Some(probe) => vec![probe.place],
            None => flight.servers.clone(),
        };
        let mut exchange = Self {
            question: question.clone(),
            query: query(question, form)?,
            form,
            probe,
            servers,
            wire: None,
            until: flight.deadline,
            round: 0,
            asked: 0,
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
            Heard::Response(mut message, octets) => {
                match answer::error(&message, flight.resolver.trusted) {
                    None => {
                        if !flight.room.take(&mut message, octets, self.form) {
                            return Some(Err(LookupCause::Timeout));
                        }
                        if let (None, Some(place)) = (&self.probe, self.place()) {
                            flight.answered_by.insert(self.question.clone(), place);
                            flight.prefer(place);
                        }
                        Some(Ok(message))
                    }
                    Some(cause) => {
                        self.failure = cause;
                        self.refused += 1;
                        self.next_server(flight).map(Err)
                    }
                }
            }
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
    fn place(&self) -> Option<usize> {
        self.servers.get(self.asked.checked_sub(1)?).copied()
    }

    /// The failure, when no server is left to ask.
    fn next_server(&mut self, flight: &Flight<'_>) -> Option<LookupCause> {
        self.wire = None;
        let count = self.servers.len();
        loop {
            if self.asked == count {
                // Each has said no: asking again says the same.
                let vain = self.refused == count || self.round + 1 >= flight.resolver.rounds;
                if vain {
                    return Some(self.failure);
                }
                (self.asked, self.refused) = (0, 0);
                self.round += 1;
                if self.probe.is_none() {
                    self.servers.clone_from(&flight.servers);
                }
            }
            if flight.deadline.is_over() {
                return Some(self.failure);
            }
            self.asked += 1;
            let place = self.place();
            let server = place.and_then(|place| flight.resolver.servers.get(place));
            let Some(&server) = server else {
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

fn query(question: &Query, form: Form) -> Result<Message, LookupCause> {
    let carries = form == Form::Carrying;
    let mut id = [0; 2];
    // No number that cannot be guessed, no question.
    rustix::rand::getrandom(&mut id, rustix::rand::GetRandomFlags::empty())
        .ok()
        .filter(|&n| n == id.len())
        .ok_or(LookupCause::Timeout)?;
    let mut message = Message::new(u16::from_ne_bytes(id), MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.metadata.authentic_data = !carries; // RFC 6840 section 5.7: asks for the AD bit
    message.metadata.checking_disabled = carries; // RFC 6840 section 5.9
    message.add_query(question.clone());
    let mut edns = Edns::new();
    edns.set_max_payload(UDP_PAYLOAD);
    edns.set_dnssec_ok(carries);
    message.set_edns(edns);
    Ok(message)
}
