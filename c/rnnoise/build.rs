//! Gives the shared library the name of the one that it takes the place of.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "freebsd" | "android") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,librnnoise.so.0");
        }
        Ok("macos") => println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/librnnoise.0.dylib"),
        _ => {}
    }
}
