//! Verifying access tokens (RFC 7519 section 7.2, RFC 8725).

use std::time::Duration;

use jsonwebtoken::crypto;
use serde::Deserialize;
use serde_json::Value;

use super::{Claim, TokenBinding, TokenError, header, object};
use crate::domain::{
    keys::{Algorithm, VerifyingKeySet},
    session::SessionId,
    time::UnixSeconds,
    user::PublicId,
};

/// Longest token that is examined, in bytes. Postern's tokens have at most [`MAX_TOKEN_BYTES`](super::MAX_TOKEN_BYTES).
pub(super) const MAX_BYTES: usize = 4096;

/// What a verifier requires of a token, besides the signature, `exp`, `iss`, `aud` and `sub`, which it always verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierConfig {
    /// The accepted `iss`.
    pub issuer: String,
    /// The value that `aud` must contain: Postern's own. `None`: a token with an audience is meant for another service
    /// and is rejected.
    pub audience: Option<String>,
    /// Accepted difference between the clocks of issuer and verifier.
    pub leeway: Duration,
    /// Reject a token before its `nbf`.
    pub nbf: bool,
    /// Reject a token that was issued in the future.
    pub iat: bool,
    /// Claims that must be present.
    pub required: Vec<Claim>,
}

/// The content of a token that passed verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The user that the token was issued to.
    pub subject: PublicId,
    /// What the token is bound to.
    pub binding: TokenBinding,
}

/// Verifies tokens.
#[derive(Debug, Clone)]
pub struct Verifier {
    algorithm: Algorithm,
    config: VerifierConfig,
}

/// The claims before verification: each is absent or has the right type.
#[derive(Deserialize)]
struct RawClaims {
    iss: Option<String>,
    sub: Option<PublicId>,
    public_id: Option<PublicId>,
    iat: Option<UnixSeconds>,
    nbf: Option<UnixSeconds>,
    exp: Option<UnixSeconds>,
    jti: Option<String>,
    aud: Option<Audience>,
    sid: Option<SessionId>,
    ver: Option<u64>,
}

/// RFC 7519 section 4.1.3.
#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn contains(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

impl Verifier {
    /// A verifier that accepts exactly this algorithm (RFC 8725 section 3.1).
    pub fn new(algorithm: Algorithm, config: VerifierConfig) -> Self {
        Self { algorithm, config }
    }

    /// Verifies a token at the time `now`. Does not check that user and session still exist: see
    /// [`VerifiedToken::authorize`].
    pub fn verify(&self, token: &str, keys: &VerifyingKeySet, now: UnixSeconds) -> Result<VerifiedToken, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Unreadable)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Unreadable)?;
        // Before the key is looked up: another kind of token must not cause the key set to be read again.
        let kid = header::validate(header, self.algorithm)?;
        let key = keys.find(kid.as_deref()).ok_or(TokenError::UnknownKey)?;
        let is_signed = crypto::verify(signature, message.as_bytes(), key, self.algorithm.into());
        if !is_signed.is_ok_and(|valid| valid) {
            return Err(TokenError::Signature);
        }
        let claims = Value::Object(object::decode(payload)?);
        let claims = RawClaims::deserialize(claims).map_err(|_| TokenError::Unreadable)?;
        match (&self.config.audience, &claims.aud) {
            (None, None) => {}
            (Some(own), Some(audience)) if audience.contains(own) => {}
            _ => return Err(TokenError::Audience),
        }
        self.verify_times(&claims, now)?;
        if claims.iss.as_ref() != Some(&self.config.issuer) {
            return Err(TokenError::Issuer);
        }
        if self.config.required.iter().any(|&claim| !claims.has(claim)) {
            return Err(TokenError::MissingClaim);
        }
        let subject = claims.sub.ok_or(TokenError::Subject)?;
        if claims.public_id.is_some_and(|public_id| public_id != subject) {
            return Err(TokenError::Subject);
        }
        let binding = match (claims.sid, claims.ver) {
            (Some(session), _) => TokenBinding::Session(session),
            (None, version) => TokenBinding::Version(version.unwrap_or_default()),
        };
        Ok(VerifiedToken { subject, binding })
    }

    fn verify_times(&self, claims: &RawClaims, now: UnixSeconds) -> Result<(), TokenError> {
        let RawClaims { iat, nbf, exp, .. } = *claims;
        if [iat, nbf, exp].into_iter().flatten().any(|time| time > UnixSeconds::LATEST) {
            return Err(TokenError::ImpossibleTime);
        }
        // RFC 7519 section 4.1.4: a token must not be accepted "on or after" its expiration time.
        if exp.ok_or(TokenError::MissingClaim)? + self.config.leeway <= now {
            return Err(TokenError::Expired);
        }
        let too_early = |time: Option<UnixSeconds>| time.is_some_and(|time| time > now + self.config.leeway);
        if self.config.nbf && too_early(nbf) || self.config.iat && too_early(iat) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

impl RawClaims {
    fn has(&self, claim: Claim) -> bool {
        match claim {
            Claim::Iss => self.iss.is_some(),
            Claim::Sub => self.sub.is_some(),
            Claim::PublicId => self.public_id.is_some(),
            Claim::Iat => self.iat.is_some(),
            Claim::Nbf => self.nbf.is_some(),
            Claim::Exp => self.exp.is_some(),
            Claim::Jti => self.jti.is_some(),
            Claim::Aud => self.aud.is_some(),
        }
    }
}
