use testkit::ADA;

use crate::harness::Sandbox;

#[tokio::test]
async fn a_user_is_shown_with_sessions_and_without_hashes() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    sandbox.service.log_in(ADA[1], ADA[2]).await;
    for name in [ADA[1], " ADA@Example.com", &id] {
        let outcome = sandbox.users(&["show", name]).await;
        outcome.assert_success().assert_mentions(&[ADA[0], ADA[1], &id, "sessions: 1", "active", "argon2id"]);
        let json = sandbox.users(&["show", name, "--json"]).await.assert_success().json();
        assert_eq!((&json["public_id"], &json["sessions"][0]["state"]), (&id.as_str().into(), &"active".into()));
        assert!(json["problems"].as_array().unwrap().is_empty(), "{json}");
    }
}
