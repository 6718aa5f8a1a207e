//! The worker against an engine that does as the test says, over a real connection.
//!
//! Every wait is for something that happens (a frame, a handler that starts); the time limits are only there
//! to end a test that has gone wrong.

mod answers;
mod cancellation;
mod credits;
mod drain;
mod fake_engine;
mod heartbeats;
mod receipts;
mod reconnect;
mod refusal;
mod task_tokens;
mod tls;
