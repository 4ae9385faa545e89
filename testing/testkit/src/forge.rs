//! Tokens that nobody issued.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::service::KEY;

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs().try_into().unwrap()
}

/// The claims of a good token for `subject`.
pub fn claims(subject: &str) -> Value {
    let now = now();
    json!({ "iss": "postern", "sub": subject, "public_id": subject, "iat": now, "nbf": now, "exp": now + 600, "jti": "3f0f3d7e-0c5c-4a39-9a0e-6f1f0b1f7a51" })
}

/// Base64url without padding.
pub fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Octets from base64url without padding.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("this is base64url")
}

/// Puts a signature with `key` behind two parts that are encoded already.
pub fn sign(header: &str, payload: &str, key: &[u8], algorithm: Algorithm) -> String {
    let message = format!("{header}.{payload}");
    let signature = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token of these texts, signed with HS256 and the right key: whatever is wrong with it is in the texts.
pub fn token(header: &str, payload: &str) -> String {
    sign(&encode(header), &encode(payload), KEY.as_bytes(), Algorithm::HS256)
}

/// A token with these claims and an ordinary header, signed with the right key.
pub fn with_claims(claims: &Value) -> String {
    token(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

/// A token with these header parameters beside `alg`, signed with the right key.
pub fn with_header(parameters: &str, claims: &Value) -> String {
    token(&format!(r#"{{"alg":"HS256",{parameters}}}"#), &claims.to_string())
}

/// The claims of a token, unchecked.
pub fn payload(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token, unchecked.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a token has three parts");
    serde_json::from_slice(&decode(part)).expect("a part is JSON")
}
