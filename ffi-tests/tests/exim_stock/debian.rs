//! Does it fit Debian's own configuration? By the commands of the README, in a root that has nothing of ours but the package's files.

use ffi_tests::{Result, commands};
use requiretls_testbed::{Certificate, Domain, Peer, Sts};

use crate::scene::{Scene, Setting};

on_every_exim!(the_readme_leads_to_enforced_policies);

/// What Debian asks when the package is installed: a mail host on the internet.
const ANSWERS: &str = "\
dc_eximconfig_configtype='internet'
dc_other_hostnames='host.test'
dc_local_interfaces='127.25.0.21'
dc_readhost=''
dc_relay_domains='*'
dc_minimaldns='false'
dc_relay_nets='127.0.0.0/8'
dc_smarthost=''
CFILEMODE='644'
dc_use_split_config='false'
dc_hide_mailname=''
dc_mailname_in_oh='true'
dc_localdelivery='mail_spool'
";

/// Those that a message goes to, or does not.
pub(crate) fn domains() -> Vec<Domain> {
    vec![
        Domain::new("good.test")
            .mx("mx")
            .peer(Peer::good())
            .sts(Sts::enforce()),
        Domain::new("bad.test")
            .mx("mx")
            .peer(Peer::good().certificate(Certificate::SelfSigned))
            .sts(Sts::enforce()),
        Domain::new("free.test")
            .mx("mx")
            .peer(Peer::good().no_starttls()),
        Domain::new("tagged.test")
            .signed()
            .mx("mx")
            .peer(Peer::good()),
    ]
}

/// A message for a domain with a policy is held where its host does not keep it; all other mail goes as ever.
pub(crate) fn policies_are_enforced(scene: &Scene<'_>) -> Result<()> {
    for (name, kind) in [("good", "=>"), ("bad", "=="), ("free", "=>")] {
        let recipient = format!("bob@{name}.test");
        scene.submit(&[&recipient], "From: ann@host.test\r\n")?;
        let (found, line) = scene.outcome(&recipient)?;
        assert_eq!(found, kind, "{line}");
        assert_eq!(
            scene.taken(&recipient).len(),
            usize::from(kind == "=>"),
            "{line}"
        );
    }
    scene.submit(
        &["bob@tagged.test"],
        "From: ann@host.test\r\nRequireTLS-Tag: 1.secure.onward\r\n",
    )?;
    let line = scene.wait_for("bob@tagged.test", "=>")?;
    assert!(line.contains("T=requiretls_lmtp"), "{line}");
    let taken = scene.taken("bob@tagged.test");
    let mut parameters = taken
        .iter()
        .flat_map(|(_, message)| &message.mail_parameters);
    assert!(
        parameters.any(|parameter| parameter == "REQUIRETLS"),
        "{taken:?}"
    );
    Ok(())
}

fn the_readme_leads_to_enforced_policies(exim: &str) -> Result<()> {
    let commands = commands(
        "crates/requiretls-capi/hosts/exim/README.md",
        "exim from nothing",
    )?;
    assert_eq!(commands.len(), 5, "{commands:#?}");
    // Debian takes no address of the loopback for a mail host's.
    let mut script = String::from(
        "printf %s \"$ANSWERS\" >/etc/exim4/update-exim4.conf.conf; echo host.test >/etc/mailname\n\
         echo uucp:x:10:10::/:/bin/false >>/etc/passwd; echo uucp:x:10: >>/etc/group; mkdir -p /var/lib/exim4\n\
         echo 'REQUIRETLS_IGNORED_HOSTS = 255.255.255.255' >/etc/exim4/conf.d/main/000_localmacros\n",
    );
    script.insert_str(0, &format!("ANSWERS=\"{ANSWERS}\"\n"));
    for command in &commands {
        // What a package manager and a service manager do is not there; Exim starts behind it all.
        if !command.starts_with("apt-get ") && !command.starts_with("exim4 -bt ") {
            script.push_str(&command.replace("systemctl restart exim4", "true"));
            script.push('\n');
        }
    }
    let setting = Setting {
        debian: Some(script),
        ..Setting::default()
    };
    Scene::run(exim, &setting, domains(), |scene| {
        let tried = commands
            .last()
            .and_then(|command| command.strip_prefix("exim4 -bt ").map(|_| ()));
        assert!(tried.is_some(), "{commands:#?}");
        let routed = scene.exim(&["-bt", "bob@good.test"])?;
        assert!(
            routed.contains("router = requiretls_bound, transport = requiretls_smtp"),
            "{routed}"
        );
        policies_are_enforced(scene)?;
        the_way_back(scene)
    })
}

/// The page's other commands, with tagged mail in the queue.
fn the_way_back(scene: &Scene<'_>) -> Result<()> {
    let header = "From: ann@host.test\r\nRequireTLS-Tag: 1.secure.onward\r\n";
    scene.submit(&["eve@bad.test"], header)?;
    scene.wait_for("eve@bad.test", "==")?;
    let page = commands("crates/requiretls-capi/hosts/exim/README.md", "exim back")?;
    let script = page.join("\n").replace("systemctl restart exim4", "true");
    scene.servers.inside("host", &["sh", "-ec", &script])?;
    scene.exim(&["-qff"])?;
    scene.logged(&["eve@bad.test", "4.7.10 this Exim has no requiretls"])?;
    // What a policy held goes as in any other Exim.
    let line = scene.wait_for("bob@bad.test", "=>")?;
    assert!(!line.contains("requiretls"), "{line}");
    assert!(scene.taken("eve@bad.test").is_empty());
    Ok(())
}
