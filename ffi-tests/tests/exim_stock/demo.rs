//! Which of the demo's scenarios can a stock Exim show, and does the demo's judge find a leak?
//!
//! `requiretls demo --keep` leaves its world running and says what each scenario sends, and where to. Here Exim sends it, by
//! the standard files. What is expected is what the demo expects, unless the tables say otherwise; and when the world ends its
//! judge looks at what the peers have seen.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use ffi_tests::{Demo, Failure, Result, Scenario, target};

use crate::scene::{Scene, Setting};

on_every_exim!(
    the_demos_scenarios_end_as_the_demo_expects,
    the_demos_judge_finds_what_leaks_without_the_files,
);

/// Exim's resolver asks port 53, and its transports go to port 25.
const MAIL_PORTS: &[&str] = &["--mail-ports"];
/// What Exim cannot be made to do here, and why.
const NOT_SHOWN: [(&str, &str); 2] = [
    ("password", "Exim has no password for this host"),
    ("slow", "Exim is as patient as RFC 5321 wants it"),
];

/// Where it ends otherwise than in the demo, the sign in the log, and why.
const OTHERWISE: [(&str, &str, &str); 1] = [(
    "hop-loopback",
    "**",
    "an address that a recipient is written with is no route of the site's own",
)];

/// So many at once: each takes a process or two.
const WORKERS: usize = 6;
/// What waits for silent servers shall not wait for minutes.
const HURRY: &str = "\n[lmtp]\nlookup_seconds = 10\nanswer_seconds = 15\n";

/// The sign in Exim's log that the demo's word stands for.
fn mark(scenario: &Scenario) -> Result<&'static str> {
    match scenario.action.as_str() {
        "go" => Ok("=>"),
        "defer" => Ok("=="),
        "bounce" => Ok("**"),
        other => Err(Failure::new(format!("{}: {other}", scenario.id))),
    }
}

/// Has Exim send it, and waits for what becomes of it.
fn send(scene: &Scene<'_>, scenario: &Scenario) -> Result<(String, String)> {
    let Scenario { id, null_path, .. } = scenario;
    if let Some((next_hop, tag)) = &scenario.after {
        submit(scene, &format!("{id}-before"), tag, next_hop, *null_path)?;
    }
    submit(scene, id, &scenario.tag, &scenario.next_hop, *null_path)
}

fn submit(
    scene: &Scene<'_>,
    id: &str,
    tag: &str,
    next_hop: &str,
    null_path: bool,
) -> Result<(String, String)> {
    let mut header = format!("X-Scenario: {id}\r\n");
    if !tag.is_empty() {
        write!(header, "X-Site-Tag: {tag}\r\n")?;
    }
    let sender = if null_path { "" } else { "ann@host.test" };
    let recipient = format!("{id}@{next_hop}");
    scene.submit_from(sender, &[&recipient], &header)?;
    scene.outcome(&recipient)
}

/// Exim's resolver and the library's configuration lead into the demo's world from now on.
fn enter(scene: &Scene<'_>, config: &Path, ports: &str) -> Result<()> {
    let text = fs::read_to_string(config)?;
    let server = text
        .split_once("servers = [\"")
        .and_then(|(_, rest)| rest.split_once(":53\""));
    let (server, _) =
        server.ok_or_else(|| Failure::new(format!("no name server at port 53 in {text}")))?;
    fs::write(
        scene.shared("resolv.conf"),
        format!("nameserver {server}\noptions edns0 trust-ad timeout:2 attempts:2\n"),
    )?;
    let directory = config.parent().unwrap_or(config);
    for name in ["ca.pem", "anchor.key"] {
        fs::copy(directory.join(name), scene.shared("requiretls").join(name))?;
    }
    // No process reads half of it.
    fs::write(scene.shared("new"), text + HURRY + ports)?;
    Ok(fs::rename(
        scene.shared("new"),
        scene.shared("requiretls/requiretls.conf"),
    )?)
}

/// What became of each, those with one configuration at the same time.
fn send_all(
    scene: &Scene<'_>,
    scenarios: &[Scenario],
) -> Result<BTreeMap<String, (String, String)>> {
    let mut sites: BTreeMap<&Path, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        sites.entry(&scenario.config).or_default().push(scenario);
    }
    // The world's hosts on ::1 have ports of their own: for what Exim sends, and for what the program does.
    let (mut ports, mut rules) = (String::new(), String::new());
    for Scenario { next_hop, port, .. } in scenarios.iter().filter(|s| s.port != 25) {
        writeln!(ports, "{next_hop}: {port}")?;
        write!(rules, "\n[next_hop.\"{next_hop}\"]\nport = {port}\n")?;
    }
    fs::write(scene.shared("ports"), ports)?;
    let happened = Mutex::new(BTreeMap::new());
    for (config, scenarios) in sites {
        enter(scene, config, &rules)?;
        let left = Mutex::new(scenarios.into_iter());
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    while let Some(scenario) = left.lock().ok().and_then(|mut left| left.next()) {
                        let ended = send(scene, scenario);
                        let ended =
                            ended.unwrap_or_else(|error| ("?".to_owned(), error.to_string()));
                        if let Ok(mut happened) = happened.lock() {
                            happened.insert(scenario.id.clone(), ended);
                        }
                    }
                });
            }
        });
    }
    happened
        .into_inner()
        .map_err(|_| Failure::new("a sender has panicked"))
}

fn the_demos_scenarios_end_as_the_demo_expects(exim: &str) -> Result<()> {
    let setting = Setting {
        main: &["allow_domain_literals = true", "SITE_PORTS = yes"],
        ..Setting::default()
    };
    Scene::run(exim, &setting, Vec::new(), |scene| {
        let demo = Demo::start(scene.servers, MAIL_PORTS)?;
        let listed = NOT_SHOWN.iter().map(|(id, _)| *id);
        for id in listed.chain(OTHERWISE.iter().map(|(id, ..)| *id)) {
            assert!(
                demo.scenarios().iter().any(|scenario| scenario.id == id),
                "no scenario is called {id}"
            );
        }
        let shown = |id: &str| NOT_SHOWN.iter().all(|(other, _)| *other != id);
        let scenarios: Vec<Scenario> = demo
            .scenarios()
            .iter()
            .filter(|s| shown(&s.id))
            .cloned()
            .collect();
        let happened = send_all(scene, &scenarios)?;
        let (mut table, mut wrong) = (String::new(), Vec::new());
        for scenario in &scenarios {
            let (kind, line) = happened.get(&scenario.id).cloned().unwrap_or_default();
            let otherwise = OTHERWISE.iter().find(|(id, ..)| *id == scenario.id);
            let expected = match otherwise {
                Some((_, kind, _)) => *kind,
                None => mark(scenario)?,
            };
            // The program's own words are in the log.
            let said = kind == "=>"
                || scenario.tag.is_empty()
                || otherwise.is_some()
                || line.contains(&scenario.enhanced);
            writeln!(
                table,
                "{:<24} {kind:<24} {}",
                scenario.id,
                otherwise.map_or(scenario.about.as_str(), |(_, _, why)| why)
            )?;
            if kind != expected || !said {
                wrong.push(format!(
                    "{}: {expected} {}: {line}",
                    scenario.id, scenario.enhanced
                ));
            }
        }
        // One table for each build, to be laid beside each other.
        fs::write(
            target().join(format!("exim-scenarios-stock-{exim}.txt")),
            &table,
        )?;
        let (shown, others) = (scenarios.len(), demo.inbound());
        let leaked = demo.end()?;
        assert!(leaked.is_empty(), "{leaked:#?}");
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        println!("{shown} scenarios, 0 leaks; {others} others are about receiving");
        for (id, why) in NOT_SHOWN {
            println!("not shown: {id}: {why}");
        }
        Ok(())
    })
}

/// The judge has teeth: a stock configuration sends the same messages in the same world.
fn the_demos_judge_finds_what_leaks_without_the_files(exim: &str) -> Result<()> {
    let setting = Setting {
        without: true,
        ..Setting::default()
    };
    let leaks = [
        "no-starttls",
        "cert-expired",
        "no-requiretls",
        "sts-enforce-clear",
    ];
    Scene::run(exim, &setting, Vec::new(), |scene| {
        let demo = Demo::start(scene.servers, MAIL_PORTS)?;
        let wanted = |s: &&Scenario| s.leaks_if_ignored && leaks.contains(&s.id.as_str());
        let scenarios: Vec<Scenario> = demo.scenarios().iter().filter(wanted).cloned().collect();
        assert_eq!(scenarios.len(), leaks.len());
        send_all(scene, &scenarios)?;
        let leaked = demo.end()?;
        assert_eq!(leaked.len(), leaks.len(), "{leaked:#?}");
        for id in leaks {
            let sign = format!("leak: {id}: ");
            let found = leaked.iter().any(|line| line.starts_with(&sign));
            assert!(found, "{id}: {leaked:#?}");
        }
        Ok(())
    })
}
