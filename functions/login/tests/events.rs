//! The samples in `events/` through `lambda_http`, in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::HashSet;

use login::Login;
use serde_json::{Value, json};
use shared::domain::keys::{Algorithm, Jwk, JwkSet};
use testkit::{
    events::{self, Sample, Setting},
    lambda::Function,
    secrets::Keeper,
    service::{KEY, signing_keys},
};

const SAMPLES: [Sample; 64] = [
    ("start-browser", 200, "Log in"),
    ("start-browser-signed-in", 303, "/user"),
    ("login-browser", 200, "Log in"),
    ("login-browser-form", 303, "/user/me"),
    ("login-browser-form-v1", 303, "/user/me"),
    ("login-browser-missing-credentials", 401, "Error: Log in"),
    ("login-browser-wrong-password", 403, "Error: Log in"),
    ("login-browser-cross-site", 403, "Error: Not allowed"),
    ("refresh-browser", 303, "/user"),
    ("refresh-browser-no-session", 303, "/?return_to=%2Fuser%2Fme"),
    ("logout-browser", 303, "/?notice=logged-out"),
    ("logout-browser-cross-site", 403, "Error: Not allowed"),
    ("password-browser", 303, "/user/me?notice=password-changed"),
    ("password-browser-wrong", 401, "Error: Your account"),
    ("password-browser-expired", 303, "/user/me?notice=password-changed"),
    ("delete-me-browser", 303, "/?notice=deleted"),
    ("delete-me-browser-wrong-password", 401, "Error: Your account"),
    ("delete-me-no-method", 422, "Error: Your account"),
    ("login", 201, "-"),
    ("login-form", 201, "-"),
    ("login-multipart", 201, "-"),
    ("login-basic", 201, "-"),
    ("login-v1", 201, "-"),
    ("login-basic-v1", 201, "-"),
    ("login-missing-credentials", 401, "credentials-missing"),
    ("login-unknown-user", 401, "unknown-user"),
    ("login-wrong-password", 403, "wrong-password"),
    ("login-malformed-basic", 400, "malformed-authorization"),
    ("login-ambiguous-credentials", 400, "ambiguous-credentials"),
    ("login-duplicate-field", 400, "duplicate-field"),
    ("login-wrong-method", 405, "method-not-allowed"),
    ("refresh", 200, "-"),
    ("refresh-form", 200, "-"),
    ("refresh-v1", 200, "-"),
    ("refresh-invalid", 401, "invalid-refresh-token"),
    ("refresh-unknown-session", 401, "invalid-refresh-token"),
    ("refresh-missing", 422, "invalid-fields"),
    ("refresh-wrong-method", 405, "method-not-allowed"),
    ("logout", 204, "-"),
    ("logout-global", 204, "-"),
    ("logout-others", 204, "-"),
    ("logout-refresh-token", 204, "-"),
    ("logout-v1", 204, "-"),
    ("logout-ended-session", 204, "-"),
    ("logout-unknown-scope", 422, "invalid-fields"),
    ("logout-no-token", 401, "token-missing"),
    ("logout-invalid-refresh-token", 401, "invalid-refresh-token"),
    ("password", 200, "-"),
    ("password-form", 200, "-"),
    ("password-multipart", 200, "-"),
    ("password-wrong", 401, "wrong-password"),
    ("password-weak", 422, "invalid-fields"),
    ("password-missing", 422, "invalid-fields"),
    ("password-no-token", 401, "token-missing"),
    ("password-wrong-method", 405, "method-not-allowed"),
    ("delete-me", 204, "-"),
    ("delete-me-form", 204, "-"),
    ("delete-me-v1", 204, "-"),
    ("delete-me-wrong-password", 401, "wrong-password"),
    ("delete-me-no-password", 422, "invalid-fields"),
    ("delete-me-no-token", 401, "token-missing"),
    ("jwks", 200, "-"),
    ("jwks-head", 200, "-"),
    ("openid-configuration", 404, "no-issuer-url"),
];

#[tokio::test]
async fn each_sample_is_answered_as_it_should_be() {
    let prefixes = ["start", "login", "refresh", "logout", "password", "delete-me", "jwks", "openid-configuration"];
    events::assert_complete(&SAMPLES, &prefixes);
    let setting = Setting::new("login").await;
    let settings = setting.settings();
    for sample @ (name, ..) in SAMPLES {
        let login = Login::new(&settings, signing_keys(), setting.service.database.clone()).unwrap();
        events::assert_answer(
            sample,
            &events::through_lambda_http(login::routes(login), &settings, setting.event(name).await).await,
        );
    }
}

#[tokio::test]
async fn the_binary_answers_each_sample_alike_and_logs_nothing_of_it() {
    let setting = Setting::new("login").await;
    let mut variables: Vec<(&str, &str)> =
        setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("RUST_LOG", "trace"));
    let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables).await;
    let mut refresh_tokens = HashSet::new();
    for sample @ (name, ..) in SAMPLES {
        let event = setting.event(name).await;
        refresh_tokens.extend(refresh_tokens_in(&event));
        let answer = function.invoke(event).await.expect("the invocation succeeds");
        refresh_tokens.extend(refresh_tokens_in(&answer));
        events::assert_answer(sample, &answer);
    }
    let log = function.stop().await;
    for secret in ["battery", "tortoise", "password123", "@example.com", KEY, "eyJ", "$argon2"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    assert_eq!(refresh_tokens.len(), 32, "17 answers have one, 14 events do, and two events have that of nobody");
    for token in refresh_tokens {
        // The beginning is enough to tell whose it is, and of which session.
        assert!(!log.contains(&token[..40]), "{token} is in the log: {log}");
    }
}

/// Whatever looks like a refresh token: 107 characters of base64url, with something else on both sides.
fn refresh_tokens_in(event_or_answer: &Value) -> Vec<String> {
    let text = event_or_answer.to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    words.filter(|word| word.len() == 107).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_header_that_came_twice_in_format_1_0_is_not_halved() {
    let setting = Setting::new("login").await;
    let settings = setting.settings();
    let mut event = setting.event("login-basic-v1").await;
    let good =
        event["headers"]["Authorization"].as_str().or(event["headers"]["authorization"].as_str()).unwrap().to_owned();
    let name = if event["headers"]["Authorization"].is_string() { "Authorization" } else { "authorization" };
    event["multiValueHeaders"][name] = json!(["Basic eDp5", good]);
    let login = Login::new(&settings, signing_keys(), setting.service.database.clone()).unwrap();
    let answer = events::through_lambda_http(login::routes(login), &settings, event).await;
    events::assert_answer(("login-basic-v1", 400, "malformed-authorization"), &answer);
}

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:postern-AbCdEf";

#[tokio::test]
async fn jwt_secret_arn_is_where_the_key_is_read_from() {
    let setting = Setting::new("login").await;
    let manager = Keeper::start(ARN, KEY).await;
    let endpoint = setting.service.endpoint.as_str();
    let variables = [
        ("USERS_TABLE", "Users"),
        ("CREDENTIALS_TABLE", "Credentials"),
        ("SESSIONS_TABLE", "Sessions"),
        ("THROTTLE_TABLE", "Throttle"),
        ("JWT_SECRET_ARN", ARN),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager.url.as_str()),
    ];
    let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables).await;
    let answer = events::read(&function.invoke(setting.event("login").await).await.expect("the invocation succeeds"));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(setting.service.get("/user", &token).await.status, 200, "a service with the same key takes it");
}

#[tokio::test]
async fn a_bad_or_missing_setting_stops_the_start_and_names_the_variable() {
    let table = |name| (name, "Some-Table");
    let tables = [table("USERS_TABLE"), table("CREDENTIALS_TABLE"), table("SESSIONS_TABLE"), table("THROTTLE_TABLE")];
    let key = ("JWT_SECRET_KEY", KEY);
    let development = ("JWT_SECRET_KEY", shared::domain::keys::hmac_secret::DEVELOPMENT_KEY);
    let with = |more: &[(&'static str, &'static str)]| [&tables, more].concat();
    for (variables, named) in [
        (with(&[]), "JWT_SECRET_KEY"),
        (vec![key, tables[0], tables[2]], "CREDENTIALS_TABLE"),
        (vec![key, tables[0], tables[1]], "SESSIONS_TABLE"),
        (vec![key, tables[1], tables[2]], "USERS_TABLE"),
        (with(&[("JWT_SECRET_KEY", "hunter2")]), "JWT_SECRET_KEY"),
        (with(&[development]), "JWT_SECRET_KEY"),
        (with(&[key, ("JWT_ALGORITHM", "EdDSA")]), "JWT_SECRET_KEY"),
        (with(&[key, ("JWT_SECRET_ARN", ARN)]), "JWT_SECRET_ARN"),
        (with(&[key, ("JWT_EXPIRATION_DELTA", "never")]), "JWT_EXPIRATION_DELTA"),
        (with(&[key, ("JWT_ALGORITHM", "never")]), "JWT_ALGORITHM"),
        (with(&[("JWT_SECRET_ARN", "file:/tmp/never")]), "JWT_SECRET_ARN"),
    ] {
        assert_does_not_start(
            &variables,
            named,
            &["hunter2", "never", KEY, shared::domain::keys::hmac_secret::DEVELOPMENT_KEY],
        )
        .await;
    }
}

async fn assert_does_not_start(variables: &[(&str, &str)], named: &str, hidden: &[&str]) {
    let (code, log) = Function::start(env!("CARGO_BIN_EXE_login"), variables).await.end().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(named), "{named}: {log}");
    for value in hidden {
        assert!(!log.contains(value), "{log}");
    }
}

/// An Ed25519 key of nobody.
fn key_set() -> Value {
    let key = Jwk::generate(Algorithm::EdDsa, 1).unwrap();
    serde_json::from_str(&JwkSet::new(vec![key]).to_json()).unwrap()
}

#[tokio::test]
async fn keys_that_are_no_good_stop_the_start_and_the_message_names_the_kid_and_no_value() {
    let set = key_set();
    let key = set["keys"][0].clone();
    let kid = key["kid"].as_str().unwrap();
    let without = |member: &str| {
        let mut key = key.clone();
        key.as_object_mut().unwrap().remove(member);
        json!({ "keys": [key] }).to_string()
    };
    let mut other = key.clone();
    other["x"] = key_set()["keys"][0]["x"].clone();
    let rsa = json!({ "kty": "RSA", "kid": "weak", "n": "AQAB", "e": "AQAB" });
    for (algorithm, text, named) in [
        ("HS256", "too short a key".to_owned(), "at least 32 octets"),
        ("HS256", "a-string-secret-at-least-256-bits-long".to_owned(), "is printed in a tutorial"),
        ("EdDSA", "{ no JSON".to_owned(), "JWK Set"),
        ("EdDSA", KEY.to_owned(), "JWK Set"),
        ("EdDSA", json!({ "keys": [] }).to_string(), "without a key"),
        ("EdDSA", json!({ "keys": [key, key] }).to_string(), kid),
        ("ES256", set.to_string(), kid),
        ("HS256", set.to_string(), kid),
        ("EdDSA", without("d"), kid),
        ("EdDSA", without("x"), kid),
        ("EdDSA", json!({ "keys": [other] }).to_string(), kid),
        ("RS256", json!({ "keys": [rsa] }).to_string(), "weak"),
    ] {
        let keeper = Keeper::start(ARN, &text).await;
        let variables = [
            ("USERS_TABLE", "Users"),
            ("CREDENTIALS_TABLE", "Credentials"),
            ("SESSIONS_TABLE", "Sessions"),
            ("JWT_ALGORITHM", algorithm),
            ("JWT_SECRET_ARN", ARN),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &keeper.url),
        ];
        let hidden =
            [key["d"].as_str().unwrap(), key["x"].as_str().unwrap(), "too short a key", "a-string-secret", KEY];
        assert_does_not_start(&variables, "JWT_SECRET_ARN", &hidden).await;
        assert_does_not_start(&variables, named, &hidden).await;
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_stops_the_start() {
    let keeper = Keeper::start("arn:of:another", KEY).await;
    let variables = [
        ("USERS_TABLE", "Users"),
        ("CREDENTIALS_TABLE", "Credentials"),
        ("SESSIONS_TABLE", "Sessions"),
        ("THROTTLE_TABLE", "Throttle"),
        ("JWT_SECRET_ARN", ARN),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &keeper.url),
    ];
    assert_does_not_start(&variables, "JWT_SECRET_ARN", &[KEY]).await;
}
