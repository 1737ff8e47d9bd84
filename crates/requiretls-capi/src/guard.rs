//! What does C see of a panic?
//!
//! Nothing: every export runs in here. A panic becomes the failure value of its family of calls,
//! and is not printed: a mail server's standard error may be the SMTP connection.

use std::cell::Cell;
use std::io::Write;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

/// Runs the body of an export; `None`: it panicked, or a log function calls from inside another one.
pub(crate) fn run<T>(call: impl FnOnce() -> T) -> Option<T> {
    // In a thread that is panicking already the hook cannot be changed.
    if !SILENCER.is_completed() && !std::thread::panicking() {
        SILENCER.call_once(silence);
    }
    let result = INSIDE.with(|inside| {
        if inside.replace(true) {
            return None;
        }
        let result = panic::catch_unwind(AssertUnwindSafe(|| {
            #[cfg(any(test, feature = "panic-on-purpose"))]
            on_purpose::panic_if_asked();
            call()
        }));
        inside.set(false);
        Some(result)
    });
    match result? {
        Ok(value) => Some(value),
        Err(payload) => {
            // Dropping a payload can panic again; a leak in a broken program is the lesser evil.
            std::mem::forget(payload);
            None
        }
    }
}

/// Whether this thread is inside a call already: its log function makes another one.
pub(crate) fn is_inside() -> bool {
    INSIDE.get()
}

/// Where the latest panic of this thread was, for the log; empty when there was none.
pub(crate) fn place() -> String {
    let place = PLACE.get();
    let text = place.split(|b| *b == 0).next().unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

static SILENCER: Once = Once::new();

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// No heap: a value with a destructor would leave work for the end of the host's thread.
    static PLACE: Cell<[u8; 96]> = const { Cell::new([0; 96]) };
}

/// In a C program the panic hook is the library's own; in a Rust program it is everybody's, so
/// panics outside of our calls go where they went before.
fn silence() {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let inside = INSIDE.try_with(Cell::get).unwrap_or(false);
        if !inside {
            return before(info);
        }
        let mut place = [0; 96];
        if let Some(at) = info.location() {
            // A file name that is too long is cut.
            let _ = write!(place.as_mut_slice(), "{}:{}", at.file(), at.line());
        }
        let _ = PLACE.try_with(|cell| cell.set(place));
    }));
}

/// Panics inside the next export of this thread, to see that none of them lets it out.
/// cbindgen:ignore
#[cfg(any(test, feature = "panic-on-purpose"))]
pub(crate) mod on_purpose {
    use std::cell::Cell;

    thread_local! {
        static ASKED: Cell<bool> = const { Cell::new(false) };
    }

    /// The next export of this thread panics.
    pub(crate) fn in_next_call() {
        ASKED.set(true);
    }

    /// The same, from outside a library that was built for that.
    #[cfg(feature = "panic-on-purpose")]
    #[unsafe(no_mangle)]
    extern "C" fn rtls_test_panic_in_next_call() {
        in_next_call();
    }

    /// Whether no export has run since.
    #[cfg(test)]
    pub(crate) fn still_asked() -> bool {
        ASKED.take()
    }

    pub(super) fn panic_if_asked() {
        assert!(!ASKED.take(), "on purpose");
    }
}
