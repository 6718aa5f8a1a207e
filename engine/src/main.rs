//! The binary `stepwell`: reads the command line and hands over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    stepwell_engine::cli::main()
}
