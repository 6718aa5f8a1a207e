//! The harness of the tests that run more than one crate.

pub mod bench;
pub mod conformance;
pub mod node;
pub mod postgres;
#[cfg(target_os = "linux")]
pub mod power_loss;
pub mod process;
pub mod raw_worker;
pub mod rude_worker;
pub mod small_machines;
