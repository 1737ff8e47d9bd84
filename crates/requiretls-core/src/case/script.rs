//! What the hosts of a case show, told to a delivery step by step.

use super::{
    Answer, Case, CaseAddress, EndWord, MailWord, SecondEhloWord, StarttlsWord, TcpWord,
    VersionWord, WorkedWord, world,
};
use crate::connection::Clearance;
use crate::decision::Row;
use crate::delivery::{Action, Delivery, End, TlsFailure};
use crate::ehlo::ReplyClass;

/// Tries every host and address in order, until one settles the message.
pub(super) fn run(case: &Case, delivery: &mut Delivery) -> Answer {
    let tried = case.hosts.iter().enumerate().filter(|(_, h)| !h.untried);
    for (index, host) in tried {
        if delivery.plan().refused().is_some() {
            break;
        }
        for address in 0..host.addrs.len().max(1) {
            if delivery.host(&world::host_named(index)) != Action::Go {
                break;
            }
            let Some(shown) = host.addrs.get(address) else {
                delivery.done(End::Lost);
                continue;
            };
            if let Some(clearance) = try_address(delivery, shown) {
                return went(&clearance, Some(index), Some(address));
            }
        }
    }
    stayed(delivery)
}

/// One connection; what the message was cleared with, when MAIL was not refused on our account.
fn try_address(delivery: &mut Delivery, shown: &CaseAddress) -> Option<Clearance> {
    match shown.tcp {
        TcpWord::Ok => {}
        TcpWord::Fail => return left(delivery, End::Lost),
        TcpWord::Transient => return left(delivery, End::Reply(450)),
        TcpWord::Permanent => return left(delivery, End::Reply(554)),
    }
    if shown.end == EndWord::Internal {
        delivery.misuse("in a case");
        return None;
    }
    let offered = shown.starttls != StarttlsWord::No;
    let mut action = delivery.ehlo(&shown.ehlo(ReplyClass::Ok, offered));
    if shown.end == EndWord::Ehlo {
        return left(delivery, End::Lost);
    }
    if action == Action::StartTls {
        action = match starttls(delivery, shown) {
            Tls::Up(action) => action,
            Tls::Failed(how) => match delivery.tls_failed(how) {
                Action::Go => delivery.ehlo(&shown.ehlo(ReplyClass::Ok, offered)),
                other => other,
            },
        };
    }
    if action != Action::Go {
        return None;
    }
    let now = match shown.end {
        EndWord::Mail => return left(delivery, End::Lost),
        EndWord::Expired => world::EXPIRED,
        _ => world::NOW,
    };
    let clearance = mail(delivery, shown, now)?;
    let end = match shown.end {
        EndWord::Deferred => End::Reply(450),
        _ => End::Closed,
    };
    (delivery.done(end) == Action::Go).then_some(clearance)
}

/// MAIL, and once more where the parameter was refused.
fn mail(delivery: &mut Delivery, shown: &CaseAddress, now: u64) -> Option<Clearance> {
    loop {
        let clearance = delivery.mail_params(now).ok()?;
        let again = clearance.mail_params().is_empty() && delivery.dropped_parameter();
        let (code, text) = match shown.mail {
            _ if again => (250, "2.1.0 ok"),
            MailWord::Ok => (250, "2.1.0 ok"),
            MailWord::Param => (555, "5.5.4 unsupported parameter"),
            MailWord::TlsDemanded => (530, "5.7.0 Must issue a STARTTLS command first"),
            MailWord::Other => (550, "5.7.1 not from here"),
        };
        match delivery.mail_reply(code, text) {
            Action::Again => {}
            Action::Go => return Some(clearance),
            _ => return None,
        }
    }
}

enum Tls {
    Up(Action),
    Failed(TlsFailure),
}

fn starttls(delivery: &mut Delivery, shown: &CaseAddress) -> Tls {
    match (shown.starttls, shown.hs) {
        (StarttlsWord::Transient, _) => return Tls::Failed(TlsFailure::Reply(454)),
        (StarttlsWord::Permanent, _) => return Tls::Failed(TlsFailure::Reply(502)),
        (StarttlsWord::Yes | StarttlsWord::No, WorkedWord::Fail) => {
            return Tls::Failed(TlsFailure::Rejected);
        }
        (StarttlsWord::Yes | StarttlsWord::No, WorkedWord::Lost) => {
            return Tls::Failed(TlsFailure::Lost);
        }
        (StarttlsWord::Yes | StarttlsWord::No, WorkedWord::Ok) => {}
    }
    let version = match shown.tls {
        VersionWord::V13 => "TLSv1.3",
        VersionWord::V12 => "TLSv1.2",
        VersionWord::V11 => "TLSv1.1",
    };
    let action = delivery.tls(Some(version), Some("TLS_AES_128_GCM_SHA256"));
    if action == Action::Go && shown.end == EndWord::Tls {
        return Tls::Up(delivery.done(End::Lost));
    }
    if action != Action::Go {
        return Tls::Up(action);
    }
    let class = match shown.ehlo2 {
        SecondEhloWord::Ok => ReplyClass::Ok,
        SecondEhloWord::Permanent => ReplyClass::Permanent,
        SecondEhloWord::Transient => return Tls::Failed(TlsFailure::Reply(451)),
    };
    let action = delivery.peer(shown.evidence());
    if action != Action::Go {
        return Tls::Up(action);
    }
    Tls::Up(delivery.ehlo(&shown.ehlo(class, false)))
}

fn left(delivery: &mut Delivery, end: End) -> Option<Clearance> {
    delivery.done(end);
    None
}

pub(super) fn went(clearance: &Clearance, host: Option<usize>, addr: Option<usize>) -> Answer {
    let parameter = clearance.mail_params().trim_start();
    let sends = match (parameter, clearance.ret_hdrs()) {
        ("", true) => "RET=HDRS",
        (parameter, _) => parameter,
    };
    let channel = if clearance.tls() {
        "over TLS"
    } else {
        "in clear text"
    };
    let level = clearance.level();
    Answer {
        action: "go",
        addr,
        code: String::new(),
        enhanced: String::new(),
        host,
        level: level.as_str(),
        row: "",
        sends: sends.to_owned(),
        tls: Some(clearance.tls()),
        who: clearance.who().as_str(),
        unmet: clearance
            .unmet()
            .iter()
            .map(|unmet| unmet.as_str())
            .collect(),
        sentence: format!(
            "goes {channel}; level {level}, imposed by {}",
            clearance.who()
        ),
        then: Vec::new(),
    }
}

pub(super) fn stayed(delivery: &Delivery) -> Answer {
    let outcome = delivery.outcome();
    Answer {
        action: if outcome.action == Action::Bounce {
            "bounce"
        } else {
            "defer"
        },
        addr: None,
        code: outcome.reply.code.to_string(),
        enhanced: outcome.reply.enhanced.to_string(),
        host: None,
        level: "",
        row: outcome.row.map_or("", Row::as_str),
        sends: String::new(),
        tls: None,
        who: outcome.who.as_str(),
        unmet: Vec::new(),
        sentence: outcome.reply.text,
        then: Vec::new(),
    }
}
