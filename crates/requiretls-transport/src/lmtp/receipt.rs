//! How does the message come behind 354?
//!
//! Block by block to its end, whatever is wrong with it: there are replies to be given for each
//! recipient, and the next command stands behind the final dot. What is kept is the message without
//! the fields that are ours, in memory or in a file without a name.

use super::content_end::ContentEnd;
use super::header_section::HeaderSection;
use super::input::Input;
use super::terms::Terms;
use super::transaction::too_large;
use crate::content::{Content, ContentWriter};
use requiretls_core::mail_param::{MailParams, Refusal};
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::requirement::Requirement;
use std::io::{self, Read, Write as _};

/// A message on its way in.
pub(super) struct Receipt<'a> {
    header: HeaderSection<'a>,
    kept: Kept,
}

/// What is kept of it, or why nothing is.
struct Kept {
    writer: Result<ContentWriter, Reply>,
    limit: Option<u64>,
    octets: u64,
}

/// A message that has come whole.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) octets: u64,
    /// What all sources together ask, or why that cannot be said.
    pub(super) requirement: Result<Requirement, Reply>,
    /// Itself, or why it could not be taken.
    pub(super) kept: Result<Content, Reply>,
}

impl<'a> Receipt<'a> {
    /// `mail`: what the commands have asked.
    pub(super) fn new(mail: MailParams, terms: &'a Terms) -> Self {
        let limits = &terms.limits;
        let writer = ContentWriter::new(limits.in_memory, &limits.spill_directory);
        Self {
            header: HeaderSection::new(mail, terms.tag_field.as_ref(), terms.postfix_field),
            kept: Kept {
                writer: Ok(writer),
                limit: limits.message_size,
                octets: 0,
            },
        }
    }

    /// Reads it to its end.
    ///
    /// # Errors
    /// The client is gone, or says nothing more: there is no message then.
    pub(super) fn read(mut self, input: &mut Input, from: &mut impl Read) -> io::Result<Received> {
        let mut end = ContentEnd::new();
        let mut block = input.take();
        let mut came = block.len();
        loop {
            let new = block.get(..came).unwrap_or_default();
            let used = end.push(new, |piece| {
                self.kept.count(piece);
                self.header.push(piece, |piece| self.kept.keep(piece));
            });
            if end.is_seen() {
                input.put_back(new.get(used..).unwrap_or_default());
                return Ok(self.finish());
            }
            block.resize(BLOCK, 0);
            came = from.read(&mut block)?;
            if came == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn finish(self) -> Received {
        let mut kept = self.kept;
        let mail = self.header.finish(|piece| kept.keep(piece));
        Received {
            octets: kept.octets,
            requirement: mail.end().map_err(Refusal::reply),
            kept: kept
                .writer
                .and_then(|writer| writer.finish().map_err(|error| no_room(&error))),
        }
    }
}

impl Kept {
    /// The message's size is what came of it (RFC 1870), whatever is taken out.
    fn count(&mut self, piece: &[u8]) {
        self.octets += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if self.limit.is_some_and(|limit| self.octets > limit) {
            // What is in the file already is of no use.
            self.writer = Err(too_large());
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        if let Ok(writer) = &mut self.writer
            && let Err(error) = writer.write_all(piece)
        {
            self.writer = Err(no_room(&error));
        }
    }
}

/// Octets that are read at once.
const BLOCK: usize = 32_768;

fn no_room(error: &io::Error) -> Reply {
    tracing::error!("a message cannot be kept while it is carried: {error}");
    Reply::new(452, Enhanced(4, 3, 1), "no room for the message")
}
