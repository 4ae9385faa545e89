//! Verifying access tokens (RFC 7519 section 7.2, RFC 8725).

use std::time::Duration;

use jsonwebtoken::{
    Validation,
    errors::{Error as JwtError, ErrorKind},
};
use serde::{Deserialize, de::IgnoredAny};

use super::{Claim, TokenBinding};
use crate::domain::{
    keys::{Algorithm, VerifyingKeySet},
    session::SessionId,
    time::UnixSeconds,
    user::PublicId,
};

/// Longest token that is examined, in bytes. Postern's tokens have fewer than 1,200.
const MAX_BYTES: usize = 4096;

/// What a verifier requires of a token, besides the signature, `exp`, `iss`, `aud` and `sub`, which it always verifies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierConfig {
    /// The accepted `iss`.
    pub issuer: String,
    /// The value that `aud` must contain. `None`: a token with an audience is meant for another service and is
    /// rejected.
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
#[derive(Clone)]
pub struct Verifier {
    signature_and_audience: Validation,
    config: VerifierConfig,
}

/// A rejected token. Clients are not told the reason; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token that Postern issues.
    #[error("token is too long")]
    TooLong,
    /// Not three parts of base64url, not JSON, or a claim that occurs twice or has the wrong type.
    #[error("token is malformed")]
    Unreadable,
    /// Another algorithm than the configured one.
    #[error("token has another algorithm")]
    Algorithm,
    /// A `kid` that no key of the set has.
    #[error("token names an unknown key")]
    UnknownKey,
    /// Signed with another key.
    #[error("token signature is invalid")]
    Signature,
    /// Another audience, or a missing one (RFC 7519 section 4.1.3).
    #[error("token has another audience or lacks one")]
    Audience,
    /// A critical extension (RFC 7515 section 4.1.11) or an unencoded payload, which a JWT cannot have (RFC 7797
    /// section 7).
    #[error("token header requires an extension")]
    Extension,
    /// At or after `exp`.
    #[error("token is expired")]
    Expired,
    /// Before `nbf`, or before `iat`.
    #[error("token is not valid yet")]
    NotYetValid,
    /// A time after the year 9999.
    #[error("token has a time out of range")]
    ImpossibleTime,
    /// Another `iss`, or a missing one.
    #[error("token has another issuer")]
    Issuer,
    /// A required claim is missing.
    #[error("token lacks a required claim")]
    MissingClaim,
    /// `sub` is not a Postern identifier, or `public_id` differs from it.
    #[error("token has an invalid subject")]
    Subject,
}

impl TokenError {
    /// A stable code for audit events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLong => "token-too-long",
            Self::Unreadable => "token-unreadable",
            Self::Algorithm => "token-algorithm",
            Self::UnknownKey => "token-unknown-key",
            Self::Signature => "token-signature",
            Self::Audience => "token-audience",
            Self::Extension => "token-extension",
            Self::Expired => "token-expired",
            Self::NotYetValid => "token-not-yet-valid",
            Self::ImpossibleTime => "token-impossible-time",
            Self::Issuer => "token-issuer",
            Self::MissingClaim => "token-missing-claim",
            Self::Subject => "token-subject",
        }
    }
}

/// Keeps the kind only: the library's text may quote the token.
impl From<JwtError> for TokenError {
    fn from(error: JwtError) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Self::Algorithm,
            // The audience is the only claim that the library checks here.
            ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => Self::Audience,
            _ => Self::Unreadable,
        }
    }
}

/// The claims before verification: each is absent or has the right type. serde rejects a claim that occurs twice.
#[derive(Deserialize)]
struct RawClaims {
    iss: Option<String>,
    sub: Option<PublicId>,
    public_id: Option<PublicId>,
    iat: Option<UnixSeconds>,
    nbf: Option<UnixSeconds>,
    exp: Option<UnixSeconds>,
    jti: Option<String>,
    // Of any type: the library has checked it.
    aud: Option<IgnoredAny>,
    sid: Option<SessionId>,
    ver: Option<u64>,
}

impl Verifier {
    /// A verifier that accepts exactly this algorithm (RFC 8725 section 3.1).
    pub fn new(algorithm: Algorithm, config: VerifierConfig) -> Self {
        let mut signature_and_audience = Validation::new(algorithm.into());
        // The library reads the clock, rounds fractions and ignores `nbf`, so times are verified in this module.
        signature_and_audience.validate_exp = false;
        signature_and_audience.required_spec_claims.clear();
        // Without a configured audience, the library rejects every token that has one.
        if let Some(audience) = &config.audience {
            signature_and_audience.set_audience(&[audience]);
            signature_and_audience.set_required_spec_claims(&["aud"]);
        }
        Self { signature_and_audience, config }
    }

    /// Verifies a token at the time `now`. Does not check that user and session still exist: see
    /// [`VerifiedToken::authorize`].
    pub fn verify(&self, token: &str, keys: &VerifyingKeySet, now: UnixSeconds) -> Result<VerifiedToken, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token)?;
        if header.crit.is_some() || header.extras.inner().contains_key("b64") {
            return Err(TokenError::Extension);
        }
        // Before the key is looked up: a token of another algorithm must not cause the key set to be read again.
        if !self.signature_and_audience.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        let key = keys.find(header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
        let claims = jsonwebtoken::decode::<RawClaims>(token, key, &self.signature_and_audience)?.claims;
        // The library overlooks an audience of an unexpected type, such as a number.
        if self.config.audience.is_none() && claims.aud.is_some() {
            return Err(TokenError::Audience);
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
            // The library has verified it together with the signature.
            Claim::Aud => true,
        }
    }
}
