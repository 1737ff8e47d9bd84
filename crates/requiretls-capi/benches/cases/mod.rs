//! What is measured of the C ABI, by time and by instructions alike: the calls as C makes them, and core beside them.

// Each of the programs leaves some of it to the others.
#![allow(dead_code, clippy::expect_used, unsafe_code)]

use requiretls::abi::{
    RTLS_F_TLS, RTLS_GO, RTLS_NUL, RTLS_PARAMS_SIZE, RTLS_STARTTLS, RTLS_TAG_SIZE, RTLS_TAKEN,
    rtls_bytes, rtls_mail, rtls_reply,
};
use requiretls::ctx::{rtls_close, rtls_ctx, rtls_open};
use requiretls::mail::{rtls_mail_begin, rtls_mail_end, rtls_mail_line, rtls_mail_param};
use requiretls::plan::{
    rtls_plan_add_host, rtls_plan_done, rtls_plan_ehlo, rtls_plan_free, rtls_plan_host,
    rtls_plan_lookup, rtls_plan_mail_params, rtls_plan_mail_reply, rtls_plan_new, rtls_plan_peer,
    rtls_plan_tls, rtls_plan_verdict,
};
use requiretls_core::authenticate::{Evidence, Reference, Site, Via, authenticate};
use requiretls_core::delivery::{Action, Delivery, End};
use requiretls_core::ehlo::EhloReply;
use requiretls_core::facts::Facts;
use requiretls_core::mail_param::{Dialects, MailParams};
use requiretls_core::next_hop::{Host, NextHop};
use requiretls_core::pkix::Roots;
use requiretls_core::plan::{Message, Plan, Settings};
use requiretls_core::requirement::Requirement;
use requiretls_core::site_policy::{Methods, Rule};
use requiretls_core::tag;
use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;
use std::sync::Arc;

/// 67 octets.
pub(crate) const MAIL: &[u8] =
    b"MAIL FROM:<alice@sender.example> BODY=8BITMIME SIZE=4096 REQUIRETLS";
/// What a server that has split the line itself hands in.
const PARAMETERS: [(&[u8], Option<&[u8]>); 3] = [
    (b"BODY", Some(b"8BITMIME")),
    (b"SIZE", Some(b"4096")),
    (b"REQUIRETLS", None),
];

/// A context; closed at the end.
pub(crate) struct Context(pub(crate) *mut rtls_ctx);

impl Context {
    pub(crate) fn open(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("requiretls.conf");
        std::fs::write(&file, text).expect("a file");
        Self::read(file.to_str().expect("UTF-8"))
    }

    pub(crate) fn read(file: &str) -> Self {
        let path = CString::new(file).expect("no NUL");
        let mut ctx = ptr::null_mut();
        // SAFETY: a text with a NUL, and room for one pointer.
        let opened = unsafe { rtls_open(&raw mut ctx, path.as_ptr(), ptr::null_mut(), 0) };
        assert_eq!(opened, RTLS_GO);
        Self(ctx)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: from rtls_open, and nothing uses it any more.
        unsafe { rtls_close(self.0) };
    }
}

/// Asks nobody.
pub(crate) const QUIET: &str = "[dns]\nservers = [\"127.0.0.1:9\"]\n[cache]\ndirectory = \"\"\n";

/// A certificate, and SHA-256 of its key in hex, for a pin or a TLSA record.
pub(crate) fn certificate() -> (Vec<u8>, String) {
    let made = rcgen::generate_simple_self_signed(["mx.example".to_owned()]);
    let der = made.expect("a certificate").cert.der().to_vec();
    let anybody = Reference {
        host: None,
        next_hop: None,
        expanded: None,
        via: Via::NoMx,
        tlsa: None,
        site: Site::default(),
    };
    let evidence = authenticate(&anybody, &[&der], &Roots::not_loaded(), 0);
    let key = evidence.leaf_key().expect("a key");
    (der, key.map(|byte| format!("{byte:02x}")).concat())
}

/// What a server has on its stack for one MAIL command.
pub(crate) struct Inbound {
    mail: rtls_mail,
    tag: [c_char; RTLS_TAG_SIZE],
}

impl Inbound {
    pub(crate) fn new() -> Self {
        let reply = rtls_reply {
            code: 0,
            enhanced: [0; 12],
            text: [0; 256],
        };
        let opaque = [0; 16];
        Self {
            mail: rtls_mail { reply, opaque },
            tag: [0; RTLS_TAG_SIZE],
        }
    }

    pub(crate) fn tag(&self) -> &[u8] {
        // SAFETY: rtls_mail_end has written it, with its NUL.
        unsafe { CStr::from_ptr(self.tag.as_ptr()) }.to_bytes()
    }
}

fn text(bytes: &[u8]) -> (*const c_char, usize) {
    (bytes.as_ptr().cast(), bytes.len())
}

/// The question at MAIL FROM, from the line to the tag.
#[inline(never)]
pub(crate) fn mail_line(ctx: &Context, line: &[u8], inbound: &mut Inbound) -> c_int {
    let (m, tag) = (&raw mut inbound.mail, inbound.tag.as_mut_ptr());
    let (line, len) = text(line);
    // SAFETY: a live context, mail and text, and room for a tag.
    unsafe {
        rtls_mail_begin(m, size_of::<rtls_mail>(), ctx.0, RTLS_F_TLS);
        rtls_mail_line(m, line, len);
        rtls_mail_end(m, tag, RTLS_TAG_SIZE)
    }
}

/// The same, one parameter after the other.
#[inline(never)]
pub(crate) fn mail_params(ctx: &Context, inbound: &mut Inbound) -> c_int {
    let (m, tag) = (&raw mut inbound.mail, inbound.tag.as_mut_ptr());
    // SAFETY: a live context, mail and texts, and room for a tag.
    unsafe {
        rtls_mail_begin(m, size_of::<rtls_mail>(), ctx.0, RTLS_F_TLS);
        for (name, value) in PARAMETERS {
            let (name, name_len) = text(name);
            let (value, value_len) = value.map_or((ptr::null(), 0), text);
            rtls_mail_param(m, name, name_len, value, value_len);
        }
        rtls_mail_end(m, tag, RTLS_TAG_SIZE)
    }
}

/// One parameter of ours alone, on a mail that was begun: a copy of it, as the first answer sticks.
#[inline(never)]
pub(crate) fn mail_param(begun: &Inbound) -> c_int {
    let mut mail = begun.mail;
    let (name, len) = text(b"REQUIRETLS");
    // SAFETY: a live context, mail and text.
    unsafe { rtls_mail_param(&raw mut mail, name, len, ptr::null(), 0) }
}

pub(crate) fn begun(ctx: &Context) -> Inbound {
    let mut inbound = Inbound::new();
    let m = &raw mut inbound.mail;
    // SAFETY: a live context, and room for a mail.
    unsafe { rtls_mail_begin(m, size_of::<rtls_mail>(), ctx.0, RTLS_F_TLS) };
    inbound
}

/// Fails where what is measured does not do what it is measured for.
pub(crate) fn check_inbound(ctx: &Context) {
    let mut inbound = Inbound::new();
    for answer in [
        mail_line(ctx, MAIL, &mut inbound),
        mail_params(ctx, &mut inbound),
    ] {
        assert_eq!(
            (answer, inbound.tag()),
            (RTLS_TAKEN, &b"1.secure.onward"[..])
        );
    }
    assert_eq!(mail_param(&begun(ctx)), RTLS_TAKEN);
}

/// The same by core: a Rust server keeps the requirement and writes the tag into an array.
#[inline(never)]
pub(crate) fn mail_line_by_core(line: &[u8]) -> [&'static str; 5] {
    let mut mail = MailParams::new(Dialects::default(), true, true);
    let _ = mail.line(line);
    tag::Text(mail.end().expect("it is not refused")).parts()
}

#[inline(never)]
pub(crate) fn mail_params_by_core() -> [&'static str; 5] {
    let mut mail = MailParams::new(Dialects::default(), true, true);
    for (name, value) in PARAMETERS {
        let _ = mail.param(name, value);
    }
    tag::Text(mail.end().expect("it is not refused")).parts()
}

pub(crate) const FIRST_EHLO: &CStr = c"250-mx1\r\n250-STARTTLS\r\n250 SIZE";
pub(crate) const SECOND_EHLO: &CStr = c"250-mx1.recipient.example at your service\r\n\
    250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-DSN\r\n250-REQUIRETLS\r\n250 CHUNKING";
const PROTOCOL: &CStr = c"TLSv1.3";
const CIPHER: &CStr = c"TLS_AES_256_GCM_SHA384";

/// One message to one host, from the plan to the verdict, and no network.
pub(crate) struct Outbound<'a> {
    pub(crate) next_hop: &'a CStr,
    /// Of the site's own route, which asks no DNS.
    pub(crate) added: bool,
    pub(crate) host: &'a CStr,
    pub(crate) chain: &'a [Vec<u8>],
}

/// As a server does it in C.
#[inline(never)]
pub(crate) fn outbound(ctx: &Context, given: &Outbound<'_>) -> [c_int; 10] {
    let mut params = [0; RTLS_PARAMS_SIZE];
    let mut chain = [const {
        rtls_bytes {
            data: ptr::null(),
            len: 0,
        }
    }; 4];
    for (place, der) in chain.iter_mut().zip(given.chain) {
        (place.data, place.len) = (der.as_ptr(), der.len());
    }
    let host = given.host.as_ptr();
    // SAFETY: a live context, texts with a NUL, a chain of so many certificates, and the plan is freed once.
    unsafe {
        let p = rtls_plan_new(
            ctx.0,
            given.next_hop.as_ptr(),
            0,
            c"1.secure.onward".as_ptr(),
            0,
        );
        if given.added {
            rtls_plan_add_host(p, host);
        }
        let answers = [
            rtls_plan_lookup(p, 0),
            rtls_plan_host(p, host),
            rtls_plan_ehlo(p, FIRST_EHLO.as_ptr(), RTLS_NUL),
            rtls_plan_tls(p, PROTOCOL.as_ptr(), CIPHER.as_ptr()),
            rtls_plan_peer(p, chain.as_ptr(), given.chain.len()),
            rtls_plan_ehlo(p, SECOND_EHLO.as_ptr(), RTLS_NUL),
            rtls_plan_mail_params(p, params.as_mut_ptr(), params.len()),
            rtls_plan_mail_reply(p, 250, ptr::null()),
            rtls_plan_done(p, 250, ptr::null(), ptr::null()),
            rtls_plan_verdict(p, ptr::null_mut()),
        ];
        rtls_plan_free(p);
        answers
    }
}

/// What all of them say when the message goes.
pub(crate) fn check_outbound(ctx: &Context, given: &Outbound<'_>) {
    let mut expected = [RTLS_GO; 10];
    expected[2] = RTLS_STARTTLS;
    assert_eq!(outbound(ctx, given), expected);
}

/// The same by core, from the same facts.
#[inline(never)]
pub(crate) fn outbound_by_core(facts: &Arc<Facts>, given: &Outbound<'_>) -> Action {
    const NOW: u64 = 1_800_000_000;
    let name = |text: &CStr| NextHop::parse(text.to_str().expect("ASCII")).expect("a name");
    let host = Host::parse(given.host.to_str().expect("ASCII")).expect("a host");
    let mut delivery = planned_by_core(facts, name(given.next_hop));
    let mut steps = [Action::Defer; 5];
    let chain: Vec<&[u8]> = given.chain.iter().map(Vec::as_slice).collect();
    steps[0] = delivery.host(&host);
    steps[1] = delivery.ehlo(&EhloReply::parse(FIRST_EHLO.to_bytes()));
    steps[2] = delivery.tls(PROTOCOL.to_str().ok(), CIPHER.to_str().ok());
    let reference = delivery.current().and_then(|candidate| {
        let site = Site::of(&Methods::default());
        delivery.plan().reference(candidate, site)
    });
    let evidence = reference.map_or_else(Evidence::not_supplied, |reference| {
        authenticate(&reference, &chain, &Roots::not_loaded(), NOW)
    });
    steps[3] = delivery.peer(evidence);
    steps[4] = delivery.ehlo(&EhloReply::parse(SECOND_EHLO.to_bytes()));
    let go = Action::Go;
    assert_eq!(steps, [go, Action::StartTls, go, go, go]);
    let sends = delivery.mail_params(0).expect("it may go");
    assert_eq!(sends.mail_params(), " REQUIRETLS");
    drop(sends);
    let _ = delivery.done(End::Reply(250));
    delivery.verdict().action
}

pub(crate) fn planned_by_core(facts: &Arc<Facts>, next_hop: NextHop) -> Delivery {
    let message = Message {
        requirement: Requirement::R,
        ..Message::default()
    };
    let (rule, settings) = (Rule::default(), Settings::default());
    Delivery::new(Plan::new(
        next_hop,
        message,
        rule,
        settings,
        Arc::clone(facts),
    ))
}
