//! Weak HMAC keys: short, guessable or publicly known ones.

use std::collections::HashSet;

use crate::domain::deployment::Deployment;

/// Shortest HMAC key, in bytes: the output length of SHA-256 (RFC 7518 section 3.2).
pub const MIN_BYTES: usize = 32;

/// Fewest distinct bytes of a key.
const MIN_DIFFERENT: usize = 6;

/// The key in the workspace's metadata and in `events/env.json`, for `cargo lambda watch` and `sam local`. It is
/// public, so it is accepted on [`Deployment::Loopback`] only.
pub const DEVELOPMENT_KEY: &str = "postern-development-key-for-local-use-only";

/// Keys from tutorials and from the documentation of JWT libraries, one per line, [`normalized`]. Developers who need
/// 32 bytes often extend or repeat such a key, so a key that contains one is rejected.
const PUBLISHED: &str = include_str!("published_keys.txt");

/// A rejected HMAC key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Fewer than [`MIN_BYTES`].
    #[error("must have at least 32 bytes; `openssl rand -base64 48` generates one")]
    TooShort,
    /// A repeated character, for instance.
    #[error("has too few distinct bytes; `openssl rand -base64 48` generates a random key")]
    Uniform,
    /// A key or a certificate in PEM, whose public part may be widely known.
    #[error("is in PEM format, but an HMAC key is random bytes; `openssl rand -base64 48` generates one")]
    Pem,
    /// A key that a tutorial prints, or one that contains it.
    #[error("is published in a tutorial, or contains a key that is; `openssl rand -base64 48` generates a secret one")]
    Published,
    /// [`DEVELOPMENT_KEY`] on [`Deployment::Aws`].
    #[error("is the development key, which is accepted with a local DynamoDB only")]
    Development,
}

/// Rejects a key that an attacker could know or guess.
pub fn check_strength(key: &[u8], deployment: Deployment) -> Result<(), WeakSecret> {
    if key.len() < MIN_BYTES {
        return Err(WeakSecret::TooShort);
    }
    // 32 random hexadecimal digits practically never have fewer distinct ones.
    if key.iter().collect::<HashSet<_>>().len() < MIN_DIFFERENT {
        return Err(WeakSecret::Uniform);
    }
    if key.windows(11).any(|part| part == b"-----BEGIN ") {
        return Err(WeakSecret::Pem);
    }
    // Published keys are text, so bytes that are not UTF-8 cannot contain one.
    let normalized_key = normalized(&String::from_utf8_lossy(key));
    if PUBLISHED.lines().any(|published| normalized_key.contains(published)) {
        return Err(WeakSecret::Published);
    }
    if deployment == Deployment::Aws && normalized_key.contains(&normalized(DEVELOPMENT_KEY)) {
        return Err(WeakSecret::Development);
    }
    Ok(())
}

/// A key without the usual variations of a published one: case, and separators between words.
fn normalized(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(key: &str, deployment: Deployment) -> Result<(), WeakSecret> {
        check_strength(key.as_bytes(), deployment)
    }

    #[test]
    fn a_key_has_at_least_32_bytes() {
        let key = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";
        assert_eq!(checked(&key[1..], Deployment::Aws), Err(WeakSecret::TooShort));
        assert_eq!(checked(key, Deployment::Aws), Ok(()));
        assert_eq!(checked("äöüßéèêëàáâãåæçñ", Deployment::Aws), Ok(()));
    }

    #[test]
    fn a_repetitive_key_or_pem_is_rejected() {
        for key in [" ".repeat(40), "a".repeat(32), "abcde".repeat(20), "\u{0}".repeat(64)] {
            assert_eq!(checked(&key, Deployment::Loopback), Err(WeakSecret::Uniform), "{key}");
        }
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n\
                   -----END PUBLIC KEY-----";
        assert_eq!(checked(pem, Deployment::Loopback), Err(WeakSecret::Pem));
    }

    #[test]
    fn a_key_published_in_a_tutorial_is_rejected() {
        for key in [
            "5791628bb0b13ce0c676dfde280ba245",
            "5791628BB0B13CE0C676DFDE280BA245",
            "a-string-secret-at-least-256-bits-long",
            "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
            "your-256-bit-secret-and-some-more-of-it",
            "my-jwt-secret-key-change-in-production",
            "super-secret-super-secret-super-secret",
            "your secret key, your secret key, your secret key",
            "Your_Secret_Key_Your_Secret_Key_Your",
        ] {
            assert_eq!(checked(key, Deployment::Loopback), Err(WeakSecret::Published), "{key}");
        }
    }

    #[test]
    fn each_published_key_is_normalized_and_too_long_to_occur_by_chance() {
        for line in PUBLISHED.lines() {
            assert_eq!(line, normalized(line));
            assert!(line.len() >= 10, "{line}");
        }
    }

    #[test]
    fn the_development_key_is_accepted_on_loopback_only() {
        assert_eq!(checked(DEVELOPMENT_KEY, Deployment::Loopback), Ok(()));
        assert_eq!(checked(DEVELOPMENT_KEY, Deployment::Aws), Err(WeakSecret::Development));
        assert_eq!(checked(&format!("{DEVELOPMENT_KEY}!"), Deployment::Aws), Err(WeakSecret::Development));
    }
}
