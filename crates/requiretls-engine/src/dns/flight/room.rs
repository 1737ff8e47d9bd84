//! How much may the answers to all questions of one lookup take?
//!
//! A record takes some 300 octets of memory, and one of 16 octets on the wire as much as any other, so
//! that both are counted. What there is no room for counts as not answered in time: it delays and never
//! weakens.

use super::Form;
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::RecordType;

/// What is left.
#[derive(Clone, Copy, Debug)]
pub(in crate::dns) struct Room {
    records: usize,
    octets: usize,
}

impl Room {
    /// Takes a response in, without what nobody reads; `false`: it does not fit.
    pub(super) fn take(&mut self, message: &mut Message, octets: usize, form: Form) -> bool {
        message.additionals.clear();
        if form == Form::Believing {
            let is_soa = |kind| kind == RecordType::SOA;
            message.authorities.retain(|r| is_soa(r.record_type()));
        }
        message.additionals.shrink_to_fit();
        message.authorities.shrink_to_fit();
        message.answers.shrink_to_fit();
        let records = message
            .answers
            .len()
            .saturating_add(message.authorities.len());
        match (
            self.records.checked_sub(records),
            self.octets.checked_sub(octets),
        ) {
            (Some(records), Some(octets)) => {
                *self = Self { records, octets };
                true
            }
            _ => false,
        }
    }
}

impl Default for Room {
    fn default() -> Self {
        Self {
            records: MOST_RECORDS,
            octets: MOST_OCTETS,
        }
    }
}

/// 200 MX records, 32 hosts with 100 addresses each and a thousand TLSA records are 4,400.
const MOST_RECORDS: usize = 5_000;

/// On the wire. A lookup in mode `validate` that asks a thousand questions has seldom more.
const MOST_OCTETS: usize = 768 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::op::OpCode;
    use hickory_resolver::proto::rr::rdata::{A, NS, SOA};
    use hickory_resolver::proto::rr::{Name, RData, Record};

    fn response(answers: usize, authorities: usize) -> Message {
        let record = |data| Record::from_rdata(Name::root(), 60, data);
        let mut message = Message::response(1, OpCode::Query);
        let address = || record(RData::A(A::new(192, 0, 2, 1)));
        message.add_answers((0..answers).map(|_| address()));
        let ns = || record(RData::NS(NS(Name::root())));
        message.add_authorities((0..authorities).map(|_| ns()));
        let soa = SOA::new(Name::root(), Name::root(), 1, 1, 1, 1, 1);
        message.add_authority(record(RData::SOA(soa)));
        message.additionals.push(address());
        message
    }

    #[test]
    fn it_is_taken_until_there_is_none() {
        let (all, most) = (MOST_RECORDS, MOST_OCTETS);
        let (believing, carrying) = (Form::Believing, Form::Carrying);
        // label, form, answers, authorities besides the SOA record, octets; fits, and what is left
        #[rustfmt::skip]
        let table = [
            ("one",              believing, 1,       0, 60,       true,  (all - 2, most - 60)),
            ("nobody reads NS",  believing, 1,       9, 60,       true,  (all - 2, most - 60)),
            ("proofs are read",  carrying,  1,       9, 60,       true,  (all - 11, most - 60)),
            ("all records",      believing, all - 1, 0, 60,       true,  (0, most - 60)),
            ("one too many",     believing, all,     0, 60,       false, (all, most)),
            ("all octets",       believing, 1,       0, most,     true,  (all - 2, 0)),
            ("one octet more",   believing, 1,       0, most + 1, false, (all, most)),
        ];
        for (label, form, answers, authorities, octets, fits, left) in table {
            let mut room = Room::default();
            let mut message = response(answers, authorities);
            assert_eq!(room.take(&mut message, octets, form), fits, "{label}");
            assert_eq!((room.records, room.octets), left, "{label}");
            assert_eq!(message.answers.len(), answers, "{label}");
        }
    }
}
