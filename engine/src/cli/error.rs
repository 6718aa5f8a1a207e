//! Why a command could not do what was asked: one sentence that says what to do, and an exit code.

use super::exit::Exit;

/// What went wrong, by what its reader can do about it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The command line is at fault.
    #[error("{0}")]
    Usage(String),
    /// A file can't be read.
    #[error("can't read {name}: {error}")]
    Unreadable {
        /// The file, as it was named.
        name: String,
        /// Why not.
        error: std::io::Error,
    },
    /// A definition is invalid, and its diagnostics have been shown.
    #[error("{0}")]
    Invalid(String),
    /// Nobody is there.
    #[error("can't reach a Stepwell server at {0}; start one with `stepwell server` or set --server")]
    Unreachable(String),
    /// Somebody is there and can't answer now.
    #[error("the server at {server} can't answer just now: {message}; try again in a moment")]
    Unavailable {
        /// Its address.
        server: String,
        /// What it says.
        message: String,
    },
    /// The server said no.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Invalid(_) => Exit::Failed,
            Self::Usage(_) | Self::Unreadable { .. } => Exit::Usage,
            Self::Refused(_) => Exit::Refused,
            Self::Unreachable(_) | Self::Unavailable { .. } => Exit::Unreachable,
        }
    }
}
