//! The program `aeden`; see the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    aeden_cli::run()
}
