//! The samples in `events/` through `lambda_http`, in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use login::Login;
use secrecy::SecretString;
use testkit::{
    events::{self, Sample, Setting},
    lambda::Function,
    secrets,
    service::KEY,
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
        let login = Login::new(&settings, &SecretString::from(KEY), setting.service.database.clone()).unwrap();
        events::assert_answer(
            sample,
            &events::through_lambda_http(login::routes(login), &settings, setting.event(name)).await,
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
        let answer = function.invoke(setting.event(name)).await.expect("the invocation succeeds");
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
    let mut event = setting.event("login-basic-v1");
    let good =
        event["headers"]["Authorization"].as_str().or(event["headers"]["authorization"].as_str()).unwrap().to_owned();
    let name = if event["headers"]["Authorization"].is_string() { "Authorization" } else { "authorization" };
    event["multiValueHeaders"][name] = serde_json::json!(["Basic eDp5", good]);
    let login = Login::new(&settings, &SecretString::from(KEY), setting.service.database.clone()).unwrap();
    let answer = events::through_lambda_http(login::routes(login), &settings, event).await;
    events::assert_answer(("login-basic-v1", 400, "malformed-authorization"), &answer);
}

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:postern-AbCdEf";

#[tokio::test]
async fn jwt_secret_arn_is_where_the_key_is_read_from() {
    let setting = Setting::new("login").await;
    let manager = secrets::serve(ARN, KEY).await;
    let endpoint = setting.service.endpoint.as_str();
    let variables = [
        ("CREDENTIALS_TABLE", "Credentials"),
        ("JWT_SECRET_ARN", ARN),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager.as_str()),
    ];
    let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables).await;
    let answer = events::read(&function.invoke(setting.event("login")).await.expect("the invocation succeeds"));
    let token = answer.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(setting.service.get("/user", &token).await.status, 200, "a service with the same key takes it");
}

#[tokio::test]
async fn a_bad_or_missing_setting_stops_the_start_and_names_the_variable() {
    let table = ("CREDENTIALS_TABLE", "Credentials");
    let key = ("JWT_SECRET_KEY", KEY);
    let weak = secrets::serve(ARN, "too short a key").await;
    let printed = secrets::serve(ARN, "a-string-secret-at-least-256-bits-long").await;
    let other = secrets::serve("arn:of:another", KEY).await;
    let development = ("JWT_SECRET_KEY", shared::secret::DEVELOPMENT_KEY);
    let stored = |manager| vec![table, ("JWT_SECRET_ARN", ARN), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", manager)];
    for (variables, named) in [
        (vec![table], "JWT_SECRET_KEY"),
        (vec![key], "CREDENTIALS_TABLE"),
        (vec![table, ("JWT_SECRET_KEY", "hunter2")], "JWT_SECRET_KEY"),
        (vec![table, development], "JWT_SECRET_KEY"),
        (vec![table, key, ("JWT_SECRET_ARN", ARN)], "JWT_SECRET_ARN"),
        (vec![table, key, ("JWT_EXPIRATION_DELTA", "never")], "JWT_EXPIRATION_DELTA"),
        (stored(&weak), "JWT_SECRET_ARN"),
        (stored(&printed), "JWT_SECRET_ARN"),
        (stored(&other), "JWT_SECRET_ARN"),
    ] {
        let (code, log) = Function::start(env!("CARGO_BIN_EXE_login"), &variables).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named), "{named}: {log}");
        for value in ["hunter2", "never", "too short a key", "a-string-secret", KEY, shared::secret::DEVELOPMENT_KEY] {
            assert!(!log.contains(value), "{log}");
        }
    }
}
