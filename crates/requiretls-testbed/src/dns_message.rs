//! Which message answers this message?
//!
//! Flags, sizes and EDNS (RFC 1035 section 4.1, RFC 6891, RFC 6840 section 5.8), and the faults of the wire.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::opt::EdnsOption;
use hickory_resolver::proto::rr::{DNSClass, LowerName, Name, Record, RecordType};

use crate::dns_server::Asked;
use crate::fault::{Faults, WireFault, locked};
use crate::truth::{Knowledge, Role, Status, Truth};
use crate::zone::TTL;

/// Answers messages, and remembers what was asked.
#[derive(Debug)]
pub(crate) struct Service {
    knowledge: Knowledge,
    asked: Mutex<Vec<Asked>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Transport {
    Tcp,
    Udp,
}

/// What to send, and when.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) delay: Duration,
    pub(crate) octets: Vec<u8>,
}

impl Service {
    pub(crate) fn new(knowledge: Knowledge) -> Self {
        Self {
            knowledge,
            asked: Mutex::default(),
        }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.knowledge.faults
    }

    pub(crate) fn questions(&self) -> Vec<Asked> {
        locked(&self.asked).clone()
    }

    /// `None` where a client hears nothing. `address`: where it was asked.
    pub(crate) fn reply(
        &self,
        octets: &[u8],
        transport: Transport,
        address: SocketAddr,
    ) -> Option<Reply> {
        let query = match Message::from_vec(octets) {
            Ok(query) if query.metadata.message_type == MessageType::Query => query,
            Ok(_) => return None,
            Err(_) => return malformed(octets),
        };
        let mut message = Message::response(query.metadata.id, query.metadata.op_code);
        message.metadata.recursion_desired = query.metadata.recursion_desired;
        message.metadata.checking_disabled = query.metadata.checking_disabled;
        message.metadata.recursion_available = true;
        message.add_queries(query.queries.iter().cloned());
        if let Some(asked) = &query.edns {
            let mut edns = Edns::new();
            edns.set_max_payload(PAYLOAD);
            edns.set_dnssec_ok(asked.flags().dnssec_ok);
            message.set_edns(edns);
        }
        let question = match understand(&query) {
            Ok(question) => question,
            Err(code) => {
                message.metadata.response_code = code;
                return Reply::new(&message, Duration::ZERO);
            }
        };
        let (name, kind) = (LowerName::from(question.name()), question.query_type());
        locked(&self.asked).push(Asked {
            name: name.to_string().trim_end_matches('.').to_owned(),
            record_type: kind,
            tcp: transport == Transport::Tcp,
            at: Instant::now(),
        });
        let role = match (
            query.metadata.recursion_desired,
            query.metadata.checking_disabled,
        ) {
            (false, _) => Role::Authority,
            (true, true) => Role::Forwarder,
            (true, false) => Role::Resolver,
        };
        let truth = self.knowledge.answer(&name, kind, role);
        if truth.lost {
            return None;
        }
        let (delay, truncated) = (truth.delay, truth.truncated);
        if truth.wrong_id {
            message.metadata.id = message.metadata.id.wrapping_add(1);
        }
        tell(&mut message, truth, role, &query);
        let faults = self.knowledge.faults.of_wire(&name, kind, address);
        let room = match transport {
            Transport::Tcp => usize::from(u16::MAX),
            Transport::Udp => usize::from(query.max_payload().min(4096)),
        };
        spoil(message, &faults, (delay, truncated), (transport, room))
    }
}

impl Reply {
    fn new(message: &Message, delay: Duration) -> Option<Self> {
        // A message that cannot be written is one that nobody hears.
        let octets = message.to_vec().ok()?;
        Some(Self { delay, octets })
    }
}

/// What larger systems use since fragments became a danger.
const PAYLOAD: u16 = 1232;

/// RFC 1035 section 4.1.1: the id is all that can be known of it.
fn malformed(octets: &[u8]) -> Option<Reply> {
    let [high, low, ..] = octets else {
        return None;
    };
    let id = u16::from_be_bytes([*high, *low]);
    let message = Message::error_msg(id, OpCode::Query, ResponseCode::FormErr);
    Reply::new(&message, Duration::ZERO)
}

fn understand(query: &Message) -> Result<&Query, ResponseCode> {
    if query.metadata.op_code != OpCode::Query {
        return Err(ResponseCode::NotImp);
    }
    let [question] = query.queries.as_slice() else {
        return Err(ResponseCode::FormErr);
    };
    if question.query_class() != DNSClass::IN {
        return Err(ResponseCode::Refused);
    }
    match question.query_type() {
        // Nothing in a mail server asks these.
        RecordType::ANY | RecordType::AXFR | RecordType::IXFR | RecordType::RRSIG => {
            Err(ResponseCode::NotImp)
        }
        _ => Ok(question),
    }
}

/// Puts what is known into a message.
fn tell(message: &mut Message, truth: Truth, role: Role, query: &Message) {
    let asked = query.edns.as_ref();
    let dnssec_ok = asked.is_some_and(|edns| edns.flags().dnssec_ok);
    message.metadata.response_code = truth.code;
    message.metadata.authoritative = role == Role::Authority;
    // RFC 6840 section 5.8: for those who ask with DO or AD.
    message.metadata.authentic_data = role != Role::Authority
        && truth.status == Status::Secure
        && (dnssec_ok || query.metadata.authentic_data);
    message.add_answers(truth.answer);
    message.add_authorities(truth.authority);
    message.add_additionals(truth.additional);
    if let (Some(error), Some(edns)) = (truth.extended_error, &mut message.edns) {
        let data = error.to_be_bytes().to_vec();
        edns.options_mut().insert(EdnsOption::Unknown(15, data));
    }
    let whole = std::mem::replace(message, Message::response(0, OpCode::Query));
    *message = whole.maybe_strip_dnssec_records(dnssec_ok);
}

/// The way to the client.
fn spoil(
    mut message: Message,
    faults: &[WireFault],
    (mut delay, mut truncated): (Duration, bool),
    (transport, room): (Transport, usize),
) -> Option<Reply> {
    for fault in faults {
        match fault {
            WireFault::ClearAd => message.metadata.authentic_data = false,
            WireFault::Delay(more) => delay += *more,
            WireFault::Drop | WireFault::DropOnce => return None,
            WireFault::DropDo => {
                message = message.maybe_strip_dnssec_records(false);
                if let Some(edns) = &mut message.edns {
                    edns.set_dnssec_ok(false);
                }
            }
            WireFault::Garbage => {
                let octets = vec![7; 30];
                return Some(Reply { delay, octets });
            }
            WireFault::Refused => fail(&mut message, ResponseCode::Refused),
            WireFault::Replace(data) => {
                let name = message
                    .queries
                    .first()
                    .map(|question| question.name().clone());
                let name = name.unwrap_or_else(Name::root);
                let others = data.iter().cloned();
                message.answers = others
                    .map(|data| Record::from_rdata(name.clone(), TTL, data))
                    .collect();
            }
            WireFault::ServFail => fail(&mut message, ResponseCode::ServFail),
            WireFault::SetAd => message.metadata.authentic_data = true,
            WireFault::StripSignatures => strip_signatures(&mut message),
            WireFault::Truncate => truncated = true,
            WireFault::WrongId => message.metadata.id = message.metadata.id.wrapping_add(1),
            WireFault::WrongQuestion => {
                for question in &mut message.queries {
                    question.set_name(Name::root());
                }
            }
        }
    }
    let reply = Reply::new(&message, delay)?;
    if reply.octets.len() > room || truncated && transport == Transport::Udp {
        return Reply::new(&message.truncate(), delay);
    }
    Some(reply)
}

fn strip_signatures(message: &mut Message) {
    let is_none = |record: &Record| record.record_type() != RecordType::RRSIG;
    message.answers.retain(is_none);
    message.authorities.retain(is_none);
    message.additionals.retain(is_none);
}

fn fail(message: &mut Message, code: ResponseCode) {
    message.metadata.response_code = code;
    message.metadata.authentic_data = false;
    message.answers.clear();
    message.authorities.clear();
    message.additionals.clear();
}
