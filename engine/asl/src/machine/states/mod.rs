//! One file per kind of state.

pub(super) mod choice;
pub(super) mod fail;
pub(super) mod map;
pub(super) mod parallel;
pub(super) mod pass;
pub(super) mod succeed;
pub(super) mod task;
pub(super) mod wait;
