//! The keys of a function: text behind `JWT_SECRET_KEY`, `JWT_SECRET_ARN` or `JWT_PUBLIC_KEYS_ARN`, parsed and
//! validated.

use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey};

use super::{
    Algorithm, KeyProblem, KeySetError, hmac_secret,
    jwk::{HMAC_SHA256_BYTES, Jwk},
    jwk_set::JwkSet,
};
use crate::domain::{deployment::Deployment, time::UnixSeconds};

/// How much longer than the refresh time a new key waits before it signs, at most.
const MARGIN: Duration = Duration::from_secs(30);

/// The keys that verify tokens.
pub struct VerifyingKeySet {
    algorithm: Algorithm,
    keys: Vec<(Option<String>, DecodingKey)>,
}

impl VerifyingKeySet {
    /// Parses a set of public keys. A private key is rejected: a function that only verifies must not be able to sign.
    pub fn parse_public(text: &str, algorithm: Algorithm, deployment: Deployment) -> Result<Self, KeySetError> {
        let set = JwkSet::parse(text, algorithm, deployment)?;
        if let Some(private) = set.keys().iter().find(|key| key.is_private()) {
            return Err(KeySetError::Key { key: private.kid().to_owned(), problem: KeyProblem::Private });
        }
        Self::of(&set, algorithm)
    }

    fn of(set: &JwkSet, algorithm: Algorithm) -> Result<Self, KeySetError> {
        let verifying = |jwk: &Jwk| match jwk.decoding_key() {
            Ok(key) => Ok((Some(jwk.kid().to_owned()), key)),
            Err(problem) => Err(KeySetError::Key { key: jwk.kid().to_owned(), problem }),
        };
        Ok(Self { algorithm, keys: set.keys().iter().map(verifying).collect::<Result<_, _>>()? })
    }

    /// The algorithm of the keys.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether one of the keys verifies a signature.
    pub(crate) fn verifies(&self, signature: &str, message: &[u8], algorithm: jsonwebtoken::Algorithm) -> bool {
        let verifies = |key| jsonwebtoken::crypto::verify(signature, message, key, algorithm).is_ok_and(|valid| valid);
        self.keys.iter().any(|(_, key)| verifies(key))
    }

    /// The key that a token names. A plain key has no `kid` and verifies every token.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        self.keys.iter().find(|(name, _)| name.is_none() || name.as_deref() == kid).map(|(_, key)| key)
    }
}

impl AsRef<Self> for VerifyingKeySet {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A key that signs tokens.
pub struct SigningKey {
    pub(crate) kid: Option<String>,
    pub(crate) key: EncodingKey,
    pub(crate) algorithm: Algorithm,
    /// Length of its signatures, in bytes.
    pub(crate) signature_bytes: usize,
    issued_at: Option<UnixSeconds>,
}

impl SigningKey {
    /// Its identifier in tokens. A plain key has none.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The time from which every verifier has read the key. `None`: the key has no date and counts as old.
    fn settled_from(&self, refresh: Duration) -> Option<UnixSeconds> {
        // The margin covers clocks that differ and a source that is read again after a failure.
        let settling = refresh.saturating_add(refresh.min(MARGIN)).saturating_add(Duration::from_secs(1));
        Some(self.issued_at? + settling)
    }
}

/// The keys that sign tokens, and verify them.
pub struct SigningKeySet {
    first: SigningKey,
    others: Vec<SigningKey>,
    verifying: VerifyingKeySet,
    public: String,
}

impl SigningKeySet {
    /// Parses a plain HMAC key, or a set of private keys. Text that begins with a brace is a set.
    pub fn parse(text: &str, algorithm: Algorithm, deployment: Deployment) -> Result<Self, KeySetError> {
        // Other JSON, or a byte order mark, is a set that was written incorrectly, not a key.
        if text.trim_start().starts_with(['[', '"', '\u{feff}']) {
            return Err(KeySetError::Malformed);
        }
        if !text.trim_start().starts_with('{') {
            return if algorithm.is_asymmetric() {
                Err(KeySetError::NoSet(algorithm))
            } else {
                Self::plain(text, deployment)
            };
        }
        let set = JwkSet::parse(text, algorithm, deployment)?;
        let signing = |jwk: &Jwk| match jwk.encoding_key() {
            Ok(key) => Ok(SigningKey {
                kid: Some(jwk.kid().to_owned()),
                key,
                algorithm,
                signature_bytes: jwk.signature_bytes(),
                issued_at: jwk.issued_at(),
            }),
            Err(problem) => Err(KeySetError::Key { key: jwk.kid().to_owned(), problem }),
        };
        let mut keys = set.keys().iter().map(signing).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = keys.next().ok_or(KeySetError::Empty)?;
        let verifying = VerifyingKeySet::of(&set, algorithm)?;
        Ok(Self { first, others: keys.collect(), verifying, public: set.public().to_json() })
    }

    fn plain(text: &str, deployment: Deployment) -> Result<Self, KeySetError> {
        hmac_secret::check_strength(text.as_bytes(), deployment)?;
        let algorithm = Algorithm::Hs256;
        let key = EncodingKey::from_secret(text.as_bytes());
        let first = SigningKey { kid: None, key, algorithm, signature_bytes: HMAC_SHA256_BYTES, issued_at: None };
        let keys = vec![(None, DecodingKey::from_secret(text.as_bytes()))];
        let verifying = VerifyingKeySet { algorithm, keys };
        Ok(Self { first, others: Vec::new(), verifying, public: JwkSet::new(Vec::new()).to_json() })
    }

    /// The key that signs at `now`: the first one. While that is younger than `refresh` plus a margin, some verifiers
    /// may not have read it yet, so the next older key signs. If every key is that young, the oldest signs, since
    /// most verifiers have it.
    pub fn signer(&self, now: UnixSeconds, refresh: Duration) -> &SigningKey {
        let is_settled = |key: &&SigningKey| key.settled_from(refresh).is_none_or(|settled| settled <= now);
        // Of two keys from the same second, the first in the set is the newer one.
        let oldest = || self.keys().reduce(|older, key| if key.issued_at <= older.issued_at { key } else { older });
        self.keys().find(is_settled).or_else(oldest).unwrap_or(&self.first)
    }

    /// The earliest time from `now` on at which the key `kid` is the [signer](Self::signer). `None`: other keys take
    /// precedence from `now` on.
    pub fn signs_from(&self, kid: &str, now: UnixSeconds, refresh: Duration) -> Option<UnixSeconds> {
        let signs = |at: &UnixSeconds| self.signer(*at, refresh).kid() == Some(kid);
        // The signer changes only when a key has settled.
        let changes = self.keys().filter_map(|key| key.settled_from(refresh)).filter(|at| *at > now);
        std::iter::once(now).chain(changes).filter(signs).min()
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The same keys for verification only.
    pub fn into_verifying(self) -> VerifyingKeySet {
        self.verifying
    }

    /// The public halves as a JWK Set, in JSON.
    pub fn public(&self) -> &str {
        &self.public
    }
}

impl AsRef<VerifyingKeySet> for SigningKeySet {
    fn as_ref(&self) -> &VerifyingKeySet {
        &self.verifying
    }
}
