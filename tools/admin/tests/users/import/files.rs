//! The files beside the one that is imported: the report and the audit log.

use std::{fs, os::unix::fs::PermissionsExt as _};

use rusqlite::Connection;
use serde_json::json;

use super::WERKZEUG;
use crate::harness::{Sandbox, finish, mode};

#[tokio::test]
async fn no_file_is_written_that_is_read_or_written_otherwise() {
    let sandbox = Sandbox::new().await;
    let database = Connection::open(sandbox.path("source.db")).unwrap();
    database.execute_batch("CREATE TABLE user (email, password)").unwrap();
    drop(database);
    fs::write(sandbox.path("config"), "hash_config").unwrap();
    fs::hard_link(sandbox.path("source.db"), sandbox.path("hard")).unwrap();
    std::os::unix::fs::symlink("source.db", sandbox.path("soft")).unwrap();
    std::os::unix::fs::symlink("x", sandbox.path("dangling")).unwrap();
    let before = fs::read(sandbox.path("source.db")).unwrap();
    let flask = ["import", "source.db", "--from", "flask"];
    for (format, options) in [
        ("flask", &["--audit-log", "source.db"][..]),
        ("flask", &["--audit-log", "./source.db"][..]),
        ("flask", &["--audit-log", "hard"][..]),
        ("flask", &["--audit-log", "soft", "--dry-run"][..]),
        ("flask", &["--audit-log", "source.db-wal"][..]),
        ("flask", &["--report", "source.db-journal"][..]),
        ("flask", &["--report", "hard"][..]),
        ("flask", &["--report", "x", "--audit-log", "x"][..]),
        ("flask", &["--report", "x", "--audit-log", "./x"][..]),
        ("flask", &["--report", "x", "--audit-log", "dangling"][..]),
        ("flask", &["--report", "dangling/", "--audit-log", "x"][..]),
        ("firebase", &["--firebase-hash-config", "config", "--report", "config"][..]),
        ("firebase", &["--firebase-hash-config", "config", "--audit-log", "config"][..]),
        ("firebase", &["--firebase-hash-config", "source.db"][..]),
    ] {
        let arguments = [&["import", "source.db", "--from", format], options].concat();
        sandbox.users(&arguments).await.assert_exit(2, &["must be another file than"]);
    }
    assert_eq!(fs::read(sandbox.path("source.db")).unwrap(), before);
    assert_eq!(sandbox.files(), ["config", "dangling", "hard", "soft", "source.db"]);
    sandbox.users(&[&flask[..], &["--report", "x", "--audit-log", "y"]].concat()).await.assert_success();
}

#[tokio::test]
async fn a_report_replaces_that_of_an_earlier_run_only_at_the_end() {
    let sandbox = Sandbox::new().await;
    fs::write(sandbox.path("report"), "an earlier report").unwrap();
    fs::set_permissions(sandbox.path("report"), fs::Permissions::from_mode(0o644)).unwrap();
    let options = ["--report", "report"];
    // A file that is not read at all.
    let outcome = sandbox.import_with("flask", "id,email\n", &options).await;
    outcome.assert_exit(1, &["is not an SQLite database"]);
    assert_eq!(fs::read_to_string(sandbox.path("report")).unwrap(), "an earlier report");
    assert_eq!(sandbox.files(), ["report", "source"]);
    let rows = format!("{{}}\n{}\n", json!({ "email": "ada@example.com", "password_hash": WERKZEUG, "phone": 1 }));
    sandbox.import_with("jsonl", rows, &options).await.assert_exit(1, &["2 rows were rejected"]);
    let report = fs::read_to_string(sandbox.path("report")).unwrap();
    let lines: Vec<serde_json::Value> = report.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{report}");
    let unknown = lines.iter().find(|line| line["reason"] == "unknown-member").unwrap();
    assert_eq!((&unknown["line"], &unknown["email"]), (&json!(2), &json!("ada@example.com")));
    assert_eq!(mode(&sandbox.path("report")), 0o600);
    assert_eq!(sandbox.files(), ["report", "source"]);
}

#[tokio::test]
async fn advice_and_report_are_named_only_where_they_help() {
    let sandbox = Sandbox::new().await;
    let good = format!("{}\n", json!({ "email": "ada@example.com", "password_hash": WERKZEUG }));
    let import = async |format: &str, content: &str, options: &[&str]| {
        fs::write(sandbox.path("source"), content).unwrap();
        sandbox.users(&[&["import", "source", "--from", format], options].concat()).await
    };
    // A report that cannot be written.
    for rejected in [1, 500] {
        let outcome = import("jsonl", &(good.clone() + &"{}\n".repeat(rejected)), &["--report", "/dev/full"]).await;
        outcome.assert_exit(1, &["the report cannot be written", "Fix the error and run the same command again"]);
        assert!(!outcome.out.contains("The rejected rows are in"), "{outcome:?}");
    }
    let outcome = import("jsonl", "{}\n", &["--report", "report"]).await;
    outcome.assert_exit(1, &["The rejected rows are in", "1 row was rejected"]);
    assert!(!outcome.out.contains("not complete"), "rejected rows do not make an import incomplete");

    // A file that cannot be read to its end.
    let csv = format!("id,email,encrypted_password\n1,u@example.com,{}\n", crate::guide::BCRYPT);
    let csv = csv + &format!("2,v@example.com,{}", "x".repeat(1 << 21));
    let outcome = import("supabase", &csv, &[]).await;
    outcome.assert_exit(1, &["only the rows before the error were imported", "Repair the file"]);
    assert!(!outcome.out.contains("same command"), "{outcome:?}");
    assert_eq!(sandbox.accounts().await.len(), 2);

    // A dry run.
    for (format, content, options) in
        [("supabase", csv.as_str(), &["--dry-run"][..]), ("jsonl", "{}\n", &["--dry-run", "--report", "/dev/full"])]
    {
        let outcome = import(format, content, options).await;
        outcome.assert_exit(1, &["The dry run is not complete.\n"]);
        let is_misleading = |text: &str| outcome.out.contains(text);
        assert!(!["run the", "Run the", "imported", "The rejected rows"].iter().any(|text| is_misleading(text)));
    }
    let outcome = import("jsonl", "{}\n", &["--dry-run"]).await;
    assert!(!outcome.assert_exit(1, &["1 row was rejected"]).out.contains("complete"), "{outcome:?}");
}

#[tokio::test]
async fn a_database_in_a_pipe_is_named_as_such() {
    let sandbox = Sandbox::new().await;
    let database = Connection::open(sandbox.path("source.db")).unwrap();
    database.execute_batch("CREATE TABLE user (email, password)").unwrap();
    drop(database);
    let script = "cat source.db | \"$ADMIN\" users import /dev/stdin --from flask --endpoint \"$ENDPOINT\"";
    let outcome = finish(sandbox.shell(script).spawn().unwrap()).await;
    outcome.assert_exit(1, &["an SQLite database in a pipe"]);
    // Refused before it is opened, which would wait for a writer.
    let status = std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap();
    assert!(status.success());
    let outcome = sandbox.users(&["import", "pipe", "--from", "flask", "--report", "report"]).await;
    outcome.assert_exit(1, &["pipe is not a file: an SQLite database in a pipe cannot be read"]);
    assert_eq!(sandbox.files(), ["pipe", "source.db"]);
}

#[tokio::test]
async fn a_rejected_row_takes_neither_its_identifier_nor_its_address() {
    let sandbox = Sandbox::new().await;
    let row = |id: u8, email: &str| {
        let id = format!("0b6b2a52-52a2-4f0c-9d7e-0000000000{id:02}");
        format!("{}\n", json!({ "public_id": id, "email": email, "password_hash": WERKZEUG }))
    };
    // The second row is a duplicate, so the third is the first with its identifier.
    let rows = row(1, "a@example.com") + &row(2, "a@example.com") + &row(2, "b@example.com");
    let outcome = sandbox.import("jsonl", rows).await;
    outcome.assert_exit(1, &["line 2: line 1 has the same email address", "1 row was rejected"]);
    assert_eq!(sandbox.accounts().await.len(), 2);
}

#[tokio::test]
async fn lines_of_csv_are_counted_as_an_editor_counts_them() {
    for end in ["\r\n", "\n"] {
        let sandbox = Sandbox::new().await;
        let lines = [
            "id,email,encrypted_password,raw_user_meta_data",
            "1,a,x,",
            "2,b,x,\"{",
            "",
            "}\"",
            "3,c,x,",
            "",
            "4,d,x,",
            "5,e",
            "6,f,x,",
        ];
        let outcome = sandbox.import("supabase", lines.join(end)).await;
        let numbers = ["line 2: ", "line 3: ", "line 6: ", "line 8: ", "line 9: it has 2 fields", "line 10: "];
        outcome.assert_exit(1, &numbers);
        assert_eq!(outcome.json()["rejected"], 6, "{outcome:?}");
    }
}
