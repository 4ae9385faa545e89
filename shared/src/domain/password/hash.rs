//! Stored hashes, and what comparing a password with one results in.

use std::fmt;

use argon2::password_hash;
use aws_lc_rs::error::Unspecified;

use super::{
    scheme::{HashScheme, UnusableHash},
    stored::StoredHash,
};

/// A stored hash: `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`, or a hash of another system that was imported.
///
/// Text that is not Argon2 is in one of these forms, with Base64 without padding:
///
/// - `$argon2i$…`, `$argon2d$…`
/// - `$scrypt$ln=…,r=…,p=…$SALT$HASH`
/// - `$pbkdf2-sha1$i=…$SALT$HASH`, `$pbkdf2-sha256$…`, `$pbkdf2-sha512$…`
/// - bcrypt strings: `$2a$…`, `$2b$…`, `$2y$…`
/// - `$firebase-scrypt$ln=…,r=…,p=…$SALT$KEYSTREAM`: SALT is the user's salt and the project's salt separator,
///   KEYSTREAM the exclusive or of Firebase's hash and the project's signer key
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A stored hash. It is parsed when it is used.
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }

    /// The stored text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the hash was computed, or why it is not verified. Parses the hash and checks its cost, without computing
    /// anything.
    pub fn inspect(&self) -> Result<HashScheme, UnusableHash> {
        let scheme = StoredHash::parse(&self.0)?.scheme;
        scheme.check_cost()?;
        Ok(scheme)
    }
}

/// Hides the hash, which is enough to guess the password offline.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// The outcome of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match {
        /// The hash has a lower cost than the configured one or another scheme, and should be replaced.
        outdated: bool,
    },
    /// The password is wrong, or there was no hash.
    Mismatch,
    /// The hash cannot be verified, so the password was not compared with it.
    Unusable(UnusableHash),
}

/// A failure to compute a hash, never a wrong password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// A hash could not be written as text.
    #[error("password hash could not be encoded")]
    Encoding(#[from] password_hash::Error),
    /// The operating system provided no random salt.
    #[error("no random salt")]
    Salt(#[from] Unspecified),
    /// A cost outside Argon2's own limits.
    #[error("Argon2 does not support this cost")]
    Cost(#[from] argon2::Error),
    /// A library rejected parameters that are within the limits.
    #[error("hash of another scheme could not be computed")]
    Legacy,
    /// The computing thread has panicked or was cancelled. There is no source: `JoinError` shows the panic's message.
    #[error("password hash was not completed")]
    Abandoned,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_hash() {
        assert_eq!(format!("{:?}", PasswordHash::from_stored("$argon2id$…".into())), "PasswordHash(..)");
    }
}
