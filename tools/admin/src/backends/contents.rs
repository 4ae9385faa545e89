//! What a text is, as far as keys go.

use secrecy::ExposeSecret as _;
use shared::domain::keys::{
    jwk::{Algorithm, Jwk},
    key_set::{JwkSet, KeysError, MAX_KEYS, SigningKeySet, VerifyingKeySet},
};

use super::Contents;

/// A set that the functions take.
#[derive(Debug, Clone)]
pub(crate) struct Set {
    pub(crate) algorithm: Algorithm,
    pub(crate) set: JwkSet,
}

/// What a place holds.
pub(crate) enum Held {
    /// Nothing, or a set of nothing.
    Nothing,
    /// A plain HMAC key. If it is no good, why.
    Plain(Result<(), KeysError>),
    /// Keys that sign.
    Private(Set),
    /// Keys that only check.
    Public(Set),
    /// Nothing that the functions take. The text goes on after the place's name.
    Other(String),
}

impl Held {
    /// `local` tells that it is on this machine.
    pub(super) fn read(contents: &Contents, local: bool) -> Self {
        match contents {
            Contents::Nothing => Self::Nothing,
            Contents::NoText => Self::Other("holds no text".to_owned()),
            Contents::Text(text) => Self::of(text.expose_secret(), local),
        }
    }

    fn of(text: &str, local: bool) -> Self {
        if text.trim().is_empty() {
            return Self::Nothing;
        }
        if !text.trim_start().starts_with('{') {
            return match SigningKeySet::parse(text, Algorithm::Hs256, local) {
                Err(problem @ KeysError::Malformed) => Self::Other(why(&problem)),
                outcome => Self::Plain(outcome.map(|_| ())),
            };
        }
        match JwkSet::algorithm_of(text) {
            Some(algorithm) => {
                Self::of_set(text, algorithm, local).unwrap_or_else(|problem| Self::Other(why(&problem)))
            }
            // The algorithm does not matter where there is no key.
            None => match JwkSet::parse(text, Algorithm::EdDsa, local) {
                Err(KeysError::Empty) => Self::Nothing,
                Err(problem @ KeysError::Malformed) => Self::Other(why(&problem)),
                _ => Self::Other("holds a JWK Set whose first key is of no kind that signs here".to_owned()),
            },
        }
    }

    fn of_set(text: &str, algorithm: Algorithm, local: bool) -> Result<Self, KeysError> {
        let set = JwkSet::parse(text, algorithm, local)?;
        if set.keys().iter().any(Jwk::is_private) {
            SigningKeySet::parse(text, algorithm, local)?;
            Ok(Self::Private(Set { algorithm, set }))
        } else {
            VerifyingKeySet::parse_public(text, algorithm, local)?;
            Ok(Self::Public(Set { algorithm, set }))
        }
    }

    /// What it is, in a few words that go on after the place's name.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Nothing => "holds nothing".to_owned(),
            Self::Plain(_) => "holds a plain key".to_owned(),
            Self::Private(keys) => format!("holds {}", keys.describe("")),
            Self::Public(keys) => format!("holds {}", keys.describe("public ")),
            Self::Other(why) => why.clone(),
        }
    }
}

/// The text is one for functions, and sends whoever reads it here.
fn why(problem: &KeysError) -> String {
    match problem {
        KeysError::TooMany => format!("holds a JWK Set of more than {MAX_KEYS} keys, which nothing here takes"),
        problem => problem.to_string(),
    }
}

impl Set {
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
    use super::*;

    fn set(algorithm: Algorithm) -> JwkSet {
        JwkSet::new(vec![Jwk::generate(algorithm, 1).unwrap()])
    }

    #[test]
    fn each_text_is_taken_for_what_it_is() {
        for nothing in ["", " \n", r#"{"keys":[]}"#, "{ \"keys\" : [] }\n"] {
            assert!(matches!(Held::of(nothing, false), Held::Nothing), "{nothing}");
        }
        assert!(matches!(Held::of("7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c", false), Held::Plain(Ok(()))));
        assert!(matches!(Held::of("short", false), Held::Plain(Err(_))));
        for algorithm in Algorithm::ALL {
            let keys = set(algorithm);
            assert!(matches!(Held::of(&keys.to_json(), false), Held::Private(keys) if keys.algorithm == algorithm));
            if algorithm.is_asymmetric() {
                let public = keys.public().to_json();
                assert!(matches!(Held::of(&public, false), Held::Public(keys) if keys.algorithm == algorithm));
            }
        }
    }

    #[test]
    fn what_is_no_set_says_why() {
        let mixed = JwkSet::new([set(Algorithm::EdDsa), set(Algorithm::Es256)].map(|set| set.keys()[0].clone()).into());
        let half =
            JwkSet::new([set(Algorithm::EdDsa), set(Algorithm::EdDsa).public()].map(|s| s.keys()[0].clone()).into());
        for (text, why) in [
            ("{", "holds no JWK Set"),
            ("{}", "holds no JWK Set"),
            ("[{}]", "holds no JWK Set"),
            (r#"{"keys":[1]}"#, "holds no JWK Set"),
            (r#"{"keys":[{"kty":"EC","crv":"P-384"}]}"#, "is of no kind that signs here"),
            (&mixed.to_json(), "is no key for signing with EdDSA"),
            (&half.to_json(), "is public, and private keys belong here"),
        ] {
            let Held::Other(text) = Held::of(text, false) else { panic!("{text}") };
            assert!(text.contains(why), "{text}");
        }
    }
}
