//! Keeps the library in memory once a host has loaded it.
//!
//! A thread of the host that has run our code may have some of it left to run when it ends, such as destructors of
//! thread-local variables; by then the host may have unloaded the plugin. A test run on Linux ended in that way, with a
//! jump to memory that was gone.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}
