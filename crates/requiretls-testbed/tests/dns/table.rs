//! The zones, and what a validating resolver must say of them.
//!
//! Below each of two top levels, `example` (NSEC) and `optout` (NSEC3 with opt-out), are the same zones,
//! each signed in another way, with the same records.

use std::net::SocketAddr;

use requiretls_testbed::proto::op::{Message, ResponseCode};
use requiretls_testbed::proto::rr::RecordType;
use requiretls_testbed::{Clock, DnsWorld, DnsWorldSpec, KeyType, Zone};

pub(crate) const TOPS: [&str; 2] = ["example", "optout"];

/// What a validating resolver answers, NOERROR where nothing else is said.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Answer {
    /// SERVFAIL.
    Bogus,
    /// So many records, without AD.
    Insecure(usize),
    /// NXDOMAIN behind so many aliases, without AD.
    InsecureNone(usize),
    /// So many records, with AD.
    Secure(usize),
    /// NXDOMAIN behind so many aliases, with AD.
    SecureNone(usize),
    /// SERVFAIL: the aliases never end, or nobody serves the zone.
    Unreachable,
}

use Answer::{Bogus, Insecure, InsecureNone, Secure, SecureNone, Unreachable};

/// Label, question with `X` for the top level, answer below `example`, answer below `optout`.
pub(crate) type Row = (&'static str, &'static str, Answer, Answer);

#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    // A signed zone that denies with NSEC.
    ("MX",                               "MX signed.X",                  Secure(1),       Secure(1)),
    ("two addresses",                    "A mx.signed.X",                Secure(2),       Secure(2)),
    ("IPv6",                             "AAAA mx.signed.X",             Secure(1),       Secure(1)),
    ("TLSA",                             "TLSA _25._tcp.mx.signed.X",    Secure(1),       Secure(1)),
    ("upper case",                       "TLSA _25._TCP.MX.Signed.X",    Secure(1),       Secure(1)),
    ("long TXT, over TCP",               "TXT long.signed.X",            Secure(1),       Secure(1)),
    ("NODATA",                           "TLSA mx.signed.X",             Secure(0),       Secure(0)),
    ("NODATA at the apex",               "AAAA signed.X",                Secure(0),       Secure(0)),
    ("NXDOMAIN",                         "A nothing.signed.X",           SecureNone(0),   SecureNone(0)),
    ("NXDOMAIN, its parent too",         "TLSA _25._tcp.no.signed.X",    SecureNone(0),   SecureNone(0)),
    ("NXDOMAIN below a host",            "TLSA _26._tcp.mx.signed.X",    SecureNone(0),   SecureNone(0)),
    ("empty non-terminal",               "A b.c.signed.X",               Secure(0),       Secure(0)),
    ("_tcp is an empty non-terminal",    "TLSA _tcp.mx.signed.X",        Secure(0),       Secure(0)),
    ("deep name",                        "A a.b.c.signed.X",             Secure(1),       Secure(1)),
    ("wildcard",                         "A any.wild.signed.X",          Secure(1),       Secure(1)),
    ("wildcard, two labels",             "MX any.more.wild.signed.X",    Secure(1),       Secure(1)),
    ("wildcard, NODATA",                 "TLSA any.wild.signed.X",       Secure(0),       Secure(0)),
    ("the wildcard itself",              "A *.wild.signed.X",            Secure(1),       Secure(1)),
    ("above a wildcard",                 "A wild.signed.X",              Secure(0),       Secure(0)),
    ("wildcard CNAME",                   "A any.cwild.signed.X",         Secure(3),       Secure(3)),
    ("wildcard CNAME, NODATA behind",    "MX any.cwild.signed.X",        Secure(1),       Secure(1)),
    ("DNSKEY",                           "DNSKEY signed.X",              Secure(1),       Secure(1)),
    ("DS",                               "DS signed.X",                  Secure(1),       Secure(1)),
    ("no DS",                            "DS unsigned.X",                Secure(0),       Insecure(0)),
    ("no zone there",                    "A nothing.X",                  SecureNone(0),   InsecureNone(0)),
    ("no zone there, deeper",            "TLSA _25._tcp.mx.nothing.X",   SecureNone(0),   InsecureNone(0)),
    ("the top level's SOA",              "SOA X",                        Secure(1),       Secure(1)),
    // Aliases.
    ("CNAME",                            "A alias.signed.X",             Secure(3),       Secure(3)),
    ("CNAME, NODATA behind",             "TLSA alias.signed.X",          Secure(1),       Secure(1)),
    ("CNAME to nothing",                 "A gone.signed.X",              SecureNone(1),   SecureNone(1)),
    ("CNAME itself",                     "CNAME alias.signed.X",         Secure(1),       Secure(1)),
    ("CNAME itself, unsigned",           "CNAME to-signed.unsigned.X",   Insecure(1),     Insecure(1)),
    ("CNAME itself, wrong DS",           "CNAME alias.wrong-ds.X",       Bogus,           Bogus),
    ("no CNAME",                         "CNAME mx.signed.X",            Secure(0),       Secure(0)),
    ("no MX",                            "MX mx.signed.X",               Secure(0),       Secure(0)),
    ("TLSA behind a CNAME",              "TLSA tlsa-alias.signed.X",     Secure(2),       Secure(2)),
    ("two CNAMEs",                       "A alias2.signed.X",            Secure(4),       Secure(4)),
    ("CNAME to a signed NSEC zone",      "A to-signed.nsec3.X",          Secure(3),       Secure(3)),
    ("CNAME to an unsigned zone",        "A to-unsigned.signed.X",       Insecure(3),     Insecure(3)),
    ("CNAME from an unsigned zone",      "A to-signed.unsigned.X",       Insecure(3),     Insecure(3)),
    ("secure, insecure, secure",         "A there-and-back.signed.X",    Insecure(4),     Insecure(4)),
    ("CNAME to a bogus zone",            "A to-expired.signed.X",        Bogus,           Bogus),
    ("from unsigned to bogus",           "A to-expired.unsigned.X",      Bogus,           Bogus),
    ("CNAME to nothing in unsigned",     "A to-nothing.signed.X",        InsecureNone(1), InsecureNone(1)),
    ("CNAME loop",                       "A loop.signed.X",              Unreachable,     Unreachable),
    ("DNAME",                            "A mx.old.signed.X",            Secure(4),       Secure(4)),
    ("DNAME, TLSA",                      "TLSA _25._tcp.mx.old.signed.X", Secure(3),      Secure(3)),
    ("DNAME, NXDOMAIN behind",           "A nothing.old.signed.X",       SecureNone(2),   SecureNone(2)),
    ("DNAME to an unsigned zone",        "A mx.lost.signed.X",           Insecure(4),     Insecure(4)),
    ("the DNAME's owner",                "A old.signed.X",               Secure(0),       Secure(0)),
    ("DNAME itself",                     "DNAME old.signed.X",           Secure(1),       Secure(1)),
    // A signed zone that denies with NSEC3.
    ("NSEC3: MX",                        "MX nsec3.X",                   Secure(1),       Secure(1)),
    ("NSEC3: NODATA",                    "TLSA mx.nsec3.X",              Secure(0),       Secure(0)),
    ("NSEC3: NXDOMAIN",                  "A nothing.nsec3.X",            SecureNone(0),   SecureNone(0)),
    ("NSEC3: NXDOMAIN, its parent too",  "TLSA _25._tcp.no.nsec3.X",     SecureNone(0),   SecureNone(0)),
    ("NSEC3: empty non-terminal",        "A b.c.nsec3.X",                Secure(0),       Secure(0)),
    ("NSEC3: wildcard",                  "A any.wild.nsec3.X",           Secure(1),       Secure(1)),
    ("NSEC3: wildcard, two labels",      "MX any.more.wild.nsec3.X",     Secure(1),       Secure(1)),
    ("NSEC3: wildcard, NODATA",          "TLSA any.wild.nsec3.X",        Secure(0),       Secure(0)),
    ("NSEC3: wildcard CNAME",            "A any.cwild.nsec3.X",          Secure(3),       Secure(3)),
    ("NSEC3: CNAME, NODATA behind",      "TLSA alias.nsec3.X",           Secure(1),       Secure(1)),
    ("NSEC3: CNAME to nothing",          "A gone.nsec3.X",               SecureNone(1),   SecureNone(1)),
    ("NSEC3: DNAME",                     "TLSA _25._tcp.mx.old.nsec3.X", Secure(3),       Secure(3)),
    // Other keys.
    ("P-384, opt-out: MX",               "MX p384.X",                    Secure(1),       Secure(1)),
    ("P-384, opt-out: NODATA",           "TLSA mx.p384.X",               Secure(0),       Secure(0)),
    ("P-384, opt-out: NXDOMAIN",         "A nothing.p384.X",             InsecureNone(0), InsecureNone(0)),
    ("P-384, opt-out: wildcard",         "A any.wild.p384.X",            Insecure(1),     Insecure(1)),
    ("P-384, opt-out: wildcard, NODATA", "TLSA any.wild.p384.X",         Insecure(0),     Insecure(0)),
    ("Ed25519: MX",                      "MX ed25519.X",                 Secure(1),       Secure(1)),
    ("Ed25519: NXDOMAIN",                "A nothing.ed25519.X",          SecureNone(0),   SecureNone(0)),
    // No keys, or none that the parent knows.
    ("unsigned: MX",                     "MX unsigned.X",                Insecure(1),     Insecure(1)),
    ("unsigned: TLSA",                   "TLSA _25._tcp.mx.unsigned.X",  Insecure(1),     Insecure(1)),
    ("unsigned: NODATA",                 "TLSA mx.unsigned.X",           Insecure(0),     Insecure(0)),
    ("unsigned: NXDOMAIN",               "A nothing.unsigned.X",         InsecureNone(0), InsecureNone(0)),
    ("unsigned: wildcard",               "A any.wild.unsigned.X",        Insecure(1),     Insecure(1)),
    ("unsigned: DNAME",                  "A mx.old.unsigned.X",          Insecure(4),     Insecure(4)),
    ("no DS: MX",                        "MX island.X",                  Insecure(1),     Insecure(1)),
    ("no DS: NXDOMAIN",                  "A nothing.island.X",           InsecureNone(0), InsecureNone(0)),
    ("signed below unsigned",            "MX below.unsigned.X",          Insecure(1),     Insecure(1)),
    ("unsigned below signed",            "MX below.signed.X",            Insecure(1),     Insecure(1)),
    ("signed below signed",              "MX deep.signed.X",             Secure(1),       Secure(1)),
    // Something is wrong.
    ("altered: address",                 "A mx.altered.X",               Bogus,           Bogus),
    ("altered: another set is not",      "AAAA mx.altered.X",            Secure(1),       Secure(1)),
    ("altered: CNAME to it",             "A alias.altered.X",            Bogus,           Bogus),
    ("altered: added after signing",     "A added.altered.X",            Bogus,           Bogus),
    ("damaged: MX",                      "MX altered.X",                 Bogus,           Bogus),
    ("damaged: TLSA",                    "TLSA _25._tcp.mx.altered.X",   Bogus,           Bogus),
    ("damaged key: MX",                  "MX damaged-key.X",             Bogus,           Bogus),
    ("damaged SOA: MX",                  "MX damaged-soa.X",             Secure(1),       Secure(1)),
    ("damaged SOA: NXDOMAIN",            "A nothing.damaged-soa.X",      Bogus,           Bogus),
    ("expired: MX",                      "MX expired.X",                 Bogus,           Bogus),
    ("expired: NODATA",                  "TLSA mx.expired.X",            Bogus,           Bogus),
    ("expired: NXDOMAIN",                "A nothing.expired.X",          Bogus,           Bogus),
    ("expired: its DS",                  "DS expired.X",                 Secure(1),       Secure(1)),
    ("not yet valid: MX",                "MX future.X",                  Bogus,           Bogus),
    ("wrong DS: MX",                     "MX wrong-ds.X",                Bogus,           Bogus),
    ("wrong DS: NXDOMAIN",               "A nothing.wrong-ds.X",         Bogus,           Bogus),
    ("unsigned with a DS: MX",           "MX no-signatures.X",           Bogus,           Bogus),
    ("unsigned with a DS: NXDOMAIN",     "A nothing.no-signatures.X",    Bogus,           Bogus),
    ("unsigned below a bogus zone",      "MX below.expired.X",           Bogus,           Bogus),
    ("a zone that nobody serves",        "A mx.lame.signed.X",           Unreachable,     Unreachable),
];

/// The zones that are served below each top level.
pub(crate) const CHILDREN: [&str; 17] = [
    "signed",
    "nsec3",
    "p384",
    "ed25519",
    "unsigned",
    "island",
    "below.unsigned",
    "below.signed",
    "deep.signed",
    "altered",
    "damaged-key",
    "damaged-soa",
    "expired",
    "below.expired",
    "future",
    "wrong-ds",
    "no-signatures",
];

/// Starts the world of the table.
pub(crate) fn world(addresses: Vec<SocketAddr>) -> DnsWorld {
    let mut zones = vec![
        Zone::from_text("example", "").unwrap(),
        Zone::from_text("optout", "").unwrap().opt_out(),
    ];
    for top in TOPS {
        for name in CHILDREN {
            let zone = Zone::from_text(&format!("{name}.{top}"), &records(top)).unwrap();
            zones.push(match name {
                "nsec3" | "deep.signed" => zone.nsec3(),
                "p384" => zone.key(KeyType::P384).opt_out(),
                "ed25519" => zone.key(KeyType::Ed25519).nsec3(),
                "unsigned" | "below.signed" | "below.expired" => zone.unsigned(),
                "island" => zone.island(),
                "altered" => zone
                    .altered("mx A 127.0.0.66\nadded A 127.0.0.66\n")
                    .and_then(|zone| zone.damaged("@", RecordType::MX))
                    .and_then(|zone| zone.damaged("_25._tcp.mx", RecordType::TLSA))
                    .unwrap(),
                "damaged-key" => zone.damaged("@", RecordType::DNSKEY).unwrap(),
                "damaged-soa" => zone.damaged("@", RecordType::SOA).unwrap(),
                "expired" => zone.expired(),
                "future" => zone.not_yet_valid().nsec3(),
                "wrong-ds" => zone.wrong_ds(),
                "no-signatures" => zone.no_signatures(),
                "signed" | "below.unsigned" => zone,
                other => panic!("{other}"),
            });
        }
    }
    let clock = Clock::system();
    DnsWorld::start(DnsWorldSpec {
        zones,
        addresses,
        clock,
    })
    .unwrap()
}

/// All rows for both top levels: label, name, type, expected answer.
pub(crate) fn questions() -> impl Iterator<Item = (String, String, RecordType, Answer)> {
    TOPS.into_iter().enumerate().flat_map(|(n, top)| {
        TABLE.iter().map(move |(label, question, first, second)| {
            let (kind, name) = question.split_once(' ').unwrap();
            let name = match name.strip_suffix('X') {
                Some(below) => format!("{below}{top}"),
                None => name.to_owned(),
            };
            let answer = if n == 0 { *first } else { *second };
            (
                format!("{label} ({top})"),
                name,
                kind.parse().unwrap(),
                answer,
            )
        })
    })
}

/// What a resolver's message says, in the table's words. A bare SERVFAIL is [`Bogus`].
pub(crate) fn read(message: &Message) -> Answer {
    let records = message.answers.iter();
    let records = records.filter(|record| record.record_type() != RecordType::RRSIG);
    let number = records.count();
    match (
        message.metadata.response_code,
        message.metadata.authentic_data,
    ) {
        (ResponseCode::NoError, true) => Secure(number),
        (ResponseCode::NoError, false) => Insecure(number),
        (ResponseCode::NXDomain, true) => SecureNone(number),
        (ResponseCode::NXDomain, false) => InsecureNone(number),
        (ResponseCode::ServFail, _) => Bogus,
        (code, _) => panic!("{code}"),
    }
}

fn records(top: &str) -> String {
    let long = "0123456789abcdef".repeat(15);
    let long = format!("\"{long}\" ").repeat(12);
    format!(
        "
@                 MX    10 mx
mx                A     127.0.0.25
mx                A     127.0.0.26
mx                AAAA  ::1
_25._tcp.mx       TLSA  3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
long              TXT   {long}
a.b.c             A     127.0.0.27
*.wild            A     127.0.0.28
*.wild            MX    10 mx
*.cwild           CNAME mx
alias             CNAME mx
alias2            CNAME alias
gone              CNAME nothing
tlsa-alias        CNAME _25._tcp.mx
loop              CNAME loop2
loop2             CNAME loop
to-signed         CNAME mx.signed.{top}.
to-unsigned       CNAME mx.unsigned.{top}.
to-expired        CNAME mx.expired.{top}.
to-nothing        CNAME nothing.unsigned.{top}.
there-and-back    CNAME to-signed.unsigned.{top}.
old               DNAME nsec3.{top}.
lost              DNAME unsigned.{top}.
lame              NS    ns.lame
ns.lame           A     127.0.0.1
"
    )
}
