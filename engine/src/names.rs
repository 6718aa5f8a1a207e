//! Names, ARNs and ids: how people, AWS clients and the engine each call the same thing.

use std::fmt;

use stepwell_asl::ids::ExecutionId;
use uuid::Uuid;

/// Longest name of a state machine or an execution, in characters.
pub const NAME_MAX: usize = 80;

/// What makes an execution's id: the hash of its state machine's name and its own. So a name needs no look-up
/// to become an id, and two starts with one name meet at one place.
#[must_use]
pub fn execution_id(machine: &str, execution: &str) -> ExecutionId {
    /// Stepwell's own namespace for name-based UUIDs.
    const NAMESPACE: Uuid = Uuid::from_u128(0x5d1c_5b1a_07e6_4b0f_9a53_7374_6570_776c);
    // A slash can't stand in either name, so no two pairs read alike.
    ExecutionId(Uuid::new_v5(&NAMESPACE, format!("{machine}/{execution}").as_bytes()).as_u128())
}

/// A name that can't be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a name of 1 to {NAME_MAX} letters, digits, '-', '_' and '.', found {found:?}")]
pub struct InvalidName {
    found: String,
}

/// Checks the name of a state machine or an execution.
///
/// # Errors
/// When it is empty, too long or has other characters than letters, digits, `-`, `_` and `.`.
pub fn check_name(name: &str) -> Result<(), InvalidName> {
    let fits = (1..=NAME_MAX).contains(&name.chars().count())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits { Ok(()) } else { Err(InvalidName { found: name.chars().take(NAME_MAX + 1).collect() }) }
}

/// Where this engine claims to be; the words appear in ARNs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Realm {
    /// `--region`.
    pub region: String,
    /// `--account`.
    pub account: String,
}

impl Realm {
    /// The ARN of a state machine.
    #[must_use]
    pub fn machine_arn(&self, machine: &str) -> String {
        format!("{}:stateMachine:{machine}", self.prefix())
    }

    /// The ARN of an execution.
    #[must_use]
    pub fn execution_arn(&self, machine: &str, execution: &str) -> String {
        format!("{}:execution:{machine}:{execution}", self.prefix())
    }

    /// The role that histories and the context object show. No role is ever checked.
    #[must_use]
    pub fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role/stepwell", self.account)
    }

    fn prefix(&self) -> impl fmt::Display {
        format!("arn:aws:states:{}:{}", self.region, self.account)
    }
}

/// The state machine's name in what a request calls it: a plain name, or an ARN of any region and account.
#[must_use]
pub fn machine_name(text: &str) -> &str {
    text.split_once(":stateMachine:").map_or(text, |(_, name)| name)
}

/// What a request calls an execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionRef<'a> {
    /// By its ARN, or as `machine/name`.
    Full {
        /// The state machine's name.
        machine: &'a str,
        /// The execution's name.
        name: &'a str,
    },
    /// By its name alone.
    Name(&'a str),
}

impl<'a> ExecutionRef<'a> {
    /// Reads any of the three forms.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        let pair = match text.split_once(":execution:") {
            Some((_, rest)) => rest.split_once(':'),
            None => text.split_once('/'),
        };
        pair.map_or(Self::Name(text), |(machine, name)| Self::Full { machine, name })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_the_same_execution() {
        let realm = Realm { region: "local".to_owned(), account: "000000000000".to_owned() };
        let arn = realm.execution_arn("order-saga", "o-1");
        assert_eq!(arn, "arn:aws:states:local:000000000000:execution:order-saga:o-1");
        let full = ExecutionRef::Full { machine: "order-saga", name: "o-1" };
        assert_eq!(ExecutionRef::parse(&arn), full);
        assert_eq!(ExecutionRef::parse("order-saga/o-1"), full);
        assert_eq!(ExecutionRef::parse("o-1"), ExecutionRef::Name("o-1"));
        assert_eq!(machine_name(&realm.machine_arn("order-saga")), "order-saga");
        assert_ne!(execution_id("a", "b-c"), execution_id("a-b", "c"));
    }

    #[test]
    fn names_are_checked() {
        for good in ["a", "order-saga_2.1", &"x".repeat(80)] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", &"x".repeat(81)] {
            assert!(check_name(bad).is_err(), "{bad}");
        }
    }
}
