//! The output of the real binary: audit lines and metrics, and no data of a request.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use testkit::{
    ADA, FunctionEnv,
    canary::{self, CANARY},
    events::{self, SampleFixture},
    lambda::{Function, audit_line, sum},
};

const BINARY: &str = env!("CARGO_BIN_EXE_login");

#[tokio::test]
async fn log_in_and_session_calls_log_no_request_data_at_any_level() {
    let limits = [("THROTTLE_ADDRESS_GUESSES", "0"), ("THROTTLE_PAIR_FAILURES", "100")];
    let fixture = SampleFixture::new(FunctionEnv::login().with_all(&limits), "login").await;
    let (password, wrong) = (format!("{CANARY} a better password"), format!("{CANARY} wrong"));
    let post = |path: &str, token: Option<&Value>, body: Value| {
        events::post(path, "198.51.100.1", token.map(|token| token.as_str().unwrap()), &body)
    };
    let calls = async |level: &str| {
        let email = |number: usize| format!("{CANARY}.{level}.{number}@example.com");
        // Each call that ends a session needs a user of its own.
        let mut tokens = Vec::new();
        let mut signed_in = Vec::new();
        for number in 0..4 {
            let answer = fixture.service.signed_in([CANARY, &email(number), &password]).await;
            tokens.push(answer["token"].clone());
            signed_in.push(answer);
        }
        let refresh = json!({ "refresh_token": signed_in[0]["refresh_token"] });
        let change =
            |current: &str| json!({ "current_password": current, "new_password": format!("{password} {level}") });
        let delete = |password: &str| {
            let mut event = post("/user/me", Some(&tokens[3]), json!({ "password": password }));
            event["requestContext"]["http"]["method"] = json!("DELETE");
            event
        };
        vec![
            (post("/login", None, json!({ "email": email(0), "password": password })), 201),
            (post("/login", None, json!({ "email": email(0), "password": wrong })), 403),
            (post("/refresh", None, refresh.clone()), 200),
            (post("/refresh", None, refresh), 200),
            (post("/password", Some(&tokens[1]), change(&wrong)), 403),
            (post("/password", Some(&tokens[1]), change(&password)), 200),
            (post("/password", Some(&tokens[1]), change(&password)), 401),
            (post("/logout", Some(&tokens[2]), json!({ "scope": "others", "password": wrong })), 403),
            (post("/logout", Some(&tokens[2]), json!({ "scope": "others", "password": password })), 204),
            (post("/logout", Some(&tokens[2]), json!({ "scope": "global" })), 204),
            (post("/logout", None, json!({ "refresh_token": signed_in[2]["refresh_token"] })), 204),
            (delete(&wrong), 403),
            (delete(&password), 204),
            (delete(&password), 401),
        ]
    };
    let paths = ["/login", "/refresh", "/logout", "/password", "/user/me", "/.well-known/jwks.json"];
    let log = canary::assert_no_leaks(BINARY, &fixture.env, &paths, calls).await;
    for event in ["logged-in", "log-in-failed", "refreshed", "password-changed", "logged-out", "deleted"] {
        assert_eq!(audit_line(&log, event)["event"], event);
    }
}

#[tokio::test]
async fn the_log_names_user_and_claim_of_a_token_that_is_not_issued_and_no_value() {
    let fixture = SampleFixture::new(FunctionEnv::login().with("JWT_CLAIMS", "email,groups"), "login").await;
    let users = fixture.service.items("Users").await;
    let ada = users.iter().find(|user| user["email"].as_s().unwrap() == ADA[1]).unwrap();
    let id = ada["public_id"].as_s().unwrap();
    let groups = AttributeValue::Ss(vec![format!("{CANARY}{}", "x".repeat(3000))]);
    fixture.service.set_on_user(id, "groups", groups).await;
    let function = fixture.env.start(BINARY).await;
    let fails = async || {
        let answer = function.invoke(fixture.event("login").await).await.expect("the invocation succeeds");
        let answer = events::read(&answer);
        assert_eq!(answer.code(), (500, "internal-error".to_owned()));
        assert!(!answer.text.contains("claim") && !answer.text.contains(id), "{answer:?}");
    };
    fails().await;
    let reserved = AttributeValue::S(format!(r#"{{"sub":"{CANARY}"}}"#));
    fixture.service.set_on_user(id, "claims", reserved).await;
    fails().await;
    let log = function.stop().await;
    let line = log.lines().find(|line| line.contains("token of user")).unwrap_or_else(|| panic!("no line: {log}"));
    assert!(line.contains(id) && line.contains("largest claim is groups"), "{line}");
    let line = log.lines().find(|line| line.contains("user is unusable")).unwrap_or_else(|| panic!("no line: {log}"));
    assert!(line.contains(id) && line.contains("lacks a valid claims"), "{line}");
    assert!(!log.contains(CANARY) && !log.contains(ADA[1]), "{log}");
}

#[tokio::test]
async fn metrics_report_log_ins_by_outcome_throttling_durations_and_cold_starts() {
    let fixture = SampleFixture::new(FunctionEnv::login().with("THROTTLE_PAIR_FAILURES", "2"), "login").await;
    let function = fixture.env.start(BINARY).await;
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

/// Hashes of `correct horse battery staple`.
const LEGACY: [&str; 2] = [
    "$2b$04$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC",
    "$pbkdf2-sha256$i=10$trZW6v0f45zznrN2jnEupQ$nir0Dzthw1rgA7wvDsDpshlKNPFZWweEDDaCo5ELghU",
];

async fn set_hash(fixture: &SampleFixture, hash: &str) {
    store_hash(fixture, AttributeValue::S(hash.to_owned())).await;
}

async fn store_hash(fixture: &SampleFixture, hash: AttributeValue) {
    fixture.service.set("Credentials", ("email", ADA[1]), "password_hash", hash).await;
}

async fn guess(function: &Function) -> u16 {
    let body = json!({ "email": ADA[1], "password": "wrong" });
    let answer = function.invoke(events::post("/login", "192.0.2.1", None, &body)).await;
    events::read(&answer.expect("the invocation succeeds")).status
}

#[tokio::test]
async fn a_hash_that_cannot_be_verified_has_its_own_reason_and_metric_and_is_not_logged() {
    let fixture = SampleFixture::new(FunctionEnv::login(), "login").await;
    let function = fixture.env.start(BINARY).await;
    let hashes = ["$argon2id$v=19$m=4194304,t=1,p=1$Y2FuYXJ5IHNhbHQ$Y2FuYXJ5IGhhc2ggb2YgMjMgYnl0", "canary md5"];
    for hash in hashes {
        set_hash(&fixture, hash).await;
        assert_eq!(guess(&function).await, 403);
    }
    store_hash(&fixture, AttributeValue::B(b"canary bytes".to_vec().into())).await;
    assert_eq!(guess(&function).await, 403);
    let public_id = fixture.service.items("Credentials").await[0]["public_id"].as_s().unwrap().clone();
    let (log, output) = function.stop_with_output().await;
    assert_eq!(sum(&output, "UnusableHashes", None), 3, "{output}");
    assert_eq!(sum(&output, "LogIns", Some("unusable-hash")), 3, "{output}");
    let refused = audit_line(&log, "log-in-failed");
    assert_eq!((&refused["reason"], &refused["public_id"]), (&json!("unusable-hash"), &json!(public_id)));
    let warnings: Vec<&str> = log.lines().filter(|line| line.contains("cannot be verified")).collect();
    assert_eq!(warnings.len(), 3, "{log}");
    for (warning, cause) in warnings.iter().zip(["too expensive", "unknown hash format", "unknown hash format"]) {
        assert!(warning.contains(cause) && warning.contains(&public_id), "{warning}");
    }
    for secret in ["canary", "4194304", "Y2FuYXJ5"] {
        assert!(!log.contains(secret) && !output.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn a_hash_that_the_setting_does_not_list_is_warned_of_once_with_the_value_to_set() {
    for (listed, expected) in
        [("", Some("bcrypt:4")), ("scrypt:10:8:1", Some("scrypt:10:8:1,bcrypt:4")), ("bcrypt:5", None)]
    {
        let fixture = SampleFixture::new(FunctionEnv::login().with("LEGACY_HASHES", listed), "login").await;
        let function = fixture.env.start(BINARY).await;
        set_hash(&fixture, LEGACY[0]).await;
        assert_eq!(guess(&function).await, 403);
        if expected.is_some() {
            set_hash(&fixture, LEGACY[1]).await;
        }
        assert_eq!(guess(&function).await, 403);
        let log = function.stop().await;
        let warnings: Vec<&str> = log.lines().filter(|line| line.contains("set LEGACY_HASHES")).collect();
        assert_eq!(warnings.len(), usize::from(expected.is_some()), "{log}");
        for (warning, expected) in warnings.iter().zip(expected) {
            assert!(warning.contains(&format!("\"{expected}\"")), "{warning}");
        }
    }
}

#[tokio::test]
async fn disabled_metrics_write_nothing_to_standard_output() {
    let fixture = SampleFixture::new(FunctionEnv::login().with("METRICS", "off"), "login").await;
    let function = fixture.env.start(BINARY).await;
    function.invoke(fixture.event("login").await).await.expect("the invocation succeeds");
    assert_eq!(function.stop_with_output().await.1, "");
}
