//! Issuing access tokens.

use std::time::Duration;

use jsonwebtoken::{Header, errors::Error as JwtError};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{ClaimSelection, Claims, TokenBinding, claims::PASSWORD, header};
use crate::domain::{
    keys::{SigningKey, SigningKeySet},
    session::SessionId,
    time::UnixSeconds,
    user::{PublicId, User, json_length, largest_claim},
};

/// Longest token that is issued, in bytes. Browsers store cookies of at most 4,096 bytes, some of which the name needs
/// and, in some browsers, the attributes too (RFC 6265bis section 5.6).
pub const MAX_TOKEN_BYTES: usize = 4000;

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
    /// The claims about the user.
    pub user_claims: ClaimSelection,
}

/// What a token is issued for.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The user.
    pub subject: PublicId,
    /// What the token is bound to.
    pub binding: TokenBinding,
    /// When the user authenticated, if it is known.
    pub auth_time: Option<UnixSeconds>,
    /// The time until the session ends, which the token does not outlive.
    pub remaining: Option<Duration>,
    /// [`Issuer::claims_of`] the user.
    pub user_claims: Map<String, Value>,
}

impl Grant {
    /// A grant without a session's end, time of authentication, or claims about the user.
    pub fn new(subject: PublicId, binding: TokenBinding) -> Self {
        Self { subject, binding, auth_time: None, remaining: None, user_claims: Map::new() }
    }
}

/// A token that cannot be issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Serialization or the signature failed.
    #[error("token could not be signed")]
    Sign(#[from] JwtError),
    /// The token would not fit into a cookie. Leaving a claim out could grant what the claim restricts.
    #[error(
        "token of user {subject} would have {bytes} bytes, more than {MAX_TOKEN_BYTES}; its largest claim is {claim}"
    )]
    TooLong {
        /// The user.
        subject: PublicId,
        /// The largest of the claims that settings and operator determine.
        claim: String,
        /// Length of the token.
        bytes: usize,
    },
}

/// Settings with which a token may not fit into a cookie.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("tokens can have {bytes} bytes, and cookies only fit {MAX_TOKEN_BYTES}: {remedy}")]
pub struct TooLong {
    /// Length of the longest possible token.
    pub bytes: usize,
    remedy: String,
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

    /// Whether tokens carry claims about the user, so that a token needs the user's record.
    pub fn needs_user(&self) -> bool {
        !self.config.user_claims.is_empty()
    }

    /// The claims about a user that a token carries.
    pub fn claims_of(&self, user: &User) -> Map<String, Value> {
        self.config.user_claims.of(user)
    }

    /// A token that is issued at `now`, and its lifetime.
    pub fn issue(&self, key: &SigningKey, grant: Grant, now: UnixSeconds) -> Result<(String, Duration), IssueError> {
        let (claims, lifetime) = self.claims(grant, now);
        let token = jsonwebtoken::encode(&header_of(key), &claims, &key.key)?;
        check_fits(claims, token.len())?;
        Ok((token, lifetime))
    }

    /// Checks that [`Self::issue`] can issue a token, without signing one.
    pub fn check(&self, key: &SigningKey, grant: Grant, now: UnixSeconds) -> Result<(), IssueError> {
        let (claims, _) = self.claims(grant, now);
        let bytes = length(key, &claims, 0);
        check_fits(claims, bytes)
    }

    fn claims(&self, grant: Grant, now: UnixSeconds) -> (Claims, Duration) {
        let lifetime = grant.remaining.map_or(self.config.lifetime, |remaining| remaining.min(self.config.lifetime));
        let (sid, ver) = match grant.binding {
            TokenBinding::Session(session) => (Some(session), None),
            TokenBinding::Version(version) => (None, Some(version)),
        };
        let claims = Claims {
            iss: self.config.issuer.clone(),
            sub: grant.subject,
            public_id: grant.subject,
            iat: now,
            nbf: now + self.config.not_before_delay,
            exp: now + lifetime,
            jti: random_id(),
            aud: self.config.audience.clone(),
            sid,
            ver,
            auth_time: grant.auth_time,
            amr: [PASSWORD],
            user: grant.user_claims,
        };
        (claims, lifetime)
    }

    /// Checks that every token that these keys can sign fits into a cookie, if the claims of its user are within their
    /// limits ([`UserClaims::check_total`](crate::domain::user::UserClaims::check_total)).
    pub fn check_length(&self, keys: &SigningKeySet) -> Result<(), TooLong> {
        let own = |selection: &ClaimSelection| {
            keys.keys().map(|key| self.longest(key, selection.max_bytes())).max().unwrap_or_default()
        };
        let selection = &self.config.user_claims;
        let bytes = own(selection);
        if bytes <= MAX_TOKEN_BYTES {
            return Ok(());
        }
        let fits = |selection| own(selection) <= MAX_TOKEN_BYTES;
        let limited = selection.without_groups_and_own();
        let remedy = if fits(&limited) {
            let removed: Vec<&str> =
                selection.names().filter(|&name| limited.names().all(|kept| kept != name)).collect();
            format!("remove {} from JWT_CLAIMS, or sign with shorter keys", removed.join(", "))
        } else if fits(&ClaimSelection::default()) {
            format!(
                "remove {} from JWT_CLAIMS, or sign with shorter keys",
                selection.names().collect::<Vec<_>>().join(", ")
            )
        } else if self.config.audience.concat().len() > self.config.issuer.len() {
            "shorten JWT_AUDIENCE, or sign with shorter keys".to_owned()
        } else {
            "shorten JWT_ISSUER, or sign with shorter keys".to_owned()
        };
        Err(TooLong { bytes, remedy })
    }

    /// The length of the longest token that a key can sign, with this many bytes of claims about the user.
    fn longest(&self, key: &SigningKey, user_bytes: usize) -> usize {
        let binding = TokenBinding::Session(SessionId::from_bytes([0; 32]));
        let grant = Grant::new(PublicId::from_bytes([0; 16]), binding);
        let (claims, _) = self.claims(Grant { auth_time: Some(UnixSeconds::LATEST), ..grant }, UnixSeconds::LATEST);
        length(key, &claims, user_bytes)
    }
}

/// The length of a token with these claims and `more` bytes of further ones.
fn length(key: &SigningKey, claims: &Claims, more: usize) -> usize {
    let parts = [json_length(&header_of(key)), json_length(claims) + more, key.signature_bytes];
    // Base64url without padding, and two full stops.
    parts.into_iter().map(|bytes| (bytes * 4).div_ceil(3)).sum::<usize>() + 2
}

/// Checks that a token with these claims, of this many bytes, fits into a cookie.
fn check_fits(claims: Claims, bytes: usize) -> Result<(), IssueError> {
    if bytes <= MAX_TOKEN_BYTES {
        return Ok(());
    }
    let mut chosen = claims.user;
    chosen.insert("iss".to_owned(), claims.iss.into());
    chosen.insert("aud".to_owned(), claims.aud.into());
    Err(IssueError::TooLong { subject: claims.sub, claim: largest_claim(&chosen), bytes })
}

fn header_of(key: &SigningKey) -> Header {
    let typ = Some(header::media_type(key.algorithm).to_owned());
    Header { typ, kid: key.kid.clone(), ..Header::new(key.algorithm.into()) }
}

#[expect(clippy::disallowed_methods, reason = "a token's identifier comes from the operating system's generator")]
fn random_id() -> Uuid {
    Uuid::new_v4()
}
