//! The output of the real binary: audit lines and metrics, and no data of a request.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use serde_json::{Value, json};
use testkit::{
    FunctionEnv,
    canary::{self, CANARY},
    events::{self, SampleFixture},
    lambda::{audit_line, sum},
    proxy::UNREACHABLE,
};

const BINARY: &str = env!("CARGO_BIN_EXE_signup");

#[tokio::test]
async fn sign_up_logs_no_request_data_at_any_level() {
    let fixture = SampleFixture::new(FunctionEnv::signup(), "signup").await;
    let calls = async |level: &str| {
        let (email, password) = (format!("{CANARY}.{level}@example.com"), format!("{CANARY} a better password"));
        let body = json!({ "name": CANARY, "email": email, "password": password });
        let event = events::post("/signup", "198.51.100.1", None, &body);
        vec![(event.clone(), 201), (event, 202)]
    };
    let log = canary::assert_no_leaks(BINARY, &fixture.env, &["/signup", "/"], calls).await;
    assert!(log.contains("\"event\":\"sign-up-failed\",\"reason\":\"email-taken\""), "{log}");
}

#[tokio::test]
async fn audit_lines_and_metrics_report_sign_ups_rejections_and_errors() {
    let env = FunctionEnv::signup().with_all(&[("THROTTLE_ADDRESS_SIGNUPS", "4"), ("RUST_LOG", "error")]);
    let fixture = SampleFixture::new(env, "signup").await;
    let sign_up = |email: &str| {
        let body = json!({ "name": "Ada", "email": email, "password": "tortoise lamp quarrel" });
        events::post("/signup", "192.0.2.1", None, &body)
    };
    let function = fixture.env.start(BINARY).await;
    let mut answers = Vec::new();
    for email in ["ada@example.com", "ada@example.com", "grace@example.com"] {
        answers.push(events::read(&function.invoke(sign_up(email)).await.expect("the invocation succeeds")));
    }
    assert_eq!(answers.iter().map(|answer| answer.status).collect::<Vec<_>>(), [201, 202, 429]);
    let (log, output) = function.stop_with_output().await;
    let id = answers[0].json()["public_id"].clone();
    for (event, attempt, id, reason) in [
        ("signed-up", Value::Null, id, Value::Null),
        ("sign-up-failed", Value::Null, Value::Null, json!("email-taken")),
        ("throttled", json!("sign-up"), Value::Null, json!("too-many-requests")),
    ] {
        let line = audit_line(&log, event);
        assert_eq!([&line["attempt"], &line["public_id"], &line["reason"]], [&attempt, &id, &reason], "{log}");
    }
    for (outcome, count) in [(None, 3), (Some("done"), 1), (Some("email-taken"), 1), (Some("too-many-requests"), 1)] {
        assert_eq!(sum(&output, "SignUps", outcome), count, "{outcome:?}: {output}");
    }
    assert_eq!((sum(&output, "Throttled", None), sum(&output, "Errors", None)), (1, 0), "{output}");

    let function = fixture.env.with_database(UNREACHABLE).start(BINARY).await;
    let answer = events::read(&function.invoke(sign_up("ada@example.com")).await.expect("the invocation succeeds"));
    assert_eq!(answer.status, 503);
    let (log, output) = function.stop_with_output().await;
    assert!(!log.contains("\"target\":\"audit\""), "a failure of the service is not an audit event: {log}");
    assert_eq!((sum(&output, "Errors", None), sum(&output, "SignUps", Some("error"))), (1, 1), "{output}");
}

#[tokio::test]
async fn refusals_of_closed_and_restricted_sign_up_are_recorded_and_counted() {
    let body = json!({ "name": "Ada", "email": "ada@example.org", "password": "tortoise lamp quarrel" });
    for (setting, status, reason) in
        [(("SIGNUP", "closed"), 403, "sign-up-closed"), (("SIGNUP_DOMAINS", "example.com"), 422, "domain-not-allowed")]
    {
        let env = FunctionEnv::signup().with(setting.0, setting.1);
        let function = env.with_database(UNREACHABLE).with("WARM_UP", "off").start(BINARY).await;
        let event = events::post("/signup", "192.0.2.1", None, &body);
        let answer = events::read(&function.invoke(event).await.expect("the invocation succeeds"));
        assert_eq!(answer.status, status, "without a database: {answer:?}");
        let (log, output) = function.stop_with_output().await;
        let line = audit_line(&log, "sign-up-failed");
        assert_eq!([&line["public_id"], &line["reason"]], [&Value::Null, &json!(reason)], "{log}");
        assert!(!log.contains("example.org") && !log.contains("example.com"), "{log}");
        let sums = [None, Some(reason), Some("done")].map(|outcome| sum(&output, "SignUps", outcome));
        assert_eq!((sums, sum(&output, "Errors", None)), ([1, 1, 0], 0), "{output}");
    }
}
