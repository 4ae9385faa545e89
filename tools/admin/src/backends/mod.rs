//! Backends that store keys: secrets in AWS Secrets Manager, and files for local use.
//!
//! A write replaces exactly the value that was read (compare and swap). Of two concurrent writers, the second fails.

mod aws;
mod contents;
mod file;
mod secret;
mod value;

use std::fmt;

use shared::{config::key_location::KeyLocation, domain::deployment::Deployment};

pub(crate) use self::{
    aws::{LazyAwsConfig, cause, config_loader, explain_missing_credentials, region},
    contents::{Contents, KeySet},
    file::{NewFile, is_same_path, sync},
    value::{BackendError, SetKind},
};
use self::{file::FileBackend, secret::SecretBackend};

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

/// Whether two locations are the same.
pub(crate) fn is_same(one: &KeyLocation, other: &KeyLocation) -> bool {
    match (one, other) {
        (KeyLocation::File(one), KeyLocation::File(other)) => is_same_path(one, other),
        _ => one == other,
    }
}
