use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use testkit::{ADA, GRACE};

use crate::harness::{Outcome, Sandbox, finish};

/// A user who signed up at this time, in seconds since 1970.
async fn put(sandbox: &Sandbox, number: u32, name: &str, created_at: u64) -> String {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let text = |value: &str| AttributeValue::S(value.to_owned());
    let put = sandbox.service.database.put_item().table_name("Users").item("public_id", text(&id));
    let put = put.item("name", text(name)).item("email", text(&format!("user{number}@example.com")));
    put.item("created_at", AttributeValue::N(created_at.to_string())).send().await.unwrap();
    id
}

fn rows(outcome: &Outcome) -> Vec<Value> {
    outcome.assert_success().out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn ids(outcome: &Outcome) -> Vec<String> {
    let mut ids: Vec<String> = rows(outcome).iter().map(|row| row["public_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn users_are_listed_as_a_table_and_as_json_lines() {
    let sandbox = Sandbox::new().await;
    let (ada, grace) = sandbox.ada_and_grace().await;
    sandbox.users(&["disable", GRACE[1]]).await.assert_success();
    let outcome = sandbox.users(&["list"]).await;
    let lines: Vec<&str> = outcome.assert_success().out.lines().collect();
    assert!(lines.len() == 3 && lines[0].starts_with("PUBLIC_ID"), "{outcome:?}");
    let line = |id: &str| *lines.iter().find(|line| line.starts_with(id)).unwrap();
    assert!(line(&ada).contains("active") && line(&ada).contains("ada@example.com") && line(&ada).ends_with("staff"));
    assert!(line(&grace).contains("disabled"), "{outcome:?}");
    let rows = rows(&sandbox.users(&["list", "--json"]).await);
    let row = rows.iter().find(|row| row["public_id"] == ada.as_str()).unwrap();
    assert_eq!(
        (&row["groups"][0], &row["claims"]["level"], &row["name"]),
        (&"staff".into(), &3.into(), &ADA[0].into())
    );
}

#[tokio::test]
async fn a_listing_is_filtered_by_group_state_and_age() {
    let sandbox = Sandbox::new().await;
    let (ada, grace) = sandbox.ada_and_grace().await;
    let old = put(&sandbox, 1, "Old", 1_600_000_000).await;
    sandbox.users(&["disable", GRACE[1]]).await.assert_success();
    let list = async |arguments: &[&str]| ids(&sandbox.users(&[&["list", "--json"], arguments].concat()).await);
    assert_eq!(list(&["--group", "staff"]).await, std::slice::from_ref(&ada));
    assert!(list(&["--group", "Staff"]).await.is_empty());
    assert_eq!(list(&["--disabled"]).await, [grace]);
    assert_eq!(list(&["--older-than", "30d"]).await, std::slice::from_ref(&old));
    assert_eq!(list(&["--older-than", "1w", "--newest"]).await, [old]);
    assert!(list(&["--group", "staff", "--disabled"]).await.is_empty());
    assert_eq!(list(&[]).await.len(), 3);
}

#[tokio::test]
async fn the_newest_users_come_first_and_their_number_is_limited() {
    let sandbox = Sandbox::new().await;
    for number in 0..120 {
        // The order of the table is another one.
        put(&sandbox, number, "User", 1_700_000_000 + u64::from(number * 7919 % 120)).await;
    }
    let created = |outcome: &Outcome| -> Vec<String> {
        rows(outcome).iter().map(|row| row["created_at"].as_str().unwrap().to_owned()).collect()
    };
    let newest = created(&sandbox.users(&["list", "--newest", "--json"]).await);
    assert_eq!((newest.len(), newest[0].as_str()), (100, "2023-11-14T22:15:19Z"));
    assert!(newest.is_sorted_by(|first, second| first > second), "{newest:?}");
    assert_eq!(created(&sandbox.users(&["list", "--newest", "--limit", "3", "--json"]).await), newest[..3]);
    assert_eq!(created(&sandbox.users(&["list", "--limit", "7", "--json"]).await).len(), 7);
}

#[tokio::test]
async fn more_users_than_a_page_are_listed_and_counted() {
    let sandbox = Sandbox::new().await;
    // Three pages of 1 MB.
    for number in 0..8 {
        put(&sandbox, number, &"n".repeat(350_000), 1_700_000_000).await;
    }
    assert_eq!(ids(&sandbox.users(&["list", "--json"]).await).len(), 8);
    let count = sandbox.users(&["count", "--json"]).await.assert_success().json();
    assert_eq!((&count["users"], &count["disabled"]), (&8.into(), &0.into()));
}

#[tokio::test]
async fn an_item_that_the_functions_reject_is_reported_and_the_others_are_listed() {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    sandbox.service.set_on_user(&ada, "name", AttributeValue::N("7".to_owned())).await;
    sandbox.service.set_on_user("not an id\u{1b}[2J", "email", AttributeValue::Bool(true)).await;
    let outcome = sandbox.users(&["list", "--json"]).await;
    assert_eq!(ids(&outcome).len(), 3);
    outcome
        .assert_mentions(&[&format!("{ada} in Users has no valid name"), r"not an id\u{1b}[2J in Users has no valid"]);
    let count = sandbox.users(&["count", "--json"]).await.assert_success().json();
    assert_eq!((&count["users"], &count["invalid"]), (&3.into(), &2.into()));
}

#[tokio::test]
async fn a_name_cannot_control_the_terminal() {
    let sandbox = Sandbox::new().await;
    let name = "\u{1b}[2J\u{9b}31mAda\r\nroot\u{202e}";
    let id = put(&sandbox, 1, name, 1_700_000_000).await;
    for arguments in
        [&["list"][..], &["list", "--json"], &["list", "--newest"], &["show", &id], &["show", &id, "--json"]]
    {
        let outcome = sandbox.users(arguments).await;
        let is_harmful = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!outcome.assert_success().out.contains(is_harmful), "{outcome:?}");
        assert!(outcome.out.contains("31mAda"), "{outcome:?}");
    }
    let rows = rows(&sandbox.users(&["list", "--json"]).await);
    assert_eq!(rows[0]["name"], name, "JSON preserves the name");
}

#[tokio::test]
async fn a_reader_that_closes_the_pipe_is_no_error() {
    let sandbox = Sandbox::new().await;
    for number in 0..300 {
        put(&sandbox, number, &"n".repeat(2000), 1_700_000_000).await;
    }
    let list = "\"$ADMIN\" users list --endpoint \"$ENDPOINT\"";
    let script = format!("{list} | head -n 2; {list} --json | true");
    let outcome = finish(sandbox.shell(&script).spawn().unwrap()).await;
    assert_eq!((outcome.assert_success().out.lines().count(), outcome.err.as_str()), (2, ""), "{outcome:?}");
}

#[tokio::test]
async fn hashes_are_counted_by_scheme_with_the_value_for_legacy_hashes() {
    let sandbox = Sandbox::new().await;
    sandbox.ada_and_grace().await;
    let hash = async |email: &str, hash: &str| {
        let hash = AttributeValue::S(hash.to_owned());
        sandbox.service.set("Credentials", ("email", email), "password_hash", hash).await;
    };
    let count = sandbox.users(&["count", "--legacy", "--json"]).await.assert_success().json();
    assert_eq!((&count["hashes"]["legacy"], &count["hashes"]["LEGACY_HASHES"]), (&serde_json::json!({}), &"".into()));
    hash(ADA[1], "$pbkdf2-sha256$i=260000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    hash("b@example.com", "$pbkdf2-sha256$i=600000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").await;
    hash("c@example.com", "$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232").await;
    hash("d@example.com", "md5$1234").await;
    let outcome = sandbox.users(&["count", "--legacy"]).await;
    outcome.assert_success().assert_mentions(&[
        "LEGACY_HASHES=",
        "pbkdf2-sha256:600000",
        "bcrypt:12",
        "unknown hash format",
    ]);
    for (label, count) in [("current hashes", "1"), ("legacy hashes", "3"), ("unusable hashes", "1")] {
        let line = outcome.out.lines().find(|line| line.starts_with(label));
        assert_eq!(line.and_then(|line| line.split_whitespace().last()), Some(count), "{label}: {}", outcome.out);
    }
    assert!(!outcome.out.contains("c2FsdHNhbHQ") && !outcome.out.contains("md5$1234"), "{outcome:?}");
    let hashes = sandbox.users(&["count", "--legacy", "--json"]).await.assert_success().json()["hashes"].clone();
    let total =
        |group: &str| hashes[group].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
    assert_eq!([total("current"), total("legacy"), total("unusable")], [1_u64, 3, 1], "{hashes}");
}
