//! What did the sender require? (RFC 8689 sections 2 to 4.1 and 5)

use std::fmt::Write as _;
use std::fs;

use ffi_tests::{Failure, Heard, Result, Said, bounded, kept_in, target};
use requiretls_testbed::trusting;

use crate::build::Build;
use crate::scene::{Daemon, LIMIT, SECRET, Scene};

on_every_build!(
    mail_parameters_are_read,
    the_tag_is_kept_with_the_message,
    the_demos_commands_are_heard,
    not_everybody_may_say_what_a_message_is_about,
);

/// A scenario of the demo that cannot be shown, and why.
const NOT_SHOWN: [(&str, &str); 1] = [(
    "in-tag-untrusted",
    "no client can write a tag; for who can, see the last test here",
)];

/// One that ends in another way: how, and why.
const OTHERWISE: [(&str, &str, &str); 3] = [
    (
        "in-rcpt",
        "refused 501",
        "what RCPT may say is Exim's own: behind the path, nothing",
    ),
    ("in-tag-damaged", "kept 1.secure.onwar", TAKEN),
    ("in-tag-newer", "kept 2.secure", TAKEN),
];
const TAKEN: &str = "what the site's own ACL has set is not refused to the client, but waits";

/// Inside TLS, command, what the reply begins with.
type Row = (bool, &'static str, &'static str);

const ROWS: [Row; 10] = [
    // VF1, VF2: alone, and left and right of other parameters.
    (true, "MAIL FROM:<ann@client.test> REQUIRETLS", "250 OK"),
    (
        true,
        "MAIL FROM:<ann@client.test> requiretls SIZE=10 BODY=8BITMIME",
        "250 OK",
    ),
    (
        true,
        "MAIL FROM:<ann@client.test> RET=HDRS ENVID=x REQUIRETLS",
        "250 OK",
    ),
    // VF8
    (true, "MAIL FROM:<> REQUIRETLS", "250 OK"),
    // VF3
    (
        true,
        "MAIL FROM:<ann@client.test> REQUIRETLS=",
        "501 5.5.4 ",
    ),
    (
        true,
        "MAIL FROM:<ann@client.test> REQUIRETLS=CHAIN",
        "501 5.5.4 ",
    ),
    // VF4, R6
    (
        true,
        "MAIL FROM:<ann@client.test> REQUIRETLS SIZE=10 requiretls",
        "501 5.5.4 ",
    ),
    // VF5, R4
    (
        false,
        "MAIL FROM:<ann@client.test> REQUIRETLS",
        "530 5.7.10 ",
    ),
    (false, "MAIL FROM:<ann@client.test> SIZE=10", "250 OK"),
    // VF17: Exim's own answer to what nobody knows
    (true, "MAIL FROM:<ann@client.test> TLSPOLICY=MAY", "501 "),
];

fn mail_parameters_are_read(build: Build) -> Result<()> {
    let scene = Scene::with(build)?;
    for (in_tls, command, expected) in ROWS {
        let replies = scene.say(60, in_tls, &[command])?;
        // The last but one: QUIT is answered as well.
        assert!(replies.has(expected), "{command}: {replies:?}");
        let keyword = replies
            .0
            .iter()
            .any(|reply| reply.contains("250-REQUIRETLS\n"));
        assert_eq!(keyword, in_tls, "{command}: {replies:?}");
        if !expected.starts_with("250") && !command.contains("TLSPOLICY") {
            let reason = expected.get(4..).unwrap_or_default();
            scene.logged("exim", &["rejected MAIL: ", reason])?;
        }
    }
    let refused = fs::read_to_string(scene.path("exim").join("log/exim4/rejectlog"))?;
    assert_eq!(
        refused.matches("rejected MAIL: 5.5.4").count(),
        3,
        "{refused}"
    );
    assert_eq!(
        refused.matches("rejected MAIL: 5.7.10").count(),
        1,
        "{refused}"
    );
    Ok(())
}

/// The tag stands in the spool file as an ACL variable, which every Exim reads; a bounce will return the header only.
fn the_tag_is_kept_with_the_message(build: Build) -> Result<()> {
    let scene = queueing(build)?;
    for (mail, header, tag, ret) in [
        // R7, VF20: RET=FULL is overruled.
        (
            "MAIL FROM:<ann@client.test> RET=FULL REQUIRETLS",
            "",
            Some("1.secure.onward"),
            2,
        ),
        // R8, VH4: the parameter wins over the field.
        (
            "MAIL FROM:<ann@client.test> REQUIRETLS",
            "TLS-Required: No",
            Some("1.secure.onward"),
            2,
        ),
        (
            "MAIL FROM:<ann@client.test>",
            "TLS-Required: No",
            Some("1.no"),
            0,
        ),
        // VH2
        (
            "MAIL FROM:<ann@client.test> RET=FULL",
            "TLS-Required: Yes",
            None,
            1,
        ),
        ("MAIL FROM:<ann@client.test>", "", None, 0),
        // R9: what an ACL asks for raises what the sender asked for, and does not lower it.
        (
            "MAIL FROM:<ann+1.encrypt@client.test> REQUIRETLS",
            "",
            Some("1.secure.onward"),
            2,
        ),
        (
            "MAIL FROM:<ann+1.no@client.test> REQUIRETLS",
            "TLS-Required: No",
            Some("1.secure.onward"),
            2,
        ),
        (
            "MAIL FROM:<ann+1.encrypt@client.test>",
            "",
            Some("1.encrypt"),
            2,
        ),
    ] {
        let id = scene.submit(mail, header, &["bob@good.test"])?;
        let spool = scene.queued(&id, "-H")?;
        let kept = tag.map(|tag| format!("-aclm _requiretls {}\n{tag}\n", tag.len()));
        match kept {
            Some(kept) => assert!(spool.contains(&kept), "{mail}: {spool}"),
            None => assert!(!spool.contains("_requiretls"), "{mail}: {spool}"),
        }
        let returned = spool
            .lines()
            .find_map(|line| line.strip_prefix("-dsn_ret "));
        assert_eq!(returned.unwrap_or("0"), ret.to_string(), "{mail}: {spool}");
    }
    Ok(())
}

/// What the demo has the library hear, a client says to Exim; a tag from before is what an ACL sets.
fn the_demos_commands_are_heard(build: Build) -> Result<()> {
    let scene = queueing(build)?;
    let (mut table, mut shown, mut wrong) = (String::new(), 0, Vec::new());
    let mut receiving = String::new();
    for mut heard in Heard::all()? {
        if NOT_SHOWN.iter().any(|(id, _)| *id == heard.id) {
            continue;
        }
        if let Some(earlier) = &heard.earlier {
            let sender = format!("<anna+{}@", earlier.tag);
            heard.command = heard.command.replace("<anna@", &sender);
        }
        if heard.receiving != receiving {
            scene.configure("exim", &heard.receiving)?;
            // What it offers is read when it starts.
            scene.restart()?;
            receiving.clone_from(&heard.receiving);
        }
        let config = trusting()?;
        let said = scene
            .servers
            .within(|| heard.say("127.25.0.60", config))??;
        let happened = match said {
            Said::Refused(reply) => reply,
            Said::Taken(id) => kept_in(&scene.queued(&id, "-H")?),
        };
        writeln!(table, "{:<24} {happened:<32} {}", heard.id, heard.about)?;
        let otherwise = OTHERWISE.iter().find(|(id, ..)| *id == heard.id);
        let expected = otherwise.map_or(heard.expected.as_str(), |(_, happened, _)| happened);
        if happened != expected {
            wrong.push(format!("{}: {expected}: {happened}", heard.id));
        }
        shown += 1;
    }
    let name = format!("exim-heard-{}-{}.txt", build.version, build.tls);
    fs::write(target().join(name), table)?;
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", scene.log("exim"));
    assert!(shown >= 25, "{shown}");
    Ok(())
}

/// R8, P6.15: Exim tells another Exim what the message required that the new one is about. A local user may say so too, which
/// raises what is asked, and lowers nothing.
fn not_everybody_may_say_what_a_message_is_about(build: Build) -> Result<()> {
    let scene = queueing(build)?;
    let rows = [
        ("root", "1.secure.onward", "", "kept 1.secure.onward"),
        ("root", "1.no", "", "kept 1.no"),
        ("nobody", "1.encrypt", "", "kept 1.encrypt"),
        ("nobody", "1.no", "", "kept"),
        ("nobody", "1.may", "", "kept"),
        ("nobody", "nonsense", "", "kept !"),
        ("nobody", "2.later", "", "kept !"),
        ("nobody", "", "", "kept"),
        // A field of the message's own counts as ever.
        ("nobody", "1.secure", "TLS-Required: No\n", "kept 1.secure"),
        ("nobody", "1.no", "TLS-Required: No\n", "kept 1.no"),
    ];
    for (n, (user, tag, field, expected)) in rows.iter().enumerate() {
        let recipient = format!("bob-{n}@good.test");
        let mut command = scene.servers.command_inside("exim");
        let user = format!("--userspec={user}");
        command.args([
            "chroot",
            &user,
            "/",
            "/usr/sbin/exim4",
            "-odq",
            "-oMrtls",
            tag,
            &recipient,
        ]);
        let message = format!("{field}Subject: x\n\n{SECRET}\n");
        let output = bounded::run(&mut command, message.as_bytes(), LIMIT)?;
        assert!(output.status.success(), "{user} {tag}: {output:?}");
        let mut spools = fs::read_dir(scene.shared("spool/input"))?
            .filter_map(|file| Some(fs::read(file.ok()?.path()).unwrap_or_default()))
            .map(|text| String::from_utf8_lossy(&text).into_owned())
            .filter(|text| text.contains(&format!("\n{recipient}\n")));
        let spool = spools.next();
        let spool = spool.ok_or_else(|| Failure::new(format!("{recipient} is not queued")))?;
        assert_eq!(kept_in(&spool), *expected, "{user} {tag} {field}: {spool}");
    }
    Ok(())
}

/// An Exim that delivers nothing.
fn queueing(build: Build) -> Result<Scene> {
    let program = build.program()?;
    let mut scene = Scene::open(&[build.root])?;
    scene.run(&Daemon {
        main: "queue_only = true",
        ..Daemon::patched(&program, build)
    })?;
    Ok(scene)
}
