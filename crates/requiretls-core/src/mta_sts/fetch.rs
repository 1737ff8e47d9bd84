//! Does this HTTPS response carry a policy?
//!
//! RFC 8461 sections 3.2 and 3.3. The certificate of the policy host is the caller's to check
//! (S8); so is following no redirect, which [`accept`] sees as a status that is not 200.

use std::fmt;
use std::time::Duration;

/// The path of the policy file (S6).
pub const PATH: &str = "/.well-known/mta-sts.txt";

/// The size above which a response is no policy (S9), in octets.
pub const MAX_BODY: usize = 65_536;

/// How long a fetch may take in all (S9).
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// How long to wait after a fetch before the next one for the same id (S9, S20).
pub const RETRY_AFTER: Duration = Duration::from_secs(300);

/// Whether the body of a response is to be read as a policy (S6, S7, S9).
///
/// # Errors
/// [`FetchError`]: the fetch has failed, and a policy kept from earlier stays in force (S17).
pub fn accept(status: u16, content_type: Option<&str>, body_len: usize) -> Result<(), FetchError> {
    if status != 200 {
        return Err(FetchError::Status(status));
    }
    let media_type = content_type.and_then(|value| value.split(';').next());
    if !media_type.is_some_and(|value| value.trim().eq_ignore_ascii_case("text/plain")) {
        return Err(FetchError::MediaType);
    }
    if body_len > MAX_BODY {
        return Err(FetchError::TooLarge);
    }
    Ok(())
}

/// Why a response carries no policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FetchError {
    /// Not `text/plain`, or no media type at all.
    MediaType,
    /// Not 200; redirects are not followed.
    Status(u16),
    /// More than [`MAX_BODY`] octets.
    TooLarge,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MediaType => f.write_str("the media type is not text/plain"),
            Self::Status(status) => write!(f, "the status is {status}"),
            Self::TooLarge => f.write_str("the response is larger than 64 KiB"),
        }
    }
}

impl std::error::Error for FetchError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses() {
        #[rustfmt::skip]
        let rows = [
            ("S6 200", 200, Some("text/plain"), 80, Ok(())),
            ("S7 parameters", 200, Some("text/plain; charset=utf-8"), 80, Ok(())),
            ("S7 any case", 200, Some("Text/Plain ;charset=x"), 80, Ok(())),
            ("S9 64 KiB", 200, Some("text/plain"), 65_536, Ok(())),
            ("S9 empty", 200, Some("text/plain"), 0, Ok(())),
            ("VP14 301", 301, Some("text/plain"), 80, Err(FetchError::Status(301))),
            ("S6 302", 302, Some("text/plain"), 80, Err(FetchError::Status(302))),
            ("S6 307", 307, Some("text/plain"), 80, Err(FetchError::Status(307))),
            ("S6 308", 308, Some("text/plain"), 80, Err(FetchError::Status(308))),
            ("VP14 404", 404, Some("text/plain"), 80, Err(FetchError::Status(404))),
            ("S6 204", 204, Some("text/plain"), 0, Err(FetchError::Status(204))),
            ("VP14 html", 200, Some("text/html"), 80, Err(FetchError::MediaType)),
            ("S7 absent", 200, None, 80, Err(FetchError::MediaType)),
            ("S7 empty", 200, Some(""), 80, Err(FetchError::MediaType)),
            ("S7 longer", 200, Some("text/plainer"), 80, Err(FetchError::MediaType)),
            ("VP14 65537", 200, Some("text/plain"), 65_537, Err(FetchError::TooLarge)),
        ];
        for (label, status, content_type, body_len, expected) in rows {
            assert_eq!(accept(status, content_type, body_len), expected, "{label}");
        }
    }
}
