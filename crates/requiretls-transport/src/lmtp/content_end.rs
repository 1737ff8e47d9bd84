//! Where does the message end that follows DATA?
//!
//! At CRLF, dot, CRLF and nowhere else (RFC 5321 section 4.1.1.4): whoever takes a bare LF or CR for
//! a line end there lets one message be read as two. A dot that begins a line is taken away (section
//! 4.5.2), where the line begins behind CRLF. A bare LF or CR stays as it is; the SMTP client sends
//! the one as CRLF and the other as a blank, so that no two readers downstream can differ about it.

use memchr::memmem;

/// Turns what follows DATA into the message, block by block.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ContentEnd {
    /// Behind CRLF, or at the start.
    LineStart,
    /// Behind a dot that began a line.
    Dot,
    /// Behind such a dot and a CR.
    DotCr,
    /// Behind a CR within a line.
    Cr,
    /// Elsewhere.
    Within,
    /// The final dot was seen.
    Seen,
}

impl ContentEnd {
    pub(super) const fn new() -> Self {
        Self::LineStart
    }

    pub(super) fn is_seen(self) -> bool {
        self == Self::Seen
    }

    /// Where these octets end, which come within a line.
    fn behind(octets: &[u8]) -> Self {
        match octets {
            [.., b'\r', b'\n'] => Self::LineStart,
            [.., b'\r'] => Self::Cr,
            _ => Self::Within,
        }
    }

    /// Gives away what the block holds of the message, piece by piece, and says how much of the
    /// block that was: what stands behind the final dot is the next command.
    pub(super) fn push(&mut self, block: &[u8], mut take: impl FnMut(&[u8])) -> usize {
        // The piece that is not given away yet begins here.
        let (mut from, mut at) = (0, 0);
        let piece = |from, to| block.get(from..to).unwrap_or_default();
        while !self.is_seen() {
            if *self == Self::Within {
                let rest = block.get(at..).unwrap_or_default();
                (*self, at) = match memmem::find(rest, b"\r\n.") {
                    // Nothing but a dot that begins a line is of interest.
                    Some(line_end) => (Self::LineStart, at + line_end + 2),
                    None => (Self::behind(rest), block.len()),
                };
            }
            let Some(&byte) = block.get(at) else {
                break;
            };
            *self = match (*self, byte) {
                (Self::LineStart, b'.') => {
                    take(piece(from, at));
                    from = at + 1;
                    Self::Dot
                }
                (Self::Dot, b'\r') => {
                    from = at + 1;
                    Self::DotCr
                }
                (Self::DotCr, b'\n') => {
                    from = at + 1;
                    Self::Seen
                }
                (Self::DotCr, _) => {
                    // No end after all: the CR belongs to the message, and so does this octet.
                    take(b"\r");
                    *self = Self::Cr;
                    continue;
                }
                (Self::Cr, b'\n') => Self::LineStart,
                (_, b'\r') => Self::Cr,
                (_, _) => Self::Within,
            };
            at += 1;
        }
        take(piece(from, at));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::ContentEnd;

    /// What is sent, what of it is the message, and what is behind its end.
    type Row = (
        &'static str,
        &'static [u8],
        &'static [u8],
        Option<&'static [u8]>,
    );

    /// The same in one block and octet by octet.
    #[test]
    fn the_end_is_crlf_dot_crlf_alone() {
        #[rustfmt::skip]
        let rows: [Row; 20] = [
            ("empty message", b".\r\n", b"", Some(b"")),
            ("one line", b"a\r\n.\r\n", b"a\r\n", Some(b"")),
            ("the next command behind it", b"a\r\n.\r\nQUIT\r\n", b"a\r\n", Some(b"QUIT\r\n")),
            ("a stuffed dot", b"..a\r\n.\r\n", b".a\r\n", Some(b"")),
            ("a stuffed line of one dot", b"a\r\n..\r\nb\r\n.\r\n", b"a\r\n.\r\nb\r\n", Some(b"")),
            ("a dot that was not stuffed", b".a\r\n.\r\n", b"a\r\n", Some(b"")),
            ("a dot within a line", b"a.\r\n.\r\n", b"a.\r\n", Some(b"")),
            ("smuggling: LF dot LF", b"a\n.\nb\r\n.\r\n", b"a\n.\nb\r\n", Some(b"")),
            ("smuggling: LF dot CRLF", b"a\n.\r\nMAIL\r\n.\r\n", b"a\n.\r\nMAIL\r\n", Some(b"")),
            ("smuggling: CRLF dot LF", b"a\r\n.\nMAIL\r\n.\r\n", b"a\r\n\nMAIL\r\n", Some(b"")),
            ("smuggling: CRLF dot CR", b"a\r\n.\rMAIL\r\n.\r\n", b"a\r\n\rMAIL\r\n", Some(b"")),
            ("smuggling: CR dot CR", b"a\r.\rMAIL\r\n.\r\n", b"a\r.\rMAIL\r\n", Some(b"")),
            ("CRLF dot CR CR LF", b"a\r\n.\r\r\n.\r\n", b"a\r\n\r\r\n", Some(b"")),
            ("CRLF dot CR CRLF dot CRLF", b".\r\r\n.\r\n", b"\r\r\n", Some(b"")),
            ("two CR before LF", b"a\r\r\n.\r\n", b"a\r\r\n", Some(b"")),
            ("a bare LF begins no line: its dot stays", b"a\n..b\r\n.\r\n", b"a\n..b\r\n", Some(b"")),
            ("LF first", b"\n.\r\n.\r\n", b"\n.\r\n", Some(b"")),
            ("8-bit and NUL", b"\xff\x00\r\n.\r\n", b"\xff\x00\r\n", Some(b"")),
            ("no end yet", b"a\r\n.", b"a\r\n", None),
            ("no end yet, CR", b"a\r\n.\r", b"a\r\n", None),
        ];
        for (label, sent, message, behind) in rows {
            for size in [1, 2, 3, usize::MAX] {
                let (mut end, mut out, mut taken) = (ContentEnd::new(), Vec::new(), 0);
                for block in sent.chunks(size.min(sent.len())) {
                    if end.is_seen() {
                        break;
                    }
                    taken += end.push(block, |piece| out.extend_from_slice(piece));
                }
                assert_eq!(out, message, "{label}, blocks of {size}");
                let rest = end.is_seen().then(|| sent.get(taken..).unwrap_or_default());
                assert_eq!(rest, behind, "{label}, blocks of {size}");
            }
        }
    }

    /// Said without a state: where the end is, and which dots go.
    fn naive(sent: &[u8]) -> Option<(Vec<u8>, usize)> {
        let with_start = [b"\r\n", sent].concat();
        let end = with_start.windows(5).position(|w| w == b"\r\n.\r\n")?;
        let text = with_start.get(..end + 2)?;
        let mut message = Vec::new();
        for (at, byte) in text.iter().enumerate().skip(2) {
            let begins_line = text.get(at - 2..at) == Some(b"\r\n");
            if !(begins_line && *byte == b'.') {
                message.push(*byte);
            }
        }
        Some((message, end + 3))
    }

    proptest::proptest! {
        #[test]
        fn whatever_comes_in_whatever_pieces(
            words in proptest::collection::vec(proptest::sample::select(WORDS.to_vec()), 0..40),
            size in 1..99_usize,
        ) {
            let sent = words.concat();
            let (mut end, mut message, mut taken) = (ContentEnd::new(), Vec::new(), 0);
            for block in sent.chunks(size) {
                if !end.is_seen() {
                    taken += end.push(block, |piece| message.extend_from_slice(piece));
                }
            }
            let found = end.is_seen().then_some((message, taken));
            proptest::prop_assert_eq!(found, naive(&sent));
        }
    }

    /// The last one is longer than what is looked at at once.
    const WORDS: [&[u8]; 5] = [b".", b"\r", b"\n", b"a", &[b'b'; 70]];
}
