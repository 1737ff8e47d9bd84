//! Where do the parameters of a whole command begin?

use super::{ALL, line};
use crate::mail_param::MAX_LINE;
use crate::mail_param::line::marks;

#[test]
fn whole_lines() {
    let pad = |octets: usize| {
        let mut line = b"MAIL FROM:<a@b.example> REQUIRETLS X=".to_vec();
        line.resize(octets - 2, b'x');
        line.extend_from_slice(b"\r\n");
        line
    };
    let (vf19, long, most, more) = (pad(523), pad(4_096), pad(MAX_LINE), pad(MAX_LINE + 1));
    let rows: &[(&str, &[u8], &str)] = &[
        ("VF19, R3, of 523 octets", &vf19, "R"),
        ("4,096 octets", &long, "R"),
        ("8,192 octets", &most, "R"),
        ("8,193 octets", &more, "500 5.5.2"),
        ("VF8", b"MAIL FROM:<> REQUIRETLS", "R"),
        ("verb in any case", b"mail from:<> requiretls\r\n", "R"),
        (
            "blanks around the colon",
            b"MAIL  FROM : <a@b.example>  REQUIRETLS ",
            "R",
        ),
        ("TAB between", b"MAIL FROM:<a@b.example>\tREQUIRETLS", "R"),
        ("no line end", b"MAIL FROM:<a@b.example>", "-"),
        (
            "quoted >",
            b"MAIL FROM:<\"a> b\"@b.example> REQUIRETLS",
            "R",
        ),
        (
            "our name inside the quotes",
            b"MAIL FROM:<\"a> REQUIRETLS \"@b.example> SIZE=1",
            "-",
        ),
        (
            "our name behind a quoted quote",
            b"MAIL FROM:<\"a\\\"> REQUIRETLS \"@b.example> SIZE=1",
            "-",
        ),
        ("no brackets, no parameters", b"MAIL FROM:a@b.example", "-"),
        (
            "not closed, no blank",
            b"MAIL FROM:<a@b.example",
            "501 5.5.2",
        ),
        (
            "quotes not closed, no brackets",
            b"MAIL FROM:\"a REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "no opening bracket",
            b"MAIL FROM:a@b.example> REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "R7 quoted > without a domain",
            b"MAIL FROM:<\"> REQUIRETLS A=\">",
            "501 5.5.2",
        ),
        (
            "R7 quoted pair > without a domain",
            b"MAIL FROM:<\"\\> REQUIRETLS A=\">",
            "501 5.5.2",
        ),
        (
            "R7 quoted > without brackets, without a domain",
            b"MAIL FROM:\"> REQUIRETLS A=\"",
            "501 5.5.2",
        ),
        (
            "R7 quoted > and a domain further on",
            b"MAIL FROM:<\"> REQUIRETLS A=\".@b> SIZE=1",
            "501 5.5.2",
        ),
        (
            "R7 without brackets, with parameters",
            b"MAIL FROM:\">\" REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "quoted >, no brackets",
            b"MAIL FROM:\"a>\"@b.example REQUIRETLS",
            "R",
        ),
        (
            "R7 quoted pair > without quotes",
            b"MAIL FROM:<a\\>b@c.example> REQUIRETLS",
            "501 5.5.2",
        ),
        ("no domain", b"MAIL FROM:<\"a b\"> REQUIRETLS", "R"),
        (
            "no domain, quoted pair",
            b"MAIL FROM:<a\\b> REQUIRETLS",
            "R",
        ),
        (
            "quoted quote",
            b"MAIL FROM:<\"a\\\"> x\"@b.example> REQUIRETLS",
            "R",
        ),
        (
            "R4.1.1.2 source route",
            b"MAIL FROM:<@r.example,@s.example:a@b.example> REQUIRETLS",
            "R",
        ),
        (
            "address literal",
            b"MAIL FROM:<a@[IPv6:2001:db8::1]> REQUIRETLS",
            "R",
        ),
        (
            "SMTPUTF8 path",
            "MAIL FROM:<b\u{fc}cher@b\u{fc}cher.example> SMTPUTF8 REQUIRETLS".as_bytes(),
            "R",
        ),
        (
            "8-bit, not UTF-8",
            b"MAIL FROM:<\xff@b.example> REQUIRETLS",
            "R",
        ),
        (
            "8-bit in others",
            b"MAIL FROM:<a@b.example> X=\xff\x80 REQUIRETLS",
            "R",
        ),
        (
            "8-bit behind ours",
            b"MAIL FROM:<a@b.example> REQUIRETLS\xc2\xa0",
            "501 5.5.4",
        ),
        ("no brackets", b"MAIL FROM:a@b.example REQUIRETLS", "R"),
        (
            "no brackets, quoted",
            b"MAIL FROM:\"a b\"@b.example REQUIRETLS",
            "R",
        ),
        (
            "CR inside",
            b"MAIL FROM:<a@b.example>\r REQUIRETLS\r\n",
            "501 5.5.2",
        ),
        (
            "LF inside",
            b"MAIL FROM:<a@b.example>\n REQUIRETLS\r\n",
            "501 5.5.2",
        ),
        (
            "LF alone at the end",
            b"MAIL FROM:<a@b.example> REQUIRETLS\n",
            "501 5.5.2",
        ),
        (
            "two line ends",
            b"MAIL FROM:<a@b.example>\r\n\r\n",
            "501 5.5.2",
        ),
        ("NUL inside", b"MAIL FROM:<a@b.example> X=\0", "501 5.5.2"),
        (
            "NUL behind one of ours that is wrong",
            b"MAIL FROM:<a@b.example> REQUIRETLS=x X=\0",
            "501 5.5.2",
        ),
        (
            "LF behind two of ours",
            b"MAIL FROM:<a@b.example> REQUIRETLS REQUIRETLS \n",
            "501 5.5.2",
        ),
        (
            "a tab between, no brackets",
            b"MAIL FROM:a@b.example\tREQUIRETLS",
            "R",
        ),
        ("two NULs", b"MAIL FROM:<a@b.example> X=\0\0", "501 5.5.2"),
        (
            "NUL in the path",
            b"MAIL FROM:<a\0@b.example> REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "path not closed",
            b"MAIL FROM:<a@b.example REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "quotes not closed",
            b"MAIL FROM:<\"a@b.example> REQUIRETLS",
            "501 5.5.2",
        ),
        ("quoted pair at the end", b"MAIL FROM:<\"a\\", "501 5.5.2"),
        (
            "glued to the path",
            b"MAIL FROM:<a@b.example>REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "path in a path",
            b"MAIL FROM:<a<b@c.example> REQUIRETLS",
            "501 5.5.2",
        ),
        ("no path", b"MAIL FROM:", "501 5.5.2"),
        (
            "no colon",
            b"MAIL FROM <a@b.example> REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "glued verb",
            b"MAILFROM:<a@b.example> REQUIRETLS",
            "501 5.5.2",
        ),
        (
            "another verb",
            b"RCPT TO:<a@b.example> REQUIRETLS",
            "501 5.5.2",
        ),
        ("empty", b"", "501 5.5.2"),
    ];
    for (label, command, expected) in rows {
        assert_eq!(line(ALL, true, command), *expected, "{label}");
    }
}

/// Whatever stands around it, and wherever the eight bytes begin in which it is looked for.
#[test]
fn no_byte_that_means_something_is_passed_by() {
    let in_path = b" \t\r\n\0\"<>\\";
    let in_parameters = b" \t\r\n\0";
    for around in [b'x', b'=', b'<', 0, 1, 0x7f, 0x80, 0xff] {
        for length in 1..20 {
            for at in 0..length {
                for &byte in in_path {
                    let mut text = vec![around; length];
                    text[at] = byte;
                    let [found, parameters] = marks(&text);
                    let passed_by = !parameters.contains(&(at, byte));
                    assert!(!passed_by || !in_parameters.contains(&byte));
                    assert!(parameters.is_sorted_by(|a, b| a.0 < b.0), "each once");
                    assert!(parameters.iter().all(|&(at, byte)| text[at] == byte));
                    assert!(found.contains(&(at, byte)), "{}", text.escape_ascii());
                    assert!(found.is_sorted_by(|a, b| a.0 < b.0), "each once, in order");
                    let right = found.iter().all(|&(at, byte)| text[at] == byte);
                    assert!(right, "{}", text.escape_ascii());
                }
            }
        }
    }
}
