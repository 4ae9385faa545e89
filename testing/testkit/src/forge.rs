//! Forged tokens, and their times.

use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};
use shared::config::clock::Clock;

use crate::service::KEY;

/// The seconds of a day.
pub const DAY: i64 = 86_400;

/// Seconds since 1970.
pub fn now() -> i64 {
    Clock::system().now().seconds().get().try_into().unwrap()
}

/// The date of a time in seconds since 1970, in UTC, as `YYYY-MM-DD`.
pub fn date(seconds: i64) -> String {
    let text = DateTime::from_secs(seconds).fmt(DateTimeFormat::DateTime).unwrap();
    text[..10].to_owned()
}

/// The claims of a valid token for `subject`.
pub fn claims(subject: &str) -> Value {
    let now = now();
    json!({
        "iss": "postern", "sub": subject, "public_id": subject, "iat": now, "nbf": now, "exp": now + 600,
        "jti": "3f0f3d7e-0c5c-4a39-9a0e-6f1f0b1f7a51",
    })
}

/// Base64url without padding.
pub fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// Bytes from base64url without padding.
pub fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("the text is base64url")
}

/// Signs an encoded header and an encoded payload with `key`.
pub fn sign(header: &str, payload: &str, key: &[u8], algorithm: Algorithm) -> String {
    let message = format!("{header}.{payload}");
    let signature = crypto::sign(message.as_bytes(), &EncodingKey::from_secret(key), algorithm).unwrap();
    format!("{message}.{signature}")
}

/// A token with this header and these claims, signed with HS256 and `key`.
pub fn signed(header: &str, claims: &Value, key: &str) -> String {
    sign(&encode(header), &encode(claims.to_string()), key.as_bytes(), Algorithm::HS256)
}

/// A token of this header and payload, correctly signed with HS256 and [`KEY`].
pub fn token(header: &str, payload: &str) -> String {
    sign(&encode(header), &encode(payload), KEY.as_bytes(), Algorithm::HS256)
}

/// A token with these claims and a default header, correctly signed.
pub fn with_claims(claims: &Value) -> String {
    token(r#"{"alg":"HS256","typ":"JWT"}"#, &claims.to_string())
}

/// A token with these header parameters in addition to `alg`, correctly signed.
pub fn with_header(parameters: &str, claims: &Value) -> String {
    token(&format!(r#"{{"alg":"HS256",{parameters}}}"#), &claims.to_string())
}

/// The claims of a token, without verification.
pub fn payload(token: &str) -> Value {
    part(token, 1)
}

/// The header of a token, without verification.
pub fn header(token: &str) -> Value {
    part(token, 0)
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).expect("a token has three parts");
    serde_json::from_slice(&decode(part)).expect("a part is JSON")
}
