//! Fuzz target for access tokens.

use std::{sync::LazyLock, time::Duration};

use jsonwebtoken::{EncodingKey, crypto};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use shared::domain::{
    deployment::Deployment,
    keys::{Algorithm, SigningKeySet, VerifyingKeySet},
    time::UnixSeconds,
    token::{Claim, LegacyVerifier, TokenBinding, Verifier, VerifierConfig},
};

use crate::{forge, service::KEY};

/// Verifies an access token. The first byte says how the others form the token:
///
/// - `r`: they are the token;
/// - `s`, `a`: a header line and a claims line, correctly signed, for a verifier without and with an audience;
/// - an odd byte: mutations of a valid token that is signed with HS256, three bytes each;
/// - an even byte: mutations of a valid token that is signed with Ed25519.
///
/// A token is accepted only if it is byte for byte the issued one, or if it is correctly signed and all its claims are
/// valid.
///
/// The correctly signed ones are also tokens of an old application, whose rules apply to them as well.
pub fn token(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    match kind {
        b'r' => {
            let text = String::from_utf8_lossy(rest);
            HMAC.assert_accepts_only_valid(&text);
            ED25519.assert_accepts_only_valid(&text);
        }
        b's' => signed_token(rest, None),
        b'a' => signed_token(rest, Some(AUDIENCE)),
        _ => {
            let (issuer, other) = if kind % 2 == 1 { (&*HMAC, &*ED25519) } else { (&*ED25519, &*HMAC) };
            issuer.assert_accepts_only_valid(&mutated(&issuer.valid, &other.valid, rest));
        }
    }
}

/// The time of verification: 2026-11-22, in seconds since 1970. It is fixed because inputs must have the same meaning
/// in every run.
const NOW: UnixSeconds = UnixSeconds::new(1_795_334_400);

/// The subject of the valid tokens.
const SUBJECT: &str = "0b6a9f0e-3c55-4d0c-9c39-6f5a0c9b8d21";

const ISSUER: &str = "postern";

const AUDIENCE: &str = "postern-api";

/// The key pair of RFC 8037 appendix A.1.
const SEED: &str = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A";
const POINT: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

/// The PKCS #8 prefix of an Ed25519 seed (RFC 8410 section 7).
const SEED_HEAD: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// An issuer with a verifier that must accept only the issuer's one token.
struct IssuedToken {
    keys: VerifyingKeySet,
    verifier: Verifier,
    valid: String,
}

static HMAC: LazyLock<IssuedToken> = LazyLock::new(|| {
    let valid = forge::token(r#"{"typ":"JWT","alg":"HS256"}"#, &valid_claims().to_string());
    let keys = SigningKeySet::parse(KEY, Algorithm::Hs256, Deployment::Aws).expect("the key is valid");
    IssuedToken { keys: keys.into_verifying(), verifier: verifier(Algorithm::Hs256, None), valid }
});

static ED25519: LazyLock<IssuedToken> = LazyLock::new(|| {
    let header = forge::encode(r#"{"typ":"JWT","alg":"EdDSA","kid":"one"}"#);
    let message = format!("{header}.{}", forge::encode(valid_claims().to_string()));
    let key = EncodingKey::from_ed_der(&[SEED_HEAD, &forge::decode(SEED)].concat());
    let signature = crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::EdDSA).expect("the key signs");
    let set = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "one", "x": POINT }] }).to_string();
    let keys = VerifyingKeySet::parse_public(&set, Algorithm::EdDsa, Deployment::Aws).expect("the key is valid");
    IssuedToken { keys, verifier: verifier(Algorithm::EdDsa, None), valid: format!("{message}.{signature}") }
});

/// The verifier of an old application that signs with [`KEY`].
static LEGACY: LazyLock<LegacyVerifier> = LazyLock::new(|| {
    let until = NOW + Duration::from_secs(86_400);
    LegacyVerifier::new(KEY, false, &ED25519.keys, until, Duration::ZERO).expect("the key is valid")
});

fn valid_claims() -> Value {
    let (iat, exp) = (NOW.get() - 60, NOW.get() + 600);
    json!({
        "iss": ISSUER, "sub": SUBJECT, "public_id": SUBJECT, "iat": iat, "nbf": iat, "exp": exp,
        "jti": "3f0f3d7e-0c5c-4a39-9a0e-6f1f0b1f7a51", "ver": 3,
    })
}

/// The strictest verifier that settings can configure.
fn verifier(algorithm: Algorithm, audience: Option<&str>) -> Verifier {
    let required = vec![Claim::Iss, Claim::Sub, Claim::PublicId, Claim::Iat, Claim::Nbf, Claim::Exp, Claim::Jti];
    let (issuer, audience) = (ISSUER.to_owned(), audience.map(str::to_owned));
    Verifier::new(
        algorithm,
        VerifierConfig { issuer, audience, leeway: Duration::ZERO, nbf: true, iat: true, required },
    )
}

impl IssuedToken {
    fn assert_accepts_only_valid(&self, text: &str) {
        match self.verifier.verify(text, &self.keys, NOW) {
            Ok(verified) => {
                assert_eq!(text, self.valid, "a token that was not issued is accepted");
                assert_eq!(verified.subject.to_string(), SUBJECT);
                assert_eq!(verified.binding, TokenBinding::Version(3));
            }
            Err(error) => assert_ne!(text, self.valid, "{error}"),
        }
    }
}

/// `token` after mutations. Each step of `steps` is a kind, a position and a value.
fn mutated(token: &str, other: &str, steps: &[u8]) -> String {
    /// The maximum number of mutations. More only cost time.
    const MAX_STEPS: usize = 16;
    let mut text = token.as_bytes().to_vec();
    for step in steps.chunks_exact(3).take(MAX_STEPS) {
        let &[kind, position, value] = step else { break };
        // Addresses every byte of a token of up to 512 bytes.
        let at = (usize::from(position) * 2 + usize::from(kind >> 7)) % text.len().max(1);
        match kind % 8 {
            0 => text.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << (value % 8)),
            1 => text.iter_mut().skip(at).take(1).for_each(|byte| *byte = value),
            // From the end, where base64url has unused bits.
            2 => text.iter_mut().rev().skip(usize::from(position)).take(1).for_each(|byte| *byte = value),
            3 => text.insert(at, value),
            4 => drop(text.drain(at..text.len().min(at + usize::from(value)))),
            5 => text.truncate(at),
            kind => {
                let mut parts: Vec<Vec<u8>> = text.split(|&byte| byte == b'.').map(<[u8]>::to_vec).collect();
                let (one, two) = (usize::from(position) % parts.len(), usize::from(value) % parts.len());
                if kind == 6 {
                    parts.swap(one, two);
                } else if let Some(part) = other.split('.').nth(usize::from(value) % 3) {
                    parts[one] = part.as_bytes().to_vec();
                }
                text = parts.join(&b'.');
            }
        }
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// A part of an accepted token, which must be JSON. `None` if an ignored member is a number outside the range of `f64`:
/// that is valid JSON, but not a [`Value`].
fn parse_part(part: &str) -> Option<Value> {
    assert!(serde_json::from_str::<IgnoredAny>(part).is_ok(), "a part of an accepted token is JSON: {part}");
    serde_json::from_str(part).ok()
}

/// Verifies a correctly signed token with arbitrary header and claims. An accepted token is checked again, by code that
/// is independent of the verifier's.
fn signed_token(data: &[u8], audience: Option<&str>) {
    let text = String::from_utf8_lossy(data);
    let (header, claims) = text.split_once('\n').unwrap_or((r#"{"alg":"HS256"}"#, &text));
    let token = forge::token(header, claims);
    legacy_token(header, claims, &token);
    if let Ok(verified) = verifier(Algorithm::Hs256, audience).verify(&token, &HMAC.keys, NOW) {
        let (Some(header), Some(claims)) = (parse_part(header), parse_part(claims)) else { return };
        assert_eq!(header["alg"], "HS256", "{header}");
        assert!(["b64", "crit", "cty"].iter().all(|name| header.get(name).is_none()), "{header}");
        let typ = header.get("typ").map(|typ| typ.as_str().expect("typ is a string").to_ascii_lowercase());
        let accepted = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];
        assert!(typ.is_none_or(|typ| accepted.contains(&typ.as_str())), "{header}");
        let time = |name: &str| claims[name].as_u64().unwrap_or_else(|| panic!("{name} is not an integer: {claims}"));
        assert_eq!(claims["iss"], ISSUER, "{claims}");
        assert!(time("exp") > NOW.get() && time("nbf") <= NOW.get() && time("iat") <= NOW.get(), "{claims}");
        let subject = verified.subject.to_string();
        assert!(claims["sub"] == *subject && claims["public_id"] == *subject, "{claims}");
        assert!(claims["jti"].is_string(), "{claims}");
        let is_for_audience = match (&claims["aud"], audience) {
            (aud, None) => aud.is_null(),
            (Value::Array(several), Some(audience)) => several.iter().any(|one| one == audience),
            (one, Some(audience)) => one == audience,
        };
        assert!(is_for_audience, "{claims}");
        match verified.binding {
            TokenBinding::Session(session) => assert_eq!(claims["sid"], session.to_string(), "{claims}"),
            TokenBinding::Version(version) => {
                assert!(claims["sid"].is_null(), "{claims}");
                assert_eq!(claims["ver"].as_u64().unwrap_or_default(), version, "{claims}");
            }
        }
    }
    // Algorithm confusion: the public key must not work as an HMAC key.
    let (header, claims) = (forge::encode(header), forge::encode(claims));
    for key in [POINT.as_bytes(), &forge::decode(POINT)] {
        let forged = forge::sign(&header, &claims, key, jsonwebtoken::Algorithm::HS256);
        assert!(ED25519.verifier.verify(&forged, &ED25519.keys, NOW).is_err(), "{forged}");
    }
}

/// Verifies the same token as one of an old application. An accepted token is checked again, and Postern did
/// not issue it.
fn legacy_token(header: &str, claims: &str, token: &str) {
    /// The second after [`NOW`].
    const NEXT_SECOND: f64 = 1_795_334_401.0;
    let Some(Ok(verified)) = LEGACY.verify(token, NOW) else { return };
    assert!(HMAC.verifier.verify(token, &HMAC.keys, NOW).is_err(), "both kinds at once: {token}");
    assert_eq!(verified.binding, TokenBinding::Version(0));
    let (Some(header), Some(claims)) = (parse_part(header), parse_part(claims)) else { return };
    let members = header.as_object().expect("the header is an object");
    let has_type = members.get("typ").map(|typ| typ.as_str().expect("typ is a string").to_ascii_lowercase());
    assert!(header["alg"] == "HS256" && has_type.as_ref().is_none_or(|typ| typ == "jwt"), "{header}");
    assert_eq!(members.len(), 1 + usize::from(has_type.is_some()), "{header}");
    assert!(claims["exp"].as_f64().expect("exp is a number") >= NEXT_SECOND, "{claims}");
    let is_past = |name: &str| claims[name].is_null() || claims[name].as_f64().is_some_and(|time| time < NEXT_SECOND);
    assert!(is_past("nbf") && is_past("iat"), "{claims}");
    let subject = verified.subject.to_string();
    let ids: Vec<&Value> = ["public_id", "identity"].iter().filter_map(|name| claims.get(name)).collect();
    assert!(!ids.is_empty() && ids.iter().all(|id| **id == *subject), "{claims}");
    for foreign in ["iss", "sub", "aud", "jti", "sid", "ver", "auth_time", "amr"] {
        assert!(claims.get(foreign).is_none(), "{claims}");
    }
}
