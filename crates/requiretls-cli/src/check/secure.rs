//! Which half is missing for level secure?
//!
//! Two things must hold together: something vouches that this host is the one for the domain, and
//! the host can prove to be itself. One without the other protects nothing (R18 to R21, P4a).

use requiretls_core::facts::{Route, Security, Sts, Tlsa};
use requiretls_core::plan::{Candidate, Plan};
use serde::Serialize;

/// One half.
#[derive(Debug, Serialize)]
pub(super) struct Half {
    pub(super) is_there: bool,
    pub(super) why: String,
}

impl Half {
    fn yes(why: impl Into<String>) -> Self {
        Self {
            is_there: true,
            why: why.into(),
        }
    }

    fn no(why: impl Into<String>) -> Self {
        Self {
            is_there: false,
            why: why.into(),
        }
    }
}

/// What vouches for the n-th host.
pub(super) fn way(plan: &Plan, n: usize) -> Half {
    let facts = plan.facts();
    let unsigned = match &facts.route {
        Route::Mx(Security::Secure) => return Half::yes("its MX record is signed"),
        Route::Implicit(_) => return Half::yes("the domain is the host"),
        Route::Configured => return Half::yes("the site names the host"),
        Route::Literal => return Half::no("nothing is behind an address"),
        Route::Mx(Security::Insecure) => "its MX record is not signed",
        Route::Mx(Security::Unknown) => "nobody validates its MX record",
        Route::Failed(_) | Route::NullMx(_) | Route::NoDomain(_) => {
            return Half::no("there is no host");
        }
    };
    let host = plan.candidates().get(n).and_then(|c| c.host.name());
    match &facts.sts {
        Sts::Live { policy, .. } if host.is_some_and(|host| policy.matches(host)) => {
            Half::yes(format!("{unsigned}, but the MTA-STS policy names it"))
        }
        Sts::Live { .. } => Half::no(format!(
            "{unsigned}, and the MTA-STS policy names other hosts"
        )),
        Sts::Unknown(_) => Half::no(format!(
            "{unsigned}, and the MTA-STS policy could not be had"
        )),
        Sts::None => Half::no(format!("{unsigned}, and there is no MTA-STS policy")),
    }
}

/// How the n-th host can prove to be itself.
pub(super) fn host(plan: &Plan, n: usize) -> Half {
    let candidate = plan.candidates().get(n);
    let tlsa = plan.facts().hosts.get(n).map(|host| &host.tlsa);
    let (Some(candidate), Some(tlsa)) = (candidate, tlsa) else {
        return Half::no("there is no host");
    };
    if let Tlsa::Failed(failure) = tlsa {
        return Half::no(format!("{failure}"));
    }
    match candidate.terms.method() {
        "dane" | "dane+pkix" => Half::yes("by its TLSA records"),
        "pin" => Half::yes("by the key that the site pins"),
        _ => Half::yes(format!(
            "if its certificate is valid and for {}",
            names(plan, candidate)
        )),
    }
}

fn names(plan: &Plan, candidate: &Candidate) -> String {
    let names: Vec<&str> = plan
        .names(candidate)
        .into_iter()
        .map(requiretls_core::domain::Domain::as_str)
        .collect();
    match names.as_slice() {
        [] => candidate.host.to_string(),
        names => names.join(" or "),
    }
}
