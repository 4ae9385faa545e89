//! The sample events in `events/`, through `lambda_http` in this process and in the real binary.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use list_users::ListUsers;
use serde_json::{Value, json};
use shared::config::clock::Clock;
use testkit::{
    FunctionEnv,
    events::{self, Sample, SampleFixture},
    proxy::UNREACHABLE,
    service::{KEY, verifying_keys},
};

const SAMPLES: [Sample; 28] = [
    ("list-users-browser", 200, "Users"),
    ("list-users-browser-other-cookies", 200, "Users"),
    ("list-users-browser-same-site", 403, "cross-site"),
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

const BINARY: &str = env!("CARGO_BIN_EXE_list-users");

async fn fixture(sample: &str) -> SampleFixture {
    SampleFixture::new(FunctionEnv::list_users(), sample).await
}

/// The response of the routes in this process.
async fn response(fixture: &SampleFixture, event: Value) -> Value {
    let (settings, database) = (fixture.settings(), fixture.service.database.clone());
    let list = ListUsers::new(settings.list_users().unwrap(), verifying_keys(), database, Clock::system());
    events::through_lambda_http(list_users::routes(list), &settings, event).await
}

#[tokio::test]
async fn each_sample_event_gets_the_expected_response() {
    events::assert_complete(&SAMPLES, "list-users");
    let fixture = fixture("list-users").await;
    for sample @ (name, ..) in SAMPLES {
        events::assert_answer(sample, &response(&fixture, fixture.event(name).await).await);
    }
    for name in ["list-users-page", "list-users-v1"] {
        let page = events::read(&response(&fixture, fixture.event(name).await).await);
        assert_eq!(page.json()["users"].as_array().unwrap().len(), 1, "{name} requests one user");
        assert!(page.header("link").is_some_and(|link| link.contains("limit=1&cursor=")), "{name}");
    }
}

#[tokio::test]
async fn the_binary_answers_each_sample_and_logs_no_personal_data() {
    let fixture = fixture("list-users").await;
    let function = fixture.env.clone().with("RUST_LOG", "trace").start(BINARY).await;
    for sample @ (name, ..) in SAMPLES {
        let answer = function.invoke(fixture.event(name).await).await.expect("the invocation succeeds");
        events::assert_answer(sample, &answer);
    }
    let log = function.stop().await;
    for secret in ["@example.com", "Lovelace", KEY, "eyJ"] {
        assert!(!log.contains(secret), "{secret} is in the log: {log}");
    }
}

#[tokio::test]
async fn malformed_gateway_events_get_a_response() {
    let fixture = fixture("list-users").await;
    let changed = async |name: &str, pointer: &str, value: Value| {
        let mut event = fixture.event(name).await;
        *event.pointer_mut(pointer).unwrap() = value;
        event
    };
    for ((name, pointer, value), status) in [
        (("list-users", "/rawPath", json!("")), 404),
        (("list-users", "/rawPath", json!("user")), 404),
        (("list-users", "/rawPath", json!("/user?x=1")), 404),
        (("list-users", "/rawPath", json!("/us\\er")), 404),
        (("list-users", "/rawPath", json!("/".repeat(70_000))), 414),
        (("list-users", "/rawQueryString", json!("é".repeat(20_000))), 414),
        (("list-users", "/rawQueryString", json!("x=\u{7f}\u{0}%")), 400),
        (("list-users", "/requestContext/stage", json!("prod")), 200),
        (("list-users", "/requestContext/domainName", json!("[")), 200),
        (("list-users-v1", "/requestContext/stage", json!("prod")), 200),
        (("list-users-v1", "/path", json!("\u{0}")), 404),
        (("list-users-v1", "/multiValueQueryStringParameters", json!({ "x": ["é".repeat(20_000)] })), 414),
    ] {
        let answer = response(&fixture, changed(name, pointer, value).await).await;
        assert_eq!(answer["statusCode"], status, "{answer}");
    }
}

#[tokio::test]
async fn a_duplicate_token_header_in_format_1_0_is_rejected() {
    let fixture = fixture("me").await;
    let mut event = fixture.event("me-v1").await;
    let headers = event["multiValueHeaders"].as_object_mut().unwrap();
    let (_, values) = headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("x-access-token")).unwrap();
    values.as_array_mut().unwrap().insert(0, json!("another"));
    events::assert_answer(("me-v1", 401, "invalid-token"), &response(&fixture, event).await);
}

#[tokio::test]
async fn a_failure_is_logged_with_request_id_and_cause_at_level_warn() {
    let fixture = fixture("me").await;
    let env = FunctionEnv::list_users().with_database(UNREACHABLE).with("AWS_LAMBDA_LOG_LEVEL", "WARN");
    let function = env.start(BINARY).await;
    let answer = function.invoke(fixture.event("me").await).await.expect("the invocation succeeds");
    events::assert_answer(("me", 503, "unavailable"), &answer);
    let log = function.stop().await;
    let line = log.lines().find(|line| line.contains("\"request failed\"")).unwrap_or_else(|| panic!("no line: {log}"));
    let line: Value = serde_json::from_str(line).expect("a line is JSON");
    assert_eq!(
        (line["level"].as_str(), line["status"].as_u64(), line["route"].as_str()),
        (Some("WARN"), Some(503), Some("/user/me"))
    );
    assert_eq!(line["span"]["request_id"], "8476a536-e9f4-11e8-9739-2dfe598c3fcd", "{line}");
    assert!(line["cause"].as_str().is_some_and(|cause| cause.contains("BatchGetItem")), "{line}");
}

#[tokio::test]
async fn an_invalid_or_missing_setting_stops_startup_and_names_the_variable() {
    let env = FunctionEnv::list_users();
    for (env, named) in [
        (env.clone().without("JWT_SECRET_KEY"), "JWT_SECRET_KEY"),
        (env.clone().without("USERS_TABLE"), "USERS_TABLE"),
        (env.clone().without("SESSIONS_TABLE"), "SESSIONS_TABLE"),
        (env.clone().without("JWT_SECRET_KEY").with("JWT_ALGORITHM", "EdDSA"), "JWT_PUBLIC_KEYS_ARN"),
        (env.clone().with("JWT_VERIFY_CLAIMS", "exp"), "JWT_VERIFY_CLAIMS"),
        (env.with("JWT_VERIFY_EXPIRATION", "False"), "JWT_VERIFY_EXPIRATION"),
    ] {
        let (code, log) = env.start(BINARY).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named) && !log.contains(KEY), "{log}");
    }
}
