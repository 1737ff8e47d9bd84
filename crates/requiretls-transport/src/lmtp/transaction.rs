//! What do MAIL and RCPT ask?
//!
//! Our own parameters are core's to read; of the others SIZE is looked at, and those of 8BITMIME,
//! SMTPUTF8 and DSN are kept for the next hop. One that was not offered is refused (RFC 5321
//! section 4.1.1.11): a parameter that is read over is a wish that is lost.

use super::command::refused;
use super::terms::Terms;
use crate::envelope::{Body, Envelope, EnvelopeRecipient, Ret, Value};
use crate::path::Path;
use requiretls_core::mail_param::{Answer, MailParams, PathCommand, Refusal, TagTrust, rcpt_param};
use requiretls_core::reply::{Enhanced, Reply};

/// One message on its way in.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// What is asked so far.
    pub(super) mail: MailParams,
    /// From whom, and to whom so far.
    pub(super) envelope: Envelope,
}

impl Transaction {
    /// Reads MAIL; `tls`: the client is inside TLS, or counts so.
    ///
    /// # Errors
    /// The reply that refuses it.
    pub(super) fn begin(
        command: &PathCommand<'_>,
        terms: &Terms,
        tls: bool,
    ) -> Result<Self, Reply> {
        let mut mail = MailParams::new(terms.dialects, terms.advertise, tls);
        if let Some(tag) = &terms.tag {
            mail.earlier_tag(tag.as_bytes(), TagTrust::Full);
        }
        let mut asked = Asked::default();
        for (name, value) in command.parameters() {
            if mail.param(name, value) == Answer::NotOurs {
                asked.mail(name, value, terms)?;
            }
        }
        mail.end().map_err(Refusal::reply)?;
        let return_path = path(command.path, asked.smtp_utf8)?;
        Ok(Self {
            mail,
            envelope: Envelope {
                return_path,
                body: asked.body.unwrap_or_default(),
                smtp_utf8: asked.smtp_utf8,
                ret: asked.ret,
                envid: asked.envid,
                recipients: Vec::new(),
            },
        })
    }

    /// Reads RCPT.
    ///
    /// # Errors
    /// The reply that refuses it.
    pub(super) fn recipient(
        &mut self,
        command: &PathCommand<'_>,
        terms: &Terms,
    ) -> Result<(), Reply> {
        if self.envelope.recipients.len() >= terms.limits.recipients {
            return Err(Reply::new(452, Enhanced(4, 5, 3), "too many recipients"));
        }
        let path = path(command.path, self.envelope.smtp_utf8)?;
        if path.is_null() {
            return Err(Reply::new(501, Enhanced(5, 1, 3), "RCPT needs an address"));
        }
        if terms.route.is_none() && path.domain().is_none() {
            let text = format!("{path}: an address without a domain leads nowhere from here");
            return Err(Reply::new(550, Enhanced(5, 1, 3), text));
        }
        let mut recipient = EnvelopeRecipient::from(path);
        for (name, value) in command.parameters() {
            if let Some(refusal) = rcpt_param(terms.dialects, name) {
                return Err(refusal.reply());
            }
            rcpt_parameter(&mut recipient, name, value)?;
        }
        self.envelope.recipients.push(recipient);
        Ok(())
    }
}

/// The parameters of MAIL that are not ours, each at most once.
#[derive(Debug, Default)]
struct Asked {
    body: Option<Body>,
    envid: Option<Value>,
    ret: Option<Ret>,
    size: Option<u64>,
    smtp_utf8: bool,
}

impl Asked {
    fn mail(&mut self, name: &[u8], value: Option<&[u8]>, terms: &Terms) -> Result<(), Reply> {
        match name.to_ascii_uppercase().as_slice() {
            b"BODY" => {
                let body = match value.map(<[u8]>::to_ascii_uppercase).as_deref() {
                    Some(b"7BIT") => Body::SevenBit,
                    Some(b"8BITMIME") => Body::EightBitMime,
                    _ => return Err(bad_value("BODY")),
                };
                once(&mut self.body, body, "BODY")
            }
            b"ENVID" => {
                let value = text(value, "ENVID")?;
                let value = Some(value).filter(|value| value.as_str().len() <= MAX_ENVID);
                once(
                    &mut self.envid,
                    value.ok_or_else(|| bad_value("ENVID"))?,
                    "ENVID",
                )
            }
            b"RET" => {
                let ret = match value.map(<[u8]>::to_ascii_uppercase).as_deref() {
                    Some(b"FULL") => Ret::Full,
                    Some(b"HDRS") => Ret::Hdrs,
                    _ => return Err(bad_value("RET")),
                };
                once(&mut self.ret, ret, "RET")
            }
            b"SIZE" => {
                let size = value.and_then(size).ok_or_else(|| bad_value("SIZE"))?;
                if terms.limits.message_size.is_some_and(|limit| size > limit) {
                    return Err(too_large());
                }
                once(&mut self.size, size, "SIZE")
            }
            b"SMTPUTF8" if value.is_none() && !self.smtp_utf8 => {
                self.smtp_utf8 = true;
                Ok(())
            }
            b"SMTPUTF8" => Err(bad_value("SMTPUTF8")),
            _ => Err(refused(555, 4, "unknown parameter of MAIL")),
        }
    }
}

/// RFC 1870: the message is larger than what is taken.
pub(super) fn too_large() -> Reply {
    Reply::new(
        552,
        Enhanced(5, 3, 4),
        "the message is larger than is taken here",
    )
}

/// RFC 3461 section 4.4.
const MAX_ENVID: usize = 100;

fn rcpt_parameter(
    recipient: &mut EnvelopeRecipient,
    name: &[u8],
    value: Option<&[u8]>,
) -> Result<(), Reply> {
    match name.to_ascii_uppercase().as_slice() {
        b"NOTIFY" => {
            let value = text(value, "NOTIFY")?;
            if !is_notify(value.as_str()) {
                return Err(bad_value("NOTIFY"));
            }
            once(&mut recipient.notify, value, "NOTIFY")
        }
        b"ORCPT" => {
            let value = text(value, "ORCPT")?;
            let (kind, address) = value.as_str().split_once(';').unwrap_or_default();
            if kind.is_empty() || address.is_empty() {
                return Err(bad_value("ORCPT"));
            }
            once(&mut recipient.orcpt, value, "ORCPT")
        }
        _ => Err(refused(555, 4, "unknown parameter of RCPT")),
    }
}

/// NEVER alone, or some of the others (RFC 3461 section 4.1).
fn is_notify(value: &str) -> bool {
    let is = |word: &str, other: &str| word.eq_ignore_ascii_case(other);
    let when = ["SUCCESS", "FAILURE", "DELAY"];
    is(value, "NEVER")
        || value
            .split(',')
            .all(|word| when.iter().any(|w| is(word, w)))
}

fn path(path: &[u8], smtp_utf8: bool) -> Result<Path, Reply> {
    let bad = |what: &str| Reply::new(501, Enhanced(5, 1, 7), what);
    let text = std::str::from_utf8(path).map_err(|_| bad("an address that is not UTF-8"))?;
    let path = Path::parse(text).map_err(|error| bad(&error.to_string()))?;
    if !smtp_utf8 && !path.is_ascii() {
        // RFC 6531 section 3.5.
        let what = "an address with 8-bit characters needs SMTPUTF8";
        return Err(Reply::new(553, Enhanced(5, 6, 7), what));
    }
    Ok(path)
}

fn size(value: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(value).ok()?;
    let is_number = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    // RFC 1870: at most 20 digits.
    (is_number && digits.len() <= 20).then(|| digits.parse().unwrap_or(u64::MAX))
}

fn text(value: Option<&[u8]>, name: &str) -> Result<Value, Reply> {
    value
        .and_then(|value| std::str::from_utf8(value).ok())
        .and_then(|value| Value::parse(value).ok())
        .ok_or_else(|| bad_value(name))
}

fn once<T>(place: &mut Option<T>, value: T, name: &str) -> Result<(), Reply> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(refused(501, 4, &format!("{name} is there twice"))),
    }
}

fn bad_value(name: &str) -> Reply {
    refused(501, 4, &format!("{name} with a value that is not allowed"))
}
