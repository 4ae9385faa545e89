//! The settings of each function, in which nothing that it needs is optional.

use super::{
    Settings,
    env::ConfigError,
    keys::{KeySource, SigningKeySettings, VerifyingKeySettings, VerifyingKeySource},
    log_in::LogInSettings,
    passwords::PasswordSettings,
    profile::SecurityProfile,
    tables::Tables,
    tokens::{relaxed_issuer_rules, relaxed_verifier_rules},
};
use crate::domain::{
    deployment::Deployment,
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
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// Limit on sign-ups from one address.
    pub limit: Option<GcraLimit>,
    /// The settings of this function that are weaker than in the strict profile.
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
    /// Rules for passwords.
    pub passwords: PasswordSettings,
    /// Limits on password guesses.
    pub guesses: GuessLimits,
    /// The settings of this function that are weaker than in the strict profile.
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
    /// The group that may list users; `None` admits every authenticated user.
    pub group: Option<String>,
    /// The settings of this function that are weaker than in the strict profile.
    pub relaxed_rules: Vec<&'static str>,
}

impl Settings {
    /// The settings of `signup`. Fails if a variable that it requires is not set.
    pub fn signup(&self) -> Result<SignupSettings, ConfigError> {
        let rules = [self.responses.relaxed_rules(), self.passwords.relaxed_rules(), self.throttle.relaxed_sign_ups];
        Ok(SignupSettings {
            users_table: self.tables.users()?,
            credentials_table: self.tables.credentials()?,
            throttle_table: self.tables.throttle()?,
            passwords: self.passwords,
            limit: self.throttle.sign_ups,
            relaxed_rules: rules.into_iter().flatten().collect(),
        })
    }

    /// The settings of `login`. Fails if a variable that it requires is not set.
    pub fn login(&self) -> Result<LoginSettings, ConfigError> {
        let mut relaxed_rules = Vec::from_iter(self.responses.relaxed_rules());
        relaxed_rules.extend(relaxed_issuer_rules(&self.tokens.issuer));
        relaxed_rules.extend(relaxed_verifier_rules(&self.tokens.verifier));
        relaxed_rules.extend(self.passwords.relaxed_rules());
        relaxed_rules.extend(&self.throttle.relaxed_guesses);
        Ok(LoginSettings {
            tables: self.all_tables()?,
            profile: self.responses.profile,
            deployment: self.deployment,
            log_in: self.log_in.clone(),
            issuer: self.tokens.issuer.clone(),
            verifier: self.tokens.verifier.clone(),
            header_prefix: self.tokens.header_prefix.clone(),
            keys: self.keys.signing()?,
            sessions: self.sessions,
            passwords: self.passwords,
            guesses: self.throttle.guesses,
            relaxed_rules,
        })
    }

    /// The settings of `list-users`. Fails if a variable that it requires is not set.
    pub fn list_users(&self) -> Result<ListUsersSettings, ConfigError> {
        self.list_users_with(self.keys.verifying()?)
    }

    /// The settings of `list-users` in the same process as `login`: without public keys it verifies with the signing keys.
    pub fn list_users_beside_login(&self) -> Result<ListUsersSettings, ConfigError> {
        if self.keys.public.is_some() {
            return self.list_users();
        }
        let SigningKeySettings { policy, source } = self.keys.signing()?;
        self.list_users_with(VerifyingKeySettings { policy, source: VerifyingKeySource::Secret(source) })
    }

    fn list_users_with(&self, keys: VerifyingKeySettings) -> Result<ListUsersSettings, ConfigError> {
        let mut relaxed_rules = Vec::from_iter(relaxed_verifier_rules(&self.tokens.verifier));
        relaxed_rules.extend(super::listing::relaxed_rules(self.list_users_group.as_ref()));
        Ok(ListUsersSettings {
            users_table: self.tables.users()?,
            sessions_table: self.tables.sessions()?,
            deployment: self.deployment,
            verifier: self.tokens.verifier.clone(),
            header_prefix: self.tokens.header_prefix.clone(),
            keys,
            group: self.list_users_group.clone(),
            relaxed_rules,
        })
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
        let sources = self.keys.secret.iter().chain(&self.keys.public);
        sources.into_iter().any(|source| matches!(source, KeySource::Stored(KeyLocation::Secret(_), _)))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::{complete, read};

    #[test]
    fn a_missing_table_is_named() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.signup().unwrap_err().variable, "USERS_TABLE");
        assert_eq!(settings.all_tables().unwrap_err().variable, "USERS_TABLE");
        for table in ["USERS_TABLE", "CREDENTIALS_TABLE", "SESSIONS_TABLE", "THROTTLE_TABLE"] {
            assert_eq!(complete(&[(table, "")]).login().unwrap_err().variable, table);
        }
    }

    #[test]
    fn the_strict_profile_has_its_own_defaults_and_no_relaxed_rules() {
        let settings = complete(&[("AUTH_PROFILE", "strict")]);
        let login = settings.login().unwrap();
        assert_eq!((login.issuer.lifetime, login.passwords.min_length), (Duration::from_secs(900), 15));
        let list_users = settings.list_users().unwrap();
        assert_eq!(list_users.group.as_deref(), Some("admin"));
        let signup = settings.signup().unwrap();
        assert_eq!([signup.relaxed_rules, login.relaxed_rules, list_users.relaxed_rules].concat(), [""; 0]);
    }

    #[test]
    fn an_explicit_setting_overrides_the_profile() {
        let settings = complete(&[
            ("AUTH_PROFILE", "strict"),
            ("JWT_EXPIRATION_DELTA", "3600"),
            ("PASSWORD_MIN_LENGTH", "10"),
            ("LIST_USERS_GROUP", ""),
            ("JWT_LEEWAY", "10"),
            ("JWT_VERIFY_CLAIMS", "signature,exp"),
            ("JWT_REQUIRED_CLAIMS", "exp"),
        ]);
        let (login, list_users) = (settings.login().unwrap(), settings.list_users().unwrap());
        assert_eq!((login.issuer.lifetime.as_secs(), login.passwords.min_length), (3600, 10));
        assert_eq!(list_users.group, None);
        let verifying = ["JWT_LEEWAY", "JWT_VERIFY_CLAIMS", "JWT_REQUIRED_CLAIMS"];
        let expected = [&["JWT_EXPIRATION_DELTA"], &verifying[..], &["PASSWORD_MIN_LENGTH"]].concat();
        assert_eq!(login.relaxed_rules, expected);
        assert_eq!(list_users.relaxed_rules, [&verifying[..], &["LIST_USERS_GROUP"]].concat());
        assert_eq!(settings.signup().unwrap().relaxed_rules, ["PASSWORD_MIN_LENGTH"]);
        let staff = complete(&[("LIST_USERS_GROUP", "staff")]);
        assert_eq!(staff.list_users().unwrap().group.as_deref(), Some("staff"));
    }
}
