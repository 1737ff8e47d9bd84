//! What has a lookup found, and when?

use requiretls_core::facts::Facts;
use std::ops::Deref;
use std::sync::Arc;

/// The facts about a next hop, which plans may share, and how old they are.
#[derive(Clone, Debug)]
pub struct Discovered {
    facts: Arc<Facts>,
    found_at: Option<u64>,
    kept: bool,
}

impl Discovered {
    pub(super) fn just_now(facts: Arc<Facts>, found_at: Option<u64>) -> Self {
        Self {
            facts,
            found_at,
            kept: false,
        }
    }

    pub(super) fn before(facts: Arc<Facts>, found_at: u64) -> Self {
        Self {
            facts,
            found_at: Some(found_at),
            kept: true,
        }
    }

    /// The facts; they are what this type derefs to.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// When the lookup began that found them, in seconds since 1970; `None`: there was no clock.
    #[must_use]
    pub fn found_at(&self) -> Option<u64> {
        self.found_at
    }

    /// Whether they are those of an earlier lookup, so that nobody was asked.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept
    }
}

impl Deref for Discovered {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl From<Discovered> for Arc<Facts> {
    fn from(discovered: Discovered) -> Self {
        discovered.facts
    }
}

impl From<Discovered> for Facts {
    fn from(discovered: Discovered) -> Self {
        Arc::unwrap_or_clone(discovered.facts)
    }
}
