//! Sessions and their refresh tokens (RFC 6749 1.5, rotated as RFC 9700 4.14.2 asks).
//!
//! A refresh token is 80 octets in base64url without padding, 107 characters:
//!
//! | octets | what |
//! |---|---|
//! | 16 | whose it is: the user's identifier |
//! | 32 | the session's handle, the same for as long as the session lives. Its SHA-256 is the session's identifier |
//! | 32 | the secret, another one after each use |
//!
//! Nothing of it is stored but SHA-256 hashes: one of the handle, one of the whole token. Whoever shows the handle had a token
//! of this session once, so a secret that is not the present one is an old one and no guess.

use std::{fmt, time::Duration};

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
    hkdf, rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::domain::user::PublicId;

/// How long the refresh token before the present one may still be used: two tabs that refresh at once, an answer that was lost.
pub const GRACE: Duration = Duration::from_secs(10);

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Without use: `SESSION_IDLE`.
    pub idle: Duration,
    /// Whatever happens: `SESSION_MAX`.
    pub max: Duration,
}

/// The identifier of a session: the SHA-256 of its handle, written in base64url without padding. It is no secret; tokens carry
/// it as `sid` (OpenID Connect Front-Channel Logout 1.0, 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionId([u8; 32]);

impl SessionId {
    /// The identifier that `text` spells.
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
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not 32 octets in base64url"))
    }
}

/// The SHA-256 of a refresh token: what the table holds of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 32 octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a refresh token's successor is derived with: 32 random octets, drawn for each use.
#[derive(Clone, Copy)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Fresh random octets. Fails if the operating system gives none.
    pub fn random() -> Result<Self, Unspecified> {
        Ok(Self(random()?))
    }

    /// The salt of these octets, if they are 32.
    pub fn from_stored(octets: &[u8]) -> Option<Self> {
        octets.try_into().map(Self).ok()
    }

    /// The 32 octets.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A refresh token in clear.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    user: PublicId,
    handle: [u8; 32],
    secret: [u8; 32],
}

impl RefreshToken {
    /// The first token of a new session of `user`.
    pub fn new(user: PublicId) -> Result<Self, Unspecified> {
        Ok(Self { user, handle: random()?, secret: random()? })
    }

    /// The token that `text` spells. Whether there is such a session, the table knows.
    pub fn parse(text: &str) -> Option<Self> {
        let mut octets = [0; 80];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut octets).ok()?;
        if length != octets.len() {
            return None;
        }
        let (user, rest) = octets.split_first_chunk()?;
        let (handle, rest) = rest.split_first_chunk()?;
        Some(Self { user: PublicId::from_bytes(*user), handle: *handle, secret: rest.try_into().ok()? })
    }

    /// The text that the client gets.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.octets())
    }

    /// Whose session it is, if there is one.
    pub fn user(&self) -> PublicId {
        self.user
    }

    /// The session's identifier.
    pub fn session(&self) -> SessionId {
        SessionId(sha256(&self.handle))
    }

    /// What the table holds of this token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256(&self.octets()))
    }

    /// The token that takes the place of this one, by HKDF with SHA-256 (RFC 5869).
    ///
    /// It takes both this token, which the table does not hold, and the salt, which no client sees. So the table alone gives no
    /// token, an old token alone gives no new one, and a client whose answer was lost gets the same successor again.
    pub fn successor(&self, salt: &Salt) -> Result<Self, Unspecified> {
        let mut secret = [0; 32];
        let info = [b"Postern refresh token".as_slice(), self.user.as_bytes(), &self.handle];
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_bytes())
            .extract(&self.secret)
            .expand(&info, hkdf::HKDF_SHA256)?
            .fill(&mut secret)?;
        Ok(Self { secret, ..*self })
    }

    fn octets(&self) -> [u8; 80] {
        let mut octets = [0; 80];
        octets[..16].copy_from_slice(self.user.as_bytes());
        octets[16..48].copy_from_slice(&self.handle);
        octets[48..].copy_from_slice(&self.secret);
        octets
    }
}

/// Prints no token.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

/// A session as the table has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The user's version that the session was begun with, or carried over to. At another version it is ended.
    pub version: u64,
    /// When it ends unless it is used, in seconds since 1970.
    pub expires_at: u64,
    /// When it ends whatever happens, in seconds since 1970.
    pub ends_at: u64,
    /// When all others were last ended from it, in seconds since 1970; 0 if they never were.
    pub others_ended_at: u64,
}

impl Session {
    /// Seconds until it ends, if it is not used before. 0: it has ended, though DynamoDB may not have removed it yet.
    pub fn remaining(&self, now: u64) -> u64 {
        self.expires_at.min(self.ends_at).saturating_sub(now)
    }
}

fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, octets).as_ref());
    hash
}

fn random() -> Result<[u8; 32], Unspecified> {
    let mut octets = [0; 32];
    rand::fill(&mut octets)?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> RefreshToken {
        RefreshToken::new(PublicId::random()).unwrap()
    }

    #[test]
    fn a_token_comes_back_from_its_text() {
        let token = token();
        let text = token.to_text();
        assert_eq!(text.len(), 107);
        assert_eq!(RefreshToken::parse(&text), Some(token));
    }

    #[test]
    fn what_is_no_token_is_not_read() {
        let text = token().to_text();
        let huge = "A".repeat(60_000);
        for other in ["", "A", &text[..106], &format!("{text}A"), &format!("{text}="), &format!(" {text}"), &huge] {
            assert_eq!(RefreshToken::parse(other), None, "{other:.40}");
        }
    }

    #[test]
    fn a_successor_belongs_to_the_same_session_and_needs_both_the_token_and_the_salt() {
        let (token, salt) = (token(), Salt::random().unwrap());
        let next = token.successor(&salt).unwrap();
        assert_eq!(next, token.successor(&salt).unwrap(), "a lost answer can be given again");
        assert_eq!((next.user(), next.session()), (token.user(), token.session()));
        assert_ne!(next.hash(), token.hash());
        assert_ne!(next, token.successor(&Salt::random().unwrap()).unwrap());
        assert_ne!(next.secret, next.successor(&salt).unwrap().secret);
    }

    #[test]
    fn tokens_of_one_user_have_nothing_else_in_common() {
        let user = PublicId::random();
        let (one, other) = (RefreshToken::new(user).unwrap(), RefreshToken::new(user).unwrap());
        assert_ne!(one.session(), other.session());
        assert_ne!(one.secret, other.secret);
    }

    #[test]
    fn a_session_ends_at_the_earlier_of_its_two_times() {
        let session = Session { version: 0, expires_at: 100, ends_at: 90, others_ended_at: 0 };
        assert_eq!((session.remaining(80), session.remaining(90), session.remaining(95)), (10, 0, 0));
    }

    proptest! {
        #[test]
        fn any_text_is_a_token_or_none(text in any::<String>()) {
            prop_assert!(RefreshToken::parse(&text).is_none() || text.len() == 107);
        }

        #[test]
        fn a_token_has_one_spelling(text in "[A-Za-z0-9_-]{107}") {
            // The last character has two bits that mean nothing, and must be 0.
            match RefreshToken::parse(&text) {
                Some(token) => prop_assert_eq!(token.to_text(), text),
                None => prop_assert!(!text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))),
            }
        }
    }
}
