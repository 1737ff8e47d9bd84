//! What becomes of mail that a stock mail server hands to `requiretls lmtp`?
//!
//! The servers are Debian's, with the README's lines in their configuration. Each test has a network of its own, with
//! the testbed's next hops at port 25 and a Postfix 3.11 that receives with REQUIRETLS. Every run of the tests has the
//! three servers of Debian 12 and Postfix 3.11; `cargo xtask hosts` has the others as well.
#![forbid(unsafe_code)]

mod by_the_readme;
mod exim;
mod handed_over;
mod killed;
mod mail_server;
mod outcome;
mod own_way;
mod postfix;
mod readme;
mod receiver;
mod scene;
mod sendmail;
mod service;
mod submission;

use ffi_tests::Result;

use by_the_readme::leads_to_enforcement;
use exim::Exim;
use handed_over::every_row;
use killed::{a_full_queue, at_every_place};
use mail_server::Handing::{Process, Socket};
use postfix::Postfix;
use sendmail::Sendmail;

#[test]
fn exim_4_96() -> Result<()> {
    every_row(Box::new(Exim("exim96")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_96_socket() -> Result<()> {
    every_row(Box::new(Exim("exim96")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_98() -> Result<()> {
    every_row(Box::new(Exim("exim98")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_100() -> Result<()> {
    every_row(Box::new(Exim("exim100")), Process)
}

#[test]
fn sendmail_8_17() -> Result<()> {
    every_row(Box::new(Sendmail("sendmail817")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn sendmail_8_17_socket() -> Result<()> {
    every_row(Box::new(Sendmail("sendmail817")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn sendmail_8_18() -> Result<()> {
    every_row(Box::new(Sendmail("sendmail818")), Process)
}

#[test]
fn postfix_3_7() -> Result<()> {
    every_row(Box::new(Postfix("postfix37")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn postfix_3_10() -> Result<()> {
    every_row(Box::new(Postfix("postfix310")), Socket)
}

#[test]
fn postfix_3_11() -> Result<()> {
    every_row(Box::new(Postfix("postfix311")), Socket)
}

#[test]
fn exim_4_96_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Exim("exim96")), Process)
}

#[test]
fn sendmail_8_17_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Sendmail("sendmail817")), Process)
}

#[test]
fn postfix_3_7_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Postfix("postfix37")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn postfix_3_11_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Postfix("postfix311")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_96_socket_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Exim("exim96")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_98_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Exim("exim98")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_100_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Exim("exim100")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn sendmail_8_17_socket_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Sendmail("sendmail817")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn sendmail_8_18_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Sendmail("sendmail818")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn postfix_3_10_and_a_transport_that_is_killed() -> Result<()> {
    at_every_place(Box::new(Postfix("postfix310")), Socket)
}

#[test]
fn exim_4_96_with_a_tag_that_an_acl_sets() -> Result<()> {
    own_way::by_variable(Exim("exim96"), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_96_socket_with_a_tag_that_an_acl_sets() -> Result<()> {
    own_way::by_variable(Exim("exim96"), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_98_with_a_tag_that_an_acl_sets() -> Result<()> {
    own_way::by_variable(Exim("exim98"), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_100_with_a_tag_that_an_acl_sets() -> Result<()> {
    own_way::by_variable(Exim("exim100"), Process)
}

#[test]
fn postfix_3_11_with_requiretls_of_a_client() -> Result<()> {
    own_way::by_parameter()
}

/// Where a server cannot be had, a sentence says what is missing.
#[test]
fn a_missing_server_is_told() -> Result<()> {
    let dir = tempfile::TempDir::new()?;
    let (bin, apt) = (dir.path().join("bin"), dir.path().join("bin/apt-get"));
    std::fs::create_dir(&bin)?;
    std::fs::write(&apt, "#!/bin/sh\nexit 100\n")?;
    std::fs::set_permissions(&apt, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
    let path = std::env::var("PATH").unwrap_or_default();
    let mut get = std::process::Command::new("bash");
    get.arg(ffi_tests::workspace().join("ffi-tests/servers/servers.sh"))
        .args(["get", "exim96"])
        .env("RQ_CACHE", dir.path().join("cache"))
        .env("PATH", format!("{}:{path}", bin.display()));
    let said = ffi_tests::bounded::run(&mut get, b"", std::time::Duration::from_secs(60))?;
    let text = String::from_utf8_lossy(&said.stderr);
    assert!(!said.status.success(), "{text}");
    assert!(text.contains("put it into /etc/apt/sources.list"), "{text}");
    Ok(())
}

#[test]
fn exim_knows_every_tag() -> Result<()> {
    own_way::every_tag_is_listed()
}

#[test]
fn exim_4_96_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Exim("exim96")), Process)
}

#[test]
fn sendmail_8_17_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Sendmail("sendmail817")), Process)
}

#[test]
fn postfix_3_7_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Postfix("postfix37")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_96_socket_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Exim("exim96")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn exim_4_100_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Exim("exim100")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn sendmail_8_17_socket_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Sendmail("sendmail817")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn sendmail_8_18_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Sendmail("sendmail818")), Process)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn postfix_3_11_with_a_full_queue() -> Result<()> {
    a_full_queue(Box::new(Postfix("postfix311")), Socket)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn debian_12_and_exim_by_the_readme() -> Result<()> {
    leads_to_enforcement(&by_the_readme::EXIM)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn debian_12_and_sendmail_by_the_readme() -> Result<()> {
    leads_to_enforcement(&by_the_readme::SENDMAIL)
}

#[test]
#[ignore = "cargo xtask hosts"]
fn debian_12_and_postfix_by_the_readme() -> Result<()> {
    leads_to_enforcement(&by_the_readme::POSTFIX)
}
