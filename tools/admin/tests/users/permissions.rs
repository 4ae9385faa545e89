use serde_json::Value;
use testkit::{
    ADA,
    proxy::{RecordingProxy, RejectingProxy, TABLE_NOT_FOUND},
};

use crate::harness::{CALLER, Outcome, Sandbox};

/// IAM's message, without the reason.
const DENIED: &str = concat!(
    r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"User: "#,
    "arn:aws:sts::123456789012:assumed-role/support/eve is not authorized to perform: dynamodb:UpdateItem on ",
    "resource: arn:aws:dynamodb:eu-west-1:123456789012:table/postern-Users ",
    r#"because no policy allows the action"}"#
);

/// A message that names nothing.
const DENIED_TERSELY: &str = r#"{"__type":"com.amazon.coral.service#AccessDeniedException","message":"no"}"#;

const GUIDE: &str = include_str!("../../../../docs/guides/operate.md");

/// The commands, with the statement of the guide's policy that permits what they write.
fn commands(session: &str) -> Vec<(Vec<&str>, &'static str)> {
    vec![
        (vec!["list"], "Read"),
        (vec!["list", "--newest"], "Read"),
        (vec!["count", "--legacy"], "CountHashes"),
        (vec!["show", ADA[1]], "Read"),
        (vec!["throttle", ADA[1]], "Read"),
        (vec!["groups", ADA[1], "add", "admin"], "Change"),
        (vec!["claims", ADA[1], "set", "level", "4"], "Change"),
        (vec!["log-out", ADA[1]], "Change"),
        (vec!["log-out", ADA[1], "--session", session], "Change"),
        (vec!["disable", ADA[1]], "Change"),
        (vec!["enable", ADA[1]], "Change"),
        (vec!["throttle", ADA[1], "--reset"], "ResetRateLimits"),
        (vec!["log-out", "--all", "--yes"], "EndAllSessions"),
        (vec!["delete", ADA[1], "--yes"], "Delete"),
        (vec!["import", "users.jsonl", "--from", "jsonl"], "Import"),
        (vec!["import", "users.jsonl", "--from", "jsonl", "--dry-run"], "Read"),
        (vec!["export", "--to", "jsonl"], "Export"),
        (vec!["export", "--to", "jsonl", "--with-hashes", "--output", "export.jsonl"], "Export"),
    ]
}

/// The actions and tables of the guide's policy in these statements, such as `dynamodb:GetItem USERS`.
fn allowed(statements: &[&str]) -> Vec<String> {
    let policy = GUIDE.split("\n```json\n").nth(1).and_then(|rest| rest.split("\n```").next()).expect("a policy");
    let policy: Value = serde_json::from_str(policy).expect("valid JSON");
    let mut allowed = Vec::new();
    for statement in policy["Statement"].as_array().unwrap() {
        if !statements.iter().any(|name| statement["Sid"].as_str().unwrap().starts_with(name)) {
            continue;
        }
        let (actions, resources) = (texts(&statement["Action"]), texts(&statement["Resource"]));
        for resource in resources {
            let (_, table) = resource.rsplit_once('/').expect("a table");
            allowed.extend(actions.iter().map(|action| format!("{action} {table}")));
        }
    }
    allowed
}

/// A text, or several.
fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .map_or_else(|| value.as_str().into_iter().collect(), |all| all.iter().filter_map(Value::as_str).collect())
}

/// The actions that an error names, each with every table that it names. A transaction does not tell which part is
/// denied.
fn denied(outcome: &Outcome) -> Vec<String> {
    let words: Vec<&str> = outcome.err.split([' ', '\n']).collect();
    let actions = words.iter().filter(|word| word.starts_with("dynamodb:"));
    let tables: Vec<String> =
        words.windows(2).filter(|pair| pair[0] == "table").map(|pair| pair[1].to_uppercase()).collect();
    actions.flat_map(|action| tables.iter().map(move |table| format!("{action} {table}"))).collect()
}

#[test]
fn only_counting_hashes_may_read_all_hashes() {
    let all = "dynamodb:Scan CREDENTIALS".to_owned();
    assert!(!allowed(&["Read", "Change", "Delete", "EndAllSessions", "ResetRateLimits", "Import"]).contains(&all));
    assert!(allowed(&["CountHashes"]).contains(&all));
}

/// An operation for [`RejectingProxy`], which needs a constant.
fn constant(operation: &str) -> &'static str {
    const OPERATIONS: [&str; 9] = [
        "GetItem",
        "BatchGetItem",
        "Scan",
        "Query",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "Throttle.TransactWriteItems",
        "UpdateItem",
    ];
    OPERATIONS.into_iter().find(|known| *known == operation).unwrap_or_else(|| panic!("{operation}"))
}

#[tokio::test]
async fn a_missing_permission_is_named_with_action_table_and_caller_and_is_in_the_guides_policy() {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    let session = sandbox.session(&ada).await;
    let mut denials = 0;
    for (command, statement) in commands(&session) {
        // Without changes, the operations of a command are not known in advance, so it runs on a copy of the account.
        let other = Sandbox::new().await;
        let (other_ada, _) = other.ada_and_grace().await;
        if command[0] == "enable" {
            other.users(&["disable", ADA[1]]).await.assert_success();
            sandbox.users(&["disable", ADA[1]]).await.assert_success();
        }
        for sandbox in [&sandbox, &other] {
            let kay = concat!(
                r#"{"name":"Kay","email":"kay@example.com","password_hash":"#,
                r#""$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232"}"#
            );
            std::fs::write(sandbox.path("users.jsonl"), kay).unwrap();
        }
        let other_session = other.session(&other_ada).await;
        let command_for_other: Vec<&str> =
            command.iter().map(|word| if *word == session { &other_session } else { *word }).collect();
        let recorder = RecordingProxy::start(&other.service.endpoint).await;
        other.users_at(&recorder.url, &command_for_other).await.assert_success();
        let mut operations = recorder.take();
        operations.dedup();
        assert!(!operations.is_empty(), "{command:?}");
        let before = sandbox.tables().await;
        for operation in operations {
            let proxy =
                RejectingProxy::start(&sandbox.service.endpoint, constant(&operation), usize::MAX, DENIED_TERSELY);
            let outcome = sandbox.users_at(&proxy.await.url, &command).await;
            outcome.assert_exit(1, &["is denied to", CALLER, " on table ", "docs/guides/operate.md"]);
            let denied = denied(&outcome);
            let permitted = allowed(&["Read", statement]);
            assert!(!denied.is_empty() && denied.iter().all(|pair| permitted.contains(pair)), "{outcome:?}");
            denials += 1;
        }
        assert_eq!(sandbox.tables().await, before, "{command:?}");
        if command[0] == "enable" {
            sandbox.users(&["enable", ADA[1]]).await.assert_success();
        }
    }
    assert!(denials > 25, "{denials}");
}

#[tokio::test]
async fn the_names_in_iams_message_are_preferred() {
    let sandbox = Sandbox::new().await;
    sandbox.ada_and_grace().await;
    let proxy = RejectingProxy::start(&sandbox.service.endpoint, "TransactWriteItems", usize::MAX, DENIED).await;
    let outcome = sandbox.users_at(&proxy.url, &["disable", ADA[1]]).await;
    let message = "dynamodb:UpdateItem on table postern-Users is denied to \
                   arn:aws:sts::123456789012:assumed-role/support/eve";
    outcome.assert_exit(1, &[message]);
}

#[tokio::test]
async fn a_missing_table_is_named() {
    let sandbox = Sandbox::new().await;
    sandbox.ada_and_grace().await;
    for (command, table) in [
        (&["show", ADA[1]][..], "table Elsewhere"),
        (&["disable", ADA[1]], "table Elsewhere"),
        (&["delete", ADA[1], "--yes"], "table Elsewhere"),
    ] {
        let outcome = sandbox.users(&[command, &["--credentials-table", "Elsewhere"]].concat()).await;
        outcome.assert_exit(1, &[table, "does not exist in this account and region"]);
    }
    let proxy = RejectingProxy::start(&sandbox.service.endpoint, "Scan", usize::MAX, TABLE_NOT_FOUND).await;
    sandbox.users_at(&proxy.url, &["count"]).await.assert_exit(1, &["table Users does not exist"]);
}
