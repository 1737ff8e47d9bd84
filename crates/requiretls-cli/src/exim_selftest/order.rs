//! Does mail meet the routers in the right order?

use super::exim::Options;
use super::finding::Finding;
use requiretls_transport::Verdict;

const ASKED: &str = "exim -bP router_list";
/// Routers that send to other hosts.
const TO_HOSTS: [&str; 5] = [
    "dnslookup",
    "ipliteral",
    "iplookup",
    "manualroute",
    "queryprogram",
];
/// What keeps a router from taking all addresses.
const CONDITIONS: [&str; 6] = [
    "check_local_user",
    "condition",
    "domains",
    "local_parts",
    "require_files",
    "senders",
];

/// All routers by name and with their options, in their order.
pub(super) struct Routers(Vec<(String, Options)>);

impl Routers {
    /// As Exim prints them.
    pub(super) fn new(routers: Vec<(String, Options)>) -> Self {
        Self(routers)
    }

    /// Each with its options.
    pub(super) fn all(&self) -> &[(String, Options)] {
        &self.0
    }

    /// Whether there is one of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.place(name).is_some()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|(found, _)| found == name)
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.0.iter().map(|(name, _)| name.as_str()).collect();
        names.join(" ")
    }

    /// Who may take tagged mail before the library is asked; `own` are the domains that do not leave the server.
    pub(super) fn before_tagged(&self, own: &str) -> Finding {
        let check = "tagged mail meets the router requiretls_tagged_plan first";
        let Some(end) = self.place("requiretls_tagged_plan") else {
            return self.missing(check, "requiretls_tagged_plan");
        };
        let before = self.0.iter().take(end);
        let worst = before
            .map(|(name, options)| (risk(options, own), name))
            .filter(|(verdict, _)| *verdict != Verdict::Holds)
            .max_by_key(|(verdict, _)| *verdict);
        match worst {
            None => Finding::holds(check, ASKED, &self.names()),
            Some((verdict, name)) => Finding::new(
                verdict,
                check,
                ASKED,
                &format!("the router {name} comes before it ({})", self.names()),
                "let routers-tagged.conf be the first of the routers for domains that are not this server's own (REQUIRETLS_OWN_DOMAINS)",
            ),
        }
    }

    /// Whether the second follows the first at once: what the first has found is for it.
    pub(super) fn follows(&self, first: &str, second: &str) -> Finding {
        let check = format!("the router {second} follows {first} at once");
        match (self.place(first), self.place(second)) {
            (Some(a), Some(b)) if b == a + 1 => Finding::holds(&check, ASKED, &self.names()),
            (Some(_), Some(_)) => Finding::fault(
                &check,
                ASKED,
                &self.names(),
                "include the file as it is shipped, with nothing between its routers",
            ),
            (None, _) => self.missing(&check, first),
            (_, None) => self.missing(&check, second),
        }
    }

    /// Whether MX records are looked up by anybody before the policy is.
    pub(super) fn before_policy(&self) -> Finding {
        let check = "mail meets the router requiretls_policy before MX records are looked up";
        let Some(end) = self.place("requiretls_policy") else {
            return self.missing(check, "requiretls_policy");
        };
        let is_lookup = |options: &Options| options.get("driver").is_some_and(|d| d == "dnslookup");
        let own_domains = |options: &Options| options.get("domains").cloned().unwrap_or_default();
        let ours = self.0.get(end).map(|(_, options)| own_domains(options));
        let mut before = self
            .0
            .iter()
            .take(end)
            .filter(|(_, options)| is_lookup(options));
        let advice =
            "let routers-policy.conf stand before the router for all other domains (dnslookup)";
        match before.next() {
            None => Finding::holds(check, ASKED, &self.names()),
            Some((name, options)) => {
                let domains = own_domains(options);
                let takes_all = domains.is_empty() || Some(&domains) == ours.as_ref();
                let verdict = if takes_all {
                    Verdict::Fault
                } else {
                    Verdict::Doubt
                };
                let said = format!("the router {name} comes before it ({})", self.names());
                Finding::new(verdict, check, ASKED, &said, advice)
            }
        }
    }

    fn missing(&self, check: &str, name: &str) -> Finding {
        let said = format!("there is no {name} ({})", self.names());
        Finding::fault(check, ASKED, &said, "include the file as it is shipped")
    }
}

/// What a router before ours means for tagged mail.
fn risk(options: &Options, own: &str) -> Verdict {
    let value = |option: &str| options.get(option).map_or("", String::as_str);
    let is_set = |option: &str| !matches!(value(option), "" | "false");
    if value("domains") == own || value("verify_only") == "true" {
        return Verdict::Holds;
    }
    let takes_all = !CONDITIONS.iter().any(|option| is_set(option));
    if takes_all || TO_HOSTS.contains(&value("driver")) {
        Verdict::Fault
    } else {
        Verdict::Doubt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routers(list: &[(&str, &[(&str, &str)])]) -> Routers {
        let options = |list: &[(&str, &str)]| -> Options {
            list.iter()
                .map(|&(n, v)| (n.to_owned(), v.to_owned()))
                .collect()
        };
        Routers(
            list.iter()
                .map(|(name, o)| ((*name).to_owned(), options(o)))
                .collect(),
        )
    }

    const OWN: &str = "+local_domains";
    const OTHERS: (&str, &str) = ("domains", "! +local_domains");
    const PLAN: (&str, &[(&str, &str)]) = ("requiretls_tagged_plan", &[OTHERS]);

    #[test]
    fn who_may_take_tagged_mail() {
        type Row<'a> = (&'a str, &'a [(&'a str, &'a str)], Verdict);
        #[rustfmt::skip]
        let table: [Row<'_>; 7] = [
            ("for the own domains", &[("driver", "accept"), ("domains", OWN)], Verdict::Holds),
            ("asked for verification only", &[("driver", "accept"), ("verify_only", "true")], Verdict::Holds),
            ("for all", &[("driver", "accept")], Verdict::Fault),
            ("for all, said otherwise", &[("driver", "accept"), ("domains", ""), ("check_local_user", "false")], Verdict::Fault),
            ("MX records", &[("driver", "dnslookup"), OTHERS], Verdict::Fault),
            ("a route of the site's", &[("driver", "manualroute"), ("domains", "partner.test")], Verdict::Fault),
            ("aliases", &[("driver", "redirect"), ("domains", "lists.test")], Verdict::Doubt),
        ];
        for (label, options, expected) in table {
            let found = routers(&[("other", options), PLAN]).before_tagged(OWN);
            assert_eq!(found.verdict, expected, "{label}: {}", found.said);
            let behind = routers(&[PLAN, ("other", options)]).before_tagged(OWN);
            assert_eq!(behind.verdict, Verdict::Holds, "{label}, behind");
        }
        assert_eq!(
            routers(&[]).before_tagged(OWN).verdict,
            Verdict::Fault,
            "none at all"
        );
    }

    #[test]
    fn who_looks_up_before_the_policy() {
        let policy: (&str, &[(&str, &str)]) = ("requiretls_policy", &[OTHERS]);
        let bound: (&str, &[(&str, &str)]) =
            ("requiretls_bound", &[("driver", "dnslookup"), OTHERS]);
        let all: (&str, &[(&str, &str)]) = ("dnslookup", &[("driver", "dnslookup"), OTHERS]);
        let some: (&str, &[(&str, &str)]) =
            ("some", &[("driver", "dnslookup"), ("domains", "a.test")]);
        for (label, list, order, next) in [
            (
                "as it should be",
                vec![policy, bound, all],
                Verdict::Holds,
                Verdict::Holds,
            ),
            (
                "after the one for all",
                vec![all, policy, bound],
                Verdict::Fault,
                Verdict::Holds,
            ),
            (
                "after one for some",
                vec![some, policy, bound, all],
                Verdict::Doubt,
                Verdict::Holds,
            ),
            (
                "with one between",
                vec![policy, all, bound],
                Verdict::Holds,
                Verdict::Fault,
            ),
            (
                "the second alone",
                vec![bound, all],
                Verdict::Fault,
                Verdict::Fault,
            ),
        ] {
            let routers = routers(&list);
            assert_eq!(routers.before_policy().verdict, order, "{label}");
            let follows = routers.follows("requiretls_policy", "requiretls_bound");
            assert_eq!(follows.verdict, next, "{label}");
        }
    }
}
