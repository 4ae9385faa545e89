//! Quotation marks in CSV that RFC 4180 does not allow.

use serde_json::{Value, json};

use super::WERKZEUG;
use crate::harness::Sandbox;

const HEADER: &str = "id,email,encrypted_password,raw_user_meta_data,phone";
const UNCLOSED: &str = "a quotation mark is not closed";
const UNDOUBLED: &str = "a quotation mark within a quoted field must be doubled";

/// A row with these last columns. `phone` is ignored.
fn row(number: usize, metadata: &str, phone: &str) -> String {
    format!("{number},u{number}@example.com,{WERKZEUG},{metadata},{phone}")
}

/// Asserts that the rows before the damaged one are imported, and that the command fails.
async fn assert_ends(csv: &str, line: usize, problem: &str, created: usize) {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.import("supabase", csv).await;
    outcome.assert_exit(1, &[&format!("cannot be read from line {line} on: {problem}")]);
    let accounts = sandbox.accounts().await;
    let expected: Vec<String> = (1..=created).map(|number| format!("u{number}@example.com")).collect();
    assert_eq!(accounts.keys().collect::<Vec<_>>(), expected.iter().collect::<Vec<_>>(), "{csv}");
    if created > 0 {
        assert_eq!(outcome.json()["read"], created, "{csv}");
    }
}

#[tokio::test]
async fn no_row_is_lost_after_a_quotation_mark_that_is_not_closed() {
    for end in ["\n", "\r\n"] {
        for damaged in 1..=4 {
            for (metadata, phone) in [("", "\"a"), ("\"{}", ""), ("\"{\"\"a\"\":1}", "")] {
                let rows = (1..=4).map(|n| if n == damaged { row(n, metadata, phone) } else { row(n, "{}", "1") });
                let lines: Vec<String> = [HEADER.to_owned()].into_iter().chain(rows).collect();
                assert_ends(&(lines.join(end) + end), damaged + 1, UNCLOSED, damaged - 1).await;
            }
        }
    }
    // The next quotation mark does not close it either.
    let rows = [row(1, "{}", ""), row(2, "", "\"a"), row(3, "{}", "\"b\""), row(4, "{}", "")];
    assert_ends(&format!("{HEADER}\n{}", rows.join("\n")), 3, UNDOUBLED, 1).await;
    // A file that is cut off, after blank lines and a field of several lines.
    let rows = [row(1, "\"{\r\n\r\n\"\"name\"\":\"\"Ada\"\"}\"", ""), String::new(), row(2, "\"{\r\n", "")];
    assert_ends(&format!("\u{feff}{HEADER}\r\n{}", rows.join("\r\n")), 6, UNCLOSED, 1).await;
}

#[tokio::test]
async fn no_row_is_lost_after_a_quotation_mark_that_is_not_doubled() {
    for field in ["\"a\"b\"", "\"a\" ", "\"\"a", "\"+1 \"5\" 6\""] {
        for (metadata, phone) in [("", field), (field, "")] {
            let rows = [row(1, "{}", "1"), row(2, metadata, phone), row(3, "{}", "\"1\""), row(4, "{}", "1")];
            assert_ends(&format!("{HEADER}\n{}\n", rows.join("\n")), 3, UNDOUBLED, 1).await;
        }
    }
}

#[tokio::test]
async fn a_damaged_header_imports_nothing() {
    let rows = row(1, "{}", "1");
    let header = "id,email,encrypted_password";
    for start in ["", "\u{feff}", "\u{feff}\u{feff}"] {
        assert_ends(&format!("{start}\"{header}\n{rows}\n"), 1, UNCLOSED, 0).await;
        assert_ends(&format!("{start}\"x\"y,{header}\n{rows}\n"), 1, UNDOUBLED, 0).await;
    }
}

#[tokio::test]
async fn quotation_marks_that_rfc_4180_allows_are_read() {
    let sandbox = Sandbox::new().await;
    let header = "\u{feff}\"id\",email,\"encrypted_password\",raw_user_meta_data,phone";
    let rows = [
        row(1, "\"{\"\"name\"\":\r\n\r\n\"\"Ada, Countess\"\"}\"", "\"\""),
        row(2, "{\"name\":\"Grace\"}", "5\" \"x\""),
        row(3, "\"{\"\"name\"\": \"\"A \\\"\"B\\\"\" C\"\"}\"", "\"a\r\n\"\"\r\nb\""),
        row(4, "", "\"\"\"\""),
    ];
    let outcome = sandbox.import("supabase", format!("{header}\r\n{}", rows.join("\r\n"))).await;
    outcome.assert_success();
    let accounts = sandbox.accounts().await;
    let names: Vec<&Value> = accounts.values().map(|account| &account["name"]).collect();
    assert_eq!(names, [&json!("Ada, Countess"), &json!("Grace"), &json!("A \"B\" C"), &json!("u4")]);
}
