//! Settings, read once from the environment before the first request, and the clock.
//!
//! Each section has its reader and its defaults in a file of its own. Every function validates every section, so that
//! an invalid setting stops all of them alike, and then requires what it needs: [`Settings::signup`],
//! [`Settings::login`], [`Settings::list_users`].

pub mod clock;
mod connection;
mod deployment;
mod env;
mod functions;
pub mod key_location;
mod keys;
mod legacy_token;
mod listing;
mod log_in;
mod passwords;
mod profile;
mod relaxed;
#[cfg(test)]
mod relaxed_tests;
mod security_profile;
mod sessions;
mod settings;
mod sign_up;
mod tables;
mod telemetry;
#[cfg(test)]
mod tests;
mod throttle;
mod tokens;

pub use self::{
    connection::{ConnectionSettings, Roots},
    deployment::is_loopback_url,
    env::{ConfigError, DefaultValue, Variable},
    functions::{ListUsersSettings, LoginSettings, SignupSettings},
    keys::{
        KEYS_REFRESH, KeyPolicy, KeySettings, KeySource, SECRET_KEY, SigningKeySettings, VerifyingKeySettings,
        VerifyingKeySource,
    },
    legacy_token::LegacyTokenSettings,
    log_in::LogInSettings,
    passwords::PasswordSettings,
    profile::ResponseSettings,
    security_profile::SecurityProfile,
    settings::Settings,
    sign_up::SignUpSettings,
    tables::Tables,
    telemetry::{TelemetrySettings, log_level},
    throttle::ThrottleSettings,
    tokens::TokenSettings,
};

/// Every setting that an operator can choose, with its default. docs/reference/configuration.md describes them, and
/// template.yaml has parameters for them.
pub const VARIABLES: [Variable; 52] = [
    profile::PROFILE,
    profile::REALM,
    profile::HSTS_SUBDOMAINS,
    tokens::ISSUER,
    tokens::AUDIENCE,
    tokens::LIFETIME,
    tokens::NOT_BEFORE,
    tokens::LEEWAY,
    tokens::VERIFIED_CLAIMS,
    tokens::REQUIRED_CLAIMS,
    tokens::USER_CLAIMS,
    tokens::HEADER_PREFIX,
    log_in::PATH,
    log_in::EMAIL_FIELD,
    log_in::PASSWORD_FIELD,
    keys::ALGORITHM,
    SECRET_KEY,
    keys::SECRET_ARN,
    keys::PUBLIC_KEYS_ARN,
    KEYS_REFRESH,
    legacy_token::SECRET_KEY,
    legacy_token::SECRET_ARN,
    legacy_token::UNTIL,
    legacy_token::ACCEPT_WEAK_KEY,
    sessions::IDLE,
    sessions::MAX,
    sessions::GRACE,
    listing::GROUP,
    sign_up::SIGN_UP,
    sign_up::DOMAINS,
    passwords::MIN_LENGTH,
    passwords::MEMORY,
    passwords::ITERATIONS,
    passwords::PARALLELISM,
    passwords::LEGACY_HASHES,
    throttle::PAIR_FAILURES,
    throttle::PAIR_WAIT,
    throttle::PAIR_MAX_WAIT,
    throttle::PAIR_LOG_INS,
    throttle::KNOWN,
    throttle::DEVICE,
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
