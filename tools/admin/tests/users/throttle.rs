use serde_json::json;
use testkit::ADA;

use crate::harness::Sandbox;

/// Wrong passwords until the client is refused.
async fn use_up(sandbox: &Sandbox) {
    for _ in 0..20 {
        if sandbox.service.log_in(ADA[1], "not the password of Ada").await.status == 429 {
            return;
        }
    }
    panic!("the client was never refused");
}

#[tokio::test]
async fn a_reset_lets_the_user_try_again_at_once() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    use_up(&sandbox).await;
    assert_eq!(sandbox.service.log_in(ADA[1], ADA[2]).await.status, 429);
    let shown = sandbox.users(&["throttle", "ADA@example.com", "--address", "127.0.0.1"]).await;
    shown.assert_success().assert_mentions(&[
        "account: empty at",
        "pair: ",
        "failed or pending guesses",
        "refused until",
    ]);
    let reset = sandbox.users(&["throttle", ADA[1], "--address", "127.0.0.1", "--reset"]).await;
    reset.assert_success().assert_mentions(&["account, pair"]);
    assert_eq!(reset.audit()[0]["counters"], json!(["account", "pair"]));
    assert_eq!(sandbox.service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test]
async fn a_reset_without_the_address_of_the_client_names_the_missing_option() {
    let hint = "if the user still gets 429, repeat the command with --address";
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    use_up(&sandbox).await;
    for _ in 0..2 {
        let reset = sandbox.users(&["throttle", ADA[1], "--reset"]).await;
        reset.assert_success();
        assert!(reset.err.contains(hint), "also if there is no counter: {reset:?}");
        assert_eq!(sandbox.service.log_in(ADA[1], ADA[2]).await.status, 429, "the pair still waits");
    }
    let json = sandbox.users(&["throttle", ADA[1], "--reset", "--json"]).await;
    assert!(json.assert_success().json()["changed"].is_boolean() && json.err.contains(hint), "{json:?}");
    for options in [&["throttle", ADA[1]][..], &["throttle", "127.0.0.1", "--reset"]] {
        let other = sandbox.users(options).await;
        assert!(!other.assert_success().err.contains(hint), "{other:?}");
    }
    let reset = sandbox.users(&["throttle", ADA[1], "--address", "127.0.0.1", "--reset"]).await;
    assert!(!reset.assert_success().err.contains(hint), "{reset:?}");
    assert_eq!(sandbox.service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test]
async fn the_counters_of_a_client_are_found_under_any_form_of_its_address() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    sandbox.service.log_in(ADA[1], "not the password of Ada").await;
    for address in ["127.0.0.1", "::ffff:127.0.0.1"] {
        let shown = sandbox.users(&["throttle", address]).await;
        shown.assert_success().assert_mentions(&["address: empty at", "sign-ups: empty at"]);
    }
    sandbox.users(&["throttle", "192.0.2.1"]).await.assert_success().assert_mentions(&["no counter of 192.0.2.1"]);
    let reset = sandbox.users(&["throttle", "127.0.0.1", "--reset", "--json"]).await;
    assert_eq!(reset.assert_success().json()["changed"], true);
    assert!(!reset.audit()[0].to_string().contains("127.0.0"), "{reset:?}");
    sandbox.users(&["throttle", "127.0.0.1"]).await.assert_mentions(&["no counter"]);
}

#[tokio::test]
async fn wrong_passwords_of_a_signed_in_user_are_found_by_session() {
    let sandbox = Sandbox::new().await;
    let session = sandbox.service.signed_in(ADA).await;
    let passwords = json!({ "current_password": "not the password", "new_password": "a better tortoise lamp quarrel" });
    sandbox.service.post_with("/password", session["token"].as_str().unwrap(), &passwords).await;
    sandbox.users(&["throttle", ADA[1]]).await.assert_success().assert_mentions(&["session-pair: 1 failed"]);
    sandbox.users(&["throttle", ADA[1], "--reset"]).await.assert_success();
    let left = sandbox.users(&["throttle", ADA[1], "--json"]).await.assert_success().json();
    assert_eq!(left["counters"], json!([]));
}

#[tokio::test]
async fn an_address_without_account_is_counted_too() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    sandbox.service.log_in("unknown@example.com", "any password").await;
    sandbox.users(&["throttle", "unknown@example.com"]).await.assert_success().assert_mentions(&["account: "]);
    let unknown = sandbox.users(&["throttle", "unknown2@example.com"]).await;
    unknown.assert_exit(1, &["no user has the address unknown2@example.com", "no counter"]);
    sandbox.users(&["throttle", "300.0.0.1"]).await.assert_exit(2, &["nor an IP address"]);
}
