//! Issuing access tokens.

use std::time::Duration;

use jsonwebtoken::{Header, errors::Error as JwtError};
use uuid::Uuid;

use super::{Claims, TokenBinding, header};
use crate::domain::{keys::SigningKey, time::UnixSeconds, user::PublicId};

/// What an issuer writes into each token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// `iss`.
    pub issuer: String,
    /// `aud`: the services that accept the tokens.
    pub audience: Vec<String>,
    /// Longest time from `iat` to `exp`.
    pub lifetime: Duration,
    /// Time from `iat` to `nbf`.
    pub not_before_delay: Duration,
}

/// Writes and signs tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    config: IssuerConfig,
}

impl Issuer {
    /// An issuer of tokens with these claims.
    pub fn new(config: IssuerConfig) -> Self {
        Self { config }
    }

    /// A token for `subject`, issued at `now`, and its lifetime, which is at most `remaining`: the time until the
    /// session ends.
    pub fn issue(
        &self,
        key: &SigningKey,
        subject: PublicId,
        binding: TokenBinding,
        remaining: Option<Duration>,
        now: UnixSeconds,
    ) -> Result<(String, Duration), JwtError> {
        let lifetime = remaining.map_or(self.config.lifetime, |remaining| remaining.min(self.config.lifetime));
        let (sid, ver) = match binding {
            TokenBinding::Session(session) => (Some(session), None),
            TokenBinding::Version(version) => (None, Some(version)),
        };
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: subject,
            public_id: subject,
            iat: now,
            nbf: now + self.config.not_before_delay,
            exp: now + lifetime,
            jti: random_id(),
            aud: self.config.audience.clone(),
            sid,
            ver,
        };
        let typ = Some(header::media_type(key.algorithm).to_owned());
        let header = Header { typ, kid: key.kid.clone(), ..Header::new(key.algorithm.into()) };
        Ok((jsonwebtoken::encode(&header, &claims, &key.key)?, lifetime))
    }
}

#[expect(clippy::disallowed_methods, reason = "a token's identifier comes from the operating system's generator")]
fn random_id() -> Uuid {
    Uuid::new_v4()
}
