//! Whose recipients are where?
//!
//! A mail server's queue, as far as it matters: what is taken from it is put back, and a recipient leaves it by a reply
//! alone. A reply that starts with 5 makes a bounce, which is a message of the same queue.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};

use ffi_tests::Result;

/// So often is a recipient tried that is answered 4yz; then it stays where it is. What breaks off does not count.
const TRIES: usize = 2;

#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// Empty: the null path.
    pub(crate) sender: String,
    /// Behind MAIL FROM.
    pub(crate) parameters: String,
    /// Header section and body, dot-stuffed, with its last CRLF.
    pub(crate) content: String,
    pub(crate) recipients: Vec<Recipient>,
    /// What makes a bounce of it, but for whom.
    pub(crate) bounce: Option<Box<Message>>,
    pub(crate) tries: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Recipient {
    pub(crate) address: String,
    pub(crate) state: State,
    /// The last reply.
    pub(crate) reply: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum State {
    Waiting,
    Sent,
    Returned,
}

impl Recipient {
    pub(crate) fn new(address: String) -> Self {
        Self {
            address,
            state: State::Waiting,
            reply: String::new(),
        }
    }
}

impl Message {
    /// Those that are still to be served.
    pub(crate) fn addresses(&self) -> Vec<String> {
        let waiting = self.recipients.iter().filter(|r| r.state == State::Waiting);
        waiting.map(|r| r.address.clone()).collect()
    }

    /// The bounce for one recipient, addressed so that it can be told by its address what it is for.
    fn returned(&self, recipient: &Recipient) -> Option<Self> {
        let mut bounce = self.bounce.clone()?;
        let named = recipient.address.replace('@', "=");
        bounce.recipients = vec![Recipient::new(format!("ann+returned-{named}@bounces.test"))];
        Some(*bounce)
    }
}

pub(crate) struct Queue {
    shared: Mutex<Shared>,
    /// Held for writing while the transport is killed.
    quiet: RwLock<()>,
}

#[derive(Default)]
struct Shared {
    ready: VecDeque<Message>,
    /// By the worker's number: the message and whom it is for.
    under_way: BTreeMap<usize, Vec<String>>,
    in_hand: usize,
    done: Vec<Message>,
    size: usize,
}

impl Queue {
    pub(crate) fn new(messages: Vec<Message>) -> Self {
        let size = messages.len();
        let shared = Shared {
            ready: messages.into(),
            size,
            ..Shared::default()
        };
        Self {
            shared: Mutex::new(shared),
            quiet: RwLock::new(()),
        }
    }

    /// How many messages there were at first.
    pub(crate) fn size(&self) -> usize {
        self.shared().size
    }

    /// How many messages there is nothing more to do for.
    pub(crate) fn finished(&self) -> usize {
        self.shared().done.len()
    }

    pub(crate) fn is_done(&self) -> bool {
        let shared = self.shared();
        shared.ready.is_empty() && shared.in_hand == 0
    }

    pub(crate) fn take(&self) -> Option<Message> {
        let mut shared = self.shared();
        let message = shared.ready.pop_front()?;
        shared.in_hand += 1;
        Some(message)
    }

    /// From here on the message may be anywhere.
    pub(crate) fn begin(&self, worker: usize, message: &Message) {
        let _quiet = self.quiet.read();
        let addresses = message.addresses();
        self.shared().under_way.insert(worker, addresses);
    }

    /// With the replies for those that were waiting, in their order; `None`: it broke off.
    pub(crate) fn end(&self, worker: usize, mut message: Message, replies: Option<Vec<String>>) {
        let _quiet = self.quiet.read();
        let mut shared = self.shared();
        shared.under_way.remove(&worker);
        shared.in_hand -= 1;
        let Some(replies) = replies else {
            shared.ready.push_back(message);
            return;
        };
        message.tries += 1;
        let mut bounces = Vec::new();
        let mut replies = replies.into_iter();
        let waiting = message
            .recipients
            .iter_mut()
            .filter(|r| r.state == State::Waiting);
        for recipient in waiting {
            recipient.reply = replies.next().unwrap_or_default();
            recipient.state = match recipient.reply.get(..1) {
                Some("2") => State::Sent,
                Some("5") => State::Returned,
                _ => State::Waiting,
            };
            if recipient.state == State::Returned {
                bounces.push(recipient.clone());
            }
        }
        let bounces = bounces.iter().filter_map(|r| message.returned(r));
        shared.ready.extend(bounces);
        if message.tries < TRIES && !message.addresses().is_empty() {
            shared.ready.push_back(message);
        } else {
            shared.done.push(message);
        }
    }

    /// Does something while no message begins or ends, and says who was waiting for an answer then.
    pub(crate) fn under_way(&self, act: impl FnOnce() -> Result<()>) -> Result<Vec<String>> {
        let _quiet = self.quiet.write();
        let under_way = self
            .shared()
            .under_way
            .values()
            .flatten()
            .cloned()
            .collect();
        act()?;
        Ok(under_way)
    }

    /// All recipients, each with its last reply.
    pub(crate) fn recipients(&self) -> Vec<(String, State, String)> {
        let shared = self.shared();
        let messages = shared.done.iter().chain(&shared.ready);
        let recipients = messages.flat_map(|message| &message.recipients);
        recipients
            .map(|r| (r.address.clone(), r.state, r.reply.clone()))
            .collect()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
