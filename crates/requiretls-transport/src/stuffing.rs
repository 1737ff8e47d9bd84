//! How does a message look after DATA or BDAT?
//!
//! Every line ends with CRLF, a dot at its start is doubled after DATA (RFC 5321 section 4.5.2), and
//! nothing in the message can look like its end: a bare LF ends a line here, and a CR that ends no
//! line becomes a blank, for some receivers take either for a line end.

use memchr::memchr;

/// Turns a message, block by block, into what is sent.
#[derive(Debug)]
pub(crate) struct Stuffing {
    /// After DATA; a chunk tells its length and needs neither doubled dots nor a last one.
    dots: bool,
    at_line_start: bool,
    /// A CR was seen, and what follows it was not.
    after_cr: bool,
}

impl Stuffing {
    /// For DATA.
    pub(crate) const fn dotted() -> Self {
        Self {
            dots: true,
            at_line_start: true,
            after_cr: false,
        }
    }

    /// For BDAT.
    pub(crate) const fn plain() -> Self {
        Self {
            dots: false,
            ..Self::dotted()
        }
    }

    /// Appends what the next block of the message is sent as.
    pub(crate) fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        let mut rest = block;
        while !rest.is_empty() {
            let (lines, behind) = some_lines(rest);
            if self.goes_as_it_is(lines) {
                out.extend_from_slice(lines);
                self.at_line_start = lines.ends_with(b"\n");
            } else {
                for line in lines.split_inclusive(|byte| *byte == b'\n') {
                    self.push_line(line, out);
                }
            }
            rest = behind;
        }
    }

    /// Nearly all of nearly every message: no CR without LF, nor LF without CR, and no dot to be
    /// doubled. It is looked for in all of it without a branch, since that is many times as fast as
    /// line by line.
    fn goes_as_it_is(&self, lines: &[u8]) -> bool {
        let first = lines.first().copied().unwrap_or(b'\n');
        let begins_well = first != b'\n' && !(self.dots && self.at_line_start && first == b'.');
        if self.after_cr || !begins_well || lines.last() == Some(&b'\r') {
            return false;
        }
        let pairs = lines.iter().zip(lines.get(1..).unwrap_or_default());
        // Where dots are not doubled: a second LF, which is stray anyway.
        let dot = if self.dots { b'.' } else { b'\n' };
        let found = pairs.fold(0, |found, (&one, &next)| {
            let stray = (one == b'\r') != (next == b'\n');
            found | u8::from(stray) | u8::from(one == b'\n' && next == dot)
        });
        found == 0
    }

    fn push_line(&mut self, line: &[u8], out: &mut Vec<u8>) {
        if self.goes_as_it_is(line) {
            out.extend_from_slice(line);
            self.at_line_start = line.ends_with(b"\n");
        } else {
            self.push_octets(line, out);
        }
    }

    fn push_octets(&mut self, piece: &[u8], out: &mut Vec<u8>) {
        for &byte in piece {
            if byte == b'\n' {
                out.extend_from_slice(b"\r\n");
                self.at_line_start = true;
                self.after_cr = false;
                continue;
            }
            self.stray_cr(out);
            if byte == b'\r' {
                self.after_cr = true;
                continue;
            }
            if self.dots && byte == b'.' && self.at_line_start {
                out.push(b'.');
            }
            out.push(byte);
            self.at_line_start = false;
        }
    }

    /// Appends the end: a line that the message left open, and after DATA the final dot.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.stray_cr(out);
        if !self.at_line_start {
            out.extend_from_slice(b"\r\n");
        }
        if self.dots {
            out.extend_from_slice(b".\r\n");
        }
    }

    fn stray_cr(&mut self, out: &mut Vec<u8>) {
        if self.after_cr {
            out.push(b' ');
            self.at_line_start = false;
            self.after_cr = false;
        }
    }
}

/// Some whole lines, and the rest.
fn some_lines(block: &[u8]) -> (&[u8], &[u8]) {
    let end = block
        .get(RUN..)
        .and_then(|behind| memchr(b'\n', behind))
        .map_or(block.len(), |at| RUN + at + 1);
    block.split_at_checked(end).unwrap_or((block, &[]))
}

/// So many octets are worth a look at all of them together.
const RUN: usize = 1_024;

#[cfg(test)]
mod tests {
    use super::Stuffing;
    use crate::content::Content;

    fn chunk(message: &[u8], size: usize) -> Vec<u8> {
        let (mut stuffing, mut out) = (Stuffing::plain(), Vec::new());
        for block in message.chunks(size.min(message.len().max(1))) {
            stuffing.push(block, &mut out);
        }
        stuffing.finish(&mut out);
        out
    }

    /// What SIZE and BDAT are told.
    fn length(message: &[u8]) -> usize {
        let length = Content::from_bytes(message.to_vec()).sent_len();
        usize::try_from(length).unwrap()
    }

    /// RFC 3030: the octets of a chunk are counted, not dotted.
    #[test]
    fn what_follows_bdat() {
        for (label, message, sent) in [
            ("empty", b"".as_slice(), b"".as_slice()),
            ("dots", b".a\r\n.\r\n", b".a\r\n.\r\n"),
            ("LF", b"a\n.\n", b"a\r\n.\r\n"),
            ("open last line", b"a", b"a\r\n"),
            ("bare CR", b"a\rb\r", b"a b \r\n"),
        ] {
            for size in [1, 2, usize::MAX] {
                assert_eq!(chunk(message, size), sent, "{label}, blocks of {size}");
            }
            assert_eq!(sent.len(), length(message), "{label}");
        }
    }

    /// The same in one block and octet by octet.
    #[test]
    fn what_follows_data() {
        let rows: [(&str, &[u8], &[u8]); 15] = [
            ("empty", b"", b".\r\n"),
            ("CRLF", b"a\r\nb\r\n", b"a\r\nb\r\n.\r\n"),
            ("LF", b"a\nb\n", b"a\r\nb\r\n.\r\n"),
            ("open last line", b"a", b"a\r\n.\r\n"),
            ("dot first", b".a\r\n", b"..a\r\n.\r\n"),
            (
                "a line of one dot",
                b"a\r\n.\r\nb\r\n",
                b"a\r\n..\r\nb\r\n.\r\n",
            ),
            ("the same with LF", b"a\n.\nb", b"a\r\n..\r\nb\r\n.\r\n"),
            ("two dots", b"..\n", b"...\r\n.\r\n"),
            ("dot within", b"a.b\n", b"a.b\r\n.\r\n"),
            ("dot between CR and LF", b"a\r.\nb\n", b"a .\r\nb\r\n.\r\n"),
            ("end of data with bare CR", b"a\r.\rb\n", b"a . b\r\n.\r\n"),
            ("two CR before LF", b"a\r\r\n", b"a \r\n.\r\n"),
            ("CR at the end", b"a\r", b"a \r\n.\r\n"),
            ("CR then dot line", b"\n\r.\n", b"\r\n .\r\n.\r\n"),
            (
                "8-bit and NUL as they are",
                b"\xff\x00\xc3\xbc\n",
                b"\xff\x00\xc3\xbc\r\n.\r\n",
            ),
        ];
        for (label, message, sent) in rows {
            for size in [1, 2, usize::MAX] {
                let (mut stuffing, mut out) = (Stuffing::dotted(), Vec::new());
                for block in message.chunks(size.min(message.len().max(1))) {
                    stuffing.push(block, &mut out);
                }
                stuffing.finish(&mut out);
                assert_eq!(out, sent, "{label}, blocks of {size}");
                assert_eq!(chunk(message, size).len(), length(message), "{label}");
            }
        }
    }

    proptest::proptest! {
        /// Many lines at once come to what octet by octet comes to, however the blocks are cut.
        #[test]
        fn runs_of_lines_are_read_as_octets_are(
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..60),
            size in 1..4_000_usize,
            dots in proptest::prelude::any::<bool>(),
        ) {
            let message = words.concat();
            let new = || if dots { Stuffing::dotted() } else { Stuffing::plain() };
            let (mut stuffing, mut out) = (new(), Vec::new());
            for block in message.chunks(size) {
                stuffing.push(block, &mut out);
            }
            stuffing.finish(&mut out);
            let (mut slow, mut expected) = (new(), Vec::new());
            slow.push_octets(&message, &mut expected);
            slow.finish(&mut expected);
            proptest::prop_assert!(out == expected);
            if !dots {
                proptest::prop_assert_eq!(out.len(), length(&message));
            }
        }
    }

    /// Whole lines for the most part.
    const WORDS: [&[u8]; 10] = [
        b"\r\n",
        b"\r",
        b"\n",
        b".",
        b"a",
        b".\r\n",
        b"What is in it does not matter, its length does; sixty-six octets.\r\n",
        b"What is in it does not matter, its length does; sixty-six octets.\r\n",
        &[b'x'; 70],
        &[b'y'; 1_500],
    ];
}
