//! Why tokens are rejected.

/// A rejected token. Clients are not told the reason; the text is for the log.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token that Postern issues.
    #[error("token is too long")]
    TooLong,
    /// Not three parts of base64url, not a JSON object in UTF-8, or a member that occurs twice or has the wrong type.
    #[error("token is malformed")]
    Unreadable,
    /// Another algorithm than the configured one.
    #[error("token has another algorithm")]
    Algorithm,
    /// Another kind of token (RFC 8725 section 3.11), such as a logout token, or a nested one.
    #[error("token has another type")]
    Type,
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
            Self::Type => "token-type",
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
