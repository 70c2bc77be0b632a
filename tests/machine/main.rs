//! What needs more of the machine than Rust: programs that `make test` installs. Plain `cargo test` leaves those out.

mod packaging;
