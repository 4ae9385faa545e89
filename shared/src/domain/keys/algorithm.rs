//! Signature algorithms.

use std::fmt;

/// The algorithm that signs tokens: `JWT_ALGORITHM`, an `alg` of RFC 7518 or RFC 8037.
///
/// ```
/// # use shared::domain::keys::Algorithm;
/// assert_eq!(Algorithm::parse("EdDSA"), Some(Algorithm::EdDsa));
/// assert_eq!(Algorithm::parse("none"), None);
/// assert!(!Algorithm::Hs256.is_asymmetric());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: every verifier can sign.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// Every supported algorithm.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// `HS256`, `EdDSA`, `ES256` or `RS256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm that keys of this `kty` and `crv` are for.
    pub(super) fn of_kind(kty: &str, crv: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.kind() == (kty, crv))
    }

    /// `kty` and `crv` of its keys (RFC 7518 section 6.1, RFC 8037 section 2).
    pub(super) fn kind(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Hs256 => ("oct", None),
            Self::EdDsa => ("OKP", Some("Ed25519")),
            Self::Es256 => ("EC", Some("P-256")),
            Self::Rs256 => ("RSA", None),
        }
    }

    /// Whether its keys have a public half, which verifies and cannot sign.
    pub fn is_asymmetric(self) -> bool {
        self != Self::Hs256
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 => Self::HS256,
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Es256 => Self::ES256,
            Algorithm::Rs256 => Self::RS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
