//! The load generator: starts sagas against a running server, waits for their ends, and measures.
//!
//! Three processes: the server, the workers (a child of this one, so that their cost is told apart), and this
//! one, the clients. What is measured is what a client sees: from the start's call to the news of the end.

mod latencies;
mod load;
mod process;
mod workers;

pub use latencies::Latencies;
pub use load::{Load, Outcome, Pace, run};
pub use process::{Footprint, Process, serving};
pub use workers::serve;
