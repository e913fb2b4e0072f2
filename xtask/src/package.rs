//! What users of package managers get: one tree of files, and packages and recipes made of it.
//!
//! ```text
//! tree (the list of files) ─► deb ─► bare_root (installed, used, removed)
//!   └─► recipes: AUR, Homebrew, Flatpak, winget call `cargo xtask package tree`
//! ```

mod about;
mod bare_root;
mod crates;
mod deb;
mod notices;
mod recipes;
mod tree;

use crate::bare_root::BareRoot;
use crate::prefix::Prefix;
use anyhow::Result;
use std::path::PathBuf;

pub use bare_root::{INCLUDED, check};
pub use crates::run as crates;

/// Package for crates.io, for Debian, or as a tree of files; write recipes for other package managers
#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Every crate for crates.io: build the libraries from their packages, and print all sizes
    ///
    /// `cargo publish --dry-run --package NAME` does the rest of what publishing does.
    Crates,
    /// Build the release version of everything, and lay it out below a prefix
    ///
    /// Program, manual pages, completions, service, plugins for all hosts (on Linux), C libraries, licences. What packages are made of.
    Tree {
        /// The prefix, or the folder that a package is made of
        folder: PathBuf,
        /// The prefix where the package is used
        #[arg(long, value_name = "PREFIX")]
        used_as: Option<PathBuf>,
        /// The folder of libraries below the prefix
        #[arg(long, value_name = "FOLDER", default_value = "lib")]
        libraries: String,
    },
    /// A package for Debian and Ubuntu in target/deb
    Deb {
        /// Also install, use and remove it in a bare Debian root (as root, with debootstrap)
        #[arg(long)]
        check: bool,
        /// Of what lies in this folder, such as target/debug, instead of building the release version
        #[arg(long, value_name = "FOLDER")]
        built: Option<PathBuf>,
    },
    /// Recipes for AUR, Homebrew, Flatpak and winget in target/recipes
    ///
    /// They name the files of a release by their checksums; those whose files are missing are left out, with a word.
    Recipes {
        /// The folder with the files of the release
        files: PathBuf,
    },
}

/// Does what was asked for.
pub fn run(options: Options) -> Result<()> {
    match options.what {
        What::Crates => crates().map(|sizes| println!("{sizes}")),
        What::Tree {
            folder,
            used_as,
            libraries,
        } => {
            let folder = std::path::absolute(folder)?;
            let used_as = used_as.unwrap_or_else(|| folder.clone());
            let prefix = Prefix {
                folder,
                used_as,
                libraries,
            };
            tree::lay_out(&prefix, &tree::build()?)
        }
        What::Deb { check: tries, built } => {
            let built = built.map_or_else(tree::build, Ok)?;
            if tries {
                let root = BareRoot::make(&crate::target().join("bare"), &INCLUDED)?;
                println!("{}", check(&built, Some(&root))?);
            } else {
                println!("{}", deb::make(&built)?.display());
            }
            Ok(())
        }
        What::Recipes { files } => recipes::write_all(&std::path::absolute(files)?),
    }
}
