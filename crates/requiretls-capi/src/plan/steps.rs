//! Step by step: what does this connection show, and what comes next?

use super::arguments::{certificates, host_named, reply_code, reply_text, word};
use super::{Looked, change, internal, rtls_plan};
use crate::abi::{RTLS_CLOSED, RTLS_NUL, RTLS_TLS_LOST, RTLS_TLS_REJECTED, rtls_bytes};
use crate::text;
use core::ffi::{c_char, c_int};
use requiretls_core::authenticate::{Evidence, authenticate};
use requiretls_core::case::Case;
use requiretls_core::delivery::{Action, End, TlsFailure};
use requiretls_core::ehlo::{self, EhloReply};
use requiretls_core::log_line::{LogLine, Severity};
use requiretls_core::session::Session;

/// May I try this host? Ask before connecting to a name of the server's own list. The same name again is a
/// new try, for its next address: make one call per address. It leaves the host before, whatever it
/// answers.
/// host: as in the MX record, not its CNAME target; or as in rtls_plan_add_host.
/// Returns RTLS_GO: connect to it. RTLS_NEXT_HOST: not to this one. A name that the lookup did not find is
///   allowed only where nothing above level may is asked.
/// When: after rtls_plan_lookup said RTLS_GO; also after rtls_plan_done said RTLS_GO, for the recipients
///   that are left.
/// Source: RFC 8689 section 4.2.1; RFC 7672 section 2.2; RFC 8461 section 4.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_host(p: *mut rtls_plan, host: *const c_char) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and host NULL or a text.
    unsafe {
        change(p, |plan| match host_named(host) {
            Some(host) => plan.step(|delivery| delivery.host(&host)),
            None if host.is_null() || plan.looked.is_none() => plan.misuse("no host was named"),
            None => {
                plan.leave();
                plan.why = Some(internal("the name of the host cannot be read"));
                Action::NextHost
            }
        })
    }
}

/// Instead of rtls_plan_host: which host next, in the order of the MX records, without those that may not
/// be used? A host comes once for each of its addresses, the n-th time for the n-th (RTLS_GET_ADDRESS). It
/// leaves the host before, whatever it answers.
/// host, size: room for the name, in bytes; RTLS_HOST_SIZE suffices, and too little is misuse. A literal
///   comes as "[192.0.2.1]".
/// Returns RTLS_GO: host is filled, connect to it. Anything else: host is "", no host is left, and this is
///   the verdict; it is RTLS_DEFER too when nothing of ours was against the hosts.
/// When: as rtls_plan_host.
/// Source: RFC 5321 section 5.1; RFC 8689 section 4.2.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_next(
    p: *mut rtls_plan,
    host: *mut c_char,
    size: usize,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and host has size bytes.
    unsafe {
        text::write(host, size, "");
        change(p, |plan| {
            let mut name = String::new();
            let action = plan.step(|delivery| match delivery.next_host_to_try() {
                Ok(candidate) => {
                    name = candidate.host.to_string();
                    Action::Go
                }
                Err(action) => action,
            });
            if action == Action::Go && !text::write(host, size, &name) {
                return plan.misuse("there is no room for the name of the host");
            }
            action
        })
    }
}

/// Instead of the steps from EHLO on: may this message use a connection to host that is open already? What
/// was proved on it is compared with what this message needs now. It leaves the host before, whatever it
/// answers.
/// host: as for rtls_plan_host.
/// session: RTLS_GET_SESSION of the plan that made the connection, perhaps in another process.
/// Returns RTLS_GO: go on with rtls_plan_mail_params. RTLS_NEXT_HOST: not this connection; rtls_plan_host
///   may open another one. A recipient of another domain may join a transaction when a plan for that domain
///   says RTLS_GO here, and RTLS_GO with the same text to rtls_plan_mail_params.
/// When: as rtls_plan_host.
/// Source: RFC 8689 section 4.2.1: each message is judged by itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_resume(
    p: *mut rtls_plan,
    host: *const c_char,
    session: *const c_char,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, host and session NULL or texts.
    unsafe {
        change(p, |plan| {
            let session = text::bytes(session, RTLS_NUL, MAX_WORD);
            let Some(session) = session.filter(|_| plan.looked.is_some()) else {
                return plan.misuse("no open connection was named");
            };
            let session = str::from_utf8(session)
                .ok()
                .and_then(|text| Session::parse(text).ok());
            let (Some(session), Some(host)) = (session, host_named(host)) else {
                plan.leave();
                plan.why = Some(internal(
                    "the open connection's session text cannot be read",
                ));
                return Action::NextHost;
            };
            let now = plan.now();
            plan.step(|delivery| delivery.resume(&host, &session, now))
        })
    }
}

/// The reply to EHLO or LHLO. Call it again with the reply inside TLS: only that one counts then (RFC 3207
/// section 4.2).
/// reply, len: all its lines, with or without "250-", the first of them the greeting; len may be RTLS_NUL.
///   An empty text: EHLO was refused and HELO worked.
/// Returns RTLS_STARTTLS: send STARTTLS now. RTLS_GO: MAIL FROM may follow (rtls_plan_mail_params).
///   RTLS_NEXT_HOST: leave this host; inside TLS also because it must be authenticated and rtls_plan_peer
///   was not called.
/// When: after rtls_plan_host or rtls_plan_next said RTLS_GO, and after rtls_plan_tls.
/// Source: RFC 3207 sections 4.2 and 5; RFC 8689 section 4.2.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_ehlo(
    p: *mut rtls_plan,
    reply: *const c_char,
    len: usize,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and reply is as text::bytes wants it.
    unsafe {
        change(p, |plan| match text::bytes(reply, len, ehlo::MAX_REPLY) {
            Some(reply) => {
                let reply = EhloReply::parse(reply);
                plan.step(|delivery| delivery.ehlo(&reply))
            }
            None => plan.misuse("there is no reply to EHLO"),
        })
    }
}

/// STARTTLS or the handshake did not succeed; or EHLO inside TLS was answered with 4yz or not at all.
/// how: RTLS_TLS_LOST (also where the server's own settings forbid to try), RTLS_TLS_REJECTED, or the
///   3-digit reply.
/// why: for the log; may be NULL.
/// Returns RTLS_GO: stay in clear text with this host, on a new connection if the handshake had begun, and
///   call rtls_plan_ehlo again, which will not say RTLS_STARTTLS. RTLS_NEXT_HOST: leave this host.
/// When: between rtls_plan_host (or rtls_plan_next) and the rtls_plan_ehlo that says RTLS_GO.
/// Source: RFC 8689 sections 4.2.1 and 4.2.2; RFC 7672 section 2.2; RFC 8461 section 5.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_tls_failed(
    p: *mut rtls_plan,
    how: c_int,
    why: *const c_char,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and why NULL or a text.
    unsafe {
        change(p, |plan| {
            let how = match how {
                RTLS_TLS_LOST => TlsFailure::Lost,
                RTLS_TLS_REJECTED => TlsFailure::Rejected,
                _ => match reply_code(how) {
                    Some(code) => TlsFailure::Reply(code),
                    None => return plan.misuse("TLS failed in an unknown way"),
                },
            };
            if let Some(why) = text::bytes(why, RTLS_NUL, MAX_WORD) {
                let why = String::from_utf8_lossy(why);
                plan.say(Severity::Notice, format_args!("TLS failed: {why}"));
            }
            plan.step(|delivery| delivery.tls_failed(how))
        })
    }
}

/// The certificates as the peer sent them, for the library to judge. Whatever the TLS library thinks of
/// them is overruled, so switch its own check off (RFC 7672 section 3.1).
/// chain, n: leaf first, each in DER; NULL or 0: the TLS library has none (no certificate, or a resumed
///   session), and the host is unauthenticated.
/// Returns RTLS_GO: go on. RTLS_NEXT_HOST: break off.
/// When: before or after rtls_plan_tls, and before the next rtls_plan_ehlo. After is better: a TLS version
///   that is too old, which may heal, is then told before a certificate for which the message may bounce.
/// Source: RFC 8689 section 4.2.1; RFC 7672 sections 3.1 and 3.2; RFC 8461 section 4.2; RFC 6125.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_peer(
    p: *mut rtls_plan,
    chain: *const rtls_bytes,
    n: usize,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and chain NULL or an array of n.
    unsafe {
        change(p, |plan| {
            let evidence = plan.evidence(&certificates(chain, n));
            plan.step(|delivery| delivery.peer(evidence))
        })
    }
}

/// The handshake is over and TLS is up. Drop whatever the peer has said before, unread input too (RFC 3207
/// section 4.2).
/// protocol: its name, as "TLSv1.3" or "TLS1.2".
/// cipher: its name. Levels encrypt and secure need TLS 1.2 or later and a cipher that encrypts (RFC 9325);
///   NULL and unknown names do not satisfy them.
/// Returns RTLS_GO: now rtls_plan_peer, unless it was called, and EHLO. RTLS_NEXT_HOST: leave this host.
/// When: after rtls_plan_ehlo said RTLS_STARTTLS; with implicit TLS (port 465) after rtls_plan_host or
///   rtls_plan_next.
/// Source: RFC 3207 section 4.2; RFC 8689 section 4.2.1; RFC 9325 sections 3 and 4.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_tls(
    p: *mut rtls_plan,
    protocol: *const c_char,
    cipher: *const c_char,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and the texts NULL or texts.
    unsafe {
        change(p, |plan| {
            let protocol = text::bytes(protocol, RTLS_NUL, MAX_WORD);
            let cipher = text::bytes(cipher, RTLS_NUL, MAX_WORD);
            plan.step(|delivery| delivery.tls(word(protocol), word(cipher)))
        })
    }
}

/// The last gate, right before MAIL FROM: judges all steps again. So MAIL is never sent before the reply to
/// EHLO was read (no early pipelining). Call it again for each further transaction of the same tag on this
/// connection; another tag or next hop needs a plan of its own, and rtls_plan_resume.
/// buf, size: room, in bytes, for what to append to MAIL FROM, "" or " REQUIRETLS", with its blank;
///   RTLS_PARAMS_SIZE suffices, and too little is misuse.
/// Returns RTLS_GO: send MAIL. Anything else: buf is "", send nothing; RTLS_DEFER when the facts have
///   expired meanwhile.
/// When: after rtls_plan_ehlo or rtls_plan_resume said RTLS_GO, or rtls_plan_mail_reply said RTLS_AGAIN.
/// Source: RFC 8689 section 4.2.1.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_mail_params(
    p: *mut rtls_plan,
    buf: *mut c_char,
    size: usize,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and buf has size bytes.
    unsafe {
        text::write(buf, size, "");
        change(p, |plan| {
            let now = plan.now();
            let listening = plan.log.is_some();
            let mut cleared = None;
            let action = plan.step(|delivery| match delivery.mail_params(now) {
                Ok(clearance) => {
                    let told = listening.then(|| {
                        let line = LogLine::cleared(delivery, &clearance);
                        (line, Case::of_message(delivery))
                    });
                    cleared = Some((clearance.mail_params(), told));
                    Action::Go
                }
                Err(action) => action,
            });
            let Some((parameters, told)) = cleared else {
                return action;
            };
            if !text::write(buf, size, parameters) {
                return plan.misuse("there is no room for the MAIL FROM parameters");
            }
            if let (Some(log), Some((line, case))) = (&plan.log, told) {
                log.decision(&line);
                log.case(case);
            }
            action
        })
    }
}

/// The reply to MAIL FROM, or to the first RCPT TO where that is 530.
/// code: its 3 digits.
/// text: what follows them, or all lines of the reply; may be NULL.
/// Returns RTLS_GO: accepted, or refused for reasons that are the server's own to judge. RTLS_NEXT_HOST:
///   refused because of our parameter, or 530 in clear text under a tag that lowers. RTLS_AGAIN, once: send
///   RSET, ask rtls_plan_mail_params again, and send MAIL again.
/// When: after rtls_plan_mail_params and the command.
/// Source: RFC 8689 sections 4.2.1 and 4.2.2.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_mail_reply(
    p: *mut rtls_plan,
    code: c_int,
    text: *const c_char,
) -> c_int {
    // SAFETY: by the header p is NULL or ours alone, and text NULL or a text.
    unsafe {
        change(p, |plan| {
            let Some(code) = reply_code(code) else {
                return plan.misuse("a reply to MAIL without a code");
            };
            let text = text::bytes(text, RTLS_NUL, MAX_REPLY_TEXT).unwrap_or_default();
            let text = reply_text(code, &String::from_utf8_lossy(text));
            plan.step(|delivery| delivery.mail_reply(code, &text))
        })
    }
}

/// This host is over. Never waits. A host that is left in another way, by rtls_plan_host, _next, _resume,
/// _lookup or _free, counts as lost.
/// code: of the last reply about this message; 0: the connection failed or was lost (221 and 421 count as
///   0); or RTLS_CLOSED.
/// peer_ip, local_ip: the connection's addresses, for a report under RFC 8460; may be NULL. This version
///   does not report.
/// Returns RTLS_GO: settled, that is 2yz or 5yz after rtls_plan_mail_params, or RTLS_CLOSED once MAIL FROM
///   might follow; the same again when repeated. RTLS_NEXT_HOST: try another host. RTLS_DEFER, and an error
///   in the log: 2yz without RTLS_GO from rtls_plan_mail_params, so a message was sent that was not to be
///   sent.
/// When: after rtls_plan_lookup, for each host that was tried.
/// Source: RFC 8689 section 4.2.1: each host of the list is tried before the message is given up.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rtls_plan_done(
    p: *mut rtls_plan,
    code: c_int,
    peer_ip: *const c_char,
    local_ip: *const c_char,
) -> c_int {
    let _ = (peer_ip, local_ip);
    // SAFETY: by the header p is NULL or ours alone.
    unsafe {
        change(p, |plan| {
            let end = match code {
                RTLS_CLOSED => End::Closed,
                0 => End::Lost,
                _ => match reply_code(code) {
                    Some(code) => End::Reply(code),
                    None => return plan.misuse("a host ended in an unknown way"),
                },
            };
            let action = plan.step(|delivery| delivery.done(end));
            if action == Action::Defer && matches!(end, End::Reply(200..=299)) {
                let text = format_args!("breach: a message was sent that was not to be sent");
                plan.say(Severity::Error, text);
            }
            action
        })
    }
}

/// Names of protocols, ciphers and sessions are shorter.
const MAX_WORD: usize = 512;

/// RFC 5321 section 4.5.3.1.5 has 512 octets for a reply line; several lines may be joined.
const MAX_REPLY_TEXT: usize = 4_096;

impl rtls_plan {
    /// Seconds since 1970. Without a clock nothing that expires is believed any more.
    pub(super) fn now(&self) -> u64 {
        self.shared
            .as_ref()
            .and_then(|shared| shared.discovery.clock().now().ok())
            .unwrap_or(u64::MAX)
    }

    fn evidence(&self, chain: &[&[u8]]) -> Evidence {
        let (Some(shared), Some(Looked { delivery, site })) = (&self.shared, &self.looked) else {
            return Evidence::not_supplied();
        };
        let reference = delivery
            .current()
            .and_then(|candidate| delivery.plan().reference(candidate, site.clone()));
        // A clock that was never set is a time at which nothing with dates is believed (row 12a).
        let now = shared.discovery.clock().now().unwrap_or(0);
        match reference {
            Some(reference) if !chain.is_empty() => {
                authenticate(&reference, chain, &shared.discovery.roots().roots(), now)
            }
            _ => Evidence::not_supplied(),
        }
    }
}
