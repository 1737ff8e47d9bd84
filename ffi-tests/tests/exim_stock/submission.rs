//! How does a client hand a message to Exim? In clear, command by command.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use ffi_tests::{Failure, Result};

use crate::scene::ADDRESS;

const LIMIT: Duration = Duration::from_secs(120);

pub(crate) fn say(sender: &str, recipients: &[&str], header: &str) -> Result<()> {
    let stream = TcpStream::connect((ADDRESS, 25))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    let mut read = BufReader::new(stream);
    let mut step = |code: &str, command: &str| -> Result<()> {
        read.get_mut().write_all(command.as_bytes())?;
        let mut line = String::new();
        loop {
            line.clear();
            read.read_line(&mut line)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if line.starts_with(code) {
            return Ok(());
        }
        let command = command.lines().next().unwrap_or_default();
        Err(Failure::new(format!("{command}: {}", line.trim_end())))
    };
    step("220", "")?;
    step("250", "EHLO client.test\r\n")?;
    step("250", &format!("MAIL FROM:<{sender}>\r\n"))?;
    for recipient in recipients {
        step("250", &format!("RCPT TO:<{recipient}>\r\n"))?;
    }
    step("354", "DATA\r\n")?;
    step(
        "250",
        &format!("{header}Subject: x\r\n\r\nThe body.\r\n.\r\n"),
    )?;
    step("221", "QUIT\r\n")
}
