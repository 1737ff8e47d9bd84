//! What do the functions answer by themselves, whoever asks, and with whatever arguments?
//!
//! Exim passes over an expansion that fails, so each of them answers OK with a text, and "no" is a text too.

use std::ffi::{CStr, CString, c_char, c_int};
use std::ptr;

use ffi_tests::{Installed, Result};
use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_NOW};

use crate::built::build;

/// As Exim calls it.
type Function = unsafe extern "C" fn(*mut *const c_char, c_int, *const *const c_char) -> c_int;

/// A function, its arguments, and how its answer begins; with "=" in front it is the whole answer.
type Row = (&'static str, &'static [&'static str], &'static str);

const UNKNOWN: &str = "=nothing is known of this connection";

const ROWS: [Row; 49] = [
    ("requiretls_here", &["2"], "=yes"),
    ("requiretls_here", &["1"], "=no"),
    ("requiretls_here", &[], "=no"),
    (
        "requiretls_mail",
        &["MAIL FROM:<a@b.test>", "TLS1.3:X:256"],
        "=",
    ),
    (
        "requiretls_mail",
        &["MAIL FROM:<a@b.test> REQUIRETLS", "TLS1.3:X:256"],
        "=1.secure.onward",
    ),
    (
        "requiretls_mail",
        &[
            "MAIL FROM:<> BODY=8BITMIME requiretls SIZE=1",
            "TLS1.3:X:256",
        ],
        "=1.secure.onward",
    ),
    (
        "requiretls_mail",
        &["MAIL FROM:<\"a REQUIRETLS\"@b.test>", "TLS1.3:X:256"],
        "=",
    ),
    (
        "requiretls_mail",
        &["MAIL FROM:<a@b.test> REQUIRETLS", ""],
        "!530 5.7.10 ",
    ),
    (
        "requiretls_mail",
        &["MAIL FROM:<a@b.test> REQUIRETLS=x", "TLS1.3:X:256"],
        "!501 5.5.4 ",
    ),
    (
        "requiretls_mail",
        &["MAIL FROM:<a@b.test> REQUIRETLS"],
        "!451 4.3.0 ",
    ),
    ("requiretls_mail", &[], "!451 4.3.0 "),
    ("requiretls_fields", &["", "No", ""], "=1.no"),
    ("requiretls_fields", &["", "No\nNo", ""], "=1.no"),
    ("requiretls_fields", &["", "No\nYes", ""], "="),
    ("requiretls_fields", &["", "\n No", ""], "=1.no"),
    (
        "requiretls_fields",
        &["1.secure.onward", "No", ""],
        "=1.secure.onward",
    ),
    ("requiretls_fields", &["", "", "1.no"], "="),
    (
        "requiretls_fields",
        &["", "", "1.encrypt\n1.secure"],
        "=1.secure",
    ),
    (
        "requiretls_fields",
        &["1.no", "", "1.encrypt"],
        "=1.encrypt",
    ),
    ("requiretls_fields", &["", "", "2.later"], "!451 4.3.0 "),
    ("requiretls_fields", &["!", "", ""], "!451 4.3.0 "),
    ("requiretls_fields", &["", ""], "!451 4.3.0 "),
    (
        "requiretls_fields",
        &["1.encrypt", "", "", "1.secure.onward"],
        "=1.secure.onward",
    ),
    (
        "requiretls_fields",
        &["1.no", "No", "", "1.secure.onward"],
        "=1.secure.onward",
    ),
    (
        "requiretls_fields",
        &["", "", "", "1.secure.onward"],
        "=1.secure.onward",
    ),
    ("requiretls_fields", &["1.secure", "", "", ""], "=1.secure"),
    (
        "requiretls_fields",
        &["damaged", "", "", "1.secure.onward"],
        "!451 4.3.0 ",
    ),
    ("requiretls_tag", &["1.may"], "=1.may"),
    ("requiretls_tag", &[""], "="),
    ("requiretls_tag", &["1.may x"], "=!"),
    ("requiretls_tag", &[], "=!"),
    (
        "requiretls_plan",
        &["", "a.test", "", "", "202"],
        ":defer: 451 4.3.0 ",
    ),
    (
        "requiretls_plan",
        &["", "a.test", "", "", "0", "202"],
        ":defer: 451 4.3.5 ",
    ),
    (
        "requiretls_plan",
        &["", "a.test", "", "", "202", "0"],
        ":defer: 451 4.3.5 ",
    ),
    (
        "requiretls_plan",
        &["", "a.test", "", "", "root", ""],
        ":defer: 451 4.3.5 ",
    ),
    (
        "requiretls_plan",
        &["", "a.test", "", "", "4294967295", "202"],
        ":defer: 451 4.3.5 ",
    ),
    (
        "requiretls_plan",
        &["junk", "a.test", "", "", "65534", "65534"],
        ":defer: 451 4.3.0 ",
    ),
    (
        "requiretls_connect",
        &["", "a.test", "", "", "mx.a.test"],
        "requiretls_connect needs ",
    ),
    (
        "requiretls_connect",
        &["", "a.test", "", "", "mx.a.test", "192.0.2.1"],
        "=nothing is looked up as root",
    ),
    ("requiretls_ehlo", &["mx.a.test", "250 x", "", ""], UNKNOWN),
    (
        "requiretls_ehlo",
        &["mx.a.test", "250 x", ""],
        "requiretls_ehlo needs ",
    ),
    ("requiretls_cert", &["mx.a.test", "0", "AAAA"], UNKNOWN),
    (
        "requiretls_cert",
        &["mx.a.test", "0"],
        "requiretls_cert needs ",
    ),
    ("requiretls_gate", &["mx.a.test", "TLS1.3:X:256"], "=*"),
    ("requiretls_gate", &["", ""], "=*"),
    ("requiretls_gate", &[], "=*"),
    ("requiretls_sni", &["mx.good.test"], "="),
    ("requiretls_sni", &[], "="),
    ("requiretls_close", &[], "="),
];

#[test]
fn every_answer_is_ok_and_no_is_a_text() -> Result<()> {
    let installed = Installed::find()?;
    let functions = build(&installed)?;
    // SAFETY: what is loaded runs no code of its own while it is loaded.
    let (_below, library) = unsafe {
        (
            Library::open(Some(installed.shared_object()), RTLD_NOW | RTLD_GLOBAL)?,
            Library::open(Some(functions), RTLD_NOW)?,
        )
    };
    for (name, arguments, expected) in ROWS {
        // SAFETY: it is a function of this type.
        let function = unsafe { library.get::<Function>(name.as_bytes()) }?;
        let owned: Vec<CString> = arguments
            .iter()
            .map(|argument| CString::new(*argument))
            .collect::<std::result::Result<_, _>>()?;
        let pointers: Vec<*const c_char> = owned.iter().map(|argument| argument.as_ptr()).collect();
        let mut said = ptr::null();
        // SAFETY: as many arguments as are counted; the answer lives until the next call.
        let (status, text) = unsafe {
            let status = function(
                &raw mut said,
                c_int::try_from(pointers.len())?,
                pointers.as_ptr(),
            );
            (status, CStr::from_ptr(said).to_str()?.to_owned())
        };
        assert_eq!(status, 0, "{name} {arguments:?}");
        let fits = expected
            .strip_prefix('=')
            .map_or_else(|| text.starts_with(expected), |whole| text == whole);
        assert!(fits, "{name} {arguments:?}: {text:?}, not {expected:?}");
    }
    Ok(())
}
