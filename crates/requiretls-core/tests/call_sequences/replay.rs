//! Does a delivery that is written as a case decide as it does itself?

use requiretls_core::case::{Answer, Case};
use requiretls_core::delivery::{Action, Delivery};

/// Whether there was a case to compare; the error says what differs.
pub(crate) fn agrees(delivery: &Delivery, gate: bool) -> Result<bool, String> {
    if gate {
        let case = Case::of_message(delivery).ok_or("no case of a message that goes")?;
        let clearance = delivery.clearance().ok_or("no clearance")?;
        let parameter = clearance.mail_params().trim_start();
        let sends = match (parameter, clearance.ret_hdrs()) {
            ("", true) => "RET=HDRS",
            (parameter, _) => parameter,
        };
        let unmet: Vec<&str> = clearance.unmet().iter().map(|u| u.as_str()).collect();
        let said = format!(
            "go {} by {} sends {sends} tls {:?} unmet {unmet:?}",
            clearance.level(),
            clearance.who(),
            Some(clearance.tls()),
        );
        compare(&case, &said, |a| {
            let Answer {
                level, who, sends, ..
            } = a;
            format!(
                "{} {level} by {who} sends {sends} tls {:?} unmet {:?}",
                a.action, a.tls, a.unmet
            )
        })?;
    }
    let Some(case) = Case::of_verdict(delivery) else {
        return Ok(false);
    };
    let outcome = delivery.outcome();
    if outcome.action == Action::Go {
        compare(&case, "go", |answer| answer.action.to_owned())?;
        return Ok(true);
    }
    let row = outcome.row.map_or("", |row| row.as_str());
    let said = format!(
        "{} {} {} row {row} by {}",
        outcome.action.as_str(),
        outcome.reply.code,
        outcome.reply.enhanced,
        outcome.who
    );
    compare(&case, &said, |a| {
        format!(
            "{} {} {} row {} by {}",
            a.action, a.code, a.enhanced, a.row, a.who
        )
    })?;
    Ok(true)
}

fn compare(case: &Case, said: &str, read: impl Fn(&Answer) -> String) -> Result<(), String> {
    let line = case.line();
    let again = Case::parse(&line).map_err(|e| format!("{e}: {line}"))?;
    let replayed = read(&again.decide());
    if replayed == said {
        Ok(())
    } else {
        Err(format!("is {said}, replayed {replayed}: {line}"))
    }
}
