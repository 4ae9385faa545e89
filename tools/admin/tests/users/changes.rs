use std::fs;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use testkit::{ADA, GRACE};

use crate::harness::{CALLER, Sandbox};

#[tokio::test]
async fn disabling_a_user_ends_the_sessions_for_good() {
    for settings in [&[][..], &[("SESSION_IDLE", "0")], &[("AUTH_PROFILE", "strict")]] {
        let sandbox = Sandbox::with(settings).await;
        let service = &sandbox.service;
        let id = sandbox.sign_up(ADA).await;
        let sessions = [service.log_in(ADA[1], ADA[2]).await.json(), service.log_in(ADA[1], ADA[2]).await.json()];
        sandbox.users(&["disable", ADA[1]]).await.assert_success().assert_mentions(&["is disabled"]);
        assert!(matches!(service.log_in(ADA[1], ADA[2]).await.status, 401 | 403));
        for is_enabled in [false, true] {
            if is_enabled {
                sandbox.users(&["enable", &id]).await.assert_success().assert_mentions(&["is enabled"]);
            }
            for session in &sessions {
                assert_eq!(service.me(&session["token"]).await, 401, "{settings:?} {is_enabled}");
                let refresh_token = session["refresh_token"].as_str();
                assert_eq!(refresh_token.is_some(), !settings.contains(&("SESSION_IDLE", "0")), "{settings:?}");
                if let Some(refresh_token) = refresh_token {
                    assert_eq!(service.refresh(refresh_token).await.status, 401, "{settings:?} {is_enabled}");
                }
            }
        }
        // Everything works in a new session, which proves that the two items still have the same version.
        let session = service.log_in(ADA[1], ADA[2]).await.json();
        assert_eq!(service.me(&session["token"]).await, 200);
        let passwords = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" });
        let token = session["token"].as_str().unwrap();
        assert_eq!(service.post_with("/password", token, &passwords).await.status, 200);
    }
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_and_other_users_are_not_affected() {
    let sandbox = Sandbox::new().await;
    let (ada, grace) = (sandbox.sign_up(ADA).await, sandbox.service.member(GRACE).await);
    for _ in 0..3 {
        sandbox.service.log_in(ADA[1], ADA[2]).await;
    }
    sandbox.users(&["delete", ADA[1]]).await.assert_exit(1, &["--yes", "Nothing is written"]);
    assert_eq!(sandbox.tables().await["Users"].len(), 2);
    let outcome = sandbox.users(&["delete", " ADA@EXAMPLE.com", "--yes"]).await;
    outcome.assert_success().assert_mentions(&["is deleted"]);
    let tables = sandbox.tables().await;
    assert_eq!([tables["Users"].len(), tables["Credentials"].len(), tables["Sessions"].len()], [1, 1, 1]);
    assert!(tables.iter().filter(|(name, _)| **name != "Throttle").all(|(_, items)| !items[0].contains(&ada)));
    assert_eq!(sandbox.service.sign_up(ADA).await.status, 201, "the address is free");
    assert_eq!(sandbox.service.me(&json!(grace.1)).await, 200);
}

#[tokio::test]
async fn a_user_with_hundreds_of_sessions_is_deleted_with_all_of_them() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    for session in 0..230 {
        let put = sandbox.service.database.put_item().table_name("Sessions");
        let put = put.item("public_id", AttributeValue::S(id.clone()));
        put.item("session_id", AttributeValue::S(format!("session {session}"))).send().await.unwrap();
    }
    sandbox.users(&["delete", &id, "--yes"]).await.assert_success();
    assert!(sandbox.service.items("Sessions").await.is_empty());
}

#[tokio::test]
async fn groups_are_added_and_removed() {
    let sandbox = Sandbox::with(&[("AUTH_PROFILE", "strict")]).await;
    let id = sandbox.sign_up(ADA).await;
    let token = sandbox.service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
    let lists = async || sandbox.service.get("/user", &token).await.status;
    assert_eq!(lists().await, 403);
    sandbox.users(&["groups", ADA[1], "add", "admin"]).await.assert_success();
    sandbox.users(&["groups", ADA[1], "add", "Team Zoë"]).await.assert_success();
    assert_eq!(lists().await, 200);
    let groups = sandbox.user(&id).await["groups"].as_ss().unwrap().clone();
    assert!(groups.len() == 2 && groups.contains(&"Team Zoë".to_owned()), "{groups:?}");
    for group in ["admin", "Team Zoë"] {
        sandbox.users(&["groups", &id, "remove", group]).await.assert_success();
    }
    assert_eq!(lists().await, 403);
    assert!(!sandbox.user(&id).await.contains_key("groups"), "a set cannot be empty");
}

#[tokio::test]
async fn claims_are_json_or_text() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    let claims = async || {
        let user = sandbox.user(&id).await;
        user.get("claims").map(|claims| serde_json::from_str::<serde_json::Value>(claims.as_s().unwrap()).unwrap())
    };
    for (key, value) in [("department", "research"), ("level", "-3"), ("tags", r#"["a"]"#), ("code", "\"007\"")] {
        sandbox.users(&["claims", ADA[1], "set", key, value]).await.assert_success();
    }
    let expected = json!({ "department": "research", "level": -3, "tags": ["a"], "code": "007" });
    assert_eq!(claims().await, Some(expected));
    for key in ["department", "level", "tags", "code"] {
        sandbox.users(&["claims", &id, "unset", key]).await.assert_success();
    }
    assert_eq!(claims().await, None);
}

#[tokio::test]
async fn what_does_not_fit_into_a_token_is_refused_with_the_name_of_the_largest_claim() {
    let sandbox = Sandbox::new().await;
    sandbox.ada_and_grace().await;
    let before = sandbox.tables().await;
    let long = "x".repeat(3000);
    sandbox.users(&["claims", ADA[1], "set", "note", &long]).await.assert_exit(1, &["nothing is written", "note"]);
    sandbox.users(&["claims", ADA[1], "set", "sub", "x"]).await.assert_exit(2, &["claim sub is reserved"]);
    sandbox.users(&["claims", ADA[1], "set", "two words", "x"]).await.assert_exit(2, &["the name of a claim"]);
    sandbox.users(&["groups", ADA[1], "add", "a\u{1b}[31mb"]).await.assert_exit(2, &["the name of a group"]);
    assert_eq!(sandbox.tables().await, before);
    for number in 0..8 {
        let outcome = sandbox.users(&["groups", ADA[1], "add", &format!("{number}{}", "g".repeat(255))]).await;
        outcome.assert_success();
    }
    let before = sandbox.tables().await;
    let outcome = sandbox.users(&["groups", ADA[1], "add", &"h".repeat(256)]).await;
    outcome.assert_exit(1, &["nothing is written", "the largest is groups"]);
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn a_change_without_effect_says_so_and_writes_nothing() {
    let sandbox = Sandbox::new().await;
    sandbox.ada_and_grace().await;
    let before = sandbox.tables().await;
    for (arguments, message) in [
        (&["enable", ADA[1]][..], "is not disabled"),
        (&["groups", ADA[1], "add", "staff"], "already in the group staff"),
        (&["groups", ADA[1], "remove", "admin"], "not in the group admin"),
        (&["claims", ADA[1], "set", "level", "3"], "already has this value"),
        (&["claims", ADA[1], "unset", "department"], "is not set"),
        (&["throttle", GRACE[1], "--reset"], "no counter"),
    ] {
        let outcome = sandbox.users(arguments).await;
        outcome.assert_success().assert_mentions(&[message]);
        assert!(outcome.audit().is_empty(), "{outcome:?}");
        let json = sandbox.users(&[arguments, &["--json"]].concat()).await.assert_success().json();
        assert_eq!(json["changed"], false, "{json}");
    }
    assert_eq!(sandbox.tables().await, before);
    sandbox.users(&["disable", ADA[1]]).await.assert_success();
    let before = sandbox.tables().await;
    sandbox.users(&["disable", ADA[1]]).await.assert_success().assert_mentions(&["already disabled"]);
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_the_caller_and_without_an_address() {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    let session = sandbox.session(&ada).await;
    let changes: [(&[&str], &str); 9] = [
        (&["groups", ADA[1], "add", "admin"], "groups-changed"),
        (&["claims", ADA[1], "set", "level", "4"], "claims-changed"),
        (&["claims", ADA[1], "unset", "level"], "claims-changed"),
        (&["throttle", ADA[1], "--reset"], "rate-limit-reset"),
        (&["log-out", ADA[1], "--session", &session], "sessions-ended"),
        (&["log-out", ADA[1]], "sessions-ended"),
        (&["disable", ADA[1]], "user-disabled"),
        (&["enable", ADA[1]], "user-enabled"),
        (&["delete", ADA[1], "--yes"], "user-deleted"),
    ];
    let mut lines = Vec::new();
    for (arguments, event) in changes {
        let outcome = sandbox.users(&[arguments, &["--audit-log", "audit.jsonl", "--json"]].concat()).await;
        let json = outcome.assert_success().json();
        assert_eq!((&json["changed"], &json["public_id"]), (&json!(true), &json!(ada)), "{json}");
        let [line] = &outcome.audit()[..] else { panic!("one audit line: {outcome:?}") };
        assert_eq!((&line["event"], &line["caller"]), (&json!(event), &json!(CALLER)), "{line}");
        assert_eq!(line["public_id"], ada, "{line}");
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        assert!(!outcome.err.contains('@'), "{outcome:?}");
        lines.push(line.clone());
    }
    let file = fs::read_to_string(sandbox.path("audit.jsonl")).unwrap();
    let written: Vec<serde_json::Value> = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written, lines);
}

#[tokio::test]
async fn nothing_is_changed_without_the_audit_log() {
    let sandbox = Sandbox::new().await;
    sandbox.ada_and_grace().await;
    let before = sandbox.tables().await;
    for arguments in [&["disable", ADA[1]][..], &["log-out", "--all", "--yes"], &["throttle", ADA[1], "--reset"]] {
        let outcome = sandbox.users(&[arguments, &["--audit-log", "missing/audit.jsonl"]].concat()).await;
        outcome.assert_exit(1, &["nothing is written", "missing/audit.jsonl"]);
    }
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn versions_that_differ_are_shown_and_repaired_by_ending_the_sessions() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    sandbox.service.set_on_user(&id, "version", AttributeValue::N("4".to_owned())).await;
    sandbox.users(&["show", ADA[1]]).await.assert_success().assert_mentions(&["the version is 4 in Users and 0"]);
    sandbox.users(&["log-out", ADA[1]]).await.assert_success();
    let session = sandbox.service.log_in(ADA[1], ADA[2]).await.json();
    assert_eq!(sandbox.service.me(&session["token"]).await, 200);
    assert_eq!(sandbox.user(&id).await["version"].as_n().unwrap(), "5");
}

#[tokio::test]
async fn claims_that_another_program_wrote_are_changed_whatever_their_spelling() {
    for stored in [r#"{"b": 1, "a": 2}"#, "{}", r#"{"z":1e3}"#, "{\n  \"n\": 1.0,\n  \"n2\": \"\\u0041\"\n}"] {
        let sandbox = Sandbox::new().await;
        let id = sandbox.sign_up(ADA).await;
        sandbox.service.set_on_user(&id, "claims", AttributeValue::S(stored.to_owned())).await;
        let claims = async || sandbox.user(&id).await["claims"].as_s().unwrap().clone();
        sandbox.users(&["groups", ADA[1], "add", "admin"]).await.assert_success();
        assert_eq!(claims().await, stored, "a change of groups leaves the claims as they are");
        sandbox.users(&["groups", ADA[1], "remove", "admin"]).await.assert_success();
        sandbox.users(&["claims", ADA[1], "set", "level", "4"]).await.assert_success();
        let mut expected: serde_json::Value = serde_json::from_str(stored).unwrap();
        expected["level"] = json!(4);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&claims().await).unwrap(), expected);
        sandbox.users(&["claims", ADA[1], "unset", "level"]).await.assert_success();
    }
}

#[tokio::test]
async fn clear_removes_claims_that_are_not_valid() {
    let text = |value: &str| AttributeValue::S(value.to_owned());
    for stored in
        [text("{"), text(r#"{"sub":"x"}"#), text("[1]"), AttributeValue::N("3".to_owned()), text(r#"{"a":1}"#)]
    {
        let sandbox = Sandbox::new().await;
        let id = sandbox.sign_up(ADA).await;
        sandbox.service.set_on_user(&id, "claims", stored.clone()).await;
        let outcome = sandbox.users(&["claims", ADA[1], "clear"]).await;
        outcome.assert_success();
        let [line] = &outcome.audit()[..] else { panic!("one audit line: {outcome:?}") };
        assert_eq!((&line["event"], &line["cleared"]), (&json!("claims-changed"), &json!(true)));
        assert!(!sandbox.user(&id).await.contains_key("claims"), "{stored:?}");
        sandbox.users(&["claims", ADA[1], "set", "level", "4"]).await.assert_success();
    }
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    let outcome = sandbox.users(&["claims", ADA[1], "clear"]).await;
    outcome.assert_success().assert_mentions(&["has no claims"]);
    assert!(outcome.audit().is_empty(), "{outcome:?}");
    sandbox.users(&["claims", ADA[1], "clear", "level"]).await.assert_exit(2, &["takes no name"]);
}

#[tokio::test]
async fn characters_that_control_a_terminal_are_made_visible_in_every_answer() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    let outcomes = [
        sandbox.users(&["groups", ADA[1], "remove", "\u{1b}[2J"]).await,
        sandbox.users(&["groups", ADA[1], "remove", "\u{202e}x\u{9b}2J"]).await,
        sandbox.users(&["claims", ADA[1], "unset", "\u{202e}"]).await,
        sandbox.users(&["show", "\u{202e}unknown"]).await,
        sandbox.users(&["delete", "a\u{202e}b@example.com"]).await,
    ];
    for outcome in outcomes {
        let text = outcome.out.clone() + &outcome.err;
        assert!(text.contains(r"\u{1b}") || text.contains(r"\u{202e}"), "{outcome:?}");
        let is_unsafe = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!text.contains(is_unsafe), "{outcome:?}");
    }
}
