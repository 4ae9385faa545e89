//! `POST /logout`.

use std::{collections::HashMap, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{ADA, GRACE, Service, forge, proxy::THROTTLED, service::send, text};
use tokio::task::JoinSet;

/// Longer than the grace period of a refresh token.
const LATER: Duration = Duration::from_secs(11);

/// Three sessions of Ada and one of Grace.
async fn sessions(service: &Service) -> [Value; 4] {
    let first = service.signed_in(ADA).await;
    let log_in = async || service.log_in(ADA[1], ADA[2]).await.json();
    [first, log_in().await, log_in().await, service.signed_in(GRACE).await]
}

/// Checks whether the access and refresh tokens of each session are accepted.
async fn assert_active(service: &Service, sessions: &[Value; 4], expected: [bool; 4]) {
    for (number, (session, is_active)) in sessions.iter().zip(expected).enumerate() {
        assert_eq!(service.me(&session["token"]).await, if is_active { 200 } else { 401 }, "session {number}");
        let listed = service.get("/user", text(session, "token")).await;
        assert_eq!(listed.status, if is_active { 200 } else { 401 }, "session {number}");
    }
    for (number, (session, is_active)) in sessions.iter().zip(expected).enumerate() {
        let answer = service.refresh(text(session, "refresh_token")).await;
        assert_eq!(answer.status, if is_active { 200 } else { 401 }, "session {number}: {answer:?}");
    }
}

#[tokio::test]
async fn each_scope_ends_exactly_its_sessions_immediately() {
    for (body, expected) in [
        (json!({}), [false, true, true, true]),
        (json!({ "scope": "local" }), [false, true, true, true]),
        (json!({ "scope": "others", "password": ADA[2] }), [true, false, false, true]),
        (json!({ "scope": "global" }), [false, false, false, true]),
    ] {
        let service = Service::start().await;
        let sessions = sessions(&service).await;
        let answer = service.post_with("/logout", text(&sessions[0], "token"), &body).await;
        assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{body}");
        assert_active(&service, &sessions, expected).await;
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201, "a log-out does not prevent a log-in");
    }
}

#[tokio::test]
async fn a_refresh_token_is_enough_to_log_out() {
    for (scope, expected) in [
        ("local", [false, true, true, true]),
        ("others", [true, false, false, true]),
        ("global", [false, false, false, true]),
    ] {
        let service = Service::start().await;
        let sessions = sessions(&service).await;
        let mut body = json!({ "scope": scope, "refresh_token": sessions[0]["refresh_token"] });
        if scope == "others" {
            body["password"] = json!(ADA[2]);
        }
        for _ in 0..2 {
            assert_eq!(service.post("/logout", &body).await.status, 204, "{scope}");
        }
        assert_active(&service, &sessions, expected).await;
    }
}

#[tokio::test]
async fn a_repeated_log_out_has_no_further_effect() {
    for scope in ["local", "global"] {
        let service = Service::start().await;
        let first = service.signed_in(ADA).await;
        let log_out =
            async || service.post_with("/logout", text(&first, "token"), &json!({ "scope": scope })).await.status;
        assert_eq!(log_out().await, 204);
        let second = service.log_in(ADA[1], ADA[2]).await.json();
        assert_eq!(log_out().await, 204);
        let global = json!({ "scope": "global" });
        assert_eq!(service.post_with("/logout", text(&first, "token"), &global).await.status, 204);
        assert_eq!(service.me(&second["token"]).await, 200, "an ended session ends no other");
        let stale = json!({ "scope": "global", "refresh_token": first["refresh_token"] });
        assert_eq!(service.post("/logout", &stale).await.status, 204);
        assert_eq!(service.me(&second["token"]).await, 200);
    }
}

#[tokio::test]
async fn other_sessions_can_be_ended_repeatedly_while_the_session_continues() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let mut refresh_token = text(&mine, "refresh_token").to_owned();
    for _ in 0..3 {
        let other = service.log_in(ADA[1], ADA[2]).await.json();
        let body = json!({ "scope": "others", "password": ADA[2] });
        for _ in 0..2 {
            assert_eq!(service.post_with("/logout", text(&mine, "token"), &body).await.status, 204);
        }
        assert_eq!((service.me(&mine["token"]).await, service.me(&other["token"]).await), (200, 401));
        let refreshed = service.refresh(&refresh_token).await.json();
        text(&refreshed, "refresh_token").clone_into(&mut refresh_token);
        assert_eq!(service.me(&refreshed["token"]).await, 200);
        service.clock.advance(LATER);
    }
}

#[tokio::test]
async fn an_attacker_with_a_stolen_token_cannot_lock_its_owner_out_by_ending_all_other_sessions() {
    let change = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" });
    for goal in ["change the password", "log out everywhere", "delete the account"] {
        let service = Service::start().await;
        let stolen = service.signed_in(ADA).await;
        let mine = service.log_in(ADA[1], ADA[2]).await.json();
        // The owner fills in the form for 30 seconds. Meanwhile the attacker tries every 2 seconds.
        for number in 0..15 {
            for password in [Value::Null, json!(""), json!(format!("guess {number}"))] {
                let mut body = json!({ "scope": "others" });
                if !password.is_null() {
                    body["password"] = password;
                }
                let answer = service.post_with("/logout", text(&stolen, "token"), &body).await;
                assert!(matches!(answer.status, 403 | 422 | 429), "{answer:?}");
            }
            service.clock.advance(Duration::from_secs(2));
        }
        let token = text(&mine, "token");
        let status = match goal {
            "change the password" => service.post_with("/password", token, &change).await.status,
            "log out everywhere" => service.post_with("/logout", token, &json!({ "scope": "global" })).await.status,
            _ => service.delete_me(token, ADA[2]).await.status,
        };
        assert_eq!(status, if goal == "change the password" { 200 } else { 204 }, "{goal}");
        assert_eq!(service.me(&stolen["token"]).await, 401, "{goal}");
    }
}

#[tokio::test]
async fn ending_other_sessions_needs_the_password_and_its_guesses_are_limited() {
    let service = Service::start().await;
    let sessions = sessions(&service).await;
    let others = async |password: Option<&str>| {
        let body: HashMap<&str, &str> =
            [("scope", "others")].into_iter().chain(password.map(|p| ("password", p))).collect();
        service.post_with("/logout", text(&sessions[0], "token"), &json!(body)).await
    };
    for missing in [None, Some("")] {
        let answer = others(missing).await;
        assert_eq!(answer.field_errors(), (422, vec![("password".to_owned(), "required".to_owned())]));
    }
    for number in 0..5 {
        assert_eq!(others(Some(&format!("guess {number}"))).await.code(), (403, "wrong-password".to_owned()));
    }
    assert_eq!(others(Some(ADA[2])).await.status, 429, "the correct password is not verified either");
    assert_active(&service, &sessions, [true; 4]).await;
    service.clock.advance(Duration::from_secs(30));
    assert_eq!(others(Some(ADA[2])).await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_log_outs_of_all_and_of_other_sessions_leave_no_session() {
    for _ in 0..15 {
        let service = Arc::new(Service::start().await);
        let (first, second) = (service.signed_in(ADA).await, service.log_in(ADA[1], ADA[2]).await.json());
        let log_out = |session: &Value, scope: &str| {
            let (service, token, body) =
                (service.clone(), text(session, "token").to_owned(), json!({ "scope": scope, "password": ADA[2] }));
            tokio::spawn(async move { service.post_with("/logout", &token, &body).await.status })
        };
        let (global, others) = (log_out(&first, "global"), log_out(&second, "others"));
        let (global, others) = (global.await.unwrap(), others.await.unwrap());
        assert!(global == 204 && matches!(others, 204 | 401), "{global} {others}");
        // If the log-out of other sessions is first, it ends the session that requests the global log-out.
        let is_second_active = service.me(&second["token"]).await == 200;
        let versions = service.items("Users").await[0]["version"].as_n().unwrap().clone();
        assert!(!is_second_active || versions == "1", "both log-outs succeeded, but a session is active");
        assert_eq!(service.me(&first["token"]).await, 401);
    }
}

#[tokio::test]
async fn a_replayed_refresh_token_at_log_out_ends_only_its_own_session() {
    let service = Service::start().await;
    let sessions = sessions(&service).await;
    let next = service.refresh(text(&sessions[0], "refresh_token")).await.json();
    service.clock.advance(LATER);
    let body = json!({ "scope": "others", "refresh_token": sessions[0]["refresh_token"], "password": ADA[2] });
    assert_eq!(service.post("/logout", &body).await.code(), (401, "invalid-refresh-token".to_owned()));
    assert_eq!(service.me(&next["token"]).await, 401, "it is a replay, as for a refresh");
    assert_active(&service, &sessions, [false, true, true, true]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_global_log_outs_are_all_204_and_end_every_session() {
    let service = Arc::new(Service::start().await);
    let sessions = sessions(&service).await;
    let mut calls = JoinSet::new();
    for number in 0..12 {
        let (service, token) = (service.clone(), text(&sessions[number % 3], "token").to_owned());
        calls.spawn(async move { service.post_with("/logout", &token, &json!({ "scope": "global" })).await.status });
    }
    assert!(calls.join_all().await.iter().all(|status| *status == 204));
    assert_active(&service, &sessions, [false, false, false, true]).await;
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test]
async fn an_unknown_scope_is_422_and_ends_no_session() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    for scope in ["everywhere", "Local", "global ", "*"] {
        let answer = service.post_with("/logout", text(&mine, "token"), &json!({ "scope": scope })).await;
        assert_eq!(answer.field_errors(), (422, vec![("scope".to_owned(), "unknown".to_owned())]), "{scope}");
    }
    assert_eq!(service.post_with("/logout", text(&mine, "token"), &json!({ "scope": ["local"] })).await.status, 400);
    assert_eq!(service.me(&mine["token"]).await, 200);
}

#[tokio::test]
async fn log_out_without_a_valid_token_is_401() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let missing = send(service.request(Method::POST, "/logout")).await;
    assert_eq!(missing.code(), (401, "token-missing".to_owned()));
    let forged = format!("{}x", text(&mine, "token"));
    assert_eq!(service.post_with("/logout", &forged, &json!({})).await.code(), (401, "invalid-token".to_owned()));
    let body = json!({ "refresh_token": "x" });
    assert_eq!(service.post("/logout", &body).await.code(), (401, "invalid-refresh-token".to_owned()));
    assert_eq!(service.me(&mine["token"]).await, 200);
}

#[tokio::test]
async fn a_forged_refresh_token_at_log_out_ends_no_session() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let service = Service::start().await;
    let sessions = sessions(&service).await;
    let bytes = |session: &Value| URL_SAFE_NO_PAD.decode(text(session, "refresh_token")).unwrap();
    let (ada, grace) = (bytes(&sessions[0]), bytes(&sessions[3]));
    let mut guessed = ada.clone();
    guessed[40] ^= 1;
    for forged in [[&ada[..16], &grace[16..]].concat(), [&grace[..16], &ada[16..]].concat(), guessed] {
        for scope in ["local", "others", "global"] {
            let token = URL_SAFE_NO_PAD.encode(&forged);
            let body = json!({ "scope": scope, "refresh_token": token, "password": ADA[2] });
            let expected = if scope == "others" { 401 } else { 204 };
            assert_eq!(service.post("/logout", &body).await.status, expected, "{scope}");
        }
    }
    assert_active(&service, &sessions, [true; 4]).await;
}

#[tokio::test]
async fn without_sessions_a_log_out_revokes_every_token_of_the_user() {
    for scope in ["local", "others", "global"] {
        let service = Service::with(&[("SESSION_IDLE", "0")]).await;
        let (first, grace) = (service.signed_in(ADA).await, service.signed_in(GRACE).await);
        let second = service.log_in(ADA[1], ADA[2]).await.json();
        let body = json!({ "scope": scope, "password": ADA[2] });
        let answer = service.post_with("/logout", text(&first, "token"), &body).await;
        assert_eq!(answer.status, 204, "{scope}");
        let repeated = service.post_with("/logout", text(&first, "token"), &body).await;
        assert_eq!(repeated.status, if scope == "others" { 401 } else { 204 }, "{scope}");
        assert_eq!((service.me(&first["token"]).await, service.me(&second["token"]).await), (401, 401), "{scope}");
        let third = service.log_in(ADA[1], ADA[2]).await.json();
        assert_eq!(forge::payload(text(&third, "token"))["ver"], 1);
        assert_eq!((service.me(&third["token"]).await, service.me(&grace["token"]).await), (200, 200));
    }
}

#[tokio::test]
async fn a_failed_log_out_is_503_and_the_session_continues() {
    for (operation, scope) in [("DeleteItem", "local"), ("TransactWriteItems", "global"), ("BatchGetItem", "others")] {
        let (service, rejecting) = Service::rejecting(operation, 0, THROTTLED).await;
        let mine = service.signed_in(ADA).await;
        rejecting.reject(6);
        let body = json!({ "scope": scope, "password": ADA[2] });
        let answer = service.post_with("/logout", text(&mine, "token"), &body).await;
        assert_eq!((answer.code(), rejecting.left()), ((503, "unavailable".to_owned()), 0), "{operation}");
        assert_eq!(service.me(&mine["token"]).await, 200, "{operation}");
        assert_eq!(service.post_with("/logout", text(&mine, "token"), &body).await.status, 204);
    }
}

#[tokio::test]
async fn a_global_log_out_whose_database_response_was_lost_takes_effect_once() {
    let (service, proxy) = Service::behind_lossy_proxy().await;
    let mine = service.signed_in(ADA).await;
    // One for the read and one for the transaction.
    for losses in [1, 2] {
        let mine = if losses == 1 { mine.clone() } else { service.log_in(ADA[1], ADA[2]).await.json() };
        proxy.lose_responses(losses);
        let answer = service.post_with("/logout", text(&mine, "token"), &json!({ "scope": "global" })).await;
        assert_eq!((answer.status, proxy.left_to_lose()), (204, 0));
        assert_eq!(service.me(&mine["token"]).await, 401);
        let versions: Vec<AttributeValue> = [service.items("Users").await, service.items("Credentials").await]
            .concat()
            .iter()
            .map(|item| item["version"].clone())
            .collect();
        assert_eq!(versions, vec![AttributeValue::N(losses.to_string()); 2], "both items have the same version");
    }
}
