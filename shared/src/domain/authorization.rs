//! Authorization: whether the user and the session behind a valid token still exist.

use crate::domain::{
    session::{Session, SessionId},
    time::UnixSeconds,
    token::{LegacyTokenError, TokenBinding, TokenError, VerifiedToken},
    user::User,
};

/// Why an access token is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenRefusal {
    /// The token does not verify.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token is one of the old application and is not accepted.
    #[error(transparent)]
    Legacy(#[from] LegacyTokenError),
    /// Two headers with different tokens, or a header or cookie that occurs twice.
    #[error("request carries more than one token")]
    Ambiguous,
    /// No user has the token's subject any more.
    #[error("user does not exist any more")]
    UserGone,
    /// The operator disabled the user.
    #[error("user is disabled")]
    UserDisabled,
    /// The session was ended or has expired.
    #[error("session has ended")]
    SessionEnded,
    /// All sessions of the user were ended after the token was issued: by a password change, or by a log-out
    /// everywhere or on all other devices.
    #[error("sessions of the user were ended after the token was issued")]
    Superseded,
}

impl TokenRefusal {
    /// A stable code for audit events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason(),
            Self::Legacy(error) => error.reason(),
            Self::Ambiguous => "more-than-one-token",
            Self::UserGone => "user-gone",
            Self::UserDisabled => "user-disabled",
            Self::SessionEnded => "session-ended",
            Self::Superseded => "sessions-ended",
        }
    }
}

/// Why a password is refused. Clients do not learn the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRefusal {
    /// The password is not that of the account.
    Wrong,
    /// The stored hash cannot be verified, so no password is accepted.
    UnusableHash,
}

impl PasswordRefusal {
    /// A stable code for audit events.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Wrong => "wrong-password",
            Self::UnusableHash => "unusable-hash",
        }
    }
}

/// Why a refresh token is refused. Clients do not learn the reason.
#[derive(Debug, thiserror::Error)]
pub enum RefreshRefusal {
    /// Not 80 bytes in base64url.
    #[error("refresh token cannot be parsed")]
    Malformed,
    /// Sessions are turned off: `SESSION_IDLE` is 0.
    #[error("sessions are turned off")]
    Off,
    /// The session does not exist, or has ended.
    #[error("session does not exist or has ended")]
    NotFound,
    /// A replay: the token was used again after the grace period for a lost response. The session was ended.
    #[error("refresh token was replayed; its session was ended")]
    Replayed,
    /// The session's user or version is refused.
    #[error(transparent)]
    Token(#[from] TokenRefusal),
}

impl RefreshRefusal {
    /// A stable code for audit events.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "refresh-token-malformed",
            Self::Off => "no-sessions",
            Self::NotFound => "session-ended",
            Self::Replayed => "refresh-token-replayed",
            Self::Token(refusal) => refusal.reason(),
        }
    }
}

/// The stored state behind a token.
pub struct Record {
    /// The user, if they exist.
    pub user: Option<User>,
    /// The session, if it was requested and exists. It may have expired: see [`Session::remaining`].
    pub session: Option<Session>,
}

impl VerifiedToken {
    /// The session to read together with the user.
    pub fn session(&self) -> Option<SessionId> {
        match self.binding {
            TokenBinding::Session(session) => Some(session),
            TokenBinding::Version(_) => None,
        }
    }

    /// The user, if user and binding are valid at `now`. A revoked token is rejected by the next call.
    pub fn authorize(&self, record: Record, now: UnixSeconds) -> Result<User, TokenRefusal> {
        let user = match record.user {
            None => return Err(TokenRefusal::UserGone),
            Some(user) if user.disabled => return Err(TokenRefusal::UserDisabled),
            Some(user) => user,
        };
        let version = match (self.binding, record.session) {
            (TokenBinding::Version(version), _) => version,
            (TokenBinding::Session(_), Some(session)) if !session.remaining(now).is_zero() => session.version,
            (TokenBinding::Session(_), _) => return Err(TokenRefusal::SessionEnded),
        };
        if version == user.version { Ok(user) } else { Err(TokenRefusal::Superseded) }
    }
}
