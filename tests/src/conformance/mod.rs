//! Recorded cases, played against the interpreter in this process and in virtual time.
//!
//! A case is a definition, an input, scripted workers, and what the real service was recorded to do with
//! them. [`case`] reads the files, [`worker`] plays the workers, [`play`] runs one execution to its end, and
//! [`verdict`] compares, by the rules of [`matcher`] and [`history`]. Deliberately absent: servers, sockets and
//! clocks. What is tested here is the language, and a day of waiting takes a millisecond.

pub mod case;
pub mod history;
pub mod matcher;
pub mod play;
pub mod verdict;
pub mod worker;
