//! The Amazon States Language: definitions, diagnostics, and a pure interpreter.

pub mod definition;
pub mod entropy;
pub mod error_name;
pub mod eval;
pub mod failure;
pub mod history;
pub mod ids;
pub mod machine;
pub mod payload;
pub mod time;
