//! A zone that is signed by hand, and may be signed in any way.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use requiretls_testbed::proto::dnssec::crypto::Ed25519SigningKey;
use requiretls_testbed::proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS, RRSIG};
use requiretls_testbed::proto::dnssec::{
    Algorithm, DigestType, DnssecSigner, PublicKeyBuf, SigningKey,
};
use requiretls_testbed::proto::rr::{DNSClass, Name, RData, Record, RecordSet, RecordType};
use requiretls_testbed::rdata;

/// The zone and its key.
pub(crate) struct Hand {
    pub(crate) zone: Name,
    octets: Vec<u8>,
}

impl Hand {
    pub(crate) fn new(zone: &str) -> Self {
        let key = Ed25519SigningKey::generate_pkcs8().unwrap();
        Self {
            zone: name(zone),
            octets: key.secret_pkcs8_der().to_vec(),
        }
    }

    fn key(&self) -> Box<dyn SigningKey> {
        let octets = self.octets.clone();
        Box::new(Ed25519SigningKey::from_pkcs8(&octets.into()).unwrap())
    }

    pub(crate) fn dnskey(&self) -> DNSKEY {
        DNSKEY::from_key(&self.key().to_public_key().unwrap())
    }

    /// For the parent's zone file: what is said of this zone there.
    pub(crate) fn delegation(&self) -> String {
        let (label, key) = (self.zone.to_ascii(), self.key().to_public_key().unwrap());
        let ds = DS::from_key(&key, &self.zone, DigestType::SHA256).unwrap();
        let digest: Vec<String> = ds.digest().iter().map(|b| format!("{b:02X}")).collect();
        let (tag, digest) = (ds.key_tag(), digest.concat());
        format!("{label} NS ns.{label}\nns.{label} A 127.0.0.1\n{label} DS {tag} 15 2 {digest}\n")
    }

    /// Records with their signature, which holds from so many days ago for so many days.
    pub(crate) fn signed(&self, owner: &str, data: Vec<RData>, ago: u64, days: u64) -> Vec<Record> {
        let day = 86_400;
        let signer = DnssecSigner::new(
            self.dnskey(),
            self.key(),
            self.zone.clone(),
            Duration::from_secs(days * day),
        );
        let mut set = RecordSet::with_ttl(name(owner), data[0].record_type(), 300);
        for data in data {
            set.add_rdata(data);
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap()
            .as_secs();
        let from = i64::try_from(now - ago * day).unwrap();
        let from = time::OffsetDateTime::from_unix_timestamp(from).unwrap();
        let signature = RRSIG::from_rrset(&set, DNSClass::IN, from, &signer).unwrap();
        let signature = RData::DNSSEC(DNSSECRData::RRSIG(signature));
        let mut records: Vec<Record> = set.records_without_rrsigs().cloned().collect();
        records.push(Record::from_rdata(name(owner), 300, signature));
        records
    }

    /// The same, from text such as `A 192.0.2.1`, in force.
    pub(crate) fn record(&self, owner: &str, text: &str) -> Vec<Record> {
        self.signed(owner, vec![rdata(text).unwrap()], 1, 30)
    }

    /// The zone's keys, with these besides its own.
    pub(crate) fn keys(&self, others: Vec<DNSKEY>) -> Vec<Record> {
        let keys = others.into_iter().chain([self.dnskey()]);
        let keys = keys.map(|key| RData::DNSSEC(DNSSECRData::DNSKEY(key)));
        self.signed(&self.zone.to_ascii(), keys.collect(), 1, 30)
    }

    /// Keys that nobody has, each with the tag of the zone's own.
    pub(crate) fn namesakes(&self, number: usize) -> Vec<DNSKEY> {
        let tag = self.dnskey().calculate_key_tag().unwrap();
        let mut keys = Vec::new();
        let mut n = 0_u64;
        while keys.len() < number {
            n += 1;
            let mut octets: Vec<u8> = ring::digest::digest(&ring::digest::SHA256, &n.to_be_bytes())
                .as_ref()
                .to_vec();
            octets[30..].fill(0);
            let key = |octets: &[u8]| {
                let public = PublicKeyBuf::new(octets.to_vec(), Algorithm::ED25519);
                DNSKEY::with_flags(257, public)
            };
            // A tag is a sum of pairs of octets, and its carry (RFC 4034 appendix B).
            let missing = tag.wrapping_sub(key(&octets).calculate_key_tag().unwrap());
            for word in [missing, missing.wrapping_sub(1)] {
                octets[30..].copy_from_slice(&word.to_be_bytes());
                if key(&octets).calculate_key_tag().unwrap() == tag {
                    keys.push(key(&octets));
                    break;
                }
            }
        }
        keys
    }
}

pub(crate) fn name(text: &str) -> Name {
    let mut name = Name::from_ascii(text).unwrap();
    name.set_fqdn(true);
    name
}

/// The type that a signature is over, if the record is one.
pub(crate) fn covers(record: &Record) -> Option<RecordType> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature.input().type_covered),
        _ => None,
    }
}

/// A signature with other octets; `None`: it is none.
pub(crate) fn spoilt(record: &Record, n: usize) -> Option<Record> {
    let RData::DNSSEC(DNSSECRData::RRSIG(signature)) = &record.data else {
        return None;
    };
    let mut octets = signature.sig().to_vec();
    let place = n % octets.len();
    octets[place] ^= u8::try_from(n / octets.len() % 255).unwrap() + 1;
    let data = RRSIG::from_sig(signature.input().clone(), octets);
    let data = RData::DNSSEC(DNSSECRData::RRSIG(data));
    Some(Record::from_rdata(record.name.clone(), record.ttl, data))
}
