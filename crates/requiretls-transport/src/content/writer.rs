//! How is a message taken in?

use super::seen::Seen;
use super::{Content, Kept, Place};
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// Takes a message as it comes, and spills it into a file where it is large.
pub struct ContentWriter {
    memory: Vec<u8>,
    spilled: Option<File>,
    seen: Seen,
    limit: usize,
    directory: PathBuf,
}

impl ContentWriter {
    /// Keeps so many octets in memory, and puts a message that has more into a file without a name
    /// in this directory.
    #[must_use]
    pub fn new(limit: usize, directory: impl Into<PathBuf>) -> Self {
        Self {
            memory: Vec::new(),
            spilled: None,
            seen: Seen::default(),
            limit,
            directory: directory.into(),
        }
    }

    /// The octets that came so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.seen.length
    }

    /// Whether nothing came so far.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.length == 0
    }

    /// The message, whole.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<Content> {
        let place = match self.spilled.take() {
            Some(mut file) => {
                file.write_all(&self.memory)?;
                Place::File(file)
            }
            None => Place::Memory(self.memory),
        };
        Ok(Content(Arc::new(Kept {
            place,
            seen: self.seen,
        })))
    }
}

impl Write for ContentWriter {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if self.spilled.is_none() && self.memory.len().saturating_add(buf.len()) > self.limit {
            let mut file = tempfile::tempfile_in(&self.directory)?;
            file.write_all(&self.memory)?;
            // The memory is given back; from here on it gathers small writes.
            self.memory = Vec::new();
            self.spilled = Some(file);
        }
        if let Some(file) = &mut self.spilled {
            if self.memory.len().saturating_add(buf.len()) > GATHERED {
                file.write_all(&self.memory)?;
                self.memory.clear();
            }
            if buf.len() >= GATHERED {
                file.write_all(buf)?;
            } else {
                self.memory.extend_from_slice(buf);
            }
        } else {
            self.memory.extend_from_slice(buf);
        }
        self.seen.push(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for ContentWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentWriter")
            .field("len", &self.seen.length)
            .field("is_spilled", &self.spilled.is_some())
            .finish_non_exhaustive()
    }
}

/// Lines come one by one; they are not written so.
const GATHERED: usize = 32 * 1024;
