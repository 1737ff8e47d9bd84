//! Where in a certificate are the parts that authentication asks for?
//!
//! A walk over the DER that verifies nothing. DANE-EE and pins match a key whatever else the
//! certificate says, so version 1, odd extensions or an unknown algorithm must not stand in the
//! way (D12); and DANE-TA needs the dates, the CA flag and the names that path building does not
//! look at (D13, D14).

/// The parts of one certificate, as slices of its DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Certificate<'a> {
    /// The contents of the issuer's name, without tag and length.
    pub(crate) issuer: &'a [u8],
    /// The subject public key info, tag and length included: what selector 1 selects (D16).
    pub(crate) spki: &'a [u8],
    /// The contents of the subject's name.
    pub(crate) subject: &'a [u8],
    validity: &'a [u8],
    extensions: &'a [u8],
    is_v1: bool,
}

/// Where a time lies with regard to a certificate's dates.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Dates {
    /// Between them.
    Valid,
    /// After notAfter.
    Expired,
    /// Before notBefore.
    NotYetValid,
}

impl<'a> Certificate<'a> {
    /// Finds the parts; `None` when it is no certificate.
    pub(crate) fn parse(der: &'a [u8]) -> Option<Self> {
        let mut outer = Reader(only(der, SEQUENCE)?);
        let mut tbs = Reader(outer.expect(SEQUENCE)?.content);
        outer.expect(SEQUENCE)?; // the signature's algorithm
        outer.expect(BIT_STRING)?;
        outer.end()?;

        let version = tbs.optional(VERSION)?;
        tbs.expect(INTEGER)?; // the serial number
        tbs.expect(SEQUENCE)?; // the algorithm again
        let issuer = tbs.expect(SEQUENCE)?.content;
        let validity = tbs.expect(SEQUENCE)?.content;
        let subject = tbs.expect(SEQUENCE)?.content;
        let spki = tbs.expect(SEQUENCE)?.whole;
        Some(Self {
            issuer,
            spki,
            subject,
            validity,
            extensions: extensions(tbs).unwrap_or_default(),
            is_v1: version.is_none_or(|v| v.content == [INTEGER, 1, 0]),
        })
    }

    /// Where `now` lies with regard to the dates; `None` when they cannot be read.
    pub(crate) fn dates(&self, now: u64) -> Option<Dates> {
        let mut reader = Reader(self.validity);
        let not_before = time(reader.next()?)?;
        let not_after = time(reader.next()?)?;
        Some(if now < not_before {
            Dates::NotYetValid
        } else if now > not_after {
            Dates::Expired
        } else {
            Dates::Valid
        })
    }

    /// Whether it may issue others: basicConstraints says so and keyUsage, if there, agrees.
    /// Version 1 has no way to say it; there a root counts, which is its own issuer.
    pub(crate) fn is_ca(&self) -> bool {
        if self.is_v1 && self.extensions.is_empty() {
            return self.issuer == self.subject;
        }
        let says_so = self
            .extension(BASIC_CONSTRAINTS)
            .and_then(|value| Reader(only(value, SEQUENCE)?).expect(BOOLEAN))
            .is_some_and(|ca| ca.content != [0]);
        says_so && self.may_sign_certificates()
    }

    /// How many issuers there may be between it and a leaf; `None`: as many as you like.
    pub(crate) fn path_length(&self) -> Option<usize> {
        let mut value = Reader(only(self.extension(BASIC_CONSTRAINTS)?, SEQUENCE)?);
        value.optional(BOOLEAN)?;
        let octets = value.expect(INTEGER)?.content;
        Some(octets.iter().fold(0_usize, |length, octet| {
            length
                .saturating_mul(256)
                .saturating_add(usize::from(*octet))
        }))
    }

    /// Whether its key may sign certificates, or it does not say what its key is for.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        self.has_key_usage(KEY_CERT_SIGN)
    }

    /// Whether its key may be a TLS server's, or it does not say what its key is for.
    pub(crate) fn may_serve_tls(&self) -> bool {
        self.has_key_usage(DIGITAL_SIGNATURE | KEY_ENCIPHERMENT | KEY_AGREEMENT)
    }

    /// Whether it is good for TLS servers, or does not say what it is good for.
    pub(crate) fn is_for_servers(&self) -> bool {
        self.extension(EXTENDED_KEY_USAGE).is_none_or(|value| {
            Elements(Reader(only(value, SEQUENCE).unwrap_or_default()))
                .any(|purpose| purpose.tag == OBJECT_IDENTIFIER && purpose.content == SERVER_AUTH)
        })
    }

    fn has_key_usage(&self, any_of: u8) -> bool {
        self.extension(KEY_USAGE).is_none_or(|value| {
            // The first octet counts unused bits.
            matches!(only(value, BIT_STRING), Some([_, bits, ..]) if bits & any_of != 0)
        })
    }

    /// Whether it constrains the names of those below it.
    pub(crate) fn has_name_constraints(&self) -> bool {
        self.extension(NAME_CONSTRAINTS).is_some()
    }

    /// The DNS-IDs of the subjectAltName.
    pub(crate) fn dns_ids(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let names = self
            .extension(SUBJECT_ALT_NAME)
            .and_then(|value| only(value, SEQUENCE))
            .unwrap_or_default();
        Elements(Reader(names))
            .filter(|name| name.tag == DNS_NAME)
            .map(|name| name.content)
    }

    /// The CN-ID: the last, most specific, common name of the subject.
    pub(crate) fn cn_id(&self) -> Option<&'a [u8]> {
        Elements(Reader(self.subject))
            .flat_map(|rdn| Elements(Reader(rdn.content)))
            .filter_map(|attribute| {
                let mut attribute = Reader(attribute.content);
                let is_cn = attribute.expect(OBJECT_IDENTIFIER)?.content == COMMON_NAME;
                let value = attribute.next()?.content;
                is_cn.then_some(value)
            })
            .last()
    }

    /// The number of its extensions, counted up to a limit.
    pub(crate) fn count_extensions(&self, limit: usize) -> usize {
        Elements(Reader(self.extensions)).take(limit).count()
    }

    fn extension(&self, oid: &[u8]) -> Option<&'a [u8]> {
        Elements(Reader(self.extensions)).find_map(|extension| {
            let mut extension = Reader(extension.content);
            let is_it = extension.expect(OBJECT_IDENTIFIER)?.content == oid;
            extension.optional(BOOLEAN)?; // critical
            let value = extension.expect(OCTET_STRING)?.content;
            is_it.then_some(value)
        })
    }
}

/// Whether it is a subject public key info, and nothing after it (D11).
pub(crate) fn is_spki(der: &[u8]) -> bool {
    spki_content(der).is_some_and(|content| key_of(content).is_some())
}

/// A subject public key info without its tag and length, whatever they take.
pub(crate) fn spki_content(der: &[u8]) -> Option<&[u8]> {
    only(der, SEQUENCE)
}

/// The size of an RSA key in bits, from the content of a subject public key info; `None` for
/// other keys.
pub(crate) fn rsa_bits(spki_content: &[u8]) -> Option<usize> {
    let (algorithm, key) = key_of(spki_content)?;
    if algorithm != RSA_ENCRYPTION {
        return None;
    }
    let modulus = Reader(only(key, SEQUENCE)?).expect(INTEGER)?.content;
    let zeros = modulus.iter().take_while(|&&b| b == 0).count();
    let modulus = modulus.get(zeros..)?;
    let first = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    modulus.len().checked_mul(8)?.checked_sub(first)
}

/// The algorithm's identifier and the key.
fn key_of(spki_content: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut spki = Reader(spki_content);
    let algorithm = Reader(spki.expect(SEQUENCE)?.content)
        .expect(OBJECT_IDENTIFIER)?
        .content;
    let key = spki.expect(BIT_STRING)?.content;
    spki.end()?;
    let (_unused_bits, key) = key.split_first()?;
    Some((algorithm, key))
}

/// The extensions of version 3, past the unique identifiers of version 2.
fn extensions(mut tbs: Reader<'_>) -> Option<&[u8]> {
    let wrapped = std::iter::from_fn(|| tbs.next()).find(|e| e.tag == EXTENSIONS)?;
    only(wrapped.content, SEQUENCE)
}

const BOOLEAN: u8 = 0x01;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]` and `[3]` of what is signed.
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// A dNSName among the general names.
const DNS_NAME: u8 = 0x82;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x1e];
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// Bits of keyUsage, in its first octet.
const DIGITAL_SIGNATURE: u8 = 0x80;
const KEY_ENCIPHERMENT: u8 = 0x20;
const KEY_AGREEMENT: u8 = 0x08;
const KEY_CERT_SIGN: u8 = 0x04;

/// One DER element.
#[derive(Clone, Copy)]
struct Element<'a> {
    tag: u8,
    content: &'a [u8],
    whole: &'a [u8],
}

/// What is left to read.
#[derive(Clone, Copy)]
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None; // A tag of several octets: certificates have none.
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = if first < 0x80 {
            (usize::from(first), rest)
        } else {
            let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            if octets.is_empty() || octets.len() > 4 {
                return None;
            }
            let length = octets.iter().fold(0_u32, |l, &b| l * 256 + u32::from(b));
            (usize::try_from(length).ok()?, rest)
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len().checked_sub(rest.len())?)?;
        self.0 = rest;
        Some(Element {
            tag,
            content,
            whole,
        })
    }

    fn expect(&mut self, tag: u8) -> Option<Element<'a>> {
        self.next().filter(|element| element.tag == tag)
    }

    /// The outer `None` is malformed, the inner one is absent.
    #[allow(clippy::option_option)]
    fn optional(&mut self, tag: u8) -> Option<Option<Element<'a>>> {
        if self.0.first() == Some(&tag) {
            self.next().map(Some)
        } else {
            Some(None)
        }
    }

    fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Element after element, up to the first malformed one.
struct Elements<'a>(Reader<'a>);

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// The content of the one element that the bytes are.
fn only(der: &[u8], tag: u8) -> Option<&[u8]> {
    let mut reader = Reader(der);
    let content = reader.expect(tag)?.content;
    reader.end()?;
    Some(content)
}

/// Seconds since 1970 of a `UTCTime` or `GeneralizedTime` (RFC 5280 section 4.1.2.5); times before
/// 1970 count as 1970.
fn time(element: Element<'_>) -> Option<u64> {
    let text = std::str::from_utf8(element.content)
        .ok()?
        .strip_suffix('Z')?;
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let (year, rest) = match element.tag {
        UTC_TIME => {
            let (year, rest) = text.split_at_checked(2)?;
            let year: u64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = text.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let field = |at: usize| rest.get(at..at + 2)?.parse::<u64>().ok();
    let (month, day) = (field(0)?, field(2)?);
    let (hour, minute, second) = (field(4)?, field(6)?, field(8)?);
    let holds = rest.len() == 10
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    if !holds {
        return None;
    }
    // Days of the proleptic Gregorian calendar, with years that begin in March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468).map_or(0, |since_1970| {
        ((since_1970 * 24 + hour) * 60 + minute) * 60 + second
    }))
}

#[cfg(test)]
mod tests;
