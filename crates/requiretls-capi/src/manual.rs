//! How is a call added?
//!
//! A walk-through for whoever changes the library; how a MAIL FROM parameter is added stands in
//! [`requiretls_core::manual`].
//!
//! 1. **Is it needed?** A question about a plan is a number for [`rtls_plan_get`], and a question
//!    about the sender one for [`rtls_mail_get`]: a number costs a caller nothing. A call never
//!    changes what it means, nor its arguments; numbers are never used twice; a struct never grows.
//!    What an existing call cannot say needs a new call.
//! 2. **The policy is core's.** The call reads its arguments, asks core or engine, and writes the
//!    answer. If it has to decide something, that decision belongs into [`requiretls_core`].
//! 3. **The function**, in the module of its object, written out (cbindgen drops what a macro makes):
//!    `#[unsafe(no_mangle)] pub unsafe extern "C" fn rtls_<object>_<verb>`, the object first, types of
//!    `core::ffi` only. The body runs inside `guard::run`, or `change` of its module, so that a panic
//!    becomes the failure value of its family: [`RTLS_DEFER`], [`RTLS_REFUSED`], NULL. Zero must hold
//!    the mail.
//! 4. **Its words.** The comment is the header's and the manual page's: a summary; each parameter as
//!    `name: text` with unit and lifetime; `Returns`; `When:`; `Source:`, with further lines indented
//!    by two blanks. `cargo xtask header` writes the header, and fails for what is left unsaid.
//! 5. **The promise.** A line in `symbols-in-versions` with the version that brings it, and the name
//!    in `requiretls.map`, below the newest node. `ffi-tests/tests/symbols.rs` compares these two,
//!    the header and the shared object.
//! 6. **Its page.** A name in one of the groups of `crates/xtask/src/man/library.rs`: `cargo xtask man`
//!    fails for a name that no page tells of. Does the program of that page show it?
//! 7. **What holds it.** A row in the tests of this crate for NULL, for a panic (`tests/panics.rs`
//!    counts the calls), for each state of a plan (`tests/order.rs`), for its buffer; a use in a
//!    program of `ffi-tests/c`; numbers in `ffi-tests/c/frozen.c`.
//! 8. Older programs go on as they are; a newer program is not started on an older library, if the
//!    call is under a node of its own: once a version is released, what comes later goes below a new
//!    node, `REQUIRETLS_0_2 { … } REQUIRETLS_0;`.
//!
//! [`rtls_plan_get`]: crate::plan::rtls_plan_get
//! [`rtls_mail_get`]: crate::mail::rtls_mail_get
//! [`RTLS_DEFER`]: crate::abi::RTLS_DEFER
//! [`RTLS_REFUSED`]: crate::abi::RTLS_REFUSED
