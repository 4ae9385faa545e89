//! What an export contains.

use std::{collections::BTreeSet, fs};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use testkit::{ADA, proxy::RecordingProxy};

use super::{HASH, n, s};
use crate::harness::{CALLER, Sandbox, mode};

#[tokio::test]
async fn every_format_has_every_user_in_a_private_file() {
    let sandbox = Sandbox::new().await;
    for number in 0..3 {
        sandbox.add("User", &format!("user{number}@example.com")).await;
    }
    for (format, hashes) in [("jsonl", 3), ("csv", 3), ("cognito", 3), ("kratos", 3)] {
        for (options, expected) in [(&[][..], 0), (&["--with-hashes"][..], hashes)] {
            fs::write(sandbox.path("users"), "an older export").unwrap();
            let outcome = sandbox.export(&[&["--to", format, "--output", "users"], options].concat()).await;
            assert_eq!((outcome.code, outcome.out.as_str()), (0, ""), "{format}: {outcome:?}");
            let text = sandbox.read("users");
            let found: BTreeSet<_> =
                (0..3).filter(|number| text.contains(&format!("user{number}@example.com"))).collect();
            assert_eq!((found.len(), text.matches("$argon2id$").count()), (3, expected), "{format}: {text}");
            assert_eq!(mode(&sandbox.path("users")), 0o600);
            let line = outcome.audit_line();
            let details =
                ["event", "count", "format", "with_hashes", "complete", "caller"].map(|name| line[name].clone());
            let with_hashes = json!(!options.is_empty());
            let expected = [json!("users-exported"), json!(3), json!(format), with_hashes, json!(true), json!(CALLER)];
            assert_eq!(details, expected);
            // The same file on standard output, without the mode.
            let piped = sandbox.export(&[&["--to", format], options].concat()).await;
            assert_eq!((piped.code, piped.out), (0, text), "{format}");
        }
    }
    assert_eq!(sandbox.files(), ["users"]);
}

#[tokio::test]
async fn a_user_of_a_sign_up_is_exported_with_everything_that_an_operator_added() {
    let sandbox = Sandbox::new().await;
    let (id, _) = sandbox.service.member(ADA).await;
    for (name, value) in [
        ("groups", AttributeValue::Ss(vec!["staff".to_owned(), "admin".to_owned()])),
        ("claims", s(r#"{"department":"research"}"#)),
        ("email_verified", AttributeValue::Bool(true)),
        ("disabled", AttributeValue::Bool(true)),
    ] {
        sandbox.service.set_on_user(&id, name, value).await;
    }
    let outcome = sandbox.export(&["--to", "jsonl", "--with-hashes", "--json", "--output", "users.jsonl"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let mut user: Value = serde_json::from_str(&sandbox.read("users.jsonl")).unwrap();
    let [hash, created_at] = ["password_hash", "created_at"].map(|name| user[name].take());
    assert!(hash.as_str().unwrap().starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && created_at.as_u64().unwrap() > 0);
    let expected = json!({
        "public_id": id, "name": ADA[0], "email": ADA[1], "password_hash": null, "created_at": null,
        "groups": ["admin", "staff"], "claims": {"department": "research"}, "email_verified": true, "disabled": true,
    });
    assert_eq!(user, expected);
    let summary: Value = serde_json::from_str(&outcome.out).unwrap();
    let expected = json!({"exported": 1, "without_hash": 0, "without_name": 0, "left_out": 0, "invalid": 0});
    assert_eq!(summary, expected);
}

#[tokio::test]
async fn a_user_who_is_disabled_in_one_table_only_is_exported_as_disabled() {
    let sandbox = Sandbox::new().await;
    let (id, email) = (sandbox.add("Ada", "ada@example.com").await, s("ada@example.com"));
    let disabled = ("disabled", AttributeValue::Bool(true));
    sandbox.put("Credentials", &[("email", email), ("public_id", s(&id)), ("password_hash", s(HASH)), disabled]).await;
    for options in [&["--to", "jsonl"][..], &["--to", "jsonl", "--with-hashes"]] {
        let outcome = sandbox.export(options).await;
        let user: Value = serde_json::from_str(&outcome.out).unwrap();
        assert_eq!(user["disabled"], true, "{options:?}");
    }
    // Cognito's import would enable the user.
    sandbox.export(&["--to", "cognito"]).await.assert_failed(&["left out: disabled"]);
}

#[tokio::test]
async fn a_name_that_would_break_cognitos_file_is_left_blank_and_listed() {
    let sandbox = Sandbox::new().await;
    let ids = [sandbox.add("Ada\\", "ada@example.com").await, sandbox.add("Eve \"E\"", "eve@example.com").await];
    let outcome = sandbox.export(&["--to", "cognito"]).await;
    for id in ids {
        outcome.assert_failed(&[&format!("{id}: exported without the name: it has a quotation mark, a backslash")]);
    }
    assert!(!outcome.out.contains(['"', '\\']) && !outcome.out.contains("Ada"), "{outcome:?}");
    assert_eq!(outcome.out.lines().count(), 3);
}

/// The first character of each cell of a spreadsheet, which ignores quotation marks and spaces in front.
fn cell_starts(csv: &str, separators: &[char]) -> Vec<char> {
    let cells = csv.split(|c| matches!(c, '\r' | '\n') || separators.contains(&c));
    cells.filter_map(|cell| cell.chars().find(|c| *c != '"' && !c.is_whitespace())).collect()
}

#[tokio::test]
async fn a_name_is_no_formula_whatever_the_separator_of_the_spreadsheet() {
    let sandbox = Sandbox::new().await;
    let names = ["a;=cmd|' /C calc'!A0", "=1+1", "a; @A1;+1", "a;\"\"=1&\"", "a\t-1", "a;＝1", "a\n=1", "a\r\n=1"];
    for (number, name) in names.iter().enumerate() {
        sandbox.add(name, &format!("user{number}@example.com")).await;
    }
    let outcome = sandbox.export(&["--to", "csv"]).await;
    assert_eq!(outcome.code, 0, "{outcome:?}");
    for separators in [&[';'][..], &['\t'], &[';', '\t']] {
        let starts = cell_starts(&outcome.out, separators);
        assert!(starts.len() > names.len() && !starts.iter().any(|c| "=+-@＝".contains(*c)), "{}", outcome.out);
    }
    assert!(outcome.out.contains("a;'=cmd|' /C calc'!A0"), "{}", outcome.out);
    // Programs read the other formats.
    let users = sandbox.export(&["--to", "jsonl"]).await.out;
    let exported: BTreeSet<String> = users
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(exported, names.map(str::to_owned).into());
}

#[tokio::test]
async fn hashes_are_requested_only_for_an_export_with_hashes() {
    let sandbox = Sandbox::new().await;
    for number in 0..101 {
        sandbox.add("User", &format!("user{number}@example.com")).await;
    }
    let proxy = RecordingProxy::start(&sandbox.service.endpoint).await;
    for format in ["jsonl", "csv", "cognito", "kratos"] {
        let outcome = sandbox.export_over(&proxy.url, &["--to", format]).await;
        let calls = ["BatchGetItem", "BatchGetItem", "Scan"].map(str::to_owned).to_vec();
        assert_eq!((outcome.code, proxy.take()), (0, calls.clone()), "{format}: {outcome:?}");
        let outcome = sandbox.export_over(&proxy.url, &["--to", format, "--with-hashes"]).await;
        assert_eq!((outcome.code, proxy.take()), (0, calls));
    }
}

#[tokio::test]
async fn accounts_that_are_not_whole_are_reported_and_the_others_exported() {
    let sandbox = Sandbox::new().await;
    let sound = sandbox.add("Ada", "ada@example.com").await;
    let no_name = sandbox.add("Nameless", "nameless@example.com").await;
    sandbox.service.set_on_user(&no_name, "name", n(7)).await;
    let claims = sandbox.add("Claims", "claims@example.com").await;
    sandbox.service.set_on_user(&claims, "claims", s("{")).await;
    let other = sandbox.add("Other", "other@example.com").await;
    sandbox
        .put("Credentials", &[("email", s("other@example.com")), ("public_id", s(&sound)), ("password_hash", s("x"))])
        .await;
    let id = "00000000-0000-4000-8000-000000000001";
    sandbox.put("Users", &[("public_id", s(id)), ("name", s("Alone")), ("email", s("alone@example.com"))]).await;
    sandbox
        .put("Users", &[("public_id", s("eve@example.com")), ("name", s("Eve")), ("email", s("eve@example.com"))])
        .await;

    let outcome = sandbox.export(&["--to", "jsonl", "--with-hashes", "--output", "users.jsonl"]).await;
    outcome.assert_exit(
        1,
        &[
            &format!("{no_name}: left out: the item in Users has no valid name"),
            &format!("{claims}: left out: the item in Users has no valid claims"),
            &format!("{other}: left out: the credentials of the user's address belong to another user"),
            &format!("{id}: left out: the user's address has no credentials"),
            "(a key that is not an identifier): left out: the item in Users has no valid public_id",
            "1 users exported",
            "5 have invalid items",
        ],
    );
    assert!(!outcome.err.contains('@'), "{outcome:?}");
    assert_eq!(outcome.audit_line()["count"], 1);
    let text = sandbox.read("users.jsonl");
    assert!(text.contains(&sound) && text.lines().count() == 1, "{text}");

    // Without hashes, the credentials do not matter.
    let outcome = sandbox.export(&["--to", "jsonl"]).await;
    outcome.assert_failed(&["3 have invalid items"]);
    assert_eq!(outcome.out.lines().count(), 3);
}

#[tokio::test]
async fn users_without_a_place_in_the_format_are_reported() {
    let sandbox = Sandbox::new().await;
    let bcrypt = sandbox.add("Bcrypt", "bcrypt@example.com").await;
    let argon2d = sandbox.add("Argon2d", "argon2d@example.com").await;
    for (email, id, hash) in [
        ("bcrypt@example.com", &bcrypt, "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW"),
        ("argon2d@example.com", &argon2d, "$argon2d$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNo"),
    ] {
        sandbox.put("Credentials", &[("email", s(email)), ("public_id", s(id)), ("password_hash", s(hash))]).await;
    }
    let outcome = sandbox.export(&["--to", "cognito", "--with-hashes"]).await;
    outcome.assert_failed(&[&format!("{bcrypt}: left out: the hash is not Argon2id"), &format!("{argon2d}: left out")]);
    assert_eq!(outcome.out.lines().count(), 1);

    let outcome = sandbox.export(&["--to", "kratos", "--with-hashes"]).await;
    outcome.assert_failed(&[&format!("{argon2d}: exported without the password")]);
    let identities: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!((identities.as_array().unwrap().len(), outcome.err.contains(&bcrypt)), (2, false));
}

#[tokio::test]
async fn an_empty_table_is_a_valid_file() {
    let sandbox = Sandbox::new().await;
    for (format, expected) in [("jsonl", ""), ("kratos", "[\n]\n")] {
        let outcome = sandbox.export(&["--to", format, "--with-hashes"]).await;
        assert_eq!((outcome.code, outcome.out.as_str()), (0, expected), "{outcome:?}");
        assert_eq!(outcome.audit_line()["count"], 0);
    }
}
