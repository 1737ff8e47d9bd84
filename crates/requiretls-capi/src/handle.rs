//! Which Rust value does a C pointer stand for?
//!
//! The only place that turns pointers into references and boxes. A NULL pointer is never a value,
//! and a pointer that no such value can have counts as NULL.

/// What a pointer to const points to.
///
/// # Safety
/// NULL, or a live value that nobody changes during the call.
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Option<&'a T> {
    if !pointer.is_aligned() {
        return None;
    }
    // SAFETY: aligned, and by this function's contract NULL or a live value that stays as it is.
    unsafe { pointer.as_ref() }
}

/// What a pointer to non-const points to.
///
/// # Safety
/// NULL, or a live value that nobody else uses during the call.
pub(crate) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Option<&'a mut T> {
    if !pointer.is_aligned() {
        return None;
    }
    // SAFETY: aligned, and by this function's contract NULL or a live value that is ours alone.
    unsafe { pointer.as_mut() }
}

/// Hands a value to C, which owns it until [`take_back`].
pub(crate) fn give<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes a value back from C.
///
/// # Safety
/// NULL, or what [`give`] gave, once.
pub(crate) unsafe fn take_back<T>(pointer: *mut T) -> Option<Box<T>> {
    if pointer.is_null() || !pointer.is_aligned() {
        return None;
    }
    // SAFETY: by this function's contract the pointer came from Box::into_raw and was not taken
    // back before.
    Some(unsafe { Box::from_raw(pointer) })
}
