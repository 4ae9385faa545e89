//! JWK Sets (RFC 7517 section 5).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Algorithm, KeyProblem, WeakSecret,
    jwk::{Jwk, is_kid},
    members::Members,
};
use crate::domain::deployment::Deployment;

/// Most keys in a set. A monthly rotation with tokens of 30 days needs two.
pub const MAX_KEYS: usize = 16;

/// A rejected set. The text names a key by its `kid`, or by its position if it has none, and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// Text where a set is required.
    #[error("does not hold a JWK Set (RFC 7517), which JWT_ALGORITHM {0} requires; `admin keys new` generates one")]
    NoSet(Algorithm),
    /// JSON that is not a JWK Set, or not JSON.
    #[error("does not hold a JWK Set (RFC 7517): it must be a JSON object with an array `keys` of objects")]
    Malformed,
    /// A set without keys.
    #[error("holds a JWK Set without keys; `admin keys new` generates one")]
    Empty,
    /// More than [`MAX_KEYS`] keys.
    #[error("holds a JWK Set of more than {MAX_KEYS} keys")]
    TooMany,
    /// Two keys that tokens could not tell apart.
    #[error("holds two keys with the kid {0}")]
    DuplicateKid(String),
    /// An invalid key.
    #[error("holds a JWK Set in which the key {key} {problem}")]
    Key {
        /// Its `kid`, or its position.
        key: String,
        /// Why it is rejected.
        problem: KeyProblem,
    },
    /// A weak plain HMAC key.
    #[error("{0}")]
    Weak(#[from] WeakSecret),
}

/// A JWK Set whose keys are valid.
#[derive(Debug, Clone)]
pub struct JwkSet(Vec<Jwk>);

impl JwkSet {
    /// Parses a set for `algorithm`.
    pub fn parse(text: &str, algorithm: Algorithm, deployment: Deployment) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        // serde's own text may quote the input.
        let set: Set = serde_json::from_str(text).map_err(|_| KeySetError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany);
        }
        let mut keys: Vec<Jwk> = Vec::new();
        for (position, value) in set.keys.into_iter().enumerate() {
            if !value.is_object() {
                return Err(KeySetError::Malformed);
            }
            let key = name(&value).unwrap_or_else(|| format!("number {}", position + 1));
            let members: Members = serde_json::from_value(value)
                .map_err(|_| KeySetError::Key { key: key.clone(), problem: KeyProblem::Damaged })?;
            let jwk = Jwk::validate(members, algorithm, deployment)
                .map_err(|problem| KeySetError::Key { key: key.clone(), problem })?;
            if keys.iter().any(|other| other.kid() == jwk.kid()) {
                return Err(KeySetError::DuplicateKid(jwk.kid().to_owned()));
            }
            keys.push(jwk);
        }
        if keys.is_empty() { Err(KeySetError::Empty) } else { Ok(Self(keys)) }
    }

    /// The algorithm of a set, by `kty` and `crv` of its first key. `None` if `text` is not a set, is empty, or
    /// begins with a key of another kind. Nothing else is validated.
    pub fn algorithm_of(text: &str) -> Option<Algorithm> {
        let set: Value = serde_json::from_str(text).ok()?;
        let first = set.get("keys")?.get(0)?;
        Algorithm::of_kind(first.get("kty")?.as_str()?, first.get("crv").and_then(Value::as_str))
    }

    /// A set of these keys.
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self(keys)
    }

    /// The keys in the order of the set.
    pub fn keys(&self) -> &[Jwk] {
        &self.0
    }

    /// The public halves. HMAC keys have none.
    #[must_use]
    pub fn public(&self) -> Self {
        Self(self.0.iter().filter_map(Jwk::public).collect())
    }

    /// The set as JSON.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct Set<'a> {
            keys: Vec<&'a Members>,
        }
        let set = Set { keys: self.0.iter().map(Jwk::members).collect() };
        serde_json::to_string(&set).unwrap_or_default()
    }
}

/// A key's `kid`, if it can be shown.
fn name(key: &Value) -> Option<String> {
    key.get("kid")?.as_str().filter(|kid| is_kid(kid)).map(str::to_owned)
}
