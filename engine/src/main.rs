//! The binary `stepwell`: reads the command line and hands over to the library.

use std::process::ExitCode;

/// An engine frees on one thread what it allocated on another, all day; this allocator does that at the least cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    stepwell_engine::cli::main()
}
