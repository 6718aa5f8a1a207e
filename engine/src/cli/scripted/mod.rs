//! Scripted workers: tasks answered as a file says, for local development and tests.
//!
//! Invariant: what a worker does with a task depends on the script and on how often its queue was served
//! before, and on nothing else. It is an ordinary worker, by way of the SDK: the engine can't tell.
//!
//! `script` reads the file, `behaviour` plays one task, `callback` answers a task token afterwards, and
//! `invocation` reports what was done.

mod behaviour;
mod callback;
mod invocation;
mod script;

pub(super) use behaviour::Player;
pub(super) use callback::Callbacks;
pub(super) use script::{Script, ScriptedTask};
