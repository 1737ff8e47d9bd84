//! Where does a line end?

use super::talk::Wire;
use std::io::{self, ErrorKind};

/// Lines from a connection; clients that send several at once are understood (RFC 2920).
#[derive(Debug, Default)]
pub(super) struct Lines {
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn next(&mut self, wire: &mut dyn Wire) -> io::Result<Option<String>> {
        let line = self.next_octets(wire)?;
        Ok(line.map(|octets| String::from_utf8_lossy(&octets).into_owned()))
    }

    /// Whether more has come than was read as lines.
    pub(super) fn has_more(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// So many octets, whatever they are.
    pub(super) fn take(&mut self, wire: &mut dyn Wire, length: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < length {
            let mut more = [0; 4096];
            let read = wire.read(&mut more)?;
            if read == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            self.buffer.extend(more.iter().take(read));
        }
        let rest = self.buffer.split_off(length);
        Ok(std::mem::replace(&mut self.buffer, rest))
    }

    /// Without CR and LF; `None` at the end. What is left of a line then is none.
    pub(super) fn next_octets(&mut self, wire: &mut dyn Wire) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.buffer.iter().position(|&b| b == b'\n') {
                let rest = self.buffer.split_off(end.saturating_add(1));
                let mut line = std::mem::replace(&mut self.buffer, rest);
                line.pop();
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                return Ok(Some(line));
            }
            if self.buffer.len() > LONGEST_LINE {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut more = [0; 4096];
            let length = match wire.read(&mut more) {
                Ok(0) => return Ok(None),
                Ok(length) => length,
                Err(e) if e.kind() == ErrorKind::Interrupted => continue,
                Err(e) => return Err(e),
            };
            self.buffer.extend(more.iter().take(length));
        }
    }
}

const LONGEST_LINE: usize = 64 * 1024;
