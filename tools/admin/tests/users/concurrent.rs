use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem, Update};
use testkit::{
    ADA, GRACE,
    proxy::{RecordingProxy, RejectingProxy},
};
use tokio::time::timeout;

use crate::harness::{LIMIT, Sandbox};

#[tokio::test]
async fn concurrent_changes_of_one_user_are_all_made() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    let groups = ["a", "b", "c", "d"];
    let run = async |command: &str, user: &str, arguments: &[&str]| {
        sandbox.users(&[&[command, user], arguments].concat()).await.assert_success().code
    };
    let codes = tokio::join!(
        run("groups", ADA[1], &["add", "a"]),
        run("groups", &id, &["add", "b"]),
        run("groups", ADA[1], &["add", "c"]),
        run("groups", &id, &["add", "d"]),
        run("claims", ADA[1], &["set", "one", "1"]),
        run("claims", &id, &["set", "two", "2"]),
        run("log-out", ADA[1], &[]),
        run("log-out", &id, &[]),
    );
    assert_eq!(codes, (0, 0, 0, 0, 0, 0, 0, 0));
    let user = sandbox.user(&id).await;
    let stored: BTreeSet<&str> = user["groups"].as_ss().unwrap().iter().map(String::as_str).collect();
    assert_eq!(stored, BTreeSet::from(groups));
    let claims: serde_json::Value = serde_json::from_str(user["claims"].as_s().unwrap()).unwrap();
    assert_eq!(claims, serde_json::json!({ "one": 1, "two": 2 }));
    assert_eq!(user["version"].as_n().unwrap(), "2");
    assert_eq!(sandbox.service.items("Credentials").await[0]["version"].as_n().unwrap(), "2");
}

#[tokio::test]
async fn a_user_who_logs_out_everywhere_while_being_disabled_stays_consistent() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    for _ in 0..3 {
        let token = sandbox.service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
        let scope = serde_json::json!({ "scope": "global" });
        let (_, outcome) =
            tokio::join!(sandbox.service.post_with("/logout", &token, &scope), sandbox.users(&["disable", ADA[1]]));
        outcome.assert_success();
        let json = sandbox.users(&["show", ADA[1], "--json"]).await.json();
        assert_eq!((&json["disabled"], &json["problems"]), (&true.into(), &serde_json::json!([])));
        sandbox.users(&["enable", ADA[1]]).await.assert_success();
    }
}

#[tokio::test]
async fn a_new_account_that_took_the_address_during_the_prompt_is_not_deleted_for_the_old_one() {
    let sandbox = Sandbox::new().await;
    let old = sandbox.sign_up(ADA).await;
    let mut prompt = sandbox.prompt(&["delete", ADA[1]]).await;
    assert!(prompt.text.contains(&old), "{}", prompt.text);
    sandbox.users(&["delete", ADA[1], "--yes"]).await.assert_success();
    let new = sandbox.sign_up(ADA).await;
    prompt.answer("y");
    let refusal = format!("nothing is written: ada@example.com now belongs to another account ({new})");
    prompt.finish().await.assert_exit(1, &[&refusal]);
    assert!(!sandbox.user(&new).await.is_empty());
}

/// A transaction whose first condition does not hold.
const CONDITION_FAILED: &str = concat!(
    r#"{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","message":"canceled","#,
    r#""CancellationReasons":[{"Code":"ConditionalCheckFailed"},{"Code":"None"}]}"#
);

/// Gives Ada's address to another account, in one transaction.
async fn take_address(sandbox: &Sandbox, old: &str, new: &str) {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let set = |table: &str, key: (&str, &str), name: &str, value: &str| {
        let update = Update::builder().table_name(table).key(key.0, text(key.1)).update_expression("SET #a = :v");
        let update = update.expression_attribute_names("#a", name).expression_attribute_values(":v", text(value));
        TransactWriteItem::builder().update(update.build().unwrap()).build()
    };
    let swap = sandbox.service.database.transact_write_items();
    let swap = swap.transact_items(set("Credentials", ("email", ADA[1]), "public_id", new));
    let swap = swap.transact_items(set("Users", ("public_id", old), "email", "former@example.com"));
    swap.transact_items(set("Users", ("public_id", new), "email", ADA[1])).send().await.unwrap();
}

#[tokio::test]
async fn an_account_that_takes_the_address_during_a_change_is_not_changed() {
    let commands: [&[&str]; 7] = [
        &["groups", ADA[1], "add", "admin"],
        &["claims", ADA[1], "set", "level", "9"],
        &["claims", ADA[1], "clear"],
        &["disable", ADA[1]],
        &["enable", ADA[1]],
        &["log-out", ADA[1]],
        &["delete", ADA[1], "--yes"],
    ];
    for command in commands {
        let sandbox = Sandbox::new().await;
        let (ada, grace) = sandbox.ada_and_grace().await;
        if command[0] == "enable" {
            sandbox.users(&["disable", ADA[1]]).await.assert_success();
            sandbox.users(&["disable", GRACE[1]]).await.assert_success();
        }
        let rejecting =
            RejectingProxy::start(&sandbox.service.endpoint, "TransactWriteItems", usize::MAX, CONDITION_FAILED).await;
        let recorder = RecordingProxy::start(&rejecting.url).await;
        let (outcome, after_swap) = tokio::join!(sandbox.users_at(&recorder.url, command), async {
            timeout(LIMIT, recorder.wait_for("TransactWriteItems")).await.expect("the program writes");
            take_address(&sandbox, &ada, &grace).await;
            let tables = sandbox.tables().await;
            rejecting.reject(0);
            tables
        });
        let refusal = format!("nothing is written: ada@example.com now belongs to another account ({grace})");
        outcome.assert_exit(1, &[&refusal, "run the command again"]);
        assert!(outcome.audit().is_empty(), "{outcome:?}");
        assert_eq!(sandbox.tables().await, after_swap, "{command:?}");
    }
}

#[tokio::test]
async fn only_yes_confirms_a_deletion() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    for answer in ["n", "", "yep"] {
        let mut prompt = sandbox.prompt(&["delete", ADA[1]]).await;
        prompt.answer(answer);
        prompt.finish().await.assert_exit(1, &["nothing is written"]);
        assert!(!sandbox.user(&id).await.is_empty());
    }
    let mut prompt = sandbox.prompt(&["delete", ADA[1]]).await;
    prompt.answer("yes");
    prompt.finish().await.assert_success();
    assert!(sandbox.user(&id).await.is_empty());
}
