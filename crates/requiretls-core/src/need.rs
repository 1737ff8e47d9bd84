//! Which methods of authentication does one judge ask for?
//!
//! The destination, the site and the tag each accept certain methods (P3, P8, P4a). A need is a
//! list of such sets: of each set at least one method must hold.

use crate::authenticate::{Evidence, Method, Outcome};

/// A set of methods, any one of which will do.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MethodSet(u8);

/// What one judge asks of a certificate chain.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Need {
    clauses: [Option<MethodSet>; 3],
}

/// How a chain answers a need.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Met {
    /// Every clause has a method that holds.
    Yes,
    /// Not now, but it may heal (row 12a).
    Undecided,
    /// A clause has no method that holds, for certain (row 12).
    No,
}

impl MethodSet {
    /// No method: nothing can satisfy it.
    pub const NONE: Self = Self(0);

    /// One method.
    #[must_use]
    pub const fn only(method: Method) -> Self {
        Self(1 << method as u8)
    }

    /// These, and one more where the condition holds.
    #[must_use]
    pub const fn or(self, method: Method, condition: bool) -> Self {
        if condition {
            Self(self.0 | Self::only(method).0)
        } else {
            self
        }
    }

    /// The methods of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the method is one of these.
    #[must_use]
    pub const fn contains(self, method: Method) -> bool {
        self.0 & Self::only(method).0 != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The methods, in the order of [`Method::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Method> {
        Method::ALL.into_iter().filter(move |&m| self.contains(m))
    }

    fn met_by(self, evidence: &Evidence) -> Met {
        self.iter()
            .map(|method| match evidence.outcome(method) {
                Outcome::Holds => Met::Yes,
                Outcome::Undecided(_) => Met::Undecided,
                Outcome::Fails(_) => Met::No,
            })
            .min()
            .unwrap_or(Met::No)
    }
}

impl Need {
    /// Nothing is asked of the chain.
    pub const NOTHING: Self = Self { clauses: [None; 3] };

    /// One of these.
    #[must_use]
    pub const fn any_of(methods: MethodSet) -> Self {
        Self {
            clauses: [Some(methods), None, None],
        }
    }

    /// This, and one of these besides.
    #[must_use]
    pub fn and(mut self, methods: MethodSet) -> Self {
        if let Some(free) = self.clauses.iter_mut().find(|clause| clause.is_none()) {
            *free = Some(methods);
        }
        self
    }

    /// The sets of which one method each must hold.
    pub fn clauses(&self) -> impl Iterator<Item = MethodSet> {
        self.clauses.into_iter().flatten()
    }

    /// How the evidence answers; the worst clause counts.
    #[must_use]
    pub fn met_by(&self, evidence: &Evidence) -> Met {
        self.clauses()
            .map(|clause| clause.met_by(evidence))
            .max()
            .unwrap_or(Met::Yes)
    }
}

#[cfg(test)]
mod tests {
    use super::{Met, MethodSet, Need};
    use crate::authenticate::{CertFailure, CertUndecided, Evidence, Method, Outcome};
    use Method::{Dane, PkixHost, SitePin};

    #[test]
    fn sets_of_methods() {
        let (dane, pkix) = (MethodSet::only(Dane), MethodSet::only(PkixHost));
        #[rustfmt::skip]
        let rows: &[(&str, MethodSet, &[Method])] = &[
            ("none", MethodSet::NONE, &[]),
            ("one", dane, &[Dane]),
            ("one more", dane.or(PkixHost, true), &[Dane, PkixHost]),
            ("the same once more", dane.or(Dane, true), &[Dane]),
            ("not this time", dane.or(PkixHost, false), &[Dane]),
            ("both", dane.union(pkix), &[Dane, PkixHost]),
            ("both have it", dane.union(dane), &[Dane]),
            ("the last", MethodSet::only(SitePin), &[SitePin]),
        ];
        for (label, set, methods) in rows {
            assert_eq!(set.iter().collect::<Vec<_>>(), *methods, "P4 {label}");
            assert_eq!(set.is_empty(), methods.is_empty(), "P4 {label}");
        }
    }

    #[test]
    fn one_of_each_set_must_hold() {
        let (dane, pkix) = (MethodSet::only(Dane), MethodSet::only(PkixHost));
        let both = Need::any_of(dane).and(pkix);
        let either = Need::any_of(dane.union(pkix));
        let (holds, fails) = (Outcome::Holds, Outcome::Fails(CertFailure::NotTrusted));
        let undecided = Outcome::Undecided(CertUndecided::NotSupplied);
        #[rustfmt::skip]
        let rows = [
            ("nothing asked", Need::NOTHING, fails, fails, Met::Yes),
            ("no method", Need::any_of(MethodSet::NONE), holds, holds, Met::No),
            ("both, one fails", both, holds, fails, Met::No),
            ("both, one undecided", both, holds, undecided, Met::Undecided),
            ("both, undecided and failed", both, undecided, fails, Met::No),
            ("both hold", both, holds, holds, Met::Yes),
            ("either, one holds", either, fails, holds, Met::Yes),
            ("either, undecided and failed", either, undecided, fails, Met::Undecided),
            ("either, none", either, fails, fails, Met::No),
        ];
        for (label, need, dane, pkix, expected) in rows {
            let evidence = Evidence::new(|method| match method {
                Dane => dane,
                PkixHost => pkix,
                _ => fails,
            });
            assert_eq!(need.met_by(&evidence), expected, "P1 P3 {label}");
        }
    }
}
