//! Why keys are rejected.

use super::{Algorithm, WeakSecret};

/// Why a key is rejected. The texts never quote the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// `kty`, `crv`, `alg`, `use` or `key_ops` name another purpose.
    #[error("is not a key for signing with {0}")]
    OtherKind(Algorithm),
    /// A member is missing or is not base64url, or the numbers do not belong together.
    #[error("is damaged: a member is missing, or the members do not belong together")]
    Damaged,
    /// An RSA key of fewer than 2048 bits, or with another public exponent than 65537.
    #[error("is too weak: an RSA key needs at least 2048 bits and the exponent 65537")]
    WeakRsa,
    /// An HMAC key that an attacker could know or guess.
    #[error("{0}")]
    Weak(WeakSecret),
    /// A private key where public ones belong.
    #[error("is private, but public keys are required here")]
    Private,
    /// A public key where private ones belong.
    #[error("is public, but private keys are required here")]
    Public,
    /// An `iat` after the year 9999, probably in milliseconds.
    #[error("has an iat that is not in seconds since 1970")]
    Time,
    /// A `kid` that is empty, too long or not printable.
    #[error("has a kid that is not 1 to 128 characters of printable ASCII")]
    Kid,
}
