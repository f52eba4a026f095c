//! The demo's FAQ is compiled in as a folder: a new file in it must make the binary anew.

#![allow(clippy::print_stdout, reason = "this is how a build script speaks")]

fn main() {
    println!("cargo:rerun-if-changed=demo/faq");
}
