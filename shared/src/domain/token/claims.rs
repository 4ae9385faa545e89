//! The claims of access tokens.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::{session::SessionId, time::UnixSeconds, user::PublicId};

/// The claims of an access token (RFC 7519 section 4.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Subject: the user.
    pub sub: PublicId,
    /// The subject under the tutorials' name.
    pub public_id: PublicId,
    /// Issued at.
    pub iat: UnixSeconds,
    /// Not before.
    pub nbf: UnixSeconds,
    /// Expiration time.
    pub exp: UnixSeconds,
    /// JWT ID, a UUID v4.
    pub jti: Uuid,
    /// Audience: a string if it is a single one, and absent without one.
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "one_or_several")]
    pub aud: Vec<String>,
    /// The session that the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The user's version, for a token that belongs to no session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ver: Option<u64>,
    /// When the user authenticated (OpenID Connect Core 1.0 section 2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<UnixSeconds>,
    /// How the user authenticated: `["pwd"]`, with a password (RFC 8176).
    pub amr: [&'static str; 1],
    /// The selected claims about the user: [`ClaimSelection`](super::ClaimSelection).
    #[serde(flatten)]
    pub user: Map<String, Value>,
}

/// The authentication method of every log-in (RFC 8176 section 2).
pub(super) const PASSWORD: &str = "pwd";

/// RFC 7519 section 4.1.3.
fn one_or_several<S: Serializer>(audience: &[String], serializer: S) -> Result<S::Ok, S::Error> {
    match audience {
        [one] => one.serialize(serializer),
        several => several.serialize(serializer),
    }
}

/// What an access token is bound to; revoking it revokes the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenBinding {
    /// A session.
    Session(SessionId),
    /// The user's version. A token without `sid` and `ver` is bound to version 0.
    Version(u64),
}

/// A claim that Postern's tokens carry, as `JWT_REQUIRED_CLAIMS` names it.
///
/// ```
/// # use shared::domain::token::Claim;
/// assert_eq!(Claim::parse("exp"), Some(Claim::Exp));
/// assert_eq!(Claim::parse("email"), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// Issuer.
    Iss,
    /// Subject.
    Sub,
    /// The subject under the tutorials' name.
    PublicId,
    /// Issued at.
    Iat,
    /// Not before.
    Nbf,
    /// Expiration time.
    Exp,
    /// JWT ID.
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
