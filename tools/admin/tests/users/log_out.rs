use serde_json::json;
use testkit::{ADA, GRACE, text};

use crate::harness::Sandbox;

#[tokio::test]
async fn all_sessions_of_a_user_end_and_those_of_others_do_not() {
    let sandbox = Sandbox::new().await;
    let grace = sandbox.service.member(GRACE).await;
    let session = sandbox.service.signed_in(ADA).await;
    sandbox.users(&["log-out", "Ada@example.com"]).await.assert_success().assert_mentions(&["are ended"]);
    assert_eq!(sandbox.service.me(&session["token"]).await, 401);
    assert_eq!(sandbox.service.refresh(text(&session, "refresh_token")).await.status, 401);
    assert_eq!(sandbox.service.log_in(ADA[1], ADA[2]).await.status, 201);
    assert_eq!(sandbox.service.me(&json!(grace.1)).await, 200);
}

#[tokio::test]
async fn one_session_ends_and_the_others_of_the_user_continue() {
    let sandbox = Sandbox::new().await;
    let first = sandbox.service.signed_in(ADA).await;
    let shown = sandbox.users(&["show", ADA[1], "--json"]).await.json();
    let id = shown["sessions"][0]["session_id"].as_str().unwrap().to_owned();
    let second = sandbox.service.log_in(ADA[1], ADA[2]).await.json();
    sandbox.users(&["log-out", ADA[1], "--session", &id]).await.assert_success();
    assert_eq!(sandbox.service.me(&first["token"]).await, 401);
    assert_eq!(sandbox.service.me(&second["token"]).await, 200);
    let before = sandbox.tables().await;
    let again = sandbox.users(&["log-out", ADA[1], "--session", &id]).await;
    again.assert_exit(1, &["has no session", "admin users show"]);
    let slip = sandbox.users(&["log-out", ADA[1], "--session", &id[1..]]).await;
    slip.assert_exit(2, &["is not the identifier of a session"]);
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn the_session_of_another_user_is_not_ended() {
    let sandbox = Sandbox::new().await;
    let (ada, _) = sandbox.ada_and_grace().await;
    let before = sandbox.tables().await;
    let session = sandbox.session(&ada).await;
    sandbox.users(&["log-out", GRACE[1], "--session", &session]).await.assert_exit(1, &["has no session"]);
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn all_sessions_of_all_users_end_after_a_confirmation() {
    let sandbox = Sandbox::new().await;
    let (ada, grace) = (sandbox.service.member(ADA).await, sandbox.service.member(GRACE).await);
    sandbox.users(&["log-out", "--all"]).await.assert_exit(1, &["All sessions of all users", "--yes"]);
    assert_eq!(sandbox.tables().await["Sessions"].len(), 2);
    let outcome = sandbox.users(&["log-out", "--all", "--yes"]).await;
    outcome.assert_success().assert_mentions(&["2 sessions are ended"]);
    let line = &outcome.audit()[0];
    assert_eq!(
        (&line["event"], &line["count"], &line["complete"]),
        (&json!("sessions-ended"), &json!(2), &json!(true))
    );
    for (_, token) in [ada, grace] {
        assert_eq!(sandbox.service.me(&json!(token)).await, 401);
    }
    assert_eq!(sandbox.service.log_in(ADA[1], ADA[2]).await.status, 201);
}
