//! The packages of `make packages`.
