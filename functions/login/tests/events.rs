//! The samples in `events/` through `lambda_http`, in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use login::Login;
use serde_json::{Value, json};
use shared::{
    jwk::{Algorithm, Jwk},
    keys::JwkSet,
};
use testkit::{
    events::{self, Sample, Setting},
    lambda::Function,
    secrets::Keeper,
    service::{KEY, signing_keys},
};

const SAMPLES: [Sample; 13] = [
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
];

#[tokio::test]
async fn each_sample_is_answered_as_it_should_be() {
    events::assert_complete(&SAMPLES, &["login"]);
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
    for sample @ (name, ..) in SAMPLES {
        let answer = function.invoke(setting.event(name).await).await.expect("the invocation succeeds");
        events::assert_answer(sample, &answer);
    }
    let log = function.stop().await;
    for secret in ["battery", "@example.com", KEY, "eyJ", "$argon2"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
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
    let tables = [table("USERS_TABLE"), table("CREDENTIALS_TABLE"), table("SESSIONS_TABLE")];
    let key = ("JWT_SECRET_KEY", KEY);
    let development = ("JWT_SECRET_KEY", shared::secret::DEVELOPMENT_KEY);
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
        assert_does_not_start(&variables, named, &["hunter2", "never", KEY, shared::secret::DEVELOPMENT_KEY]).await;
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
        ("JWT_SECRET_ARN", ARN),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &keeper.url),
    ];
    assert_does_not_start(&variables, "JWT_SECRET_ARN", &[KEY]).await;
}
