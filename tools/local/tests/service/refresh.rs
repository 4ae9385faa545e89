//! `POST /refresh`: the exchange of refresh tokens, also under concurrency and faults.

use std::{collections::HashSet, sync::Arc};

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::domain::session::RefreshToken;
use testkit::{
    ADA, Answer, Service, forge,
    proxy::{THROTTLED, WRITE_CONFLICT},
    service::send,
    text,
};
use tokio::task::JoinSet;

#[tokio::test]
async fn a_refresh_token_is_exchanged_for_a_new_pair_of_the_same_session() {
    for profile in ["tutorial", "strict"] {
        let service = Service::with(&[("AUTH_PROFILE", profile)]).await;
        let first = service.signed_in(ADA).await;
        let second = service.refresh(text(&first, "refresh_token")).await;
        assert_eq!(second.status, 200, "{second:?}");
        let second = second.json();
        let names: HashSet<_> = second.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["token", "access_token", "token_type", "expires_in", "refresh_token", "refresh_expires_in"];
        assert_eq!(names, HashSet::from(expected));
        assert_ne!(second["token"], first["token"]);
        assert_ne!(second["refresh_token"], first["refresh_token"]);
        assert_eq!(second["refresh_expires_in"], 30 * 24 * 60 * 60);
        let sid = |answer: &Value| forge::payload(text(answer, "token"))["sid"].clone();
        assert_eq!(sid(&first), sid(&second));
        assert_eq!((service.me(&first["token"]).await, service.me(&second["token"]).await), (200, 200));
    }
}

#[tokio::test]
async fn the_sessions_table_contains_only_hashes_of_refresh_tokens() {
    let service = Service::start().await;
    let first = service.signed_in(ADA).await;
    let second = service.refresh(text(&first, "refresh_token")).await.json();
    let sessions = service.items("Sessions").await;
    assert_eq!(sessions.len(), 1);
    let token = |answer: &Value| RefreshToken::parse(text(answer, "refresh_token")).unwrap();
    let session = sessions.iter().find(|session| session.contains_key("previous_hash")).unwrap();
    let hash = |name: &str| session[name].as_b().unwrap().as_ref().to_vec();
    assert_eq!(hash("token_hash"), token(&second).hash().as_bytes());
    assert_eq!(hash("previous_hash"), token(&first).hash().as_bytes());
    assert_eq!(session["session_id"].as_s().unwrap(), &token(&first).session().to_string());
    for answer in [&first, &second] {
        let bytes = URL_SAFE_NO_PAD.decode(text(answer, "refresh_token")).unwrap();
        let secrets = [&bytes[16..48], &bytes[48..]];
        for value in sessions.iter().flat_map(|session| session.values()) {
            let stored = match value {
                AttributeValue::B(bytes) => bytes.as_ref().to_vec(),
                AttributeValue::S(text) => {
                    [text.as_bytes(), &URL_SAFE_NO_PAD.decode(text).unwrap_or_default()].concat()
                }
                AttributeValue::N(_) => continue,
                other => panic!("{other:?}"),
            };
            assert!(!secrets.iter().any(|secret| stored.windows(32).any(|window| window == *secret)));
        }
    }
}

#[tokio::test]
async fn refresh_tokens_have_256_unique_random_bits() {
    let service = Service::start().await;
    let mut token = text(&service.signed_in(ADA).await, "refresh_token").to_owned();
    let mut seen = HashSet::new();
    for _ in 0..20 {
        let bytes = URL_SAFE_NO_PAD.decode(&token).unwrap();
        assert_eq!(bytes.len(), 80);
        assert!(seen.insert(bytes[48..].to_vec()));
        token = text(&service.refresh(&token).await.json(), "refresh_token").to_owned();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_32_concurrent_refreshes_with_one_token_all_get_the_same_successor() {
    for _ in 0..5 {
        let service = Arc::new(Service::start().await);
        let first = service.signed_in(ADA).await;
        let mut refreshes = JoinSet::new();
        for _ in 0..32 {
            let (service, token) = (service.clone(), text(&first, "refresh_token").to_owned());
            refreshes.spawn(async move { service.refresh(&token).await });
        }
        let answers: Vec<Answer> = refreshes.join_all().await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        let answers: Vec<Value> = answers.iter().map(Answer::json).collect();
        let successors: HashSet<&str> = answers.iter().map(|answer| text(answer, "refresh_token")).collect();
        assert_eq!(successors.len(), 1);
        for answer in &answers {
            assert_eq!(service.me(&answer["token"]).await, 200);
        }
        assert_eq!(service.me(&first["token"]).await, 200);
        assert_eq!(service.refresh(text(&answers[0], "refresh_token")).await.status, 200);
    }
}

#[tokio::test]
async fn a_refresh_whose_database_response_was_lost_succeeds() {
    let (service, proxy) = Service::behind_lossy_proxy().await;
    let first = service.signed_in(ADA).await;
    // At least one each of the write and the read.
    proxy.lose_responses(3);
    let second = service.refresh(text(&first, "refresh_token")).await;
    assert_eq!((second.status, proxy.left_to_lose()), (200, 0), "{second:?}");
    let third = service.refresh(text(&second.json(), "refresh_token")).await;
    assert_eq!(third.status, 200, "{third:?}");
    assert_eq!(service.items("Sessions").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_refresh_concurrently_twice_stay_logged_in_with_one_token() {
    let service = Arc::new(Service::start().await);
    let first = text(&service.signed_in(ADA).await, "refresh_token").to_owned();
    // Concurrent clients. A client that gets the token `intermediate` refreshes once more.
    let refresh_all = async |tokens: Vec<String>, intermediate: Option<String>| {
        let mut refreshes = JoinSet::new();
        for mut token in tokens {
            let (service, intermediate) = (service.clone(), intermediate.clone());
            refreshes.spawn(async move {
                loop {
                    let answer = service.refresh(&token).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                    text(&answer.json(), "refresh_token").clone_into(&mut token);
                    if intermediate.as_ref() != Some(&token) {
                        return token;
                    }
                }
            });
        }
        refreshes.join_all().await.into_iter().collect::<HashSet<_>>()
    };
    let seconds = refresh_all(vec![first.clone(); 8], None).await;
    assert_eq!(seconds.len(), 1);
    let second = seconds.into_iter().next().unwrap();
    // Some clients are one refresh ahead of the others.
    let tokens = [vec![second.clone(); 8], vec![first; 8]].concat();
    let latest = refresh_all(tokens, Some(second)).await;
    assert_eq!(latest.len(), 1);
    assert_eq!(service.refresh(latest.iter().next().unwrap()).await.status, 200);
}

#[tokio::test]
async fn each_call_makes_the_documented_database_calls() {
    let (service, calls) = Service::recorded().await;
    service.sign_up(ADA).await;
    assert_eq!(calls.take(), ["Throttle.UpdateItem", "TransactWriteItems"]);
    service.log_in(ADA[1], ADA[2]).await;
    // The pair, the account and the address, before and after the verification.
    assert_eq!(calls.take(), [&["GetItem", "PutItem"][..], &["Throttle.UpdateItem"; 6]].concat());
    let signed_in = service.log_in(ADA[1], ADA[2]).await.json();
    // The pair is known by now.
    assert_eq!(calls.take(), ["GetItem", "PutItem", "Throttle.UpdateItem", "Throttle.UpdateItem"]);
    let refreshed = service.refresh(text(&signed_in, "refresh_token")).await.json();
    // The session and the user are read in one batch.
    assert_eq!(calls.take(), ["BatchGetItem", "UpdateItem"]);
    assert_eq!(service.get("/user", text(&refreshed, "token")).await.status, 200);
    assert_eq!(calls.take(), ["BatchGetItem", "Scan"]);
    assert_eq!(service.me(&refreshed["token"]).await, 200);
    assert_eq!(calls.take(), ["BatchGetItem"]);
    assert_eq!(service.post_with("/logout", text(&refreshed, "token"), &json!({})).await.status, 204);
    assert_eq!(calls.take(), ["DeleteItem"]);
    assert_eq!(service.refresh("x").await.status, 401);
    assert_eq!(service.get("/user", "x").await.status, 401);
    assert_eq!(calls.take(), [""; 0], "a malformed token is rejected without a database call");
}

#[tokio::test]
async fn a_write_that_conflicts_with_a_transaction_is_retried() {
    let (service, rejecting) = Service::rejecting("UpdateItem", 0, WRITE_CONFLICT).await;
    let signed_in = service.signed_in(ADA).await;
    rejecting.reject(2);
    let refreshed = service.refresh(text(&signed_in, "refresh_token")).await;
    assert_eq!((refreshed.status, rejecting.left()), (200, 0), "{refreshed:?}");
    let (service, rejecting) = Service::rejecting("DeleteItem", 0, WRITE_CONFLICT).await;
    let signed_in = service.signed_in(ADA).await;
    rejecting.reject(2);
    let logged_out = service.post_with("/logout", text(&signed_in, "token"), &json!({})).await;
    assert_eq!((logged_out.status, rejecting.left()), (204, 0), "{logged_out:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_and_a_listing_succeed_during_a_log_out_of_other_sessions() {
    let service = Arc::new(Service::start().await);
    let mut mine = service.signed_in(ADA).await;
    for _ in 0..15 {
        let calls = (service.clone(), service.clone(), service.clone());
        let (token, refresh_token) = (text(&mine, "token").to_owned(), text(&mine, "refresh_token").to_owned());
        let (for_others, for_me) = (token.clone(), token);
        let others = tokio::spawn(async move {
            let body = json!({ "scope": "others", "password": ADA[2] });
            calls.0.post_with("/logout", &for_others, &body).await.status
        });
        let listing = tokio::spawn(async move { calls.1.get("/user", &for_me).await.status });
        let refreshed = tokio::spawn(async move { calls.2.refresh(&refresh_token).await });
        assert_eq!((others.await.unwrap(), listing.await.unwrap()), (204, 200));
        let refreshed = refreshed.await.unwrap();
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        mine = refreshed.json();
    }
}

#[tokio::test]
async fn a_refresh_with_an_unknown_outcome_is_503_and_succeeds_when_repeated() {
    for operation in ["UpdateItem", "BatchGetItem"] {
        let (service, rejecting) = Service::rejecting(operation, 0, THROTTLED).await;
        let signed_in = service.signed_in(ADA).await;
        rejecting.reject(6);
        let answer = service.refresh(text(&signed_in, "refresh_token")).await;
        assert_eq!((answer.code(), answer.header("retry-after")), ((503, "unavailable".to_owned()), Some("1")));
        assert!(rejecting.left() < 6, "the operation was called");
        rejecting.reject(0);
        assert_eq!(service.refresh(text(&signed_in, "refresh_token")).await.status, 200, "{operation}");
    }
}

#[tokio::test]
async fn a_refresh_token_is_accepted_in_a_form_but_not_in_the_query() {
    let service = Service::start().await;
    let token = text(&service.signed_in(ADA).await, "refresh_token").to_owned();
    let in_query = service.request(reqwest::Method::POST, &format!("/refresh?refresh_token={token}"));
    assert_eq!(send(in_query).await.status, 422);
    let form = service.request(reqwest::Method::POST, "/refresh").form(&[("refresh_token", &token)]);
    assert_eq!(send(form).await.status, 200);
}
