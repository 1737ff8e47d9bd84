//! Which texts were handed out, and where are they?
//!
//! A text stays where it is until the plan changes. Several threads may ask a plan at once, and another one may fork
//! meanwhile, so there is no lock that a child could find taken: texts are only added, at the front of a list.

use core::ffi::{c_char, c_int};
use std::ffi::CString;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The texts of one plan.
#[derive(Default)]
pub(super) struct Told {
    newest: AtomicPtr<Entry>,
}

/// What rtls_plan_get said to one question.
struct Entry {
    what: c_int,
    i: usize,
    text: CString,
    older: *mut Entry,
}

impl Told {
    /// The text that was handed out already.
    pub(super) fn find(&self, what: c_int, i: usize) -> Option<*const c_char> {
        let mut next = self.newest.load(Ordering::Acquire);
        // SAFETY: NULL, or a text of `keep`, which only `forget` frees, with the plan to itself.
        while let Some(text) = unsafe { next.as_ref() } {
            if text.what == what && text.i == i {
                return Some(text.text.as_ptr());
            }
            next = text.older;
        }
        None
    }

    /// Keeps a text. Where two threads ask the same at once, each has its own.
    pub(super) fn keep(&self, what: c_int, i: usize, text: CString) -> *const c_char {
        let pointer = text.as_ptr();
        let mut older = self.newest.load(Ordering::Acquire);
        let new = Box::into_raw(Box::new(Entry {
            what,
            i,
            text,
            older,
        }));
        while let Err(newer) =
            self.newest
                .compare_exchange_weak(older, new, Ordering::AcqRel, Ordering::Acquire)
        {
            older = newer;
            // SAFETY: nobody else knows it before it is in the list.
            unsafe { (*new).older = older };
        }
        pointer
    }

    /// Ends the life of all texts.
    pub(super) fn forget(&mut self) {
        let mut next = std::mem::replace(self.newest.get_mut(), ptr::null_mut());
        while !next.is_null() {
            // SAFETY: from Box::into_raw in `keep`; nobody else has the plan, and each text is in the list once.
            next = unsafe { Box::from_raw(next) }.older;
        }
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.forget();
    }
}

#[cfg(test)]
mod tests {
    use super::Told;
    use std::ffi::{CStr, CString};

    /// Each thread has its own questions and one that all of them ask.
    #[test]
    fn texts_stay_where_they_are_until_they_are_forgotten() {
        let mut told = Told::default();
        std::thread::scope(|scope| {
            for what in 1..=4 {
                let told = &told;
                scope.spawn(move || {
                    for (what, i) in (0..50).map(|i| (what, i)).chain([(9, 9)]) {
                        let text = CString::new(format!("{what} {i}")).expect("no NUL");
                        let pointer = told.keep(what, i, text);
                        assert!(told.find(what, i).is_some());
                        // SAFETY: it was kept, and nothing is forgotten yet.
                        let kept = unsafe { CStr::from_ptr(pointer) };
                        assert_eq!(kept.to_bytes(), format!("{what} {i}").as_bytes());
                    }
                });
            }
        });
        for what in 1..=4 {
            for i in 0..50 {
                let pointer = told.find(what, i).expect("kept");
                // SAFETY: as above.
                let kept = unsafe { CStr::from_ptr(pointer) };
                assert_eq!(kept.to_bytes(), format!("{what} {i}").as_bytes());
            }
        }
        told.forget();
        assert_eq!(told.find(1, 1), None);
    }
}
