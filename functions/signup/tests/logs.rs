//! What the real binary writes: audit lines and metrics, and nothing of what anybody sent.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use serde_json::{Value, json};
use testkit::{
    events::{self, Setting},
    lambda::{Function, audit_line, sum},
    markers::{self, MARKER},
};

#[tokio::test]
async fn at_no_level_does_a_sign_up_good_or_bad_leave_what_was_sent_in_the_log() {
    let setting = Setting::new("signup").await;
    let variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let calls = async |level: &str| {
        let (email, password) = (format!("{MARKER}.{level}@example.com"), format!("{MARKER} a better password"));
        let body = json!({ "name": MARKER, "email": email, "password": password });
        let event = events::post("/signup", "198.51.100.1", None, &body);
        vec![(event.clone(), 201), (event, 202)]
    };
    let log = markers::leave_no_trace(env!("CARGO_BIN_EXE_signup"), &variables, &["/signup", "/"], calls).await;
    assert!(log.contains("\"event\":\"sign-up-failed\",\"reason\":\"email-taken\""), "{log}");
}

#[tokio::test]
async fn audit_lines_and_metrics_tell_who_signed_up_who_did_not_and_what_failed() {
    let setting = Setting::new("signup").await;
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([("THROTTLE_ADDRESS_SIGNUPS", "4"), ("RUST_LOG", "error")]);
    let sign_up = |email: &str| {
        let body = json!({ "name": "Ada", "email": email, "password": "tortoise lamp quarrel" });
        events::post("/signup", "192.0.2.1", None, &body)
    };
    let function = Function::start(env!("CARGO_BIN_EXE_signup"), &variables).await;
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

    // Nobody answers there.
    variables.retain(|(name, _)| *name != "AWS_ENDPOINT_URL_DYNAMODB");
    variables.push(("AWS_ENDPOINT_URL_DYNAMODB", "http://127.0.0.1:1"));
    let function = Function::start(env!("CARGO_BIN_EXE_signup"), &variables).await;
    let answer = events::read(&function.invoke(sign_up("ada@example.com")).await.expect("the invocation succeeds"));
    assert_eq!(answer.status, 503);
    let (log, output) = function.stop_with_output().await;
    assert!(!log.contains("\"target\":\"audit\""), "what fails on our side is no event: {log}");
    assert_eq!((sum(&output, "Errors", None), sum(&output, "SignUps", Some("error"))), (1, 1), "{output}");
}
