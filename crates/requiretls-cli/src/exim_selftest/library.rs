//! Does the library answer Exim?
//!
//! Asked by `exim -be`, as the configuration does it. A question about a domain goes to the network, as Exim's user.

use super::exim::Exim;
use super::finding::Finding;
use super::shipped;

/// What a stock Exim is asked about.
pub(super) struct Library<'a> {
    pub(super) exim: &'a Exim,
    /// requiretls-exim.so.
    pub(super) path: &'a str,
    /// A domain that is known to have a policy.
    pub(super) domain: &'a str,
}

const INSTALL: &str =
    "install requiretls-exim and librequiretls0, both of one version; \"ldd\" says what it lacks";

impl Library<'_> {
    /// Everything that needs no network. Where the first fails, nothing else can be asked.
    pub(super) fn answers(&self) -> Vec<Finding> {
        let here = self.is_here();
        if here.verdict != requiretls_transport::Verdict::Holds {
            return vec![here];
        }
        let tag = |tag: &str| format!("{{requiretls_tag}}{{{tag}}}");
        let waits = "{requiretls_plan}{!}{example.com}{a@example.com}{}{$exim_uid}{$exim_gid}";
        let read =
            "requiretls.conf cannot be read, or the library is broken: requiretls check-config";
        vec![
            here,
            self.answer(
                "a tag in $acl_m_requiretls is understood",
                &tag("1.secure.onward"),
                "1.secure.onward",
                read,
            ),
            self.answer("what is no tag is none", &tag("1.nonsense"), "!", read),
            self.answer(
                "mail whose tag cannot be read waits",
                waits,
                ":defer: 451 4.3.0 ",
                read,
            ),
        ]
    }

    fn call(&self, question: &str) -> (String, Result<String, String>) {
        let text = format!("${{dlfunc{{{}}}{question}}}", self.path);
        let said = self.exim.expand(&text);
        (format!("exim -be '{text}'"), said)
    }

    /// Whether it is loaded, and is what the files ask for.
    fn is_here(&self) -> Finding {
        let check = "Exim loads requiretls-exim.so, and it is what the shipped files ask for";
        let version = shipped::functions_version();
        match self.call(&format!("{{requiretls_here}}{{{version}}}")) {
            (asked, Ok(said)) if said == "yes" => Finding::holds(check, &asked, &said),
            (asked, Ok(said)) => {
                Finding::fault(check, &asked, &format!("\"{said}\", not \"yes\""), INSTALL)
            }
            (asked, Err(why)) => Finding::fault(check, &asked, &why, INSTALL),
        }
    }

    fn answer(&self, check: &str, question: &str, begins: &str, advice: &str) -> Finding {
        match self.call(question) {
            // A text that ends with a blank is the beginning of a sentence.
            (asked, Ok(said))
                if said == begins || begins.ends_with(' ') && said.starts_with(begins) =>
            {
                Finding::holds(check, &asked, &said)
            }
            (asked, Ok(said)) => Finding::fault(
                check,
                &asked,
                &format!("\"{said}\", not \"{begins}\""),
                advice,
            ),
            (asked, Err(why)) => Finding::fault(check, &asked, &why, INSTALL),
        }
    }

    /// Whether the library finds a policy as Exim's user, and whether it was found.
    pub(super) fn finds_a_policy(&self) -> (Finding, bool) {
        let domain = self.domain;
        let check = format!("the library finds the policy of {domain} for Exim's user");
        let question = format!(
            "{{requiretls_plan}}{{}}{{{domain}}}{{postmaster@$primary_hostname}}{{}}{{$exim_uid}}{{$exim_gid}}"
        );
        let (asked, said) = self.call(&question);
        let finding = match said {
            Err(why) => Finding::fault(&check, &asked, &why, INSTALL),
            Ok(said) if said.starts_with(":defer: 451 4.3.5 ") => {
                let advice =
                    "mail waits until this can be read by Exim's user: requiretls check-config";
                Finding::fault(&check, &asked, &said, advice)
            }
            Ok(said) if said.starts_with(':') => {
                let advice = format!(
                    "it is not found out now: requiretls check {domain}; --domain names another one"
                );
                Finding::unknown(&check, &asked, &said, &advice)
            }
            Ok(said) if said.is_empty() => {
                let advice =
                    format!("requiretls check {domain} says why; --domain names another one");
                Finding::unknown(&check, &asked, "there is none", &advice)
            }
            Ok(said) => return (Finding::holds(&check, &asked, &said), true),
        };
        (finding, false)
    }

    /// How Exim routes mail to that domain.
    pub(super) fn is_routed_by_it(&self) -> Finding {
        let domain = self.domain;
        let check = format!("mail to {domain} goes by requiretls_smtp");
        let address = format!("postmaster@{domain}");
        let asked = format!("exim -bt {address}");
        match self.exim.route(&address) {
            Ok(said) if said.contains("router = requiretls_bound, transport = requiretls_smtp") => {
                Finding::holds(&check, &asked, &said)
            }
            Ok(said) => {
                let advice =
                    "some other router takes it: let routers-policy.conf stand before that one";
                Finding::fault(&check, &asked, &said, advice)
            }
            Err(why) => Finding::unknown(&check, &asked, &why, ""),
        }
    }

    /// What the transport says of a connection that nothing is known of. `gate`: its `authenticated_sender`.
    pub(super) fn refuses_what_it_has_not_seen(&self, gate: &str) -> Finding {
        let check = "MAIL waits on a connection that the library has not seen";
        let asked = "exim -be, authenticated_sender of requiretls_smtp";
        match self.exim.expand(gate) {
            Err(why) => Finding::holds(check, asked, &why),
            Ok(said) => {
                let said = format!("\"{said}\", which lets MAIL go");
                Finding::fault(
                    check,
                    asked,
                    &said,
                    "include transports.conf as it is shipped",
                )
            }
        }
    }
}
