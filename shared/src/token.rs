//! Access tokens: JWTs (RFC 7519) in JWS compact form (RFC 7515), signed with HMAC-SHA-256.
//!
//! Nothing here reads a clock or a setting: the caller brings both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation,
    errors::{Error as JwtError, ErrorKind},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::user::PublicId;

/// Longest token that is looked at, in octets. Ours have fewer than 600.
const MAX_OCTETS: usize = 4096;

/// Latest time that is taken for one: the end of the year 9999. JSON's integers go on, calendars do not.
const LATEST: u64 = 253_402_300_799;

/// What a token says (RFC 7519 4.1). Times are NumericDates: seconds since 1970, whole ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Subject: whose token this is.
    pub sub: PublicId,
    /// The subject under the tutorial's name.
    pub public_id: PublicId,
    /// Issued at.
    pub iat: u64,
    /// Not before.
    pub nbf: u64,
    /// Expires.
    pub exp: u64,
    /// Identifier of this token, a UUID v4.
    pub jti: Uuid,
}

/// What a signer writes into each token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuing {
    /// `iss`.
    pub issuer: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// From `iat` to `nbf`.
    pub not_before_delay: Duration,
}

/// A name of a claim that Postern's tokens carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Issuer.
    Iss,
    /// Subject.
    Sub,
    /// The subject under the tutorial's name.
    PublicId,
    /// Issued at.
    Iat,
    /// Not before.
    Nbf,
    /// Expires.
    Exp,
    /// Identifier of the token.
    Jti,
}

impl Claim {
    /// The claim of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "iss" => Self::Iss,
            "sub" => Self::Sub,
            "public_id" => Self::PublicId,
            "iat" => Self::Iat,
            "nbf" => Self::Nbf,
            "exp" => Self::Exp,
            "jti" => Self::Jti,
            _ => return None,
        })
    }
}

/// What a verifier asks of a token, beside the signature, `exp`, `iss` and `sub`, which it always checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checks {
    /// The one `iss` that is taken.
    pub issuer: String,
    /// How far the clocks may be apart.
    pub leeway: Duration,
    /// Refuse a token before its `nbf`.
    pub nbf: bool,
    /// Refuse a token that was issued in the future.
    pub iat: bool,
    /// Claims without which a token is refused.
    pub required: Vec<Claim>,
}

/// Signs tokens.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    issuing: Issuing,
}

impl Signer {
    /// A signer with an HMAC key. [`crate::secret`] sees to its strength.
    pub fn new(key: &SecretString, issuing: Issuing) -> Self {
        Self { key: EncodingKey::from_secret(key.expose_secret().as_bytes()), issuing }
    }

    /// A token for `subject`, issued `now`.
    pub fn issue(&self, subject: PublicId, now: SystemTime) -> Result<String, JwtError> {
        let iat = numeric_date(now);
        let claims = Claims {
            iss: self.issuing.issuer.clone(),
            sub: subject,
            public_id: subject,
            iat,
            nbf: iat + self.issuing.not_before_delay.as_secs(),
            exp: iat + self.issuing.lifetime.as_secs(),
            jti: Uuid::new_v4(),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.key)
    }

    /// From `iat` to `exp` of the tokens that this signer issues.
    pub fn lifetime(&self) -> Duration {
        self.issuing.lifetime
    }
}

/// Checks tokens.
#[derive(Clone)]
pub struct Verifier {
    key: DecodingKey,
    signature_only: Validation,
    checks: Checks,
}

/// A token that is not taken. Clients learn no reason; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token of ours.
    #[error("token is too long")]
    TooLong,
    /// Not three parts of base64url, no JSON, a claim twice or of the wrong type.
    #[error("token cannot be read")]
    Unreadable,
    /// Another algorithm than the one that is configured.
    #[error("token has another algorithm")]
    Algorithm,
    /// Not signed with our key.
    #[error("token is not signed with our key")]
    Signature,
    /// Meant for an audience, and there is none that we are (RFC 7519 4.1.3).
    #[error("token is meant for another audience")]
    Audience,
    /// An extension that we would have to understand (RFC 7515 4.1.11), or an unencoded payload, which no JWT has (RFC 7797 7).
    #[error("token's header asks for an extension")]
    Extension,
    /// `exp` is over.
    #[error("token is expired")]
    Expired,
    /// Before `nbf`, or before `iat`.
    #[error("token is not valid yet")]
    NotYetValid,
    /// A time after the year 9999.
    #[error("token has a time that is none")]
    ImpossibleTime,
    /// Another `iss`, or none.
    #[error("token has another issuer")]
    Issuer,
    /// A required claim is not there.
    #[error("token lacks a required claim")]
    MissingClaim,
    /// `sub` is no identifier of ours, or `public_id` is another one.
    #[error("token has no subject of ours")]
    Subject,
}

/// Keeps the kind and drops the rest: the library's text may quote the token.
impl From<JwtError> for TokenError {
    fn from(error: JwtError) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Self::Algorithm,
            ErrorKind::InvalidAudience => Self::Audience,
            _ => Self::Unreadable,
        }
    }
}

/// The claims as they come, each of them absent or of the right type. A claim that comes twice is an error of serde.
#[derive(Deserialize)]
struct Presented {
    iss: Option<String>,
    sub: Option<PublicId>,
    public_id: Option<PublicId>,
    iat: Option<u64>,
    nbf: Option<u64>,
    exp: Option<u64>,
    jti: Option<String>,
}

impl Verifier {
    /// A verifier with an HMAC key.
    pub fn new(key: &SecretString, checks: Checks) -> Self {
        let mut signature_only = Validation::new(Algorithm::HS256);
        // The library reads the clock, rounds fractions and does not look at `nbf`: times are checked here.
        // A token with an audience stays refused.
        signature_only.validate_exp = false;
        signature_only.required_spec_claims.clear();
        Self { key: DecodingKey::from_secret(key.expose_secret().as_bytes()), signature_only, checks }
    }

    /// Whose token this is, if it is good at the time `now`. Whether that user still exists is not known here.
    pub fn verify(&self, token: &str, now: SystemTime) -> Result<PublicId, TokenError> {
        if token.len() > MAX_OCTETS {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token)?;
        if header.crit.is_some() || header.extras.inner().contains_key("b64") {
            return Err(TokenError::Extension);
        }
        let presented = jsonwebtoken::decode::<Presented>(token, &self.key, &self.signature_only)?.claims;
        self.check_times(&presented, numeric_date(now))?;
        if presented.iss.as_ref() != Some(&self.checks.issuer) {
            return Err(TokenError::Issuer);
        }
        if self.checks.required.iter().any(|&claim| !presented.has(claim)) {
            return Err(TokenError::MissingClaim);
        }
        let subject = presented.sub.ok_or(TokenError::Subject)?;
        if presented.public_id.is_some_and(|public_id| public_id != subject) {
            return Err(TokenError::Subject);
        }
        Ok(subject)
    }

    fn check_times(&self, presented: &Presented, now: u64) -> Result<(), TokenError> {
        let Presented { iat, nbf, exp, .. } = *presented;
        if [iat, nbf, exp].into_iter().flatten().any(|time| time > LATEST) {
            return Err(TokenError::ImpossibleTime);
        }
        let leeway = self.checks.leeway.as_secs();
        // RFC 7519 4.1.4: "on or after" the expiration time it must not be accepted.
        if exp.ok_or(TokenError::MissingClaim)? + leeway <= now {
            return Err(TokenError::Expired);
        }
        let too_early = |time: Option<u64>| time.is_some_and(|time| time > now + leeway);
        if self.checks.nbf && too_early(nbf) || self.checks.iat && too_early(iat) {
            return Err(TokenError::NotYetValid);
        }
        Ok(())
    }
}

impl Presented {
    fn has(&self, claim: Claim) -> bool {
        match claim {
            Claim::Iss => self.iss.is_some(),
            Claim::Sub => self.sub.is_some(),
            Claim::PublicId => self.public_id.is_some(),
            Claim::Iat => self.iat.is_some(),
            Claim::Nbf => self.nbf.is_some(),
            Claim::Exp => self.exp.is_some(),
            Claim::Jti => self.jti.is_some(),
        }
    }
}

/// Seconds since 1970. A clock before that reads 0, and then every token is from the future.
fn numeric_date(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
