//! Postern's own format.

use std::fs;

use serde_json::{Value, json};

use super::{WERKZEUG, reasons};
use crate::harness::{Sandbox, mode};

const ID: &str = "0b6b2a52-52a2-4f0c-9d7e-3a1f5a0c7e11";

fn line(members: &Value) -> String {
    let mut line = json!({ "email": "ada@example.com", "name": "Ada", "password_hash": WERKZEUG });
    for (name, value) in members.as_object().unwrap() {
        line[name] = value.clone();
    }
    format!("{line}\n")
}

#[tokio::test]
async fn every_member_is_stored_in_both_items() {
    let sandbox = Sandbox::new().await;
    let user = line(&json!({
        "public_id": ID.to_uppercase(),
        "email": " Ada.Lovelace@EXAMPLE.com ",
        "created_at": 1_600_000_000,
        "groups": ["staff", "admin", "staff"],
        "claims": { "department": "research" },
        "email_verified": true,
        "disabled": true,
    }));
    let outcome = sandbox.import("jsonl", user).await;
    outcome.assert_success();
    assert_eq!(outcome.json()["created"], 1);
    let accounts = sandbox.accounts().await;
    let ada = &accounts["ada.lovelace@example.com"];
    assert_eq!(ada["public_id"], ID);
    assert_eq!(ada["created_at"], 1_600_000_000);
    assert_eq!(ada["groups"], json!(["admin", "staff"]));
    assert_eq!(ada["claims"], r#"{"department":"research"}"#);
    assert_eq!((&ada["email_verified"], &ada["disabled"]), (&json!(true), &json!(true)));
    assert!(ada["password_hash"].as_str().unwrap().starts_with("$pbkdf2-sha256$i=1000$"), "{ada}");
    assert!(ada["password_set_at"].as_u64().unwrap() > 1_600_000_000_000, "in milliseconds");
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let sandbox = Sandbox::new().await;
    // Identifiers that the source does not have are the same in every run.
    let users = line(&json!({})) + &line(&json!({ "email": "grace@example.com", "public_id": ID }));
    sandbox.import("jsonl", &users).await.assert_success();
    let before = sandbox.accounts().await;
    let again = sandbox.import("jsonl", users.replace("Ada", "Eve")).await;
    again.assert_success();
    assert_eq!((&again.json()["created"], &again.json()["unchanged"]), (&json!(0), &json!(2)));
    assert_eq!(sandbox.accounts().await, before);
}

#[tokio::test]
async fn members_that_are_unknown_or_of_another_type_reject_the_row() {
    let sandbox = Sandbox::new().await;
    let rows = [
        line(&json!({ "e_mail": "x@example.com" })),
        line(&json!({ "disabled": "yes" })),
        line(&json!({ "groups": "admin" })),
        line(&json!({ "groups": [1] })),
        line(&json!({ "claims": [] })),
        line(&json!({ "created_at": -1 })),
        line(&json!({ "created_at": 1_600_000_000_000_u64 })),
        line(&json!({ "created_at": 1.5 })),
        line(&json!({ "public_id": "42" })),
        line(&json!({ "groups": [" admin"] })),
        line(&json!({ "groups": [""] })),
        line(&json!({ "claims": { "sub": "other" } })),
        line(&json!({ "claims": { "large": "x".repeat(2040) } })),
        line(&json!({ "groups": ["a".repeat(250), "b".repeat(250)], "claims": { "large": "x".repeat(2000) } })),
        line(&json!({ "name": "A\u{202e}da" })),
        line(&json!({ "name": "a".repeat(101) })),
        line(&json!({ "email": "ada" })),
        line(&json!({ "email": null })),
        line(&json!({ "email": " " })),
        line(&json!({ "password_hash": null })),
        line(&json!({ "password_hash": 1 })),
        "{\"email\":\"ada@example.com\",\"email\":\"eve@example.com\"}\n".to_owned(),
        line(&json!({ "claims": { "a": [{ "b": 1 }] } })).replace("\"b\":1", "\"b\":1,\"b\":2"),
        line(&json!({ "claims": { "a": 1 } })).replace("\"a\":1", "\"a\":1,\"\\u0061\":1"),
        "{\"email\":\"ada@example.com\"\n".to_owned(),
        "[]\n".to_owned(),
    ];
    let outcome = sandbox.import("jsonl", rows.concat()).await;
    outcome
        .assert_exit(1, &["26 rows were rejected", "line 1: member \"e_mail\" is not known", "claim sub is reserved"]);
    let expected = json!({
        "unknown-member": 1, "malformed-row": 12, "invalid-time": 1, "invalid-id": 1, "invalid-groups": 2,
        "invalid-claims": 3, "invalid-name": 2, "invalid-email": 1, "no-email": 2, "no-password": 1,
    });
    assert_eq!(reasons(&outcome), expected);
    assert!(sandbox.accounts().await.is_empty());
}

#[tokio::test]
async fn addresses_are_stored_in_the_form_that_log_in_looks_up() {
    let sandbox = Sandbox::new().await;
    let argon2 = "$argon2id$v=19$m=32,t=1,p=1$c2FsdHNhbHQ$QrgsPPMoQcqTpMlUiH6yMNvdDKEEgZ/kJhqEgVn2nvA";
    let row = |email: &str| line(&json!({ "email": email, "password_hash": argon2 }));
    let rows = [
        row("ADA@EXAMPLE.COM  "),
        row("\tİpek.Işık@Example.com"),
        row("Zoë@BÜCHER.example"),
        // Sign-up refuses this local part, log-in does not.
        row("\u{fb01}ona@example.com"),
        row("ada@example.com"),
        row("ipek.ışık@example.com"),
    ];
    let outcome = sandbox.import("jsonl", rows.concat()).await;
    let accounts = sandbox.accounts().await;
    let emails: Vec<&str> = accounts.keys().map(String::as_str).collect();
    let expected = ["ada@example.com", "ipek.işik@example.com", "zoë@xn--bcher-kva.example", "\u{fb01}ona@example.com"];
    assert_eq!(emails, expected, "{outcome:?}");
    assert_eq!(reasons(&outcome), json!({ "duplicate": 2 }));
    outcome.assert_exit(1, &["line 5: line 1 has the same email address", "line 6: line 2 has the same email address"]);
}

#[tokio::test]
async fn the_report_lists_every_rejected_row_and_no_hash() {
    let sandbox = Sandbox::new().await;
    let row = |n: usize| line(&json!({ "email": format!("u{n}@example.com"), "password_hash": "hunter2" }));
    let rows: String = (0..30).map(row).collect();
    let outcome = sandbox.import_with("jsonl", &rows, &["--report", "report.jsonl"]).await;
    outcome.assert_exit(1, &["line 1: ", "line 20: ", "further rejected rows are not printed; the report lists all"]);
    assert_eq!(reasons(&outcome), json!({ "plain-text-password": 30 }));
    assert!(!outcome.err.contains("@example.com") && !outcome.err.contains("line 21"), "{outcome:?}");
    let path = sandbox.path("report.jsonl");
    let report = fs::read_to_string(&path).unwrap();
    assert!(!report.contains("hunter2"));
    let mut lines: Vec<Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["line"].as_u64());
    assert_eq!(lines.len(), 30);
    assert_eq!(lines[29]["line"], 30);
    assert_eq!(lines[29]["reason"], "plain-text-password");
    assert_eq!(lines[29]["email"], "u29@example.com");
    assert_eq!(mode(&path), 0o600);
}
