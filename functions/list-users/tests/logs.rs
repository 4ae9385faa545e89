//! What the real binary writes: audit lines and metrics, and nothing of what anybody sent.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use serde_json::{Value, json};
use testkit::{
    events::{self, Setting},
    lambda::{Function, audit_line},
    markers::{self, MARKER},
};

#[tokio::test]
async fn at_no_level_does_a_listing_good_or_bad_leave_what_was_sent_or_listed_in_the_log() {
    let setting = Setting::new("list-users").await;
    let variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let calls = async |level: &str| {
        let (email, password) = (format!("{MARKER}.{level}@example.com"), format!("{MARKER} a better password"));
        let (_, token) = setting.service.member([MARKER, &email, &password]).await;
        let (_, gone) = setting.service.member([MARKER, &format!("gone.{email}"), &password]).await;
        assert_eq!(setting.service.delete_me(&gone, &password).await.status, 204);
        let get = |path: &str, token: &str| {
            events::request("GET", path, "198.51.100.1", &json!({ "x-access-token": token }), None)
        };
        let good = ["/user", "/user/me"].map(|path| (get(path, &token), 200));
        good.into_iter().chain(["/user", "/user/me"].map(|path| (get(path, &gone), 401))).collect()
    };
    let log =
        markers::leave_no_trace(env!("CARGO_BIN_EXE_list-users"), &variables, &["/user", "/user/me"], calls).await;
    assert!(log.contains("\"event\":\"listed\"") && log.contains("token-unreadable"), "{log}");
}

#[tokio::test]
async fn audit_lines_tell_who_listed_and_who_was_refused() {
    let setting = Setting::new("list-users").await;
    let mut variables: Vec<_> = setting.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    variables.push(("RUST_LOG", "error"));
    let (id, token) = setting.service.member(["Ada", "ada.audit@example.com", "tortoise lamp quarrel"]).await;
    let function = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await;
    let status = async |path: &str, token: &str| {
        let event = events::request("GET", path, "192.0.2.1", &json!({ "x-access-token": token }), None);
        events::read(&function.invoke(event).await.expect("the invocation succeeds")).status
    };
    assert_eq!((status("/user", &token).await, status("/user/me", &token).await), (200, 200));
    setting.service.delete_user(&id).await;
    assert_eq!((status("/user", &token).await, status("/user/me", &token).await), (401, 401));
    let log = function.stop().await;
    for (event, reason) in
        [("listed", Value::Null), ("listing-failed", json!("user-gone")), ("own-record-failed", json!("user-gone"))]
    {
        let line = audit_line(&log, event);
        assert_eq!([&line["public_id"], &line["reason"]], [&json!(id), &reason], "{log}");
    }
}
