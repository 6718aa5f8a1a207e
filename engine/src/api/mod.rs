//! The edges. Each turns a wire format into calls of the application service and back, and takes no decision.

pub mod grpc;
pub mod http;
