//! What kind of mail server is a peer?
//!
//! A good one, but for the traits and defects that its description adds, in one sentence:
//! `Peer::good().dane_ee().no_requiretls()`. What it then says and does is in [`crate::smtp_peer`].

mod transfer;

use crate::pki::{Certificate, Credential, Tlsa};
use std::time::Duration;

/// A mail server behind one address of a host.
#[derive(Clone, Debug)]
pub struct Peer {
    pub(crate) certificate: Certificate,
    pub(crate) needs_sni: bool,
    pub(crate) other_names: Vec<String>,
    pub(crate) tls: Tls,
    pub(crate) resumes: bool,
    pub(crate) in_clear: Vec<String>,
    pub(crate) in_tls: Vec<String>,
    pub(crate) draft: bool,
    pub(crate) lax: Vec<Lax>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) parameter_refusal: Option<String>,
    pub(crate) injected: Option<String>,
    pub(crate) breaks: Option<(Step, Break)>,
    pub(crate) delay: Duration,
    pub(crate) octet_gap: Duration,
    pub(crate) recipient_limit: usize,
    pub(crate) refused_recipients: Vec<(String, String)>,
    pub(crate) size_limit: usize,
    pub(crate) place: Place,
    pub(crate) tlsa: Vec<Published>,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// Connected: no banner yet.
    Connection,
    /// The banner was sent.
    Banner,
    /// EHLO in clear was answered.
    Ehlo,
    /// STARTTLS was answered.
    StartTls,
    /// In the handshake: half of what the peer has to say was sent.
    Handshake,
    /// EHLO inside TLS was answered.
    EhloInTls,
    /// MAIL was answered.
    Mail,
    /// RCPT was answered.
    Rcpt,
    /// DATA was answered, and the first line of the message came.
    Data,
    /// The final dot came; no reply to it was sent.
    Dot,
    /// The reply to the message was sent.
    Taken,
}

/// What a receiving server lets pass although it should not.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Lax {
    /// REQUIRETLS on MAIL in clear (R4).
    InClear,
    /// REQUIRETLS on RCPT (R2).
    OnRcpt,
    /// Commands that came in clear behind STARTTLS are obeyed inside TLS (RFC 3207 section 4.2).
    BehindStartTls,
    /// REQUIRETLS twice (R6).
    Twice,
    /// REQUIRETLS with a value (R2).
    Value,
}

/// What stands in the way of TLS.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Tls {
    /// TLS 1.2 and 1.3.
    #[default]
    Good,
    /// A fatal alert instead of a server's hello.
    Alert,
    /// The connection is closed when the client has said hello.
    Close,
    /// Something that is no TLS.
    Garbage,
    /// The keyword is not offered, the command unknown.
    NotOffered,
    /// The keyword is overwritten, as some firewalls do, and the command answered 500; without
    /// them there would be TLS.
    Stripped,
    /// A server's hello of version 1.1, whatever the client offers; no handshake of that version
    /// is carried through.
    Version11,
    /// TLS 1.2 alone.
    Version12,
}

/// Where a peer listens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Place {
    Ipv4,
    Ipv6,
    /// An IPv4 address that nobody listens on.
    Nowhere,
}

/// Whether a connection breaks or stands still.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Break {
    Drop,
    Hang,
}

/// A reply that replaces the usual one.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) step: Step,
    /// `None`: inside and outside.
    pub(crate) in_tls: Option<bool>,
    pub(crate) text: String,
}

/// A TLSA record to be published for the host.
#[derive(Clone, Debug)]
pub(crate) enum Published {
    Right(u8, u8, u8),
    Wrong(u8, u8, u8),
    /// As in a zone file.
    Text(String),
}

impl Default for Peer {
    fn default() -> Self {
        Self::good()
    }
}

impl Peer {
    /// TLS 1.2 and 1.3, a certificate of the world's root for the host's name, REQUIRETLS offered
    /// inside TLS, DSN, any number of recipients; no TLSA record.
    #[must_use]
    pub fn good() -> Self {
        let keywords = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 1000000", "DSN"];
        let in_clear: Vec<String> = keywords.map(str::to_owned).into();
        let mut in_tls = in_clear.clone();
        in_tls.push("REQUIRETLS".to_owned());
        Self {
            certificate: Certificate::Good,
            needs_sni: false,
            other_names: Vec::new(),
            tls: Tls::Good,
            resumes: false,
            in_clear,
            in_tls,
            draft: false,
            lax: Vec::new(),
            replies: Vec::new(),
            parameter_refusal: None,
            injected: None,
            breaks: None,
            delay: Duration::ZERO,
            octet_gap: Duration::ZERO,
            recipient_limit: usize::MAX,
            refused_recipients: Vec::new(),
            size_limit: 1_000_000,
            place: Place::Ipv4,
            tlsa: Vec::new(),
        }
    }

    /// Shows this certificate.
    #[must_use]
    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Shows its certificate only where the client asks for the host's name, else one for
    /// [`crate::pki::WRONG_NAME`].
    #[must_use]
    pub fn needs_sni(mut self) -> Self {
        self.needs_sni = true;
        self
    }

    /// Shows a good certificate for another name where the client asks for that one.
    #[must_use]
    pub fn also_named(mut self, name: &str) -> Self {
        self.other_names.push(name.to_owned());
        self
    }

    /// What stands in the way of TLS.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// Does not offer STARTTLS (row 9).
    #[must_use]
    pub fn no_starttls(self) -> Self {
        self.tls(Tls::NotOffered)
    }

    /// Somebody on the way overwrites STARTTLS (row 9).
    #[must_use]
    pub fn starttls_stripped(self) -> Self {
        self.tls(Tls::Stripped)
    }

    /// Answers STARTTLS with this reply: 4yz is row 10, 5yz row 11a.
    #[must_use]
    pub fn starttls_refused(self, reply: &str) -> Self {
        self.answers(Step::StartTls, Some(false), reply)
    }

    /// Sends this text behind the 220, in the same segment: what a client must forget when TLS
    /// begins (RFC 3207 section 4.2).
    #[must_use]
    pub fn injects(mut self, text: &str) -> Self {
        self.injected = Some(text.to_owned());
        self
    }

    /// Takes up TLS sessions from before: then no chain is shown (row 12a).
    #[must_use]
    pub fn resumes(mut self) -> Self {
        self.resumes = true;
        self
    }

    /// Does not offer REQUIRETLS (row 13).
    #[must_use]
    pub fn no_requiretls(self) -> Self {
        self.without("REQUIRETLS")
    }

    /// Offers REQUIRETLS before TLS alone (R22, VX15).
    #[must_use]
    pub fn requiretls_before_tls_only(self) -> Self {
        let mut peer = self.no_requiretls();
        peer.in_clear.push("REQUIRETLS".to_owned());
        peer
    }

    /// Takes the draft's parameters: `REQUIRETLS=CHAIN,DANE,DNSSEC`.
    #[must_use]
    pub fn draft(mut self) -> Self {
        self.draft = true;
        self
    }

    /// Lets this pass.
    #[must_use]
    pub fn lax(mut self, lax: Lax) -> Self {
        self.lax.push(lax);
        self
    }

    /// Offers TLSPOLICY inside TLS.
    #[must_use]
    pub fn tlspolicy(self) -> Self {
        self.offers("TLSPOLICY MAY ENCRYPT SECURE")
    }

    /// Offers a further keyword inside TLS.
    #[must_use]
    pub fn offers(mut self, keyword: &str) -> Self {
        self.in_tls.push(keyword.to_owned());
        self
    }

    /// Answers MAIL with this reply when it asks for TLS with a parameter (row 14). Without the
    /// parameter MAIL is taken.
    #[must_use]
    pub fn refuses_parameter(mut self, reply: &str) -> Self {
        self.parameter_refusal = Some(reply.to_owned());
        self
    }

    /// Answers MAIL in clear with 530 (row 16).
    #[must_use]
    pub fn insists_on_tls(self) -> Self {
        let reply = "530 5.7.0 Must issue a STARTTLS command first";
        self.answers(Step::Mail, Some(false), reply)
    }

    /// The first line that is sent: 421 also ends the session, after 554 the peer waits for QUIT
    /// (RFC 5321 section 3.1).
    #[must_use]
    pub fn greets(self, reply: &str) -> Self {
        self.answers(Step::Banner, None, reply)
    }

    /// Answers EHLO in clear with this reply; HELO is taken.
    #[must_use]
    pub fn ehlo_refused(self, reply: &str) -> Self {
        self.answers(Step::Ehlo, Some(false), reply)
    }

    /// Answers EHLO inside TLS with this reply; HELO is taken (rows 10, 13).
    #[must_use]
    pub fn ehlo_in_tls_refused(self, reply: &str) -> Self {
        self.answers(Step::EhloInTls, Some(true), reply)
    }

    /// Replaces a reply, inside TLS, outside, or (`None`) in both: of the steps that have one.
    /// Several lines are separated by line feeds. The first that fits counts.
    #[must_use]
    pub fn answers(mut self, step: Step, in_tls: Option<bool>, reply: &str) -> Self {
        self.replies.push(Reply {
            step,
            in_tls,
            text: reply.to_owned(),
        });
        self
    }

    /// The connection breaks at this step.
    #[must_use]
    pub fn drops(mut self, step: Step) -> Self {
        self.breaks = Some((step, Break::Drop));
        self
    }

    /// The connection stays open at this step, and nothing more is said.
    #[must_use]
    pub fn hangs(mut self, step: Step) -> Self {
        self.breaks = Some((step, Break::Hang));
        self
    }

    /// Waits before every reply.
    #[must_use]
    pub fn slow(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Sends its replies in clear octet by octet, with this gap.
    #[must_use]
    pub fn drips(mut self, gap: Duration) -> Self {
        self.octet_gap = gap;
        self
    }

    /// Listens on `::1` instead of an IPv4 address.
    #[must_use]
    pub fn ipv6(mut self) -> Self {
        self.place = Place::Ipv6;
        self
    }

    /// Nobody listens: connections are refused (row 8).
    #[must_use]
    pub fn down(mut self) -> Self {
        self.place = Place::Nowhere;
        self
    }

    /// Publishes `3 1 1` for its key.
    #[must_use]
    pub fn dane_ee(self) -> Self {
        self.tlsa(3, 1, 1)
    }

    /// Publishes `3 1 1` for another key.
    #[must_use]
    pub fn dane_ee_wrong(self) -> Self {
        self.tlsa_wrong(3, 1, 1)
    }

    /// Publishes `2 0 1` for the authority of its certificate.
    #[must_use]
    pub fn dane_ta(self) -> Self {
        self.tlsa(2, 0, 1)
    }

    /// Publishes `2 0 1` for another authority.
    #[must_use]
    pub fn dane_ta_wrong(self) -> Self {
        self.tlsa_wrong(2, 0, 1)
    }

    /// Publishes a record that fits its chain, see [`Credential::tlsa`]; with a usage, selector or
    /// matching type that SMTP does not know it is unusable (VD2, VD3).
    #[must_use]
    pub fn tlsa(mut self, usage: u8, selector: u8, matching: u8) -> Self {
        self.tlsa.push(Published::Right(usage, selector, matching));
        self
    }

    /// Publishes a record that is well formed and fits nothing.
    #[must_use]
    pub fn tlsa_wrong(mut self, usage: u8, selector: u8, matching: u8) -> Self {
        self.tlsa.push(Published::Wrong(usage, selector, matching));
        self
    }

    /// Publishes this, written as in a zone file.
    #[must_use]
    pub fn tlsa_text(mut self, data: &str) -> Self {
        self.tlsa.push(Published::Text(data.to_owned()));
        self
    }

    /// The data of its TLSA records, as in a zone file.
    #[must_use]
    pub fn tlsa_records(&self, credential: &Credential) -> Vec<String> {
        let text = |record: &Published| match *record {
            Published::Right(u, s, m) => credential.tlsa(u, s, m).to_string(),
            Published::Wrong(u, s, m) => Tlsa::wrong(credential.tlsa(u, s, m)).to_string(),
            Published::Text(ref text) => text.clone(),
        };
        self.tlsa.iter().map(text).collect()
    }

    pub(crate) fn lets_pass(&self, lax: Lax) -> bool {
        self.lax.contains(&lax)
    }

    /// Whether STARTTLS is among the keywords, and how it is spelt.
    pub(crate) fn starttls_keyword(&self) -> Option<&'static str> {
        match self.tls {
            Tls::NotOffered => None,
            Tls::Stripped => Some("XXXXXXXA"),
            _ => Some("STARTTLS"),
        }
    }

    /// The reply that replaces the usual one.
    pub(crate) fn reply(&self, step: Step, in_tls: bool) -> Option<&str> {
        let fits = |r: &&Reply| r.step == step && r.in_tls.is_none_or(|within| within == in_tls);
        self.replies.iter().find(fits).map(|r| r.text.as_str())
    }

    /// The reply to a recipient that is refused.
    pub(crate) fn recipient_refusal(&self, recipient: &str) -> Option<&str> {
        let mut refused = self.refused_recipients.iter();
        let found = refused.find(|(begins, _)| recipient.starts_with(begins));
        found.map(|(_, reply)| reply.as_str())
    }

    fn without(mut self, keyword: &str) -> Self {
        let other = |offered: &String| offered.split(' ').next() != Some(keyword);
        self.in_clear.retain(other);
        self.in_tls.retain(other);
        self
    }
}
