//! Passwords in plaintext.

use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;

/// Longest password that can be chosen, in bytes.
pub const MAX_BYTES: usize = 1024;

/// A password in NFC, otherwise as typed (NIST SP 800-63B-4 section 3.1.1.2).
#[derive(Clone, Debug)]
pub struct Password {
    normalized: SecretString,
    /// As the client sent it, if that differs: other systems do not normalize.
    as_sent: Option<SecretString>,
}

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than the configured minimum.
    #[error("must be at least {minimum} characters long")]
    TooShort {
        /// The minimum, in characters.
        minimum: usize,
    },
    /// More than [`MAX_BYTES`].
    #[error("must not exceed 1024 bytes")]
    TooLong,
}

impl Password {
    /// A password to compare with a stored hash. No rule applies.
    pub fn new(text: &str) -> Self {
        let normalized = text.nfc().collect::<String>();
        let as_sent = (normalized != text).then(|| text.into());
        Self { normalized: normalized.into(), as_sent }
    }

    /// A new password of at least `minimum` characters (Unicode scalar values).
    pub fn choose(text: &str, minimum: usize) -> Result<Self, PasswordError> {
        let password = Self::new(text);
        if password.expose().len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        if password.expose().chars().count() < minimum {
            return Err(PasswordError::TooShort { minimum });
        }
        Ok(password)
    }

    /// The password in plaintext.
    pub fn expose(&self) -> &str {
        self.normalized.expose_secret()
    }

    /// The password as the client sent it, which other systems have hashed.
    pub(super) fn as_sent(&self) -> &str {
        self.as_sent.as_ref().unwrap_or(&self.normalized).expose_secret()
    }

    /// The normalized form, and the form that was sent if it differs.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        [Some(&self.normalized), self.as_sent.as_ref()].into_iter().flatten().map(ExposeSecret::expose_secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_length_counts_characters_and_the_maximum_counts_bytes() {
        assert_eq!(Password::choose("äöüäöüä", 8).err(), Some(PasswordError::TooShort { minimum: 8 }));
        assert!(Password::choose("äöüäöüäö", 8).is_ok());
        assert!(Password::choose(&"a".repeat(1024), 8).is_ok());
        assert_eq!(Password::choose(&"a".repeat(1025), 8).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn surrounding_space_is_part_of_a_password() {
        assert_eq!(Password::new("  a b  ").expose(), "  a b  ");
    }

    #[test]
    fn debug_output_hides_the_password() {
        assert!(!format!("{:?}", Password::new("hunter2hunter2")).contains("hunter2"));
    }
}
