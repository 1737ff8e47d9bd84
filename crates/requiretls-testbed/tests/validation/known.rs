//! Where mode `validate` differs from unbound, and why. Never in what is secure: see [`compare`].
//!
//! [`compare`]: crate::compare

/// One difference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The zone in question; empty: any.
    zone: &'static str,
    /// How the question begins; empty: any.
    question: &'static str,
    engine: &'static str,
    unbound: &'static str,
    /// What it is, and where it was reported.
    #[allow(dead_code)] // for people
    why: &'static str,
}

impl Known {
    pub(crate) fn is_about(&self, zone: &str, question: &str, engine: &str, unbound: &str) -> bool {
        (self.zone.is_empty() || self.zone == zone)
            && question.starts_with(self.question)
            && engine.starts_with(self.engine)
            && unbound.starts_with(self.unbound)
    }
}

#[rustfmt::skip]
pub(crate) const KNOWN: &[Known] = &[
    // Nobody's validation is wrong: what a validator cannot check is insecure (RFC 4035 section 5.2), and ring has no Ed448.
    Known { zone: "ed448",      question: "", engine: "insecure", unbound: "secure",   why: ED448 },
    // Nor here: RFC 9276 section 3.2 leaves both open, and ours delays mail where the other sends it without DANE.
    Known { zone: "2000-times", question: "", engine: "failure",  unbound: "insecure", why: ITERATIONS },
];

const ED448: &str =
    "https://github.com/hickory-dns/hickory-dns/issues/3678, closed: no provider has it";
const ITERATIONS: &str = "not reported: intended there and here";
