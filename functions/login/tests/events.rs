//! The sample events in `events/`, through `lambda_http` in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::collections::HashSet;

use login::Login;
use serde_json::{Value, json};
use shared::{
    config::clock::Clock,
    domain::{
        keys::{Algorithm, Jwk, JwkSet, hmac_secret::DEVELOPMENT_KEY},
        time::UnixSeconds,
    },
};
use testkit::{
    FunctionEnv,
    events::{self, Sample, SampleFixture},
    key_store::FakeKeyStore,
    service::{KEY, signing_keys},
};

const SAMPLES: [Sample; 82] = [
    ("start-browser", 200, "Log in"),
    ("start-browser-signed-in", 303, "/user"),
    ("login-browser", 200, "Log in"),
    ("login-browser-form", 303, "/user/me"),
    ("login-browser-form-v1", 303, "/user/me"),
    ("login-browser-missing-credentials", 401, "Error: Log in"),
    ("login-browser-wrong-password", 403, "Error: Log in"),
    ("login-browser-cross-site", 403, "Error: Not allowed"),
    ("refresh-browser", 303, "/user?refreshed=1"),
    ("refresh-browser-no-session", 303, "/?return_to=%2Fuser%2Fme"),
    ("logout-browser", 303, "/?notice=logged-out"),
    ("logout-browser-cross-site", 403, "Error: Not allowed"),
    ("password-browser", 303, "/user/me?notice=password-changed"),
    ("password-browser-wrong", 403, "Error: Your account"),
    ("password-browser-expired", 303, "/user/me?notice=password-changed"),
    ("sessions-browser", 303, "/user/me"),
    ("end-session-browser", 303, "/?notice=logged-out"),
    ("end-session-browser-wrong-password", 403, "Error: Your account"),
    ("delete-me-browser", 303, "/?notice=deleted"),
    ("delete-me-browser-wrong-password", 403, "Error: Your account"),
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
    ("login-script-wrong-password", 403, "wrong-password"),
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
    ("logout-empty-json", 204, "-"),
    ("logout-global", 204, "-"),
    ("logout-others", 204, "-"),
    ("logout-others-no-password", 422, "invalid-fields"),
    ("logout-others-wrong-password", 403, "wrong-password"),
    ("logout-browser-others-wrong-password", 403, "Error: Your account"),
    ("logout-browser-damaged-cookie", 303, "/?notice=logged-out"),
    ("logout-refresh-token", 204, "-"),
    ("logout-v1", 204, "-"),
    ("logout-ended-session", 204, "-"),
    ("logout-unknown-scope", 422, "invalid-fields"),
    ("logout-no-token", 401, "token-missing"),
    ("logout-invalid-refresh-token", 401, "invalid-refresh-token"),
    ("password", 200, "-"),
    ("password-form", 200, "-"),
    ("password-multipart", 200, "-"),
    ("password-wrong", 403, "wrong-password"),
    ("password-weak", 422, "invalid-fields"),
    ("password-unchanged", 422, "invalid-fields"),
    ("password-missing", 422, "invalid-fields"),
    ("password-no-token", 401, "token-missing"),
    ("password-wrong-method", 405, "method-not-allowed"),
    ("sessions", 200, "-"),
    ("sessions-no-token", 401, "token-missing"),
    ("end-session", 204, "-"),
    ("end-session-v1", 204, "-"),
    ("end-session-no-password", 422, "invalid-fields"),
    ("end-session-unknown", 404, "session-not-found"),
    ("end-session-malformed", 404, "session-not-found"),
    ("delete-me", 204, "-"),
    ("delete-me-form", 204, "-"),
    ("delete-me-v1", 204, "-"),
    ("delete-me-wrong-password", 403, "wrong-password"),
    ("delete-me-no-password", 422, "invalid-fields"),
    ("delete-me-no-token", 401, "token-missing"),
    ("jwks", 200, "-"),
    ("jwks-head", 200, "-"),
    ("openid-configuration", 404, "no-issuer-url"),
    ("change-password-page", 303, "/user/me"),
];

const BINARY: &str = env!("CARGO_BIN_EXE_login");

async fn fixture() -> SampleFixture {
    SampleFixture::new(FunctionEnv::login(), "login").await
}

/// The response of the routes in this process.
async fn response(fixture: &SampleFixture, event: Value) -> Value {
    let (settings, database) = (fixture.settings(), fixture.service.database.clone());
    let state = Login::new(settings.login().unwrap(), signing_keys(), database, Clock::system()).unwrap();
    events::through_lambda_http(login::routes(state), &settings, event).await
}

#[tokio::test]
async fn each_sample_event_gets_the_expected_response() {
    events::assert_complete(&SAMPLES, "login");
    let fixture = fixture().await;
    for sample @ (name, ..) in SAMPLES {
        events::assert_answer(sample, &response(&fixture, fixture.event(name).await).await);
    }
}

#[tokio::test]
async fn the_binary_answers_each_sample_and_logs_no_personal_data() {
    let fixture = fixture().await;
    let function = fixture.env.clone().with("RUST_LOG", "trace").start(BINARY).await;
    let mut refresh_tokens = HashSet::new();
    for sample @ (name, ..) in SAMPLES {
        let event = fixture.event(name).await;
        refresh_tokens.extend(refresh_tokens_in(&event));
        let answer = function.invoke(event).await.expect("the invocation succeeds");
        refresh_tokens.extend(refresh_tokens_in(&answer));
        events::assert_answer(sample, &answer);
    }
    let log = function.stop().await;
    for secret in ["battery", "tortoise", "password123", "@example.com", KEY, "eyJ", "$argon2"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
    assert_eq!(refresh_tokens.len(), 36, "16 responses, 19 events, and one more that two events share");
    for token in refresh_tokens {
        // The first characters contain the handle of the session.
        assert!(!log.contains(&token[..40]), "{token} is in the log: {log}");
    }
}

/// Every string with the form of a refresh token: 107 characters of base64url.
fn refresh_tokens_in(event_or_answer: &Value) -> Vec<String> {
    let text = event_or_answer.to_string();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && !"-_".contains(c));
    words.filter(|word| word.len() == 107).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_duplicate_header_in_format_1_0_keeps_both_values() {
    let fixture = fixture().await;
    let mut event = fixture.event("login-basic-v1").await;
    let good =
        event["headers"]["Authorization"].as_str().or(event["headers"]["authorization"].as_str()).unwrap().to_owned();
    let name = if event["headers"]["Authorization"].is_string() { "Authorization" } else { "authorization" };
    event["multiValueHeaders"][name] = json!(["Basic eDp5", good]);
    let answer = response(&fixture, event).await;
    events::assert_answer(("login-basic-v1", 400, "malformed-authorization"), &answer);
}

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:postern-AbCdEf";

/// The environment with the key in a secret of `key_store`.
fn with_key_store(env: FunctionEnv, key_store: &FakeKeyStore) -> FunctionEnv {
    let env = env.without("JWT_SECRET_KEY").with("JWT_SECRET_ARN", ARN);
    env.with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &key_store.url)
}

#[tokio::test]
async fn the_key_is_read_from_jwt_secret_arn() {
    let fixture = fixture().await;
    let key_store = FakeKeyStore::start(ARN, KEY).await;
    let function = with_key_store(fixture.env.clone(), &key_store).start(BINARY).await;
    let answer = events::read(&function.invoke(fixture.event("login").await).await.expect("the invocation succeeds"));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(fixture.service.get("/user", &token).await.status, 200, "a service with the same key accepts it");
}

#[tokio::test]
async fn an_invalid_or_missing_setting_stops_startup_and_names_the_variable() {
    let env = FunctionEnv::login();
    let with = |name: &str, value: &str| env.clone().with(name, value);
    let without = |name: &str| env.clone().without(name);
    let long = "\u{1f469}".repeat(250);
    for (env, named) in [
        (without("JWT_SECRET_KEY"), "JWT_SECRET_KEY"),
        (without("CREDENTIALS_TABLE"), "CREDENTIALS_TABLE"),
        (without("SESSIONS_TABLE"), "SESSIONS_TABLE"),
        (without("USERS_TABLE"), "USERS_TABLE"),
        (with("JWT_SECRET_KEY", "hunter2"), "JWT_SECRET_KEY"),
        (with("JWT_SECRET_KEY", DEVELOPMENT_KEY), "JWT_SECRET_KEY"),
        (with("JWT_ALGORITHM", "EdDSA"), "JWT_SECRET_KEY"),
        (with("JWT_SECRET_ARN", ARN), "JWT_SECRET_ARN"),
        (with("JWT_EXPIRATION_DELTA", "never"), "JWT_EXPIRATION_DELTA"),
        (with("JWT_ALGORITHM", "never"), "JWT_ALGORITHM"),
        (with("JWT_CLAIMS", "email,sub"), "JWT_CLAIMS must be"),
        (with("JWT_CLAIMS", "email,sub"), "claim sub is reserved"),
        (with("JWT_CLAIMS", "never,email,email"), "email occurs twice"),
        (with("JWT_CLAIMS", "groups").with("JWT_ISSUER", &long), "remove groups from JWT_CLAIMS"),
        (without("JWT_SECRET_KEY").with("JWT_SECRET_ARN", "file:/tmp/never"), "JWT_SECRET_ARN"),
    ] {
        assert_does_not_start(&env, named, &["hunter2", "never", KEY, DEVELOPMENT_KEY]).await;
    }
}

#[tokio::test]
async fn a_deployed_function_has_no_local_rules_even_with_a_local_database() {
    let fixture = fixture().await;
    let local = fixture.env.clone().with("JWT_SECRET_KEY", DEVELOPMENT_KEY);
    let deployed = |env: &FunctionEnv| {
        let log_stream = "2026/11/22/[1]0123456789abcdef0123456789abcdef";
        env.clone().with_all(&[("AWS_LAMBDA_LOG_STREAM_NAME", log_stream), ("AWS_SAM_LOCAL", "true")])
    };
    assert_does_not_start(&deployed(&local), "JWT_SECRET_KEY", &[DEVELOPMENT_KEY]).await;
    let key_file = fixture.env.clone().without("JWT_SECRET_KEY").with("JWT_SECRET_ARN", "file:/tmp/never");
    assert_does_not_start(&deployed(&key_file), "JWT_SECRET_ARN", &["never"]).await;
    for (env, is_secure) in [(local, false), (deployed(&fixture.env), true)] {
        let function = env.start(BINARY).await;
        let answer = function.invoke(fixture.event("login-browser-form").await).await.expect("the invocation succeeds");
        let cookies = answer["cookies"].as_array().unwrap();
        assert!(!cookies.is_empty(), "{answer}");
        for cookie in cookies.iter().map(|cookie| cookie.as_str().unwrap()) {
            let attributes = (cookie.starts_with("__Host-"), cookie.contains("; Secure"));
            assert_eq!(attributes, (is_secure, is_secure), "{cookie}");
        }
    }
}

/// Checks that startup fails, that the error contains `named`, and that the log contains none of `hidden`.
async fn assert_does_not_start(env: &FunctionEnv, named: &str, hidden: &[&str]) {
    let (code, log) = env.start(BINARY).await.end().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains(named), "{named}: {log}");
    for value in hidden {
        assert!(!log.contains(value), "{log}");
    }
}

/// A set with a new Ed25519 key.
fn key_set() -> Value {
    let key = Jwk::generate(Algorithm::EdDsa, UnixSeconds::new(1)).unwrap();
    serde_json::from_str(&JwkSet::new(vec![key]).to_json()).unwrap()
}

#[tokio::test]
async fn invalid_keys_stop_startup_and_the_error_names_the_kid_but_no_value() {
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
        ("HS256", "too short a key".to_owned(), "at least 32 bytes"),
        ("HS256", "a-string-secret-at-least-256-bits-long".to_owned(), "is published in a tutorial"),
        ("EdDSA", "{ no JSON".to_owned(), "JWK Set"),
        ("EdDSA", KEY.to_owned(), "JWK Set"),
        ("EdDSA", json!({ "keys": [] }).to_string(), "without keys"),
        ("EdDSA", json!({ "keys": [key, key] }).to_string(), kid),
        ("ES256", set.to_string(), kid),
        ("HS256", set.to_string(), kid),
        ("EdDSA", without("d"), kid),
        ("EdDSA", without("x"), kid),
        ("EdDSA", json!({ "keys": [other] }).to_string(), kid),
        ("RS256", json!({ "keys": [rsa] }).to_string(), "weak"),
    ] {
        let key_store = FakeKeyStore::start(ARN, &text).await;
        let env = with_key_store(FunctionEnv::login().with("JWT_ALGORITHM", algorithm), &key_store);
        let hidden =
            [key["d"].as_str().unwrap(), key["x"].as_str().unwrap(), "too short a key", "a-string-secret", KEY];
        assert_does_not_start(&env, "JWT_SECRET_ARN", &hidden).await;
        assert_does_not_start(&env, named, &hidden).await;
    }
}

#[tokio::test]
async fn an_unreadable_secret_stops_startup() {
    let key_store = FakeKeyStore::start("arn:of:another", KEY).await;
    assert_does_not_start(&with_key_store(FunctionEnv::login(), &key_store), "JWT_SECRET_ARN", &[KEY]).await;
}
