use super::*;
use proptest::prelude::*;

const VP1: &str = "version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 86400\n";

fn at(number: usize, fault: LineFault) -> Result<String, PolicyError> {
    Err(PolicyError::Line { number, fault })
}

fn missing(key: PolicyKey) -> Result<String, PolicyError> {
    Err(PolicyError::Missing(key))
}

/// Mode, age and patterns in one line.
fn summary(policy: &Policy) -> String {
    let mx: Vec<&str> = policy.mx().collect();
    format!("{} {} {}", policy.mode(), policy.max_age(), mx.join(","))
}

#[test]
fn policies() {
    let ok = || Ok("enforce 86400 mx.example.com".to_owned());
    let mx = |value: &str| VP1.replace("mx.example.com", value);
    let age = |value: &str| VP1.replace("86400", value);
    let with = |line: &str| format!("{VP1}{line}\n");
    let long = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    let longer = format!("{long}b");
    #[rustfmt::skip]
    let rows: Vec<(&str, String, Result<String, PolicyError>)> = vec![
        ("VP1", VP1.into(), ok()),
        ("VP2 CRLF", VP1.replace('\n', "\r\n"), ok()),
        ("VP2 mixed", VP1.replacen('\n', "\r\n", 2), ok()),
        ("VP2 no final newline", VP1.trim_end().into(), ok()),
        ("VP3", "max_age: 86400\nmx: mx.example.com\nmode: enforce\nversion: STSv1\n".into(), ok()),
        ("VP4 no version", VP1.replace("version: STSv1\n", ""), missing(PolicyKey::Version)),
        ("VP4 no mode", VP1.replace("mode: enforce\n", ""), missing(PolicyKey::Mode)),
        ("VP4 no max_age", VP1.replace("max_age: 86400\n", ""), missing(PolicyKey::MaxAge)),
        ("VP5 none", "version: STSv1\nmode: none\nmax_age: 1\n".into(), Ok("none 1 ".into())),
        ("VP5 testing", "version: STSv1\nmode: testing\nmax_age: 1\n".into(),
            missing(PolicyKey::Mx)),
        ("VP7 value", VP1.replace("enforce", "Enforce"), at(2, LineFault::BadMode)),
        ("VP7 key", VP1.replace("mode", "Mode"), missing(PolicyKey::Mode)),
        ("VP9 *", mx("*"), at(3, LineFault::BadPattern)),
        ("VP9 *.", mx("*."), at(3, LineFault::BadPattern)),
        ("VP9 m*", mx("m*.example.com"), at(3, LineFault::BadPattern)),
        ("VP9 inner *", mx("a.*.example.com"), at(3, LineFault::BadPattern)),
        ("VP10 final dot", mx("mx.example.com."), at(3, LineFault::BadPattern)),
        ("VP10 U-label", mx("b\u{fc}cher.example"), at(3, LineFault::BadPattern)),
        ("VP10 A-label", mx("xn--bcher-kva.example"),
            Ok("enforce 86400 xn--bcher-kva.example".into())),
        ("VP11 unknown field", with("foo: x y \u{e9}"), ok()),
        ("VP11 bad name", with("foo bar: x"), at(5, LineFault::NoKey)),
        ("S3 name of 32", with(&format!("{}: y", "a".repeat(32))), ok()),
        ("S3 name of 33", with(&format!("{}: y", "a".repeat(33))), at(5, LineFault::NoKey)),
        ("S3 name begins with _", with("_x: y"), at(5, LineFault::NoKey)),
        ("S3 no name", with(": y"), at(5, LineFault::NoKey)),
        ("VP12 blank before the colon", VP1.replace("version:", "version :"),
            at(1, LineFault::NoKey)),
        ("VP12 trailing blanks", VP1.replace('\n', " \t \n"), ok()),
        ("S10 no blank", VP1.replace(": ", ":"), ok()),
        ("S10 tab", VP1.replace(": ", ":\t"), ok()),
        ("S10 blank lines at the end", with("\r\n\n"), ok()),
        ("S10 blank line inside", VP1.replacen('\n', "\n\n", 1), at(2, LineFault::NoKey)),
        ("S10 blank line first", format!("\n{VP1}"), at(1, LineFault::NoKey)),
        ("S10 version 2", VP1.replace("STSv1", "STSv2"), at(1, LineFault::BadVersion)),
        ("S10 unknown mode", VP1.replace("enforce", "report"), at(2, LineFault::BadMode)),
        ("S10 CR inside a value", VP1.replace("enforce", "enforce\rx"), at(2, LineFault::BadMode)),
        ("S10 unknown field without value", with("foo:"), at(5, LineFault::BadValue)),
        ("S10 unknown field with NUL", with("foo: \0"), at(5, LineFault::BadValue)),
        ("S5 second mode", with("mode: none"), ok()),
        ("S5 second version", with("version: STSv2"), ok()),
        ("S5 second age", with("max_age: 1"), ok()),
        ("S5 second mode without value", with("mode:"), at(5, LineFault::BadValue)),
        ("S12 zero", age("0"), Ok("enforce 0 mx.example.com".into())),
        ("S12 cut", age("31557601"), Ok("enforce 31557600 mx.example.com".into())),
        ("S12 ten digits", age("9999999999"), Ok("enforce 31557600 mx.example.com".into())),
        ("S12 eleven digits", age("00000086400"), at(4, LineFault::BadAge)),
        ("S12 sign", age("+1"), at(4, LineFault::BadAge)),
        ("S12 unit", age("1d"), at(4, LineFault::BadAge)),
        ("S12 empty", age(""), at(4, LineFault::BadAge)),
        ("S13 several", with("mx: *.Example.net"),
            Ok("enforce 86400 mx.example.com,*.Example.net".into())),
        ("S13 one bad of two", with("mx: a_b.example.com"), at(5, LineFault::BadPattern)),
        ("S13 address", mx("192.0.2.1"), at(3, LineFault::BadPattern)),
        ("S13 literal", mx("[192.0.2.1]"), at(3, LineFault::BadPattern)),
        ("S13 hyphen", mx("-a.example.com"), at(3, LineFault::BadPattern)),
        ("S13 empty label", mx("a..example.com"), at(3, LineFault::BadPattern)),
        ("S13 253 octets", mx(&long), Ok(format!("enforce 86400 {long}"))),
        ("S13 254 octets", mx(&longer), at(3, LineFault::BadPattern)),
        ("field report 1", VP1.replace("mx:", "nmx:"), missing(PolicyKey::Mx)),
        ("S11 empty", String::new(), missing(PolicyKey::Version)),
    ];
    for (label, body, expected) in rows {
        let found = Policy::parse(body.as_bytes())
            .as_ref()
            .map(summary)
            .map_err(|e| *e);
        assert_eq!(found, expected, "{label}");
    }
    let latin = [VP1.as_bytes(), b"foo: \xe9\n"].concat();
    let found = Policy::parse(&latin).as_ref().map(summary).map_err(|e| *e);
    assert_eq!(found, at(5, LineFault::BadValue), "S10 not UTF-8");
}

#[test]
fn hosts() {
    #[rustfmt::skip]
    let rows = [
        ("VM1", "mail.example.com", "MAIL.Example.COM.", true),
        ("VM2 one label", "*.example.com", "mx.example.com", true),
        ("VM2 none", "*.example.com", "example.com", false),
        ("VM2 two labels", "*.example.com", "a.b.example.com", false),
        ("VM3", "example.com", "mx.example.com", false),
        ("VM4", "*.xn--bcher-kva.example", "mx.xn--bcher-kva.example", true),
        ("VM4 U-label", "*.xn--bcher-kva.example", "mx.b\u{fc}cher.example", true),
        ("S14 pattern in upper case", "*.EXAMPLE.com", "mx.example.com", true),
        ("S14 underscore", "*.example.com", "m_x.example.com", true),
    ];
    for (label, pattern, host, expected) in rows {
        let policy = Policy::from_parts(Mode::Enforce, &["other.test", pattern], 1).unwrap();
        let host = Domain::parse(host.as_bytes()).unwrap();
        assert_eq!(policy.matches(&host), expected, "{label}");
    }
}

#[test]
fn parts_and_lines() {
    let policy = Policy::from_parts(Mode::Testing, &["*.example.com", "mx.test"], 7).unwrap();
    let expected = [
        "version: STSv1",
        "mode: testing",
        "mx: *.example.com",
        "mx: mx.test",
    ];
    assert_eq!(policy.lines().get(..4).unwrap(), expected);
    assert_eq!(policy.lines().last().unwrap(), "max_age: 7");

    let fault = |result: Result<Policy, _>| result.unwrap_err();
    let bad_line = PolicyError::Line {
        number: 3,
        fault: LineFault::BadPattern,
    };
    assert_eq!(
        fault(Policy::from_parts(Mode::Enforce, &["a\nmx: b"], 7)),
        bad_line
    );
    assert_eq!(
        fault(Policy::from_parts(Mode::Enforce, &[], 7)),
        PolicyError::Missing(PolicyKey::Mx)
    );

    // S26: what was received is kept, blanks and unknown fields too.
    let policy = Policy::parse(b"mode:  none \r\nversion:STSv1\nx: y\nmax_age: 1\r\n\r\n").unwrap();
    let expected = ["mode:  none ", "version:STSv1", "x: y", "max_age: 1"];
    assert_eq!(policy.lines(), expected, "S26");
}

proptest! {
    #[test]
    fn any_bytes(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Policy::parse(&body);
    }

    #[test]
    fn any_lines(lines in prop::collection::vec(
        "(version|mode|mx|max_age|x)?[: \t]{0,2}(STSv1|enforce|none|[*]?[.]?[a-z]{1,3}[.]?|[0-9]{1,12})?[\r]?",
        0..8,
    )) {
        let body = lines.join("\n");
        if let Ok(policy) = Policy::parse(body.as_bytes()) {
            // S26: the lines kept are the same policy.
            let again = Policy::parse(policy.lines().join("\n").as_bytes());
            prop_assert_eq!(again, Ok(policy.clone()));
            prop_assert!(policy.max_age() <= MAX_AGE_LIMIT);
            prop_assert!(policy.mode() == Mode::None || policy.mx().len() > 0);
        }
    }
}
