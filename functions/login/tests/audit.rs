//! The audit lines of the real binary about sessions and accounts.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use serde_json::{Value, json};
use testkit::{
    ADA, FunctionEnv,
    events::{self, SampleFixture},
    forge,
};

/// A log-in sample with another path, token and body.
async fn event(fixture: &SampleFixture, path: &str, token: Option<&str>, body: &Value) -> Value {
    let mut event = fixture.event("login").await;
    event["rawPath"] = json!(path);
    event["body"] = json!(body.to_string());
    event["isBase64Encoded"] = json!(false);
    event["headers"] = json!({ "content-type": "application/json" });
    if let Some(token) = token {
        event["headers"]["x-access-token"] = json!(token);
    }
    event
}

#[tokio::test]
async fn replay_log_out_and_password_change_are_audited_with_the_user_and_without_secrets() {
    let fixture = SampleFixture::new(FunctionEnv::login().with("RUST_LOG", "trace"), "login").await;
    let function = fixture.env.start(env!("CARGO_BIN_EXE_login")).await;
    let call = async |path: &str, token: Option<&str>, body: Value| {
        let event = event(&fixture, path, token, &body).await;
        events::read(&function.invoke(event).await.expect("the invocation succeeds"))
    };
    let log_in = async || call("/login", None, json!({ "email": ADA[1], "password": ADA[2] })).await.json();
    let text = |answer: &Value, name: &str| answer[name].as_str().unwrap().to_owned();
    let mut secrets = Vec::new();

    let first = log_in().await;
    let refresh = async |token: &str| call("/refresh", None, json!({ "refresh_token": token })).await;
    secrets.push(text(&first, "refresh_token"));
    // The session accepts the last two refresh tokens for some seconds. An older one is a replay at any time.
    for round in 0..3 {
        secrets.push(text(&refresh(&secrets[round]).await.json(), "refresh_token"));
    }
    assert_eq!(refresh(&secrets[0]).await.status, 401);

    let second = log_in().await;
    let wrong = json!({ "current_password": "a wrong guess", "new_password": "a better tortoise lamp quarrel" });
    assert_eq!(call("/password", Some(&text(&second, "token")), wrong).await.status, 403);
    let correct = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" });
    let changed = call("/password", Some(&text(&second, "token")), correct).await.json();
    let everywhere = json!({ "scope": "global" });
    assert_eq!(call("/logout", Some(&text(&changed, "token")), everywhere).await.status, 204);

    let id = text(&forge::payload(&text(&first, "token")), "sub");
    let log = function.stop().await;
    for (event, reason) in [
        ("logged-in", None),
        ("refreshed", None),
        ("replayed", None),
        ("refresh-failed", Some("refresh-token-replayed")),
        ("password-change-failed", Some("wrong-password")),
        ("password-changed", None),
        ("logged-out", None),
    ] {
        let line = log.lines().find(|line| line.contains(&format!("\"event\":\"{event}\"")));
        let line: Value = serde_json::from_str(line.unwrap_or_else(|| panic!("{event}: {log}"))).unwrap();
        assert_eq!((&line["public_id"], line["reason"].as_str()), (&json!(id), reason), "{event}");
        assert_eq!((&line["target"], &line["span"]["client"]), (&json!("audit"), &json!("192.0.2.0/24")), "{event}");
        assert!(line["span"]["request_id"].is_string(), "{event}");
    }
    for answer in [&first, &second, &changed] {
        secrets.extend([text(answer, "token"), text(answer, "refresh_token")]);
    }
    secrets.extend(["battery", "wrong guess", "tortoise", "@example.com", "$argon2", "eyJ"].map(str::to_owned));
    for secret in secrets {
        assert!(!log.contains(&secret[..secret.len().min(40)]), "{secret} is in the log: {log}");
    }
}

#[tokio::test]
async fn rejection_throttling_and_deletion_are_audited_with_reason_and_user() {
    let env = FunctionEnv::login().with_all(&[("RUST_LOG", "error"), ("THROTTLE_PAIR_FAILURES", "1")]);
    let fixture = SampleFixture::new(env, "login").await;
    let function = fixture.env.start(env!("CARGO_BIN_EXE_login")).await;
    let status = async |method: &str, path: &str, token: Option<&str>, body: Value| {
        let mut event = event(&fixture, path, token, &body).await;
        event["requestContext"]["http"]["method"] = json!(method);
        events::read(&function.invoke(event).await.expect("the invocation succeeds")).status
    };
    let member = async |name: &str| {
        fixture.service.member([name, &format!("{name}@example.org"), "tortoise lamp quarrel"]).await
    };
    let ((guessed, guessed_token), (deleted, deleted_token)) = (member("guessed").await, member("deleted").await);
    let wrong = json!({ "email": "guessed@example.org", "password": "a wrong guess" });
    let statuses = [
        status("POST", "/login", None, wrong.clone()).await,
        status("POST", "/login", None, wrong).await,
        status("DELETE", "/user/me", Some(&guessed_token), json!({ "password": "a wrong guess" })).await,
        status("DELETE", "/user/me", Some(&guessed_token), json!({ "password": "a wrong guess" })).await,
        status("DELETE", "/user/me", Some(&deleted_token), json!({ "password": "tortoise lamp quarrel" })).await,
        status("POST", "/logout", Some("no token"), json!({})).await,
    ];
    assert_eq!(statuses, [403, 429, 403, 429, 204, 401]);
    let log = function.stop().await;
    let lines: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let lines: Vec<[&Value; 4]> = lines
        .iter()
        .filter(|line| line["target"] == "audit")
        .map(|line| ["event", "attempt", "public_id", "reason"].map(|name| &line[name]))
        .collect();
    let (none, guessed, deleted) = (Value::Null, json!(guessed), json!(deleted));
    let [wrong, many, unreadable] = ["wrong-password", "too-many-requests", "token-unreadable"].map(|code| json!(code));
    assert_eq!(
        lines,
        [
            [&json!("log-in-failed"), &none, &guessed, &wrong],
            [&json!("throttled"), &json!("log-in"), &guessed, &many],
            [&json!("deletion-failed"), &none, &guessed, &wrong],
            [&json!("throttled"), &json!("deletion"), &guessed, &many],
            [&json!("deleted"), &none, &deleted, &none],
            [&json!("log-out-failed"), &none, &none, &unreadable],
        ],
        "{log}"
    );
}
