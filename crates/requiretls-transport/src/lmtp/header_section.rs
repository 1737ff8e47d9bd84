//! What does the header section say about TLS?
//!
//! Three fields can: `TLS-Required` of the message's author (RFC 8689 section 3), and two that a mail
//! server writes for us, a tag field of the site's own choice and Postfix's `Require-TLS-ESMTP`. The
//! first stays in the message (R8); the others are ours, and are taken out. Only the message's own
//! header section counts (R13). Whatever its size, no more than one field of interest is held.

use super::terms::{PostfixField, TagField};
use requiretls_core::mail_param::{Answer, MailParams, TagTrust};

/// Passes a message on, block by block, without the fields that are ours.
#[derive(Debug)]
pub(super) struct HeaderSection<'a> {
    tag_field: Option<&'a TagField>,
    postfix_field: PostfixField,
    mail: MailParams,
    /// A line of the section, or as much of it as is looked at.
    line: Vec<u8>,
    at_line_start: bool,
    place: Place,
    field: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    /// Before the first field, or in one that is nothing to us.
    Other,
    TlsRequired,
    Tag,
    Postfix,
    Body,
}

impl<'a> HeaderSection<'a> {
    /// `mail`: what the command has asked.
    pub(super) fn new(
        mail: MailParams,
        tag_field: Option<&'a TagField>,
        postfix_field: PostfixField,
    ) -> Self {
        Self {
            tag_field,
            postfix_field,
            mail,
            line: Vec::new(),
            at_line_start: true,
            place: Place::Other,
            field: Vec::new(),
        }
    }

    /// Appends what is left of the next block.
    pub(super) fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        let mut rest = block;
        while self.place != Place::Body {
            let room = MAX_FIELD.saturating_sub(self.line.len());
            let end = rest.iter().take(room).position(|&b| b == b'\n');
            let taken = end.map_or(room.min(rest.len()), |end| end + 1);
            let (text, behind) = rest.split_at_checked(taken).unwrap_or((rest, &[]));
            self.line.extend_from_slice(text);
            rest = behind;
            if end.is_none() && self.line.len() < MAX_FIELD {
                return;
            }
            self.line(out);
            self.at_line_start = end.is_some();
        }
        out.extend_from_slice(rest);
    }

    /// Appends what was held back, and gives what all sources together ask.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) -> MailParams {
        if self.place != Place::Body {
            self.line(out);
            self.end_field();
        }
        self.mail
    }

    /// One line, or the next piece of a long one.
    fn line(&mut self, out: &mut Vec<u8>) {
        let line = std::mem::take(&mut self.line);
        if self.at_line_start {
            let is_folded = matches!(line.first(), Some(b' ' | b'\t'));
            if matches!(line.as_slice(), b"\n" | b"\r\n") {
                self.end_field();
                self.place = Place::Body;
            } else if !is_folded && !line.is_empty() {
                self.end_field();
                self.place = self.place_of(&line);
            }
        }
        match self.place {
            Place::Other | Place::Body => out.extend_from_slice(&line),
            Place::TlsRequired => {
                out.extend_from_slice(&line);
                self.hold(&line);
            }
            Place::Tag | Place::Postfix => self.hold(&line),
        }
        self.line = line;
        self.line.clear();
        if self.place == Place::Body {
            self.line = Vec::new();
        }
    }

    /// One octet above the bound is enough to know that the field is none that can be read.
    fn hold(&mut self, line: &[u8]) {
        let room = (MAX_FIELD + 1).saturating_sub(self.field.len());
        self.field.extend(line.iter().take(room));
    }

    fn place_of(&self, line: &[u8]) -> Place {
        let Some(colon) = line.iter().position(|&b| b == b':') else {
            return Place::Other;
        };
        let name = line.get(..colon).unwrap_or_default().trim_ascii_end();
        let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
        if is("TLS-Required") {
            Place::TlsRequired
        } else if self.tag_field.is_some_and(|field| is(&field.name)) {
            Place::Tag
        } else if self.postfix_field == PostfixField::Trusted && is("Require-TLS-ESMTP") {
            Place::Postfix
        } else {
            Place::Other
        }
    }

    fn end_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        let whole = field.len() <= MAX_FIELD;
        let colon = field.iter().position(|&b| b == b':').unwrap_or_default();
        let (name, value) = field.split_at_checked(colon).unwrap_or_default();
        let value = value.get(1..).filter(|_| whole).unwrap_or(UNREADABLE);
        let _: Answer = match self.place {
            Place::Other | Place::Body => return,
            Place::TlsRequired => self.mail.header(name, value),
            Place::Tag => {
                let trust = self.tag_field.map_or(TagTrust::RaiseOnly, |f| f.trust);
                self.mail.earlier_tag(value.trim_ascii(), trust)
            }
            Place::Postfix if value.trim_ascii().eq_ignore_ascii_case(b"yes") => {
                self.mail.earlier_tag(TAG_OF_POSTFIX, TagTrust::Full)
            }
            Place::Postfix => self.mail.earlier_tag(UNREADABLE, TagTrust::Full),
        };
        self.place = Place::Other;
    }
}

/// No field that means something to us is longer, in octets with its name and folding.
const MAX_FIELD: usize = 1_000;

/// No tag of any version, and no value of `TLS-Required`.
const UNREADABLE: &[u8] = b"?";

/// What `Require-TLS-ESMTP: yes` stands for: REQUIRETLS in MAIL FROM (tag R).
const TAG_OF_POSTFIX: &[u8] = b"1.secure.onward";

#[cfg(test)]
mod tests {
    use super::{HeaderSection, MAX_FIELD};
    use crate::lmtp::terms::{PostfixField, TagField};
    use requiretls_core::mail_param::{Dialects, MailParams, TagTrust};
    use requiretls_core::tag;

    fn read(message: &[u8], size: usize, trust: TagTrust, tag: &[u8]) -> (Vec<u8>, String) {
        let mut mail = MailParams::new(Dialects::default(), true, true);
        mail.earlier_tag(tag, TagTrust::Full);
        let field = TagField {
            name: "RequireTLS-Tag".to_owned(),
            trust,
        };
        let mut section = HeaderSection::new(mail, Some(&field), PostfixField::Trusted);
        let mut out = Vec::new();
        for block in message.chunks(size.min(message.len().max(1))) {
            section.push(block, &mut out);
        }
        let mail = section.finish(&mut out);
        let asked = match mail.end() {
            Ok(requirement) => tag::word(requirement),
            Err(refusal) => refusal.code().to_string(),
        };
        (out, asked)
    }

    /// Whose field, the tag before, the message, what is asked, and what is left of the message if
    /// not all.
    type Row<'a> = (
        &'a str,
        TagTrust,
        &'a str,
        &'a str,
        &'a str,
        Option<&'a str>,
    );

    #[test]
    fn fields_that_ask() {
        let long = format!(
            "RequireTLS-Tag: {}\r\nX: y\r\n\r\n",
            "1".repeat(3 * MAX_FIELD)
        );
        let long_no = format!("TLS-Required:{}No\r\n\r\n", " ".repeat(3 * MAX_FIELD));
        let long_other = format!(
            "X:{}\r\nTLS-Required: No\r\n\r\n",
            "y".repeat(5 * MAX_FIELD)
        );
        let folds = "RequireTLS-Tag:".to_owned() + &"\r\n ".repeat(MAX_FIELD) + "1.secure\r\n\r\n";
        let (full, raise) = (TagTrust::Full, TagTrust::RaiseOnly);
        #[rustfmt::skip]
        let rows: [Row<'_>; 31] = [
            ("nothing", full, "", "Subject: x\r\n\r\nbody\r\n", "none", None),
            ("R8 the author's field stays", full, "", "TLS-Required: No\r\nX: y\r\n\r\nb\r\n", "H", None),
            ("R8 a tag overrules it", full, "1.secure.onward", "TLS-Required: No\r\n\r\n", "R", None),
            ("R11 another value", full, "", "TLS-Required: Yes\r\n\r\n", "none", None),
            ("R12 contradicting", full, "", "TLS-Required: No\r\nTLS-Required: Yes\r\n\r\n", "none", None),
            ("R13 in the body", full, "", "X: y\r\n\r\nTLS-Required: No\r\n", "none", None),
            ("R13 in the body, LF", full, "", "X: y\n\nTLS-Required: No\n", "none", None),
            ("R11 folded", full, "", "TLS-Required:\r\n No\r\nX: y\r\n\r\n", "H", None),
            ("R11 too long", full, "", &long_no, "none", None),
            ("behind a long field", full, "", &long_other, "H", None),
            ("the tag field goes", full, "", "A: b\r\nRequireTLS-Tag: 1.secure\r\nX: y\r\n\r\nbody\r\n", "LS", Some("A: b\r\nX: y\r\n\r\nbody\r\n")),
            ("first of all", full, "", "RequireTLS-Tag: 1.secure\r\n\r\n", "LS", Some("\r\n")),
            ("last, without a body", full, "", "A: b\r\nRequireTLS-Tag: 1.secure\r\n", "LS", Some("A: b\r\n")),
            ("last, without a line end", full, "", "RequireTLS-Tag: 1.secure", "LS", Some("")),
            ("any case, folded", full, "", "requiretls-TAG:\r\n\t1.secure\r\nX: y\r\n\r\n", "LS", Some("X: y\r\n\r\n")),
            ("with LF", full, "", "RequireTLS-Tag: 1.secure\nX: y\n\n", "LS", Some("X: y\n\n")),
            ("blank before the colon", full, "", "RequireTLS-Tag : 1.secure\r\n\r\n", "LS", Some("\r\n")),
            ("an empty tag", full, "1.secure", "RequireTLS-Tag:\r\n\r\n", "LS", Some("\r\n")),
            ("trusted, it lowers", full, "", "RequireTLS-Tag: 1.may\r\n\r\n", "LM", Some("\r\n")),
            ("not trusted, it does not", raise, "", "RequireTLS-Tag: 1.may\r\n\r\n", "none", Some("\r\n")),
            ("not trusted, it raises", raise, "", "RequireTLS-Tag: 1.secure.onward\r\n\r\n", "R", Some("\r\n")),
            ("twice: both count", full, "", "RequireTLS-Tag: 1.secure\r\nRequireTLS-Tag: 1.encrypt.onward\r\n\r\n", "R", Some("\r\n")),
            ("merged with the argument", full, "1.secure", "RequireTLS-Tag: 1.encrypt.onward\r\n\r\n", "R", Some("\r\n")),
            ("P6.15 unreadable", full, "", "RequireTLS-Tag: 1.high\r\n\r\n", "451", Some("\r\n")),
            ("P6.15 refused", full, "", "RequireTLS-Tag: !\r\n\r\n", "451", Some("\r\n")),
            ("P6.15 newer", full, "", "RequireTLS-Tag: 2.x\r\n\r\n", "451", Some("\r\n")),
            ("P6.15 folded within", full, "", "RequireTLS-Tag: 1.\r\n secure\r\n\r\n", "451", Some("\r\n")),
            ("P6.15 too long", full, "", &long, "451", Some("X: y\r\n\r\n")),
            ("P6.15 too much folding", full, "", &folds, "451", Some("\r\n")),
            ("R7 Postfix", full, "", "Require-TLS-ESMTP: yes\r\nX: y\r\n\r\n", "R", Some("X: y\r\n\r\n")),
            ("P6.15 Postfix, another value", full, "", "Require-TLS-ESMTP: no\r\n\r\n", "451", Some("\r\n")),
        ];
        for (label, trust, tag, message, asked, left) in rows {
            for size in [1, 7, 999, usize::MAX] {
                let (out, found) = read(message.as_bytes(), size, trust, tag.as_bytes());
                assert_eq!(found, asked, "{label}, blocks of {size}");
                let out = String::from_utf8(out).unwrap();
                assert_eq!(out, left.unwrap_or(message), "{label}, blocks of {size}");
            }
        }
    }

    #[test]
    fn without_a_name_nothing_is_taken_out() {
        let message = b"RequireTLS-Tag: 1.secure\r\nRequire-TLS-ESMTP: yes\r\n\r\n";
        let mail = MailParams::new(Dialects::default(), true, true);
        let mut section = HeaderSection::new(mail, None, PostfixField::Ignored);
        let mut out = Vec::new();
        section.push(message, &mut out);
        let mail = section.finish(&mut out);
        assert_eq!(mail.end().map(tag::write).as_deref(), Ok(""));
        assert_eq!(out, message);
    }
}
