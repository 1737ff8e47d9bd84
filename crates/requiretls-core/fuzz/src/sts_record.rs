//! Is a TXT record an MTA-STS record, by a reading along the grammar?
//!
//! The input is one record; and each of its lines is one, of all the records at a name. The second
//! reading goes from octet to octet as RFC 8461 section 3.1 has it.

use requiretls_core::mta_sts::{Announcement, Record, RecordError};

/// TXT records, one a line.
pub fn check(data: &[u8]) {
    one(data);
    let records: Vec<&[u8]> = data.split(|&b| b == b'\n').collect();
    for record in &records {
        one(record);
    }
    several(&records);
}

fn one(txt: &[u8]) {
    let read = Record::parse(txt);
    let id = by_grammar(txt);
    assert_eq!(read.as_ref().ok().map(Record::id), id.as_deref());
    if let Ok(record) = &read {
        assert!((1..=32).contains(&record.id().len()));
        assert!(record.id().bytes().all(|b| b.is_ascii_alphanumeric()));
        let again = Record::parse(format!("v=STSv1; id={};", record.id()).as_bytes());
        assert_eq!(again.as_ref(), Ok(record), "a record with that id alone");
    }
    if read == Err(RecordError::NotSts) {
        assert!(!is_candidate(txt));
    }
}

/// S4: of several candidates none counts, and what is no candidate is not there.
fn several(records: &[&[u8]]) {
    let candidates: Vec<&[u8]> = records
        .iter()
        .copied()
        .filter(|r| is_candidate(r))
        .collect();
    let found = Announcement::of(records);
    match candidates.as_slice() {
        [] => assert_eq!(found, Announcement::Absent),
        [txt] => {
            let id = by_grammar(txt);
            assert_eq!(found.record().map(Record::id), id.as_deref());
            assert_eq!(id.is_none(), matches!(found, Announcement::Invalid(_)));
        }
        more => assert_eq!(found, Announcement::Several(more.len())),
    }
    let backwards: Vec<&[u8]> = records.iter().rev().copied().collect();
    assert_eq!(Announcement::of(&backwards), found, "in any order");
}

fn is_candidate(txt: &[u8]) -> bool {
    let mut at = Cursor { txt, at: 0 };
    at.literal(b"v=STSv1") && at.delimiter()
}

/// The id of the record, where all of it follows the grammar.
fn by_grammar(txt: &[u8]) -> Option<String> {
    let mut at = Cursor { txt, at: 0 };
    if !at.literal(b"v=STSv1") {
        return None;
    }
    let mut id: Option<String> = None;
    let mut fields = 0;
    while at.at < txt.len() {
        if !at.delimiter() {
            return None;
        }
        if at.at == txt.len() {
            break; // the one delimiter that may end the record
        }
        let name = at.while_is(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
        let value_follows = at.literal(b"=");
        let value = at.while_is(|b| (0x21..=0x7e).contains(&b) && b != b'=' && b != b';');
        let holds = (1..=32).contains(&name.len())
            && name[0].is_ascii_alphanumeric()
            && value_follows
            && !value.is_empty();
        if !holds {
            return None;
        }
        fields += 1;
        if name == b"id" && id.is_none() {
            let holds = value.len() <= 32 && value.iter().all(u8::is_ascii_alphanumeric);
            id = Some(String::from_utf8(value.to_vec()).ok().filter(|_| holds)?);
        }
    }
    id.filter(|_| fields > 0)
}

struct Cursor<'a> {
    txt: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn literal(&mut self, text: &[u8]) -> bool {
        let is = self.txt[self.at..].starts_with(text);
        self.at += if is { text.len() } else { 0 };
        is
    }

    fn while_is(&mut self, is: impl Fn(u8) -> bool) -> &'a [u8] {
        let start = self.at;
        while self.at < self.txt.len() && is(self.txt[self.at]) {
            self.at += 1;
        }
        &self.txt[start..self.at]
    }

    /// `*WSP ";" *WSP`; where there is none, nothing is taken.
    fn delimiter(&mut self) -> bool {
        let start = self.at;
        self.while_is(|b| b == b' ' || b == b'\t');
        let is = self.literal(b";");
        if is {
            self.while_is(|b| b == b' ' || b == b'\t');
        } else {
            self.at = start;
        }
        is
    }
}
