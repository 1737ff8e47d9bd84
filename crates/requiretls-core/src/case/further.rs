//! What becomes of further messages while the first one's connection stands open?
//!
//! Each is judged by a plan of its own against what the first message's connection has proved
//! (P9): it is sent there, or tried on connections of its own.

use super::world::{EXPIRED, NOW, Where, host_named};
use super::{Answer, Case, TagWord, script};
use crate::delivery::{Action, Delivery};
use crate::session::Session;
use serde::{Deserialize, Serialize};

/// A further message to the hosts of a case.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // as the case has them
pub struct Further {
    /// The tag, as in [`Case::tag`].
    pub tag: TagWord,
    /// The draft's DNSSEC option on an F tag.
    pub dnssec: bool,
    /// Whether the return path is empty.
    pub null_path: bool,
    /// AUTH credentials will be sent.
    pub auth_credentials: bool,
    /// The first message's next hop, or another one that leads to the same hosts under the same
    /// rule.
    pub next_hop: NextHopWord,
    /// It comes when the facts that the open connection rests on have expired, with facts of its
    /// own.
    pub expired: bool,
}

/// The next hop of a further message.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum NextHopWord {
    /// That of the case.
    #[serde(rename = "same")]
    Same,
    /// Another one.
    #[serde(rename = "other")]
    Other,
}

/// What becomes of a further message.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct FurtherAnswer {
    /// `reused`: it goes over the open connection; `new`: over one of its own; `none`: it does not
    /// go.
    pub connection: &'static str,
    /// Why the open connection is not used; empty where it is, or there is none.
    pub not_reused: String,
    /// As for the first message.
    #[serde(flatten)]
    pub answer: Answer,
}

impl Default for Further {
    fn default() -> Self {
        Self {
            tag: TagWord::None,
            dnssec: false,
            null_path: false,
            auth_credentials: false,
            next_hop: NextHopWord::Same,
            expired: false,
        }
    }
}

/// `first` is the delivery of the case's own message at its end.
pub(super) fn run(case: &Case, first: &Delivery, answer: &Answer) -> Vec<FurtherAnswer> {
    // As it would come from another process.
    let session = first
        .session()
        .and_then(|session| Session::parse(&session.to_string()).ok());
    let open = session.zip(answer.host).zip(answer.addr);
    case.then
        .iter()
        .map(|message| judge(case, *message, open.as_ref()))
        .collect()
}

type Open = ((Session, usize), usize);

fn judge(case: &Case, message: Further, open: Option<&Open>) -> FurtherAnswer {
    let own = Case {
        tag: message.tag,
        dnssec: message.dnssec,
        null_path: message.null_path,
        auth_credentials: message.auth_credentials,
        then: Vec::new(),
        ..case.clone()
    };
    let now = if message.expired { EXPIRED } else { NOW };
    let plan = own.plan_to(Where {
        other: message.next_hop == NextHopWord::Other,
        expires: now + EXPIRED,
    });
    let mut not_reused = String::new();
    let mut delivery = Delivery::new(plan.clone());
    if let Some(((session, host), address)) = open.filter(|_| plan.refused().is_none()) {
        if delivery.resume(&host_named(*host), session, now) == Action::Go
            && let Ok(clearance) = delivery.mail_params(now)
        {
            return FurtherAnswer {
                connection: "reused",
                not_reused,
                answer: script::went(&clearance, Some(*host), Some(*address)),
            };
        }
        not_reused = delivery
            .why()
            .map(|why| why.text.clone())
            .unwrap_or_default();
    }
    let answer = script::run(&own, &mut Delivery::new(plan));
    FurtherAnswer {
        connection: if answer.action == "go" { "new" } else { "none" },
        not_reused,
        answer,
    }
}
