//! What if the requirement comes in the mail server's own way?
//!
//! Exim has a variable that an ACL sets, Postfix 3.11 takes REQUIRETLS from its clients.

use ffi_tests::Result;
use requiretls_core::tag;

use crate::exim::Exim;
use crate::mail_server::Handing;
use crate::outcome::Fate::{self, Bounced, Deferred, Delivered};
use crate::postfix::Postfix;
use crate::readme;
use crate::scene::{SENDER, Scene};
use crate::submission::Submission;

/// What the ACL sets, the next hop, and what becomes of it.
#[rustfmt::skip]
const SET: [(&str, &str, Fate, &str); 6] = [
    ("1.secure.onward", "good.test", Delivered, "250 2.0.0 Taken"),
    ("1.secure.onward", "no-requiretls.test", Bounced, "550 5.7.30"),
    ("1.encrypt", "no-starttls.test", Bounced, "550 5.7.10"),
    // Neither is one, and none of it becomes a word of a command line, or another field.
    ("1.secure.onwar", "good.test", Deferred, "451 4.3.0"),
    ("1.no --config=/tmp/x", "good.test", Deferred, "451 4.3.0"),
    ("!", "good.test", Deferred, "451 4.3.0"),
];

/// A tag that an ACL sets out of a text from anybody.
pub(crate) fn by_variable(server: Exim, handing: Handing) -> Result<()> {
    let scene = Scene::start(Box::new(server), handing)?;
    let address = |n, domain| format!("set-{n}@{domain}");
    for (n, (tag, domain, ..)) in SET.iter().enumerate() {
        scene.submit(&Submission {
            sender: SENDER.to_owned(),
            recipients: vec![address(n, domain)],
            header: format!("X-Site-Tag: {tag}\r\n"),
            body: "\r\n".to_owned(),
        })?;
    }
    for (n, (tag, domain, fate, words)) in SET.iter().enumerate() {
        let address = address(n, domain);
        let outcome = scene.outcome(&address)?;
        assert_eq!(outcome.fate, *fate, "{tag}: {outcome}");
        assert!(outcome.words.contains(words), "{tag}: {outcome}");
        match fate {
            Delivered => {
                let taken = scene.taken(&address);
                let with = |p: &String| p == "REQUIRETLS";
                assert!(taken.iter().all(|m| m.mail_parameters.iter().any(with)));
            }
            // R28: the bounce requires what the message required.
            Bounced if tag.contains("onward") => {
                let bounce = scene.until("a bounce arrives", || {
                    let mut bounces = scene.taken(SENDER);
                    bounces.retain(|m| String::from_utf8_lossy(&m.body).contains(&address));
                    Ok(bounces.pop())
                })?;
                assert_eq!(bounce.return_path, "", "{tag}");
                let parameters = &bounce.mail_parameters;
                assert!(
                    parameters.iter().any(|p| p == "REQUIRETLS"),
                    "{parameters:?}"
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// REQUIRETLS, as a client of Postfix 3.11 asks for it, to a next hop that has it and to one that lacks it.
pub(crate) fn by_parameter() -> Result<()> {
    let listener = readme::lines("requiretls.conf, Postfix 3.11")?;
    let scene = Scene::configured(Box::new(Postfix("postfix311")), &listener)?;
    for recipient in ["asked@good.test", "asked@no-requiretls.test"] {
        let submit = format!(
            "printf 'Subject: asked\\n\\nbody\\n' | sendmail -O requiretls=yes -f {SENDER} {recipient}"
        );
        scene.servers().inside("host", &["sh", "-c", &submit])?;
    }
    let outcome = scene.outcome("asked@good.test")?;
    assert_eq!(outcome.fate, Delivered, "{outcome}");
    let taken = scene.taken("asked@good.test");
    for message in &taken {
        let body = String::from_utf8_lossy(&message.body);
        assert!(!body.contains("Require-TLS-ESMTP"), "{body}");
        assert!(message.mail_parameters.iter().any(|p| p == "REQUIRETLS"));
    }
    assert_eq!(taken.len(), 1);
    let outcome = scene.outcome("asked@no-requiretls.test")?;
    assert_eq!(outcome.fate, Bounced, "{outcome}");
    assert!(outcome.words.contains("550 5.7.30"), "{outcome}");
    Ok(())
}

/// The list that Exim looks a tag up in has every tag that there is, and nothing else.
pub(crate) fn every_tag_is_listed() -> Result<()> {
    let listed = ffi_tests::workspace().join("crates/requiretls-capi/hosts/exim/tags");
    let listed = std::fs::read_to_string(listed)?;
    let mut listed: Vec<&str> = listed
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.trim_end_matches(':'))
        .collect();
    listed.sort_unstable();
    let mut all = vec!["1.no".to_owned(), "1.may".to_owned()];
    for level in ["encrypt", "secure"] {
        all.push(format!("1.{level}"));
        for proof in ["", ".either", ".chain", ".dane", ".both"] {
            for dnssec in ["", ".dnssec"] {
                all.push(format!("1.{level}.onward{proof}{dnssec}"));
            }
        }
    }
    all.retain(|text| tag::parse(text).is_ok());
    all.sort_unstable();
    assert_eq!(listed, all);
    Ok(())
}
