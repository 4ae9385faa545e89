//! The samples in `events/` through `lambda_http`, in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use list_users::ListUsers;
use serde_json::{Value, json};
use testkit::{
    events::{self, Sample, Setting},
    lambda::Function,
    service::{KEY, checking_keys},
};

const SAMPLES: [Sample; 26] = [
    ("list-users-browser", 200, "Users"),
    ("list-users-browser-not-signed-in", 303, "/?return_to=%2Fuser%3Flimit%3D5"),
    ("list-users-browser-session", 303, "/refresh?return_to=%2Fuser"),
    ("me-browser", 200, "Your account"),
    ("unknown-path-browser", 404, "Error: Page not found"),
    ("list-users", 200, "-"),
    ("list-users-bearer", 200, "-"),
    ("list-users-jwt", 200, "-"),
    ("list-users-v1", 200, "-"),
    ("list-users-page", 200, "-"),
    ("list-users-head", 200, "-"),
    ("list-users-strange-query", 200, "-"),
    ("list-users-strange-host", 200, "-"),
    ("list-users-no-token", 401, "token-missing"),
    ("list-users-basic", 401, "token-missing"),
    ("list-users-bad-token", 401, "invalid-token"),
    ("list-users-two-tokens", 401, "invalid-token"),
    ("list-users-bad-limit", 422, "invalid-fields"),
    ("list-users-bad-cursor", 422, "invalid-fields"),
    ("list-users-duplicate-limit", 400, "duplicate-field"),
    ("list-users-wrong-method", 405, "method-not-allowed"),
    ("me", 200, "-"),
    ("me-v1", 200, "-"),
    ("me-no-token", 401, "token-missing"),
    ("unknown-path", 404, "not-found"),
    ("unknown-path-strange", 404, "not-found"),
];

async fn answered(setting: &Setting, event: Value) -> Value {
    let settings = setting.settings();
    let list = ListUsers::new(&settings, checking_keys(), setting.service.database.clone()).unwrap();
    events::through_lambda_http(list_users::routes(list), &settings, event).await
}

#[tokio::test]
async fn each_sample_is_answered_as_it_should_be() {
    events::assert_complete(&SAMPLES, &["list-users", "me", "unknown-path"]);
    let setting = Setting::new("list-users").await;
    for sample @ (name, ..) in SAMPLES {
        events::assert_answer(sample, &answered(&setting, setting.event(name).await).await);
    }
    for name in ["list-users-page", "list-users-v1"] {
        let page = events::read(&answered(&setting, setting.event(name).await).await);
        assert_eq!(page.json()["users"].as_array().unwrap().len(), 1, "{name} asks for one");
        assert!(page.header("link").is_some_and(|link| link.contains("limit=1&cursor=")), "{name}");
    }
}

#[tokio::test]
async fn the_binary_answers_each_sample_alike_and_logs_nothing_of_it() {
    let setting = Setting::new("list-users").await;
    let mut variables: Vec<(&str, &str)> =
        setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    // Listing has no use for the table of hashes, and in production it cannot read it.
    variables.retain(|(name, _)| *name != "CREDENTIALS_TABLE");
    variables.push(("RUST_LOG", "trace"));
    let function = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await;
    for sample @ (name, ..) in SAMPLES {
        let answer = function.invoke(setting.event(name).await).await.expect("the invocation succeeds");
        events::assert_answer(sample, &answer);
    }
    let log = function.stop().await;
    for secret in ["@example.com", "Lovelace", KEY, "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[tokio::test]
async fn events_that_no_client_should_be_able_to_send_are_answered_too() {
    let setting = Setting::new("list-users").await;
    let changed = async |name: &str, pointer: &str, value: Value| {
        let mut event = setting.event(name).await;
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    for ((name, pointer, value), status) in [
        (("list-users", "/rawPath", json!("")), 404),
        (("list-users", "/rawPath", json!("user")), 404),
        (("list-users", "/rawPath", json!("/user?x=1")), 404),
        (("list-users", "/rawPath", json!("/us\\er")), 404),
        (("list-users", "/rawPath", json!("/".repeat(70_000))), 404),
        (("list-users", "/rawQueryString", json!("é".repeat(20_000))), 404),
        (("list-users", "/rawQueryString", json!("x=\u{7f}\u{0}%")), 400),
        (("list-users", "/requestContext/stage", json!("prod")), 200),
        (("list-users", "/requestContext/domainName", json!("[")), 200),
        (("list-users-v1", "/requestContext/stage", json!("prod")), 200),
        (("list-users-v1", "/path", json!("\u{0}")), 404),
        (("list-users-v1", "/multiValueQueryStringParameters", json!({ "x": ["é".repeat(20_000)] })), 404),
    ] {
        let answer = answered(&setting, changed(name, pointer, value).await).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
    }
}

#[tokio::test]
async fn a_token_header_that_came_twice_in_format_1_0_is_refused() {
    let setting = Setting::new("me").await;
    let mut event = setting.event("me-v1").await;
    let headers = event["multiValueHeaders"].as_object_mut().unwrap();
    let (_, values) = headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("x-access-token")).unwrap();
    values.as_array_mut().unwrap().insert(0, json!("another"));
    events::assert_answer(("me-v1", 401, "invalid-token"), &answered(&setting, event).await);
}

#[tokio::test]
async fn a_failure_is_logged_with_its_request_and_its_cause_also_where_only_errors_and_warnings_are_asked_for() {
    let setting = Setting::new("me").await;
    let nobody_listens = "http://127.0.0.1:9";
    let variables = [
        ("USERS_TABLE", "Users"),
        ("SESSIONS_TABLE", "Sessions"),
        ("JWT_SECRET_KEY", KEY),
        ("AWS_ENDPOINT_URL_DYNAMODB", nobody_listens),
        ("AWS_LAMBDA_LOG_LEVEL", "WARN"),
    ];
    let function = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await;
    let answer = function.invoke(setting.event("me").await).await.expect("the invocation succeeds");
    events::assert_answer(("me", 503, "unavailable"), &answer);
    let log = function.stop().await;
    let line = log.lines().find(|line| line.contains("\"failed\"")).unwrap_or_else(|| panic!("no line: {log}"));
    let line: Value = serde_json::from_str(line).expect("a line is JSON");
    assert_eq!(
        (line["level"].as_str(), line["status"].as_u64(), line["route"].as_str()),
        (Some("WARN"), Some(503), Some("/user/me"))
    );
    assert_eq!(line["span"]["request_id"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "{line}");
    assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("BatchGetItem")), "{line}");
}

#[tokio::test]
async fn a_bad_or_missing_setting_stops_the_start_and_names_the_variable() {
    let (table, key) = (("USERS_TABLE", "Users"), ("JWT_SECRET_KEY", KEY));
    for (variables, named) in [
        (vec![table], "JWT_SECRET_KEY"),
        (vec![key], "USERS_TABLE"),
        (vec![table, key], "SESSIONS_TABLE"),
        (vec![table, ("JWT_ALGORITHM", "EdDSA")], "JWT_PUBLIC_KEYS_ARN"),
        (vec![table, key, ("JWT_VERIFY_CLAIMS", "exp")], "JWT_VERIFY_CLAIMS"),
        (vec![table, key, ("JWT_VERIFY_EXPIRATION", "False")], "JWT_VERIFY_EXPIRATION"),
    ] {
        let (code, log) = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named) && !log.contains(KEY), "{log}");
    }
}
