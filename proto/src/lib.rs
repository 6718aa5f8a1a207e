//! The wire of Stepwell, generated once for the engine, the worker SDK and the tests.
//!
//! The `.proto` files beside this crate are the reference: each rpc lists its errors, each frame says who
//! sends it and what it means when repeated. Nothing is written by hand here.

/// Package `stepwell.v1`.
#[expect(missing_docs, clippy::all, reason = "generated; documented in the .proto files")]
pub mod v1 {
    tonic::include_proto!("stepwell.v1");
}

/// The compiled descriptors of every service, for server reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
