//! Keeps the library in memory once a host has loaded it.
//!
//! Rust's standard library leaves destructors of its own with threads of the host that have run our code. They are called
//! when these threads end, and by then the host may have unloaded the plugin. Windows and macOS see to that themselves.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        println!("cargo::rustc-link-arg-cdylib=-Wl,-z,nodelete");
    }
}
