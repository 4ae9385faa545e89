//! Values that backends read and write, and their errors.

use std::fmt;

use secrecy::SecretString;
use uuid::Uuid;

/// Which of the two sets a location is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetKind {
    Private,
    Public,
}

/// An error of a backend. The text follows the name of the location, and quotes no key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BackendError(pub(super) String);

impl BackendError {
    pub(super) fn unreadable(cause: impl fmt::Display) -> Self {
        Self(format!("cannot be read: {cause}"))
    }

    /// The value is certainly unchanged.
    pub(super) fn unwritten(cause: impl fmt::Display) -> Self {
        Self(format!("could not be written ({cause}); its value is unchanged"))
    }

    pub(super) fn changed() -> Self {
        Self(
            "was changed by another writer since it was read, and is left as it is; check with `admin keys list`, \
              then try again"
                .to_owned(),
        )
    }

    pub(super) fn unknown(cause: impl fmt::Display) -> Self {
        Self(format!("may or may not have been written ({cause}); `admin keys list` shows its keys"))
    }
}

/// A value as a backend returns it.
pub(super) enum StoredValue {
    /// The file does not exist, or the secret has no value yet.
    Missing,
    /// Bytes that are not UTF-8 text.
    Binary,
    Text(SecretString),
}

/// A unique part of a label or of a file name.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that generates names")]
pub(super) fn unique() -> Uuid {
    Uuid::new_v4()
}
