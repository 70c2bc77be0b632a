//! Marks bytes as secret and as public. To valgrind a secret byte is an uninitialized one: it follows the byte through
//! every copy and computation, and reports the first branch, or address, that depends on it.

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

/// Whether valgrind is looking. If not, everything here does nothing.
pub fn is_watched() -> bool {
    requests::taint_is_watched() != 0
}

/// From here on these bytes are secret.
pub fn hide(bytes: &mut [u8]) {
    requests::taint_hide(bytes.as_mut_ptr().cast(), bytes.len());
}

/// From here on these bytes may show.
pub fn reveal(bytes: &mut [u8]) {
    requests::taint_reveal(bytes.as_mut_ptr().cast(), bytes.len());
}
