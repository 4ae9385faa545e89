//! Changes that fail although the database may have made them.

use std::fs;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use testkit::{
    ADA,
    proxy::{ACCESS_DENIED, LossyProxy, RejectingProxy, TABLE_NOT_FOUND, THROTTLED},
};
use tokio::task::JoinSet;

use crate::harness::Sandbox;

const INVALID: &str = r#"{"__type":"com.amazon.coral.validate#ValidationException","message":"no"}"#;

/// The operation that makes a change, the command without the user, the event and the details of the audit line.
type Case = (&'static str, &'static [&'static str], &'static str, Value);

fn changes() -> Vec<Case> {
    let write = "TransactWriteItems";
    vec![
        (write, &["disable", ADA[1]], "user-disabled", json!({})),
        (write, &["enable", ADA[1]], "user-enabled", json!({})),
        (write, &["delete", ADA[1], "--yes"], "user-deleted", json!({})),
        (write, &["groups", ADA[1], "add", "admin"], "groups-changed", json!({ "added": "admin" })),
        (write, &["groups", ADA[1], "remove", "staff"], "groups-changed", json!({ "removed": "staff" })),
        (write, &["claims", ADA[1], "set", "level", "9"], "claims-changed", json!({ "set": "level" })),
        (write, &["claims", ADA[1], "clear"], "claims-changed", json!({ "cleared": true })),
        (write, &["log-out", ADA[1]], "sessions-ended", json!({})),
        ("DeleteItem", &["log-out", ADA[1], "--session"], "sessions-ended", json!({})),
        (write, &["throttle", ADA[1], "--reset"], "rate-limit-reset", json!({})),
    ]
}

/// A sandbox with Ada, her identifier, and the command with the audit log.
async fn prepare(command: &[&str]) -> (Sandbox, String, Vec<String>) {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    let mut command: Vec<String> = command.iter().map(|&part| part.to_owned()).collect();
    if command[0] == "enable" {
        sandbox.users(&["disable", ADA[1]]).await.assert_success();
    }
    if command.last().unwrap() == "--session" {
        command.push(sandbox.session(&ada).await);
    }
    command.extend(["--audit-log", "audit.jsonl"].map(str::to_owned));
    (sandbox, ada, command)
}

async fn a_lost_response_is_recorded((operation, command, event, details): Case) {
    let (sandbox, ada, command) = prepare(command).await;
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let before = sandbox.tables().await;
    let proxy = LossyProxy::start(&sandbox.service.endpoint).await;
    proxy.lose_all_responses_to(operation);
    let outcome = sandbox.users_at(&proxy.url, &command).await;
    let shows = if command[0] == "throttle" { "throttle" } else { "show" };
    let advice = format!("the outcome is unknown: `admin users {shows} ada@example.com` shows");
    outcome.assert_exit(1, &["did not complete", &advice]);
    assert_ne!(sandbox.tables().await, before, "the change is made: {command:?}");
    let line = outcome.audit_line();
    assert_eq!(line["outcome"], "unknown", "{outcome:?}");
    assert_eq!((&line["event"], &line["public_id"]), (&json!(event), &json!(ada)), "{outcome:?}");
    for (name, value) in details.as_object().unwrap() {
        assert_eq!(&line[name], value, "{outcome:?}");
    }
    assert_eq!(fs::read_to_string(sandbox.path("audit.jsonl")).unwrap(), format!("{line}\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_response_is_lost_is_recorded() {
    let mut tasks = JoinSet::new();
    for case in changes() {
        tasks.spawn(a_lost_response_is_recorded(case));
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn a_change_that_is_refused_is_not_recorded() {
    for (number, (operation, command, ..)) in changes().into_iter().enumerate() {
        let (sandbox, _, command) = prepare(command).await;
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let before = sandbox.tables().await;
        let operation = if command[0] == "throttle" { "Throttle.TransactWriteItems" } else { operation };
        let error = [ACCESS_DENIED, TABLE_NOT_FOUND, INVALID][number % 3];
        let proxy = RejectingProxy::start(&sandbox.service.endpoint, operation, usize::MAX, error).await;
        let outcome = sandbox.users_at(&proxy.url, &command).await;
        outcome.assert_exit(1, &[]);
        assert!(outcome.audit().is_empty() && !outcome.err.contains("unknown"), "{outcome:?}");
        assert_eq!(fs::read_to_string(sandbox.path("audit.jsonl")).unwrap(), "");
        assert_eq!(sandbox.tables().await, before, "{command:?}");
    }
}

#[tokio::test]
async fn a_deletion_that_is_refused_after_sessions_have_ended_is_recorded() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    for session in 0..120 {
        let put = sandbox.service.database.put_item().table_name("Sessions");
        let put = put.item("public_id", AttributeValue::S(id.clone()));
        put.item("session_id", AttributeValue::S(format!("session {session}"))).send().await.unwrap();
    }
    for error in [ACCESS_DENIED, INVALID] {
        let endpoint = &sandbox.service.endpoint;
        let proxy = RejectingProxy::start(endpoint, "TransactWriteItems", usize::MAX, error).await;
        let outcome = sandbox.users_at(&proxy.url, &["delete", ADA[1], "--yes"]).await;
        let is_begun = error == ACCESS_DENIED;
        assert_eq!(outcome.audit().len(), usize::from(is_begun), "sessions end in the first run: {outcome:?}");
        assert_eq!(outcome.assert_exit(1, &[]).err.contains("the outcome is unknown"), is_begun, "{outcome:?}");
        assert_eq!(sandbox.service.items("Sessions").await.len(), 98);
    }
}

#[tokio::test]
async fn a_failure_to_read_is_not_recorded() {
    for operation in ["GetItem", "Query"] {
        let (sandbox, _, command) = prepare(&["log-out", ADA[1], "--session"]).await;
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        let proxy = LossyProxy::start(&sandbox.service.endpoint).await;
        proxy.lose_all_responses_to(operation);
        let outcome = sandbox.users_at(&proxy.url, &command).await;
        outcome.assert_exit(1, &["did not complete"]);
        assert!(outcome.audit().is_empty() && !outcome.err.contains("unknown"), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_change_that_is_throttled_to_the_end_may_have_been_made_by_an_earlier_attempt() {
    let (sandbox, ..) = prepare(&["disable", ADA[1]]).await;
    let proxy = RejectingProxy::start(&sandbox.service.endpoint, "TransactWriteItems", usize::MAX, THROTTLED).await;
    let outcome = sandbox.users_at(&proxy.url, &["disable", ADA[1]]).await;
    outcome.assert_exit(1, &["ThrottlingException", "the outcome is unknown"]);
    assert_eq!(outcome.audit_line()["outcome"], "unknown");
}

#[tokio::test]
async fn a_full_audit_log_does_not_hide_that_the_outcome_is_unknown() {
    let (sandbox, ..) = prepare(&["disable", ADA[1]]).await;
    let proxy = LossyProxy::start(&sandbox.service.endpoint).await;
    proxy.lose_all_responses_to("TransactWriteItems");
    let outcome = sandbox.users_at(&proxy.url, &["disable", ADA[1], "--audit-log", "/dev/full"]).await;
    outcome.assert_exit(1, &["the outcome is unknown", "the audit log /dev/full could not be written"]);
    assert!(!outcome.err.contains("the change is made"), "{outcome:?}");
}

#[tokio::test]
async fn a_line_that_a_full_disk_cut_off_does_not_damage_the_next_one() {
    let (sandbox, ..) = prepare(&["disable", ADA[1]]).await;
    fs::write(sandbox.path("audit.jsonl"), "{\"event\":\"user-dis").unwrap();
    for command in ["disable", "enable"] {
        sandbox.users(&[command, ADA[1], "--audit-log", "audit.jsonl"]).await.assert_success();
    }
    let log = fs::read_to_string(sandbox.path("audit.jsonl")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines.len(), lines[0]), (3, "{\"event\":\"user-dis"), "{log}");
    assert_eq!(serde_json::from_str::<Value>(lines[1]).unwrap()["event"], "user-disabled");
    assert_eq!(serde_json::from_str::<Value>(lines[2]).unwrap()["event"], "user-enabled");
}
