//! The keys that sign and verify tokens.

use std::time::Duration;

use secrecy::SecretString;

use super::{
    env::{ConfigError, Env, Variable},
    key_location::KeyLocation,
};
use crate::domain::{
    deployment::Deployment,
    keys::{Algorithm, SigningKeySet},
};

pub(super) const ALGORITHM: Variable = Variable::fixed("JWT_ALGORITHM", "HS256");
/// The signing key itself.
pub const SECRET_KEY: Variable = Variable::unset("JWT_SECRET_KEY");
pub(super) const SECRET_ARN: Variable = Variable::unset("JWT_SECRET_ARN");
pub(super) const PUBLIC_KEYS_ARN: Variable = Variable::unset("JWT_PUBLIC_KEYS_ARN");
/// How long keys are cached, in seconds.
pub const KEYS_REFRESH: Variable = Variable::fixed("JWT_KEYS_REFRESH", "300");

/// Where keys come from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// `JWT_SECRET_KEY`: the key itself.
    Inline(SecretString),
    /// `JWT_SECRET_ARN` or `JWT_PUBLIC_KEYS_ARN`: the location, and the variable that names it.
    Stored(KeyLocation, &'static str),
}

/// The keys as the environment describes them. Each function requires a part of it: [`super::Settings::login`],
/// [`super::Settings::list_users`].
#[derive(Debug, Clone)]
pub struct KeySettings {
    /// `JWT_ALGORITHM` and `JWT_KEYS_REFRESH`.
    pub policy: KeyPolicy,
    /// The private keys.
    pub secret: Option<KeySource>,
    /// The public keys.
    pub public: Option<KeySource>,
}

/// Which keys are accepted, and for how long they are cached.
#[derive(Debug, Clone, Copy)]
pub struct KeyPolicy {
    /// `JWT_ALGORITHM`.
    pub algorithm: Algorithm,
    /// `JWT_KEYS_REFRESH`: keys are read again after this time.
    pub refresh: Duration,
    /// Whether the development key and key files are accepted.
    pub deployment: Deployment,
}

/// The keys of a function that signs.
#[derive(Debug, Clone)]
pub struct SigningKeySettings {
    /// Which keys are accepted.
    pub policy: KeyPolicy,
    /// Where they come from.
    pub source: KeySource,
}

/// The keys of a function that only verifies.
#[derive(Debug, Clone)]
pub struct VerifyingKeySettings {
    /// Which keys are accepted.
    pub policy: KeyPolicy,
    /// Where they come from.
    pub source: VerifyingKeySource,
}

/// Where the keys of a function that only verifies come from.
#[derive(Debug, Clone)]
pub enum VerifyingKeySource {
    /// The signing keys: with HS256 there are no others.
    Secret(KeySource),
    /// The public keys.
    Public(KeySource),
}

impl KeySettings {
    pub(super) fn read(env: &Env<'_>, deployment: Deployment) -> Result<Self, ConfigError> {
        let algorithm = algorithm(env)?;
        let secret = match (env.text(&SECRET_KEY)?, location(env, &SECRET_ARN, deployment)?) {
            (Some(_), Some(_)) => return Err(SECRET_KEY.error("and JWT_SECRET_ARN are both set: remove one of them")),
            (Some(key), None) => {
                // Parsed by every function, so that none starts with an invalid key, even if it does not use it.
                SigningKeySet::parse(&key, algorithm, deployment)
                    .map_err(|problem| SECRET_KEY.error(problem.to_string()))?;
                Some(KeySource::Inline(key.into()))
            }
            (None, stored) => stored,
        };
        let public = location(env, &PUBLIC_KEYS_ARN, deployment)?;
        if public.is_some() && !algorithm.is_asymmetric() {
            return Err(PUBLIC_KEYS_ARN.error("is set, but JWT_ALGORITHM HS256 has no public keys: remove one of them"));
        }
        let refresh = Duration::from_secs(env.number(&KEYS_REFRESH, 1..=86_400)?);
        Ok(Self { policy: KeyPolicy { algorithm, refresh, deployment }, secret, public })
    }

    pub(super) fn signing(&self) -> Result<SigningKeySettings, ConfigError> {
        Ok(SigningKeySettings { policy: self.policy, source: self.required_secret()? })
    }

    pub(super) fn verifying(&self) -> Result<VerifyingKeySettings, ConfigError> {
        let source = match &self.public {
            Some(source) => VerifyingKeySource::Public(source.clone()),
            None if self.policy.algorithm.is_asymmetric() => {
                let problem = "is not set: with this JWT_ALGORITHM, tokens are verified with public keys only";
                return Err(PUBLIC_KEYS_ARN.error(problem));
            }
            None => VerifyingKeySource::Secret(self.required_secret()?),
        };
        Ok(VerifyingKeySettings { policy: self.policy, source })
    }

    fn required_secret(&self) -> Result<KeySource, ConfigError> {
        let missing = || SECRET_KEY.error("is not set, and neither is JWT_SECRET_ARN: one of the two is required");
        self.secret.clone().ok_or_else(missing)
    }
}

/// `JWT_ALGORITHM`.
pub(super) fn algorithm(env: &Env<'_>) -> Result<Algorithm, ConfigError> {
    let name = env.required(&ALGORITHM)?;
    Algorithm::parse(&name).ok_or_else(|| ALGORITHM.error("must be HS256, EdDSA, ES256 or RS256"))
}

/// The location that a variable names.
pub(super) fn location(
    env: &Env<'_>,
    variable: &Variable,
    deployment: Deployment,
) -> Result<Option<KeySource>, ConfigError> {
    let Some(text) = env.text(variable)? else { return Ok(None) };
    match KeyLocation::parse(&text) {
        Some(KeyLocation::File(_)) if deployment == Deployment::Aws => {
            Err(variable.error("names a file, which is accepted with a local DynamoDB only"))
        }
        Some(location) => Ok(Some(KeySource::Stored(location, variable.name))),
        None => Err(variable.error("must be an ARN, arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{deployment, env::with_env},
        *,
    };
    use crate::domain::keys::hmac_secret::DEVELOPMENT_KEY;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf";

    fn read(variables: &[(&str, &str)]) -> Result<KeySettings, ConfigError> {
        with_env(variables, |env| KeySettings::read(env, deployment::read(env)?))
    }

    #[test]
    fn exactly_one_source_of_keys_is_required() {
        let both = [("JWT_SECRET_KEY", "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c"), ("JWT_SECRET_ARN", ARN)];
        assert_eq!(read(&both).unwrap_err().variable, "JWT_SECRET_KEY");
        let neither = read(&[]).unwrap();
        assert_eq!(neither.signing().unwrap_err().variable, "JWT_SECRET_KEY");
        assert_eq!(neither.verifying().unwrap_err().variable, "JWT_SECRET_KEY");
    }

    #[test]
    fn an_asymmetric_algorithm_requires_public_keys_where_tokens_are_verified() {
        let settings = read(&[("JWT_ALGORITHM", "EdDSA"), ("JWT_SECRET_ARN", ARN)]).unwrap();
        assert!(settings.signing().is_ok());
        assert_eq!(settings.verifying().unwrap_err().variable, "JWT_PUBLIC_KEYS_ARN");
        let settings = read(&[("JWT_ALGORITHM", "EdDSA"), ("JWT_PUBLIC_KEYS_ARN", ARN)]).unwrap();
        assert!(matches!(settings.verifying().unwrap().source, VerifyingKeySource::Public(_)));
        let with_hs256 = read(&[("JWT_PUBLIC_KEYS_ARN", ARN)]).unwrap_err();
        assert_eq!(with_hs256.variable, "JWT_PUBLIC_KEYS_ARN");
    }

    #[test]
    fn the_development_key_requires_a_local_database() {
        let with =
            |endpoint: &str| read(&[("JWT_SECRET_KEY", DEVELOPMENT_KEY), ("AWS_ENDPOINT_URL_DYNAMODB", endpoint)]);
        for endpoint in
            ["http://127.0.0.1:8000", "http://localhost:8000/", "http://[::1]:8000", "http://host.docker.internal:8000"]
        {
            assert!(with(endpoint).is_ok(), "{endpoint}");
        }
        for endpoint in [
            "",
            "https://dynamodb.eu-west-1.amazonaws.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://192.0.2.1",
            "https://127.0.0.1",
            "127.0.0.1:8000",
        ] {
            assert_eq!(with(endpoint).unwrap_err().variable, "JWT_SECRET_KEY", "{endpoint}");
        }
    }
}
