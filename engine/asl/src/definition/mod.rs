//! Definitions: what an author wrote, parsed once into shapes the interpreter can walk.
//!
//! Invariant: a [`Definition`] that exists is valid. Every `Next` names a state of its own map, every path
//! and template is compiled, every duration is in range; so the interpreter never meets a malformed one.
//! [`Definition::parse`] reports all faults of a text at once, with places.
//!
//! One file per noun of the language. `Retry`, `Catch`, `Next`/`End` and the data flow are clauses shared by
//! several states: each is one type, read in one place.

mod parse;

mod catch;
mod choice;
mod data_flow;
mod fail;
mod map;
mod next;
mod parallel;
mod pass;
mod resource;
mod retry;
mod state;
mod state_map;
mod task;
mod wait;

mod diagnostic;
mod error_equals;
mod fields;
mod lint;
mod locate;
mod not_supported;
mod template;
mod transitions;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use catch::Catcher;
pub use choice::{Choice, ChoiceRule, Comparison, Condition, Operand, Order, ValueKind};
pub use data_flow::{DataFlow, JsonPathFlow, QueryLanguage, ResultPath, Selection, Setting};
pub use diagnostic::{Code, Diagnostic, Severity};
pub use fail::{Fail, Text};
pub use map::{Map, MapItems};
pub use next::Next;
pub use parallel::Parallel;
pub use pass::Pass;
pub use resource::{Pattern, Resource, function_name};
pub use retry::{JitterStrategy, Retrier};
pub use state::{State, StateKind, StateType};
pub use state_map::StateMap;
pub use task::Task;
pub use wait::{Wait, WaitUntil};

/// The name of a state, unique in its machine. Shared, because histories repeat it often.
pub type StateName = Arc<str>;

/// Largest definition text, in bytes, as the service has it.
pub const DEFINITION_BYTES_MAX: usize = 1024 * 1024;
/// Most states in one definition, nested ones included.
pub const STATES_MAX: usize = 10_000;
/// Longest state name, in characters.
pub const STATE_NAME_MAX: usize = 80;

/// A whole definition: the top-level object of an ASL document.
#[derive(Debug, Clone, PartialEq)]
pub struct Definition {
    /// `Comment`.
    pub comment: Option<String>,
    /// `TimeoutSeconds` of the whole execution.
    pub timeout_seconds: Option<u64>,
    /// The top-level states.
    pub states: Arc<StateMap>,
}
