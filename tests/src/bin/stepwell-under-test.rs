//! The binary `stepwell`, built as part of this crate: cargo then builds it together with the tests that run it,
//! from the same sources and with the same features, and nobody has to build it for them.

use std::process::ExitCode;

/// An engine frees on one thread what it allocated on another, all day; this allocator does that at the least cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    stepwell_engine::cli::main()
}
