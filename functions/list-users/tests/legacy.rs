//! The real binary with the key of an old Flask application: its audit lines, its warnings, and the reads of the key.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use serde_json::{Value, json};
use testkit::{
    FunctionEnv,
    events::{self, SampleFixture},
    forge::{self, DAY, date},
    key_store::FakeKeyStore,
    lambda::{Function, audit_line},
};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:flask-AbCdEf";

const BINARY: &str = env!("CARGO_BIN_EXE_list-users");

const OLD_KEY: &str = "the secret of an old application: 81c2";

/// The date in this number of days.
fn date_in(days: i64) -> String {
    date(forge::now() + days * DAY)
}

fn token(claims: &Value, key: &str) -> String {
    forge::signed(r#"{"typ":"JWT","alg":"HS256"}"#, claims, key)
}

async fn status(function: &Function, path: &str, token: &str) -> u16 {
    let event = events::request("GET", path, "192.0.2.1", &json!({ "x-access-token": token }), None);
    events::read(&function.invoke(event).await.expect("the invocation succeeds")).status
}

/// The reasons of all refusals, in their order.
fn reasons(log: &str) -> Vec<String> {
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter_map(|line| Some(line["reason"].as_str()?.to_owned())).collect()
}

fn warning<'l>(log: &'l str, text: &str) -> &'l str {
    log.lines().find(|line| line.contains(text) && line.contains("WARN")).unwrap_or_default()
}

#[tokio::test]
async fn accepted_and_refused_old_tokens_have_audit_lines_of_their_own() {
    let until = date_in(30);
    let settings = [("JWT_LEGACY_SECRET_KEY", OLD_KEY), ("JWT_LEGACY_UNTIL", &until)];
    let fixture = SampleFixture::new(FunctionEnv::list_users().with_all(&settings), "list-users").await;
    let (id, _) = fixture.service.member(["Ada", "ada.legacy@example.com", "tortoise lamp quarrel"]).await;
    let function = fixture.env.start(BINARY).await;
    let now = forge::now();
    let good = token(&json!({ "public_id": id, "exp": now + 600 }), OLD_KEY);
    for path in ["/user", "/user/me"] {
        assert_eq!(status(&function, path, &good).await, 200);
    }
    for refused in [
        token(&json!({ "public_id": id, "exp": now - 600 }), OLD_KEY),
        token(&json!({ "public_id": id, "exp": now + 600, "nbf": now + 300 }), OLD_KEY),
        token(&json!({ "public_id": id }), OLD_KEY),
        token(&json!({ "public_id": id, "exp": now + 600, "iss": "postern" }), OLD_KEY),
        token(&json!({ "public_id": id, "exp": now + 600 }), "another key"),
    ] {
        assert_eq!(status(&function, "/user", &refused).await, 401);
    }
    let log = function.stop().await;
    assert_eq!(log.matches("\"event\":\"legacy-token-accepted\"").count(), 2, "{log}");
    assert_eq!(audit_line(&log, "legacy-token-accepted")["public_id"], json!(id));
    let expected = [
        "legacy-token-expired",
        "legacy-token-not-yet-valid",
        "legacy-token-invalid",
        "token-signature",
        "token-signature",
    ];
    assert_eq!(reasons(&log), expected, "{log}");
    assert!(warning(&log, "are accepted before this date").contains(&until), "{log}");
    let relaxed = warning(&log, "settings are weaker than recommended");
    assert!(relaxed.contains("JWT_LEGACY_UNTIL") && !relaxed.contains("ACCEPT_WEAK"), "{log}");
    assert!(!log.contains(OLD_KEY) && !log.contains(&good), "{log}");
}

#[tokio::test]
async fn the_secret_is_read_once_and_not_at_all_after_the_date() {
    let key_store = FakeKeyStore::start(ARN, OLD_KEY).await;
    let env = |days: i64| {
        FunctionEnv::list_users().with_all(&[
            ("JWT_LEGACY_SECRET_ARN", ARN),
            ("JWT_LEGACY_UNTIL", &date_in(days)),
            ("JWT_KEYS_REFRESH", "1"),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &key_store.url),
        ])
    };
    let fixture = SampleFixture::new(env(30), "list-users").await;
    let (id, _) = fixture.service.member(["Ada", "ada.secret@example.com", "tortoise lamp quarrel"]).await;
    let good = token(&json!({ "public_id": id, "exp": forge::now() + 600 }), OLD_KEY);
    let function = fixture.env.start(BINARY).await;
    for _ in 0..3 {
        assert_eq!(status(&function, "/user", &good).await, 200);
    }
    assert_eq!(key_store.reads(), 1);
    function.stop().await;
    key_store.fail(true);
    let today = date_in(0);
    let function = fixture.env.clone().with("JWT_LEGACY_UNTIL", &today).start(BINARY).await;
    assert_eq!(status(&function, "/user", &good).await, 401);
    assert_eq!(key_store.reads(), 1, "the secret may have been deleted by then");
    let log = function.stop().await;
    assert_eq!(reasons(&log), ["legacy-tokens-ended"], "{log}");
    assert!(warning(&log, "remove the JWT_LEGACY settings").contains(&today), "{log}");
    let (code, log) = fixture.env.start(BINARY).await.end().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("JWT_LEGACY_SECRET_ARN: the stored value cannot be used"), "{log}");
}

#[tokio::test]
async fn without_the_settings_nothing_is_read_or_logged() {
    let key_store = FakeKeyStore::start(ARN, OLD_KEY).await;
    let env = FunctionEnv::list_users().with("AWS_ENDPOINT_URL_SECRETS_MANAGER", &key_store.url);
    let fixture = SampleFixture::new(env, "list-users").await;
    let (id, _) = fixture.service.member(["Ada", "ada.unset@example.com", "tortoise lamp quarrel"]).await;
    let function = fixture.env.start(BINARY).await;
    let old = token(&json!({ "public_id": id, "exp": forge::now() + 600 }), OLD_KEY);
    assert_eq!(status(&function, "/user", &old).await, 401);
    let log = function.stop().await;
    assert_eq!(reasons(&log), ["token-signature"], "{log}");
    assert!(!log.contains("LEGACY") && !log.contains("legacy") && key_store.reads() == 0, "{log}");
}
