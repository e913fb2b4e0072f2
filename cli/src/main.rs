//! The program `aeden`; see the library beside it.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: aeden_cli::memory::Allocator = aeden_cli::memory::Allocator;

fn main() -> ExitCode {
    aeden_cli::memory::reserve();
    aeden_cli::run()
}
