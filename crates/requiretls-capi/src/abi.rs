//! Which numbers and layouts does a C program see?
//!
//! Frozen: a number keeps its meaning for ever, a layout never changes. Zero and NULL hold the mail.

use core::ffi::{c_char, c_int, c_uchar, c_uint, c_void};

/// Keep the message and try later: nothing else can be done now.
pub const RTLS_DEFER: c_int = 0;
/// Go on.
pub const RTLS_GO: c_int = 1;
/// Not with this host or connection: QUIT, try the next host.
pub const RTLS_NEXT_HOST: c_int = 2;
/// Return the message to its sender: no host can help, and the cause is certain.
pub const RTLS_BOUNCE: c_int = 3;
/// rtls_plan_ehlo only: send STARTTLS now.
pub const RTLS_STARTTLS: c_int = 4;
/// rtls_plan_mail_reply only: send RSET, ask rtls_plan_mail_params again, send MAIL again.
pub const RTLS_AGAIN: c_int = 5;

/// Inbound: leave it to the server's own table, which refuses what it does not know (555 5.5.4).
pub const RTLS_NOT_OURS: c_int = 0;
/// Inbound: understood and kept.
pub const RTLS_TAKEN: c_int = 1;
/// Inbound: answer the client with the reply in rtls_mail; every later call on it repeats it.
pub const RTLS_REFUSED: c_int = -1;

/// rtls_mail_begin, rtls_ehlo_keyword: the client is inside TLS, by STARTTLS or on port 465. Flags are
/// added up; a bit that the call does not know is misuse.
pub const RTLS_F_TLS: c_uint = 1;
/// rtls_mail_tag: anybody may have written this tag; it may raise what is asked, never lower it.
pub const RTLS_F_RAISE_ONLY: c_uint = 2;
/// rtls_plan_new: the message has an empty return path (RFC 8689 section 5). Not for a callout that probes
/// with an empty path on behalf of another message.
pub const RTLS_F_NULL_PATH: c_uint = 4;
/// rtls_plan_new: the next hop speaks LMTP. The same rules hold for it (RFC 8689 section 2); in this
/// version the flag changes nothing.
pub const RTLS_F_LMTP: c_uint = 8;
/// rtls_plan_new: AUTH will be sent to this next hop, so never in clear text.
pub const RTLS_F_AUTH: c_uint = 16;

/// Bytes that always suffice for a tag, its NUL included.
pub const RTLS_TAG_SIZE: usize = 65;
/// Bytes that always suffice for our MAIL FROM parameters.
pub const RTLS_PARAMS_SIZE: usize = 64;
/// Bytes that always suffice for a host name.
pub const RTLS_HOST_SIZE: usize = 256;
/// Bytes that always suffice for RTLS_GET_SESSION, a text without a blank that fits an argument or an
/// environment variable. Trust it as your own memory: keep it where no other user can write.
pub const RTLS_SESSION_SIZE: usize = 256;

/// rtls_mail_get: what the sender named, "may", "encrypt" or "secure". rtls_plan_get: what the current host
/// must reach.
pub const RTLS_GET_LEVEL: c_int = 1;
/// rtls_mail_get only: the MAIL FROM parameters for every host, as " REQUIRETLS"; NULL: none, or each peer
/// decides.
pub const RTLS_GET_PARAMS: c_int = 2;
/// rtls_mail_get: "HDRS", a bounce of this message may return the header only (RFC 8689 section 5), or
/// NULL. rtls_plan_get, after the last EHLO: "HDRS", the RET parameter that the server itself sends must
/// have this value; or NULL. rtls_plan_mail_params never writes RET.
pub const RTLS_GET_RET: c_int = 3;
/// The sentence for the latest answer that was neither GO nor STARTTLS; NULL: there was none.
pub const RTLS_GET_WHY: c_int = 4;
/// The server name to send in the TLS handshake; NULL: send none (address literal).
pub const RTLS_GET_SNI: c_int = 5;
/// What this connection has proved, for rtls_plan_resume; NULL until MAIL FROM may follow.
pub const RTLS_GET_SESSION: c_int = 6;
/// Current host, how it must be authenticated: "none", "dane", "pkix", "pin"; "dane+pkix": both must hold.
pub const RTLS_GET_METHOD: c_int = 7;
/// Current host: the i-th name that its certificate may carry; none where a TLSA record names the
/// certificate itself.
pub const RTLS_GET_NAME: c_int = 8;
/// Seconds until the first of the facts expires, in decimal; NULL: they do not expire.
pub const RTLS_GET_TTL: c_int = 9;
/// For RFC 8460 section 4.4: "sts", "tlsa" or "no-policy-found".
pub const RTLS_GET_POLICY_TYPE: c_int = 10;
/// For RFC 8460: the domain that the policy was found at.
pub const RTLS_GET_POLICY_DOMAIN: c_int = 11;
/// For RFC 8460: the i-th policy-string, a line of the MTA-STS policy or a TLSA record.
pub const RTLS_GET_POLICY_STRING: c_int = 12;
/// The i-th mx pattern of an MTA-STS policy in enforce mode, as published: "*.example.com".
pub const RTLS_GET_MX_PATTERN: c_int = 13;
/// For RFC 8460 section 4.3: the result type of a discovery that failed; NULL: none failed.
pub const RTLS_GET_POLICY_FAILURE: c_int = 14;
/// Current host: its i-th address, in the order to try.
pub const RTLS_GET_ADDRESS: c_int = 15;

/// For rtls_plan_done, where no SMTP reply tells how it ended: the connection is closed in good order;
/// nothing was to be sent (a callout), or the outcome is not known here.
pub const RTLS_CLOSED: c_int = -1;

/// For rtls_plan_tls_failed: an I/O error or a timeout, or TLS was not tried. It may heal.
pub const RTLS_TLS_LOST: c_int = 0;
/// For rtls_plan_tls_failed: an alert, no common version or cipher, no TLS at all. It is certain.
pub const RTLS_TLS_REJECTED: c_int = 1;

/// An SMTP reply in parts; write it as "%d %s %s".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtls_reply {
    /// 451, 501, 530, 550 and so on; 250 when there is nothing to say.
    pub code: c_int,
    /// RFC 3463: "5.7.10".
    pub enhanced: [c_char; 12],
    /// One sentence: the cause, the host, and who imposed it (sender, recipient or site).
    pub text: [c_char; 256],
}

/// What one sender asked. A plain value: put it on the stack or into static memory, copy it, drop it; there
/// is nothing to free. It is valid as long as its context. Only reply is yours to read.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtls_mail {
    /// The answer to the client, once a call has said RTLS_REFUSED.
    pub reply: rtls_reply,
    /// The library's own.
    pub opaque: [usize; 16],
}

/// One certificate, DER.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct rtls_bytes {
    /// The first byte.
    pub data: *const c_uchar,
    /// How many there are.
    pub len: usize,
}

/// Takes one log line, without a newline. syslog_level: 3 error, 4 warning, 5 notice, 6 info, 7 debug. line
/// lives until the function returns: copy what is to be kept. It is called inside a call of yours and on that
/// call's thread. The call waits for it as long as it takes, whatever timeout the call was given, and rests on
/// nothing that it changes, errno among it. It returns normally, or ends the process; longjmp, an exception and
/// the end of the thread are undefined. An rtls_ call that it makes changes nothing, and says what a NULL
/// handle would: RTLS_DEFER, RTLS_REFUSED or NULL. Threads that share a context may call it at the same time.
pub type rtls_log_fn =
    Option<unsafe extern "C" fn(arg: *mut c_void, syslog_level: c_int, line: *const c_char)>;

/// As the length of a text: it ends at its NUL. The header defines it by hand, since C has no portable name
/// for it.
pub const RTLS_NUL: usize = usize::MAX;

// Frozen layouts, for a size_t of 4 and of 8 bytes.
const _: () = assert!(size_of::<rtls_reply>() == 272);
const _: () = assert!(align_of::<rtls_reply>() == align_of::<c_int>());
const _: () = assert!(size_of::<rtls_mail>() == 272 + 16 * size_of::<usize>());
const _: () = assert!(core::mem::offset_of!(rtls_mail, opaque) == 272);
const _: () = assert!(size_of::<rtls_bytes>() == 2 * size_of::<usize>());
const _: () = assert!(RTLS_TAG_SIZE == requiretls_core::tag::MAX_LEN + 1);
