//! `POST /password` and `DELETE /user/me`.

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{session::RefreshToken, user::PublicId};
use testkit::{ADA, Answer, GRACE, Service, forge, proxy::THROTTLED, service::send, text};
use tokio::task::JoinSet;

const NEW: &str = "a better tortoise lamp quarrel";

async fn change(service: &Service, token: &str, current: &str, new: &str) -> Answer {
    service.post_with("/password", token, &json!({ "current_password": current, "new_password": new })).await
}

#[tokio::test]
async fn a_password_change_revokes_all_earlier_tokens_and_issues_a_new_pair() {
    let service = Service::start().await;
    let (mine, grace) = (service.signed_in(ADA).await, service.signed_in(GRACE).await);
    let other = service.log_in(ADA[1], ADA[2]).await.json();
    let mine_refreshed = service.refresh(text(&mine, "refresh_token")).await.json();
    let changed = change(&service, text(&mine_refreshed, "token"), ADA[2], NEW).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let changed = changed.json();
    for earlier in [&mine, &other, &mine_refreshed] {
        assert_eq!(service.me(&earlier["token"]).await, 401);
        assert_eq!(service.refresh(text(earlier, "refresh_token")).await.status, 401);
    }
    assert_eq!((service.me(&changed["token"]).await, service.me(&grace["token"]).await), (200, 200));
    assert_eq!(service.refresh(text(&changed, "refresh_token")).await.status, 200);
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.code(), (403, "wrong-password".to_owned()));
    assert_eq!(service.log_in(ADA[1], NEW).await.status, 201);
}

#[tokio::test]
async fn a_wrong_current_password_is_403_without_a_challenge_and_changes_nothing() {
    for profile in ["tutorial", "strict"] {
        let service = Service::with(&[("AUTH_PROFILE", profile), ("THROTTLE_PAIR_FAILURES", "13")]).await;
        let mine = service.signed_in(ADA).await;
        let before = service.items("Credentials").await;
        for wrong in ["wrong", "another lamp tortoise", &ADA[2].to_uppercase(), &format!("{} ", ADA[2])] {
            for answer in [
                change(&service, text(&mine, "token"), wrong, NEW).await,
                service.delete_me(text(&mine, "token"), wrong).await,
                service
                    .post_with("/logout", text(&mine, "token"), &json!({ "scope": "others", "password": wrong }))
                    .await,
            ] {
                // A client that gets 401 refreshes its token and repeats the request, which counts as another guess.
                assert_eq!(answer.code(), (403, "wrong-password".to_owned()));
                assert_eq!(answer.header("www-authenticate"), None);
            }
        }
        assert_eq!(service.items("Credentials").await, before);
        assert_eq!(service.me(&mine["token"]).await, 200);
    }
}

#[tokio::test]
async fn a_new_password_must_follow_the_rules_of_sign_up() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    for (new, code) in [
        ("short", "too-short"),
        ("password1", "well-known"),
        ("Welcome@123", "well-known"),
        (ADA[0], "same-as-name"),
        (ADA[1], "same-as-email"),
        ("", "required"),
        (&"a".repeat(1025), "too-long"),
        (ADA[2], "unchanged"),
    ] {
        let answer = change(&service, text(&mine, "token"), ADA[2], new).await;
        assert_eq!(answer.field_errors(), (422, vec![("new_password".to_owned(), code.to_owned())]), "{new:.20}");
    }
    // The same password in another Unicode normal form.
    service.sign_up([GRACE[0], GRACE[1], "zwölf Boxkämpfer"]).await;
    let token = service.log_in(GRACE[1], "zwölf Boxkämpfer").await.json();
    let answer = change(&service, text(&token, "token"), "zwölf Boxkämpfer", "zwo\u{308}lf Boxka\u{308}mpfer").await;
    assert_eq!(answer.field_errors(), (422, vec![("new_password".to_owned(), "unchanged".to_owned())]));
    let empty = service.post_with("/password", text(&mine, "token"), &json!({})).await;
    let required = |field: &str| (field.to_owned(), "required".to_owned());
    assert_eq!(empty.field_errors(), (422, vec![required("current_password"), required("new_password")]));
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test]
async fn an_unauthenticated_caller_cannot_change_or_delete_anything_whatever_the_body() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let id = forge::payload(text(&mine, "token"))["sub"].as_str().unwrap().to_owned();
    let request = |method: Method, path: &str| service.request(method, path);
    for (method, path) in [(Method::POST, "/password"), (Method::DELETE, "/user/me")] {
        let right = json!({ "current_password": ADA[2], "new_password": NEW, "password": ADA[2] });
        let without = send(request(method.clone(), path).json(&right)).await;
        assert_eq!(without.code(), (401, "token-missing".to_owned()));
        let broken = request(method.clone(), path).header("content-type", "application/json").body("{");
        assert_eq!(send(broken).await.status, 401, "authentication precedes parsing of the body");
        let refresh_token = request(method.clone(), path).bearer_auth(text(&mine, "refresh_token")).json(&right);
        assert_eq!(send(refresh_token).await.code(), (401, "invalid-token".to_owned()));
        service.set_on_user(&id, "disabled", AttributeValue::Bool(true)).await;
        let other = service.log_in(ADA[1], ADA[2]).await.json();
        let disabled = request(method, path).bearer_auth(text(&other, "token")).json(&right);
        assert_eq!(send(disabled).await.code(), (401, "invalid-token".to_owned()));
        service.set_on_user(&id, "disabled", AttributeValue::Bool(false)).await;
    }
    assert_eq!(service.post_with("/logout", text(&mine, "token"), &json!({})).await.status, 204);
    assert_eq!(change(&service, text(&mine, "token"), ADA[2], NEW).await.code(), (401, "invalid-token".to_owned()));
    assert_eq!(service.delete_me(text(&mine, "token"), ADA[2]).await.code(), (401, "invalid-token".to_owned()));
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_concurrent_password_changes_exactly_one_takes_effect() {
    let service = Arc::new(Service::start().await);
    let mine = service.signed_in(ADA).await;
    let mut changes = JoinSet::new();
    for number in 0..8 {
        let (service, token) = (service.clone(), text(&mine, "token").to_owned());
        changes.spawn(async move {
            let new = format!("{NEW} {number}");
            (change(&service, &token, ADA[2], &new).await, new)
        });
    }
    let mut successful = Vec::new();
    for (answer, new) in changes.join_all().await {
        match answer.status {
            200 => successful.push((answer.json(), new)),
            // All have the correct password, so only the first five are verified at once, and two wait.
            status => assert!(matches!(status, 401 | 429), "{answer:?}"),
        }
    }
    let [(pair, new)] = &successful[..] else { panic!("{} changes succeeded", successful.len()) };
    assert_eq!((service.me(&pair["token"]).await, service.log_in(ADA[1], new).await.status), (200, 201));
    assert_eq!(service.me(&mine["token"]).await, 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_succeeds_during_concurrent_log_outs() {
    for scope in ["others", "global"] {
        let (service, calls) = Service::recorded().await;
        let mine = service.signed_in(ADA).await;
        calls.take();
        let log_out = async {
            // The change has read the credentials. It verifies and hashes passwords before it writes.
            calls.wait_for("GetItem").await;
            service
                .post_with("/logout", text(&mine, "token"), &json!({ "scope": scope, "password": ADA[2] }))
                .await
                .status
        };
        let (changed, logged_out) = tokio::join!(change(&service, text(&mine, "token"), ADA[2], NEW), log_out);
        assert_eq!(changed.status, 200, "{scope}: {changed:?}");
        // The password change may end the session before the other password is verified.
        assert!(logged_out == 204 || scope == "others" && logged_out == 401, "{scope}: {logged_out}");
        assert_eq!(service.me(&mine["token"]).await, 401);
        assert_eq!(service.log_in(ADA[1], NEW).await.status, 201);
    }
}

#[tokio::test]
async fn a_password_change_whose_database_response_was_lost_succeeds() {
    let (service, proxy) = Service::behind_lossy_proxy().await;
    let mine = service.signed_in(ADA).await;
    proxy.lose_responses(3);
    let changed = change(&service, text(&mine, "token"), ADA[2], NEW).await;
    assert_eq!((changed.status, proxy.left_to_lose()), (200, 0), "{changed:?}");
    assert_eq!(service.me(&changed.json()["token"]).await, 200);
    assert_eq!(service.log_in(ADA[1], NEW).await.status, 201);
}

#[tokio::test]
async fn a_failed_password_change_is_503_and_leaves_the_old_password() {
    let (service, rejecting) = Service::rejecting("TransactWriteItems", 0, THROTTLED).await;
    let mine = service.signed_in(ADA).await;
    let before = (service.items("Users").await, service.items("Credentials").await, service.items("Sessions").await);
    for _ in 0..2 {
        rejecting.reject(6);
        assert_eq!(change(&service, text(&mine, "token"), ADA[2], NEW).await.status, 503);
        rejecting.reject(6);
        assert_eq!(service.delete_me(text(&mine, "token"), ADA[2]).await.status, 503);
    }
    let after = (service.items("Users").await, service.items("Credentials").await, service.items("Sessions").await);
    assert_eq!(before, after, "all or nothing");
    assert_eq!(service.me(&mine["token"]).await, 200);
}

#[tokio::test]
async fn a_password_change_works_without_sessions() {
    let service = Service::with(&[("SESSION_IDLE", "0")]).await;
    let mine = service.signed_in(ADA).await;
    let changed = change(&service, text(&mine, "token"), ADA[2], NEW).await.json();
    assert_eq!(changed.as_object().unwrap().len(), 4, "{changed}");
    assert_eq!((service.me(&mine["token"]).await, service.me(&changed["token"]).await), (401, 200));
    assert_eq!(service.items("Sessions").await.len(), 0);
}

#[tokio::test]
async fn deleting_an_account_removes_user_credentials_and_sessions_and_frees_the_email_address() {
    let service = Service::start().await;
    let (mine, grace) = (service.signed_in(ADA).await, service.signed_in(GRACE).await);
    let other = service.log_in(ADA[1], ADA[2]).await.json();
    let deleted = service.delete_me(text(&mine, "token"), ADA[2]).await;
    assert_eq!((deleted.status, deleted.text.as_str()), (204, ""));
    for table in ["Users", "Credentials", "Sessions"] {
        let items = service.items(table).await;
        assert_eq!(items.len(), 1, "{table}: only Grace's");
        assert_eq!(
            items[0]["public_id"].as_s().unwrap(),
            forge::payload(text(&grace, "token"))["sub"].as_str().unwrap()
        );
    }
    for earlier in [&mine, &other] {
        assert_eq!(service.me(&earlier["token"]).await, 401);
        assert_eq!(service.refresh(text(earlier, "refresh_token")).await.status, 401);
    }
    assert_eq!(service.delete_me(text(&mine, "token"), ADA[2]).await.status, 401, "the user no longer exists");
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.code(), (401, "unknown-user".to_owned()));
    let again = service.signed_in(ADA).await;
    let id = |answer: &Value| forge::payload(text(answer, "token"))["sub"].clone();
    assert_ne!(id(&again), id(&mine), "a new account, for which no old token is valid");
    assert_eq!((service.me(&again["token"]).await, service.me(&mine["token"]).await), (200, 401));
}

#[tokio::test]
async fn deleting_an_account_requires_the_password() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let delete = || service.request(Method::DELETE, "/user/me").bearer_auth(text(&mine, "token"));
    let required = (422, vec![("password".to_owned(), "required".to_owned())]);
    assert_eq!(send(delete()).await.field_errors(), required);
    assert_eq!(send(delete().json(&json!({ "password": "" }))).await.field_errors(), required);
    let in_query = service.request(Method::DELETE, &format!("/user/me?password={}", ADA[2].replace(' ', "%20")));
    assert_eq!(send(in_query.bearer_auth(text(&mine, "token"))).await.field_errors(), required);
    assert_eq!(service.me(&mine["token"]).await, 200);
    assert_eq!(send(delete().form(&[("password", ADA[2])])).await.status, 204);
}

#[tokio::test]
async fn a_user_with_hundreds_of_sessions_is_deleted_with_all_of_them() {
    for count in [97, 98, 260] {
        let service = Service::start().await;
        let mine = service.signed_in(ADA).await;
        let id = PublicId::parse(forge::payload(text(&mine, "token"))["sub"].as_str().unwrap()).unwrap();
        for _ in 1..count {
            let token = RefreshToken::new(id).unwrap();
            let item = [
                ("public_id", AttributeValue::S(id.to_string())),
                ("session_id", AttributeValue::S(token.session().to_string())),
            ];
            let put = service.database.put_item().table_name("Sessions");
            put.set_item(Some(item.map(|(name, value)| (name.to_owned(), value)).into())).send().await.unwrap();
        }
        assert_eq!(service.delete_me(text(&mine, "token"), ADA[2]).await.status, 204, "{count}");
        for table in ["Users", "Credentials", "Sessions"] {
            assert_eq!(service.items(table).await.len(), 0, "{count} {table}");
        }
    }
}
