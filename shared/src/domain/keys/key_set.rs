//! Sets of keys: the text behind `JWT_SECRET_ARN` or `JWT_PUBLIC_KEYS_ARN`, read and checked.

use std::time::Duration;

use jsonwebtoken::{DecodingKey, EncodingKey};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::keys::{
    hmac_secret::{self, WeakSecret},
    jwk::{Algorithm, Jwk, KeyProblem, Members},
};

/// Most keys in a set. A rotation a month with tokens of 30 days needs two.
pub const MAX_KEYS: usize = 16;

/// How much longer than the refresh time a new key waits before it signs, at most.
const MARGIN: Duration = Duration::from_secs(30);

/// A set that is not taken. The text names a key by its `kid`, or by its place where it has none, and quotes no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// A text where a set is needed.
    #[error("holds no JWK Set (RFC 7517), which JWT_ALGORITHM {0} needs; `admin keys new` makes one")]
    NoSet(Algorithm),
    /// JSON that is no JWK Set, or no JSON.
    #[error("holds no JWK Set (RFC 7517): it must be a JSON object with an array `keys` of objects")]
    Malformed,
    /// A set of nothing.
    #[error("holds a JWK Set without a key; `admin keys new` makes one")]
    Empty,
    /// More keys than anybody needs.
    #[error("holds a JWK Set of more than {MAX_KEYS} keys")]
    TooMany,
    /// Two keys that tokens could not tell apart.
    #[error("holds two keys with the kid {0}")]
    SameKid(String),
    /// A key that is no good.
    #[error("holds a JWK Set in which the key {key} {problem}")]
    Key {
        /// Its `kid`, or its place.
        key: String,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// A plain HMAC key that is no good.
    #[error("{0}")]
    Weak(#[from] WeakSecret),
}

/// A JWK Set, each of its keys checked.
#[derive(Debug, Clone)]
pub struct JwkSet(Vec<Jwk>);

impl JwkSet {
    /// Reads a set for `algorithm`. `local` tells that the database is on this machine.
    pub fn parse(text: &str, algorithm: Algorithm, local: bool) -> Result<Self, KeysError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        // serde's own text may quote what it read.
        let set: Set = serde_json::from_str(text).map_err(|_| KeysError::Malformed)?;
        if set.keys.len() > MAX_KEYS {
            return Err(KeysError::TooMany);
        }
        let mut keys: Vec<Jwk> = Vec::new();
        for (place, value) in set.keys.into_iter().enumerate() {
            if !value.is_object() {
                return Err(KeysError::Malformed);
            }
            let key = name(&value).unwrap_or_else(|| format!("number {}", place + 1));
            let members: Members = serde_json::from_value(value)
                .map_err(|_| KeysError::Key { key: key.clone(), problem: KeyProblem::Damaged })?;
            let jwk = Jwk::check(members, algorithm, local)
                .map_err(|problem| KeysError::Key { key: key.clone(), problem })?;
            if keys.iter().any(|other| other.kid() == jwk.kid()) {
                return Err(KeysError::SameKid(jwk.kid().to_owned()));
            }
            keys.push(jwk);
        }
        if keys.is_empty() { Err(KeysError::Empty) } else { Ok(Self(keys)) }
    }

    /// The algorithm of a set: the one that its first key is for, as `kty` and `crv` tell. `None`, if `text` is no set, holds no
    /// key, or a first one of another kind. Nothing else is checked.
    pub fn algorithm_of(text: &str) -> Option<Algorithm> {
        let set: Value = serde_json::from_str(text).ok()?;
        let first = set.get("keys")?.get(0)?;
        Algorithm::of_kind(first.get("kty")?.as_str()?, first.get("crv").and_then(Value::as_str))
    }

    /// A set of these keys.
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self(keys)
    }

    /// The keys, in their order.
    pub fn keys(&self) -> &[Jwk] {
        &self.0
    }

    /// The public halves. Of HMAC keys nothing is left.
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

/// A key's `kid`, where it can be shown.
fn name(key: &Value) -> Option<String> {
    let kid = key.get("kid")?.as_str()?;
    (kid.len() <= 128 && !kid.is_empty() && kid.bytes().all(|b| b.is_ascii_graphic())).then(|| kid.to_owned())
}

/// What checks tokens.
pub struct VerifyingKeySet {
    algorithm: Algorithm,
    keys: Vec<(Option<String>, DecodingKey)>,
}

impl VerifyingKeySet {
    /// Reads a set of public keys. A private one is refused: whoever only checks must not be able to sign.
    pub fn parse_public(text: &str, algorithm: Algorithm, local: bool) -> Result<Self, KeysError> {
        let set = JwkSet::parse(text, algorithm, local)?;
        if let Some(private) = set.keys().iter().find(|key| key.is_private()) {
            return Err(KeysError::Key { key: private.kid().to_owned(), problem: KeyProblem::Private });
        }
        Self::of(&set, algorithm)
    }

    fn of(set: &JwkSet, algorithm: Algorithm) -> Result<Self, KeysError> {
        let checking = |jwk: &Jwk| match jwk.decoding_key() {
            Ok(key) => Ok((Some(jwk.kid().to_owned()), key)),
            Err(problem) => Err(KeysError::Key { key: jwk.kid().to_owned(), problem }),
        };
        Ok(Self { algorithm, keys: set.keys().iter().map(checking).collect::<Result<_, _>>()? })
    }

    /// What tokens are signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key that a token names. A key that is in no set has no name, and checks every token.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        self.keys.iter().find(|(name, _)| name.is_none() || name.as_deref() == kid).map(|(_, key)| key)
    }
}

impl AsRef<Self> for VerifyingKeySet {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// A key that signs.
pub struct SigningKey {
    pub(crate) kid: Option<String>,
    pub(crate) key: EncodingKey,
    pub(crate) algorithm: Algorithm,
    issued_at: Option<u64>,
}

impl SigningKey {
    /// Its name in tokens. A key that is in no set has none.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The time from which every verifier has read the key, in seconds since 1970. `None`: the key has no date and counts as old.
    fn settled_from(&self, refresh: Duration) -> Option<u64> {
        // Clocks differ, and a source is read again after a failure.
        let settling = refresh.saturating_add(refresh.min(MARGIN)).as_secs();
        Some(self.issued_at?.saturating_add(settling).saturating_add(1))
    }
}

/// What signs tokens, and checks them.
pub struct SigningKeySet {
    first: SigningKey,
    others: Vec<SigningKey>,
    checking: VerifyingKeySet,
    public: String,
}

impl SigningKeySet {
    /// Reads a plain HMAC key, or a set of private keys. What begins with a brace is a set.
    pub fn parse(text: &str, algorithm: Algorithm, local: bool) -> Result<Self, KeysError> {
        // Other JSON, and a mark in front of it, are a set that somebody wrote wrongly, and no key.
        if text.trim_start().starts_with(['[', '"', '\u{feff}']) {
            return Err(KeysError::Malformed);
        }
        if !text.trim_start().starts_with('{') {
            return if algorithm.is_asymmetric() { Err(KeysError::NoSet(algorithm)) } else { Self::plain(text, local) };
        }
        let set = JwkSet::parse(text, algorithm, local)?;
        let signing = |jwk: &Jwk| match jwk.encoding_key() {
            Ok(key) => Ok(SigningKey { kid: Some(jwk.kid().to_owned()), key, algorithm, issued_at: jwk.issued_at() }),
            Err(problem) => Err(KeysError::Key { key: jwk.kid().to_owned(), problem }),
        };
        let mut keys = set.keys().iter().map(signing).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = keys.next().ok_or(KeysError::Empty)?;
        let checking = VerifyingKeySet::of(&set, algorithm)?;
        Ok(Self { first, others: keys.collect(), checking, public: set.public().to_json() })
    }

    fn plain(text: &str, local: bool) -> Result<Self, KeysError> {
        hmac_secret::check_strength(text.as_bytes(), local)?;
        let algorithm = Algorithm::Hs256;
        let first =
            SigningKey { kid: None, key: EncodingKey::from_secret(text.as_bytes()), algorithm, issued_at: None };
        let keys = vec![(None, DecodingKey::from_secret(text.as_bytes()))];
        let checking = VerifyingKeySet { algorithm, keys };
        Ok(Self { first, others: Vec::new(), checking, public: JwkSet::new(Vec::new()).to_json() })
    }

    /// The key to sign with at `now`, in seconds since 1970: the first one. While that is younger than `refresh` and a margin, the
    /// next one that is older goes on: until then, not everybody who checks tokens has read the new key. Where all are that young,
    /// the oldest signs, since it is the one that most have read.
    pub fn signer(&self, now: u64, refresh: Duration) -> &SigningKey {
        let is_settled = |key: &&SigningKey| key.settled_from(refresh).is_none_or(|settled| settled <= now);
        // Of two that were made in the same second, the one in front is the newer one.
        let oldest = || self.keys().reduce(|older, key| if key.issued_at <= older.issued_at { key } else { older });
        self.keys().find(is_settled).or_else(oldest).unwrap_or(&self.first)
    }

    /// The earliest time from `now` on at which the key `kid` is the [signer](Self::signer), in seconds since 1970. `None`: the
    /// set prefers other keys from `now` on.
    pub fn signs_from(&self, kid: &str, now: u64, refresh: Duration) -> Option<u64> {
        let signs = |at: &u64| self.signer(*at, refresh).kid() == Some(kid);
        // The signer changes only when a key has settled.
        let changes = self.keys().filter_map(|key| key.settled_from(refresh)).filter(|at| *at > now);
        std::iter::once(now).chain(changes).filter(signs).min()
    }

    fn keys(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// The same keys for checking alone.
    pub fn into_checking(self) -> VerifyingKeySet {
        self.checking
    }

    /// The public halves as a JWK Set, in JSON.
    pub fn public(&self) -> &str {
        &self.public
    }
}

impl AsRef<VerifyingKeySet> for SigningKeySet {
    fn as_ref(&self) -> &VerifyingKeySet {
        &self.checking
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn jwk(algorithm: Algorithm, now: u64) -> Value {
        serde_json::to_value(Jwk::generate(algorithm, now).unwrap().members()).unwrap()
    }

    fn problem(set: &Value, algorithm: Algorithm) -> String {
        SigningKeySet::parse(&set.to_string(), algorithm, false).err().unwrap().to_string()
    }

    #[test]
    fn a_plain_key_is_for_hs256_and_publishes_nothing() {
        let key = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";
        let keys = SigningKeySet::parse(key, Algorithm::Hs256, false).unwrap();
        assert_eq!(keys.public(), r#"{"keys":[]}"#);
        assert!(keys.checking.find(Some("any")).is_some() && keys.checking.find(None).is_some());
        assert_eq!(SigningKeySet::parse(key, Algorithm::EdDsa, false).err(), Some(KeysError::NoSet(Algorithm::EdDsa)));
        assert!(matches!(SigningKeySet::parse("short", Algorithm::Hs256, false).err(), Some(KeysError::Weak(_))));
        let set = json!({ "keys": [jwk(Algorithm::Hs256, 1)] }).to_string();
        for wrong in [format!("[{set}]"), format!("\u{feff}{set}"), serde_json::to_string(&set).unwrap()] {
            assert_eq!(
                SigningKeySet::parse(&wrong, Algorithm::Hs256, false).err(),
                Some(KeysError::Malformed),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_set_of_hmac_keys_publishes_nothing_and_its_keys_go_by_kid() {
        let (one, other) = (jwk(Algorithm::Hs256, 1), jwk(Algorithm::Hs256, 2));
        let keys = SigningKeySet::parse(&json!({ "keys": [one, other] }).to_string(), Algorithm::Hs256, false).unwrap();
        assert_eq!(keys.public(), r#"{"keys":[]}"#);
        assert!(keys.checking.find(other["kid"].as_str()).is_some());
        assert!(keys.checking.find(Some("other")).is_none() && keys.checking.find(None).is_none());
    }

    #[test]
    fn the_first_key_signs_once_everybody_has_had_time_to_see_it() {
        let (new, old) = (jwk(Algorithm::EdDsa, 1000), jwk(Algorithm::EdDsa, 10));
        let set = |keys: &[&Value]| {
            SigningKeySet::parse(&json!({ "keys": keys }).to_string(), Algorithm::EdDsa, false).unwrap()
        };
        let refresh = Duration::from_secs(300);
        let signer = |keys: &SigningKeySet, now| keys.signer(now, refresh).kid.clone().unwrap();
        let both = set(&[&new, &old]);
        assert_eq!(signer(&both, 1330), old["kid"]);
        assert_eq!(signer(&both, 1331), new["kid"]);
        assert_eq!(signer(&set(&[&new]), 1000), new["kid"], "there is no other");
        let newest = jwk(Algorithm::EdDsa, 1200);
        assert_eq!(signer(&set(&[&newest, &new]), 1201), new["kid"], "more have read the older one");
        assert_eq!(signer(&set(&[&new, &newest]), 1201), new["kid"], "wherever it stands");
        assert_eq!(signer(&set(&[&newest, &new]), 1331), new["kid"]);
        assert_eq!(signer(&set(&[&newest, &new]), 1531), newest["kid"]);
        let twin = jwk(Algorithm::EdDsa, 1200);
        assert_eq!(signer(&set(&[&newest, &twin]), 1201), twin["kid"], "what stands in front came last");
        let mut undated = new.clone();
        undated.as_object_mut().unwrap().remove("iat");
        assert_eq!(signer(&set(&[&undated, &old]), 1000), new["kid"], "nothing says that it is new");
        assert_eq!(signer(&set(&[&newest, &undated]), 1201), new["kid"], "wherever it stands");
    }

    #[test]
    fn a_set_tells_when_each_of_its_keys_starts_to_sign() {
        let [newest, new, old] = [1200, 1000, 10].map(|at| jwk(Algorithm::EdDsa, at));
        let refresh = Duration::from_secs(300);
        let signs_from = |set: &Value, key: &Value, now| {
            let keys = SigningKeySet::parse(&set.to_string(), Algorithm::EdDsa, false).unwrap();
            let from = keys.signs_from(key["kid"].as_str().unwrap(), now, refresh);
            if let Some(from) = from {
                assert_eq!(keys.signer(from, refresh).kid(), key["kid"].as_str());
                assert!(from == now || keys.signer(from - 1, refresh).kid() != key["kid"].as_str());
            }
            from
        };
        let all = json!({ "keys": [newest, new, old] });
        assert_eq!([&newest, &new, &old].map(|key| signs_from(&all, key, 1201)), [Some(1531), Some(1331), Some(1201)]);
        assert_eq!([&newest, &new, &old].map(|key| signs_from(&all, key, 1531)), [Some(1531), None, None]);
        let young = json!({ "keys": [newest, new] });
        assert_eq!([&newest, &new].map(|key| signs_from(&young, key, 1201)), [Some(1531), Some(1201)]);
        let reversed = json!({ "keys": [new, newest] });
        assert_eq!([&newest, &new].map(|key| signs_from(&reversed, key, 1201)), [None, Some(1201)]);
        assert_eq!(signs_from(&all, &jwk(Algorithm::EdDsa, 1), 1201), None, "no key of the set");
        let mut undated = new.clone();
        undated.as_object_mut().unwrap().remove("iat");
        assert_eq!(signs_from(&json!({ "keys": [undated, old] }), &new, 1201), Some(1201), "no date says that it is new");
    }

    #[test]
    fn a_bad_set_is_refused_with_a_text_that_names_the_kid_and_no_value() {
        let good = jwk(Algorithm::EdDsa, 1);
        let kid = good["kid"].as_str().unwrap();
        let mut nameless = good.clone();
        nameless.as_object_mut().unwrap().remove("kid");
        nameless["x"] = json!("AAAA");
        let mut public = good.clone();
        public.as_object_mut().unwrap().remove("d");
        let other = jwk(Algorithm::Es256, 1);
        for (set, text) in [
            (json!({}), "array `keys`"),
            (json!({ "keys": "x" }), "array `keys`"),
            (json!({ "keys": [1] }), "array `keys`"),
            (json!({ "keys": [] }), "without a key"),
            (json!({ "keys": [good, good] }), kid),
            (json!({ "keys": [good, nameless] }), "number 2"),
            (json!({ "keys": [good, other] }), other["kid"].as_str().unwrap()),
            (json!({ "keys": [public] }), "is public"),
            (json!({ "keys": vec![&good; 17] }), "more than 16"),
        ] {
            let refused = problem(&set, Algorithm::EdDsa);
            assert!(refused.contains(text), "{refused}");
            for member in ["d", "x"] {
                assert!(!refused.contains(good[member].as_str().unwrap()), "{refused}");
            }
        }
        assert_eq!(SigningKeySet::parse("{ no JSON", Algorithm::EdDsa, false).err(), Some(KeysError::Malformed));
    }

    #[test]
    fn a_set_tells_its_algorithm_by_the_kind_of_its_first_key() {
        for algorithm in Algorithm::ALL {
            let set = json!({ "keys": [jwk(algorithm, 1), jwk(Algorithm::EdDsa, 1)] }).to_string();
            assert_eq!(JwkSet::algorithm_of(&set), Some(algorithm));
        }
        let other = r#"{"keys":[{"kty":"EC","crv":"P-384"}]}"#;
        for text in ["", "a plain key", "{}", r#"{"keys":[]}"#, r#"{"keys":{}}"#, r#"{"keys":[1]}"#, other] {
            assert_eq!(JwkSet::algorithm_of(text), None, "{text}");
        }
    }

    #[test]
    fn private_keys_are_refused_where_public_ones_belong() {
        for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
            let private = JwkSet::new(vec![Jwk::generate(algorithm, 1).unwrap()]);
            let kid = private.keys()[0].kid().to_owned();
            let refused = VerifyingKeySet::parse_public(&private.to_json(), algorithm, false).err();
            assert_eq!(refused, Some(KeysError::Key { key: kid.clone(), problem: KeyProblem::Private }));
            let keys = VerifyingKeySet::parse_public(&private.public().to_json(), algorithm, false).unwrap();
            assert!(keys.find(Some(&kid)).is_some() && keys.find(None).is_none());
        }
    }
}
