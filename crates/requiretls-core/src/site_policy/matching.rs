//! Which rule is the one for a next hop?
//!
//! The places where it may stand are made from the next hop alone, and each is asked once: a
//! look-up takes no longer among a hundred thousand rules than among ten.

use super::{Entry, Key, Rule, Rules, Unreadable};
use crate::domain::Domain;
use crate::next_hop::NextHop;

/// A place where the rule for a next hop may stand, and so why it is that one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Match<'a> {
    /// A rule of its own.
    Exact(&'a NextHop),
    /// The rule for all names below this one.
    Below(&'a str),
    /// P12's preset for a unix socket or loopback literal.
    Preset,
    /// The rule `*`.
    Any,
    /// No rule: the defaults.
    Default,
}

impl Rules {
    /// The rule for a next hop: the exact one, else the one for the longest parent, else `*`, else
    /// the defaults.
    ///
    /// P12's preset stands for a local endpoint (a unix socket or loopback literal) that has no
    /// rule of its own: hop mode opportunistic. Floor, methods and another hop mode than enforce
    /// of a rule `*` hold there too; where to send and what to look up, which it says about other
    /// machines, does not.
    ///
    /// # Errors
    /// The rule is [`Unreadable`].
    pub fn look_up(&self, next_hop: &NextHop) -> Result<&Rule, &Unreadable> {
        self.find(next_hop).1
    }

    /// The rule for a next hop, as [`Rules::look_up`] finds it, and why it is that one.
    pub fn find<'a>(&self, next_hop: &'a NextHop) -> (Match<'a>, Result<&Rule, &Unreadable>) {
        self.first(places(next_hop))
    }

    /// The rule that would hold where the one for this key does, if there were not that one.
    ///
    /// For `*` that is no rule; a local endpoint without a rule of its own has its preset.
    pub fn find_without<'a>(&self, key: &'a Key) -> (Match<'a>, Result<&Rule, &Unreadable>) {
        match key {
            Key::Exact(next_hop) => self.first(places(next_hop).skip(1)),
            Key::Below(domain) => self.first(above(Some(domain)).chain([Match::Any])),
            Key::Any => self.first([].into_iter()),
        }
    }

    /// Which key [`Rules::look_up`] found, for the log; `None`: a preset or the defaults.
    #[must_use]
    pub fn key(&self, next_hop: &NextHop) -> Option<Key> {
        self.find(next_hop).0.key()
    }

    fn first<'a>(
        &self,
        mut places: impl Iterator<Item = Match<'a>>,
    ) -> (Match<'a>, Result<&Rule, &Unreadable>) {
        let (place, entry) = places
            .find_map(|place| Some((place, self.entry(place)?)))
            .unwrap_or((Match::Default, &self.without_rule));
        (place, entry.as_ref())
    }

    /// Asks one map once.
    fn entry(&self, place: Match<'_>) -> Option<&Entry> {
        match place {
            Match::Exact(NextHop::Literal(address)) => {
                self.exact.get(&NextHop::Literal(address.to_canonical()))
            }
            Match::Exact(next_hop) => self.exact.get(next_hop),
            Match::Below(parent) => self.below.get(parent),
            Match::Preset => Some(&self.preset),
            Match::Any => self.any.as_ref(),
            Match::Default => Some(&self.without_rule),
        }
    }
}

impl Match<'_> {
    /// The key of the rule; `None`: a preset or the defaults.
    #[must_use]
    pub fn key(self) -> Option<Key> {
        match self {
            Self::Exact(next_hop) => Some(Key::Exact(super::canonical(next_hop.clone()))),
            Self::Below(parent) => Domain::parse(parent.as_bytes()).ok().map(Key::Below),
            Self::Any => Some(Key::Any),
            Self::Preset | Self::Default => None,
        }
    }

    /// The word for reports: `exact`, `parent`, `preset`, `any` or `none`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact(_) => "exact",
            Self::Below(_) => "parent",
            Self::Preset => "preset",
            Self::Any => "any",
            Self::Default => "none",
        }
    }
}

/// Where the rule for a next hop may stand, the first choice first. It knows no rules.
pub(super) fn places(next_hop: &NextHop) -> impl Iterator<Item = Match<'_>> {
    let last = if next_hop.is_local_endpoint() {
        Match::Preset
    } else {
        Match::Any
    };
    std::iter::once(Match::Exact(next_hop))
        .chain(above(next_hop.domain()))
        .chain([last])
}

/// The names above a name, the longest first.
fn above(domain: Option<&Domain>) -> impl Iterator<Item = Match<'_>> {
    std::iter::successors(domain.and_then(Domain::parent), |name| {
        name.split_once('.').map(|(_, rest)| rest)
    })
    .map(Match::Below)
}
