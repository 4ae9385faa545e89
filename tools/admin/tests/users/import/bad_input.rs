//! Files and command lines that cannot be imported. Nothing is half written.

use std::fs;

use serde_json::{Value, json};

use super::{WERKZEUG, reasons};
use crate::harness::{Outcome, Sandbox, finish};

fn users(count: usize) -> Vec<Value> {
    let user = |n| json!({ "id": n, "email": format!("u{n}@example.com"), "password_hash": WERKZEUG });
    (0..count).map(user).collect()
}

/// Imports the file with at most 64 MiB for heap and stacks: a row of any length must not be read into memory.
async fn import_in_64_mib(sandbox: &Sandbox, format: &str) -> Outcome {
    // The address space also has the program, which is large without optimization, so it is not limited.
    let script =
        "ulimit -d 65536; exec \"$ADMIN\" users import source --from \"$FORMAT\" --endpoint \"$ENDPOINT\" --json";
    finish(sandbox.shell(script).env("FORMAT", format).spawn().unwrap()).await
}

#[tokio::test]
async fn a_line_of_100_mb_is_skipped_in_bounded_memory() {
    let sandbox = Sandbox::new().await;
    let row = |email: &str| format!("{}\n", json!({ "email": email, "password_hash": WERKZEUG }));
    let mut file = row("first@example.com");
    file += "{\"email\":\"";
    file.extend(std::iter::repeat_n('a', 100_000_000));
    file += "\n";
    file += &row("last@example.com");
    fs::write(sandbox.path("source"), &file).unwrap();
    let outcome = import_in_64_mib(&sandbox, "jsonl").await;
    outcome.assert_exit(1, &["line 2: longer than 1048576 bytes"]);
    assert_eq!(sandbox.accounts().await.len(), 2);
    // Without a line break, the end of the row cannot be found.
    for (format, start) in [("supabase", "id,email,encrypted_password\n1,\""), ("kratos", "[{\"id\":\"")] {
        fs::write(sandbox.path("source"), start.to_owned() + &"a".repeat(100_000_000)).unwrap();
        import_in_64_mib(&sandbox, format).await.assert_exit(1, &["longer than 1048576 bytes"]);
    }
    assert_eq!(sandbox.accounts().await.len(), 2);
}

#[tokio::test]
async fn json_that_is_cut_off_imports_the_users_before() {
    let sandbox = Sandbox::new().await;
    let identity = |n: usize| {
        let credentials = json!({ "password": { "config": { "hashed_password": WERKZEUG } } });
        json!({ "traits": { "email": format!("u{n}@example.com") }, "credentials": credentials })
    };
    let whole = json!([identity(1), identity(2), identity(3)]).to_string();
    let outcome = sandbox.import("kratos", &whole[..whole.len() - 40]).await;
    outcome.assert_exit(1, &["cannot be read after entry 2: it is cut off in line 1"]);
    assert_eq!(outcome.json()["completed"], false);
    assert_eq!(sandbox.accounts().await.len(), 2);
    sandbox.import("kratos", &whole[..whole.len() - 1]).await.assert_exit(1, &["after entry 3: it is cut off"]);
    sandbox.import("kratos", whole.clone() + "x").await.assert_exit(1, &["after entry 3: syntax error in line 1"]);
    sandbox.import("kratos", "[]").await.assert_success().assert_mentions(&["note: source has no users"]);
    sandbox.import("kratos", "[1, \"x\"]").await.assert_exit(1, &["entry 1: not a JSON object"]);
    sandbox.import("kratos", "").await.assert_exit(1, &["is empty"]);
    sandbox.import("kratos", "id,email\n").await.assert_exit(1, &["is not JSON"]);
    let again = sandbox.import("kratos", whole).await;
    assert_eq!((&again.json()["created"], &again.json()["unchanged"]), (&json!(0), &json!(3)));
}

#[tokio::test]
async fn csv_without_the_columns_or_with_bytes_that_are_not_text_is_rejected() {
    let sandbox = Sandbox::new().await;
    sandbox.import("supabase", "").await.assert_exit(1, &["is empty"]);
    let outcome = sandbox.import("supabase", "id,email\n1,ada@example.com\n").await;
    outcome.assert_exit(1, &["has no column encrypted_password"]);
    let mut csv = b"id,email,encrypted_password\n1,\xff\xfe,x\n".to_vec();
    csv.extend(format!("2,ada@example.com,{WERKZEUG}\n").into_bytes());
    let outcome = sandbox.import("supabase", csv).await;
    outcome.assert_exit(1, &["line 2: invalid UTF-8"]);
    assert_eq!(outcome.json()["created"], 1);
}

#[tokio::test]
async fn lines_in_windows_format_with_a_byte_order_mark_are_read() {
    let sandbox = Sandbox::new().await;
    let row = |n: usize| json!({ "email": format!("u{n}@example.com"), "password_hash": WERKZEUG });
    let mut file = format!("\u{feff}{}\r\n\r\n  \r\n{}\r\n", row(1), row(2)).into_bytes();
    file.extend(b"{\"name\":\"\xff\"}\r\n");
    file.extend(row(3).to_string().into_bytes());
    let outcome = sandbox.import("jsonl", file).await;
    outcome.assert_exit(1, &["line 5: not a JSON object: invalid UTF-8"]);
    assert_eq!(reasons(&outcome), json!({ "malformed-row": 1 }));
    assert_eq!(sandbox.accounts().await.len(), 3);
}

#[tokio::test]
async fn command_lines_that_cannot_be_meant_are_usage_errors() {
    let sandbox = Sandbox::new().await;
    let file = users(1).iter().map(ToString::to_string).collect::<String>();
    fs::write(sandbox.path("source"), &file).unwrap();
    for (arguments, message) in [
        (&["source", "source", "--from", "jsonl"][..], "unexpected argument 'source'"),
        (&["source"], "not provided: --from <FORMAT>"),
        (&["--from", "jsonl"], "not provided: <FILE>"),
        (&["source", "--from", "ldap"], "invalid value 'ldap' for '--from <FORMAT>'"),
        (&["source", "--from", "jsonl", "--rate", "0"], "invalid value '0' for '--rate <N>'"),
        (&["source", "--from", "jsonl", "--rate", "-5"], "unexpected argument '-5'"),
        (&["source", "--from", "jsonl", "--report", "./source"], "--report must be another file"),
        (
            &["source", "--from", "jsonl", "--firebase-hash-config", "source"],
            "--firebase-hash-config must be another file",
        ),
    ] {
        sandbox.users(&[&["import"], arguments].concat()).await.assert_exit(2, &[message]);
    }
    let missing = sandbox.users(&["import", "missing", "--from", "jsonl"]).await;
    missing.assert_exit(1, &["cannot read missing: No such file or directory"]);
    sandbox.users(&["import", ".", "--from", "jsonl"]).await.assert_exit(1, &["is a directory"]);
    let report = sandbox.users(&["import", "source", "--from", "jsonl", "--report", "no/report"]).await;
    report.assert_exit(1, &["the report cannot be written"]);
    // A full disk.
    fs::write(sandbox.path("rejected"), "{}\n").unwrap();
    let report = sandbox.users(&["import", "rejected", "--from", "jsonl", "--report", "/dev/full"]).await;
    report.assert_exit(1, &["the report cannot be written: No space left on device", "not complete"]);
    assert_eq!(fs::read_to_string(sandbox.path("source")).unwrap(), file);
    assert!(sandbox.accounts().await.is_empty());
}
