//! The settings of each function. Nothing that it needs is optional: `None` disables a feature.

use std::time::Duration;

use super::{
    env::ConfigError,
    keys::{KeySource, SigningKeySettings, VerifyingKeySettings, VerifyingKeySource},
    legacy_token::LegacyTokenSettings,
    log_in::LogInSettings,
    passwords::PasswordSettings,
    relaxed::Function,
    security_profile::SecurityProfile,
    settings::Settings,
    sign_up::SignUpSettings,
    tables::Tables,
};
use crate::domain::{
    deployment::Deployment,
    password::LegacyHashes,
    session::Lifetime,
    throttle::{GcraLimit, GuessLimits},
    token::{IssuerConfig, VerifierConfig},
};

/// Settings of `signup`.
#[derive(Debug, Clone)]
pub struct SignupSettings {
    /// `USERS_TABLE`.
    pub users_table: String,
    /// `CREDENTIALS_TABLE`.
    pub credentials_table: String,
    /// `THROTTLE_TABLE`.
    pub throttle_table: String,
    /// Restrictions on sign-up.
    pub sign_up: SignUpSettings,
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// Limit on sign-ups from one address.
    pub limit: Option<GcraLimit>,
    /// The variables of this function whose values are weaker than recommended.
    pub relaxed_rules: Vec<&'static str>,
}

/// Settings of `login`.
#[derive(Debug, Clone)]
pub struct LoginSettings {
    /// All tables.
    pub tables: Tables,
    /// Determines the status of a successful log-in.
    pub profile: SecurityProfile,
    /// Determines the cookies.
    pub deployment: Deployment,
    /// Path and fields of the log-in call.
    pub log_in: LogInSettings,
    /// `SIGNUP`: whether the log-in page links to the sign-up.
    pub offers_sign_up: bool,
    /// The content of new tokens.
    pub issuer: IssuerConfig,
    /// What is required of presented tokens.
    pub verifier: VerifierConfig,
    /// A scheme of `Authorization` that is accepted besides `Bearer`.
    pub header_prefix: String,
    /// The signing keys.
    pub keys: SigningKeySettings,
    /// Lifetimes of sessions; `None` disables sessions.
    pub sessions: Option<Lifetime>,
    /// How long a refresh token stays valid after its rotation.
    pub session_grace: Duration,
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// `LEGACY_HASHES`.
    pub legacy_hashes: LegacyHashes,
    /// Limits on password guesses.
    pub guesses: GuessLimits,
    /// The variables of this function whose values are weaker than recommended.
    pub relaxed_rules: Vec<&'static str>,
}

/// Settings of `list-users`.
#[derive(Debug, Clone)]
pub struct ListUsersSettings {
    /// `USERS_TABLE`.
    pub users_table: String,
    /// `SESSIONS_TABLE`.
    pub sessions_table: String,
    /// Determines the cookies.
    pub deployment: Deployment,
    /// What is required of presented tokens.
    pub verifier: VerifierConfig,
    /// A scheme of `Authorization` that is accepted besides `Bearer`.
    pub header_prefix: String,
    /// The verifying keys.
    pub keys: VerifyingKeySettings,
    /// Tokens of the old application; `None` refuses them.
    pub legacy_tokens: Option<LegacyTokenSettings>,
    /// The group that may list users; `None` admits every authenticated user.
    pub group: Option<String>,
    /// The variables of this function whose values are weaker than recommended.
    pub relaxed_rules: Vec<&'static str>,
}

impl Settings {
    /// The settings of `signup`. Fails if a variable that it requires is not set.
    pub fn signup(&self) -> Result<SignupSettings, ConfigError> {
        Ok(SignupSettings {
            users_table: self.tables.users()?,
            credentials_table: self.tables.credentials()?,
            throttle_table: self.tables.throttle()?,
            sign_up: self.sign_up.clone(),
            passwords: self.passwords,
            limit: self.throttle.sign_ups,
            relaxed_rules: self.relaxed_rules(Function::Signup),
        })
    }

    /// The settings of `login`. Fails if a variable that it requires is not set.
    pub fn login(&self) -> Result<LoginSettings, ConfigError> {
        Ok(LoginSettings {
            tables: self.all_tables()?,
            profile: self.responses.profile,
            deployment: self.deployment,
            log_in: self.log_in.clone(),
            offers_sign_up: self.sign_up.is_open,
            issuer: self.tokens.issuer.clone(),
            verifier: self.tokens.verifier.clone(),
            header_prefix: self.tokens.header_prefix.clone(),
            keys: self.keys.signing()?,
            sessions: self.sessions,
            session_grace: self.session_grace,
            passwords: self.passwords,
            legacy_hashes: self.legacy_hashes.clone(),
            guesses: self.throttle.guesses,
            relaxed_rules: self.relaxed_rules(Function::Login),
        })
    }

    /// The settings of `list-users`. Fails if a variable that it requires is not set.
    pub fn list_users(&self) -> Result<ListUsersSettings, ConfigError> {
        self.list_users_with(self.keys.verifying()?)
    }

    /// The settings of `list-users` in the same process as `login`: without public keys it verifies with the signing
    /// keys.
    pub fn list_users_beside_login(&self) -> Result<ListUsersSettings, ConfigError> {
        if self.keys.public.is_some() {
            return self.list_users();
        }
        let SigningKeySettings { policy, source } = self.keys.signing()?;
        self.list_users_with(VerifyingKeySettings { policy, source: VerifyingKeySource::Secret(source) })
    }

    fn list_users_with(&self, keys: VerifyingKeySettings) -> Result<ListUsersSettings, ConfigError> {
        Ok(ListUsersSettings {
            users_table: self.tables.users()?,
            sessions_table: self.tables.sessions()?,
            deployment: self.deployment,
            verifier: self.tokens.verifier.clone(),
            header_prefix: self.tokens.header_prefix.clone(),
            keys,
            legacy_tokens: self.legacy_tokens.clone(),
            group: self.list_users_group.clone(),
            relaxed_rules: self.relaxed_rules(Function::ListUsers),
        })
    }

    /// The variables of `function` whose values are weaker than recommended.
    pub(super) fn relaxed_rules(&self, function: Function) -> Vec<&'static str> {
        self.relaxed.iter().filter(|rule| rule.functions.contains(&function)).map(|rule| rule.variable).collect()
    }

    /// All tables. Fails if one is not set.
    pub fn all_tables(&self) -> Result<Tables, ConfigError> {
        Ok(Tables {
            users: self.tables.users()?,
            credentials: self.tables.credentials()?,
            sessions: self.tables.sessions()?,
            throttle: self.tables.throttle()?,
        })
    }

    /// Whether keys are stored in AWS.
    pub fn reads_keys_from_aws(&self) -> bool {
        use super::key_location::KeyLocation;
        let legacy = self.legacy_tokens.as_ref().map(|legacy| &legacy.key);
        let sources = self.keys.secret.iter().chain(&self.keys.public).chain(legacy);
        sources.into_iter().any(|source| matches!(source, KeySource::Stored(KeyLocation::Secret(_), _)))
    }
}
