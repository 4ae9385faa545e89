//! Classification of a stored value.

use secrecy::ExposeSecret as _;
use shared::domain::{
    deployment::Deployment,
    keys::{Algorithm, Jwk, JwkSet, KeySetError, SigningKeySet, VerifyingKeySet},
};

use super::value::StoredValue;

/// A valid key set.
#[derive(Debug, Clone)]
pub(crate) struct KeySet {
    pub(crate) algorithm: Algorithm,
    pub(crate) set: JwkSet,
}

/// What a location contains.
pub(crate) enum Contents {
    /// No value, or a set without keys.
    Empty,
    /// An HMAC key that is not in a set. The error is the reason why it is not accepted.
    PlainKey(Result<(), KeySetError>),
    /// Keys that sign.
    Private(KeySet),
    /// Keys that only verify.
    Public(KeySet),
    /// A value that the functions do not accept. The text follows the name of the location.
    Invalid(String),
}

impl Contents {
    pub(super) fn read(value: &StoredValue, deployment: Deployment) -> Self {
        match value {
            StoredValue::Missing => Self::Empty,
            StoredValue::Binary => Self::Invalid("contains binary data instead of text".to_owned()),
            StoredValue::Text(text) => Self::parse(text.expose_secret(), deployment),
        }
    }

    fn parse(text: &str, deployment: Deployment) -> Self {
        if text.trim().is_empty() {
            return Self::Empty;
        }
        if !text.trim_start().starts_with('{') {
            return match SigningKeySet::parse(text, Algorithm::Hs256, deployment) {
                Err(error @ KeySetError::Malformed) => Self::Invalid(error.to_string()),
                outcome => Self::PlainKey(outcome.map(|_| ())),
            };
        }
        match JwkSet::algorithm_of(text) {
            Some(algorithm) => {
                Self::parse_set(text, algorithm, deployment).unwrap_or_else(|error| Self::Invalid(error.to_string()))
            }
            // A set without keys parses the same for any algorithm.
            None => match JwkSet::parse(text, Algorithm::EdDsa, deployment) {
                Err(KeySetError::Empty) => Self::Empty,
                Err(error @ KeySetError::Malformed) => Self::Invalid(error.to_string()),
                _ => Self::Invalid("contains a JWK Set whose first key is of an unsupported type".to_owned()),
            },
        }
    }

    fn parse_set(text: &str, algorithm: Algorithm, deployment: Deployment) -> Result<Self, KeySetError> {
        let set = JwkSet::parse(text, algorithm, deployment)?;
        if set.keys().iter().any(Jwk::is_private) {
            SigningKeySet::parse(text, algorithm, deployment)?;
            Ok(Self::Private(KeySet { algorithm, set }))
        } else {
            VerifyingKeySet::parse_public(text, algorithm, deployment)?;
            Ok(Self::Public(KeySet { algorithm, set }))
        }
    }

    /// A short description that follows the name of the location.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Empty => "contains no keys".to_owned(),
            Self::PlainKey(_) => "contains a plain key".to_owned(),
            Self::Private(keys) => format!("contains {}", keys.describe("")),
            Self::Public(keys) => format!("contains {}", keys.describe("public ")),
            Self::Invalid(reason) => reason.clone(),
        }
    }
}

impl KeySet {
    pub(crate) fn new(algorithm: Algorithm, keys: Vec<Jwk>) -> Self {
        Self { algorithm, set: JwkSet::new(keys) }
    }

    pub(crate) fn kids(&self) -> impl Iterator<Item = &str> {
        self.set.keys().iter().map(Jwk::kid)
    }

    pub(crate) fn has(&self, kid: &str) -> bool {
        self.kids().any(|other| other == kid)
    }

    fn describe(&self, kind: &str) -> String {
        let kids: Vec<&str> = self.kids().collect();
        let plural = if kids.len() == 1 { "" } else { "s" };
        format!("{} {kind}{} key{plural} ({})", kids.len(), self.algorithm, kids.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use shared::domain::time::UnixSeconds;

    use super::*;

    fn set(algorithm: Algorithm) -> JwkSet {
        JwkSet::new(vec![Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap()])
    }

    #[test]
    fn empty_values_plain_keys_and_sets_are_recognized() {
        for empty in ["", " \n", r#"{"keys":[]}"#, "{ \"keys\" : [] }\n"] {
            assert!(matches!(Contents::parse(empty, Deployment::Aws), Contents::Empty), "{empty}");
        }
        assert!(matches!(
            Contents::parse("7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c", Deployment::Aws),
            Contents::PlainKey(Ok(()))
        ));
        assert!(matches!(Contents::parse("short", Deployment::Aws), Contents::PlainKey(Err(_))));
        for algorithm in Algorithm::ALL {
            let keys = set(algorithm);
            let contents = Contents::parse(&keys.to_json(), Deployment::Aws);
            assert!(matches!(contents, Contents::Private(keys) if keys.algorithm == algorithm));
            if algorithm.is_asymmetric() {
                let contents = Contents::parse(&keys.public().to_json(), Deployment::Aws);
                assert!(matches!(contents, Contents::Public(keys) if keys.algorithm == algorithm));
            }
        }
    }

    #[test]
    fn an_invalid_set_has_a_reason() {
        let mixed = JwkSet::new([set(Algorithm::EdDsa), set(Algorithm::Es256)].map(|set| set.keys()[0].clone()).into());
        let half =
            JwkSet::new([set(Algorithm::EdDsa), set(Algorithm::EdDsa).public()].map(|s| s.keys()[0].clone()).into());
        for (text, reason) in [
            ("{", "does not hold a JWK Set"),
            ("{}", "does not hold a JWK Set"),
            ("[{}]", "does not hold a JWK Set"),
            (r#"{"keys":[1]}"#, "does not hold a JWK Set"),
            (r#"{"keys":[{"kty":"EC","crv":"P-384"}]}"#, "first key is of an unsupported type"),
            (&mixed.to_json(), "is not a key for signing with EdDSA"),
            (&half.to_json(), "is public, but private keys are required here"),
        ] {
            let Contents::Invalid(text) = Contents::parse(text, Deployment::Aws) else { panic!("{text}") };
            assert!(text.contains(reason), "{text}");
        }
    }
}
