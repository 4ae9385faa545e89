//! Users that exist, and what a dry run says about them.

use serde_json::json;
use testkit::ADA;

use super::{WERKZEUG, reasons};
use crate::harness::Sandbox;

const ID: &str = "0b6b2a52-52a2-4f0c-9d7e-3a1f5a0c7e11";

fn row(id: &str, email: &str) -> String {
    format!("{}\n", json!({ "public_id": id, "email": email, "password_hash": WERKZEUG }))
}

#[tokio::test]
async fn addresses_and_identifiers_of_other_users_are_taken() {
    let sandbox = Sandbox::new().await;
    let ada = sandbox.sign_up(ADA).await;
    let before = sandbox.accounts().await;
    let rows = row(ID, "ADA@example.com") + &row(&ada, "other@example.com") + &row(&ada, "ada@example.com");
    // The third row has the identifier of the second one.
    let new = "1c7c3b63-63b3-401d-8e8f-4b206b1d8f22";
    let rows = rows + &row(new, "new@example.com");
    for option in [&["--dry-run"][..], &[]] {
        let outcome = sandbox.import_with("jsonl", &rows, option).await;
        outcome.assert_exit(
            1,
            &[
                "line 1: the email address has the account of another user (email-taken)",
                "line 2: the public_id is that of a user with another address (id-taken)",
                "line 3: line 2 has the same identifier (duplicate)",
            ],
        );
        let expected = json!({ "email-taken": 1, "id-taken": 1, "duplicate": 1 });
        assert_eq!(reasons(&outcome), expected, "{outcome:?}");
        assert_eq!(outcome.json()["created"], 1);
        let count = sandbox.accounts().await.len();
        assert_eq!(count, before.len() + usize::from(option.is_empty()), "{option:?}");
    }
    let mut after = sandbox.accounts().await;
    assert_eq!(after.remove("new@example.com").expect("the user is imported")["public_id"], new);
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_password_that_was_changed_since_survives_a_second_run() {
    let sandbox = Sandbox::new().await;
    sandbox.import("jsonl", row(ID, ADA[1])).await.assert_success();
    let (imported, changed) = ("tortoise lamp quarrel", "a better tortoise lamp quarrel");
    let log_in = async |password| sandbox.service.log_in(ADA[1], password).await;
    let session = log_in(imported).await.json();
    let passwords = json!({ "current_password": imported, "new_password": changed });
    let change = sandbox.service.post_with("/password", session["token"].as_str().unwrap(), &passwords).await;
    assert_eq!(change.status, 200);
    let before = sandbox.accounts().await;
    let outcome = sandbox.import("jsonl", row(ID, ADA[1])).await;
    outcome.assert_success();
    assert_eq!(outcome.json()["unchanged"], 1);
    assert_eq!(sandbox.accounts().await, before);
    assert_eq!([log_in(imported).await.status, log_in(changed).await.status], [403, 201]);
}

#[tokio::test]
async fn the_audit_log_has_a_line_for_each_new_user_and_no_address() {
    let sandbox = Sandbox::new().await;
    let rows = row(ID, "ada@example.com") + &row("nil", "bad@example.com");
    let outcome = sandbox.import_with("jsonl", &rows, &["--audit-log", "audit.log"]).await;
    let log = std::fs::read_to_string(sandbox.path("audit.log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{log}");
    assert_eq!((&lines[0]["event"], &lines[0]["caller"]), (&json!("users-import-started"), &json!("local:operator")));
    assert_eq!((&lines[1]["event"], &lines[1]["public_id"]), (&json!("user-imported"), &json!(ID)));
    assert_eq!((&lines[2]["event"], &lines[2]["created"]), (&json!("users-imported"), &json!(1)));
    assert_eq!((&lines[2]["rejected"], &lines[2]["caller"]), (&json!(1), &json!("local:operator")));
    assert_eq!((&lines[2]["run"], &lines[2]["completed"]), (&lines[0]["run"], &json!(true)));
    assert!(!log.contains('@') && !outcome.err.contains("@example.com"), "{outcome:?}");
}

#[tokio::test]
async fn a_rate_limits_users_per_second() {
    let sandbox = Sandbox::new().await;
    let rows = (0..30)
        .map(|n| format!("{}\n", json!({ "email": format!("u{n}@example.com"), "password_hash": WERKZEUG })))
        .collect::<Vec<_>>()
        .concat();
    let started = std::time::Instant::now();
    sandbox.import_with("jsonl", rows, &["--rate", "20"]).await.assert_success();
    assert!(started.elapsed().as_secs_f64() > 1.4, "30 users at 20 a second");
    assert_eq!(sandbox.accounts().await.len(), 30);
}
