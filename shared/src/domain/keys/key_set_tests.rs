//! Tests of key sets.

use std::time::Duration;

use super::*;
use crate::domain::{deployment::Deployment, time::UnixSeconds};
use serde_json::{Value, json};

fn jwk(algorithm: Algorithm, now: u64) -> Value {
    serde_json::to_value(Jwk::generate(algorithm, UnixSeconds::new(now)).unwrap().members()).unwrap()
}

fn problem(set: &Value, algorithm: Algorithm) -> String {
    SigningKeySet::parse(&set.to_string(), algorithm, Deployment::Aws).err().unwrap().to_string()
}

#[test]
fn a_plain_key_is_for_hs256_and_publishes_nothing() {
    let key = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";
    let keys = SigningKeySet::parse(key, Algorithm::Hs256, Deployment::Aws).unwrap();
    assert_eq!(keys.public(), r#"{"keys":[]}"#);
    assert!(verifying(&keys).find(Some("any")).is_some() && verifying(&keys).find(None).is_some());
    assert_eq!(
        SigningKeySet::parse(key, Algorithm::EdDsa, Deployment::Aws).err(),
        Some(KeySetError::NoSet(Algorithm::EdDsa))
    );
    assert!(matches!(
        SigningKeySet::parse("short", Algorithm::Hs256, Deployment::Aws).err(),
        Some(KeySetError::Weak(_))
    ));
    let set = json!({ "keys": [jwk(Algorithm::Hs256, 1)] }).to_string();
    for wrong in [format!("[{set}]"), format!("\u{feff}{set}"), serde_json::to_string(&set).unwrap()] {
        assert_eq!(
            SigningKeySet::parse(&wrong, Algorithm::Hs256, Deployment::Aws).err(),
            Some(KeySetError::Malformed),
            "{wrong}"
        );
    }
}

#[test]
fn a_set_of_hmac_keys_publishes_nothing_and_is_looked_up_by_kid() {
    let (one, other) = (jwk(Algorithm::Hs256, 1), jwk(Algorithm::Hs256, 2));
    let keys =
        SigningKeySet::parse(&json!({ "keys": [one, other] }).to_string(), Algorithm::Hs256, Deployment::Aws).unwrap();
    assert_eq!(keys.public(), r#"{"keys":[]}"#);
    assert!(verifying(&keys).find(other["kid"].as_str()).is_some());
    assert!(verifying(&keys).find(Some("other")).is_none() && verifying(&keys).find(None).is_none());
}

#[test]
fn the_first_key_signs_once_all_verifiers_have_had_time_to_read_it() {
    let (new, old) = (jwk(Algorithm::EdDsa, 1000), jwk(Algorithm::EdDsa, 10));
    let set = |keys: &[&Value]| {
        SigningKeySet::parse(&json!({ "keys": keys }).to_string(), Algorithm::EdDsa, Deployment::Aws).unwrap()
    };
    let refresh = Duration::from_secs(300);
    let signer = |keys: &SigningKeySet, now| keys.signer(UnixSeconds::new(now), refresh).kid.clone().unwrap();
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
        let keys = SigningKeySet::parse(&set.to_string(), Algorithm::EdDsa, Deployment::Aws).unwrap();
        let signer = |at| keys.signer(UnixSeconds::new(at), refresh).kid();
        let from = keys.signs_from(key["kid"].as_str().unwrap(), UnixSeconds::new(now), refresh)?.get();
        assert_eq!(signer(from), key["kid"].as_str());
        assert!(from == now || signer(from - 1) != key["kid"].as_str());
        Some(from)
    };
    let all = json!({ "keys": [newest, new, old] });
    assert_eq!([&newest, &new, &old].map(|key| signs_from(&all, key, 1201)), [Some(1531), Some(1331), Some(1201)]);
    assert_eq!([&newest, &new, &old].map(|key| signs_from(&all, key, 1531)), [Some(1531), None, None]);
    let recent = json!({ "keys": [newest, new] });
    assert_eq!([&newest, &new].map(|key| signs_from(&recent, key, 1201)), [Some(1531), Some(1201)]);
    let reversed = json!({ "keys": [new, newest] });
    assert_eq!([&newest, &new].map(|key| signs_from(&reversed, key, 1201)), [None, Some(1201)]);
    assert_eq!(signs_from(&all, &jwk(Algorithm::EdDsa, 1), 1201), None, "the key is not in the set");
    let mut undated = new.clone();
    undated.as_object_mut().unwrap().remove("iat");
    let undated_first = json!({ "keys": [undated, old] });
    assert_eq!(signs_from(&undated_first, &new, 1201), Some(1201), "a key without a date counts as old");
}

#[test]
fn the_error_for_an_invalid_set_names_the_kid_and_quotes_no_value() {
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
        (json!({ "keys": [] }), "without keys"),
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
    assert_eq!(
        SigningKeySet::parse("{ no JSON", Algorithm::EdDsa, Deployment::Aws).err(),
        Some(KeySetError::Malformed)
    );
}

#[test]
fn the_first_key_determines_the_algorithm_of_a_set() {
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
fn private_keys_are_rejected_in_a_public_set() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let private = JwkSet::new(vec![Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap()]);
        let kid = private.keys()[0].kid().to_owned();
        let refused = VerifyingKeySet::parse_public(&private.to_json(), algorithm, Deployment::Aws).err();
        assert_eq!(refused, Some(KeySetError::Key { key: kid.clone(), problem: KeyProblem::Private }));
        let keys = VerifyingKeySet::parse_public(&private.public().to_json(), algorithm, Deployment::Aws).unwrap();
        assert!(keys.find(Some(&kid)).is_some() && keys.find(None).is_none());
    }
}

fn verifying(keys: &SigningKeySet) -> &VerifyingKeySet {
    keys.as_ref()
}
