//! The command line, driven as people and programs drive it: the real binary against a real server.

#![expect(clippy::unwrap_used, reason = "what a test unwraps, it has just asked for")]

mod definitions_of_tests;
mod deploy;
mod executions;
mod faults;
mod listing;
mod quick_start;
mod scripted_worker;
mod start;
mod validate;
