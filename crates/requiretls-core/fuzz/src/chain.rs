//! Does a chain prove more than is so?
//!
//! The input is read as choices: a chain of certificates in any order, whole or damaged; records,
//! names, roots, a site's methods and a time. A certificate that is whole is what its entry in the
//! list says, so each method's verdict can be compared with what is so; one that is damaged proves
//! nothing by its signature.

use super::certificates::{ALL, Known, NOW, OTHER_ROOT, ROOT, sha256};
use super::der_walk::Parts;
use super::tlsa::{deciding, matches, records};
use arbitrary::{Result, Unstructured};
use requiretls_core::authenticate::{
    CertUndecided, Evidence, Method, Outcome, Reference, Site, Via, authenticate,
};
use requiretls_core::domain::Domain;
use requiretls_core::pkix::{EARLIEST_NOW, Roots};

const NAMES: [&str; 5] = [
    "mx.example.com",
    "example.com",
    "mx.wild.example",
    "a.mx.wild.example",
    "mx.example.net",
];

/// Choices.
pub fn check(data: &[u8]) {
    // Where the bytes end early, there is nothing to compare.
    if let Ok(world) = World::choose(&mut Unstructured::new(data)) {
        world.judge();
    }
}

/// A certificate as sent.
struct Sent {
    der: Vec<u8>,
    /// What it is, where it is whole.
    known: Option<usize>,
}

struct World {
    chain: Vec<Sent>,
    roots: Vec<usize>,
    now: u64,
    reference: Reference,
    site_ca: Option<usize>,
}

impl World {
    fn choose(u: &mut Unstructured<'_>) -> Result<Self> {
        let count = u.int_in_range(0..=4)?;
        let chain = (0..count).map(|_| sent(u)).collect::<Result<_>>()?;
        let roots: &[usize] = match u.int_in_range(0..=7)? {
            0..=3 => &[ROOT],
            4 | 5 => &[ROOT, OTHER_ROOT],
            6 => &[OTHER_ROOT],
            _ => &[],
        };
        let times = [
            NOW,
            NOW,
            NOW,
            0,
            EARLIEST_NOW - 1,
            EARLIEST_NOW,
            1_900_000_000,
        ];
        let now = *u.choose(&times)?;
        let tlsa = if u.ratio(2, 3)? {
            Some((name(u)?, records(u)?))
        } else {
            None
        };
        let site_ca = *u.choose(&[None, Some(ROOT), Some(OTHER_ROOT)])?;
        let pkix_names = optional_name(u)?.into_iter().collect();
        let pins = match u.int_in_range(0..=ALL.len())? {
            0 => Vec::new(),
            n => vec![sha256(spki(ALL[n - 1].der).unwrap())],
        };
        Ok(Self {
            chain,
            roots: roots.to_vec(),
            now,
            site_ca,
            reference: Reference {
                host: optional_name(u)?,
                next_hop: optional_name(u)?,
                expanded: optional_name(u)?,
                via: *u.choose(&[Via::SecureMx, Via::InsecureMx, Via::NoMx])?,
                tlsa,
                site: Site {
                    pkix_names,
                    ca: site_ca.map(|place| Roots::from_der([ALL[place].der])),
                    pins,
                },
            },
        })
    }

    fn judge(&self) {
        let roots = Roots::from_der(self.roots.iter().map(|place| ALL[*place].der));
        assert_eq!(roots.count(), self.roots.len());
        let chain: Vec<&[u8]> = self.chain.iter().map(|sent| sent.der.as_slice()).collect();
        let evidence = authenticate(&self.reference, &chain, &roots, self.now);
        let Some(leaf) = self.chain.first() else {
            let absent = Outcome::Undecided(CertUndecided::NotSupplied);
            assert!(Method::ALL.iter().all(|m| evidence.outcome(*m) == absent));
            assert_eq!(evidence.leaf_key(), None);
            return;
        };
        let key = spki(&leaf.der).map(sha256);
        assert_eq!(evidence.leaf_key(), key);
        self.pkix(&evidence);
        let pins = &self.reference.site.pins;
        let pinned = key.is_some_and(|key| pins.contains(&key));
        assert_eq!(holds(&evidence, Method::SitePin), pinned);
        if holds(&evidence, Method::Dane) {
            self.dane();
        }
    }

    /// A path and a name, for each of the methods that ask for both.
    fn pkix(&self, evidence: &Evidence) {
        let Reference {
            host,
            next_hop,
            site,
            ..
        } = &self.reference;
        let leads = self.leads_to(&self.roots);
        let named = |names: &[Domain]| names.iter().any(|name| self.leaf_is_for(name));
        let site_path = match self.site_ca {
            None => leads,
            Some(ca) => self.leads_to(&[ca]),
        };
        for (method, path, is_named) in [
            (Method::PkixHost, leads, named(host.as_slice())),
            (Method::PkixNextHop, leads, named(next_hop.as_slice())),
            (Method::SitePkix, site_path, named(&site.pkix_names)),
        ] {
            let so = path && is_named;
            if self.chain.iter().all(|sent| sent.known.is_some()) {
                assert_eq!(holds(evidence, method), so, "{method:?}");
            } else {
                assert!(so || !holds(evidence, method), "{method:?} with damage");
            }
        }
    }

    /// Whether the leaf is whole and in its time, and everything between it and a root was sent.
    fn leads_to(&self, roots: &[usize]) -> bool {
        let Some(leaf) = self.chain[0].known else {
            return false;
        };
        let sent = |place| self.chain[1..].iter().any(|sent| sent.known == Some(place));
        let in_time = |place: usize| ALL[place].is_valid_at(self.now);
        if self.now < EARLIEST_NOW || !in_time(leaf) || ALL[leaf].is_ca {
            return false;
        }
        let mut issuer = ALL[leaf].issuer;
        while !roots.contains(&issuer) {
            if !sent(issuer) || !in_time(issuer) || ALL[issuer].issuer == issuer {
                return false;
            }
            issuer = ALL[issuer].issuer;
        }
        leaf != issuer
    }

    fn leaf(&self) -> Option<&'static Known> {
        self.chain[0].known.map(|place| &ALL[place])
    }

    fn leaf_is_for(&self, name: &Domain) -> bool {
        self.leaf()
            .is_some_and(|leaf| leaf.is_for(name.as_str(), false))
    }

    /// DANE has held: a record that decides must match something, and what it asks besides be so.
    fn dane(&self) {
        let (base, records) = self.reference.tlsa.as_ref().expect("held without records");
        let deciding = deciding(records);
        let leaf = &self.chain[0];
        if deciding
            .iter()
            .any(|r| r.usage == 3 && matches(r, &leaf.der))
        {
            return;
        }
        let mut anchors = deciding.iter().filter(|r| r.usage == 2);
        let by_chain = anchors
            .clone()
            .any(|r| self.chain[1..].iter().any(|c| matches(r, &c.der)));
        let by_itself = anchors.any(|r| r.matching == 0);
        assert!(by_chain || by_itself, "no record matches");
        assert!(
            self.now >= EARLIEST_NOW,
            "dates are believed under a wrong clock"
        );
        let known = self.leaf().expect("a damaged leaf that no record names");
        assert!(known.is_valid_at(self.now), "out of its time");
        let Reference {
            host,
            next_hop,
            expanded,
            ..
        } = &self.reference;
        let names: Vec<&Domain> = match self.reference.via {
            Via::SecureMx => [Some(base), next_hop.as_ref(), expanded.as_ref()]
                .into_iter()
                .flatten()
                .collect(),
            Via::InsecureMx => vec![host.as_ref().unwrap_or(base)],
            Via::NoMx => [Some(base), host.as_ref()].into_iter().flatten().collect(),
        };
        let is_for_one = names.iter().any(|name| known.is_for(name.as_str(), true));
        assert!(is_for_one, "for none of {names:?}");
    }
}

fn holds(evidence: &Evidence, method: Method) -> bool {
    evidence.outcome(method) == Outcome::Holds
}

fn spki(der: &[u8]) -> Option<&[u8]> {
    Parts::of(der).map(|parts| &der[parts.spki])
}

fn sent(u: &mut Unstructured<'_>) -> Result<Sent> {
    let place = u.choose_index(ALL.len())?;
    let mut der = ALL[place].der.to_vec();
    let damaged = u.ratio(1, 8)?;
    if damaged {
        let at = u.choose_index(der.len())?;
        der[at] ^= 1 << u.int_in_range(0..=7)?;
    }
    Ok(Sent {
        der,
        known: (!damaged).then_some(place),
    })
}

fn name(u: &mut Unstructured<'_>) -> Result<Domain> {
    Ok(Domain::parse(u.choose(&NAMES)?.as_bytes()).unwrap())
}

fn optional_name(u: &mut Unstructured<'_>) -> Result<Option<Domain>> {
    if u.ratio(4, 5)? {
        name(u).map(Some)
    } else {
        Ok(None)
    }
}
