//! Gives a shared library the name that programs look for at run time: this crate's, and that of `rnnoise/`.

fn main() {
    // It reads no file, and runs again anyway when it is built anew.
    println!("cargo:rerun-if-env-changed=CARGO_CFG_TARGET_OS");
    let name = match env!("CARGO_PKG_NAME") {
        // The name of the one that it takes the place of.
        "aeden-rnnoise" => "rnnoise",
        _ => "aeden",
    };
    match std::env::var("CARGO_CFG_TARGET_OS").as_deref() {
        Ok("linux" | "freebsd" | "android") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,lib{name}.so.0");
        }
        Ok("macos") => {
            println!("cargo:rustc-cdylib-link-arg=-Wl,-install_name,@rpath/lib{name}.0.dylib");
        }
        _ => {}
    }
}
