//! The output of the real binary: audit lines, and no data of a request or response.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use testkit::{
    FunctionEnv,
    canary::{self, CANARY},
    events::{self, SampleFixture},
    lambda::{audit_line, sum},
};

const BINARY: &str = env!("CARGO_BIN_EXE_list-users");

#[tokio::test]
async fn listing_logs_no_request_or_response_data_at_any_level() {
    let fixture = SampleFixture::new(FunctionEnv::list_users(), "list-users").await;
    let calls = async |level: &str| {
        let (email, password) = (format!("{CANARY}.{level}@example.com"), format!("{CANARY} a better password"));
        let (_, token) = fixture.service.member([CANARY, &email, &password]).await;
        let (_, deleted) = fixture.service.member([CANARY, &format!("gone.{email}"), &password]).await;
        assert_eq!(fixture.service.delete_me(&deleted, &password).await.status, 204);
        let get = |path: &str, token: &str| {
            events::request("GET", path, "198.51.100.1", &json!({ "x-access-token": token }), None)
        };
        let good = ["/user", "/user/me"].map(|path| (get(path, &token), 200));
        good.into_iter().chain(["/user", "/user/me"].map(|path| (get(path, &deleted), 401))).collect()
    };
    let log = canary::assert_no_leaks(BINARY, &fixture.env, &["/user", "/user/me"], calls).await;
    assert!(log.contains("\"event\":\"listed\"") && log.contains("token-unreadable"), "{log}");
}

#[tokio::test]
async fn audit_lines_name_users_who_listed_and_users_who_were_rejected() {
    let fixture = SampleFixture::new(FunctionEnv::list_users().with("RUST_LOG", "error"), "list-users").await;
    let (id, token) = fixture.service.member(["Ada", "ada.audit@example.com", "tortoise lamp quarrel"]).await;
    let function = fixture.env.start(BINARY).await;
    let status = async |path: &str, token: &str| {
        let event = events::request("GET", path, "192.0.2.1", &json!({ "x-access-token": token }), None);
        events::read(&function.invoke(event).await.expect("the invocation succeeds")).status
    };
    assert_eq!((status("/user", &token).await, status("/user/me", &token).await), (200, 200));
    fixture.service.delete_user(&id).await;
    assert_eq!((status("/user", &token).await, status("/user/me", &token).await), (401, 401));
    let log = function.stop().await;
    for (event, reason) in
        [("listed", Value::Null), ("listing-failed", json!("user-gone")), ("own-record-failed", json!("user-gone"))]
    {
        let line = audit_line(&log, event);
        assert_eq!([&line["public_id"], &line["reason"]], [&json!(id), &reason], "{log}");
    }
}

#[tokio::test]
async fn an_omitted_item_is_logged_with_its_key_and_counted() {
    let fixture = SampleFixture::new(FunctionEnv::list_users(), "list-users").await;
    let (service, id) = (&fixture.service, "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55");
    let (_, token) = service.member(["Ada", "ada.omitted@example.com", "tortoise lamp quarrel"]).await;
    service.set_on_user(id, "email", AttributeValue::S("corrupt@example.com".to_owned())).await;
    service.set_on_user("corrupt@example.org", "name", AttributeValue::S("Ada".to_owned())).await;
    let function = fixture.env.start(BINARY).await;
    let event = events::request("GET", "/user", "192.0.2.1", &json!({ "x-access-token": token }), None);
    let answer = events::read(&function.invoke(event).await.expect("the invocation succeeds"));
    assert_eq!((answer.status, answer.json()["users"].as_array().map(Vec::len)), (200, Some(3)), "{answer:?}");
    let (log, output) = function.stop_with_output().await;
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let logged = lines.find(|line| line["public_id"] == id && line["level"] == "WARN").expect("a warning");
    assert_eq!(logged["cause"], "item in Users lacks a valid name", "{logged}");
    assert!(!log.contains("corrupt@"), "no email address, not even one that is a key: {log}");
    assert_eq!(sum(&output, "CorruptItems", None), 2, "{output}");
}

#[tokio::test]
async fn an_unusable_session_is_logged_with_its_user_and_counted() {
    let fixture = SampleFixture::new(FunctionEnv::list_users(), "list-users").await;
    let (service, number) = (&fixture.service, |number: &str| AttributeValue::N(number.to_owned()));
    let (id, token) = service.member(["Ada", "ada.sessions@example.com", "tortoise lamp quarrel"]).await;
    let put = service.database.put_item().table_name("Sessions").item("public_id", AttributeValue::S(id.clone()));
    let put = put.item("session_id", AttributeValue::S("corrupt@example.com".to_owned())).item("version", number("0"));
    put.item("expires_at", number("4000000000")).item("ends_at", number("4000000000")).send().await.expect("stored");
    let function = fixture.env.start(BINARY).await;
    let headers = json!({ "x-access-token": token, "accept": "text/html" });
    let event = events::request("GET", "/user/me", "192.0.2.1", &headers, None);
    let answer = events::read(&function.invoke(event).await.expect("the invocation succeeds"));
    assert!(answer.status == 200 && answer.text.contains("Where you are logged in"), "{answer:?}");
    let (log, output) = function.stop_with_output().await;
    let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let logged = lines.find(|line| line["public_id"] == id && line["level"] == "WARN").expect("a warning");
    assert_eq!(logged["cause"], "item in Sessions lacks a valid session_id", "{logged}");
    assert!(!log.contains("corrupt@"), "{log}");
    assert_eq!(sum(&output, "CorruptItems", None), 1, "{output}");
}
