//! How does a message come to the mail server? By SMTP, as from any client.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use ffi_tests::{Failure, Result, Servers};

const LIMIT: Duration = Duration::from_secs(30);

/// A message and its envelope.
#[derive(Clone, Debug)]
pub(crate) struct Submission {
    /// Empty: the null path.
    pub(crate) sender: String,
    pub(crate) recipients: Vec<String>,
    /// The whole header section, each field with its CRLF.
    pub(crate) header: String,
    /// Without dots at the beginning of a line.
    pub(crate) body: String,
}

impl Submission {
    /// Hands it over; all recipients must be taken.
    pub(crate) fn to(&self, servers: &Servers, address: &str) -> Result<()> {
        servers
            .within(|| self.say(address))?
            .map_err(|error| error.during(format!("submission to {:?}", self.recipients)))
    }

    /// The same from a thread that is in the servers' network already.
    pub(crate) fn say(&self, address: &str) -> Result<()> {
        let mut connection = Connection::open(address)?;
        connection.expect("220", "")?;
        connection.expect("250", "EHLO client.test\r\n")?;
        connection.expect("250", &format!("MAIL FROM:<{}>\r\n", self.sender))?;
        for recipient in &self.recipients {
            connection.expect("250", &format!("RCPT TO:<{recipient}>\r\n"))?;
        }
        connection.expect("354", "DATA\r\n")?;
        connection.expect("250", &format!("{}\r\n{}\r\n.\r\n", self.header, self.body))?;
        connection.expect("221", "QUIT\r\n")
    }
}

struct Connection {
    read: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            read: BufReader::new(stream),
        })
    }

    fn expect(&mut self, code: &str, command: &str) -> Result<()> {
        self.read.get_mut().write_all(command.as_bytes())?;
        let mut line = String::new();
        loop {
            line.clear();
            self.read.read_line(&mut line)?;
            if line.as_bytes().get(3) != Some(&b'-') {
                break;
            }
        }
        if line.starts_with(code) {
            return Ok(());
        }
        let command = command.lines().next().unwrap_or_default();
        Err(Failure::new(format!("{command}: {}", line.trim_end())))
    }
}
