//! Which mail hosts are there, and what is each one good for?

/// The address of the first host: when it answers, Postfix is up.
pub(super) const FIRST_ADDRESS: &str = "127.25.0.11";
/// The domain whose host that is.
pub(super) const FIRST_DOMAIN: &str = "dane.signed.test";
/// Where Postfix relays to; never a domain of a test.
pub(super) const ONWARD: &str = "onward.signed.test";
/// Where a mail filter has to listen, as Postfix and the filter write it.
pub(super) const FILTER: (&str, &str) = ("inet:127.25.0.40:8894", "inet:8894@127.25.0.40");
/// In which zones the hosts are; the last label sequence of a domain decides.
pub(super) const ZONES: [(&str, Zone); 3] = [
    ("signed.test", Zone::Signed),
    ("unsigned.test", Zone::Unsigned),
    ("bogus.test", Zone::Bogus),
];

/// Domains that have no host of their own: their MX records.
pub(super) const ROUTES: [(&str, &[(u16, &str)]); 1] = [(
    "choice.signed.test",
    &[
        (10, "mx.plain-tls.signed.test"),
        (20, "mx.dane.signed.test"),
    ],
)];

/// How a zone below the signed `test` is secured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Zone {
    /// Signed, but the parent's DS is of another key.
    Bogus,
    Signed,
    /// Delegated without DS: proven insecure.
    Unsigned,
}

/// What a host shows as its certificate.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Certificate {
    /// By the test's authority, for the host's name.
    Issued,
    /// Self-signed, for another name: DANE-EE asks for neither (RFC 7672 section 3.1.1).
    SelfSigned,
}

/// The TLSA record of a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Tlsa {
    None,
    /// 3 1 1 of the host's key.
    Right,
    /// 3 1 1 of no key.
    Wrong,
}

/// What becomes of STARTTLS.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Starttls {
    /// Offered, but for versions only that nobody speaks any more: the handshake fails.
    Broken,
    No,
    Yes,
}

/// One domain and its only MX, `mx.` in front of the domain.
pub(super) struct Host {
    pub(super) domain: &'static str,
    /// All addresses; Postfix listens at the last one only, so that the others refuse.
    pub(super) addresses: &'static [&'static str],
    pub(super) certificate: Certificate,
    pub(super) tlsa: Tlsa,
    pub(super) starttls: Starttls,
    /// Offers REQUIRETLS inside TLS.
    pub(super) requiretls: bool,
    /// Asks a mail filter, at [`FILTER`].
    pub(super) filtered: bool,
}

impl Host {
    /// The name in the MX record.
    pub(super) fn name(&self) -> String {
        format!("mx.{}", self.domain)
    }

    /// Where Postfix listens.
    pub(super) fn listens_at(&self) -> &'static str {
        self.addresses.last().copied().unwrap_or_default()
    }
}

const PLAIN: Host = Host {
    domain: "",
    addresses: &[],
    certificate: Certificate::Issued,
    tlsa: Tlsa::None,
    starttls: Starttls::Yes,
    requiretls: true,
    filtered: false,
};

pub(super) const HOSTS: [Host; 11] = [
    Host {
        domain: "dane.signed.test",
        addresses: &[FIRST_ADDRESS],
        certificate: Certificate::SelfSigned,
        tlsa: Tlsa::Right,
        ..PLAIN
    },
    Host {
        domain: "mismatch.signed.test",
        addresses: &["127.25.0.12"],
        tlsa: Tlsa::Wrong,
        ..PLAIN
    },
    Host {
        domain: "pkix.signed.test",
        addresses: &["127.25.0.13"],
        ..PLAIN
    },
    Host {
        domain: "several.signed.test",
        addresses: &["127.25.0.10", "127.25.0.14"],
        tlsa: Tlsa::Right,
        ..PLAIN
    },
    Host {
        domain: "plain-tls.signed.test",
        addresses: &["127.25.0.15"],
        tlsa: Tlsa::Right,
        requiretls: false,
        ..PLAIN
    },
    Host {
        domain: "clear.signed.test",
        addresses: &["127.25.0.16"],
        starttls: Starttls::No,
        ..PLAIN
    },
    Host {
        domain: "old-tls.signed.test",
        addresses: &["127.25.0.20"],
        starttls: Starttls::Broken,
        ..PLAIN
    },
    Host {
        domain: "unsigned.test",
        addresses: &["127.25.0.17"],
        ..PLAIN
    },
    Host {
        domain: "bogus.test",
        addresses: &["127.25.0.18"],
        ..PLAIN
    },
    Host {
        domain: "filtered.signed.test",
        addresses: &["127.25.0.21"],
        tlsa: Tlsa::Right,
        filtered: true,
        ..PLAIN
    },
    Host {
        domain: ONWARD,
        addresses: &["127.25.0.19"],
        tlsa: Tlsa::Right,
        ..PLAIN
    },
];
