//! Marks bytes as secret and as public. For valgrind a secret byte is an uninitialized one: it
//! follows the byte through every copy and computation, and reports the first branch or address
//! that depends on it.

use std::ffi::{c_int, c_void};

#[expect(
    unsafe_code,
    reason = "valgrind is reached through C; the requests change nothing that the program can see"
)]
mod requests {
    use super::{c_int, c_void};

    unsafe extern "C" {
        pub(super) safe fn taint_is_watched() -> c_int;
        pub(super) safe fn taint_hide(bytes: *mut c_void, length: usize);
        pub(super) safe fn taint_reveal(bytes: *mut c_void, length: usize);
    }
}

/// Returns whether valgrind runs the program. If not, the other functions do nothing.
pub fn is_watched() -> bool {
    requests::taint_is_watched() != 0
}

/// Marks these bytes as secret.
pub fn hide(bytes: &mut [u8]) {
    requests::taint_hide(bytes.as_mut_ptr().cast(), bytes.len());
}

/// Marks these bytes as public.
pub fn reveal(bytes: &mut [u8]) {
    requests::taint_reveal(bytes.as_mut_ptr().cast(), bytes.len());
}
