//! Signals while the database has made a change, and its response is not there yet.

use std::fs;

use aws_sdk_dynamodb::types::AttributeValue;
use rustix::process::Signal;
use serde_json::Value;
use testkit::{ADA, proxy::HoldingProxy};

use crate::harness::{Outcome, Sandbox, finish, send};

/// Runs a command that gets a signal between the change and its response.
async fn interrupt(sandbox: &Sandbox, operation: &'static str, arguments: &[&str], signal: Signal) -> Outcome {
    let proxy = HoldingProxy::start(&sandbox.service.endpoint, operation).await;
    proxy.hold_after(0);
    let options = ["--endpoint", &proxy.url, "--audit-log", "audit.jsonl"];
    let child = sandbox.command(&[&["users"], arguments, &options].concat()).spawn().unwrap();
    proxy.wait().await;
    send(&child, signal);
    proxy.release();
    finish(child).await
}

fn audit_file(sandbox: &Sandbox) -> Vec<Value> {
    let file = fs::read_to_string(sandbox.path("audit.jsonl")).unwrap();
    file.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_change_that_is_made_is_recorded_despite_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        let (ada, _) = sandbox.ada_and_grace().await;
        let changes: [(&'static str, &[&str], &str); 4] = [
            ("TransactWriteItems", &["disable", ADA[1]], "user-disabled"),
            ("TransactWriteItems", &["claims", ADA[1], "set", "level", "9"], "claims-changed"),
            ("Throttle.TransactWriteItems", &["throttle", ADA[1], "--reset"], "rate-limit-reset"),
            ("TransactWriteItems", &["delete", ADA[1], "--yes"], "user-deleted"),
        ];
        for (number, (operation, command, event)) in changes.into_iter().enumerate() {
            interrupt(&sandbox, operation, command, signal).await.assert_success();
            let lines = audit_file(&sandbox);
            assert_eq!(lines.len(), number + 1, "{command:?}");
            assert_eq!((&lines[number]["event"], &lines[number]["public_id"]), (&event.into(), &ada.as_str().into()));
        }
    }
}

#[tokio::test]
async fn an_interrupted_end_of_all_sessions_records_those_that_are_ended() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        // Three pages of 1 MB.
        for number in 0..8 {
            let put = sandbox.service.database.put_item().table_name("Sessions");
            let put = put.item("public_id", AttributeValue::S(format!("user {number}")));
            let put = put.item("session_id", AttributeValue::S("session".to_owned()));
            put.item("agent", AttributeValue::S("a".repeat(350_000))).send().await.unwrap();
        }
        let outcome = interrupt(&sandbox, "BatchWriteItem", &["log-out", "--all", "--yes"], signal).await;
        outcome.assert_exit(1, &["interrupted", "run the command again"]);
        let left = sandbox.service.items("Sessions").await.len();
        let lines = audit_file(&sandbox);
        assert_eq!((lines.len(), &lines[0]["complete"]), (1, &false.into()), "{lines:?}");
        assert!((1..8).contains(&left), "{left}");
        assert_eq!(lines[0]["count"], 8 - left, "{lines:?}");
        sandbox.users(&["log-out", "--all", "--yes"]).await.assert_success();
        assert!(sandbox.service.items("Sessions").await.is_empty());
    }
}
