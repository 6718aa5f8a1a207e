//! Exit codes: what a shell learns of how a command ended.
//!
//! Invariant: this is the only place that knows a number; `--help` shows [`Exit::HELP`].

use std::process::ExitCode;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did what was asked; `start --wait`: the execution SUCCEEDED.
    Done,
    /// `validate`, `deploy`: the definition is invalid. `start --wait`: the execution FAILED.
    Failed,
    /// The command line can't be understood, or a file it names can't be read.
    Usage,
    /// The server refused: no such thing, a name that is taken, an invalid argument.
    Refused,
    /// No server could be reached, or it could not answer.
    Unreachable,
    /// `start --wait`: the execution TIMED_OUT.
    TimedOut,
    /// `start --wait`: the execution was ABORTED.
    Aborted,
}

impl Exit {
    /// The list for `--help`.
    pub(super) const HELP: &str = "\
Exit codes:
  0  done; with start --wait: the execution SUCCEEDED
  1  the definition is invalid (validate, deploy); the execution FAILED (start --wait); anything not listed here
  2  the command line can't be understood, or a file can't be read
  3  the server refused: not found, name taken, invalid argument
  4  no server could be reached, or it could not answer
  5  the execution TIMED_OUT (start --wait)
  6  the execution was ABORTED (start --wait)";

    fn number(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Unreachable => 4,
            Self::TimedOut => 5,
            Self::Aborted => 6,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
