//! Builds anew when the pages change: they are part of the binary.

fn main() {
    println!("cargo:rerun-if-changed=../../web");
}
