//! Can this name server tell us what DNSSEC says?
//!
//! One that cannot makes every signed domain look unsigned or, where answers are validated here,
//! forged: neither is so, and both would be said of each domain by itself. So every server is asked
//! about names whose status is known, beside the first questions of a lookup and as those are asked:
//! the SOA record of names that are signed, once for the AD bit and once with DO and CD for the
//! signatures, and of names that are not signed. Names that are bogus by intent are asked for by
//! [`examine`](super::Resolver::examine) alone: that such a name is still there and still bogus is for a person to
//! judge.
//!
//! | to signed names | to unsigned names | [`Ad`] | in mode `ad` |
//! | --- | --- | --- | --- |
//! | AD for at least one | no records with AD | `Right` | AD is secure, no AD is insecure |
//! | AD for at least one | records with AD | `Always` | nothing counts |
//! | all answered, none with AD | | `Never` | nothing counts |
//! | no AD, and one was not answered | | `Silent`, `Refuses`, `Fails` | AD is secure, no AD is unknown |
//!
//! | to signed names, asked with DO and CD | [`Signatures`] | in mode `validate` |
//! | --- | --- | --- |
//! | signatures for at least one | `Passes` | as validated |
//! | all answered, none signed, DO comes back | `Strips` | nothing counts; after a `Passes`, as validated |
//! | all answered, none signed, DO does not come back | `DropsDo` | nothing counts; after a `Passes`, as validated |
//! | none signed, and one was not answered | `Silent`, `Refuses`, `Fails` | as validated |
//!
//! *Nothing counts* means that the status of every answer is unknown (P2a, V), never that a domain
//! is bogus; it is logged. A single name proves nothing, since a resolver may have a zone of its own
//! in its place. No answer proves nothing either: whoever can suppress the test must not switch off
//! DANE with it, so that AD still counts then, and what comes without is neither insecure nor
//! secure. What is validated here and comes out bogus stays bogus then.
//!
//! Whoever holds the path to a server that mode `validate` asks can pose as a server that strips.
//! That a site has no resolver that can do DNSSEC (P2a, V; field report 22) is a fact about the site,
//! and lasts; a server through which signatures came a day ago is not such a one. So for
//! [`WITHHELD`] after a test that it passed, a server that strips is not believed to be unable: what
//! comes without signatures is bogus, as it is to every validator (D1), and mail waits. On such a path
//! this gives nobody a new power to delay mail: whoever can take signatures out of an answer can also
//! suppress it. When the server has really become another, the time is shorter than any queue's life
//! (RFC 5321 section 4.5.4.1: four to five days), so that a false alarm delays mail and never bounces
//! it; and a site that will not have it so long leaves mode `validate`, which such a server is no good
//! for. Without a test that was passed, at the first use or after three days of it, such a server is
//! believed: untagged mail then goes without DANE, and mail whose tag needs DNSSEC waits. Mode `ad`
//! trusts its path, and needs none of this.
//!
//! Of several servers those that are found wanting are passed over while there is another, since an
//! answer of theirs would say "not signed" in the place of one that fails: their answers fail as if
//! the others had been asked alone (P2a, E).

mod conduct;
mod kept;

use super::flight::{Form, Outcome};
use hickory_resolver::proto::op::{Message, Query};
use hickory_resolver::proto::rr::{Name, RecordType};
pub(super) use kept::SelfTest;
use requiretls_core::facts::LookupCause;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

/// What is known of a server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Finding {
    /// What its AD bit means.
    pub ad: Ad,
    /// Whether signatures come through it.
    pub signatures: Signatures,
}

/// What the tests of one server have found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Tested {
    /// When it was tested last, in seconds since 1970.
    pub at: u64,
    /// What was found then.
    pub finding: Finding,
    /// When signatures last came through it.
    pub passed: Option<u64>,
}

/// What a server's AD bit means.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Ad {
    /// It is set for signed names, and not for others: the server validates.
    Right,
    /// It is set for unsigned names too.
    Always,
    /// It is set for no signed name: the server does not validate.
    Never,
    /// Not known: a question was not answered.
    Silent,
    /// Not known: a question was refused.
    Refuses,
    /// Not known: the server failed.
    Fails,
}

/// Whether signatures come through a server.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Signatures {
    /// They do.
    Passes,
    /// They do not, though the server says that it has understood.
    Strips,
    /// They do not, since the server does not know DO, or EDNS.
    DropsDo,
    /// Not known: a question was not answered.
    Silent,
    /// Not known: a question was refused.
    Refuses,
    /// Not known: the server failed.
    Fails,
}

/// What a server says of a name that is bogus by intent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BogusName {
    /// It fails, but not when the server is told not to validate.
    Held,
    /// It is answered: the server does not validate, or makes an exception.
    LetThrough,
    /// No answer at all, with or without validation: the name shows nothing.
    Unclear,
}

/// What a thorough test of one server has found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Examination {
    /// Whom it was about.
    pub server: SocketAddr,
    /// What it is good for.
    pub finding: Finding,
    /// `None`: no such name is configured.
    pub bogus: Option<BogusName>,
}

/// A name for the test; unlike a domain, it may be the root.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProbeName(Name);

/// The names that servers are tested with. Without signed ones there is no test, and the site's
/// word on a server counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProbeNames {
    /// Zones that are signed.
    pub signed: Vec<ProbeName>,
    /// Zones that are not, proven by the zone above.
    pub unsigned: Vec<ProbeName>,
    /// Names with signatures that do not hold, for a thorough test.
    pub bogus: Vec<ProbeName>,
}

/// For how many seconds after a test that a server has passed it is not believed that it strips.
pub const WITHHELD: u64 = 3 * 86_400;

/// What one server's answers count for; the worse, the greater.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Standing {
    /// All that it says of DNSSEC.
    Proven,
    /// What it vouches for.
    Unproven,
    /// What is validated, though signatures are withheld now that came through it lately.
    Withholding,
    /// Nothing, of DNSSEC.
    Worthless,
}

/// One question of a test.
#[derive(Clone, Debug)]
pub(super) struct Probe {
    /// The place of the server.
    pub(super) place: usize,
    pub(super) about: About,
    pub(super) form: Form,
    pub(super) question: Query,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum About {
    Signed,
    Unsigned,
    Bogus,
}

impl Finding {
    /// `passed`: it has passed a test lately.
    pub(super) fn standing(self, validates: bool, passed: bool) -> Standing {
        if validates {
            match self.signatures {
                Signatures::Passes => Standing::Proven,
                Signatures::Strips | Signatures::DropsDo if passed => Standing::Withholding,
                Signatures::Strips | Signatures::DropsDo => Standing::Worthless,
                _ => Standing::Unproven,
            }
        } else {
            match self.ad {
                Ad::Right => Standing::Proven,
                Ad::Always | Ad::Never => Standing::Worthless,
                _ => Standing::Unproven,
            }
        }
    }

    /// Whether both halves are known, one way or the other.
    #[must_use]
    pub fn is_clear(self) -> bool {
        let ad = matches!(self.ad, Ad::Right | Ad::Always | Ad::Never);
        ad && matches!(
            self.signatures,
            Signatures::Passes | Signatures::Strips | Signatures::DropsDo
        )
    }

    /// By what came back.
    fn of(told: &[(Probe, Outcome)]) -> Self {
        let all = |about, form| {
            let probes = told
                .iter()
                .filter(move |(probe, _)| probe.about == about && probe.form == form);
            probes.map(|(_, outcome)| outcome)
        };
        let signed: Vec<&Outcome> = all(About::Signed, Form::Believing).collect();
        let sets_ad =
            |outcome: &&Outcome| matches!(outcome, Ok(message) if message.metadata.authentic_data);
        let ad = if signed.iter().any(sets_ad) {
            let mut unsigned = all(About::Unsigned, Form::Believing);
            // A denial may well be secure: then there is no such name where we are.
            let always = unsigned.any(|outcome| {
                matches!(outcome, Ok(message)
                    if message.metadata.authentic_data && !message.answers.is_empty())
            });
            if always { Ad::Always } else { Ad::Right }
        } else {
            match failure(&signed) {
                None => Ad::Never,
                Some(LookupCause::Refused) => Ad::Refuses,
                Some(LookupCause::ServFail | LookupCause::Bogus) => Ad::Fails,
                Some(_) => Ad::Silent,
            }
        };
        let carried: Vec<&Outcome> = all(About::Signed, Form::Carrying).collect();
        let answered = || carried.iter().filter_map(|outcome| outcome.as_ref().ok());
        let signatures = if answered().any(is_signed) {
            Signatures::Passes
        } else {
            match failure(&carried) {
                None if answered().any(knows_do) => Signatures::Strips,
                None => Signatures::DropsDo,
                Some(LookupCause::Refused) => Signatures::Refuses,
                Some(LookupCause::ServFail | LookupCause::Bogus) => Signatures::Fails,
                Some(_) => Signatures::Silent,
            }
        };
        Self { ad, signatures }
    }
}

/// The first failure; nothing that was asked is one too.
fn failure(outcomes: &[&Outcome]) -> Option<LookupCause> {
    if outcomes.is_empty() {
        return Some(LookupCause::Timeout);
    }
    outcomes
        .iter()
        .find_map(|outcome| outcome.as_ref().err().copied())
}

fn is_signed(message: &Message) -> bool {
    let mut records = message.answers.iter().chain(&message.authorities);
    records.any(|record| record.record_type() == RecordType::RRSIG)
}

fn knows_do(message: &Message) -> bool {
    let edns = message.edns.as_ref();
    edns.is_some_and(|edns| edns.flags().dnssec_ok)
}

impl BogusName {
    fn of(told: &[(Probe, Outcome)]) -> Option<Self> {
        let answers = |form| {
            let mut probes = told.iter();
            probes.any(|(probe, outcome)| {
                probe.about == About::Bogus && probe.form == form && outcome.is_ok()
            })
        };
        told.iter().find(|(probe, _)| probe.about == About::Bogus)?;
        Some(if answers(Form::Believing) {
            Self::LetThrough
        } else if answers(Form::Carrying) {
            Self::Held
        } else {
            Self::Unclear
        })
    }
}

impl ProbeNames {
    fn probes(&self, place: usize, thorough: bool) -> Vec<Probe> {
        let both: &[Form] = &[Form::Believing, Form::Carrying];
        let bogus: &[ProbeName] = if thorough { &self.bogus } else { &[] };
        let all = [
            (About::Signed, self.signed.as_slice(), both),
            (About::Unsigned, &self.unsigned, &[Form::Believing]),
            (About::Bogus, bogus, both),
        ];
        let mut probes = Vec::new();
        for (about, names, forms) in all {
            let kind = match about {
                About::Bogus => RecordType::A,
                About::Signed | About::Unsigned => RecordType::SOA,
            };
            for name in names {
                let question = Query::query(name.0.clone(), kind);
                probes.extend(forms.iter().map(|&form| Probe {
                    place,
                    about,
                    form,
                    question: question.clone(),
                }));
            }
        }
        probes
    }
}

impl Default for ProbeNames {
    /// The root and a zone below it; RFC 8375 section 7 has the delegation of home.arpa unsigned.
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().filter_map(|n| n.parse().ok()).collect();
        Self {
            signed: names(&[".", "com"]),
            unsigned: names(&["home.arpa"]),
            bogus: names(&["dnssec-failed.org"]),
        }
    }
}

impl FromStr for ProbeName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut name = Name::from_ascii(text).map_err(|e| format!("{text:?} is no name: {e}"))?;
        if text.is_empty() {
            return Err("an empty text is no name; the root is \".\"".to_owned());
        }
        name.set_fqdn(true);
        Ok(Self(name))
    }
}

impl fmt::Display for ProbeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_ascii())
    }
}

/// One clause about the server.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.ad, self.signatures) {
            (Ad::Silent, Signatures::Silent) => "it answers nothing",
            (Ad::Refuses, _) => "it refuses to answer",
            (Ad::Fails, Signatures::Passes) => {
                "it finds names bogus that are not: its clock or its trust anchor may be wrong"
            }
            (Ad::Fails, _) => "it fails to answer",
            (Ad::Silent, _) => "it does not answer every question",
            (Ad::Always, _) => "it sets AD for unsigned names too: its AD bit means nothing",
            (Ad::Right, Signatures::Passes) => "it validates",
            (Ad::Right, Signatures::Strips) => "it validates, but strips signatures",
            (Ad::Right, Signatures::DropsDo) => "it validates, but drops DO",
            (Ad::Right, _) => "it validates, but does not answer every question asked with DO",
            (Ad::Never, Signatures::Passes) => "it does not validate, but passes signatures on",
            (Ad::Never, Signatures::Strips) => "it does not validate, and strips signatures",
            (Ad::Never, Signatures::DropsDo) => "it does not validate, and drops DO",
            (Ad::Never, _) => {
                "it does not validate, and does not answer every question asked with DO"
            }
        })
    }
}
