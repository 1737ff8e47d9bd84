//! Postfix 3.11 with its queue full, before its queue manager starts.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use ffi_tests::{Failure, Result, Servers};

use crate::receiver::Receiver;
use crate::{Figures, Load, NAME, RECEIVER, Way, content, cpu};

const ADDRESS: &str = "127.25.0.21";
/// `inet_interfaces` are the machine's own addresses, and 127.0.0.1 is the only one configured. Processes stay, so that
/// what they used can be read at the end. `in_flow_delay` would slow down the filling: no queue manager takes mail away.
const MAIN: &str = "\
compatibility_level = 3.6
myhostname = client.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
maillog_file = /var/log/postfix.log
alias_maps =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
message_size_limit = 0
relayhost = [@RECEIVER@]:25
max_use = 1000000
in_flow_delay = 0
max_idle = 1000s
default_destination_concurrency_limit = @SESSIONS@
initial_destination_concurrency = @SESSIONS@
smtp_tls_CAfile = /etc/rq/ca.pem
smtp_tls_secure_cert_match = @NAME@
smtp_connection_reuse_time_limit = 1000s
smtp_connection_cache_time_limit = 10s
";
const SERVICES: [(&str, &str, &str); 15] = [
    ("pickup", "n - n 5 1", ""),
    ("cleanup", "n - n - 0", ""),
    ("tlsmgr", "- - n 1000? 1", ""),
    ("tlsproxy", "- - n - 0", ""),
    ("rewrite", "- - n - -", "trivial-rewrite"),
    ("bounce", "- - n - 0", ""),
    ("defer", "- - n - 0", "bounce"),
    ("trace", "- - n - 0", "bounce"),
    ("flush", "n - n 1000? 0", ""),
    ("proxymap", "- - n - -", ""),
    ("smtp", "- - n - -", ""),
    ("error", "- - n - -", ""),
    ("retry", "- - n - -", "error"),
    ("anvil", "- - n - 1", ""),
    ("scache", "- - n - 1", ""),
];

pub(crate) fn send(servers: &Servers, receiver: &Receiver, load: &Load) -> Result<Figures> {
    let (level, reuse) = match load.way {
        Way::Clear => ("none", "no"),
        Way::TlsNew => ("secure", "no"),
        Way::TlsReused => ("secure", "yes"),
    };
    let main = MAIN
        .replace("@RECEIVER@", RECEIVER)
        .replace("@NAME@", NAME)
        .replace("@SESSIONS@", &load.sessions.to_string());
    let main =
        format!("{main}smtp_tls_security_level = {level}\nsmtp_tls_connection_reuse = {reuse}\n");
    let mut master = format!("{ADDRESS}:25 inet n - n - - smtpd\n");
    for (name, columns, program) in SERVICES {
        let program = if program.is_empty() { name } else { program };
        writeln!(master, "{name} unix {columns} {program}")?;
    }
    master.push_str("postlog unix-dgram n - n - 1 postlogd\n");
    servers.write("postfix/up/etc/postfix/main.cf", &main)?;
    servers.write("postfix/up/etc/postfix/master.cf", &master)?;
    servers.write("postfix/up/etc/hosts", "127.0.0.1 localhost\n")?;
    servers.write("postfix/up/etc/rq/ca.pem", &receiver.authority)?;
    servers.write(
        "postfix/cmd",
        "touch -d '1 minute ago' /etc/postfix/main.cf /etc/postfix/master.cf\n\
         exec /usr/lib/postfix/sbin/master -s -c /etc/postfix\n",
    )?;
    servers.start("postfix", "postfix311", ADDRESS, 25)?;
    fill(servers, load)?;

    // A queue manager looks at the whole queue when it starts.
    let start = "printf 'qmgr unix n - n 300 1 qmgr\\n' >>/etc/postfix/master.cf
        touch -d '1 minute ago' /etc/postfix/master.cf
        kill -HUP $(cat /var/spool/postfix/pid/master.pid)";
    servers.inside("postfix", &["sh", "-c", start])?;
    let (span, connections) = receiver.wait(load.messages).map_err(|error| {
        let log = servers.log("postfix/log/postfix.log").unwrap_or_default();
        error.during(log.lines().next_back().unwrap_or_default())
    })?;
    let mut used = Duration::ZERO;
    for process in servers.processes()? {
        let name = std::fs::read_to_string(process.join("comm")).unwrap_or_default();
        if ["smtp", "tlsproxy", "scache"].contains(&name.trim_end()) {
            used += cpu(&process)?;
        }
    }
    // Its namespace ends with it, and so would a command that runs inside.
    servers.kill("master")?;
    Ok(Figures {
        span,
        cpu: used,
        connections,
    })
}

/// Over eight connections.
fn fill(servers: &Servers, load: &Load) -> Result<()> {
    let content = content(load.size);
    servers.within(|| {
        std::thread::scope(|scope| {
            let fill = |first: usize| {
                let content = &content;
                scope.spawn(move || -> Result<()> {
                    let stream = TcpStream::connect((ADDRESS, 25))?;
                    stream.set_nodelay(true)?;
                    let mut wire = BufReader::new(stream);
                    expect(&mut wire, 1)?;
                    say(&mut wire, "EHLO feeder.test\r\n")?;
                    expect(&mut wire, 1)?;
                    for _ in (first..load.messages).step_by(FILLERS) {
                        say(
                            &mut wire,
                            "MAIL FROM:<ann@client.test>\r\nRCPT TO:<bert@bench.test>\r\nDATA\r\n",
                        )?;
                        expect(&mut wire, 3)?;
                        say(&mut wire, content)?;
                        say(&mut wire, ".\r\n")?;
                        expect(&mut wire, 1)?;
                    }
                    say(&mut wire, "QUIT\r\n")?;
                    expect(&mut wire, 1)
                })
            };
            let fillers: Vec<_> = (0..FILLERS).map(fill).collect();
            for ended in fillers {
                ended
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
            }
            Ok(())
        })
    })?
}

const FILLERS: usize = 8;

fn say(wire: &mut BufReader<TcpStream>, text: &str) -> Result<()> {
    Ok(wire.get_mut().write_all(text.as_bytes())?)
}

/// So many replies, none of which refuses.
fn expect(wire: &mut BufReader<TcpStream>, replies: usize) -> Result<()> {
    let mut line = String::new();
    for _ in 0..replies {
        loop {
            line.clear();
            wire.read_line(&mut line)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if !line.starts_with(['2', '3']) {
            return Err(Failure::new(format!("Postfix does not take it: {line:?}")));
        }
    }
    Ok(())
}
