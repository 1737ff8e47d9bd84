//! What has an administrator who does what the README says?
//!
//! Debian 12, in which its own package manager has installed the mail server with the answers of an internet site. Our
//! packages go on top of it, and then the README's lines and commands as they stand. There is no service manager: where the
//! page has `systemctl`, the test runs what the unit says, and the server's own script in `/etc/init.d`.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use ffi_tests::{Failure, Result, Servers, packages};
use requiretls_testbed::{DnsMode, Domain, Message, Peer, World};

use crate::readme;

/// Where each of the three listens as Debian configures it.
const ADDRESS: &str = "127.0.0.1";
const SENDER: &str = "ann@bounces.test";
const LIMIT: Duration = Duration::from_secs(60);

/// One server, and its section of the page.
pub(crate) struct Page {
    root: &'static str,
    /// The lines for `requiretls.conf`.
    listener: &'static str,
    /// What the section says to do, as a script.
    steps: fn() -> Result<String>,
}

pub(crate) const EXIM: Page = Page {
    root: "exim-installed",
    listener: "requiretls.conf, process",
    steps: exim,
};

pub(crate) const SENDMAIL: Page = Page {
    root: "sendmail-installed",
    listener: "requiretls.conf, process",
    steps: sendmail,
};

pub(crate) const POSTFIX: Page = Page {
    root: "postfix-installed",
    listener: "requiretls.conf, socket",
    steps: postfix,
};

/// Before all else: packages, and what a minimal Debian lacks besides its service manager.
const INSTALL: &str = "\
set -e
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive
dpkg -i /packages/*.deb
";

/// Whatever was started goes on until the test ends.
const STAY: &str = "\ntouch /done\nexec sleep infinity\n";

fn exim() -> Result<String> {
    let mut script = String::from("install -d -o Debian-exim -g adm /var/log/exim4\n");
    for (mark, file) in [
        ("exim main", "main/90_requiretls"),
        ("exim router", "router/150_requiretls"),
        ("exim transport", "transport/30_requiretls"),
    ] {
        let lines = readme::lines(mark)?;
        writeln!(script, "cat >/etc/exim4/conf.d/{file} <<'END'\n{lines}END")?;
    }
    let commands = readme::command("update-exim4.conf && systemctl restart exim4")?;
    Ok(script + &commands.replace("systemctl restart exim4", "/etc/init.d/exim4 restart"))
}

fn sendmail() -> Result<String> {
    let lines = readme::lines("sendmail")?;
    // In front of the MAILER lines: what comes first of them is MAILER_DEFINITIONS.
    let place = format!(
        "cat >/tmp/lines <<'END'\n{lines}END\n\
         first=$(grep -n '^MAILER' /etc/mail/sendmail.mc | head -n 1 | cut -d : -f 1)\n\
         sed -i \"$((first - 1))r /tmp/lines\" /etc/mail/sendmail.mc\n"
    );
    let make = readme::command("make -C /etc/mail")?;
    Ok(format!("{place}{make}\n/etc/init.d/sendmail restart"))
}

fn postfix() -> Result<String> {
    let cat = readme::lines("postfix")?;
    let enable = readme::command("systemctl enable --now requiretls-lmtp.service")?;
    let unit = enable.rsplit(' ').next().unwrap_or_default();
    let adduser = readme::command("adduser postfix requiretls")?;
    let reload = readme::command("postfix reload")?;
    // systemd makes the socket, in a directory that the program may not write to; here the program makes it. The next hops
    // have port 25 of their addresses, so that Postfix cannot have all of them. Nobody is there who would write its log.
    Ok(format!(
        "unit=$(dpkg -L requiretls | grep '/{unit}$')\n\
         user=$(sed -n 's/^User=//p' $unit)\n\
         install -d -o $user /run/requiretls\n\
         setpriv --reuid $user --regid $user --init-groups $(sed -n 's/^ExecStart=//p' $unit) >/var/log/requiretls 2>&1 &\n\
         postconf -e inet_interfaces=127.0.0.1 maillog_file=/var/log/mail.log\n\
         postfix start\n{cat}{adduser}\n{reload}\n\
         until grep -q 'reload -- version' /var/log/mail.log; do sleep 0.1; done"
    ))
}

/// The page's own trial: mail that requires TLS arrives where everything is there, and comes back at once, with 5.7.30,
/// from where REQUIRETLS is not.
pub(crate) fn leads_to_enforcement(page: &Page) -> Result<()> {
    let packages = packages()?;
    let servers = Servers::open(&[page.root])?;
    servers.within(|| -> Result<()> {
        let world = World::builder()
            .smtp_port(25)
            .dns_port(53)
            .domains(domains())
            .start()
            .map_err(|error| Failure::new(error.to_string()))?;
        write(&servers, &world, page, &packages)?;
        servers.start("host", page.root, ADDRESS, 25)?;
        wait_for_the_page(&servers)?;
        for domain in ["good.test", "no-requiretls.test"] {
            submit(&servers, &format!("bob@{domain}"))?;
        }
        let arrived = wait_for(&servers, &world, "bob@good.test")?;
        assert!(arrived.in_tls, "{arrived:?}");
        let parameters = &arrived.mail_parameters;
        assert!(
            parameters.iter().any(|p| p == "REQUIRETLS"),
            "{parameters:?}"
        );
        let text = String::from_utf8_lossy(&arrived.body).into_owned();
        assert!(!text.contains("RequireTLS-Tag"), "{text}");
        let returned = wait_for(&servers, &world, SENDER)?;
        let text = String::from_utf8_lossy(&returned.body);
        assert!(text.contains("5.7.30"), "{text}");
        assert!(text.contains("mx.no-requiretls.test"), "{text}");
        let leaks = world.stop();
        assert!(leaks.is_empty(), "{leaks:?}");
        Ok(())
    })?
}

fn domains() -> Vec<Domain> {
    let signed = |name: &str, peer| Domain::new(name).signed().mx("mx").peer(peer);
    vec![
        signed("good.test", Peer::good()),
        signed("bounces.test", Peer::good()),
        signed("no-requiretls.test", Peer::good().no_requiretls()),
    ]
}

fn write(
    servers: &Servers,
    world: &World,
    page: &Page,
    packages: &[std::path::PathBuf],
) -> Result<()> {
    let up = servers.path().join("host/up");
    let (configuration, brought) = (up.join("etc/requiretls"), up.join("packages"));
    fs::create_dir_all(&configuration)?;
    fs::create_dir_all(&brought)?;
    for file in packages {
        fs::copy(file, brought.join(file.file_name().unwrap_or_default()))?;
    }
    world.write(&configuration, DnsMode::Ad)?;
    let listener = readme::lines(page.listener)?;
    let text = format!("{}\n{listener}", world.config_toml(DnsMode::Ad));
    servers.write("host/up/etc/requiretls/requiretls.conf", &text)?;
    let resolver = world.dns().address().ip();
    servers.write(
        "host/up/etc/resolv.conf",
        &format!("nameserver {resolver}\noptions edns0 trust-ad\n"),
    )?;
    let steps = (page.steps)()?;
    servers.write("host/cmd", &format!("{INSTALL}{steps}{STAY}"))
}

/// As a program on the same machine does it.
fn submit(servers: &Servers, recipient: &str) -> Result<()> {
    let say = format!(
        "printf '%s\\n' 'From: {SENDER}' 'To: {recipient}' 'Subject: x' 'RequireTLS-Tag: 1.secure.onward' '' 'Hello!' | \
         /usr/sbin/sendmail -i -f {SENDER} {recipient}"
    );
    servers.inside("host", &["sh", "-c", &say]).map(drop)
}

/// A server may answer before all of the page is done.
fn wait_for_the_page(servers: &Servers) -> Result<()> {
    let done = servers.path().join("host/up/done");
    let end = Instant::now() + LIMIT;
    while !done.exists() {
        if Instant::now() > end {
            let said = fs::read_to_string(servers.path().join("host/out")).unwrap_or_default();
            return Err(Failure::new(format!("the page's commands go on: {said}")));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// The message that a next hop has taken for this recipient.
fn wait_for(servers: &Servers, world: &World, recipient: &str) -> Result<Message> {
    let end = Instant::now() + LIMIT;
    loop {
        let sessions = world.sessions().sessions();
        let mut messages = sessions.into_iter().flat_map(|session| session.messages);
        let is_it = |m: &Message| m.taken && m.recipients.iter().any(|r| r == recipient);
        if let Some(message) = messages.find(is_it) {
            return Ok(message);
        }
        if Instant::now() > end {
            let said = fs::read_to_string(servers.path().join("host/out")).unwrap_or_default();
            let queue = servers.inside(
                "host",
                &[
                    "sh",
                    "-c",
                    "/usr/bin/mailq; tail -n 30 /var/log/*log /var/log/*/*log; true",
                ],
            );
            let queue = queue.unwrap_or_default();
            let what = format!("nothing came for {recipient}: {said}\n{queue}");
            return Err(Failure::new(what));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
