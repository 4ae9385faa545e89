//! The key of the Flask application that Postern replaces, read once at startup.

use aws_config::SdkConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tracing::warn;

use super::{
    cache::KeyCache,
    source::{self, KeyReadError},
};
use crate::{
    config::{ConfigError, KeySource, LegacyTokenSettings, ListUsersSettings},
    domain::{
        keys::VerifyingKeySet,
        time::UnixMillis,
        token::{LegacyKeyError, LegacyVerifier},
    },
};

/// Why tokens of the old application cannot be accepted. The text names the variable, never a key.
#[derive(Debug, thiserror::Error)]
pub enum LegacyError {
    /// The period is too long.
    #[error(transparent)]
    Period(#[from] ConfigError),
    /// The key cannot be read.
    #[error("{variable}: the stored value cannot be used")]
    Unreadable {
        /// The variable that names the location.
        variable: &'static str,
        /// Why it cannot be read.
        source: KeyReadError,
    },
    /// The key is rejected.
    #[error("{variable}: the value {problem}")]
    Invalid {
        /// The variable that names the key or its location.
        variable: &'static str,
        /// Why it is rejected.
        problem: LegacyKeyError,
    },
}

/// The verifier of the old application's tokens, if the settings name its key. `own` are Postern's keys. Logs a warning
/// with the date. After the date, the key is not read.
pub async fn verifier(
    settings: &ListUsersSettings,
    own: &KeyCache<VerifyingKeySet>,
    aws: &SdkConfig,
    now: UnixMillis,
) -> Result<Option<LegacyVerifier>, LegacyError> {
    let Some(legacy) = &settings.legacy_tokens else { return Ok(None) };
    let until = &legacy.date;
    legacy.check_period(now.seconds())?;
    if legacy.has_ended(now.seconds()) {
        warn!(until, "tokens of the old application are not accepted any more: remove the JWT_LEGACY settings");
        return Ok(Some(LegacyVerifier::ended(legacy.until)));
    }
    let key = read(legacy, aws).await?;
    let (own, leeway) = (own.current(now).await, settings.verifier.leeway);
    let verifier = LegacyVerifier::new(key.expose_secret(), legacy.accepts_weak_key, &own, legacy.until, leeway);
    let verifier = verifier.map_err(|problem| LegacyError::Invalid { variable: legacy.variable, problem })?;
    warn!(until, "tokens of the old application are accepted before this date");
    Ok(Some(verifier))
}

async fn read(legacy: &LegacyTokenSettings, aws: &SdkConfig) -> Result<SecretString, LegacyError> {
    match &legacy.key {
        KeySource::Inline(key) => Ok(key.clone()),
        KeySource::Stored(location, variable) => {
            let variable = *variable;
            source::read(location, aws).await.map_err(|source| LegacyError::Unreadable { variable, source })
        }
    }
}
