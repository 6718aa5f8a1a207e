//! Identities inside the language's interpreter.

use std::fmt;
use std::str::FromStr;

/// One execution. Made by the engine; here it is only carried and printed, as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExecutionId(pub u128);

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The number of an event in its execution's history: 1, 2, 3 … without gaps. 0 means "no event".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(pub u64);

impl EventId {
    /// No event: what the first event of a chain has before it.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One running `States` map of an execution: the machine itself, a branch, an iteration.
/// Numbered from 0 in the order of their start; 0 is the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ScopeId(pub u64);

impl ScopeId {
    /// The machine's own scope.
    pub const ROOT: Self = Self(0);
}

/// Names one attempt at one task, and proves that its holder was given it.
///
/// The attempt is the event that scheduled it, so an answer to an earlier attempt can never be taken for an
/// answer to a later one. The nonce keeps a worker that holds one token from making up another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TaskToken {
    /// The execution.
    pub execution: ExecutionId,
    /// The event that scheduled the attempt.
    pub attempt: EventId,
    /// Drawn when the attempt was scheduled.
    pub nonce: u64,
}

/// Bytes of a token.
const TOKEN_BYTES: usize = 32;

impl TaskToken {
    /// The token as bytes, as it travels to workers.
    #[must_use]
    pub fn to_bytes(self) -> [u8; TOKEN_BYTES] {
        let mut bytes = [0; TOKEN_BYTES];
        let (execution, rest) = bytes.split_at_mut(16);
        execution.copy_from_slice(&self.execution.0.to_be_bytes());
        let (attempt, nonce) = rest.split_at_mut(8);
        attempt.copy_from_slice(&self.attempt.0.to_be_bytes());
        nonce.copy_from_slice(&self.nonce.to_be_bytes());
        bytes
    }

    /// Reads bytes back; `None` when they are no token.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != TOKEN_BYTES {
            return None;
        }
        Some(Self {
            execution: ExecutionId(u128::from_be_bytes(bytes.get(..16)?.try_into().ok()?)),
            attempt: EventId(u64::from_be_bytes(bytes.get(16..24)?.try_into().ok()?)),
            nonce: u64::from_be_bytes(bytes.get(24..)?.try_into().ok()?),
        })
    }
}

/// As `$$.Task.Token` shows it: 64 hexadecimal digits.
impl fmt::Display for TaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}{:016x}{:016x}", self.execution.0, self.attempt.0, self.nonce)
    }
}

/// The text is no task token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a task token of 64 hexadecimal digits")]
pub struct InvalidToken;

impl FromStr for TaskToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        if text.len() != 2 * TOKEN_BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidToken);
        }
        let part = |from: usize, to: usize| text.get(from..to).ok_or(InvalidToken);
        let number = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| InvalidToken);
        Ok(Self {
            execution: ExecutionId(u128::from_str_radix(part(0, 32)?, 16).map_err(|_| InvalidToken)?),
            attempt: EventId(number(part(32, 48)?)?),
            nonce: number(part(48, 64)?)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_both_of_its_forms() {
        let token = TaskToken { execution: ExecutionId(7 << 100), attempt: EventId(4), nonce: u64::MAX };
        assert_eq!(TaskToken::from_bytes(&token.to_bytes()), Some(token));
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_eq!("zz".parse::<TaskToken>(), Err(InvalidToken));
        assert_eq!(TaskToken::from_bytes(b"short"), None);
        assert_eq!("é".repeat(32).parse::<TaskToken>(), Err(InvalidToken));
    }
}
