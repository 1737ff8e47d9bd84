//! Which messages, to which next hops, and where may they arrive?
//!
//! The table is written by hand from the statements; nothing in it is asked of the library.

use std::collections::BTreeMap;
use std::time::Duration;

use requiretls_testbed::{Certificate, Domain, MayArrive, Peer, SCENARIO_FIELD, Step, Sts};

use crate::chance::Chance;
use crate::queue::{Message, Recipient};

/// What a message asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asks {
    Nothing,
    /// `TLS-Required: No`.
    Less,
    Encrypt,
    Secure,
    /// REQUIRETLS.
    Onward,
}

const ASKS: [Asks; 5] = [
    Asks::Nothing,
    Asks::Less,
    Asks::Encrypt,
    Asks::Secure,
    Asks::Onward,
];

/// Where a message may arrive.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum At {
    Anywhere,
    Nowhere,
    /// Over TLS.
    Tls,
    /// With a certificate for the host's name.
    Named,
    /// And with REQUIRETLS.
    Asked,
    /// With the certificate that DNS names.
    Dane,
    DaneAsked,
}

use At::{Anywhere, Asked, Dane, DaneAsked, Named, Nowhere, Tls};

/// For each way to ask.
#[rustfmt::skip]
const TABLE: [(&str, [At; 5]); 17] = [
    //                  nothing   less      encrypt  secure   onward
    ("good.test",         [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("tls-12.test",       [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("slow.test",         [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("chunks.test",       [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("some.test",         [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("later.test",        [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("lost.test",         [Anywhere, Anywhere, Tls,     Named,   Asked]),
    // The first of two lacks REQUIRETLS.
    ("hosts.test",        [Anywhere, Anywhere, Tls,     Named,   Asked]),
    ("no-starttls.test",  [Anywhere, Anywhere, Nowhere, Nowhere, Nowhere]),
    ("no-requiretls.test",[Anywhere, Anywhere, Tls,     Named,   Nowhere]),
    ("wrong-name.test",   [Anywhere, Anywhere, Tls,     Nowhere, Nowhere]),
    // DNS is not signed: nothing says that the host is the domain's (P11b).
    ("unsigned.test",     [Anywhere, Anywhere, Tls,     Nowhere, Nowhere]),
    ("dane.test",         [Dane,     Anywhere, Dane,    Dane,    DaneAsked]),
    ("dane-wrong.test",   [Nowhere,  Anywhere, Nowhere, Nowhere, Nowhere]),
    ("sts.test",          [Named,    Anywhere, Named,   Named,   Asked]),
    ("sts-other.test",    [Nowhere,  Anywhere, Nowhere, Nowhere, Nowhere]),
    ("down.test",         [Nowhere,  Nowhere,  Nowhere, Nowhere, Nowhere]),
];

/// What is there, and where bounces go.
pub(crate) fn domains() -> Vec<Domain> {
    let good = Peer::good;
    let signed = |name: &str, peer| {
        let domain = Domain::new(&format!("{name}.test"));
        domain.signed().mx("mx").peer(peer)
    };
    let unsigned = |name: &str| {
        let domain = Domain::new(&format!("{name}.test"));
        domain.mx("mx").peer(good())
    };
    vec![
        signed("good", good()),
        signed("tls-12", good().tls(requiretls_testbed::Tls::Version12)),
        signed("slow", good().slow(Duration::from_millis(20))),
        signed("chunks", good().chunking()),
        signed(
            "some",
            good().refuses_recipient("odd", "550 5.1.1 There is nobody here"),
        ),
        signed(
            "later",
            good().answers(Step::Dot, None, "451 4.3.0 Not today"),
        ),
        signed("lost", good().drops(Step::Dot)),
        Domain::new("hosts.test")
            .signed()
            .mx("mx1")
            .peer(good().no_requiretls())
            .mx("mx2")
            .peer(good()),
        signed("no-starttls", good().no_starttls()),
        signed("no-requiretls", good().no_requiretls()),
        signed("wrong-name", good().certificate(Certificate::WrongName)),
        unsigned("unsigned"),
        signed("dane", good().dane_ee()),
        signed("dane-wrong", good().dane_ee_wrong()),
        unsigned("sts").sts(Sts::enforce()),
        unsigned("sts-other").sts(Sts::enforce().mx("elsewhere.test")),
        signed("down", good().down()),
        signed("bounces", good()),
    ]
}

/// The messages, and what each one asks.
pub(crate) struct Mix {
    messages: Vec<Message>,
    asks: BTreeMap<String, Asks>,
}

impl Mix {
    pub(crate) fn new(count: usize, chance: &mut Chance) -> Self {
        let mut mix = Self {
            messages: Vec::new(),
            asks: BTreeMap::new(),
        };
        for n in 0..count {
            let asks = chance.one_of(&ASKS).copied().unwrap_or(Asks::Nothing);
            let id = format!("m{n}");
            let message = message(&id, asks, chance);
            mix.asks.insert(id, asks);
            mix.messages.push(message);
        }
        mix
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        self.messages.clone()
    }

    /// The judge's line for a message at a host; a message that nobody sent may arrive nowhere.
    pub(crate) fn may_arrive(&self, id: &str, host: &str) -> MayArrive {
        let (id, is_bounce) = match id.strip_suffix("-returned") {
            Some(id) => (id, true),
            None => (id, false),
        };
        let Some(asks) = self.asks.get(id) else {
            return MayArrive::Nowhere;
        };
        let domain = host.split_once('.').map_or("", |(_, domain)| domain);
        let place = ASKS.iter().position(|a| a == asks).unwrap_or_default();
        let at = if is_bounce && domain == "bounces.test" {
            // R29: a bounce needs encryption and no more.
            [Anywhere, Anywhere, Tls, Tls, Tls].get(place)
        } else {
            let row = TABLE.iter().find(|(name, _)| *name == domain);
            row.and_then(|(_, at)| at.get(place)).filter(|_| !is_bounce)
        };
        match at.unwrap_or(&Nowhere) {
            Anywhere => MayArrive::Anywhere,
            Nowhere => MayArrive::Nowhere,
            Tls => MayArrive::over_tls(host),
            Named => MayArrive::named(host, host),
            Asked => MayArrive::named(host, host).asking("REQUIRETLS"),
            Dane => MayArrive::published(host),
            DaneAsked => MayArrive::published(host).asking("REQUIRETLS"),
        }
    }
}

/// One to three recipients, a few octets or many.
fn message(id: &str, asks: Asks, chance: &mut Chance) -> Message {
    let mut recipients = Vec::new();
    for n in 0..=chance.below(3) {
        let domain = chance.one_of(&TABLE).map_or("good.test", |row| row.0);
        let user = if chance.below(4) == 0 { "odd" } else { "user" };
        recipients.push(Recipient::new(format!("{user}-{id}-{n}@{domain}")));
    }
    let (field, parameters) = match asks {
        Asks::Nothing => ("", ""),
        Asks::Less => ("TLS-Required: No\r\n", ""),
        Asks::Encrypt => ("RequireTLS-Tag: 1.encrypt\r\n", ""),
        Asks::Secure => ("RequireTLS-Tag: 1.secure\r\n", ""),
        Asks::Onward if chance.below(2) == 0 => ("RequireTLS-Tag: 1.secure.onward\r\n", ""),
        Asks::Onward => ("", " REQUIRETLS"),
    };
    let lines = match chance.below(20) {
        // More than is kept in memory.
        0 => 2_000,
        n => n * 5,
    };
    let mut body = String::new();
    for _ in 0..lines {
        body.push_str("..A line of a message whose length is what counts here\r\n");
    }
    let content = |id: &str, body: &str| {
        format!("{SCENARIO_FIELD}: {id}\r\nFrom: ann@bounces.test\r\n{field}\r\n{body}")
    };
    let bounce = Message {
        sender: String::new(),
        parameters: parameters.to_owned(),
        content: content(&format!("{id}-returned"), "It could not be delivered.\r\n"),
        recipients: Vec::new(),
        bounce: None,
        tries: 0,
    };
    Message {
        sender: "ann@bounces.test".to_owned(),
        parameters: parameters.to_owned(),
        content: content(id, &body),
        recipients,
        bounce: Some(Box::new(bounce)),
        tries: 0,
    }
}
