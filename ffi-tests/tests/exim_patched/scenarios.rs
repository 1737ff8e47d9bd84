//! Does Exim do in the demo's world what the demo itself does?
//!
//! The same messages, the same judge. Where Exim speaks for itself, because a lookup of its own or a peer's reply comes
//! first, the kind of the end is compared; where the library speaks, the code too.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use ffi_tests::{Demo, Failure, Result, Scenario, target};

use crate::build::Build;
use crate::scene::{Daemon, Scene};

on_every_build_at_leisure!(exim_does_as_the_demo_does);

const RESOLVER: &str = "127.25.0.53";

/// Scenarios that cannot be shown with Exim, and why.
const NOT_SHOWN: [(&str, &str); 2] = [
    (
        "slow",
        "Exim's patience is counted in whole seconds, the peer's delay is half of one",
    ),
    (
        "password",
        "whether AUTH is sent in clear text is for client_condition of Exim's authenticators",
    ),
];

/// Scenarios that end in another way with Exim: how, and why.
const OTHERWISE: [(&str, &str, &str); 0] = [];

const ROUTERS: &str = "\
smart:
  driver = manualroute
  domains = smart-host.test : smart-host-relaxed.test
  route_data = relay.$domain
  transport = smtp
  self = send
literal:
  driver = ipliteral
  domains = ! +local
  transport = smtp
  self = send
dns:
  driver = dnslookup
  transport = smtp
  self = send
  no_more
";

const TRANSPORT: &str = "  port = ${lookup {$domain} lsearch {/mnt/ports} {$value} {2525}}\n  connect_timeout = 2s\n  \
                         command_timeout = 2s\n  data_timeout = 4s\n  final_timeout = 4s\n";

fn exim_does_as_the_demo_does(build: Build) -> Result<()> {
    let program = build.program()?;
    let mut scene = Scene::with_domains(&[build.root, "unbound"], Vec::new())?;
    let demo = Demo::start(&scene.servers, &[])?;
    let scenarios: Vec<&Scenario> = demo
        .scenarios()
        .iter()
        .filter(|scenario| NOT_SHOWN.iter().all(|(id, _)| *id != scenario.id))
        .collect();
    start(&mut scene, build, &program, &scenarios)?;

    let mut groups: BTreeMap<_, Vec<&Scenario>> = BTreeMap::new();
    for scenario in scenarios {
        groups.entry(&scenario.config).or_default().push(scenario);
    }
    let (mut table, mut wrong) = (String::new(), Vec::new());
    for (config, scenarios) in groups {
        let directory = config.parent().unwrap_or(config);
        for file in ["ca.pem", "anchor.key"] {
            fs::copy(
                directory.join(file),
                scene.shared("requiretls-exim").join(file),
            )?;
        }
        // The library has the site's rules by the next hop as Exim's route names it.
        let rules = "\n[next_hop.\"relay.smart-host-relaxed.test\"]\nhop = \"encrypt\"\n";
        scene.write_configuration("exim", &(fs::read_to_string(config)? + rules))?;
        let mut sent = Vec::new();
        for scenario in scenarios {
            if let Some((next_hop, tag)) = &scenario.after {
                let id = send(
                    &scene,
                    &format!("{}-before", scenario.id),
                    next_hop,
                    tag,
                    false,
                )?;
                scene.outcome(&id, &recipient(next_hop))?;
            }
            let id = send(
                &scene,
                &scenario.id,
                &scenario.next_hop,
                &scenario.tag,
                scenario.null_path,
            )?;
            sent.push((scenario, id));
        }
        for (scenario, id) in sent {
            let line = scene.outcome(&id, &recipient(&scenario.next_hop))?;
            let happened = end(&line);
            writeln!(
                table,
                "{:<24} {:<24} {}",
                scenario.id, happened, scenario.about
            )?;
            if !is_as_expected(scenario, &happened, &line) {
                wrong.push(format!(
                    "{}: {} {} {}: {line}",
                    scenario.id, scenario.action, scenario.code, scenario.enhanced
                ));
            }
        }
    }
    // One table for each build, to be laid beside each other.
    let name = format!("exim-scenarios-{}-{}.txt", build.version, build.tls);
    fs::write(target().join(name), &table)?;
    let leaks = demo.end()?;
    assert_eq!(leaks, [""; 0], "{}", scene.log("exim"));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(table.lines().count() >= 80, "{table}");
    Ok(())
}

/// Exim, and a resolver that leads it into the demo's world.
fn start(
    scene: &mut Scene,
    build: Build,
    program: &std::path::Path,
    scenarios: &[&Scenario],
) -> Result<()> {
    let ports = scenarios
        .iter()
        .map(|s| format!("{}: {}", s.next_hop, s.port));
    let ports = ports.collect::<Vec<_>>().join(
        "
",
    );
    fs::write(scene.shared("ports"), ports)?;
    let config = scenarios
        .first()
        .map(|s| &s.config)
        .ok_or_else(|| Failure::new("no scenarios"))?;
    let text = fs::read_to_string(config)?;
    let server = text
        .split_once("servers = [\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let server = server
        .ok_or_else(|| Failure::new(format!("no server in {text}")))?
        .0;
    scene.write(
        "unbound",
        "up/etc/unbound/unbound.conf",
        &format!(
            "server:\n interface: {RESOLVER}\n outgoing-interface: {RESOLVER}\n access-control: 127.0.0.0/8 allow\n \
             do-not-query-localhost: no\n do-ip6: no\n username: unbound\n chroot: \"\"\n directory: /etc/unbound\n \
             pidfile: \"\"\n use-syslog: no\n logfile: \"\"\n local-zone: test. nodefault\n module-config: \"iterator\"\n\
             forward-zone:\n name: \".\"\n forward-addr: {}\nremote-control:\n control-enable: no\n",
            server.replace(':', "@")
        ),
    )?;
    scene.write(
        "unbound",
        "cmd",
        "exec unbound -d -c /etc/unbound/unbound.conf >/var/log/unbound.log 2>&1",
    )?;
    scene.servers.start("unbound", "unbound", RESOLVER, 53)?;
    scene.run(&Daemon {
        main: "allow_domain_literals\ndomainlist local = ! *\nsmtp_accept_max = 0\n",
        routers: Some(ROUTERS),
        transport: TRANSPORT,
        resolver: Some(RESOLVER),
        ..Daemon::patched(program, build)
    })?;
    Ok(())
}

fn recipient(next_hop: &str) -> String {
    format!("bert@{next_hop}")
}

/// As the demo's own sender has it: REQUIRETLS and `TLS-Required: No` on the wire, other tags by the site's ACL.
fn send(scene: &Scene, name: &str, next_hop: &str, tag: &str, null_path: bool) -> Result<String> {
    let (detail, parameter, field) = match tag {
        "" => (String::new(), "", ""),
        "1.secure.onward" => (String::new(), " REQUIRETLS", ""),
        "1.no" => (String::new(), "", "TLS-Required: No\r\n"),
        other => (format!("+{other}"), "", ""),
    };
    let path = if null_path {
        String::new()
    } else {
        format!("anna{detail}@sender.test")
    };
    let header = format!("X-Scenario: {name}\r\n{field}Date: Thu, 1 Jan 2026 00:00:00 +0000");
    let mail = format!("MAIL FROM:<{path}>{parameter}");
    scene.submit(&mail, &header, &[&recipient(next_hop)])
}

/// What a line of Exim's log says: the kind, and the library's code.
fn end(line: &str) -> String {
    let kinds = [(" => ", "go"), (" == ", "defer"), (" ** ", "bounce")];
    let kind = kinds
        .iter()
        .find(|(mark, _)| line.contains(mark))
        .map_or("?", |(_, kind)| kind);
    let code = line.split_once("requiretls: ").map(|(_, rest)| {
        let words: Vec<&str> = rest.split(' ').take(2).collect();
        words.join(" ")
    });
    format!("{kind} {}", code.unwrap_or_default())
        .trim_end()
        .to_owned()
}

fn is_as_expected(scenario: &Scenario, happened: &str, line: &str) -> bool {
    if let Some((_, expected, _)) = OTHERWISE.iter().find(|(id, _, _)| *id == scenario.id) {
        return happened == *expected;
    }
    let (kind, code) = happened.split_once(' ').unwrap_or((happened, ""));
    let host = scenario
        .host
        .as_ref()
        .filter(|host| kind == "go" && !host.starts_with('['));
    kind == scenario.action
        && (code.is_empty() || code == format!("{} {}", scenario.code, scenario.enhanced))
        && host.is_none_or(|host| line.contains(&format!(" H={host} ")))
}
