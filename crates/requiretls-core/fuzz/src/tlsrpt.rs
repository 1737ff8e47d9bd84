//! Is a TXT record a TLSRPT record, and does it name only what can be reported to?
//!
//! The input is one record; and each of its lines is one, of all the records at a name.

use requiretls_core::tlsrpt::Record;

/// TXT records, one a line.
pub fn check(data: &[u8]) {
    one(data);
    let records: Vec<&[u8]> = data.split(|&b| b == b'\n').collect();
    for record in &records {
        one(record);
    }
    several(&records);
}

fn one(txt: &[u8]) {
    let read = Record::parse(txt);
    assert_eq!(read.as_ref().ok().map(Record::rua), naive(txt).as_deref());
    for uri in read.iter().flat_map(Record::rua) {
        assert!(
            uri.bytes()
                .all(|b| b.is_ascii_graphic() && !b",;!".contains(&b))
        );
        let at = txt.windows(uri.len()).position(|w| w == uri.as_bytes());
        assert!(at.is_some(), "{uri} is not in the record");
    }
}

fn several(records: &[&[u8]]) {
    let candidates: Vec<&[u8]> = records
        .iter()
        .copied()
        .filter(|r| is_candidate(r))
        .collect();
    let expected = match candidates.as_slice() {
        [txt] => naive(txt),
        _ => None,
    };
    let found = Record::of(records);
    assert_eq!(found.as_ref().map(Record::rua), expected.as_deref());
    let backwards: Vec<&[u8]> = records.iter().rev().copied().collect();
    assert_eq!(Record::of(&backwards), found, "in any order");
}

fn is_candidate(txt: &[u8]) -> bool {
    text(txt)
        .strip_prefix("v=TLSRPTv1")
        .is_some_and(|rest| rest.trim_start_matches([' ', '\t']).starts_with(';'))
}

/// Octet for character, so that nothing is replaced.
fn text(txt: &[u8]) -> String {
    txt.iter().map(|&b| char::from(b)).collect()
}

/// The URIs of the first `rua`, where every field follows the grammar; those that no report can be
/// sent to are left out (T1).
fn naive(record: &[u8]) -> Option<Vec<String>> {
    let text = text(record);
    let rest = text.strip_prefix("v=TLSRPTv1")?;
    let mut pieces: Vec<String> = rest.split(';').map(str::to_owned).collect();
    // Blanks before and behind a semicolon are the delimiter's.
    let last = pieces.len() - 1;
    for (at, piece) in pieces.iter_mut().enumerate() {
        if at > 0 {
            *piece = piece.trim_start_matches([' ', '\t']).to_owned();
        }
        if at < last {
            *piece = piece.trim_end_matches([' ', '\t']).to_owned();
        }
    }
    // Nothing stands between the version and the first semicolon; one may end the record.
    if !pieces.remove(0).is_empty() {
        return None;
    }
    if pieces.last().is_some_and(String::is_empty) {
        pieces.pop();
    }
    let mut rua: Option<Vec<String>> = None;
    for piece in &pieces {
        if let Some(list) = piece.strip_prefix("rua=") {
            let uris = uris(list)?;
            rua = rua.or(Some(uris));
        } else if !is_extension(piece) {
            return None;
        }
    }
    rua
}

fn uris(list: &str) -> Option<Vec<String>> {
    let count = list.split(',').count();
    let mut uris = Vec::new();
    for (at, uri) in list.split(',').enumerate() {
        let uri = if at > 0 {
            uri.trim_start_matches([' ', '\t'])
        } else {
            uri
        };
        let uri = if at + 1 < count {
            uri.trim_end_matches([' ', '\t'])
        } else {
            uri
        };
        let colon = uri.find(':')?;
        let scheme = uri[..colon].to_ascii_lowercase();
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        let is_rest = uri.len() > colon + 1
            && uri[colon + 1..]
                .chars()
                .all(|c| c.is_ascii_graphic() && c != '!');
        if !is_scheme || !is_rest {
            return None;
        }
        if scheme == "mailto" || scheme == "https" {
            uris.push(uri.to_owned());
        }
    }
    Some(uris)
}

/// RFC 8460's extension: a name, `=`, and visible characters other than `=`.
fn is_extension(piece: &str) -> bool {
    let Some((name, value)) = piece.split_once('=') else {
        return false;
    };
    !name.is_empty()
        && name.len() <= 32
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
        && !value.is_empty()
        && value.chars().all(|c| c.is_ascii_graphic() && c != '=')
}
