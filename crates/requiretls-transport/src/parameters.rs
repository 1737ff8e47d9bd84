//! What do MAIL and RCPT say beside the addresses, and what can not be said here at all?
//!
//! P4's parameter stands first. The others are passed on where the peer offers their extension:
//! BODY, SIZE, SMTPUTF8, and those of DSN. No part of a message is rewritten, since that would break
//! signatures: one that needs an extension which the peer lacks is refused here, before anything of it
//! is sent. So is 8BITMIME, where MAIL asked for it and the content has octets above 127 (RFC 6152
//! section 3).
//!
//! Such octets that nobody declared are no reason to refuse. Exim hands mail over as its users wrote it,
//! has always sent it so, and hosts have long been clean for 8 bits whatever they offer: mail that
//! arrived before must not come back because its TLS is looked after. A host that does mind says so, and
//! its word goes to the sender.

use crate::envelope::{Body, EnvelopeRecipient, Ret};
use crate::extensions::{Extensions, Size};
use crate::judge::Gate;
use crate::message::Message;
use requiretls_core::dsn;
use requiretls_core::next_hop::Host;
use requiretls_core::reply::{Enhanced, Reply};
use requiretls_core::requirement::Requirement;
use std::fmt::Write;

/// Why the message as a whole cannot go over a connection with these extensions, in a reply for all
/// of its recipients.
pub(crate) fn unfit(message: &Message, host: &Host, offered: Extensions) -> Option<Reply> {
    let (envelope, content) = (&message.envelope, &message.content);
    let refuse =
        |code, detail, text: String| Some(Reply::new(code, detail, format!("{host}: {text}")));
    if let Some(Size::Limit(limit)) = offered.size
        && content.sent_len() > limit
    {
        let text = format!(
            "the message has {} octets, and it takes {limit}",
            content.sent_len()
        );
        return refuse(552, Enhanced(5, 3, 4), text);
    }
    let utf8 = !envelope.return_path.is_ascii() || envelope.smtp_utf8 && content.is_8bit_header();
    if utf8 && !offered.smtp_utf8 {
        let text = "it does not offer SMTPUTF8, which the message needs".to_owned();
        return refuse(550, Enhanced(5, 6, 7), text);
    }
    let declared = envelope.body == Body::EightBitMime && content.is_8bit();
    if declared && !offered.eight_bit {
        let text = "it does not offer 8BITMIME, which the message needs".to_owned();
        return refuse(550, Enhanced(5, 6, 3), text);
    }
    None
}

/// Why one recipient cannot be named to a peer with these extensions.
pub(crate) fn unfit_recipient(
    recipient: &EnvelopeRecipient,
    host: &Host,
    offered: Extensions,
) -> Option<Reply> {
    (!recipient.path.is_ascii() && !offered.smtp_utf8).then(|| {
        let text = format!("{host}: it does not offer SMTPUTF8, which the address needs");
        Reply::new(550, Enhanced(5, 6, 7), text)
    })
}

/// What the policy has MAIL go with, without the blank before it.
pub(crate) fn of_policy(gate: Gate) -> String {
    let ret = if gate.ret_hdrs { " RET=HDRS" } else { "" };
    format!("{}{ret}", gate.parameter).trim_start().to_owned()
}

/// What stands behind `MAIL FROM:<…>`, with the blank before it.
pub(crate) fn of_mail(
    message: &Message,
    requirement: Requirement,
    gate: Gate,
    offered: Extensions,
) -> String {
    let (envelope, content) = (&message.envelope, &message.content);
    let mut all = gate.parameter.to_owned();
    let mut add = |parameter: std::fmt::Arguments<'_>| {
        let _ = write!(all, " {parameter}");
    };
    if let Some(ret) = ret(envelope.ret, requirement, gate, offered) {
        add(format_args!("RET={}", ret.as_str()));
    }
    if let Some(envid) = envelope.envid.as_ref().filter(|_| offered.dsn) {
        add(format_args!("ENVID={envid}"));
    }
    if offered.size.is_some() {
        add(format_args!("SIZE={}", content.sent_len()));
    }
    // What was declared 8-bit and is not needs no 8BITMIME.
    let eight_bit = content.is_8bit() || envelope.body == Body::EightBitMime;
    if eight_bit && offered.eight_bit {
        add(format_args!("BODY=8BITMIME"));
    }
    let utf8 = envelope.smtp_utf8 || needs_utf8(message);
    if utf8 && offered.smtp_utf8 {
        add(format_args!("SMTPUTF8"));
    }
    all
}

/// What stands behind `RCPT TO:<…>`, with the blank before it.
pub(crate) fn of_rcpt(recipient: &EnvelopeRecipient, offered: Extensions) -> String {
    let mut all = String::new();
    if !offered.dsn {
        return all;
    }
    if let Some(notify) = &recipient.notify {
        let _ = write!(all, " NOTIFY={notify}");
    }
    // One in UTF-8 can only be said beside SMTPUTF8 (RFC 6533 section 3).
    let orcpt = recipient.orcpt.as_ref();
    if let Some(orcpt) = orcpt.filter(|o| offered.smtp_utf8 || o.as_str().is_ascii()) {
        let _ = write!(all, " ORCPT={orcpt}");
    }
    all
}

/// R28: where a tag requires, RET=FULL is disregarded. Core says where HDRS is to be said although
/// nobody asked (P4); elsewhere it is the sender's own word, cut down.
fn ret(
    asked: Option<Ret>,
    requirement: Requirement,
    gate: Gate,
    offered: Extensions,
) -> Option<Ret> {
    if gate.ret_hdrs {
        return Some(Ret::Hdrs);
    }
    let headers_only = dsn::rules(requirement).ret.is_some();
    asked
        .filter(|_| offered.dsn)
        .map(|asked| if headers_only { Ret::Hdrs } else { asked })
}

/// Whether a line of the envelope has characters beyond ASCII.
fn needs_utf8(message: &Message) -> bool {
    let envelope = &message.envelope;
    let is_ascii = |recipient: &EnvelopeRecipient| {
        let orcpt = recipient.orcpt.as_ref();
        recipient.path.is_ascii() && orcpt.is_none_or(|orcpt| orcpt.as_str().is_ascii())
    };
    !envelope.return_path.is_ascii() || !envelope.recipients.iter().all(is_ascii)
}
