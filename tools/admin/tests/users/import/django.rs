//! Dumps and databases of Django.

use serde_json::json;

use super::reasons;
use crate::harness::Sandbox;

const HASH: &str = "pbkdf2_sha256$10$saltsalt$Ck5w1IIFnSbzkgkIndyP9IjcwkPrnkVdR/bqfPE5UTA=";

fn dump() -> Vec<serde_json::Value> {
    let user = |key: u32, email: &str, groups: serde_json::Value, active: bool, hash: &str| {
        json!({ "model": "auth.user", "pk": key, "fields": {
            "password": hash, "last_login": null, "is_superuser": false, "username": format!("user{key}"),
            "first_name": if key == 1 { "Ada" } else { "" }, "last_name": if key == 1 { "Lovelace" } else { "" },
            "email": email, "is_staff": false, "is_active": active, "date_joined": "2023-01-02T03:04:05.678Z",
            "groups": groups, "user_permissions": [],
        } })
    };
    vec![
        json!({ "model": "auth.group", "pk": 3, "fields": { "name": "editors", "permissions": [] } }),
        json!({ "model": "sessions.session", "pk": "x", "fields": { "session_data": "y" } }),
        user(1, "Ada@example.com", json!([3]), true, HASH),
        user(2, "grace@example.com", json!([["writers"]]), false, HASH),
        user(3, "eve@example.com", json!([]), true, "!XRl8vnAWF3to4LMl6LJKtwGRiUp27RRqpY6ELz0t"),
        user(4, "bob@example.com", json!([9]), true, HASH),
    ]
}

#[tokio::test]
async fn dumps_are_imported_as_an_array_and_as_lines() {
    let lines = dump().iter().map(|object| format!("{object}\n")).collect::<Vec<_>>().concat();
    let array = serde_json::to_string_pretty(&dump()).unwrap();
    let mut accounts = Vec::new();
    for content in [array, lines] {
        let sandbox = Sandbox::new().await;
        let outcome = sandbox.import("django", content).await;
        outcome.assert_exit(1, &["entry 5: the user has no password", "entry 6: the names of the groups are missing"]);
        assert_eq!(reasons(&outcome), json!({ "no-password": 1, "invalid-groups": 1 }));
        accounts.push(sandbox.accounts().await);
    }
    let [mut array, lines] = <[_; 2]>::try_from(accounts).unwrap();
    let (ada, grace) = (&lines["ada@example.com"], &lines["grace@example.com"]);
    assert_eq!(
        (&ada["name"], &ada["groups"], &ada["created_at"]),
        (&json!("Ada Lovelace"), &json!(["editors"]), &json!(1_672_628_645))
    );
    assert_eq!(
        (&grace["name"], &grace["groups"], &grace["disabled"]),
        (&json!("user2"), &json!(["writers"]), &json!(true))
    );
    assert!(ada.get("disabled").is_none());
    // Identifiers do not depend on the form of the dump.
    for (email, account) in &mut array {
        account["password_set_at"] = lines[email]["password_set_at"].clone();
    }
    assert_eq!(array, lines);
}

#[tokio::test]
async fn a_database_and_a_dump_have_the_same_users() {
    let sandbox = Sandbox::new().await;
    let database = rusqlite::Connection::open(sandbox.path("source")).unwrap();
    let tables = format!(
        "CREATE TABLE auth_user (id integer PRIMARY KEY, password varchar(128), last_login datetime, is_superuser bool,
           username varchar(150), last_name varchar(150), email varchar(254), is_staff bool, is_active bool,
           date_joined datetime, first_name varchar(150));
         CREATE TABLE auth_group (id integer PRIMARY KEY, name varchar(150));
         CREATE TABLE auth_user_groups (id integer PRIMARY KEY, user_id integer, group_id integer);
         INSERT INTO auth_group VALUES (3, 'editors'), (4, 'writers');
         INSERT INTO auth_user_groups VALUES (1, 1, 3), (2, 1, 4);
         INSERT INTO auth_user VALUES (1, '{HASH}', NULL, 0, 'ada', 'Lovelace', 'ada@example.com', 0, 1,
           '2023-01-02 03:04:05.678901', 'Ada'), (2, '{HASH}', NULL, 0, 'grace', '', 'grace@example.com', 0, 0,
           '2023-01-02 03:04:05', '');"
    );
    database.execute_batch(&tables).unwrap();
    drop(database);
    let outcome = sandbox.users(&["import", "source", "--from", "django", "--json"]).await;
    outcome.assert_success();
    let accounts = sandbox.accounts().await;
    let ada = &accounts["ada@example.com"];
    assert_eq!((&ada["name"], &ada["groups"]), (&json!("Ada Lovelace"), &json!(["editors", "writers"])));
    assert_eq!(ada["created_at"], 1_672_628_645);
    assert_eq!(accounts["grace@example.com"]["disabled"], true);
    // The dump has the same users.
    let again = sandbox.import("django", json!(dump()[..4]).to_string()).await;
    again.assert_success();
    assert_eq!((&again.json()["unchanged"], &again.json()["created"]), (&json!(2), &json!(0)));
}
