//! Compiles the two client requests of valgrind.

fn main() {
    println!("cargo::rerun-if-changed=src/taint.c");
    cc::Build::new().file("src/taint.c").compile("taint");
}
