//! What do facts depend on?
//!
//! On the question as far as it changes what is asked, and nothing less: two questions with one key
//! have the same answer. Settings, name servers and clock belong to the whole
//! [`Discovery`](crate::Discovery).

use crate::discovery::Question;
use requiretls_core::next_hop::{Host, NextHop};
use std::borrow::Cow;

/// What a lookup is about.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(in crate::discovery) struct Key<'a> {
    next_hop: Cow<'a, NextHop>,
    hosts: Cow<'a, [Host]>,
    smarthost: Option<Cow<'a, str>>,
    port: u16,
    discovers: bool,
    local: bool,
}

impl<'a> Key<'a> {
    pub(in crate::discovery) fn of(question: &Question<'a>) -> Self {
        let smarthost = question.rule.smarthost.as_deref();
        Self {
            next_hop: Cow::Borrowed(question.next_hop),
            hosts: Cow::Borrowed(question.hosts),
            // The server's own hosts come first.
            smarthost: smarthost
                .filter(|_| question.hosts.is_empty())
                .map(Cow::Borrowed),
            port: question.port,
            discovers: question.discovers(),
            local: question.is_local(),
        }
    }

    pub(super) fn into_owned(self) -> Key<'static> {
        Key {
            next_hop: Cow::Owned(self.next_hop.into_owned()),
            hosts: Cow::Owned(self.hosts.into_owned()),
            smarthost: self.smarthost.map(|host| Cow::Owned(host.into_owned())),
            port: self.port,
            discovers: self.discovers,
            local: self.local,
        }
    }

    pub(super) fn next_hop(&self) -> &NextHop {
        &self.next_hop
    }

    pub(super) fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    pub(super) fn smarthost(&self) -> Option<&str> {
        self.smarthost.as_deref()
    }
}
