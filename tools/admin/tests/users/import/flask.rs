//! SQLite files of the Flask tutorials.

use std::fs;

use rusqlite::{Connection, params};
use serde_json::json;

use super::{WERKZEUG, reasons};
use crate::harness::{Outcome, Sandbox};

const ID: &str = "0b6b2a52-52a2-4f0c-9d7e-3a1f5a0c7e11";

/// The columns in the order of the tutorials.
const TUTORIAL: &str = "CREATE TABLE user (id INTEGER NOT NULL PRIMARY KEY, public_id VARCHAR(50) UNIQUE, \
                        name VARCHAR(100), email VARCHAR(70) UNIQUE, password VARCHAR(80))";

impl Sandbox {
    fn sqlite(&self, sql: &str) -> Connection {
        let connection = Connection::open(self.path("Database.db")).unwrap();
        connection.execute_batch(sql).unwrap();
        connection
    }

    async fn import_sqlite(&self, format: &str) -> Outcome {
        self.users(&["import", "Database.db", "--from", format, "--json"]).await
    }
}

fn insert(database: &Connection, id: &str, name: &str, email: &str) {
    let sql = "INSERT INTO user (public_id, name, email, password) VALUES (?, ?, ?, ?)";
    database.execute(sql, params![id, name, email, WERKZEUG]).unwrap();
}

#[tokio::test]
async fn the_tutorials_database_is_imported_as_it_is() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.sqlite(TUTORIAL);
    insert(&database, ID, "Ada Lovelace", "Ada@Example.com");
    // More users than a page has.
    for number in 0..450 {
        insert(&database, &format!("0b6b2a52-52a2-4f0c-9d7e-{number:012}"), "", &format!("user.{number}@example.com"));
    }
    drop(database);
    let before = fs::read(sandbox.path("Database.db")).unwrap();
    let outcome = sandbox.import_sqlite("flask").await;
    outcome.assert_success();
    assert_eq!(outcome.json()["created"], 451);
    let accounts = sandbox.accounts().await;
    assert_eq!(
        (&accounts["ada@example.com"]["public_id"], &accounts["ada@example.com"]["name"]),
        (&json!(ID), &json!("Ada Lovelace"))
    );
    assert_eq!(accounts["user.449@example.com"]["name"], "user.449", "the local part, where there is no name");
    assert!(accounts["ada@example.com"].get("email_verified").is_none());
    let log_in = |password| sandbox.service.log_in(" ADA@example.com", password);
    assert_eq!(log_in("tortoise lamp quarrel").await.status, 201);
    assert_eq!(log_in("tortoise lamp quarrel!").await.status, 403, "as in the tutorials");
    let replaced = sandbox.accounts().await["ada@example.com"]["password_hash"].clone();
    assert!(replaced.as_str().unwrap().starts_with("$argon2id$"), "the log-in replaces the hash");
    // A second import leaves it.
    assert_eq!(sandbox.import_sqlite("flask").await.json()["unchanged"], 451);
    assert_eq!(sandbox.accounts().await["ada@example.com"]["password_hash"], replaced);
    assert_eq!(fs::read(sandbox.path("Database.db")).unwrap(), before);
    assert_eq!(sandbox.files(), ["Database.db"]);
}

#[tokio::test]
async fn an_identifier_is_stored_in_canonical_form_whatever_form_the_table_has() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.sqlite(TUTORIAL);
    let other = "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55";
    insert(&database, &ID.replace('-', ""), "Ada", "ada@example.com");
    insert(&database, &other.to_uppercase(), "Grace", "grace@example.com");
    drop(database);
    sandbox.import_sqlite("flask").await.assert_success();
    let accounts = sandbox.accounts().await;
    assert_eq!(accounts["ada@example.com"]["public_id"], ID);
    assert_eq!(accounts["grace@example.com"]["public_id"], other);
}

#[tokio::test]
async fn other_orders_of_columns_and_an_admin_column_are_read() {
    let sandbox = Sandbox::new().await;
    let database = sandbox
        .sqlite("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, Password BLOB, username TEXT, admin BOOLEAN)");
    let hash = "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW";
    let sql = "INSERT INTO users (email, password, username, admin) VALUES (?, ?, ?, ?)";
    database.execute(sql, params!["ada@example.com", hash.as_bytes(), "ada", true]).unwrap();
    database.execute(sql, params!["eve@example.com", hash, "eve", false]).unwrap();
    drop(database);
    sandbox.import_sqlite("flask").await.assert_success();
    let accounts = sandbox.accounts().await;
    assert_eq!(accounts["ada@example.com"]["groups"], json!(["admin"]));
    assert_eq!(accounts["ada@example.com"]["password_hash"], hash);
    assert!(accounts["eve@example.com"].get("groups").is_none());
    assert_ne!(accounts["ada@example.com"]["public_id"], accounts["eve@example.com"]["public_id"]);
}

#[tokio::test]
async fn rows_that_cannot_log_in_are_rejected_with_their_key() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.sqlite(TUTORIAL);
    let sql = "INSERT INTO user (id, public_id, name, email, password) VALUES (?, ?, 'x', ?, ?)";
    for (key, email, password) in [
        (
            7,
            Some("sha@example.com"),
            Some("sha256$salt$30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4"),
        ),
        (8, Some("none@example.com"), None),
        (9, None, Some(WERKZEUG)),
        (
            10,
            Some("costly@example.com"),
            Some("pbkdf2:sha256:3000000$q1w2e3r4$c4c481ded2feb3b05bd7730dc485b905accef7a804492f264c53856284df32ce"),
        ),
        (11, Some("short@example.com"), Some("pbkdf2:sha256:1000$q1w2e3r4$4f30")),
    ] {
        database.execute(sql, params![key, format!("id-{key}"), email, password]).unwrap();
    }
    database.execute(sql, params![12, "x", vec![0xff_u8, 0xfe], WERKZEUG]).unwrap();
    drop(database);
    let outcome = sandbox.import_sqlite("flask").await;
    outcome.assert_exit(
        1,
        &[
            "row 7: a SHA hash is not imported",
            "row 9: the user has no email address (no-email)",
            "row 12: invalid UTF-8",
        ],
    );
    let expected = json!({
        "sha-hash": 1, "no-password": 1, "no-email": 1, "expensive-hash": 1, "malformed-hash": 1,
        "malformed-row": 1,
    });
    assert_eq!(reasons(&outcome), expected);
}

#[tokio::test]
async fn a_database_with_a_write_ahead_log_is_read_without_new_files() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.sqlite(&format!("PRAGMA journal_mode = WAL; {TUTORIAL}"));
    insert(&database, ID, "Ada", "ada@example.com");
    // The application is running: the user is in the log only.
    assert!(sandbox.path("Database.db-wal").metadata().unwrap().len() > 0);
    sandbox.import_sqlite("flask").await.assert_success();
    drop(database);
    assert_eq!(sandbox.files(), ["Database.db"]);
    let again = sandbox.import_sqlite("flask").await;
    assert_eq!(again.json()["unchanged"], 1);
    assert_eq!(sandbox.files(), ["Database.db"]);
    fs::write(sandbox.path("Database.db-wal"), "left by a crash").unwrap();
    sandbox.import_sqlite("flask").await.assert_exit(1, &["was not closed", "wal_checkpoint"]);
    assert_eq!(sandbox.files(), ["Database.db", "Database.db-wal"]);
}

#[tokio::test]
async fn a_locked_database_is_named_as_such() {
    let sandbox = Sandbox::new().await;
    let database = sandbox.sqlite(&format!("{TUTORIAL}; BEGIN EXCLUSIVE"));
    sandbox.import_sqlite("flask").await.assert_exit(1, &["is locked by another program"]);
    drop(database);
    assert!(sandbox.accounts().await.is_empty());
}

#[tokio::test]
async fn files_that_are_no_database_of_users_are_named_as_such() {
    let sandbox = Sandbox::new().await;
    drop(sandbox.sqlite("CREATE TABLE todo (id INTEGER, text TEXT)"));
    sandbox.import_sqlite("flask").await.assert_exit(1, &["no table \"user\"; its tables: todo"]);
    drop(sandbox.sqlite("CREATE TABLE user (id INTEGER, public_id TEXT, name TEXT, password TEXT, admin INTEGER)"));
    let columns = "has no column \"email\"; its columns: id, public_id, name, password, admin";
    sandbox.import_sqlite("flask").await.assert_exit(1, &[columns]);
    sandbox.import_sqlite("django").await.assert_exit(1, &["no table \"auth_user\""]);
    sandbox.import_sqlite("jsonl").await.assert_exit(1, &["is an SQLite database"]);
    fs::write(sandbox.path("Database.db"), "id,name\n").unwrap();
    sandbox.import_sqlite("flask").await.assert_exit(1, &["is not an SQLite database"]);
    fs::write(sandbox.path("Database.db"), b"SQLite format 3\0garbage").unwrap();
    sandbox.import_sqlite("flask").await.assert_exit(1, &["Database.db is damaged or encrypted"]);
    fs::write(sandbox.path("Database.db"), "").unwrap();
    sandbox.import_sqlite("flask").await.assert_exit(1, &["is not an SQLite database"]);
    fs::remove_file(sandbox.path("Database.db")).unwrap();
    sandbox.import_sqlite("flask").await.assert_exit(1, &["cannot read Database.db"]);
    fs::create_dir(sandbox.path("Database.db")).unwrap();
    sandbox.import_sqlite("flask").await.assert_exit(1, &["is a directory"]);
    assert!(sandbox.accounts().await.is_empty());
}
