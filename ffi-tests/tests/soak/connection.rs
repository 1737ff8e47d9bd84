//! How does the queue hand a message over? By LMTP, as a mail server does.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use ffi_tests::{Failure, Result};

use crate::queue::Message;

/// Longer than any next hop of the mix takes.
const LIMIT: Duration = Duration::from_secs(60);

pub(crate) struct Connection {
    read: BufReader<UnixStream>,
}

impl Connection {
    pub(crate) fn open(socket: &Path) -> Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        let mut connection = Self {
            read: BufReader::new(stream),
        };
        connection.reply()?;
        connection.say("LHLO queue.test\r\n")?;
        connection.reply()?;
        Ok(connection)
    }

    /// One reply for each recipient, in their order.
    pub(crate) fn hand_over(&mut self, message: &Message) -> Result<Vec<String>> {
        let addresses = message.addresses();
        self.say(&format!(
            "MAIL FROM:<{}>{}\r\n",
            message.sender, message.parameters
        ))?;
        let mail = self.reply()?;
        if !mail.starts_with('2') {
            self.say("RSET\r\n")?;
            self.reply()?;
            return Ok(vec![mail; addresses.len()]);
        }
        let mut replies = Vec::new();
        for address in &addresses {
            self.say(&format!("RCPT TO:<{address}>\r\n"))?;
            replies.push(self.reply()?);
        }
        if replies.iter().any(|reply| reply.starts_with('2')) {
            self.say("DATA\r\n")?;
            let data = self.reply()?;
            if !data.starts_with('3') {
                return Err(Failure::new(data));
            }
            self.say(&message.content)?;
            self.say(".\r\n")?;
            for reply in &mut replies {
                if reply.starts_with('2') {
                    *reply = self.reply()?;
                }
            }
        } else {
            self.say("RSET\r\n")?;
            self.reply()?;
        }
        Ok(replies)
    }

    fn say(&mut self, text: &str) -> Result<()> {
        Ok(self.read.get_mut().write_all(text.as_bytes())?)
    }

    /// The last line of it.
    fn reply(&mut self) -> Result<String> {
        loop {
            let mut line = String::new();
            if self.read.read_line(&mut line)? == 0 || !line.ends_with('\n') {
                return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
            }
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }
}
