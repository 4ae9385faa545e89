//! Values that a column of SQLite may have, whatever its type is, and files that are damaged.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::FileExt as _,
};

use rusqlite::{Connection, ToSql, params, types::Value};
use serde_json::json;

use super::{WERKZEUG, reasons};
use crate::harness::{Outcome, Sandbox};

impl Sandbox {
    fn database(&self, sql: &str) -> Connection {
        let database = Connection::open(self.path("source.db")).unwrap();
        database.execute_batch(sql).unwrap();
        database
    }

    async fn import_database(&self, format: &str) -> Outcome {
        self.users(&["import", "source.db", "--from", format, "--json"]).await
    }
}

const DJANGO: &str =
    "CREATE TABLE auth_user (id integer PRIMARY KEY, password, username, first_name, last_name, email, \
                      is_active, date_joined);
                      CREATE TABLE auth_group (id integer PRIMARY KEY, name);
                      CREATE TABLE auth_user_groups (id integer PRIMARY KEY, user_id integer, group_id integer);";

/// Values of a truth column: those that are true, false, and neither.
fn truth_values() -> [Vec<Value>; 3] {
    let texts = |texts: &[&str]| texts.iter().map(|text| Value::Text((*text).to_owned())).collect::<Vec<_>>();
    let mut is_true = texts(&["1", "true", "TRUE", "t", "yes", "Y", "on"]);
    is_true.extend([Value::Integer(1), Value::Real(1.0), Value::Blob(b"1".to_vec())]);
    let mut is_false = texts(&["", "0", "false", "False", "F", "no", "N", "off"]);
    is_false.extend([Value::Null, Value::Integer(0), Value::Real(0.0)]);
    let mut is_neither = texts(&["none", "user", "NULL", " ", "0.0", "nil", "-", "admin", "11"]);
    is_neither.extend([Value::Blob(vec![0]), Value::Blob(vec![0xff]), Value::Integer(2), Value::Integer(-1)]);
    is_neither.push(Value::Real(0.5));
    [is_true, is_false, is_neither]
}

#[tokio::test]
async fn only_what_means_true_makes_an_administrator() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.database("CREATE TABLE user (id INTEGER PRIMARY KEY, email, password, admin)");
    let values = truth_values();
    for (kind, values) in values.iter().enumerate() {
        for (n, value) in values.iter().enumerate() {
            let row: [&dyn ToSql; 3] = [&format!("u{kind}.{n}@example.com"), &WERKZEUG, value];
            database.execute("INSERT INTO user (email, password, admin) VALUES (?, ?, ?)", row).unwrap();
        }
    }
    drop(database);
    let outcome = sandbox.import_database("flask").await;
    outcome.assert_exit(1, &["admin is neither true nor false"]);
    assert_eq!(reasons(&outcome), json!({ "malformed-row": values[2].len() }));
    let accounts = sandbox.accounts().await;
    for (kind, groups) in [Some(json!(["admin"])), None].into_iter().enumerate() {
        for n in 0..values[kind].len() {
            let account = &accounts[&format!("u{kind}.{n}@example.com")];
            assert_eq!(account.get("groups"), groups.as_ref(), "{:?}", values[kind][n]);
        }
    }
    assert_eq!(accounts.len(), values[0].len() + values[1].len());
}

#[tokio::test]
async fn a_value_that_is_neither_true_nor_false_is_reported_with_the_name_of_its_column() {
    for (columns, reported) in
        [("admin", "admin"), ("is_admin", "is_admin"), ("IS_ADMIN", "is_admin"), ("is_admin, admin", "admin")]
    {
        let sandbox = Sandbox::new().await;
        let database =
            sandbox.database(&format!("CREATE TABLE user (id INTEGER PRIMARY KEY, email, password, {columns})"));
        let maybe = columns.replace("IS_ADMIN", "'maybe'").replace("is_admin", "'maybe'").replace("admin", "'maybe'");
        let values = format!("NULL, 'ada@example.com', '{WERKZEUG}', {maybe}");
        database.execute_batch(&format!("INSERT INTO user VALUES ({values})")).unwrap();
        drop(database);
        let expected = format!("row 1: {reported} is neither true nor false");
        sandbox.import_database("flask").await.assert_exit(1, &[&expected]);
    }
}

#[tokio::test]
async fn only_what_means_true_is_an_active_user_of_django() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.database(DJANGO);
    let values = truth_values();
    for (kind, values) in values.iter().enumerate() {
        for (n, value) in values.iter().enumerate() {
            let row: [&dyn ToSql; 3] = [&WERKZEUG, &format!("u{kind}.{n}@example.com"), value];
            let sql = "INSERT INTO auth_user (password, username, first_name, last_name, email, is_active)
                       VALUES (?, 'u', '', '', ?, ?)";
            database.execute(sql, row).unwrap();
        }
    }
    drop(database);
    let outcome = sandbox.import_database("django").await;
    assert_eq!(reasons(&outcome), json!({ "malformed-row": values[2].len() }));
    let accounts = sandbox.accounts().await;
    for (kind, disabled) in [None, Some(json!(true))].into_iter().enumerate() {
        for n in 0..values[kind].len() {
            let account = &accounts[&format!("u{kind}.{n}@example.com")];
            assert_eq!(account.get("disabled"), disabled.as_ref(), "{:?}", values[kind][n]);
        }
    }
}

#[tokio::test]
async fn a_value_of_another_type_rejects_its_row_only() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.database("CREATE TABLE user (id INTEGER PRIMARY KEY, email, password, name)");
    for (email, name) in [("a@example.com", Value::Real(1.5)), ("b@example.com", Value::Text("Bob".to_owned()))] {
        let row: [&dyn ToSql; 3] = [&email, &WERKZEUG, &name];
        database.execute("INSERT INTO user (email, password, name) VALUES (?, ?, ?)", row).unwrap();
    }
    database.execute("INSERT INTO user VALUES (-7, 2.5, ?, 'Real')", [WERKZEUG]).unwrap();
    drop(database);
    sandbox.import_database("flask").await.assert_exit(1, &["row -7: the email address", "1 row was rejected"]);
    assert_eq!(sandbox.accounts().await["a@example.com"]["name"], "1.5");
    fs::remove_file(sandbox.path("source.db")).unwrap();
    let database = sandbox.database(DJANGO);
    let sql = "INSERT INTO auth_user VALUES (?, ?, 'u', '', '', ?, 1, ?)";
    database.execute(sql, params![1, WERKZEUG, "c@example.com", 1_672_628_645.5_f64]).unwrap();
    database.execute(sql, params![2, WERKZEUG, "d@example.com", "2023-01-02 03:04:05"]).unwrap();
    database.execute("INSERT INTO auth_group VALUES (1, 'a' || char(10) || 'admin'), (2, NULL)", []).unwrap();
    database.execute(sql, params![3, WERKZEUG, "e@example.com", "2023-01-02 03:04:05"]).unwrap();
    database.execute(sql, params![4, WERKZEUG, "f@example.com", "2023-01-02 03:04:05"]).unwrap();
    database.execute("INSERT INTO auth_user_groups VALUES (1, 3, 1), (2, 4, 2)", []).unwrap();
    drop(database);
    let outcome = sandbox.import_database("django").await;
    outcome.assert_exit(
        1,
        &[
            "entry 1: date_joined is not a time in the format of the source",
            // One group with a line break in its name is not two groups.
            "entry 3: the name of a group must have 1 to 256 visible characters",
            "entry 4: a group has no name",
        ],
    );
    assert_eq!(reasons(&outcome), json!({ "invalid-time": 1, "invalid-groups": 2 }));
    let accounts = sandbox.accounts().await;
    assert_eq!(accounts.keys().collect::<Vec<_>>(), ["a@example.com", "b@example.com", "d@example.com"]);
}

#[tokio::test]
async fn tables_that_cannot_be_read_are_named_before_any_row() {
    let sandbox = Sandbox::new().await;
    for (format, sql, problem) in [
        ("flask", "CREATE TABLE user (email TEXT PRIMARY KEY, password) WITHOUT ROWID", "WITHOUT ROWID"),
        ("django", DJANGO.replace("auth_user_groups", "other").as_str(), "no table \"auth_user_groups\""),
        ("django", DJANGO.replace("is_active", "active").as_str(), "no column \"is_active\""),
        (
            "django",
            DJANGO.replace("group_id", "grp").as_str(),
            "\"auth_user_groups\" in source.db has no column \"group_id\"",
        ),
    ] {
        drop(sandbox.database(sql));
        let outcome = sandbox.users(&["import", "source.db", "--from", format, "--report", "report"]).await;
        outcome.assert_exit(1, &[problem]);
        // Another run is no help.
        assert!(!outcome.out.contains("not complete"), "{outcome:?}");
        assert_eq!(sandbox.files(), ["source.db"]);
        fs::remove_file(sandbox.path("source.db")).unwrap();
    }
}

#[tokio::test]
async fn of_two_tables_the_one_with_users_is_read() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.database(
        "CREATE TABLE user (email, password); CREATE TABLE users (email, password, rowid TEXT);
         INSERT INTO users (email, password) VALUES ('ada@example.com', NULL)",
    );
    database.execute("UPDATE users SET password = ?", [WERKZEUG]).unwrap();
    drop(database);
    sandbox.import_database("flask").await.assert_success();
    assert_eq!(sandbox.accounts().await.len(), 1);
}

#[tokio::test]
async fn a_damaged_database_imports_nothing() {
    let sandbox = Sandbox::new().await;
    let database =
        sandbox.database("CREATE TABLE user (id INTEGER PRIMARY KEY, email, password, CHECK (length(email) < 5))");
    database.pragma_update(None, "ignore_check_constraints", true).unwrap();
    database.execute("BEGIN", []).unwrap();
    for n in 0..2_000 {
        let row = params![format!("u{n}@example.com"), WERKZEUG];
        database.execute("INSERT INTO user (email, password) VALUES (?, ?)", row).unwrap();
    }
    database.execute("COMMIT", []).unwrap();
    drop(database);
    let path = sandbox.path("source.db");
    let whole = fs::read(&path).unwrap();
    let damaged = |outcome: &Outcome| {
        outcome.assert_exit(1, &["source.db is damaged"]);
        assert_eq!(outcome.json()["read"], 0);
    };
    for length in [whole.len() - 1_000, whole.len() - 4_096, 5_000, 100_000] {
        fs::write(&path, &whole[..length]).unwrap();
        damaged(&sandbox.import_database("flask").await);
    }
    fs::write(&path, &whole).unwrap();
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&vec![0; 20 * 1024], 40_000).unwrap();
    damaged(&sandbox.import_database("flask").await);
    assert!(sandbox.accounts().await.is_empty());
    // A constraint that the rows violate is not the concern of the import.
    fs::write(&path, &whole).unwrap();
    sandbox.users(&["import", "source.db", "--from", "flask", "--dry-run"]).await.assert_success();
}
