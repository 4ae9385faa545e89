//! Backends that store keys: secrets in AWS Secrets Manager, and files for local use.
//!
//! A write replaces exactly the value that was read (compare and swap). Of two concurrent writers, the second fails.

mod aws;
mod contents;
mod file;
mod secret;

use std::{
    fmt,
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use shared::{config::key_location::KeyLocation, domain::deployment::Deployment};
use uuid::Uuid;

pub(crate) use self::{
    aws::LazyAwsConfig,
    contents::{Contents, KeySet},
};
use self::{file::FileBackend, secret::SecretBackend};

/// Which of the two sets a location is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetKind {
    Private,
    Public,
}

/// An error of a backend. The text follows the name of the location, and quotes no key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BackendError(String);

impl BackendError {
    fn unreadable(cause: impl fmt::Display) -> Self {
        Self(format!("cannot be read: {cause}"))
    }

    /// The value is certainly unchanged.
    fn unwritten(cause: impl fmt::Display) -> Self {
        Self(format!("could not be written ({cause}); its value is unchanged"))
    }

    fn changed() -> Self {
        Self(
            "was changed by another writer since it was read, and is left as it is; check with `admin keys list`, \
              then try again"
                .to_owned(),
        )
    }

    fn unknown(cause: impl fmt::Display) -> Self {
        Self(format!("may or may not have been written ({cause}); `admin keys list` shows its keys"))
    }
}

/// A value as a backend returns it.
enum StoredValue {
    /// The file does not exist, or the secret has no value yet.
    Missing,
    /// Bytes that are not UTF-8 text.
    Binary,
    Text(SecretString),
}

/// The keys at a location, with what a compare-and-swap write needs.
pub(crate) struct StoredKeys {
    pub(crate) location: KeyLocation,
    pub(crate) contents: Contents,
    backend: Backend,
}

enum Backend {
    File(FileBackend),
    Secret(SecretBackend),
}

impl StoredKeys {
    pub(crate) async fn read(location: KeyLocation, aws: &LazyAwsConfig) -> Result<Self, BackendError> {
        let (value, backend) = match &location {
            KeyLocation::File(path) => FileBackend::read(path).map(|(value, file)| (value, Backend::File(file)))?,
            KeyLocation::Secret(arn) => {
                let (value, secret) = SecretBackend::read(arn, aws).await?;
                (value, Backend::Secret(secret))
            }
        };
        let contents = Contents::read(&value, deployment(&location));
        Ok(Self { location, contents, backend })
    }

    /// Replaces the value that was read, completely or not at all. Returns a note for the operator, if there is one.
    pub(crate) async fn replace(&self, text: &str, kind: SetKind) -> Result<Option<String>, BackendError> {
        match &self.backend {
            Backend::File(file) => file.replace(text, kind).map(|()| None),
            Backend::Secret(secret) => secret.replace(text).await,
        }
    }

    /// The deployment that reads the location.
    pub(crate) fn deployment(&self) -> Deployment {
        deployment(&self.location)
    }
}

impl fmt::Display for StoredKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.location.fmt(f)
    }
}

/// Key files are for running locally, where the development key is accepted.
fn deployment(location: &KeyLocation) -> Deployment {
    match location {
        KeyLocation::File(_) => Deployment::Loopback,
        KeyLocation::Secret(_) => Deployment::Aws,
    }
}

/// A unique part of a label or of a file name.
#[expect(clippy::disallowed_methods, reason = "the one place of this program that generates names")]
fn unique() -> Uuid {
    Uuid::new_v4()
}

/// Whether two locations are the same.
pub(crate) fn is_same(one: &KeyLocation, other: &KeyLocation) -> bool {
    match (one, other) {
        (KeyLocation::File(one), KeyLocation::File(other)) => resolve(one) == resolve(other),
        _ => one == other,
    }
}

/// Follows symbolic links, so that a write replaces the target and not the link. Also works for a file that does not
/// exist in a directory that does.
fn resolve(path: &Path) -> PathBuf {
    let in_directory = || {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(".".as_ref());
        Some(directory.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(in_directory).unwrap_or_else(|| path.to_owned())
}
