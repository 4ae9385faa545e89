//! Settings, read once from the environment before the first request, and the clock.
//!
//! Each section has its reader and its defaults in a file of its own. Every function validates every section, so that an invalid
//! setting stops all of them alike, and then requires what it needs: [`Settings::signup`], [`Settings::login`],
//! [`Settings::list_users`].

pub mod clock;
mod connection;
mod env;
mod functions;
pub mod key_location;
mod keys;
mod listing;
mod log_in;
mod passwords;
mod profile;
mod sessions;
mod tables;
mod telemetry;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;

use std::ffi::OsString;

pub use self::{
    connection::{ConnectionSettings, Roots},
    env::{ConfigError, DefaultValue, Variable},
    functions::{ListUsersSettings, LoginSettings, SignupSettings},
    keys::{
        KeyPolicy, KeySettings, KeySource, SigningKeySettings, VerifyingKeySettings, VerifyingKeySource,
        is_loopback_url,
    },
    log_in::LogInSettings,
    passwords::PasswordSettings,
    profile::{ResponseSettings, SecurityProfile},
    tables::Tables,
    telemetry::{TelemetrySettings, log_level},
    throttle::ThrottleSettings,
    tokens::TokenSettings,
};
use crate::domain::{deployment::Deployment, session::Lifetime};

/// Every setting that an operator can choose, with its default. docs/reference/configuration.md describes them, and template.yaml
/// has parameters for them.
pub const VARIABLES: [Variable; 40] = [
    profile::PROFILE,
    profile::REALM,
    tokens::ISSUER,
    tokens::AUDIENCE,
    tokens::LIFETIME,
    tokens::NOT_BEFORE,
    tokens::LEEWAY,
    tokens::VERIFIED_CLAIMS,
    tokens::REQUIRED_CLAIMS,
    tokens::HEADER_PREFIX,
    log_in::PATH,
    log_in::EMAIL_FIELD,
    log_in::PASSWORD_FIELD,
    keys::ALGORITHM,
    keys::SECRET_KEY,
    keys::SECRET_ARN,
    keys::PUBLIC_KEYS_ARN,
    keys::REFRESH,
    sessions::IDLE,
    sessions::MAX,
    listing::GROUP,
    passwords::MIN_LENGTH,
    passwords::MEMORY,
    passwords::ITERATIONS,
    passwords::PARALLELISM,
    throttle::PAIR_FAILURES,
    throttle::PAIR_WAIT,
    throttle::PAIR_MAX_WAIT,
    throttle::KNOWN,
    throttle::ACCOUNT_GUESSES,
    throttle::ADDRESS_GUESSES,
    throttle::ADDRESS_SIGN_UPS,
    tables::USERS,
    tables::CREDENTIALS,
    tables::SESSIONS,
    tables::THROTTLE,
    telemetry::AUDIT_ADDRESS,
    telemetry::METRICS,
    connection::TLS_ROOTS,
    connection::WARM_UP,
];

/// All sections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How error responses are written.
    pub responses: ResponseSettings,
    /// Where Postern runs, as `AWS_ENDPOINT_URL_DYNAMODB` tells.
    pub deployment: Deployment,
    /// Path and fields of the log-in call.
    pub log_in: LogInSettings,
    /// How tokens are issued and verified.
    pub tokens: TokenSettings,
    /// The keys that sign and verify tokens.
    pub keys: KeySettings,
    /// `SESSION_IDLE`, `SESSION_MAX`; `None` disables sessions.
    pub sessions: Option<Lifetime>,
    /// `LIST_USERS_GROUP`; `None` admits every authenticated user.
    pub list_users_group: Option<String>,
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// Limits on guesses and sign-ups.
    pub throttle: ThrottleSettings,
    /// What a function reports about itself.
    pub telemetry: TelemetrySettings,
    /// How AWS is reached.
    pub connection: ConnectionSettings,
    tables: tables::TableNames,
}

impl Settings {
    /// Reads the environment of this process.
    #[expect(clippy::disallowed_methods, reason = "config reads the environment")]
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::read(std::env::var_os)
    }

    /// Reads settings from `source`, which gives a variable's value by its name. An empty value counts as unset, except for
    /// `LIST_USERS_GROUP`, where it admits every authenticated user.
    pub fn read(source: impl Fn(&'static str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let profile = SecurityProfile::read(&source)?;
        let env = env::Env::new(&source, profile);
        let deployment = keys::deployment(&env)?;
        Ok(Self {
            tokens: TokenSettings::read(&env)?,
            responses: ResponseSettings::read(&env)?,
            deployment,
            log_in: LogInSettings::read(&env)?,
            keys: KeySettings::read(&env, deployment)?,
            sessions: sessions::read(&env)?,
            list_users_group: listing::read(&env)?,
            passwords: PasswordSettings::read(&env)?,
            throttle: ThrottleSettings::read(&env)?,
            telemetry: TelemetrySettings::read(&env)?,
            connection: ConnectionSettings::read(&env)?,
            tables: tables::TableNames::read(&env)?,
        })
    }
}
