//! Access tokens: JWTs (RFC 7519) in JWS compact form (RFC 7515).
//!
//! Nothing here reads a clock or a setting: the caller brings both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{
    Header, Validation,
    errors::{Error as JwtError, ErrorKind},
};
use serde::{Deserialize, Serialize, de::IgnoredAny};
use uuid::Uuid;

use crate::domain::{
    keys::{
        jwk::Algorithm,
        key_set::{SigningKey, VerifyingKeySet},
    },
    session::SessionId,
    user::PublicId,
};

/// Longest token that is looked at, in octets. Ours have fewer than 1,200.
const MAX_BYTES: usize = 4096;

/// Latest time that is taken for one: the end of the year 9999. JSON's integers go on, calendars do not.
pub(crate) const LATEST: u64 = 253_402_300_799;

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
    /// Audience, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<String>,
    /// The session that the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The version of its user, where the token belongs to no session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ver: Option<u64>,
}

/// What a token stands on: it falls with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// A session.
    Session(SessionId),
    /// The user's version. Tokens that name neither stand on version 0.
    Version(u64),
}

/// What a signer writes into each token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerConfig {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: Option<String>,
    /// From `iat` to `exp`, at most.
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
    /// Audience.
    Aud,
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
            "aud" => Self::Aud,
            _ => return None,
        })
    }
}

/// What a verifier asks of a token, beside the signature, `exp`, `iss`, `aud` and `sub`, which it always checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierConfig {
    /// The one `iss` that is taken.
    pub issuer: String,
    /// What must be among `aud`. `None`: a token that has an audience is meant for somebody else.
    pub audience: Option<String>,
    /// How far the clocks may be apart.
    pub leeway: Duration,
    /// Refuse a token before its `nbf`.
    pub nbf: bool,
    /// Refuse a token that was issued in the future.
    pub iat: bool,
    /// Claims without which a token is refused.
    pub required: Vec<Claim>,
}

/// Writes and signs tokens.
#[derive(Debug, Clone)]
pub struct Issuer {
    issuing: IssuerConfig,
}

impl Issuer {
    /// A signer of such tokens.
    pub fn new(issuing: IssuerConfig) -> Self {
        Self { issuing }
    }

    /// A token for `subject`, issued `now`, and its lifetime: no longer than `remaining`, where what it stands on ends earlier.
    pub fn issue(
        &self,
        key: &SigningKey,
        subject: PublicId,
        binding: TokenBinding,
        remaining: Option<Duration>,
        now: SystemTime,
    ) -> Result<(String, Duration), JwtError> {
        let iat = numeric_date(now);
        let lifetime = remaining.map_or(self.issuing.lifetime, |remaining| remaining.min(self.issuing.lifetime));
        let (sid, ver) = match binding {
            TokenBinding::Session(session) => (Some(session), None),
            TokenBinding::Version(version) => (None, Some(version)),
        };
        let claims = Claims {
            iss: self.issuing.issuer.clone(),
            sub: subject,
            public_id: subject,
            iat,
            nbf: iat + self.issuing.not_before_delay.as_secs(),
            exp: iat + lifetime.as_secs(),
            jti: Uuid::new_v4(),
            aud: self.issuing.audience.clone(),
            sid,
            ver,
        };
        let header = Header { kid: key.kid.clone(), ..Header::new(key.algorithm.into()) };
        Ok((jsonwebtoken::encode(&header, &claims, &key.key)?, lifetime))
    }
}

/// What a good token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Whose token it is.
    pub subject: PublicId,
    /// What it stands on.
    pub binding: TokenBinding,
}

/// VerifierConfig tokens.
#[derive(Clone)]
pub struct Verifier {
    signature_and_audience: Validation,
    checks: VerifierConfig,
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
    /// Signed with a key that is in none of our sets, by its name.
    #[error("token names no key of ours")]
    UnknownKey,
    /// Not signed with our key.
    #[error("token is not signed with our key")]
    Signature,
    /// Not meant for us (RFC 7519 4.1.3).
    #[error("token is meant for another audience, or for none")]
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

impl TokenError {
    /// A stable code for the audit lines.
    pub(crate) fn reason(&self) -> &'static str {
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

/// Keeps the kind and drops the rest: the library's text may quote the token.
impl From<JwtError> for TokenError {
    fn from(error: JwtError) -> Self {
        match error.kind() {
            ErrorKind::InvalidSignature => Self::Signature,
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => Self::Algorithm,
            // Only the audience is asked for there.
            ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => Self::Audience,
            _ => Self::Unreadable,
        }
    }
}

/// The claims as they come, each of them absent or of the right type. A claim that comes twice is an error of serde.
#[derive(Deserialize)]
struct RawClaims {
    iss: Option<String>,
    sub: Option<PublicId>,
    public_id: Option<PublicId>,
    iat: Option<u64>,
    nbf: Option<u64>,
    exp: Option<u64>,
    jti: Option<String>,
    // Of any type: the library has looked at it.
    aud: Option<IgnoredAny>,
    sid: Option<SessionId>,
    ver: Option<u64>,
}

impl Verifier {
    /// A verifier that takes exactly this algorithm.
    pub fn new(algorithm: Algorithm, checks: VerifierConfig) -> Self {
        let mut signature_and_audience = Validation::new(algorithm.into());
        // The library reads the clock, rounds fractions and does not look at `nbf`: times are checked here.
        signature_and_audience.validate_exp = false;
        signature_and_audience.required_spec_claims.clear();
        // Without an audience of ours, it refuses every token that has one.
        if let Some(audience) = &checks.audience {
            signature_and_audience.set_audience(&[audience]);
            signature_and_audience.set_required_spec_claims(&["aud"]);
        }
        Self { signature_and_audience, checks }
    }

    /// What a token says, if it is good at the time `now`. Whether its user still exists is not known here.
    pub fn verify(&self, token: &str, keys: &VerifyingKeySet, now: SystemTime) -> Result<VerifiedToken, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::TooLong);
        }
        let header = jsonwebtoken::decode_header(token)?;
        if header.crit.is_some() || header.extras.inner().contains_key("b64") {
            return Err(TokenError::Extension);
        }
        // Before the key is looked for: a token of another kind is no reason to look for new keys.
        if !self.signature_and_audience.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        let key = keys.find(header.kid.as_deref()).ok_or(TokenError::UnknownKey)?;
        let raw = jsonwebtoken::decode::<RawClaims>(token, key, &self.signature_and_audience)?.claims;
        // The library sees no audience in one of a type that it does not know, such as a number.
        if self.checks.audience.is_none() && raw.aud.is_some() {
            return Err(TokenError::Audience);
        }
        self.check_times(&raw, numeric_date(now))?;
        if raw.iss.as_ref() != Some(&self.checks.issuer) {
            return Err(TokenError::Issuer);
        }
        if self.checks.required.iter().any(|&claim| !raw.has(claim)) {
            return Err(TokenError::MissingClaim);
        }
        let subject = raw.sub.ok_or(TokenError::Subject)?;
        if raw.public_id.is_some_and(|public_id| public_id != subject) {
            return Err(TokenError::Subject);
        }
        let binding = match (raw.sid, raw.ver) {
            (Some(session), _) => TokenBinding::Session(session),
            (None, version) => TokenBinding::Version(version.unwrap_or_default()),
        };
        Ok(VerifiedToken { subject, binding })
    }

    fn check_times(&self, raw: &RawClaims, now: u64) -> Result<(), TokenError> {
        let RawClaims { iat, nbf, exp, .. } = *raw;
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
            // Checked with the signature.
            Claim::Aud => true,
        }
    }
}

/// Seconds since 1970. A clock before that reads 0, and then every token is from the future.
pub fn numeric_date(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
