//! What does the running server say to a client from outside?
//!
//! The checks are those of `requiretls check-server`. A server that must not offer REQUIRETLS is asked less, and the
//! keyword is then the fault.

use super::finding::Finding;
use crate::check_server;
use requiretls_transport::{Check, Verdict};

/// Where stock files do not offer it.
const STANDARD: [Check; 3] = [
    Check::KeywordInClear,
    Check::ParameterInClear,
    Check::Keyword,
];

/// Asks the server; `offers`: REQUIRETLS is to be offered.
pub(super) fn check(args: &check_server::Args, offers: bool) -> Result<Vec<Finding>, String> {
    let checks: &[Check] = if offers { &Check::ALL } else { &STANDARD };
    let asked = format!("requiretls check-server {}", args.server());
    match check_server::ask(args, checks) {
        Ok((_, found)) => Ok(found.iter().map(|one| told(one, &asked, offers)).collect()),
        Err((crate::USAGE, why)) => Err(why),
        Err((_, why)) => {
            let advice = "let Exim run and listen there; --server names another place";
            Ok(vec![Finding::unknown(
                "the server answers",
                &asked,
                &why,
                advice,
            )])
        }
    }
}

fn told(found: &requiretls_transport::Finding, asked: &str, offers: bool) -> Finding {
    let (check, said) = (found.check.as_str(), &found.said);
    if found.check == Check::Keyword && !offers {
        let check = "REQUIRETLS is not offered, since nothing here keeps the promise";
        let advice = "take away what offers it, or add the files of full/";
        return match found.verdict {
            Verdict::Holds => Finding::fault(check, asked, said, advice),
            // No TLS, no offer.
            Verdict::Unknown if said != "STARTTLS is not offered" => {
                Finding::unknown(check, asked, said, "")
            }
            _ => Finding::holds(check, asked, said),
        };
    }
    let advice = match found.verdict {
        Verdict::Holds => String::new(),
        Verdict::Unknown => format!(
            "{}; --to names a recipient that the server takes",
            found.check.source()
        ),
        Verdict::Doubt | Verdict::Fault if offers => {
            format!(
                "{}; if this Exim is new, take full/ out of its configuration",
                found.check.source()
            )
        }
        Verdict::Doubt | Verdict::Fault => found.check.source().to_owned(),
    };
    Finding::new(found.verdict, check, asked, said, &advice)
}
