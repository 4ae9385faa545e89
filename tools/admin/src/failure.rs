//! Failures of a command, and their exit codes.

use std::process::ExitCode;

/// One line for standard error. It never contains a private key, a password or a hash.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line or an environment variable is invalid. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// The command failed, or the operator declined it. Exit code 1.
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
