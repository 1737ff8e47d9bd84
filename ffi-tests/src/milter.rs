//! What does a mail server say to its filter, and what does the filter answer?
//!
//! The server's side of the milter protocol, version 6, as far as one message with a header section goes. The filter may
//! leave out the steps that it has no interest in; every other step has its answer.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::{Failure, Result};

const LIMIT: Duration = Duration::from_secs(20);

/// A connection to a filter, as for one SMTP client.
pub struct MilterClient {
    stream: UnixStream,
    /// The steps that the filter does not want to hear of, as it has put them.
    left_out: u32,
}

/// What a filter may leave out, and the step's letter.
const STEPS: [(u32, u8); 9] = [
    (0x1, b'C'),
    (0x2, b'H'),
    (0x4, b'M'),
    (0x8, b'R'),
    (0x10, b'B'),
    (0x20, b'L'),
    (0x40, b'N'),
    (0x100, b'U'),
    (0x200, b'T'),
];

/// What a filter answers at the end of a step.
#[derive(Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Go on.
    Continue,
    /// Refuse with this reply.
    Reply(String),
    /// Any other answer, by its letter.
    Other(char),
}

/// What a filter does to a message.
#[derive(Debug, Eq, PartialEq)]
pub enum Change {
    /// Adds a field, name and value.
    Add(String, String),
    /// Takes the field of this name and number out.
    Delete(String, u32),
    /// Anything else, by its letter.
    Other(char),
}

impl MilterClient {
    /// Connects, as soon as the filter listens, and negotiates.
    ///
    /// # Errors
    /// It does not listen in time, or speaks another protocol.
    pub fn connect(socket: &Path) -> Result<Self> {
        let end = Instant::now() + LIMIT;
        let stream = loop {
            match UnixStream::connect(socket) {
                Ok(stream) => break stream,
                Err(error) if Instant::now() >= end => return Err(error.into()),
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        stream.set_read_timeout(Some(LIMIT))?;
        let mut client = Self {
            stream,
            left_out: 0,
        };
        let every: u32 = STEPS.iter().map(|(bit, _)| bit).sum();
        // Version 6; it may add, delete and change fields.
        let offer = [6, 0x11, every].map(u32::to_be_bytes).concat();
        client.send(b'O', &offer)?;
        let (letter, data) = client.receive()?;
        let left_out = data.get(8..).and_then(<[u8]>::first_chunk);
        match (letter, left_out) {
            (b'O', Some(bytes)) => client.left_out = u32::from_be_bytes(*bytes),
            _ => return Err(Failure::new("the filter does not negotiate")),
        }
        client.step(b'C', b"client.test\x004\x00\x19127.0.0.1\0")?;
        Ok(client)
    }

    /// Tells macros of the step that comes next: `C` connection, `H` HELO, `M` MAIL.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn macros(&mut self, step: u8, macros: &[(&str, &str)]) -> Result<()> {
        let mut data = vec![step];
        for (name, value) in macros {
            data.extend(format!("{name}\0{value}\0").bytes());
        }
        self.send(b'D', &data)
    }

    /// HELO.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn helo(&mut self) -> Result<Verdict> {
        self.step(b'H', b"client.test\0")
    }

    /// MAIL FROM with its parameters.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn mail(&mut self, parameters: &[&str]) -> Result<Verdict> {
        let mut data = b"<ann@client.test>\0".to_vec();
        for parameter in parameters {
            data.extend(format!("{parameter}\0").bytes());
        }
        self.step(b'M', &data)
    }

    /// A recipient, the header section and the end of the message: what is done to it, and the last answer.
    ///
    /// # Errors
    /// The connection is lost, or a step before the end is refused.
    pub fn message(&mut self, fields: &[(&str, &str)]) -> Result<(Vec<Change>, Verdict)> {
        let mut steps = vec![(b'R', b"<bob@server.test>\0".to_vec()), (b'T', Vec::new())];
        for (name, value) in fields {
            steps.push((b'L', format!("{name}\0{value}\0").into_bytes()));
        }
        steps.push((b'N', Vec::new()));
        steps.push((b'B', b"One line.\r\n".to_vec()));
        for (letter, data) in steps {
            let verdict = self.step(letter, &data)?;
            if verdict != Verdict::Continue {
                return Err(Failure::new(format!("{}: {verdict:?}", char::from(letter))));
            }
        }
        self.send(b'E', b"")?;
        let mut changes = Vec::new();
        loop {
            let (letter, data) = self.receive()?;
            match letter {
                b'h' => {
                    let mut texts = texts(&data);
                    let (name, value) = (texts.next(), texts.next());
                    changes.push(Change::Add(
                        name.unwrap_or_default(),
                        value.unwrap_or_default(),
                    ));
                }
                b'm' => changes.push(deletion(&data)),
                b'b' | b'+' | b'-' | b'i' | b'q' | b'e' => {
                    changes.push(Change::Other(letter.into()));
                }
                _ => return Ok((changes, answer(letter, &data))),
            }
        }
    }

    /// Gives a message up, as a server does after a refusal.
    ///
    /// # Errors
    /// The connection is lost.
    pub fn abort(&mut self) -> Result<()> {
        self.send(b'A', b"")
    }

    /// One step, and the answer to it: to go on, where the filter does not want to hear of it.
    fn step(&mut self, letter: u8, data: &[u8]) -> Result<Verdict> {
        let left_out = STEPS
            .iter()
            .any(|(bit, step)| *step == letter && self.left_out & bit != 0);
        if left_out {
            return Ok(Verdict::Continue);
        }
        self.send(letter, data)?;
        let (letter, data) = self.receive()?;
        Ok(answer(letter, &data))
    }

    fn send(&mut self, letter: u8, data: &[u8]) -> Result<()> {
        let length = u32::try_from(data.len() + 1)?;
        let mut packet = length.to_be_bytes().to_vec();
        packet.push(letter);
        packet.extend_from_slice(data);
        Ok(self.stream.write_all(&packet)?)
    }

    fn receive(&mut self) -> Result<(u8, Vec<u8>)> {
        let (mut length, mut letter) = ([0; 4], [0; 1]);
        self.stream.read_exact(&mut length)?;
        self.stream.read_exact(&mut letter)?;
        let length = usize::try_from(u32::from_be_bytes(length))?;
        let mut data = vec![0; length.saturating_sub(1).min(1 << 20)];
        self.stream.read_exact(&mut data)?;
        Ok((letter[0], data))
    }
}

fn texts(data: &[u8]) -> impl Iterator<Item = String> {
    let parts = data.split(|byte| *byte == 0);
    parts.map(|part| String::from_utf8_lossy(part).into_owned())
}

/// A field without a value is one that goes.
fn deletion(data: &[u8]) -> Change {
    let (number, rest) = data.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    let mut texts = texts(rest);
    let name = texts.next().unwrap_or_default();
    if texts.next().is_some_and(|value| value.is_empty()) {
        Change::Delete(name, u32::from_be_bytes(*number))
    } else {
        Change::Other('m')
    }
}

fn answer(letter: u8, data: &[u8]) -> Verdict {
    match letter {
        b'c' => Verdict::Continue,
        b'y' => Verdict::Reply(texts(data).next().unwrap_or_default()),
        _ => Verdict::Other(letter.into()),
    }
}
