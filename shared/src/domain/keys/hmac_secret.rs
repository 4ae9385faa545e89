//! HMAC keys that are refused: short ones, those that anybody could guess, and those that everybody knows.

use std::collections::HashSet;

/// Shortest HMAC key, in octets: as long as SHA-256's output (RFC 7518 3.2).
pub const MIN_BYTES: usize = 32;

/// Fewest different octets of a key.
const MIN_DIFFERENT: usize = 6;

/// The key of the workspace's metadata and of `events/env.json`, for `cargo lambda watch` and `sam local`.
/// It is public, so it is good for a database on this machine only.
pub const DEVELOPMENT_KEY: &str = "postern-development-key-for-local-use-only";

/// Keys that stand in tutorials and in the documentation of JWT libraries, one a line, each as [`plain`] leaves it. Whoever needs
/// 32 octets adds a word to one of them, or writes it three times, so a key that contains one is refused.
const PRINTED: &str = include_str!("printed_keys.txt");

/// A key that is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakSecret {
    /// Fewer than [`MIN_BYTES`].
    #[error("must have at least 32 octets; `openssl rand -base64 48` makes one")]
    TooShort,
    /// Spaces, one letter again and again, and the like.
    #[error("has hardly any different octets; `openssl rand -base64 48` makes one that nobody guesses")]
    Uniform,
    /// A key or a certificate in PEM, of which half the world may have the public part.
    #[error("is PEM, and HMAC takes random octets; `openssl rand -base64 48` makes some")]
    Pem,
    /// Everybody can read it in a tutorial.
    #[error(
        "is printed in a tutorial, or contains a key that is; `openssl rand -base64 48` makes one that nobody knows"
    )]
    Printed,
    /// [`DEVELOPMENT_KEY`] with a database that is not on this machine.
    #[error("is the development key, which works with a DynamoDB on this machine only")]
    Development,
}

/// Refuses a key that others could know or guess. `local` tells that the database is on this machine.
pub fn check_strength(key: &[u8], local: bool) -> Result<(), WeakSecret> {
    if key.len() < MIN_BYTES {
        return Err(WeakSecret::TooShort);
    }
    // Of 32 random hexadecimal digits, fewer different ones come once in a hundred million times.
    if key.iter().collect::<HashSet<_>>().len() < MIN_DIFFERENT {
        return Err(WeakSecret::Uniform);
    }
    if key.windows(11).any(|part| part == b"-----BEGIN ") {
        return Err(WeakSecret::Pem);
    }
    // Printed keys are text. Octets that are none can contain no such key.
    let plain = plain(&String::from_utf8_lossy(key));
    if PRINTED.lines().any(|printed| plain.contains(printed)) {
        return Err(WeakSecret::Printed);
    }
    if !local && plain.contains(&self::plain(DEVELOPMENT_KEY)) {
        return Err(WeakSecret::Development);
    }
    Ok(())
}

/// A key without what people change about a printed one: case, and what stands between the words.
fn plain(key: &str) -> String {
    key.chars().filter(|c| !matches!(c, ' ' | '-' | '_')).map(|c| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(key: &str, local: bool) -> Result<(), WeakSecret> {
        check_strength(key.as_bytes(), local)
    }

    #[test]
    fn a_key_has_at_least_32_octets() {
        let key = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";
        assert_eq!(checked(&key[1..], false), Err(WeakSecret::TooShort));
        assert_eq!(checked(key, false), Ok(()));
        assert_eq!(checked("äöüßéèêëàáâãåæçñ", false), Ok(()));
    }

    #[test]
    fn what_is_no_random_key_is_refused() {
        for key in [" ".repeat(40), "a".repeat(32), "abcde".repeat(20), "\u{0}".repeat(64)] {
            assert_eq!(checked(&key, true), Err(WeakSecret::Uniform), "{key}");
        }
        let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----";
        assert_eq!(checked(pem, true), Err(WeakSecret::Pem));
    }

    #[test]
    fn a_key_that_a_tutorial_prints_is_refused() {
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
            assert_eq!(checked(key, true), Err(WeakSecret::Printed), "{key}");
        }
    }

    #[test]
    fn each_printed_key_is_plain_and_long_enough_to_be_in_no_random_one() {
        for line in PRINTED.lines() {
            assert_eq!(line, plain(line));
            assert!(line.len() >= 10, "{line}");
        }
    }

    #[test]
    fn the_development_key_is_for_this_machine_only() {
        assert_eq!(checked(DEVELOPMENT_KEY, true), Ok(()));
        assert_eq!(checked(DEVELOPMENT_KEY, false), Err(WeakSecret::Development));
        assert_eq!(checked(&format!("{DEVELOPMENT_KEY}!"), false), Err(WeakSecret::Development));
    }
}
