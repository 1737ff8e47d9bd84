//! How does a message look after DATA?
//!
//! Every line ends with CRLF, a dot at its start is doubled (RFC 5321 section 4.5.2), and nothing
//! in the message can look like its end: a bare LF ends a line here, and a CR that ends no line
//! becomes a blank, for some receivers take either for a line end.

/// Turns a message, block by block, into what is sent after DATA.
#[derive(Debug)]
pub(crate) struct Stuffing {
    at_line_start: bool,
    /// A CR was seen, and what follows it was not.
    after_cr: bool,
}

impl Stuffing {
    pub(crate) const fn new() -> Self {
        Self {
            at_line_start: true,
            after_cr: false,
        }
    }

    /// Appends what the next block of the message is sent as.
    pub(crate) fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        for &byte in block {
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
            if byte == b'.' && self.at_line_start {
                out.push(b'.');
            }
            out.push(byte);
            self.at_line_start = false;
        }
    }

    /// Appends the end: a line that the message left open, and the final dot.
    pub(crate) fn finish(mut self, out: &mut Vec<u8>) {
        self.stray_cr(out);
        if !self.at_line_start {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b".\r\n");
    }

    fn stray_cr(&mut self, out: &mut Vec<u8>) {
        if self.after_cr {
            out.push(b' ');
            self.at_line_start = false;
            self.after_cr = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Stuffing;

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
                let (mut stuffing, mut out) = (Stuffing::new(), Vec::new());
                for block in message.chunks(size.min(message.len().max(1))) {
                    stuffing.push(block, &mut out);
                }
                stuffing.finish(&mut out);
                assert_eq!(out, sent, "{label}, blocks of {size}");
            }
        }
    }
}
