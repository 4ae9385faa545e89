//! Relaxed rules: settings that are weaker than recommended, which each function names when it starts.

use super::{
    connection,
    env::{ConfigError, Env, Variable},
    keys::{self, KeySettings, KeySource},
    legacy_token::{self, LegacyTokenSettings},
    listing, log_in, passwords,
    profile::{self, ResponseSettings},
    security_profile::SecurityProfile,
    sessions, sign_up, tables,
    telemetry::{self, TelemetrySettings},
    throttle,
    tokens::{self, TokenSettings},
};
use crate::domain::{client_ip::AddressForm, deployment::Deployment, keys::Algorithm, token::Claim};

/// A function, which names only its own variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Signup,
    Login,
    ListUsers,
}

/// A variable whose value is weaker than recommended, and the functions that it concerns.
#[derive(Debug, Clone, Copy)]
pub(super) struct RelaxedRule {
    pub(super) variable: &'static str,
    pub(super) functions: &'static [Function],
}

/// The sections whose settings are more than a number.
pub(super) struct Sections<'s> {
    pub(super) responses: &'s ResponseSettings,
    pub(super) tokens: &'s TokenSettings,
    pub(super) keys: &'s KeySettings,
    pub(super) legacy_tokens: Option<&'s LegacyTokenSettings>,
    pub(super) list_users_group: Option<&'s str>,
    pub(super) telemetry: &'s TelemetrySettings,
}

/// The values of a variable that are weaker than recommended.
pub(super) enum Weaker {
    /// None: security does not depend on the variable, or its section rejects every weaker value.
    Never,
    /// A number above the strict profile's default.
    Above,
    /// A number below the strict profile's default.
    Below,
    /// A limit or a lifetime above the strict profile's default, or 0, which turns the protection off.
    AboveOrZero,
    /// Anything else.
    If(fn(&Sections<'_>) -> bool),
}

const ALL: &[Function] = &[Function::Signup, Function::Login, Function::ListUsers];
const PASSWORDS: &[Function] = &[Function::Signup, Function::Login];
const TOKENS: &[Function] = &[Function::Login, Function::ListUsers];
const SIGNUP: &[Function] = &[Function::Signup];
const LOGIN: &[Function] = &[Function::Login];
const LIST_USERS: &[Function] = &[Function::ListUsers];

/// Every variable. A test compares the list with [`super::VARIABLES`], so each new variable must be classified.
pub(super) const RULES: [(Variable, &[Function], Weaker); 52] = [
    (profile::PROFILE, ALL, Weaker::If(|sections| sections.responses.profile == SecurityProfile::Tutorial)),
    (profile::REALM, ALL, Weaker::Never),
    (profile::HSTS_SUBDOMAINS, ALL, Weaker::If(|sections| !sections.responses.hsts_subdomains)),
    (tokens::ISSUER, TOKENS, Weaker::Never),
    (tokens::AUDIENCE, TOKENS, Weaker::If(|sections| sections.tokens.verifier.audience.is_none())),
    (tokens::LIFETIME, LOGIN, Weaker::Above),
    (tokens::NOT_BEFORE, LOGIN, Weaker::Never),
    (tokens::LEEWAY, TOKENS, Weaker::Above),
    (tokens::VERIFIED_CLAIMS, TOKENS, Weaker::If(|s| !(s.tokens.verifier.nbf && s.tokens.verifier.iat))),
    (
        tokens::REQUIRED_CLAIMS,
        TOKENS,
        Weaker::If(|s| ![Claim::Iat, Claim::Nbf].iter().all(|claim| s.tokens.verifier.required.contains(claim))),
    ),
    (tokens::USER_CLAIMS, LOGIN, Weaker::Never),
    (tokens::HEADER_PREFIX, TOKENS, Weaker::Never),
    (log_in::PATH, LOGIN, Weaker::Never),
    (log_in::EMAIL_FIELD, LOGIN, Weaker::Never),
    (log_in::PASSWORD_FIELD, LOGIN, Weaker::Never),
    // Every verifier of HS256 can also sign.
    (keys::ALGORITHM, TOKENS, Weaker::If(|sections| sections.keys.policy.algorithm == Algorithm::Hs256)),
    // The console and the API of Lambda show the variables of a function.
    (keys::SECRET_KEY, TOKENS, Weaker::If(has_deployed_inline_key)),
    (keys::SECRET_ARN, TOKENS, Weaker::Never),
    (keys::PUBLIC_KEYS_ARN, TOKENS, Weaker::Never),
    // A retired key is accepted for this time.
    (keys::KEYS_REFRESH, TOKENS, Weaker::Above),
    (legacy_token::SECRET_KEY, LIST_USERS, Weaker::If(has_deployed_legacy_key)),
    (legacy_token::SECRET_ARN, LIST_USERS, Weaker::Never),
    // The old application, and everyone who has its key, can issue tokens.
    (legacy_token::UNTIL, LIST_USERS, Weaker::If(|sections| sections.legacy_tokens.is_some())),
    (
        legacy_token::ACCEPT_WEAK_KEY,
        LIST_USERS,
        Weaker::If(|sections| sections.legacy_tokens.is_some_and(|legacy| legacy.accepts_weak_key)),
    ),
    // Without sessions, an access token cannot be revoked alone.
    (sessions::IDLE, LOGIN, Weaker::AboveOrZero),
    (sessions::MAX, LOGIN, Weaker::Above),
    (sessions::GRACE, LOGIN, Weaker::Above),
    (listing::GROUP, LIST_USERS, Weaker::If(|sections| sections.list_users_group.is_none())),
    (sign_up::SIGN_UP, PASSWORDS, Weaker::Never),
    (sign_up::DOMAINS, SIGNUP, Weaker::Never),
    (passwords::MIN_LENGTH, PASSWORDS, Weaker::Below),
    (passwords::MEMORY, PASSWORDS, Weaker::Below),
    (passwords::ITERATIONS, PASSWORDS, Weaker::Below),
    (passwords::PARALLELISM, PASSWORDS, Weaker::Below),
    (passwords::LEGACY_HASHES, LOGIN, Weaker::Never),
    (throttle::PAIR_FAILURES, LOGIN, Weaker::Above),
    (throttle::PAIR_WAIT, LOGIN, Weaker::Below),
    (throttle::PAIR_MAX_WAIT, LOGIN, Weaker::Below),
    (throttle::PAIR_LOG_INS, LOGIN, Weaker::AboveOrZero),
    // 0 lets an attacker who exhausts the limit of an account lock out its owner.
    (throttle::KNOWN, LOGIN, Weaker::AboveOrZero),
    (throttle::DEVICE, LOGIN, Weaker::AboveOrZero),
    (throttle::ACCOUNT_GUESSES, LOGIN, Weaker::AboveOrZero),
    (throttle::ADDRESS_GUESSES, LOGIN, Weaker::AboveOrZero),
    (throttle::ADDRESS_SIGN_UPS, SIGNUP, Weaker::AboveOrZero),
    (tables::USERS, ALL, Weaker::Never),
    (tables::CREDENTIALS, PASSWORDS, Weaker::Never),
    (tables::SESSIONS, TOKENS, Weaker::Never),
    (tables::THROTTLE, PASSWORDS, Weaker::Never),
    (telemetry::AUDIT_ADDRESS, ALL, Weaker::If(is_address_missing_or_complete)),
    // The audit log is written in any case.
    (telemetry::METRICS, ALL, Weaker::Never),
    // The system's trust store is the fallback in any case.
    (connection::TLS_ROOTS, ALL, Weaker::Never),
    (connection::WARM_UP, ALL, Weaker::Never),
];

fn has_deployed_inline_key(sections: &Sections<'_>) -> bool {
    sections.keys.policy.deployment == Deployment::Aws && matches!(sections.keys.secret, Some(KeySource::Inline(_)))
}

fn has_deployed_legacy_key(sections: &Sections<'_>) -> bool {
    let is_inline = |legacy: &LegacyTokenSettings| matches!(legacy.key, KeySource::Inline(_));
    sections.keys.policy.deployment == Deployment::Aws && sections.legacy_tokens.is_some_and(is_inline)
}

/// Without addresses an attack cannot be traced, and complete ones are more personal data than that needs.
fn is_address_missing_or_complete(sections: &Sections<'_>) -> bool {
    matches!(sections.telemetry.audit_address, AddressForm::None | AddressForm::Full)
}

/// The rules that the environment relaxes, from which `sections` were read.
pub(super) fn rules(env: &Env<'_>, sections: &Sections<'_>) -> Result<Vec<RelaxedRule>, ConfigError> {
    let mut relaxed = Vec::new();
    for (variable, functions, weaker) in &RULES {
        let (value, strict) = (env.text(variable)?, variable.default_in(SecurityProfile::Strict));
        // Both are numbers: the section of the variable has validated the value, and a test the default.
        let number = value.and_then(|text| text.parse::<u64>().ok());
        let numbers = number.zip(strict.and_then(|text| text.parse::<u64>().ok()));
        let is_weaker = match weaker {
            Weaker::Never => false,
            Weaker::Above => numbers.is_some_and(|(value, strict)| value > strict),
            Weaker::Below => numbers.is_some_and(|(value, strict)| value < strict),
            Weaker::AboveOrZero => numbers.is_some_and(|(value, strict)| value == 0 || value > strict),
            Weaker::If(is_weaker) => is_weaker(sections),
        };
        if is_weaker {
            relaxed.push(RelaxedRule { variable: variable.name, functions });
        }
    }
    Ok(relaxed)
}
