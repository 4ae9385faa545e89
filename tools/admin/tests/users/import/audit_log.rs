//! The audit log of an import that was interrupted: when a further run completes, it lists every user.

use std::{collections::BTreeSet, fs, ops::Range};

use serde_json::{Value, json};
use testkit::{
    ADA, poll,
    proxy::{HoldingProxy, LossyProxy},
};

use super::WERKZEUG;
use crate::harness::{Outcome, Sandbox, finish};

const LOG: &str = "audit.jsonl";

fn rows(users: Range<usize>) -> String {
    let row = |n| format!("{}\n", json!({ "email": format!("u{n}@example.com"), "password_hash": WERKZEUG }));
    users.map(row).collect()
}

impl Sandbox {
    fn log(&self) -> Vec<Value> {
        let log = fs::read_to_string(self.path(LOG)).unwrap();
        // A line that a full disk cut off is skipped.
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The lines of `event`.
    fn lines(&self, event: &str) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// The identifiers that are listed as imported.
    fn listed(&self) -> BTreeSet<String> {
        self.lines("user-imported").iter().map(|line| line["public_id"].as_str().unwrap().to_owned()).collect()
    }

    /// The identifiers in the table.
    async fn stored(&self) -> BTreeSet<String> {
        let users = self.service.items("Users").await;
        users.iter().map(|user| user["public_id"].as_s().unwrap().clone()).collect()
    }

    async fn import_at(&self, endpoint: &str, file: &str) -> Outcome {
        self.users_at(endpoint, &["import", file, "--from", "jsonl", "--audit-log", LOG]).await
    }

    /// Imports the file to its end.
    async fn complete(&self, file: &str) {
        self.import_at(&self.service.endpoint, file).await.assert_success();
        assert_eq!(self.log().last().unwrap()["completed"], true);
    }

    /// Kills an import after `responses`, while 48 further ones wait and there are `users` in the table.
    async fn kill_import(&self, file: &str, responses: usize, users: usize) {
        let proxy = HoldingProxy::start(&self.service.endpoint, "TransactWriteItems").await;
        proxy.hold_after(responses);
        let arguments = ["users", "import", file, "--from", "jsonl", "--audit-log", LOG, "--endpoint", &proxy.url];
        let mut child = self.command(&arguments).spawn().unwrap();
        proxy.wait().await;
        let is_written = async || self.service.items("Users").await.len() == users;
        poll::until("every write waits", is_written).await;
        child.kill().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_killed_lists_every_user_after_the_run_that_completes_it() {
    let sandbox = Sandbox::new().await;
    let ada = sandbox.sign_up(ADA).await;
    fs::write(sandbox.path("users.jsonl"), rows(0..400)).unwrap();
    for (responses, users) in [(100, 1 + 148), (250, 1 + 298)] {
        sandbox.kill_import("users.jsonl", responses, users).await;
        assert!(sandbox.listed().len() < sandbox.stored().await.len() - 1, "lines are missing");
    }
    sandbox.complete("users.jsonl").await;
    let mut stored = sandbox.stored().await;
    assert!(stored.remove(&ada) && stored.len() == 400);
    assert_eq!(sandbox.listed(), stored);
    assert_eq!(sandbox.lines("users-import-started").len(), 3);
    let end = sandbox.lines("users-imported");
    assert_eq!((end.len(), &end[0]["created"], &end[0]["unchanged"]), (1, &json!(102), &json!(298)));
    assert_eq!(end[0]["run"], sandbox.lines("users-import-started")[2]["run"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_import_of_another_file_does_not_complete_that_of_the_first() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("first.jsonl"), rows(0..300)).unwrap();
    fs::write(sandbox.path("second.jsonl"), rows(1000..1010)).unwrap();
    sandbox.kill_import("first.jsonl", 100, 148).await;
    sandbox.complete("second.jsonl").await;
    sandbox.complete("first.jsonl").await;
    assert_eq!(sandbox.listed(), sandbox.stored().await);
    assert_eq!(sandbox.listed().len(), 310);
}

#[tokio::test(flavor = "multi_thread")]
async fn users_whose_responses_were_all_lost_are_listed_by_the_next_run() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("users.jsonl"), rows(0..300)).unwrap();
    let proxy = LossyProxy::start(&sandbox.service.endpoint).await;
    proxy.lose_all_responses_to("TransactWriteItems");
    let outcome = sandbox.import_at(&proxy.url, "users.jsonl").await;
    outcome.assert_exit(1, &["did not complete", "Fix the error and run the same command again"]);
    let created = sandbox.stored().await;
    assert!(!created.is_empty() && sandbox.listed().is_empty(), "{}", created.len());
    let end = sandbox.lines("users-imported");
    assert_eq!((end.len(), &end[0]["completed"], &end[0]["created"]), (1, &json!(false), &json!(0)));
    sandbox.complete("users.jsonl").await;
    assert_eq!((sandbox.listed(), sandbox.listed().len()), (sandbox.stored().await, 300));
}

#[tokio::test]
async fn an_audit_log_that_was_full_lists_every_user_after_the_next_run() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("users.jsonl"), rows(0..300)).unwrap();
    // A file may have 8 blocks of 512 bytes, and a longer one is an error instead of a signal.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$ADMIN\" users import users.jsonl --from jsonl --audit-log \
                  audit.jsonl --endpoint \"$ENDPOINT\"";
    let outcome = finish(sandbox.shell(script).spawn().unwrap()).await;
    outcome.assert_exit(1, &["the audit log audit.jsonl could not be written"]);
    assert_eq!(fs::metadata(sandbox.path(LOG)).unwrap().len(), 4096);
    assert!(sandbox.listed().len() < sandbox.stored().await.len());
    sandbox.complete("users.jsonl").await;
    assert_eq!((sandbox.listed(), sandbox.listed().len()), (sandbox.stored().await, 300));
    assert_eq!(sandbox.lines("users-import-started").len(), 2, "the cut line is not continued");
}

#[tokio::test]
async fn a_run_after_a_completed_one_lists_new_users_only() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("users.jsonl"), rows(0..3)).unwrap();
    sandbox.complete("users.jsonl").await;
    fs::write(sandbox.path("users.jsonl"), rows(0..4)).unwrap();
    sandbox.complete("users.jsonl").await;
    assert_eq!(sandbox.lines("user-imported").len(), 4);
    let ends = sandbox.lines("users-imported");
    assert_eq!([&ends[1]["created"], &ends[1]["unchanged"]], [&json!(1), &json!(3)]);
    // A run without new users ends with a line in the file only.
    let outcome = sandbox.import_at(&sandbox.service.endpoint, "users.jsonl").await;
    assert!(outcome.audit().is_empty(), "{outcome:?}");
    assert_eq!((sandbox.lines("users-imported").len(), sandbox.lines("user-imported").len()), (3, 4));
}

#[tokio::test]
async fn nothing_is_written_without_the_first_line_of_the_audit_log() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("users.jsonl"), rows(0..3)).unwrap();
    let command = ["import", "users.jsonl", "--from", "jsonl", "--audit-log", "/dev/full"];
    sandbox.users(&command).await.assert_exit(1, &["nothing is written: the audit log /dev/full could not be written"]);
    assert!(sandbox.stored().await.is_empty());
    sandbox.users(&[&command[..], &["--dry-run"]].concat()).await.assert_success();
}
