//! What does one zone say to a question?
//!
//! RFC 1034 section 4.3.2 with what RFC 4035 section 3.1, RFC 5155 section 7.2 and RFC 6672 section 3.2 add:
//! records, an alias, a way down, or a denial with its proof. It knows neither other zones nor faults.

use std::collections::BTreeMap;

use hickory_resolver::proto::rr::rdata::CNAME;
use hickory_resolver::proto::rr::{LowerName, Name, RData, Record, RecordSet, RecordType};

use crate::denial::{Chain, is_cut, path};
use crate::sign::SignedZone;
use crate::zone::dname_target;

/// What a zone says, with all its signatures and proofs.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) outcome: Outcome,
    pub(crate) answer: Vec<Record>,
    pub(crate) authority: Vec<Record>,
    pub(crate) additional: Vec<Record>,
    /// The sets whose signatures carry this.
    pub(crate) rests_on: Vec<(LowerName, RecordType)>,
    /// It rests on an NSEC3 record that may hide unsigned delegations (RFC 5155 section 9.2: no AD).
    pub(crate) opt_out: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// Ask for this name instead.
    Alias(LowerName),
    NoData,
    NxDomain,
    Records,
    /// Another zone begins above the name.
    Referral,
    /// A DNAME leads to a name that is too long.
    TooLong,
}

impl SignedZone {
    /// Looks for a name that is in the zone.
    pub(crate) fn say(&self, name: &LowerName, kind: RecordType) -> Said {
        let mut said = Said::new();
        for above in path(&self.origin, name) {
            if is_cut(&self.origin, &self.sets, &above)
                && !(above == *name && kind == RecordType::DS)
            {
                self.refer(&mut said, &above);
                return said;
            }
            if above != *name && self.rename(&mut said, &above, name) {
                return said;
            }
        }
        if let Some(here) = self.sets.get(name) {
            if !said.find(here, name, kind) {
                self.deny_type(&mut said, name);
            }
        } else if self.is_above_names(name) {
            self.deny_type(&mut said, name);
        } else {
            self.expand(&mut said, name, kind);
        }
        said
    }

    /// The zone's SOA with its signature, for a denial.
    fn soa(&self, said: &mut Said) {
        let apex = self.sets.get(&self.origin);
        if let Some(soa) = apex.and_then(|apex| apex.get(&RecordType::SOA)) {
            said.authority.extend(soa.records_with_rrsigs().cloned());
            said.rests_on.push((self.origin.clone(), RecordType::SOA));
        }
    }

    /// RFC 6672 section 3.2: a DNAME above the name renames it; the CNAME for that has no signature.
    fn rename(&self, said: &mut Said, above: &LowerName, name: &LowerName) -> bool {
        let here = self.sets.get(above);
        let Some(set) = here.and_then(|here| here.get(&RecordType::DNAME)) else {
            return false;
        };
        let Some(target) = set.record().and_then(|record| dname_target(&record.data)) else {
            return false;
        };
        said.answer.extend(set.records_with_rrsigs().cloned());
        said.rests_on.push((above.clone(), RecordType::DNAME));
        let below = usize::from(name.num_labels().saturating_sub(above.num_labels()));
        let renamed = Name::from_labels(name.iter().take(below))
            .and_then(|labels| labels.append_domain(&target));
        match renamed {
            Ok(renamed) => {
                let data = RData::CNAME(CNAME(renamed.clone()));
                said.answer
                    .push(Record::from_rdata(name.into(), set.ttl(), data));
                said.outcome = Outcome::Alias(LowerName::from(renamed));
            }
            Err(_) => said.outcome = Outcome::TooLong,
        }
        true
    }

    /// RFC 4592: what does not exist may be made from the wildcard below its closest encloser.
    fn expand(&self, said: &mut Said, name: &LowerName, kind: RecordType) {
        let path = path(&self.origin, name);
        let exists = |name: &&LowerName| self.sets.contains_key(name) || self.is_above_names(name);
        let encloser = path.iter().rev().find(exists).unwrap_or(&self.origin);
        let wildcard = wildcard(encloser);
        let next_closer = next_closer(&path, encloser);
        match self.sets.get(&wildcard) {
            Some(here) => {
                let found = said.find(here, name, kind);
                match &self.chain {
                    Chain::Nsec3 { .. } => self.cover(said, next_closer),
                    _ => self.cover(said, name),
                }
                if !found {
                    said.outcome = Outcome::NoData;
                    self.soa(said);
                    self.matched(said, &wildcard);
                    if matches!(self.chain, Chain::Nsec3 { .. }) {
                        self.matched(said, encloser);
                    }
                }
            }
            None => self.deny_name(said, name, encloser),
        }
    }

    fn deny_name(&self, said: &mut Said, name: &LowerName, encloser: &LowerName) {
        said.outcome = Outcome::NxDomain;
        self.soa(said);
        if let Chain::Nsec3 { .. } = self.chain {
            let encloser = self.enclose(said, name);
            self.cover(said, &wildcard(&encloser));
        } else {
            self.cover(said, name);
            self.cover(said, &wildcard(encloser));
        }
    }

    fn deny_type(&self, said: &mut Said, name: &LowerName) {
        said.outcome = Outcome::NoData;
        self.soa(said);
        match self.chain {
            // An empty non-terminal has no NSEC of its own; the one before it reaches below it.
            Chain::Nsec => self.cover(said, name),
            Chain::Nsec3 { .. } if !self.matched(said, name) => {
                self.enclose(said, name);
            }
            _ => {}
        }
    }

    /// RFC 5155 section 7.2.1: the closest encloser that the chain knows, and the next closer name covered.
    fn enclose(&self, said: &mut Said, name: &LowerName) -> LowerName {
        let path = path(&self.origin, name);
        let mut enclosers = path.iter().rev().skip(1);
        let encloser = enclosers.find(|above| self.matched(said, above));
        let encloser = encloser.unwrap_or(&self.origin);
        self.cover(said, next_closer(&path, encloser));
        encloser.clone()
    }

    fn refer(&self, said: &mut Said, cut: &LowerName) {
        said.outcome = Outcome::Referral;
        let Some(here) = self.sets.get(cut) else {
            return;
        };
        let servers = here.get(&RecordType::NS).into_iter();
        for record in servers.flat_map(RecordSet::records_without_rrsigs) {
            said.authority.push(record.clone());
            if let RData::NS(server) = &record.data {
                let glue = self.sets.get(&LowerName::from(&server.0));
                for kind in [RecordType::A, RecordType::AAAA] {
                    let set = glue.and_then(|glue| glue.get(&kind)).into_iter();
                    let records = set.flat_map(RecordSet::records_without_rrsigs);
                    said.additional.extend(records.cloned());
                }
            }
        }
        if let Some(ds) = here.get(&RecordType::DS) {
            said.authority.extend(ds.records_with_rrsigs().cloned());
        } else if !self.matched(said, cut) && matches!(self.chain, Chain::Nsec3 { .. }) {
            self.enclose(said, cut);
        }
    }

    fn matched(&self, said: &mut Said, name: &LowerName) -> bool {
        let link = self.chain.matching(&self.sets, name);
        link.inspect(|link| said.prove(link)).is_some()
    }

    fn cover(&self, said: &mut Said, name: &LowerName) {
        if let Some(link) = self.chain.covering(&self.sets, name) {
            said.prove(link);
            said.opt_out |= matches!(self.chain, Chain::Nsec3 { opt_out: true, .. });
        }
    }

    /// Whether names exist below this one (RFC 4592 section 2.2.2: then it exists too).
    fn is_above_names(&self, name: &LowerName) -> bool {
        let behind = self.sets.range(name..).find(|(other, _)| *other != name);
        behind.is_some_and(|(other, _)| name.zone_of(other))
    }
}

impl Said {
    fn new() -> Self {
        Self {
            outcome: Outcome::NoData,
            answer: Vec::new(),
            authority: Vec::new(),
            additional: Vec::new(),
            rests_on: Vec::new(),
            opt_out: false,
        }
    }

    /// The records at a name, or its alias. `owner` is the name they get, where a wildcard is expanded.
    fn find(
        &mut self,
        here: &BTreeMap<RecordType, RecordSet>,
        owner: &LowerName,
        kind: RecordType,
    ) -> bool {
        let alias = here.get(&RecordType::CNAME);
        let Some(set) = here.get(&kind).or(alias) else {
            return false;
        };
        self.outcome = match set.record().map(|record| &record.data) {
            Some(RData::CNAME(target)) if kind != RecordType::CNAME => {
                Outcome::Alias(LowerName::from(&target.0))
            }
            _ => Outcome::Records,
        };
        for record in set.records_with_rrsigs() {
            let mut record = record.clone();
            record.name = owner.into();
            self.answer.push(record);
        }
        let signed_as = LowerName::from(set.name());
        self.rests_on.push((signed_as, set.record_type()));
        true
    }

    fn prove(&mut self, link: &RecordSet) {
        let part = (LowerName::from(link.name()), link.record_type());
        if !self.rests_on.contains(&part) {
            self.authority.extend(link.records_with_rrsigs().cloned());
            self.rests_on.push(part);
        }
    }
}

fn wildcard(encloser: &LowerName) -> LowerName {
    // A name too long for it has no wildcard below it, and the name itself is none.
    Name::from_labels([b"*".as_slice()])
        .and_then(|star| star.append_domain(encloser))
        .map_or_else(|_| encloser.clone(), LowerName::from)
}

/// One label longer than the encloser, on the way to the name.
fn next_closer<'a>(path: &'a [LowerName], encloser: &'a LowerName) -> &'a LowerName {
    let mut rest = path.iter().skip_while(|name| *name != encloser);
    rest.nth(1).unwrap_or(encloser)
}
