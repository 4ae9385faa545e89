//! How a command ends when it does not succeed.

use std::process::ExitCode;

/// One line for standard error. It never holds a key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line, or a variable, asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// It could not be done, or was not wanted.
    #[error("{0}")]
    Failed(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}
