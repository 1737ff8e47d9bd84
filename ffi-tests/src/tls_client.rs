//! How does a client speak to Exim, in clear and inside TLS? Line by line.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use crate::{Failure, Result};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

const LIMIT: Duration = Duration::from_secs(120);

trait Channel: Read + Write {}
impl<T: Read + Write> Channel for T {}

/// A connection.
pub struct Client(BufReader<Box<dyn Channel>>);

impl Client {
    /// In clear, with EHLO; and what that was answered.
    ///
    /// # Errors
    /// Nobody listens there, or hangs up.
    pub fn in_clear(address: &str) -> Result<(Self, String)> {
        let mut client = Self(BufReader::new(Box::new(open(address)?)));
        client.reply()?;
        let offered = client.ask("EHLO client.test")?;
        Ok((client, offered))
    }

    /// Inside TLS, with EHLO there. `config` says whom to believe.
    ///
    /// # Errors
    /// Nobody listens there, or hangs up, or has no TLS.
    pub fn inside_tls(address: &str, config: ClientConfig) -> Result<(Self, String)> {
        let stream = open(address)?;
        let mut client = Self(BufReader::new(Box::new(stream.try_clone()?)));
        client.reply()?;
        client.ask("EHLO client.test")?;
        client.ask("STARTTLS")?;
        let name = ServerName::try_from("host.test")?;
        let connection = ClientConnection::new(Arc::new(config), name)?;
        let channel = StreamOwned::new(connection, stream);
        let mut client = Self(BufReader::new(Box::new(channel)));
        let offered = client.ask("EHLO client.test")?;
        Ok((client, offered))
    }

    /// All lines of the answer to a command.
    ///
    /// # Errors
    /// The connection ends.
    pub fn ask(&mut self, command: &str) -> Result<String> {
        let channel = self.0.get_mut();
        channel.write_all(format!("{command}\r\n").as_bytes())?;
        channel.flush()?;
        self.reply()
    }

    fn reply(&mut self) -> Result<String> {
        let mut lines = String::new();
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(Failure::new(format!("closed after {lines:?}")));
            }
            lines.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(lines);
            }
        }
    }
}

fn open(address: &str) -> Result<TcpStream> {
    let stream = TcpStream::connect((address, 25))?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
