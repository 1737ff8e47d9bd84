//! Where is a message kept while it is under way?
//!
//! In memory as long as it is small, else in a temporary file that has no name, so that nothing is
//! left of it when the process ends in whatever way. It never changes once it is whole, and any
//! number of connections read it at once, each at its own place.

mod seen;
mod writer;

pub use writer::ContentWriter;

use seen::Seen;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A message's header section and body. A clone is the same message.
#[derive(Clone)]
pub struct Content(Arc<Kept>);

struct Kept {
    place: Place,
    seen: Seen,
}

enum Place {
    Memory(Vec<u8>),
    /// Without a name: it is gone when the last clone is.
    File(File),
}

impl Content {
    /// A message that is in memory already.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        let mut seen = Seen::default();
        seen.push(&bytes);
        Self(Arc::new(Kept {
            place: Place::Memory(bytes),
            seen,
        }))
    }

    /// Its length in octets, as it came.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.seen.length
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its length as it is sent, every line ending with CRLF, without what DATA adds.
    #[must_use]
    pub fn sent_len(&self) -> u64 {
        self.0.seen.sent()
    }

    /// Whether an octet above 127 is in it (RFC 6152).
    #[must_use]
    pub fn is_8bit(&self) -> bool {
        self.0.seen.is_8bit
    }

    /// Whether one is in its header section: only SMTPUTF8 can say that (RFC 6531).
    #[must_use]
    pub fn is_8bit_header(&self) -> bool {
        self.0.seen.is_8bit_header
    }

    /// Whether it is in a file.
    #[must_use]
    pub fn is_spilled(&self) -> bool {
        matches!(self.0.place, Place::File(_))
    }

    /// Reads it from its beginning, whoever else reads it.
    #[must_use]
    pub fn reader(&self) -> ContentReader {
        ContentReader {
            content: self.clone(),
            at: 0,
        }
    }
}

/// One reader's place in a message.
#[derive(Clone, Debug)]
pub struct ContentReader {
    content: Content,
    at: u64,
}

impl Read for ContentReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match &self.content.0.place {
            Place::Memory(bytes) => {
                let at = usize::try_from(self.at).unwrap_or(usize::MAX);
                bytes.get(at..).unwrap_or_default().read(buf)?
            }
            Place::File(file) => {
                let read = file.read_at(buf, self.at)?;
                // A file that has been cut would be a message that ends early.
                if read == 0 && !buf.is_empty() && self.at < self.content.len() {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                read
            }
        };
        self.at += octets(read);
        Ok(read)
    }
}

impl From<Vec<u8>> for Content {
    fn from(bytes: Vec<u8>) -> Self {
        Self::from_bytes(bytes)
    }
}

impl From<&[u8]> for Content {
    fn from(bytes: &[u8]) -> Self {
        Self::from_bytes(bytes.to_vec())
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("len", &self.len())
            .field("is_8bit", &self.is_8bit())
            .field("is_spilled", &self.is_spilled())
            .finish()
    }
}

fn octets(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Content, ContentWriter};
    use std::fs;
    use std::io::{ErrorKind, Read, Write};

    fn read(content: &Content) -> Vec<u8> {
        let mut bytes = Vec::new();
        content.reader().read_to_end(&mut bytes).unwrap();
        bytes
    }

    /// Whatever the size of the writes, what comes out is what went in.
    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| (n % 127) as u8).collect();
        for (label, length, size, spills) in [
            ("nothing", 0, 1, false),
            ("at the limit", 1_000, 7, false),
            ("above it", 1_001, 7, true),
            ("line by line", 100_000, 78, true),
            ("in large blocks", 100_000, 30_000, true),
            ("at once", 100_000, 100_000, true),
        ] {
            let mut writer = ContentWriter::new(1_000, directory.path());
            for block in bytes[..length].chunks(size) {
                writer.write_all(block).unwrap();
            }
            assert_eq!(writer.len(), length as u64, "{label}");
            let content = writer.finish().unwrap();
            assert_eq!(content.len(), length as u64, "{label}");
            assert_eq!(content.is_spilled(), spills, "{label}");
            assert!(!content.is_8bit(), "{label}");
            assert!(read(&content) == bytes[..length], "{label}");
            let names = fs::read_dir(directory.path()).unwrap().count();
            assert_eq!(names, 0, "{label}: the file has no name");
        }
    }

    #[test]
    fn many_read_at_once() {
        let mut writer = ContentWriter::new(0, std::env::temp_dir());
        writer.write_all(b"0123456789").unwrap();
        let content = writer.finish().unwrap();
        let (mut one, mut other) = (content.reader(), content.reader());
        let mut buf = [0; 4];
        one.read_exact(&mut buf).unwrap();
        other.read_exact(&mut buf[..2]).unwrap();
        one.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"4567");
        other.read_exact(&mut buf).unwrap();
        assert_eq!(&buf, b"2345");
    }

    #[test]
    fn eight_bits_are_seen_wherever_they_are() {
        for limit in [0, 100] {
            let mut writer = ContentWriter::new(limit, std::env::temp_dir());
            writer.write_all(b"a\r\n").unwrap();
            writer.write_all(b"\xc3\xbc\r\n").unwrap();
            assert!(writer.finish().unwrap().is_8bit(), "{limit}");
        }
        assert!(Content::from_bytes(b"\xff".to_vec()).is_8bit());
    }

    /// RFC 6531: what only SMTPUTF8 can carry is in the header section.
    #[test]
    fn the_header_section_ends_with_the_first_empty_line() {
        for (label, bytes, header) in [
            ("body", b"a: b\r\n\r\n\xc3\xbc".as_slice(), false),
            ("body, LF", b"a: b\n\n\xc3\xbc", false),
            ("header", b"a: \xc3\xbc\r\n\r\n", true),
            ("second field", b"a: b\r\nc: \xc3\xbc", true),
            ("no header", b"\r\n\xc3\xbc", false),
        ] {
            for size in [1, 3, 100] {
                let mut writer = ContentWriter::new(100, "/nowhere");
                for block in bytes.chunks(size) {
                    writer.write_all(block).unwrap();
                }
                let content = writer.finish().unwrap();
                assert_eq!(content.is_8bit_header(), header, "{label}");
                assert!(content.is_8bit(), "{label}");
            }
        }
    }

    /// The message is refused, not cut.
    #[test]
    fn no_room_is_an_error() {
        let mut writer = ContentWriter::new(3, "/nowhere/at/all");
        writer.write_all(b"abc").unwrap();
        let failed = writer.write_all(b"d").unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::NotFound);
    }

    /// Somebody has cut the file below us: the reader sees an error, never an early end.
    #[test]
    fn a_file_that_was_cut_is_no_message() {
        let mut writer = ContentWriter::new(0, std::env::temp_dir());
        writer.write_all(b"0123456789").unwrap();
        let content = writer.finish().unwrap();
        let super::Place::File(file) = &content.0.place else {
            panic!("not spilled");
        };
        file.set_len(5).unwrap();
        let failed = content.reader().read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(failed.kind(), ErrorKind::UnexpectedEof);
    }
}
