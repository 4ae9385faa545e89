//! Sessions.

mod refresh_token;

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::refresh_token::{RefreshToken, Salt, TokenHash};
use crate::domain::time::UnixSeconds;

/// How long the previous refresh token stays valid after a rotation: for two tabs that refresh at once, or a lost response.
pub const GRACE: Duration = Duration::from_secs(10);

/// Lifetimes of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Without use: `SESSION_IDLE`.
    pub idle: Duration,
    /// In total: `SESSION_MAX`.
    pub max: Duration,
}

/// The identifier of a session: the SHA-256 of its handle, in base64url without padding. It is not secret; tokens carry it as `sid`
/// (OpenID Connect Front-Channel Logout 1.0 section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// Parses the text form.
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self(URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?))
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not 32 bytes in base64url"))
    }
}

/// A stored session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The user's version at which the session began, or to which it was carried over. At another version it is revoked.
    pub version: u64,
    /// When it expires unless it is used.
    pub expires_at: UnixSeconds,
    /// When it expires in any case.
    pub ends_at: UnixSeconds,
    /// When this session last ended all others; 0 if it never did.
    pub others_ended_at: UnixSeconds,
}

impl Session {
    /// Time until the session expires if it is not used. Zero: it has expired, though DynamoDB may not have removed it yet.
    pub fn remaining(&self, now: UnixSeconds) -> Duration {
        self.expires_at.min(self.ends_at).since(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_expires_at_the_earlier_of_its_two_times() {
        let time = UnixSeconds::new;
        let session = Session { version: 0, expires_at: time(100), ends_at: time(90), others_ended_at: time(0) };
        let remaining = [80, 90, 95].map(|now| session.remaining(time(now)).as_secs());
        assert_eq!(remaining, [10, 0, 0]);
    }
}
