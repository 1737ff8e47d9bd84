//! What is known of octets without looking at them again?

use super::octets;
use memchr::memchr_iter;

/// What is known of the octets that came.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) length: u64,
    pub(super) is_8bit: bool,
    /// Octets above 127 before the first empty line.
    pub(super) is_8bit_header: bool,
    header: Header,
    /// LF without a CR before it.
    bare_lf: u64,
    last: Option<u8>,
}

/// Where in the header section the octets end.
#[derive(Clone, Copy, Debug, Default)]
enum Header {
    #[default]
    LineStart,
    WithinLine,
    /// An empty line came.
    Over,
}

impl Seen {
    pub(super) fn push(&mut self, block: &[u8]) {
        let before = |at: usize| match at.checked_sub(1) {
            Some(before) => block.get(before).copied(),
            None => self.last,
        };
        if may_have_bare_lf(block) {
            let bare = memchr_iter(b'\n', block).filter(|at| before(*at) != Some(b'\r'));
            self.bare_lf += octets(bare.count());
        }
        self.is_8bit |= !block.is_ascii();
        self.push_header(block);
        self.length += octets(block.len());
        self.last = block.last().copied().or(self.last);
    }

    fn push_header(&mut self, block: &[u8]) {
        for &octet in block {
            self.header = match (self.header, octet) {
                (Header::Over, _) => return,
                (Header::LineStart, b'\n') => Header::Over,
                (Header::LineStart, b'\r') => Header::LineStart,
                (_, b'\n') => Header::LineStart,
                _ => Header::WithinLine,
            };
            self.is_8bit_header |= !octet.is_ascii();
        }
    }

    /// As it is sent: every line ends with CRLF (RFC 1870 section 3).
    pub(super) fn sent(&self) -> u64 {
        let open_line = !matches!(self.last, None | Some(b'\n'));
        self.length + self.bare_lf + if open_line { 2 } else { 0 }
    }
}

/// Whether an LF stands first, or behind what is no CR. Without a branch: seldom is there one, and
/// then to look at each line end is many times as slow.
fn may_have_bare_lf(block: &[u8]) -> bool {
    let pairs = block.iter().zip(block.get(1..).unwrap_or_default());
    let within = pairs.fold(0, |found, (&one, &next)| {
        found | u8::from(next == b'\n' && one != b'\r')
    });
    within != 0 || block.first() == Some(&b'\n')
}
