//! Compiles the two words that valgrind understands.

fn main() {
    println!("cargo::rerun-if-changed=src/taint.c");
    cc::Build::new().file("src/taint.c").compile("taint");
}
