//! Places that keys are read from and written to.
//!
//! Whoever writes has read before, and replaces exactly what was read: of two at once, one is told.

mod aws;
mod contents;
mod file;
mod parameter;
mod secret;

use std::{fmt, path::PathBuf};

use secrecy::SecretString;
use shared::aws::keys::source::KeyLocation;

pub(crate) use self::{
    aws::Aws,
    contents::{Held, Set},
};
use self::{file::KeptFile, parameter::KeptParameter, secret::KeptSecret};

/// Whether a text may be read by everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privacy {
    Private,
    Public,
}

/// What is wrong with a place. The text goes on after the place's name, and quotes no key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Problem(String);

impl Problem {
    fn unreadable(cause: impl fmt::Display) -> Self {
        Self(format!("cannot be read: {cause}"))
    }

    /// It is certain that nothing has changed.
    fn unwritten(cause: impl fmt::Display) -> Self {
        Self(format!("could not be written ({cause}) and holds what it held"))
    }

    fn changed() -> Self {
        Self("was changed by somebody else meanwhile, and is left as they made it; look with `admin keys list`, and try again".to_owned())
    }

    fn unknown(cause: impl fmt::Display) -> Self {
        Self(format!("may have been written or not ({cause}); `admin keys list` shows which"))
    }
}

/// What a place gave when it was read.
enum Contents {
    /// It is not there yet, or has no value yet.
    Nothing,
    /// Octets instead of text.
    NoText,
    Text(SecretString),
}

/// A place that was read, with what it takes to replace exactly what was read.
pub(crate) struct Kept {
    pub(crate) place: KeyLocation,
    pub(crate) held: Held,
    keeper: Keeper,
}

enum Keeper {
    File(KeptFile),
    Secret(KeptSecret),
    Parameter(KeptParameter),
}

impl Kept {
    pub(crate) async fn read(place: KeyLocation, aws: &Aws) -> Result<Self, Problem> {
        let (contents, keeper) = match &place {
            KeyLocation::File(path) => KeptFile::read(path).map(|(contents, file)| (contents, Keeper::File(file)))?,
            KeyLocation::Secret(arn) => {
                let (contents, secret) = KeptSecret::read(arn, aws).await?;
                (contents, Keeper::Secret(secret))
            }
            KeyLocation::Parameter(arn) => {
                let (contents, parameter) = KeptParameter::read(arn, aws).await?;
                (contents, Keeper::Parameter(parameter))
            }
        };
        let held = Held::read(&contents, matches!(place, KeyLocation::File(_)));
        Ok(Self { place, held, keeper })
    }

    /// Finds out what could keep it from being replaced, as far as that can be known before.
    pub(crate) async fn prepare(&mut self, privacy: Privacy) -> Result<(), Problem> {
        match &mut self.keeper {
            Keeper::File(_) | Keeper::Secret(_) => Ok(()),
            Keeper::Parameter(parameter) => parameter.prepare(privacy).await,
        }
    }

    /// Replaces what was read: wholly, or not at all. What is to be known beside is returned.
    pub(crate) async fn replace(&self, text: &str, privacy: Privacy) -> Result<Option<String>, Problem> {
        match &self.keeper {
            Keeper::File(file) => file.replace(text, privacy).map(|()| None),
            Keeper::Secret(secret) => secret.replace(text).await,
            Keeper::Parameter(parameter) => parameter.replace(text, privacy).await,
        }
    }

    /// Files are for Postern on one machine, which takes the development key.
    pub(crate) fn is_local(&self) -> bool {
        matches!(self.keeper, Keeper::File(_))
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.place.fmt(f)
    }
}

/// Whether two names are of one place.
pub(crate) fn is_same(one: &KeyLocation, other: &KeyLocation) -> bool {
    match (one, other) {
        (KeyLocation::File(one), KeyLocation::File(other)) => resolved(one) == resolved(other),
        _ => one == other,
    }
}

/// The file itself, where `path` is a link to it: a link is to stay one. A file that is not there is where its directory is.
fn resolved(path: &std::path::Path) -> PathBuf {
    let of_directory = || {
        let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(".".as_ref());
        Some(directory.canonicalize().ok()?.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(of_directory).unwrap_or_else(|| path.to_owned())
}
