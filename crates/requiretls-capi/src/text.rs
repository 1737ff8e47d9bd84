//! How do texts come in, and how do they go out?
//!
//! In: a pointer with a length, or up to the NUL, and never more than a bound, so that a text
//! without a NUL costs a bounded read. Out: printable ASCII with a NUL, in the caller's array.

pub(crate) use crate::abi::RTLS_NUL as NUL;
use core::ffi::c_char;
use std::fmt;

/// The bytes of a text: `None` for NULL and for a length that no text has. At most `bound + 1`
/// bytes are looked at, so that what is too long still shows as too long.
///
/// # Safety
/// `text` is NULL, or points to `len` readable bytes, or to a NUL where `len` is `RTLS_NUL`.
pub(crate) unsafe fn bytes<'a>(text: *const c_char, len: usize, bound: usize) -> Option<&'a [u8]> {
    if text.is_null() || (len != NUL && isize::try_from(len).is_err()) {
        return None;
    }
    let most = len.min(bound.saturating_add(1));
    let start = text.cast::<u8>();
    let len = if len == NUL {
        let mut found = 0;
        // SAFETY: every byte up to the NUL is readable, and the loop stops there or before.
        while found < most && unsafe { *start.add(found) } != 0 {
            found += 1;
        }
        found
    } else {
        most
    };
    // SAFETY: the caller vouches for `len` bytes, of which these are the first; see above for
    // texts that end at their NUL.
    Some(unsafe { std::slice::from_raw_parts(start, len) })
}

/// Writes a text that is never cut, and its NUL; false where it does not fit. Then the buffer
/// holds an empty text, where it holds anything.
///
/// # Safety
/// `out` is NULL or points to `size` bytes that may be written.
pub(crate) unsafe fn write(out: *mut c_char, size: usize, text: &str) -> bool {
    // SAFETY: as the caller vouches.
    unsafe { write_parts(out, size, &[text]) }
}

/// The same with a text that comes in parts.
///
/// # Safety
/// As [`write`].
pub(crate) unsafe fn write_parts(out: *mut c_char, size: usize, parts: &[&str]) -> bool {
    if out.is_null() || size == 0 {
        return false;
    }
    let mut room = size;
    let mut end = out;
    for part in parts.iter().filter(|part| !part.is_empty()) {
        if part.len() >= room {
            // SAFETY: there is room for one byte at least.
            unsafe { *out = 0 };
            return false;
        }
        room -= part.len();
        // SAFETY: the part and a NUL fit into what is left of `size`, which the caller vouches for; the texts of Rust
        // never overlap a buffer that C may write to.
        unsafe {
            std::ptr::copy_nonoverlapping(part.as_ptr(), end.cast::<u8>(), part.len());
            end = end.add(part.len());
        }
    }
    // SAFETY: as above.
    unsafe { *end = 0 };
    true
}

/// Writes a sentence, which may be cut, and its NUL.
///
/// # Safety
/// `out` is NULL or points to `size` bytes that may be written.
pub(crate) unsafe fn write_cut(out: *mut c_char, size: usize, text: &str) {
    let Some(room) = size.checked_sub(1).filter(|_| !out.is_null()) else {
        return;
    };
    let mut at = 0;
    for byte in text.bytes().take(room) {
        // SAFETY: at < room < size.
        unsafe { *out.add(at) = char_of(printable(byte)) };
        at += 1;
    }
    // SAFETY: at <= room < size.
    unsafe { *out.add(at) = 0 };
}

/// A sentence in an array of the caller: it may be cut, and always ends with a NUL.
pub(crate) fn fill<const N: usize>(array: &mut [c_char; N], text: &str) {
    *array = [0; N];
    let room = array.iter_mut().take(N.saturating_sub(1));
    for (place, byte) in room.zip(text.bytes()) {
        *place = char_of(printable(byte));
    }
}

/// The same for a text that is known when this is compiled.
pub(crate) const fn array<const N: usize>(text: &str) -> [c_char; N] {
    let mut array = [0; N];
    let (mut bytes, mut room) = (text.as_bytes(), &mut array as &mut [c_char]);
    while let ([byte, bytes_left @ ..], [place, room_left @ ..]) = (bytes, room) {
        *place = char_of(*byte);
        (bytes, room) = (bytes_left, room_left);
    }
    array
}

/// A line in an array, built without allocating: printable ASCII without the percent sign; what
/// does not fit is cut and marked with three dots.
pub(crate) struct Line {
    bytes: [u8; Self::SIZE],
    len: usize,
    cut: bool,
}

impl Line {
    const SIZE: usize = 1_024;
    const MARK: &'static [u8] = b"...";

    pub(crate) fn new() -> Self {
        Self {
            bytes: [0; Self::SIZE],
            len: 0,
            cut: false,
        }
    }

    /// The text so far.
    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(self.bytes.get(..self.len).unwrap_or_default()).unwrap_or_default()
    }

    /// The line with its NUL.
    pub(crate) fn finish(&mut self) -> &std::ffi::CStr {
        if self.cut {
            let marked = self.bytes.iter_mut().take(self.len).rev();
            for (place, dot) in marked.zip(Self::MARK) {
                *place = *dot;
            }
        }
        std::ffi::CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            match self.bytes.get_mut(self.len) {
                Some(place) if self.len < Self::SIZE - 1 => {
                    *place = printable(byte);
                    self.len += 1;
                }
                _ => self.cut = true,
            }
        }
        Ok(())
    }
}

/// C's char is signed on some machines and unsigned on others.
const fn char_of(byte: u8) -> c_char {
    c_char::from_ne_bytes([byte])
}

fn printable(byte: u8) -> u8 {
    if matches!(byte, b' '..=b'~') && byte != b'%' {
        byte
    } else {
        b'?'
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, array, bytes, char_of, fill, write, write_parts};
    use crate::abi::RTLS_NUL;
    use std::ffi::c_char;
    use std::fmt::Write as _;

    fn byte_of(char: c_char) -> u8 {
        let [byte] = char.to_ne_bytes();
        byte
    }

    #[test]
    fn texts_in() {
        let text = c"abc";
        let pointer = text.as_ptr();
        let rows: &[(&str, usize, usize, Option<&[u8]>)] = &[
            ("up to the NUL", RTLS_NUL, 10, Some(b"abc")),
            ("a length", 2, 10, Some(b"ab")),
            ("a length with the NUL", 4, 10, Some(b"abc\0")),
            ("nothing", 0, 10, Some(b"")),
            ("too long still shows", RTLS_NUL, 1, Some(b"ab")),
            ("too long still shows", 3, 1, Some(b"ab")),
            ("no length of a text", usize::MAX - 1, 10, None),
        ];
        for (label, len, bound, expected) in rows {
            // SAFETY: the text is alive; lengths above its own are bounded or refused.
            assert_eq!(
                unsafe { bytes(pointer, *len, *bound) },
                *expected,
                "{label}"
            );
        }
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { bytes(std::ptr::null(), 3, 10) }, None);
    }

    #[test]
    fn texts_out() {
        for (size, text, fits, left) in [
            (4, "abc", true, "abc"),
            (3, "abc", false, ""),
            (1, "", true, ""),
            (1, "a", false, ""),
        ] {
            let mut buffer = [char_of(b'x'); 8];
            // SAFETY: size is at most the buffer's.
            assert_eq!(unsafe { write(buffer.as_mut_ptr(), size, text) }, fits);
            let written: Vec<u8> = buffer.map(byte_of).to_vec();
            let written = written.split(|b| *b == 0).next().unwrap_or_default();
            assert_eq!(written, left.as_bytes());
            assert_eq!(byte_of(buffer[7]), b'x', "nothing behind is touched");
        }
        for (size, fits, left) in [(6, true, "abcde"), (5, false, "")] {
            let mut buffer = [char_of(b'x'); 8];
            // SAFETY: size is at most the buffer's.
            let written = unsafe { write_parts(buffer.as_mut_ptr(), size, &["ab", "", "c", "de"]) };
            assert_eq!(written, fits);
            let written = buffer.map(byte_of);
            let written = written.split(|b| *b == 0).next().unwrap_or_default();
            assert_eq!(written, left.as_bytes());
        }
        assert_eq!(array("abc").map(byte_of), *b"abc\0\0");
        // SAFETY: NULL and a size of nothing are allowed.
        unsafe {
            assert!(!write(std::ptr::null_mut(), 10, ""));
            assert!(!write([0; 1].as_mut_ptr(), 0, ""));
        }
    }

    #[test]
    fn arrays_and_lines_hold_printable_text() {
        let mut array = [1; 6];
        fill(&mut array, "a%b\r\nlonger");
        assert_eq!(array.map(byte_of), *b"a?b??\0");
        fill(&mut array, "ab");
        assert_eq!(array.map(byte_of), *b"ab\0\0\0\0");
        let mut line = Line::new();
        write!(line, "n={}\n%s", 7).expect("never fails");
        assert_eq!(line.finish(), c"n=7??s");
        let mut line = Line::new();
        line.write_str(&"x".repeat(5_000)).expect("never fails");
        let cut = line.finish().to_bytes();
        assert_eq!(cut.len(), 1_023);
        assert!(cut.ends_with(b"x..."));
    }
}
