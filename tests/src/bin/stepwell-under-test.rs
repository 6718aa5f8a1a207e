//! The binary `stepwell`, built as part of this crate: cargo then builds it together with the tests that run it,
//! from the same sources and with the same features, and nobody has to build it for them.

use std::process::ExitCode;

fn main() -> ExitCode {
    stepwell_engine::cli::main()
}
