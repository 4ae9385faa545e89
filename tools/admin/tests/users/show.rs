use aws_sdk_dynamodb::types::AttributeValue;
use testkit::ADA;

use crate::harness::Sandbox;

#[tokio::test]
async fn a_user_is_shown_with_sessions_and_without_hashes() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    sandbox.service.log_in(ADA[1], ADA[2]).await;
    for name in [ADA[1], " ADA@Example.com", &id] {
        let outcome = sandbox.users(&["show", name]).await;
        outcome.assert_success().assert_mentions(&[ADA[0], ADA[1], &id, "sessions: 1", "active", "argon2:19456:2:1"]);
        let json = sandbox.users(&["show", name, "--json"]).await.assert_success().json();
        assert_eq!((&json["public_id"], &json["sessions"][0]["state"]), (&id.as_str().into(), &"active".into()));
        assert!(json["problems"].as_array().unwrap().is_empty(), "{json}");
    }
}

#[tokio::test]
async fn what_an_operator_stored_with_a_user_is_shown_too_unless_it_may_be_a_hash() {
    let sandbox = Sandbox::new().await;
    let (id, _) = sandbox.ada_and_grace().await;
    let text = |value: &str| AttributeValue::S(value.to_owned());
    sandbox.service.set_on_user(&id, "phone", text("555 0100")).await;
    sandbox.service.set_on_user(&id, "old_password_hash", text("a hash")).await;
    sandbox.service.set("Credentials", ("email", ADA[1]), "note", text("from Credentials")).await;
    let outcome = sandbox.users(&["show", ADA[1]]).await;
    outcome.assert_success().assert_mentions(&[
        "phone in Users: \"555 0100\"",
        "note in Credentials",
        "staff",
        "level",
    ]);
    let json = sandbox.users(&["show", ADA[1], "--json"]).await.assert_success().json();
    assert_eq!(json["other"]["Users"], serde_json::json!({ "phone": "555 0100" }));
    assert!(!outcome.out.contains("a hash") && !json.to_string().contains("a hash"), "{json}");
}

#[tokio::test]
async fn sessions_are_shown_with_what_is_stored_about_them_and_their_state() {
    let sandbox = Sandbox::new().await;
    let (id, _) = sandbox.ada_and_grace().await;
    let session = sandbox.session(&id).await;
    let number = |value: u64| AttributeValue::N(value.to_string());
    let text = |value: &str| AttributeValue::S(value.to_owned());
    for (attribute, value) in [
        ("created_at", number(1_700_000_000)),
        ("used_at", number(1_700_000_060)),
        ("network", text("192.0.2.0/24")),
        ("agent", text("Firefox on Windows\u{1b}[2J")),
    ] {
        let update = sandbox.service.database.update_item().table_name("Sessions");
        let update = update.key("public_id", text(&id)).key("session_id", text(&session));
        let update = update.update_expression("SET #a = :v").expression_attribute_names("#a", attribute);
        update.expression_attribute_values(":v", value).send().await.unwrap();
    }
    let shown = sandbox.users(&["show", ADA[1]]).await;
    shown.assert_success().assert_mentions(&[
        &format!("{session}  active; created 2023-11-14T22:13:20Z, used 2023-11-14T22:14:20Z, from 192.0.2.0/24"),
        r"with Firefox on Windows\u{1b}[2J",
    ]);
    sandbox.users(&["log-out", ADA[1]]).await.assert_success();
    sandbox.users(&["show", ADA[1]]).await.assert_success().assert_mentions(&[&format!("{session}  revoked")]);
}
