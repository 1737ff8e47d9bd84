//! What do the MAIL FROM parameters ask for?
//!
//! One collector for all four sources of a requirement: the parameters in any order, the header
//! field, a tag from before, and the whole command line. It is a small plain value without heap,
//! so a server may keep it on its stack and leave by any way. This is the only place that knows an
//! inbound dialect: what comes out is a [`Requirement`] or a refusal.

use crate::requirement::{Downgrade, Requirement, Requiring};
use crate::tag;
use crate::tls_required::{self, TlsRequired};

mod line;
mod refusal;

pub use line::{MAX_LINE, PathCommand};
pub use refusal::{Keyword, Refusal};

/// The ways of asking that a server understands.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Dialects {
    /// RFC 8689.
    pub rfc8689: bool,
    /// draft-fenton-smtp-require-tls: REQUIRETLS with options.
    pub draft_fenton: bool,
    /// TLSPOLICY with one of three levels.
    pub tls_level: bool,
}

/// What one sender has asked so far.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MailParams {
    dialects: Dialects,
    advertise: bool,
    tls: bool,
    parameter: Option<Requirement>,
    header: TlsRequired,
    earlier: Requirement,
    refused: Option<Refusal>,
}

/// What became of one thing that was handed in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Nothing of ours.
    NotOurs,
    /// Understood and kept.
    Taken,
    /// Refused; every later answer repeats it.
    Refused(Refusal),
}

/// Who may have written an earlier tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TagTrust {
    /// The site itself: the tag counts as it stands.
    Full,
    /// Anybody: it may raise, never lower.
    RaiseOnly,
}

impl Dialects {
    /// None of them.
    pub const NONE: Self = Self {
        rfc8689: false,
        draft_fenton: false,
        tls_level: false,
    };

    /// The words of the configuration.
    pub const WORDS: [&str; 3] = ["rfc8689", "draft-fenton", "tls-level"];

    /// Switches on the dialect of this word; false when there is none of that name.
    pub fn enable(&mut self, word: &str) -> bool {
        match word {
            "rfc8689" => self.rfc8689 = true,
            "draft-fenton" => self.draft_fenton = true,
            "tls-level" => self.tls_level = true,
            _ => return false,
        }
        true
    }

    /// Whether REQUIRETLS means something here: two dialects have that word.
    #[must_use]
    pub const fn reads_requiretls(self) -> bool {
        self.rfc8689 || self.draft_fenton
    }

    fn keyword(self, name: &[u8]) -> Option<Keyword> {
        // As nearly all clients write it.
        if name == Keyword::Requiretls.as_str().as_bytes() {
            return self.reads_requiretls().then_some(Keyword::Requiretls);
        }
        if !may_begin_a_keyword(name) {
            return None;
        }
        let is_read = |keyword| match keyword {
            Keyword::Requiretls => self.reads_requiretls(),
            Keyword::TlsPolicy | Keyword::Tls => self.tls_level,
        };
        Keyword::ALL.into_iter().find(|&keyword| {
            is_read(keyword) && eq_without_rubbish(name, keyword.as_str().as_bytes())
        })
    }
}

impl Default for Dialects {
    /// RFC 8689 alone.
    fn default() -> Self {
        Self {
            rfc8689: true,
            ..Self::NONE
        }
    }
}

impl MailParams {
    /// Starts for one MAIL command. `advertise`: the server keeps tags to the next hop and says so
    /// in EHLO (R10). `tls`: the client is inside TLS, by STARTTLS or from the start (R4).
    #[must_use]
    pub const fn new(dialects: Dialects, advertise: bool, tls: bool) -> Self {
        Self {
            dialects,
            advertise,
            tls,
            parameter: None,
            header: TlsRequired::Absent,
            earlier: Requirement::None,
            refused: None,
        }
    }

    /// One MAIL FROM parameter; `None`: there was no `=`.
    pub fn param(&mut self, name: &[u8], value: Option<&[u8]>) -> Answer {
        if let Some(refusal) = self.refused {
            return Answer::Refused(refusal);
        }
        let Some(keyword) = self.dialects.keyword(name) else {
            return Answer::NotOurs;
        };
        match self.read(keyword, name, value) {
            Ok(asked) => {
                self.parameter = Some(asked);
                Answer::Taken
            }
            Err(refusal) => self.refuse(refusal),
        }
    }

    /// The whole command instead, `MAIL FROM:<path> parameters`, with or without its CRLF.
    pub fn line(&mut self, line: &[u8]) -> Answer {
        if let Some(refusal) = self.refused {
            return Answer::Refused(refusal);
        }
        let mut words = match line::behind_the_path(line) {
            Ok(words) => words,
            Err(refusal) => return self.refuse(refusal),
        };
        let mut all = Answer::NotOurs;
        while let Some(word) = words.next() {
            let word = match word {
                Ok(word) => word,
                Err(refusal) => return self.refuse(refusal),
            };
            if !may_begin_a_keyword(word) {
                continue;
            }
            let (name, value) = line::name_and_value(word);
            match self.param(name, value) {
                Answer::NotOurs => {}
                Answer::Taken => all = Answer::Taken,
                refused @ Answer::Refused(_) if words.end_well() => return refused,
                // What is no command is refused as such, whatever is wrong with its parameters.
                Answer::Refused(_) => return self.refuse(Refusal::LineMalformed),
            }
        }
        all
    }

    /// One field of the message's own header section (RFC 8689 section 3); a field whose value is
    /// not valid is not ours, and voids the others (R12).
    pub fn header(&mut self, name: &[u8], value: &[u8]) -> Answer {
        if let Some(refusal) = self.refused {
            return Answer::Refused(refusal);
        }
        let field = tls_required::judge(name, value);
        self.header = self.header.with(field);
        match field {
            tls_required::Field::No => Answer::Taken,
            tls_required::Field::Invalid | tls_required::Field::Other => Answer::NotOurs,
        }
    }

    /// A tag from before: the stricter of the two wins.
    pub fn earlier_tag(&mut self, text: &[u8], trust: TagTrust) -> Answer {
        if let Some(refusal) = self.refused {
            return Answer::Refused(refusal);
        }
        let earlier = match tag::parse(text) {
            Ok(earlier) => earlier,
            Err(error) => return self.refuse(Refusal::Tag(error)),
        };
        let lowers = earlier.is_downgrade() && trust == TagTrust::RaiseOnly;
        if lowers || earlier == Requirement::None {
            return Answer::NotOurs;
        }
        self.earlier = self.earlier.merge(earlier);
        Answer::Taken
    }

    /// The server handed in what no client can have sent: 451, for good.
    pub fn misuse(&mut self) -> Answer {
        self.refuse(self.refused.unwrap_or(Refusal::Misuse))
    }

    /// Judges everything so far. A parameter overrules the header field (R8, L12); an earlier tag
    /// is merged with what is left.
    ///
    /// # Errors
    /// The refusal, when there was one.
    pub fn end(&self) -> Result<Requirement, Refusal> {
        if let Some(refusal) = self.refused {
            return Err(refusal);
        }
        let asked = self.parameter.unwrap_or(match self.header {
            TlsRequired::No => Requirement::Downgrade(Downgrade::HeaderField),
            TlsRequired::Absent | TlsRequired::Void => Requirement::None,
        });
        // As it nearly always is.
        if self.earlier == Requirement::None {
            return Ok(asked);
        }
        Ok(asked.merge(self.earlier))
    }

    fn refuse(&mut self, refusal: Refusal) -> Answer {
        self.refused = Some(refusal);
        Answer::Refused(refusal)
    }

    /// The order of these checks does not depend on the order of the parameters.
    fn read(
        &self,
        keyword: Keyword,
        name: &[u8],
        value: Option<&[u8]>,
    ) -> Result<Requirement, Refusal> {
        if !self.advertise {
            return Err(Refusal::NotAdvertised(keyword));
        }
        if !self.tls {
            return Err(Refusal::WithoutTls(keyword));
        }
        // A name that is longer has bytes in it that no keyword has.
        let rubbish = name.len() != keyword.as_str().len();
        let printable = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_graphic);
        if rubbish || !value.is_none_or(printable) {
            return Err(Refusal::BadValue(keyword));
        }
        if self.parameter.is_some() {
            return Err(Refusal::Repeated);
        }
        let asked = match keyword {
            Keyword::Requiretls => self.requiretls(value),
            Keyword::Tls | Keyword::TlsPolicy => value.and_then(tls_policy),
        };
        asked.ok_or(Refusal::BadValue(keyword))
    }

    fn requiretls(&self, value: Option<&[u8]>) -> Option<Requirement> {
        match value {
            // With both dialects on, the bare word is the stronger one's (F12).
            None if self.dialects.rfc8689 => Some(Requirement::R),
            None => Some(Requirement::Requiring(Requiring::draft(
                false, false, false,
            ))),
            Some(list) if self.dialects.draft_fenton => draft_options(list),
            Some(_) => None,
        }
    }
}

/// A parameter on RCPT TO: ours belong to MAIL FROM alone (R2). `None`: not ours.
#[must_use]
pub fn rcpt_param(dialects: Dialects, name: &[u8]) -> Option<Refusal> {
    dialects.keyword(name).map(Refusal::OnRcpt)
}

/// Whether this is the beginning of one of ours, or of what [`eq_without_rubbish`] may take for one. Most parameters
/// are not, which costs a look at one byte.
fn may_begin_a_keyword(word: &[u8]) -> bool {
    let keyword = |b: &u8| matches!(b, b'R' | b'T' | b'r' | b't') || !b.is_ascii_graphic();
    word.first().is_some_and(keyword)
}

/// Bytes that no keyword has are left out of the comparison, so that a keyword with a NUL or an
/// 8-bit byte in it is ours to refuse, not somebody's unknown parameter.
fn eq_without_rubbish(name: &[u8], keyword: &[u8]) -> bool {
    // Only a longer name has something to leave out.
    if name.len() <= keyword.len() {
        return name.eq_ignore_ascii_case(keyword);
    }
    name.iter()
        .filter(|b| b.is_ascii_graphic())
        .map(u8::to_ascii_uppercase)
        .eq(keyword.iter().copied())
}

fn tls_policy(value: &[u8]) -> Option<Requirement> {
    if value.eq_ignore_ascii_case(b"MAY") {
        Some(Requirement::Downgrade(Downgrade::Parameter))
    } else if value.eq_ignore_ascii_case(b"ENCRYPT") {
        Some(Requirement::Requiring(Requiring::LE))
    } else if value.eq_ignore_ascii_case(b"SECURE") {
        Some(Requirement::Requiring(Requiring::LS))
    } else {
        None
    }
}

/// F3: one or more of three words, each once. The later draft's NO is not among them (F4).
fn draft_options(list: &[u8]) -> Option<Requirement> {
    let (mut chain, mut dane, mut dnssec) = (false, false, false);
    for item in list.split(|&b| b == b',') {
        let option = if item.eq_ignore_ascii_case(b"CHAIN") {
            &mut chain
        } else if item.eq_ignore_ascii_case(b"DANE") {
            &mut dane
        } else if item.eq_ignore_ascii_case(b"DNSSEC") {
            &mut dnssec
        } else {
            return None;
        };
        if std::mem::replace(option, true) {
            return None;
        }
    }
    Some(Requirement::Requiring(Requiring::draft(
        chain, dane, dnssec,
    )))
}

#[cfg(test)]
mod tests;
