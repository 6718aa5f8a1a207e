//! The harness of the tests that run more than one crate.

pub mod conformance;
pub mod node;
pub mod postgres;
pub mod raw_worker;
