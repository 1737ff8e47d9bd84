//! May this message go to that host? (RFC 8689 section 4.2.1, RFC 7672, RFC 8461)

use ffi_tests::Result;

use crate::build::Build;
use crate::scene::{Daemon, Scene};

on_every_build!(
    a_tagged_message_goes_where_its_plan_lets_it,
    an_untagged_message_is_bound_by_its_destination_alone,
    the_next_host_is_tried_and_the_first_stays_usable,
    a_smart_host_is_judged_by_its_configured_name,
);

const R: &str = "MAIL FROM:<ann@client.test> REQUIRETLS";
const NONE: &str = "MAIL FROM:<ann@client.test>";
const NOTICE: &str = "MAIL FROM:<> REQUIRETLS";
const NO: &str = "TLS-Required: No";

/// Client's command, header field, domain; what Exim's log says; host, and the MAIL commands that it must have read.
pub(crate) struct Row {
    mail: &'static str,
    header: &'static str,
    domain: &'static str,
    outcome: &'static [&'static str],
    host: &'static str,
    seen: &'static [&'static str],
}

const fn row(
    mail: &'static str,
    header: &'static str,
    domain: &'static str,
    outcome: &'static [&'static str],
    host: &'static str,
    seen: &'static [&'static str],
) -> Row {
    Row {
        mail,
        header,
        domain,
        outcome,
        host,
        seen,
    }
}

const PARAMETER: &[&str] = &["TLS <ann@client.test> REQUIRETLS RET=HDRS"];
const PLAIN: &[&str] = &["TLS <ann@client.test>"];
const CLEAR: &[&str] = &["clear <ann@client.test>"];

#[rustfmt::skip]
pub(crate) const TAGGED: [Row; 19] = [
    // The chain as the peer sent it: PKIX, DANE-EE and DANE-TA, each alone.
    row(R, "", "good.test", &["=>", " CV=yes "], "mx.good.test", PARAMETER),
    row(R, "", "dane-ee-alone.test", &["=>", " CV=dane "], "mx.dane-ee-alone.test", PARAMETER),
    row(R, "", "dane-ta-alone.test", &["=>", " CV=dane "], "mx.dane-ta-alone.test", PARAMETER),
    row(R, "", "sts-enforce.test", &["=>", " CV=yes "], "mx.sts-enforce.test", PARAMETER),
    row(R, "", "implicit.test", &["=>", " CV=yes "], "implicit.test", PARAMETER),
    // The field does not lower what the parameter asks (R8).
    row(R, NO, "starttls-554.test", &["**", "requiretls: 550 5.7.10 "], "mx.starttls-554.test", &[]),
    // P6 row 9, 13, 14, 12: certain, and the sender's own demand
    row(R, "", "no-starttls.test", &["**", "requiretls: 550 5.7.10 "], "mx.no-starttls.test", &[]),
    row(R, "", "no-requiretls.test", &["**", "requiretls: 550 5.7.30 "], "mx.no-requiretls.test", &[]),
    row(R, "", "requiretls-in-clear.test", &["**", "requiretls: 550 5.7.30 "], "mx.requiretls-in-clear.test", &[]),
    row(R, "", "mail-555.test", &["**", "requiretls: 550 5.7.30 "], "mx.mail-555.test", PARAMETER),
    row(R, "", "cert-unknown.test", &["**", "requiretls: 550 5.7.10 "], "mx.cert-unknown.test", &[]),
    row(R, "", "cert-wrong-name.test", &["**", "requiretls: 550 5.7.10 "], "mx.cert-wrong-name.test", &[]),
    // P6 row 3: no connection at all
    row(R, "", "sts-none.test", &["**", "requiretls: 550 5.7.10 "], "mx.sts-none.test", &[]),
    // P6 rows 10, 11b, 12 and 7 beside a promise: it may heal
    row(R, "", "tls-close.test", &["==", "requiretls: 451 4.7.10 "], "mx.tls-close.test", &[]),
    row(R, "", "ehlo-in-tls-451.test", &["==", "requiretls: 451 4.7.10 "], "mx.ehlo-in-tls-451.test", &[]),
    row(R, "", "dane-ee-wrong.test", &["==", "requiretls: 451 4.7.10 "], "mx.dane-ee-wrong.test", &[]),
    row(R, "", "sts-other.test", &["==", "requiretls: 451 4.7.10 "], "mx.sts-other.test", &[]),
    // P4, null path: encrypted is enough, in clear text is not.
    row(NOTICE, "", "no-requiretls.test", &["=>"], "", &[]),
    row(NOTICE, "", "no-starttls.test", &["==", "requiretls: 451 4.7.10 "], "", &[]),
];

#[rustfmt::skip]
pub(crate) const UNTAGGED: [Row; 13] = [
    // Nothing is asked: as in stock, whatever fails.
    row(NONE, "", "good.test", &["=>"], "mx.good.test", PLAIN),
    row(NONE, "", "no-starttls.test", &["=>"], "mx.no-starttls.test", CLEAR),
    row(NONE, "", "tls-close.test", &["=>"], "mx.tls-close.test", CLEAR),
    row(NONE, "", "starttls-454.test", &["=>"], "mx.starttls-454.test", CLEAR),
    row(NONE, "", "cert-unknown.test", &["=>"], "mx.cert-unknown.test", PLAIN),
    row(NONE, "", "sts-testing.test", &["=>"], "mx.sts-testing.test", PLAIN),
    // The recipient's word binds (P3).
    row(NONE, "", "dane-ee-alone.test", &["=>", " CV=dane "], "mx.dane-ee-alone.test", PLAIN),
    row(NONE, "", "sts-enforce.test", &["=>", " CV=yes "], "mx.sts-enforce.test", PLAIN),
    row(NONE, "", "dane-no-starttls.test", &["==", "requiretls: 451 4.7.4 "], "mx.dane-no-starttls.test", &[]),
    row(NONE, "", "dane-ta-wrong.test", &["==", "requiretls: 451 4.7.5 "], "mx.dane-ta-wrong.test", &[]),
    row(NONE, "", "sts-other.test", &["==", "requiretls: 451 4.7.5 "], "mx.sts-other.test", &[]),
    // R14: but not where the sender gives it up.
    row(NONE, NO, "dane-ee-wrong.test", &["=>"], "mx.dane-ee-wrong.test", PLAIN),
    row(NONE, NO, "sts-301.test", &["=>"], "mx.sts-301.test", PLAIN),
];

/// One message for each row; what the hosts have read.
pub(crate) fn deliver(scene: Scene, rows: &[Row]) -> Result<()> {
    for row in rows {
        let recipient = format!("bob@{}", row.domain);
        let id = scene.submit(row.mail, row.header, &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        for word in row.outcome {
            assert!(
                line.contains(word),
                "{} {} {}: {line}\n{}",
                row.mail,
                row.header,
                row.domain,
                scene.log("exim")
            );
        }
    }
    let received = scene.finish()?;
    for row in rows.iter().filter(|row| !row.host.is_empty()) {
        let all = received.mail(row.host);
        let mut commands: Vec<String> = all.into_iter().filter(|c| !c.contains("<>")).collect();
        commands.dedup();
        assert_eq!(
            commands,
            row.seen,
            "{}:\n{}",
            row.domain,
            received.of(row.host).concat()
        );
    }
    Ok(())
}

fn a_tagged_message_goes_where_its_plan_lets_it(build: Build) -> Result<()> {
    deliver(Scene::with(build)?, &TAGGED)
}

fn an_untagged_message_is_bound_by_its_destination_alone(build: Build) -> Result<()> {
    deliver(Scene::with(build)?, &UNTAGGED)
}

/// P7: the better MX lacks it, the worse one has it. And the host is not held to be down for others afterwards.
fn the_next_host_is_tried_and_the_first_stays_usable(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    let id = scene.submit(R, "", &["bob@hosts.test"])?;
    let line = scene.outcome(&id, "bob@hosts.test")?;
    assert!(
        line.contains("=>") && line.contains("H=mx2.hosts.test"),
        "{line}"
    );
    scene.logged(
        "exim",
        &[&id, "H=mx1.hosts.test", "requiretls: mx1.hosts.test"],
    )?;
    let id = scene.submit(NONE, "", &["bob@hosts.test"])?;
    let line = scene.outcome(&id, "bob@hosts.test")?;
    assert!(
        line.contains("=>") && line.contains("H=mx1.hosts.test"),
        "{line}"
    );
    let received = scene.finish()?;
    assert_eq!(received.mail("mx1.hosts.test"), PLAIN);
    assert_eq!(received.mail("mx2.hosts.test"), PARAMETER);
    Ok(())
}

/// A route of the site's own is judged by the name that stands in the configuration.
fn a_smart_host_is_judged_by_its_configured_name(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    scene.run(&Daemon {
        routers: Some(
            "named:\n  driver = manualroute\n  domains = named.example\n  route_list = * mx.good.test\n  \
             transport = smtp\n  self = send\n\
             two:\n  driver = manualroute\n  domains = two.example\n  \
             route_list = * mx.no-requiretls.test:mx.good.test\n  transport = smtp\n  self = send\n\
             by_mx:\n  driver = manualroute\n  domains = bymx.example\n  route_list = * good.test/MX\n  \
             transport = smtp\n  self = send\n",
        ),
        ..Daemon::patched(&program, build)
    })?;
    for (domain, outcome) in [
        ("named.example", "=>"),
        ("two.example", "=>"),
        ("bymx.example", "=>"),
    ] {
        let recipient = format!("bob@{domain}");
        let id = scene.submit(R, "", &[&recipient])?;
        let line = scene.outcome(&id, &recipient)?;
        assert!(
            line.contains(outcome) && line.contains("H=mx.good.test"),
            "{line}"
        );
    }
    let received = scene.finish()?;
    assert_eq!(
        received.mail("mx.good.test"),
        [PARAMETER, PARAMETER, PARAMETER].concat()
    );
    assert_eq!(received.mail("mx.no-requiretls.test"), [""; 0]);
    Ok(())
}
