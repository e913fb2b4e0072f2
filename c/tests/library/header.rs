//! The header in the repository is the one that belongs to the code.

use std::path::Path;

#[test]
fn the_header_is_what_cbindgen_gives() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut config = cbindgen::Config::from_file(folder.join("cbindgen.toml")).unwrap();
    // Status first, because the functions need it.
    config.sort_by = cbindgen::SortKey::None;
    let mut made = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(folder.join("src/status.rs"))
        .with_src(folder.join("src/handle.rs"))
        .with_src(folder.join("src/interface.rs"))
        .generate()
        .unwrap()
        .write(&mut made);
    let made = String::from_utf8(made).unwrap();
    let file = folder.join("include/aeden.h");
    if std::env::var_os("AEDEN_WRITE_HEADER").is_some() {
        std::fs::write(&file, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        kept == made,
        "c/include/aeden.h is not what the code says; AEDEN_WRITE_HEADER=1 cargo test -p aeden-c header writes it:\n{made}"
    );
}
