//! Is a wildcard's expansion proven?
//!
//! RFC 4035 section 5.3.4: the signature of an expanded wildcard says what the records are, not
//! that they belong to this name. For that, the name itself must be denied, with everything between
//! it and the wildcard. With NSEC that is judged here, since hickory refuses the commonest case,
//! one label in the place of the star; with NSEC3 it is hickory's judgement, but for opt-out.

use super::one_owner::signature_of;
use hickory_resolver::proto::dnssec::Proof;
use hickory_resolver::proto::dnssec::rdata::{DNSSECRData, NSEC};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use requiretls_core::facts::Security;

/// The status of secure records at a name: they are its own, or rightly made of a wildcard. `holds`:
/// hickory let the denial beside them pass. `None`: that is not proven.
pub(super) fn security(
    message: &Message,
    owner: &Name,
    kind: RecordType,
    holds: bool,
) -> Option<Security> {
    let mut signatures = message.answers.iter().filter(|r| r.name == *owner);
    // The signature that was found good is marked.
    let signature = signatures
        .find_map(|r| signature_of(r, kind).filter(|_| r.proof == Proof::Secure))?
        .input();
    let labels = signature.num_labels;
    if labels == owner.num_labels() {
        return Some(Security::Secure);
    }
    let zone = &signature.signer_name;
    let (mut nsec3, mut opted_out) = (0, 0);
    for record in message
        .authorities
        .iter()
        .filter(|r| r.proof == Proof::Secure)
    {
        match &record.data {
            RData::DNSSEC(DNSSECRData::NSEC(nsec))
                if zone.zone_of(&record.name)
                    && denies(&record.name, nsec, owner, labels.into()) =>
            {
                return Some(Security::Secure);
            }
            RData::DNSSEC(DNSSECRData::NSEC3(data)) if record.name.base_name() == *zone => {
                nsec3 += 1;
                opted_out += u32::from(data.opt_out());
            }
            _ => {}
        }
    }
    match (holds, nsec3, opted_out) {
        (true, 1.., 0) => Some(Security::Secure),
        // Which of them counts does not matter when all say so.
        (true, 1.., opted_out) if opted_out == nsec3 => Some(Security::Insecure),
        _ => None,
    }
}

/// Whether an NSEC record says that a name is not there, and that the closest name above it that is
/// there has this many labels.
fn denies(name: &Name, nsec: &NSEC, owner: &Name, labels: usize) -> bool {
    let next = nsec.next_domain_name();
    // RFC 6840 section 4.1: the parent's record at a cut says nothing of what is below.
    let beyond_cut = nsec.is_ancestor_delegation() && name.zone_of(owner);
    let is_last = next <= name; // its next is the apex
    let between = name < owner && (owner < next || is_last && next.zone_of(owner));
    let above_other_names = !is_last && owner.zone_of(next);
    let closest = shared_labels(owner, name).max(shared_labels(owner, next));
    between && !beyond_cut && !above_other_names && closest == labels
}

fn shared_labels(one: &Name, other: &Name) -> usize {
    let pairs = one.iter().rev().zip(other.iter().rev());
    pairs.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        let mut name = Name::from_ascii(text).unwrap();
        name.set_fqdn(true);
        name
    }

    #[test]
    fn nsec_records_that_make_an_expansion_right() {
        use RecordType::{A, DNAME, DS, NS};
        #[rustfmt::skip]
        let table: [(_, _, _, &[RecordType], _, _, _); 15] = [
            ("one label, by the wildcard's own",  "*.w.test", "z.test",    &[A],      "x.w.test",   2, true),
            ("one label, by the one after",       "m.w.test", "z.test",    &[A],      "x.w.test",   2, true),
            ("two labels",                        "m.w.test", "z.test",    &[A],      "a.x.w.test", 2, true),
            ("the last record",                   "*.w.test", "test",      &[A],      "x.w.test",   2, true),
            ("case",                              "*.W.test", "Z.test",    &[A],      "x.w.TEST",   2, true),
            ("the name is there",                 "x.w.test", "z.test",    &[A],      "x.w.test",   2, false),
            ("before it",                         "y.w.test", "z.test",    &[A],      "x.w.test",   2, false),
            ("after it",                          "*.w.test", "m.w.test",  &[A],      "x.w.test",   2, false),
            ("the name is above others",          "m.w.test", "a.x.w.test", &[A],     "x.w.test",   2, false),
            ("a closer name is there, before",    "x.w.test", "z.test",    &[A],      "a.x.w.test", 2, false),
            ("a closer name is there, after",     "m.w.test", "b.x.w.test", &[A],     "a.x.w.test", 2, false),
            ("the wildcard is too low",           "m.test",   "z.test",    &[A],      "x.w.test",   2, false),
            ("a delegation above",                "w.test",   "z.test",    &[NS, DS], "x.w.test",   2, false),
            ("a DNAME above",                     "w.test",   "z.test",    &[DNAME],  "x.w.test",   2, false),
            ("another zone's last",               "*.o.test", "o.test",    &[A],      "x.w.test",   2, false),
        ];
        for (label, owner, next, kinds, asked, labels, expected) in table {
            let nsec = NSEC::new(name(next), kinds.iter().copied());
            let denied = denies(&name(owner), &nsec, &name(asked), labels);
            assert_eq!(denied, expected, "{label}");
        }
    }
}
