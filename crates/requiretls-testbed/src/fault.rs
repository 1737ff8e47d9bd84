//! What goes wrong with which question?
//!
//! There are two places, and they must not be confused. A fault of the *authority* happens before anybody
//! judges: whoever validates sees it, and the world's own resolver answers SERVFAIL or without AD as any
//! other would. A fault on the *wire* happens after that, between the resolver and its client: nobody
//! downstream can see it by DNSSEC, and the client must be robust by itself.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hickory_resolver::proto::rr::{LowerName, RData, RecordType};

use crate::zone::{ZoneError, absolute};

/// The faults of a world; they may change while it runs.
#[derive(Debug, Default)]
pub struct Faults {
    authority: Mutex<Vec<Rule<AuthorityFault>>>,
    wire: Mutex<Vec<Rule<WireFault>>>,
    everywhere: Mutex<Vec<(Option<SocketAddr>, WireFault)>>,
}

/// What the authority for a name does wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum AuthorityFault {
    /// Answers after this time.
    Delay(Duration),
    /// Says that there is no such name, without a proof.
    Deny,
    /// Answers nothing.
    Drop,
    /// Says something else, under the signatures that the truth has.
    Lie(Vec<RData>),
    /// REFUSED.
    Refused,
    /// SERVFAIL.
    ServFail,
    /// Leaves out the signatures.
    StripSignatures,
    /// Says all only over TCP.
    Truncate,
    /// Answers with another id than asked.
    WrongId,
}

/// What happens to an answer between the resolver and its client.
#[derive(Clone, Debug, PartialEq)]
pub enum WireFault {
    /// AD is cleared.
    ClearAd,
    /// Comes after this time.
    Delay(Duration),
    /// Is lost.
    Drop,
    /// Has nothing of DNSSEC in it but AD, as if DO had not been understood.
    DropDo,
    /// Is lost once.
    DropOnce,
    /// Other octets come, which are no message.
    Garbage,
    /// The records are others, the rest stays as it is, AD too.
    Replace(Vec<RData>),
    /// REFUSED comes.
    Refused,
    /// SERVFAIL comes.
    ServFail,
    /// AD is set.
    SetAd,
    /// Has no signatures in it.
    StripSignatures,
    /// All comes only over TCP.
    Truncate,
    /// Comes with another id.
    WrongId,
    /// Comes as if another question had been asked.
    WrongQuestion,
}

impl Faults {
    /// From now on, the authority does this to questions for this name and type. A CNAME's target is a
    /// question of its own. Several faults of one question all happen, where that makes sense.
    ///
    /// # Errors
    /// The name is none.
    pub fn authority(
        &self,
        name: &str,
        record_type: RecordType,
        fault: AuthorityFault,
    ) -> Result<(), ZoneError> {
        let rule = Rule::new(name, record_type, fault)?;
        locked(&self.authority).push(rule);
        Ok(())
    }

    /// From now on, this happens to answers to this question on their way to the client.
    ///
    /// # Errors
    /// The name is none.
    pub fn wire(
        &self,
        name: &str,
        record_type: RecordType,
        fault: WireFault,
    ) -> Result<(), ZoneError> {
        let rule = Rule::new(name, record_type, fault)?;
        locked(&self.wire).push(rule);
        Ok(())
    }

    /// From now on, this happens to every answer on its way to the client: it is what the resolver is.
    pub fn everywhere(&self, fault: WireFault) {
        locked(&self.everywhere).push((None, fault));
    }

    /// From now on, this happens to every answer that leaves from this address: one resolver of several.
    pub fn at_address(&self, address: SocketAddr, fault: WireFault) {
        locked(&self.everywhere).push((Some(address), fault));
    }

    /// From now on, nothing goes wrong.
    pub fn clear(&self) {
        locked(&self.authority).clear();
        locked(&self.wire).clear();
        locked(&self.everywhere).clear();
    }

    pub(crate) fn of_authority(&self, name: &LowerName, kind: RecordType) -> Vec<AuthorityFault> {
        matching(&locked(&self.authority), name, kind)
    }

    pub(crate) fn of_wire(
        &self,
        name: &LowerName,
        kind: RecordType,
        address: SocketAddr,
    ) -> Vec<WireFault> {
        let mut rules = locked(&self.wire);
        let mut faults = matching(&rules, name, kind);
        let everywhere = locked(&self.everywhere);
        let here = everywhere
            .iter()
            .filter(|(at, _)| at.is_none_or(|at| at == address));
        faults.extend(here.map(|(_, fault)| fault.clone()));
        rules.retain(|rule| !(rule.fault == WireFault::DropOnce && rule.matches(name, kind)));
        faults
    }
}

#[derive(Debug)]
struct Rule<F> {
    name: LowerName,
    kind: RecordType,
    fault: F,
}

impl<F> Rule<F> {
    fn new(name: &str, kind: RecordType, fault: F) -> Result<Self, ZoneError> {
        let name = absolute(name)?;
        Ok(Self { name, kind, fault })
    }

    fn matches(&self, name: &LowerName, kind: RecordType) -> bool {
        self.kind == kind && self.name == *name
    }
}

fn matching<F: Clone>(rules: &[Rule<F>], name: &LowerName, kind: RecordType) -> Vec<F> {
    let here = rules.iter().filter(|rule| rule.matches(name, kind));
    here.map(|rule| rule.fault.clone()).collect()
}

/// What a thread that panicked left behind is still the world's.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
