//! Refresh tokens (RFC 6749 section 1.5), rotated at each use (RFC 9700 section 4.14.2).
//!
//! A refresh token is 80 bytes in base64url without padding, 107 characters:
//!
//! | bytes | content |
//! |---|---|
//! | 16 | the user's identifier |
//! | 32 | the session's handle, constant for the life of the session. Its SHA-256 is the session's identifier |
//! | 32 | the secret, replaced at each rotation |
//!
//! Only SHA-256 hashes are stored: of the handle and of the whole token. Knowing the handle proves that the client
//! once held a token of this session, so a non-current secret is a replay, not a guess.

use std::fmt;

use aws_lc_rs::{
    digest::{SHA256, digest},
    error::Unspecified,
    hkdf, rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::SessionId;
use crate::domain::user::PublicId;

/// The SHA-256 of a refresh token: the only form that is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The salt from which a refresh token's successor is derived: 32 random bytes, new for each rotation.
#[derive(Clone, Copy)]
pub struct Salt([u8; 32]);

impl Salt {
    /// A new random salt. Fails if the operating system provides no randomness.
    pub fn random() -> Result<Self, Unspecified> {
        Ok(Self(random()?))
    }

    /// The stored salt, if it has 32 bytes.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A refresh token in plaintext.
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

    /// Parses the text form. Does not check that its session exists.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 80];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        if length != bytes.len() {
            return None;
        }
        let (user, rest) = bytes.split_first_chunk()?;
        let (handle, rest) = rest.split_first_chunk()?;
        Some(Self { user: PublicId::from_bytes(*user), handle: *handle, secret: rest.try_into().ok()? })
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.bytes())
    }

    /// The user that the session belongs to.
    pub fn user(&self) -> PublicId {
        self.user
    }

    /// The session's identifier.
    pub fn session(&self) -> SessionId {
        SessionId(sha256(&self.handle))
    }

    /// The stored form of this token.
    pub fn hash(&self) -> TokenHash {
        TokenHash(sha256(&self.bytes()))
    }

    /// The token that replaces this one, derived with HKDF-SHA-256 (RFC 5869).
    ///
    /// The derivation needs both this token, which is not stored, and the salt, which no client sees. The table alone
    /// yields no token, an old token alone yields no new one, and a client whose response was lost receives the same
    /// successor again.
    pub fn successor(&self, salt: &Salt) -> Result<Self, Unspecified> {
        let mut secret = [0; 32];
        let info = [b"Postern refresh token".as_slice(), self.user.as_bytes(), &self.handle];
        hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_bytes())
            .extract(&self.secret)
            .expand(&info, hkdf::HKDF_SHA256)?
            .fill(&mut secret)?;
        Ok(Self { secret, ..*self })
    }

    fn bytes(&self) -> [u8; 80] {
        let mut bytes = [0; 80];
        bytes[..16].copy_from_slice(self.user.as_bytes());
        bytes[16..48].copy_from_slice(&self.handle);
        bytes[48..].copy_from_slice(&self.secret);
        bytes
    }
}

/// Hides the token.
impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, bytes).as_ref());
    hash
}

fn random() -> Result<[u8; 32], Unspecified> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token() -> RefreshToken {
        RefreshToken::new(PublicId::random()).unwrap()
    }

    #[test]
    fn a_token_survives_a_round_trip_through_text() {
        let token = token();
        let text = token.to_text();
        assert_eq!(text.len(), 107);
        assert_eq!(RefreshToken::parse(&text), Some(token));
    }

    #[test]
    fn malformed_tokens_are_rejected() {
        let text = token().to_text();
        let huge = "A".repeat(60_000);
        for other in ["", "A", &text[..106], &format!("{text}A"), &format!("{text}="), &format!(" {text}"), &huge] {
            assert_eq!(RefreshToken::parse(other), None, "{other:.40}");
        }
    }

    #[test]
    fn a_successor_keeps_the_session_and_depends_on_both_token_and_salt() {
        let (token, salt) = (token(), Salt::random().unwrap());
        let next = token.successor(&salt).unwrap();
        assert_eq!(next, token.successor(&salt).unwrap(), "a lost response can be repeated");
        assert_eq!((next.user(), next.session()), (token.user(), token.session()));
        assert_ne!(next.hash(), token.hash());
        assert_ne!(next, token.successor(&Salt::random().unwrap()).unwrap());
        assert_ne!(next.secret, next.successor(&salt).unwrap().secret);
    }

    #[test]
    fn two_sessions_of_one_user_share_only_the_user() {
        let user = PublicId::random();
        let (one, other) = (RefreshToken::new(user).unwrap(), RefreshToken::new(user).unwrap());
        assert_ne!(one.session(), other.session());
        assert_ne!(one.secret, other.secret);
    }

    proptest! {
        #[test]
        fn every_input_is_a_token_or_rejected(text in any::<String>()) {
            prop_assert!(RefreshToken::parse(&text).is_none() || text.len() == 107);
        }

        #[test]
        fn only_the_canonical_form_of_a_token_is_accepted(text in "[A-Za-z0-9_-]{107}") {
            // The last character has two unused bits, which must be 0.
            match RefreshToken::parse(&text) {
                Some(token) => prop_assert_eq!(token.to_text(), text),
                None => prop_assert!(!text.ends_with(|last| "AEIMQUYcgkosw048".contains(last))),
            }
        }
    }
}
