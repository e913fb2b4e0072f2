//! Lets the tests put their own `malloc` in the place of the C library's, also for the plugins that they load.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    if target("OS") == "linux" && target("ENV") == "gnu" {
        for function in [
            "malloc",
            "calloc",
            "realloc",
            "free",
            "posix_memalign",
            "aligned_alloc",
        ] {
            println!("cargo::rustc-link-arg-tests=-Wl,--export-dynamic-symbol={function}");
        }
    }
}
