//! What hickory asks with, and what the servers have said so far.
//!
//! Nothing is sent here: what is wanted lies in the [`Post`] until it is fetched, and whoever waits
//! for it finds it there.

use super::one_owner;
use super::runtime::NoRuntime;
use crate::deadline::Deadline;
use crate::dns::flight::Outcome;
use futures_core::Stream;
use hickory_resolver::net::{DnsHandle, NetError};
use hickory_resolver::proto::op::{DnsRequest, DnsResponse, Message, Query};
use hickory_resolver::proto::rr::RecordType;
use requiretls_core::facts::LookupCause;
use std::collections::{HashMap, HashSet};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

/// What the servers have said in one lookup: each question goes out once, whoever needs it.
#[derive(Clone, Debug, Default)]
pub(in crate::dns) struct Post(Arc<Mutex<Letters>>);

#[derive(Debug, Default)]
struct Letters {
    by_question: HashMap<Query, Letter>,
    /// How many signatures have been handed out to be checked.
    signatures: usize,
}

#[derive(Debug)]
enum Letter {
    Wanted,
    Sent,
    Answered(Outcome),
}

/// What hickory asks with: it finds its answers in the [`Post`], or waits until they are there.
#[derive(Clone)]
pub(super) struct Upstream {
    post: Post,
    account: Arc<Mutex<Account>>,
    /// Nothing is handed out to be checked afterwards.
    deadline: Deadline,
}

/// One question's account with the servers.
struct Account {
    left: usize,
    /// Why the servers did not answer, the first time.
    failure: Option<LookupCause>,
    /// What was handed out before is not checked again.
    handed_out: HashSet<Query>,
}

impl Upstream {
    pub(super) fn new(post: &Post, deadline: Deadline) -> Self {
        let account = Account {
            left: MOST_QUERIES,
            failure: None,
            handed_out: HashSet::new(),
        };
        Self {
            post: post.clone(),
            account: Arc::new(Mutex::new(account)),
            deadline,
        }
    }

    /// Why the servers did not answer, where they did not.
    pub(super) fn failure(&self) -> Option<LookupCause> {
        locked(&self.account).failure
    }

    fn fails(&self, cause: LookupCause) {
        locked(&self.account).failure.get_or_insert(cause);
    }

    /// Has a question sent, unless it was before; `false`: this one's account is empty.
    pub(super) fn want(&self, query: &Query) -> bool {
        if self.post.knows(query) {
            return true;
        }
        if self.post.is_full() {
            return false;
        }
        let mut account = locked(&self.account);
        let Some(left) = account.left.checked_sub(1) else {
            return false;
        };
        account.left = left;
        self.post.want(query);
        true
    }

    /// What is said to a question, all of it and not yet judged.
    pub(super) async fn hear(&self, query: &Query) -> Option<Message> {
        let answer = || self.post.answer(query).map_or(Poll::Pending, Poll::Ready);
        if !self.want(query) {
            return None;
        }
        poll_fn(|_| answer()).await.ok()
    }

    /// What was said to a question.
    pub(super) fn said(&self, query: &Query) -> Option<Message> {
        self.post.answer(query)?.ok()
    }
}

impl DnsHandle for Upstream {
    type Response = Reply;
    type Runtime = NoRuntime;

    fn send(&self, request: DnsRequest) -> Self::Response {
        let query = request.queries.first().cloned();
        let query = query.filter(|query| self.want(query));
        Reply {
            query,
            upstream: self.clone(),
        }
    }
}

/// One response to come.
pub(super) struct Reply {
    query: Option<Query>,
    upstream: Upstream,
}

impl Stream for Reply {
    type Item = Result<DnsResponse, NetError>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(query) = &self.query else {
            return Poll::Ready(Some(Err(NetError::Message("too many questions"))));
        };
        if self.upstream.deadline.is_over() {
            self.upstream.fails(LookupCause::Timeout);
            return Poll::Ready(Some(Err(NetError::Timeout)));
        }
        let Some(outcome) = self.upstream.post.answer(query) else {
            return Poll::Pending;
        };
        Poll::Ready(Some(match outcome {
            Ok(message) => self.upstream.hand_out(message, query),
            Err(cause) => {
                self.upstream.fails(cause);
                Err(NetError::Timeout)
            }
        }))
    }
}

impl Upstream {
    /// The part of a response that is to be checked, as long as that is not too much work.
    fn hand_out(&self, message: Message, query: &Query) -> Result<DnsResponse, NetError> {
        let part = one_owner::part(message, query);
        let is_new = locked(&self.account).handed_out.insert(query.clone());
        let records = part.answers.iter().chain(&part.authorities);
        let signatures = records.filter(|r| is_new && r.record_type() == RecordType::RRSIG);
        if !self.post.may_check(signatures.count()) {
            return Err(NetError::Message("too many signatures"));
        }
        DnsResponse::from_message(part).map_err(NetError::from)
    }
}

impl Post {
    fn knows(&self, query: &Query) -> bool {
        locked(&self.0).by_question.contains_key(query)
    }

    fn is_full(&self) -> bool {
        locked(&self.0).by_question.len() >= MOST_IN_ALL
    }

    fn may_check(&self, signatures: usize) -> bool {
        let mut letters = locked(&self.0);
        letters.signatures = letters.signatures.saturating_add(signatures);
        letters.signatures <= MOST_SIGNATURES
    }

    fn want(&self, query: &Query) {
        let mut letters = locked(&self.0);
        letters
            .by_question
            .entry(query.clone())
            .or_insert(Letter::Wanted);
    }

    /// What is to be sent now.
    pub(super) fn wanted(&self) -> Vec<Query> {
        let mut wanted = Vec::new();
        for (query, letter) in &mut locked(&self.0).by_question {
            if matches!(letter, Letter::Wanted) {
                *letter = Letter::Sent;
                wanted.push(query.clone());
            }
        }
        wanted
    }

    pub(in crate::dns) fn deliver(&self, settled: Vec<(Query, Outcome)>) {
        let answered = settled
            .into_iter()
            .map(|(query, outcome)| (query, Letter::Answered(outcome)));
        locked(&self.0).by_question.extend(answered);
    }

    /// What was said to a question, or why nothing was.
    pub(in crate::dns) fn answer(&self, query: &Query) -> Option<Outcome> {
        match locked(&self.0).by_question.get(query)? {
            Letter::Answered(outcome) => Some(outcome.clone()),
            Letter::Wanted | Letter::Sent => None,
        }
    }

    /// Forgets everything.
    pub(in crate::dns) fn forget(&self) {
        *locked(&self.0) = Letters::default();
    }

    /// Of what was no longer waited for the answers will not come.
    pub(super) fn forget_unanswered(&self) {
        let is_answered = |letter: &Letter| matches!(letter, Letter::Answered(_));
        let mut letters = locked(&self.0);
        letters.by_question.retain(|_, letter| is_answered(letter));
    }
}

/// How many questions one question may cost, its chain of CNAMEs and all chains of trust together,
/// besides those that the same lookup has asked before. A name in a signed zone of the second level
/// costs six, one of five labels in an unsigned one about twelve.
pub(super) const MOST_QUERIES: usize = 100;

/// How many questions all questions of one lookup may cost.
const MOST_IN_ALL: usize = 1_000;

/// How many signatures one lookup checks, each with at most two keys of its tag (CVE-2023-50387): a
/// zone must not make its own cost the host program all the time until the deadline. Each question has
/// a chain of trust of its own, so that what goes wrong for one is not another's fault: ten signatures
/// for a name in a zone of the second level, twenty where all zones sign with two algorithms. A lookup
/// of [`MOST_HOSTS`](crate::discovery::MOST_HOSTS) hosts has about a hundred questions. A signature
/// takes 0.1 ms, one by the largest keys 0.7 ms.
pub(super) const MOST_SIGNATURES: usize = 4_000;

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
