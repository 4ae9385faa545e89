//! Tests of single keys.

use super::{jwk::*, *};
use crate::domain::{deployment::Deployment, time::UnixSeconds};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

fn validated(jwk: &Value, algorithm: Algorithm) -> Result<Jwk, KeyProblem> {
    Jwk::validate(serde_json::from_value(jwk.clone()).unwrap(), algorithm, Deployment::Aws)
}

fn generated(algorithm: Algorithm) -> Value {
    serde_json::to_value(Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap().members()).unwrap()
}

#[test]
fn the_key_of_rfc_8037_has_the_thumbprint_of_rfc_8037() {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
    assert_eq!(validated(&jwk, Algorithm::EdDsa).unwrap().kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn the_key_of_rfc_7638_has_the_thumbprint_of_rfc_7638() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE\
             CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q\
             vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6\
             WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk = json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256" });
    assert_eq!(validated(&jwk, Algorithm::Rs256).unwrap().kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_generated_key_signs_and_its_public_half_does_not() {
    for algorithm in Algorithm::ALL {
        let jwk = Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap();
        assert!(jwk.is_private() && jwk.encoding_key().is_ok() && jwk.decoding_key().is_ok(), "{algorithm}");
        assert_eq!(jwk.kid().len(), 43);
        let Some(public) = jwk.public() else {
            assert_eq!(algorithm, Algorithm::Hs256);
            continue;
        };
        assert_eq!(public.kid(), jwk.kid());
        assert!(!public.is_private() && public.decoding_key().is_ok());
        assert_eq!(public.encoding_key().err(), Some(KeyProblem::Public));
        let text = serde_json::to_string(public.members()).unwrap();
        let private = generated_members(&jwk);
        assert!(private.iter().all(|private| !text.contains(private)), "{text}");
    }
}

fn generated_members(jwk: &Jwk) -> Vec<String> {
    let m = jwk.members();
    [&m.k, &m.d, &m.p, &m.q, &m.dp, &m.dq, &m.qi].into_iter().flatten().cloned().collect()
}

#[test]
fn a_key_of_another_kind_is_rejected() {
    for (algorithm, other) in [
        (Algorithm::EdDsa, Algorithm::Es256),
        (Algorithm::Es256, Algorithm::Rs256),
        (Algorithm::Rs256, Algorithm::Hs256),
        (Algorithm::Hs256, Algorithm::EdDsa),
    ] {
        assert_eq!(validated(&generated(other), algorithm).err(), Some(KeyProblem::OtherKind(algorithm)));
    }
    let key = generated(Algorithm::EdDsa);
    for (member, value) in [
        ("alg", json!("ES256")),
        ("use", json!("enc")),
        ("key_ops", json!(["encrypt"])),
        ("crv", json!("X25519")),
        ("kty", json!("EC")),
    ] {
        let mut key = key.clone();
        key[member] = value;
        let refused = validated(&key, Algorithm::EdDsa).err();
        assert_eq!(refused, Some(KeyProblem::OtherKind(Algorithm::EdDsa)), "{member}");
    }
}

#[test]
fn numbers_of_different_keys_are_rejected() {
    for (algorithm, members) in [
        (Algorithm::EdDsa, ["d", "x"].as_slice()),
        (Algorithm::Es256, &["d", "x", "y"]),
        (Algorithm::Rs256, &["d", "p", "q", "dp", "dq", "qi", "n"]),
    ] {
        let (key, other) = (generated(algorithm), generated(algorithm));
        for member in members {
            let mut mixed = key.clone();
            mixed[member] = other[member].clone();
            let outcome = validated(&mixed, algorithm).and_then(|key| key.encoding_key());
            assert_eq!(outcome.err(), Some(KeyProblem::Damaged), "{algorithm} {member}");
            for broken in [json!("!"), json!(""), json!("AAAA")] {
                let mut mixed = key.clone();
                mixed[member] = broken;
                assert!(validated(&mixed, algorithm).and_then(|key| key.encoding_key()).is_err(), "{member}");
            }
        }
    }
}

#[test]
fn public_keys_that_allow_forgery_are_rejected() {
    let ed25519 = |bytes: &[u8]| json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(bytes) });
    // The neutral point in its two signs, the point of order 2, 0 as p, and a point of order 8.
    let mut order_2 = [0xff; 32];
    (order_2[0], order_2[31]) = (0xec, 0x7f);
    let mut p = order_2;
    p[0] = 0xed;
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let mut signed = neutral;
    signed[31] = 0x80;
    let order_8 = [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
        0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ];
    for point in [neutral, signed, order_2, p, order_8, [0; 32]] {
        assert_eq!(validated(&ed25519(&point), Algorithm::EdDsa).err(), Some(KeyProblem::Damaged), "{point:02x?}");
    }
    let rsa = |n: &[u8]| json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(n) });
    let (mut even, huge) = ([0xff; 256], [0xff; 1025]);
    even[255] = 0xfe;
    for n in [&even[..], &huge] {
        assert_eq!(validated(&rsa(n), Algorithm::Rs256).err(), Some(KeyProblem::Damaged));
    }
    let one = URL_SAFE_NO_PAD.encode([1; 32]);
    let off_curve = json!({ "kty": "EC", "crv": "P-256", "x": one, "y": one });
    assert_eq!(validated(&off_curve, Algorithm::Es256).err(), Some(KeyProblem::Damaged));
}

#[test]
fn key_ops_must_include_the_operation_that_the_key_is_used_for() {
    for (operation, private, public) in [("sign", true, false), ("verify", false, true), ("encrypt", false, false)] {
        let mut key = generated(Algorithm::EdDsa);
        key["key_ops"] = json!([operation]);
        assert_eq!(validated(&key, Algorithm::EdDsa).is_ok(), private, "{operation}");
        key.as_object_mut().unwrap().remove("d");
        assert_eq!(validated(&key, Algorithm::EdDsa).is_ok(), public, "{operation}");
    }
}

#[test]
fn a_published_key_has_the_algorithm_name_of_the_tokens() {
    let mut key = generated(Algorithm::EdDsa);
    key["alg"] = json!("Ed25519");
    let public = validated(&key, Algorithm::EdDsa).unwrap().public().unwrap();
    assert_eq!(public.members().alg.as_deref(), Some("EdDSA"));
}

#[test]
fn an_iat_in_milliseconds_is_rejected() {
    let mut key = generated(Algorithm::EdDsa);
    key["iat"] = json!(1_795_334_400_000_u64);
    assert_eq!(validated(&key, Algorithm::EdDsa).err(), Some(KeyProblem::Time));
}

#[test]
fn weak_keys_are_rejected() {
    let key = |bytes: &[u8]| json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(bytes) });
    let refused = |key: &Value, algorithm| validated(key, algorithm).err();
    assert_eq!(refused(&key(&[7; 31]), Algorithm::Hs256), Some(KeyProblem::Weak(WeakSecret::TooShort)));
    let printed = key(b"a-string-secret-at-least-256-bits-long");
    assert_eq!(refused(&printed, Algorithm::Hs256), Some(KeyProblem::Weak(WeakSecret::Published)));
    let mut rsa = generated(Algorithm::Rs256);
    rsa["e"] = json!("Aw");
    assert_eq!(refused(&rsa, Algorithm::Rs256), Some(KeyProblem::WeakRsa));
    let mut bytes = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
    rsa["e"] = json!("AQAB");
    bytes[0] = 0x7f;
    rsa["n"] = json!(URL_SAFE_NO_PAD.encode(&bytes));
    assert_eq!(refused(&rsa, Algorithm::Rs256), Some(KeyProblem::WeakRsa), "2047 bits");
}

#[test]
fn a_printable_kid_is_accepted_unchanged() {
    let mut key = generated(Algorithm::EdDsa);
    key["kid"] = json!("2026-11");
    assert_eq!(validated(&key, Algorithm::EdDsa).unwrap().kid(), "2026-11");
    for kid in ["", "a b", "ü", "line\nbreak", &"k".repeat(129)] {
        key["kid"] = json!(kid);
        assert_eq!(validated(&key, Algorithm::EdDsa).err(), Some(KeyProblem::Kid), "{kid}");
    }
}
