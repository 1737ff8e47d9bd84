//! How is a MAIL FROM parameter added?
//!
//! Everything behind [`mail_param`](crate::mail_param) knows requirements and no spelling, and
//! everything before the encoder in [`ehlo`](crate::ehlo) too. So a new spelling of what can be
//! asked already is a change of these two modules; a new *demand* goes through all of the policy.
//!
//! # A new spelling
//!
//! 1. **Statements first.** What is the parameter's value, where may it stand, what is a repetition,
//!    which reply refuses it? Each sentence gets an id among the statements, and the tests below cite
//!    it: `cargo xtask statements --strict` fails for an id that no test cites.
//! 2. **The dialect.** A way to ask that is not RFC 8689 is off by default: a field and a word in
//!    [`Dialects`](crate::mail_param::Dialects) ([`WORDS`](crate::mail_param::Dialects::WORDS),
//!    [`enable`](crate::mail_param::Dialects::enable)), and the word in the key `dialects` of
//!    `keys.toml` in `requiretls-engine`. Its tests fail while the two differ.
//! 3. **Its name.** A [`Keyword`](crate::mail_param::Keyword), which the refusals name, and
//!    [`rcpt_param`](crate::mail_param::rcpt_param), since it is refused on RCPT.
//! 4. **Its value.** [`MailParams::param`](crate::mail_param::MailParams::param) reads it into a
//!    [`Requirement`](crate::requirement::Requirement) at once.
//!    [`MailParams::end`](crate::mail_param::MailParams::end) judges contradictions, because a server
//!    may hand parameters over in any order: decide there what it means beside each of the others,
//!    and beside `TLS-Required: No`. What is not allowed is a
//!    [`Refusal`](crate::mail_param::Refusal) with its code and its sentence.
//! 5. **The offer.** [`ehlo::keywords`](crate::ehlo::keywords) makes the line for EHLO.
//!    `KEYWORD_LINES` of `rtls_ehlo_keyword` in `requiretls-capi` must have it too: its test of
//!    keywords fails otherwise.
//! 6. **Towards the next hop.** [`EhloReply::parse`](crate::ehlo::EhloReply::parse) finds the peer's
//!    keyword, an [`Encoding`](crate::ehlo::Encoding) says what is sent for which requirement, and
//!    [`Lost`](crate::ehlo::Lost) what of it that peer is not told.
//!    The text must fit `RTLS_PARAMS_SIZE` of the C ABI.
//! 7. **What holds it.** Rows in the tables of `mail_param/tests.rs` (its forms, its contradictions,
//!    in clear text) and of `ehlo/tests.rs` (what is sent to whom); the fuzz targets `mail_param` and
//!    `ehlo` need no change, but the token in `fuzz/` lets them find it sooner; a scenario of the demo
//!    (`crates/requiretls-cli/src/demo/scenarios/inbound.rs`).
//!
//! # A new demand
//!
//! What no [`Requirement`](crate::requirement::Requirement) can say yet needs, before all of this:
//!
//! 1. A part of [`Requiring`](crate::requirement::Requiring), with its place in
//!    [`merge`](crate::requirement::Requirement::merge), which stays commutative, associative and
//!    idempotent: its tests hold that.
//! 2. Its text in the [`tag`](crate::tag). A tag of this version never changes its meaning, and one
//!    that an older library cannot read must be unreadable to it, never weaker: so either a word that
//!    the grammar refuses today, or the next version number.
//! 3. Its row in what a plan accepts ([`plan`](crate::plan)), its failures in
//!    [`decision`](crate::decision), and the diff of `tests/decisions.txt`, which is to be read line
//!    by line: it is every decision that has changed.
//! 4. Its tokens in [`log_line::token`](crate::log_line::token), and its fields in
//!    [`case`](crate::case), so that `requiretls explain` decides the same.
