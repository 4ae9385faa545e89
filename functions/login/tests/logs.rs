//! What the real binary writes: audit lines and metrics, and nothing of what anybody sent.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use serde_json::{Value, json};
use testkit::{
    ADA,
    events::{self, Setting},
    lambda::{Function, sum},
    markers::{self, MARKER},
};

#[tokio::test]
async fn at_no_level_does_a_log_in_or_what_follows_good_or_bad_leave_what_was_sent_in_the_log() {
    let setting = Setting::new("login").await;
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.extend([("THROTTLE_ADDRESS_GUESSES", "0"), ("THROTTLE_PAIR_FAILURES", "100")]);
    let password = format!("{MARKER} a better password");
    let who = [MARKER, &format!("{MARKER}.ada@example.com"), &password];
    let mine = setting.service.signed_in(who).await;
    let token = mine["token"].as_str();
    let post = |path: &str, token, body: Value| events::post(path, "198.51.100.1", token, &body);
    let calls = [
        post("/login", None, json!({ "email": who[1], "password": password })),
        post("/login", None, json!({ "email": who[1], "password": format!("{MARKER} wrong") })),
        post("/refresh", None, json!({ "refresh_token": mine["refresh_token"] })),
        post("/password", token, json!({ "current_password": format!("{MARKER} wrong"), "new_password": password })),
        post("/logout", token, json!({ "scope": "others" })),
    ];
    let paths = ["/login", "/refresh", "/logout", "/password", "/user/me", "/.well-known/jwks.json"];
    let log = markers::leave_no_trace(env!("CARGO_BIN_EXE_login"), &variables, &paths, &calls).await;
    for secret in ["eyJ", "$argon2", mine["refresh_token"].as_str().unwrap()] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn metrics_tell_log_ins_by_outcome_what_was_throttled_times_and_cold_starts() {
    let setting = Setting::new("login").await;
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("THROTTLE_PAIR_FAILURES", "2"));
    let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables).await;
    for password in [ADA[2], "wrong", "wrong", "wrong"] {
        let body = json!({ "email": ADA[1], "password": password });
        function.invoke(events::post("/login", "192.0.2.1", None, &body)).await.expect("the invocation succeeds");
    }
    let (_, output) = function.stop_with_output().await;
    let lines: Vec<Value> = output.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    for (metric, outcome, count) in [
        ("LogIns", None, 4),
        ("LogIns", Some("done"), 1),
        ("LogIns", Some("wrong-password"), 2),
        ("LogIns", Some("too-many-requests"), 1),
        ("Throttled", None, 1),
        ("ColdStarts", None, 1),
        ("Errors", None, 0),
    ] {
        assert_eq!(sum(&output, metric, outcome), count, "{metric} {outcome:?}: {output}");
    }
    let values = |metric: &str| -> Vec<f64> {
        let of_line = |line: &Value| line[metric].as_array().cloned().unwrap_or_default();
        lines.iter().flat_map(of_line).map(|value| value.as_f64().expect("a number")).collect()
    };
    let (hashes, calls) = (values("HashMilliseconds"), values("StoreMilliseconds"));
    assert!(hashes.len() == 3 && hashes.iter().all(|millis| *millis > 1.0), "{output}");
    assert!(calls.len() > 12 && calls.iter().all(|millis| *millis > 0.0 && *millis < 10_000.0), "{output}");
    for line in &lines {
        let metrics = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&metrics["Namespace"], &line["Function"]), (&json!("Postern"), &json!("test")), "{line}");
        assert!(metrics["Dimensions"][0].as_array().unwrap().contains(&json!("Function")), "{line}");
    }
}

#[tokio::test]
async fn without_metrics_nothing_is_written_to_standard_output() {
    let setting = Setting::new("login").await;
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("METRICS", "off"));
    let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables).await;
    function.invoke(setting.event("login").await).await.expect("the invocation succeeds");
    assert_eq!(function.stop_with_output().await.1, "");
}
