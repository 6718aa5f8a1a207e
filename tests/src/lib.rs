//! The harness of the tests that run more than one crate.

pub mod postgres;
