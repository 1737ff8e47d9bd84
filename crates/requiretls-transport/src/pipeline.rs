//! How many commands are under way at once?
//!
//! As many as the peer lets: one, or with PIPELINING (RFC 2920) a batch in one write, whose replies
//! are then read in their order. A batch is bounded, so that neither side ever waits to write while
//! the other does.

use crate::connection::{Broken, Connection};
use crate::reply::PeerReply;
use std::collections::VecDeque;
use std::time::Duration;

/// The commands of one message's envelope, in their order.
pub(crate) struct Pipeline<'a> {
    connection: &'a mut Connection,
    unsent: VecDeque<Command>,
    /// How long each reply may take that is still to come.
    awaited: VecDeque<Duration>,
    together: usize,
}

/// A command without its line end, and how long its reply may take.
pub(crate) type Command = (String, Duration);

impl<'a> Pipeline<'a> {
    pub(crate) fn new(
        connection: &'a mut Connection,
        commands: impl IntoIterator<Item = Command>,
    ) -> Self {
        let together = if connection.extensions().pipelining {
            BATCH
        } else {
            1
        };
        Self {
            connection,
            unsent: commands.into_iter().collect(),
            awaited: VecDeque::new(),
            together,
        }
    }

    /// The reply to the next command, which is sent now where it was not.
    pub(crate) fn reply(&mut self) -> Result<PeerReply, Broken> {
        if self.awaited.is_empty() {
            let batch: Vec<Command> = self
                .unsent
                .drain(..self.together.min(self.unsent.len()))
                .collect();
            let lines: Vec<&str> = batch.iter().map(|(line, _)| line.as_str()).collect();
            let limit = batch.first().map_or(Duration::ZERO, |(_, limit)| *limit);
            self.connection.say(&lines, limit)?;
            self.awaited.extend(batch.iter().map(|(_, limit)| *limit));
        }
        let limit = self.awaited.pop_front().unwrap_or_default();
        self.connection.reply(limit)
    }

    /// Says no more, and reads what is still to come. Where DATA was in the batch and the peer waits
    /// for a message all the same, it gets none (RFC 2920 section 3.1). A connection that breaks
    /// here is lost, and that is all.
    pub(crate) fn abandon(mut self) {
        while let Some(limit) = self.awaited.pop_front() {
            if self.connection.is_lost() {
                return;
            }
            match self.connection.reply(limit) {
                Ok(reply) if reply.code == 354 => {
                    // Whatever it says to that, nobody is served.
                    let _ = self.connection.nothing();
                }
                _ => {}
            }
        }
    }
}

/// The replies to so many commands fit into any socket's buffers.
const BATCH: usize = 100;
