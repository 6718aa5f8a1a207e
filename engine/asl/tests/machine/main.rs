//! The interpreter from outside: scripts that say what the world does, and transcripts of what comes of it.
//!
//! After every command the stage asserts what must always hold: replay makes the same execution, numbers have
//! no gaps, one terminal event with nothing after it, every running execution waits for something, a restart
//! owes exactly the tasks that workers hold, a refused command changes nothing.

#![expect(clippy::unwrap_used, reason = "a test tells a fault by panicking")]

mod script;
mod stage;

mod catch;
mod choice;
mod data_flow;
mod limits;
mod map;
mod order_saga;
mod parallel;
mod retry;
mod simple_states;
mod task;
mod token;
mod wait;

mod random;
