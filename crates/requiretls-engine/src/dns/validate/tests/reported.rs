//! What other validators were reported to get wrong.

use super::*;
use hickory_resolver::proto::dnssec::rdata::NSEC3;
use hickory_resolver::proto::dnssec::{PublicKey, PublicKeyBuf};

/// As the signer of some servers writes it: the labels that are hashes, in upper case.
fn upper_case<'w>() -> Boxed<'w> {
    Box::new(|_, mut truth| {
        for record in truth.answers.iter_mut().chain(&mut truth.authorities) {
            let is_hash = record.record_type() == RecordType::NSEC3
                || one_owner::signature_of(record, RecordType::NSEC3).is_some();
            if is_hash {
                let (first, zone) = (record.name.iter().next().unwrap(), record.name.base_name());
                let label = Name::from_labels([first.to_ascii_uppercase()]).unwrap();
                record.name = label.append_domain(&zone).unwrap();
            }
        }
        Ok(truth)
    })
}

#[test]
fn hashes_in_upper_case() {
    let world = World::start();
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("field report 73: below an unsigned delegation", "TLSA _25._tcp.mx.below.nsec3.test", upper_case(), INSECURE),
        ("field report 73: nothing there",                "TLSA mx.below.nsec3.test",          upper_case(), NONE_INSECURE),
        ("field report 73: opt-out",                      "MX unsigned.optout",                upper_case(), INSECURE),
        ("field report 73: NODATA",                       "TLSA mx.nsec3.test",                upper_case(), NONE_SECURE),
        ("field report 73: NXDOMAIN",                     "A nothing.nsec3.test",              upper_case(), NONE_SECURE),
        ("field report 73: a wildcard",                   "A any.wild.nsec3.test",             upper_case(), SECURE),
    ];
    see(&world, table);
    let shown = upper_case()(
        &query("DS below.nsec3.test"),
        world.get("DS below.nsec3.test"),
    );
    let names: Vec<String> = only(RecordType::NSEC3, &shown.unwrap().authorities)
        .iter()
        .map(|record| record.name.to_ascii())
        .collect();
    let is_upper = |name: &String| name.chars().next().is_some_and(|c| !c.is_ascii_lowercase());
    assert!(!names.is_empty() && names.iter().all(is_upper), "{names:?}");
}

#[test]
fn a_denial_whose_owner_is_an_expanded_wildcard() {
    use LookupCause::Bogus;
    use ResponseCode::NoError;
    let world = World::start();
    let (real, any) = ("TXT real.wild.signed.test", "TXT any.wild.signed.test");
    let denial = world.get(any).authorities;
    // Its signature holds for every name below `wild`, by the number of its labels.
    let renamed = |to: &str| {
        let mut denial = denial.clone();
        for record in &mut denial {
            if record.name == name("*.wild.signed.test") {
                record.name = name(to);
            }
        }
        assert_ne!(denial, world.get(any).authorities, "it is there");
        denial
    };
    let made = renamed("real.wild.signed.test");
    let other = renamed("any.wild.signed.test");
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("field report 74: wildcard NODATA, rightly", any,  nobody_lies(),                 NONE_SECURE),
        ("field report 74: the name itself",          real, nobody_lies(),                 SECURE),
        ("field report 74: denied by the wildcard",   real, denied(real, NoError, &denial), Err(Bogus)),
        ("field report 74: as if it were its own",    real, denied(real, NoError, &made),  Err(Bogus)),
        ("field report 74: as if it were another's",  real, denied(real, NoError, &other), Err(Bogus)),
    ];
    see(&world, table);
}

#[test]
fn keys_that_do_not_fit() {
    use LookupCause::Bogus;
    use ResponseCode::NoError;
    let world = World::start();
    let (t, keys, ds) = (TLSA_QUESTION, "DNSKEY signed.test", "DS signed.test");
    let of_algorithm = |algorithm| {
        about(keys, move |mut message| {
            for record in &mut message.answers {
                if let RData::DNSSEC(DNSSECRData::DNSKEY(key)) = &record.data {
                    let octets = key.public_key().public_bytes().to_vec();
                    let key = DNSKEY::with_flags(key.flags(), PublicKeyBuf::new(octets, algorithm));
                    record.data = RData::DNSSEC(DNSSECRData::DNSKEY(key));
                }
            }
            message
        })
    };
    let signed_with = |algorithm| {
        about(t, move |mut message| {
            for record in &mut message.answers {
                if let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data {
                    let mut input = signature.input().clone();
                    input.algorithm = algorithm;
                    let signature = RRSIG::from_sig(input, signature.sig().to_vec());
                    record.data = RData::DNSSEC(DNSSECRData::RRSIG(signature));
                }
            }
            message
        })
    };
    let bad_digest = about(ds, |mut message| {
        for record in &mut message.answers {
            if let RData::DNSSEC(DNSSECRData::DS(ds)) = &record.data {
                let mut digest = ds.digest().to_vec();
                digest[0] ^= 1;
                let ds = DS::new(ds.key_tag(), ds.algorithm(), ds.digest_type(), digest);
                record.data = RData::DNSSEC(DNSSECRData::DS(ds));
            }
        }
        message
    });
    let (rsa, p384) = (Algorithm::RSASHA256, Algorithm::ECDSAP384SHA384);
    #[rustfmt::skip]
    let table: Vec<Row<'_>> = vec![
        ("field report 76: bad DS digest",                   t, bad_digest,                      Err(Bogus)),
        ("field report 76: no DNSKEY",                       t, denied(keys, NoError, &[]),      Err(Bogus)),
        ("field report 76: a key of another algorithm",      t, of_algorithm(rsa),               Err(Bogus)),
        ("field report 76: of one with a key as long",       t, of_algorithm(Algorithm::ED25519), Err(Bogus)),
        ("field report 76: of one that nobody knows",        t, of_algorithm(Algorithm::Unknown(200)), Err(Bogus)),
        ("field report 76: a signature of another",          t, signed_with(p384),               Err(Bogus)),
        ("field report 76: a signature of an unknown one",   t, signed_with(Algorithm::Unknown(200)), Err(Bogus)),
    ];
    see(&world, table);
}

/// CVE-2023-50387 and CVE-2023-50868: work that a zone makes for whoever validates it.
#[test]
fn a_zone_cannot_make_much_work() {
    const MANY: usize = 500;
    let world = World::start();
    let (t, keys) = (TLSA_QUESTION, "DNSKEY signed.test");
    let copies = |records: &mut Vec<Record>, of: fn(&Record, usize) -> Option<Record>| {
        let mut more: Vec<Record> = Vec::new();
        for record in records.iter() {
            more.extend((0..MANY).filter_map(|n| of(record, n)));
        }
        records.splice(0..0, more);
    };
    let signature = |record: &Record, n: usize| {
        let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data else {
            return None;
        };
        let mut octets = signature.sig().to_vec();
        octets[n % 32] ^= u8::try_from(n % 255).unwrap() + 1;
        let data = RRSIG::from_sig(signature.input().clone(), octets);
        Some(Record::from_rdata(
            record.name.clone(),
            record.ttl,
            RData::DNSSEC(DNSSECRData::RRSIG(data)),
        ))
    };
    let many_signatures = |question| {
        about(question, move |mut message| {
            copies(&mut message.answers, signature);
            message
        })
    };
    let iterated = about("TLSA mx.nsec3.test", |mut message| {
        for record in &mut message.authorities {
            if let RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) = &record.data {
                let nsec3 = NSEC3::new(
                    nsec3.hash_algorithm(),
                    nsec3.opt_out(),
                    2_000,
                    nsec3.salt().to_vec(),
                    nsec3.next_hashed_owner_name().to_vec(),
                    nsec3.type_bit_maps(),
                );
                record.data = RData::DNSSEC(DNSSECRData::NSEC3(nsec3));
            }
        }
        message
    });
    #[rustfmt::skip]
    let table: Vec<(&str, &str, Boxed<'_>)> = vec![
        ("signatures over a record",      t, many_signatures(t)),
        ("signatures over the keys",      t, many_signatures(keys)),
        ("signatures over the delegation", t, many_signatures("DS signed.test")),
        ("NSEC3 with 2,000 iterations",   "TLSA mx.nsec3.test", iterated),
    ];
    for (label, question, lie) in table {
        let begin = std::time::Instant::now();
        let verdict = world.verdict(question, &lie);
        let took = begin.elapsed();
        eprintln!("{label}: {verdict:?} after {took:?}");
        let is_safe = matches!(verdict, SECURE | Err(LookupCause::Bogus));
        assert!(is_safe, "{label}: {verdict:?}");
        assert!(took < Duration::from_secs(2), "{label}: {took:?}");
    }
}
