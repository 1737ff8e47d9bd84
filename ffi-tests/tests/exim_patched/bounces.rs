//! What do messages about a message keep of it? (RFC 8689 sections 5 and 6)

use std::fs;
use std::time::Duration;

use ffi_tests::{Result, bounded};

use crate::build::Build;
use crate::scene::{Daemon, LIMIT, SECRET, Scene};

on_every_build!(
    a_bounce_has_the_tag_and_the_header_only,
    replies_and_reports_have_the_tag_and_the_header_only,
    a_message_that_is_refused_at_once_is_returned_without_its_body,
    a_warning_has_the_tag_and_the_header_only,
);

/// R28: the bounce says why, returns the header only, and has the tag itself.
fn a_bounce_has_the_tag_and_the_header_only(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    // It cannot be delivered either, so it stays in the queue, where it can be read.
    let mail = "MAIL FROM:<ann@down.test> REQUIRETLS RET=FULL";
    let id = scene.submit(mail, "", &["bob@no-requiretls.test"])?;
    scene.outcome(&id, "bob@no-requiretls.test")?;
    let line = scene.logged("exim", &["<= <> ", &format!("R={id} ")])?;
    let bounce = Scene::id_in(&line);
    scene.logged("exim", &[bounce, "== ann@down.test"])?;
    let (spool, body) = (scene.queued(bounce, "-H")?, scene.queued(bounce, "-D")?);
    assert!(
        spool.contains("-aclm _requiretls 15\n1.secure.onward\n"),
        "{spool}"
    );
    assert!(body.contains("Status: 5.7.30\n"), "{body}");
    assert!(
        body.contains("Diagnostic-Code: smtp; 550 5.7.30 mx.no-requiretls.test: "),
        "{body}"
    );
    assert!(body.contains("Content-type: text/rfc822-headers"), "{body}");
    assert!(
        body.contains("Subject: x") && !body.contains(SECRET),
        "{body}"
    );
    Ok(())
}

/// Away, everything that is returned to the sender, with the tag that it has, and other hosts.
const ROUTERS: &str = "away:\n  driver = accept\n  domains = away.example\n  transport = away\n\
                       kept:\n  driver = accept\n  domains = client.test\n  transport = kept\n\
                       dns:\n  driver = dnslookup\n  transport = smtp\n  self = send\n";
const TRANSPORTS: &str = "away:\n  driver = autoreply\n  from = bob@away.example\n  to = $sender_address\n  subject = away\n  \
                          text = I am away\n  return_message\n  user = Debian-exim\n\
                          kept:\n  driver = appendfile\n  file = /mnt/mail/kept\n  user = Debian-exim\n  \
                          headers_add = X-Tag: $acl_m_requiretls\n";

fn with_replies(build: Build, main: &str) -> Result<Scene> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    scene.run(&Daemon {
        main,
        routers: Some(ROUTERS),
        transport: TRANSPORTS,
        ..Daemon::patched(&program, build)
    })?;
    Ok(scene)
}

impl Scene {
    /// What came back about a message; each is kept alone.
    fn returned(&self, id: &str) -> Result<String> {
        let line = self.logged("exim", &["<= ", &format!("R={id} ")])?;
        let reply = Self::id_in(&line);
        self.logged("exim", &[reply, "=> ann <ann@client.test>"])?;
        self.logged("exim", &[reply, "Completed"])?;
        let kept = fs::read_to_string(self.shared("mail/kept"))?;
        fs::remove_file(self.shared("mail/kept"))?;
        Ok(kept)
    }
}

/// R28, R33: a vacation reply that returns the message, and a report of success.
fn replies_and_reports_have_the_tag_and_the_header_only(build: Build) -> Result<()> {
    let scene = with_replies(build, "")?;
    for (label, parameter, recipient, notify) in [
        ("reply, R", " REQUIRETLS", "bob@away.example", ""),
        ("reply, none", "", "bob@away.example", ""),
        (
            "report, R",
            " REQUIRETLS RET=FULL",
            "bob@away.example",
            " NOTIFY=SUCCESS",
        ),
    ] {
        let mail = format!("MAIL FROM:<ann@client.test>{parameter}");
        let to = format!("RCPT TO:<{recipient}>{notify}");
        let id = scene.submit_lines(&[&mail, &to], "")?;
        let kept = scene.returned(&id)?;
        let tagged = !parameter.is_empty();
        assert_eq!(
            kept.contains("X-Tag: 1.secure.onward\n"),
            tagged,
            "{label}: {kept}"
        );
        assert_eq!(kept.contains(SECRET), !tagged, "{label}: {kept}");
        assert!(kept.contains("Subject: x\n"), "{label}: {kept}");
    }
    Ok(())
}

/// moan.c: what the sender's program gave is not sent at all, and comes back by mail.
fn a_message_that_is_refused_at_once_is_returned_without_its_body(build: Build) -> Result<()> {
    // Not the message that says so, which is asked about too.
    let main = "acl_not_smtp = \"warn senders = ann@client.test : eve@client.test\\n\\\n\
                 \x20 condition = \\${if eq{\\$sender_address_local_part}{ann}}\\n\\\n\
                 \x20 set acl_m_requiretls = 1.secure.onward\\n\\\n\
                 deny senders = ann@client.test : eve@client.test\\n\\\n\
                 accept\"\n";
    let scene = with_replies(build, main)?;
    for (sender, tagged) in [("ann", true), ("eve", false)] {
        let mut command = scene.servers.command_inside("exim");
        command.args([
            "exim4",
            "-oem",
            "-f",
            &format!("{sender}@client.test"),
            "bob@good.test",
        ]);
        let message = format!("Subject: x\n\n{SECRET}\n");
        bounded::run(&mut command, message.as_bytes(), LIMIT)?;
        scene.logged("exim", &[&format!("=> {sender} <{sender}@client.test>")])?;
        let kept = fs::read_to_string(scene.shared("mail/kept"))?;
        fs::remove_file(scene.shared("mail/kept"))?;
        assert_eq!(
            kept.contains("X-Tag: 1.secure.onward\n"),
            tagged,
            "{sender}: {kept}"
        );
        assert_eq!(kept.contains(SECRET), !tagged, "{sender}: {kept}");
    }
    assert_eq!(scene.finish()?.0, "");
    Ok(())
}

/// R28: the message waits, and its sender is told so.
fn a_warning_has_the_tag_and_the_header_only(build: Build) -> Result<()> {
    let scene = with_replies(build, "delay_warning = 1s\n")?;
    for (parameter, tagged) in [(" REQUIRETLS RET=FULL", true), (" RET=FULL", false)] {
        let mail = format!("MAIL FROM:<ann@client.test>{parameter}");
        let id = scene.submit(&mail, "", &["bob@down.test"])?;
        let line = scene.outcome(&id, "bob@down.test")?;
        assert!(line.contains(" == "), "{line}");
        // As long as a message must have waited before anybody is told.
        std::thread::sleep(Duration::from_secs(2));
        scene.inside("exim", &["exim4", "-M", &id])?;
        scene.inside("exim", &["exim4", "-qff"])?;
        let kept = scene.returned(&id)?;
        assert!(kept.contains("Action: delayed\n"), "{kept}");
        assert_eq!(
            kept.contains("X-Tag: 1.secure.onward\n"),
            tagged,
            "{parameter}: {kept}"
        );
        assert!(kept.contains("Subject: x\n"), "{parameter}: {kept}");
        assert!(!tagged || !kept.contains(SECRET), "{kept}");
        scene.inside("exim", &["exim4", "-Mrm", &id])?;
    }
    Ok(())
}
