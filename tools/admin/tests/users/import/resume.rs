//! Imports that end early: killed, interrupted, or without their database.

use std::{fmt::Write as _, fs};

use rustix::process::Signal;
use serde_json::json;
use testkit::{
    faults::FaultProxy,
    poll,
    proxy::{HoldingProxy, LossyProxy, RejectingProxy},
};
use tokio::process::Child;

use super::WERKZEUG;
use crate::harness::{Sandbox, finish, send};

const DENIED: &str = concat!(
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#AccessDeniedException","message":"User: arn:aws:iam::1:user/eve "#,
    "is not authorized to perform: dynamodb:PutItem on resource: arn:aws:dynamodb:us-east-1:1:table/Credentials ",
    r#"because no policy allows it"}"#
);

const USERS: usize = 1_000;

/// Users that an import writes at the same time.
const CONCURRENT: usize = 48;

fn file(sandbox: &Sandbox) {
    let mut text = String::new();
    for n in 0..USERS {
        let user = json!({ "email": format!("u{n}@example.com"), "password_hash": WERKZEUG, "groups": ["imported"] });
        writeln!(text, "{user}").unwrap();
    }
    fs::write(sandbox.path("source"), text).unwrap();
}

impl Sandbox {
    /// Starts the import. Returns when `count` users are written and each further write waits for its response.
    async fn start_until(&self, proxy: &HoldingProxy, count: usize) -> Child {
        proxy.hold_after(count);
        let arguments = ["users", "import", "source", "--from", "jsonl", "--json"];
        let options = ["--audit-log", "audit.log", "--endpoint", &proxy.url];
        let child = self.command(&[&arguments[..], &options].concat()).spawn().unwrap();
        proxy.wait().await;
        let written = count + CONCURRENT;
        poll::until("every write waits", async || self.service.items("Users").await.len() == written).await;
        child
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_twice_loses_and_doubles_no_user() {
    let sandbox = Sandbox::new().await;
    file(&sandbox);
    for count in [200, 500] {
        let proxy = HoldingProxy::start(&sandbox.service.endpoint, "TransactWriteItems").await;
        let mut child = sandbox.start_until(&proxy, count).await;
        child.kill().await.unwrap();
        assert_eq!(sandbox.accounts().await.len(), count + CONCURRENT);
    }
    let before = sandbox.accounts().await;
    let outcome = sandbox.users(&["import", "source", "--from", "jsonl", "--json"]).await;
    outcome.assert_success();
    let accounts = sandbox.accounts().await;
    assert_eq!(accounts.len(), USERS);
    assert!((0..USERS).all(|n| accounts.contains_key(&format!("u{n}@example.com"))));
    assert!(before.iter().all(|(email, account)| accounts[email] == *account));
    let summary = outcome.json();
    assert_eq!(summary["unchanged"], before.len());
    assert_eq!(summary["created"], USERS - before.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_finishes_its_users_and_says_how_to_go_on() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let sandbox = Sandbox::new().await;
        file(&sandbox);
        let proxy = HoldingProxy::start(&sandbox.service.endpoint, "TransactWriteItems").await;
        let child = sandbox.start_until(&proxy, 200).await;
        // An impatient operator: nothing is lost then either.
        for _ in 0..3 {
            send(&child, signal);
        }
        proxy.release();
        let outcome = finish(child).await;
        outcome.assert_exit(1, &["interrupted"]);
        let summary = outcome.json();
        assert_eq!(summary["completed"], false);
        let created = sandbox.accounts().await.len();
        assert_eq!(summary["created"], created);
        let log = fs::read_to_string(sandbox.path("audit.log")).unwrap();
        assert_eq!(log.matches("\"user-imported\"").count(), created, "every user is recorded");
        assert_eq!(log.matches("\"users-imported\"").count(), 1);
        let again = sandbox.users(&["import", "source", "--from", "jsonl"]).await;
        again.assert_success().assert_mentions(&["unchanged"]);
        assert_eq!(sandbox.accounts().await.len(), USERS);
    }
}

#[tokio::test]
async fn users_whose_response_was_lost_are_counted_as_created() {
    let sandbox = Sandbox::new().await;
    file(&sandbox);
    let proxy = LossyProxy::start(&sandbox.service.endpoint).await;
    proxy.lose_responses(20);
    let outcome = sandbox.users_at(&proxy.url, &["import", "source", "--from", "jsonl", "--json"]).await;
    outcome.assert_success();
    assert_eq!((proxy.left_to_lose(), &outcome.json()["created"]), (0, &json!(USERS)));
    assert_eq!(sandbox.accounts().await.len(), USERS);
}

#[tokio::test]
async fn a_missing_permission_ends_the_import_with_its_name() {
    let sandbox = Sandbox::new().await;
    file(&sandbox);
    let proxy = RejectingProxy::start(&sandbox.service.endpoint, "TransactWriteItems", usize::MAX, DENIED).await;
    let arguments = ["import", "source", "--from", "jsonl", "--json"];
    let outcome = sandbox.users_at(&proxy.url, &arguments).await;
    outcome.assert_exit(1, &["dynamodb:PutItem", "table Credentials", "denied"]);
    assert_eq!(outcome.json()["completed"], false);
    assert!(sandbox.accounts().await.is_empty());
    sandbox.users(&arguments).await.assert_success();
}

#[tokio::test]
async fn a_failure_of_the_last_row_fails_the_import() {
    let sandbox = Sandbox::new().await;
    let row = json!({ "name": "Kay", "email": "kay@example.com", "password_hash": WERKZEUG }).to_string();
    fs::write(sandbox.path("source"), row).unwrap();
    for (operation, options) in [("TransactWriteItems", &[][..]), ("GetItem", &["--dry-run"])] {
        let proxy = RejectingProxy::start(&sandbox.service.endpoint, operation, usize::MAX, DENIED).await;
        let command = [&["import", "source", "--from", "jsonl"], options].concat();
        sandbox.users_at(&proxy.url, &command).await.assert_exit(1, &["denied"]);
    }
}

#[tokio::test]
async fn a_database_that_fails_one_call_in_five_gets_every_user() {
    let sandbox = Sandbox::new().await;
    file(&sandbox);
    let faults = FaultProxy::start(&sandbox.service.endpoint, 20, 7).await;
    sandbox.users_at(&faults.url, &["import", "source", "--from", "jsonl"]).await.assert_success();
    assert_eq!(sandbox.accounts().await.len(), USERS);
    assert!(faults.injected() > USERS / 10, "{} faults", faults.injected());
}
