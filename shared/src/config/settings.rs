//! All settings together.

use std::{ffi::OsString, time::Duration};

use super::{
    connection::ConnectionSettings,
    deployment,
    env::{ConfigError, Env},
    keys::{self, KeySettings},
    legacy_token::LegacyTokenSettings,
    listing,
    log_in::LogInSettings,
    passwords::{self, PasswordSettings},
    profile::{self, ResponseSettings},
    relaxed::{self, RelaxedRule, Sections},
    sessions,
    sign_up::SignUpSettings,
    tables::TableNames,
    telemetry::TelemetrySettings,
    throttle::ThrottleSettings,
    tokens::TokenSettings,
};
use crate::domain::{deployment::Deployment, password::LegacyHashes, session::Lifetime};

/// All sections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How error responses are written.
    pub responses: ResponseSettings,
    /// Where Postern runs.
    pub deployment: Deployment,
    /// Path and fields of the log-in call.
    pub log_in: LogInSettings,
    /// How tokens are issued and verified.
    pub tokens: TokenSettings,
    /// The keys that sign and verify tokens.
    pub keys: KeySettings,
    /// Tokens of the old application; `None` refuses them.
    pub legacy_tokens: Option<LegacyTokenSettings>,
    /// `SESSION_IDLE`, `SESSION_MAX`; `None` disables sessions.
    pub sessions: Option<Lifetime>,
    /// `SESSION_GRACE`.
    pub session_grace: Duration,
    /// `LIST_USERS_GROUP`; `None` admits every authenticated user.
    pub list_users_group: Option<String>,
    /// Restrictions on sign-up.
    pub sign_up: SignUpSettings,
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// `LEGACY_HASHES`.
    pub legacy_hashes: LegacyHashes,
    /// Limits on guesses and sign-ups.
    pub throttle: ThrottleSettings,
    /// What a function reports about itself.
    pub telemetry: TelemetrySettings,
    /// How AWS is reached.
    pub connection: ConnectionSettings,
    pub(super) tables: TableNames,
    pub(super) relaxed: Vec<RelaxedRule>,
}

impl Settings {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "config reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(std::env::var_os)
    }

    /// Reads settings from `source`, which gives a variable's value by its name. An empty value counts as unset,
    /// except for `LIST_USERS_GROUP`, where it admits every authenticated user.
    pub fn read(source: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let profile = profile::read(&source)?;
        let env = Env::new(&source, profile);
        let deployment = deployment::read(&env)?;
        let passwords = PasswordSettings::read(&env)?;
        let mut settings = Self {
            tokens: TokenSettings::read(&env, keys::algorithm(&env)?)?,
            responses: ResponseSettings::read(&env)?,
            deployment,
            log_in: LogInSettings::read(&env)?,
            keys: KeySettings::read(&env, deployment)?,
            legacy_tokens: LegacyTokenSettings::read(&env, deployment)?,
            sessions: sessions::read(&env)?,
            session_grace: sessions::grace(&env)?,
            list_users_group: listing::read(&env)?,
            sign_up: SignUpSettings::read(&env)?,
            passwords,
            legacy_hashes: passwords::legacy_hashes(&env, passwords.cost)?,
            throttle: ThrottleSettings::read(&env)?,
            telemetry: TelemetrySettings::read(&env)?,
            connection: ConnectionSettings::read(&env)?,
            tables: TableNames::read(&env)?,
            relaxed: Vec::new(),
        };
        let sections = Sections {
            responses: &settings.responses,
            tokens: &settings.tokens,
            keys: &settings.keys,
            legacy_tokens: settings.legacy_tokens.as_ref(),
            list_users_group: settings.list_users_group.as_deref(),
            telemetry: &settings.telemetry,
        };
        settings.relaxed = relaxed::rules(&env, &sections)?;
        Ok(settings)
    }
}
