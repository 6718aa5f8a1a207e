//! Running executions: who owns them, when they wake, how they come back after a crash.
//!
//! Start with `owner.rs`: its `run` is the durability of the whole engine in a dozen lines. A stop-the-world
//! view of one batch is `batch.rs`; what goes in and out is `request.rs`.

mod batch;
pub mod clock;
mod followers;
mod numbering;
mod owner;
pub mod recovery;
mod request;
mod shadow;
mod timers;
pub mod verify;

pub use followers::{News, Subscription};
pub use owner::{Overloaded, Owner, OwnerHandle, Stopped};
pub use recovery::Headers;
pub use request::{Accepted, Answer, Ask, Refused, ReplyTo, Request, Running, Start};
