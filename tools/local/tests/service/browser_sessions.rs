//! The sessions of browsers: refreshing by `GET`, independent cookies, logging out and logging in again.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;
use shared::domain::keys::Algorithm as KeyAlgorithm;
use testkit::{ADA, GRACE, Service, forge, proxy::THROTTLED, service::send, text};

use crate::{
    browser::Browser,
    keys::{KeyFile, key},
};

async fn logged_in(service: &Service) -> Browser<'_> {
    service.sign_up(ADA).await;
    let mut browser = Browser::at(service, 1);
    assert_eq!(browser.log_in(ADA[1], ADA[2]).await.status, 303);
    browser
}

#[tokio::test]
async fn a_refresh_by_get_that_the_browser_does_not_finish_is_harmless() {
    let service = Service::start().await;
    let mut browser = logged_in(&service).await;
    // Longer than the grace period, in which a rotated token would still be accepted.
    for _ in 0..4 {
        for _ in 0..3 {
            assert_eq!(browser.get_without_response("/refresh").await.status, 303);
        }
        service.clock.advance(Duration::from_secs(61));
    }
    assert!(browser.is_logged_in().await);
    let refresh_token = browser.cookie("refresh_token").to_owned();
    assert_eq!(browser.get("/refresh").await.header("location"), Some("/user?refreshed=1"));
    assert_eq!(browser.cookie("refresh_token"), refresh_token, "only POST rotates");
    let rotated = service.refresh(&refresh_token).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    // Within the grace period, GET replaces the earlier refresh token by the current one.
    browser.get("/refresh").await;
    assert_eq!(browser.cookie("refresh_token"), rotated.json()["refresh_token"]);
}

#[tokio::test]
async fn a_refresh_by_get_extends_the_idle_lifetime_up_to_the_maximum() {
    let service = Service::with(&[("SESSION_IDLE", "4000"), ("SESSION_MAX", "10000")]).await;
    let mut browser = logged_in(&service).await;
    for is_active in [true, true, true, false] {
        service.clock.advance(Duration::from_secs(3000));
        assert_eq!(browser.is_logged_in().await, is_active);
    }
}

#[tokio::test]
async fn head_does_not_change_a_session() {
    let service = Service::start().await;
    let browser = logged_in(&service).await;
    let before = service.items("Sessions").await;
    service.clock.advance(Duration::from_secs(60));
    for path in ["/refresh", "/refresh?return_to=%2Fuser%2Fme", "/", "/user", "/user/me", "/login"] {
        let cookies = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>();
        let head =
            service.request(Method::HEAD, path).header("accept", "text/html").header("cookie", cookies.join("; "));
        let answer = send(head).await;
        assert!(matches!(answer.status, 200 | 303), "{path}: {answer:?}");
        assert!(answer.headers.get("set-cookie").is_none(), "{path}: {answer:?}");
    }
    assert_eq!(service.items("Sessions").await, before);
}

#[tokio::test]
async fn a_replayed_refresh_cookie_ends_its_session_by_get_as_well() {
    let service = Service::start().await;
    let mut browser = logged_in(&service).await;
    service.refresh(browser.cookie("refresh_token")).await;
    service.clock.advance(Duration::from_secs(11));
    assert_eq!(browser.get("/refresh").await.header("location"), Some("/?return_to=%2Fuser"));
    assert!(service.items("Sessions").await.is_empty());
}

/// Access cookies that are not accepted, each for another reason.
fn damaged(valid: &str) -> Vec<String> {
    let claims = forge::payload(valid);
    let (header, payload) = (forge::encode(r#"{"alg":"HS256","typ":"JWT"}"#), forge::encode(claims.to_string()));
    let with = |name: &str, value: serde_json::Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        forge::with_claims(&claims)
    };
    vec![
        "x".to_owned(),
        String::new(),
        format!("{valid}x"),
        valid[..valid.len() / 2].to_owned(),
        forge::sign(&header, &payload, &[7; 32], Algorithm::HS256),
        forge::token(r#"{"alg":"EdDSA","typ":"JWT"}"#, &claims.to_string()),
        forge::token(r#"{"alg":"none"}"#, &claims.to_string()),
        with("exp", json!(1)),
        with("nbf", json!(forge::now() + 3600)),
        with("iat", json!(forge::now() + 3600)),
        with("iss", json!("another")),
        with("aud", json!("another")),
        with("sid", json!("x")),
        with("sub", json!("x")),
    ]
}

#[tokio::test]
async fn a_log_out_ends_the_session_of_the_refresh_cookie_whatever_is_wrong_with_the_access_cookie() {
    let service = Service::with(&[("THROTTLE_PAIR_LOGINS", "0")]).await;
    let mut browser = logged_in(&service).await;
    for access in damaged(browser.cookie("access_token")) {
        browser.log_in(ADA[1], ADA[2]).await;
        assert_eq!(service.items("Sessions").await.len(), 1);
        browser.set("access_token", access.clone());
        let answer = browser.post("/logout", &[]).await;
        assert_eq!(answer.header("location"), Some("/?notice=logged-out"), "{access}");
        assert!(service.items("Sessions").await.is_empty(), "{access}");
    }
    // The same for a script of a page, which gets no redirect.
    browser.log_in(ADA[1], ADA[2]).await;
    let refresh = format!("postern_access_token=x; postern_refresh_token={}", browser.cookie("refresh_token"));
    let request = service.request(Method::POST, "/logout").header("sec-fetch-site", "same-origin");
    let answer = send(request.header("cookie", refresh)).await;
    assert_eq!((answer.status, answer.headers.get_all("set-cookie").iter().count()), (204, 2), "{answer:?}");
    assert!(service.items("Sessions").await.is_empty());
}

#[tokio::test]
async fn pages_are_shown_by_the_refresh_cookie_whatever_is_wrong_with_the_access_cookie() {
    let service = Service::start().await;
    let mut browser = logged_in(&service).await;
    let mut refused = damaged(browser.cookie("access_token"));
    // A session that has ended is a reason as well.
    let ended = service.log_in(ADA[1], ADA[2]).await.json();
    service.post_with("/logout", text(&ended, "token"), &json!({})).await;
    refused.push(text(&ended, "token").to_owned());
    for access in refused {
        browser.set("access_token", access.clone());
        assert!(browser.is_logged_in().await, "{access}");
    }
    assert_eq!(service.items("Sessions").await.len(), 1);
}

#[tokio::test]
async fn account_forms_are_accepted_by_the_refresh_cookie_whatever_is_wrong_with_the_access_cookie() {
    let service = Service::with(&[("THROTTLE_PAIR_LOGINS", "0")]).await;
    let mut browser = logged_in(&service).await;
    let others = [("scope", "others"), ("password", ADA[2])];
    for access in damaged(browser.cookie("access_token")) {
        browser.set("access_token", access.clone());
        let answer = browser.post("/logout", &others).await;
        assert_eq!(answer.header("location"), Some("/user/me?notice=others-logged-out"), "{access}");
    }
    // A session that has ended is a reason as well.
    let ended = service.log_in(ADA[1], ADA[2]).await.json();
    service.post_with("/logout", ended["token"].as_str().unwrap(), &json!({})).await;
    browser.set("access_token", ended["token"].as_str().unwrap());
    let fields = [("current_password", ADA[2]), ("new_password", "a better tortoise lamp quarrel")];
    let answer = browser.post("/password", &fields).await;
    assert_eq!(answer.header("location"), Some("/user/me?notice=password-changed"), "{answer:?}");
}

#[tokio::test]
async fn a_log_out_ends_the_sessions_of_both_cookies_if_they_differ() {
    let service = Service::start().await;
    let mut ada = logged_in(&service).await;
    service.sign_up(GRACE).await;
    let mut grace = Browser::at(&service, 2);
    grace.log_in(GRACE[1], GRACE[2]).await;
    ada.set("refresh_token", grace.cookie("refresh_token"));
    assert_eq!(ada.post("/logout", &[]).await.header("location"), Some("/?notice=logged-out"));
    assert!(service.items("Sessions").await.is_empty());
    assert!(!grace.is_logged_in().await);
}

#[tokio::test]
async fn a_log_out_reports_success_only_if_it_ended_a_session() {
    let service = Service::start().await;
    let mut browser = logged_in(&service).await;
    browser.set("access_token", "x");
    browser.set("refresh_token", "y");
    assert_eq!(browser.post("/logout", &[]).await.header("location"), Some("/"));
    assert_eq!(service.items("Sessions").await.len(), 1);
    let (service, rejecting) = Service::rejecting("DeleteItem", 0, THROTTLED).await;
    let mut browser = logged_in(&service).await;
    rejecting.reject(usize::MAX);
    assert_eq!(browser.post("/logout", &[]).await.status, 503);
    rejecting.reject(0);
    assert!(browser.is_logged_in().await, "the cookies remain");
}

#[tokio::test]
async fn a_log_in_ends_the_earlier_session_of_the_browser_and_no_other() {
    let service = Service::start().await;
    let elsewhere = service.signed_in(ADA).await;
    service.sign_up(GRACE).await;
    let mut browser = Browser::at(&service, 1);
    for (user, lost) in [(ADA, ""), (GRACE, ""), (ADA, "access_token"), (ADA, "refresh_token")] {
        browser.log_in(user[1], user[2]).await;
        assert_eq!(service.items("Sessions").await.len(), 2, "the other device and this browser");
        if !lost.is_empty() {
            browser.set(lost, "x");
        }
    }
    let before = browser.cookies.clone();
    assert_eq!(browser.log_in(ADA[1], "a wrong guess").await.status, 403);
    assert_eq!(browser.cookies, before, "a failed log-in ends nothing");
    browser.log_in(ADA[1], ADA[2]).await;
    assert_eq!(service.items("Sessions").await.len(), 2);
    assert_eq!(service.me(&elsewhere["token"]).await, 200);
}

#[tokio::test]
async fn each_call_of_a_disabled_user_ends_the_session_for_good() {
    for call in ["/refresh", "/password", "/user/me", "/logout"] {
        let service = Service::start().await;
        let mut browser = logged_in(&service).await;
        let id = service.items("Users").await[0]["public_id"].as_s().unwrap().clone();
        service.set_on_user(&id, "disabled", AttributeValue::Bool(true)).await;
        let answer = match call {
            "/refresh" => browser.get_without_response(call).await,
            "/password" => {
                let fields = [("current_password", ADA[2]), ("new_password", "a better tortoise lamp quarrel")];
                browser.post(call, &fields).await
            }
            "/user/me" => browser.post(call, &[("_method", "DELETE"), ("password", ADA[2])]).await,
            _ => browser.post(call, &[("scope", "others"), ("password", ADA[2])]).await,
        };
        assert_eq!(answer.status, 303, "{call}: {answer:?}");
        assert!(service.items("Sessions").await.is_empty(), "{call}");
    }
}

#[tokio::test]
async fn sessions_of_browsers_continue_when_algorithm_key_issuer_or_audience_change() {
    let file = KeyFile::new(&[&key(KeyAlgorithm::EdDsa)]);
    let before = Service::start().await;
    before.sign_up(ADA).await;
    for settings in [
        &file.settings("EdDSA")[..],
        &[("JWT_SECRET_KEY", "another key that only the tests use: 77")],
        &[("JWT_ISSUER", "https://auth.example.com")],
        &[("JWT_AUDIENCE", "another")],
    ] {
        let mut browser = Browser::at(&before, 1);
        browser.log_in(ADA[1], ADA[2]).await;
        let after = before.another(settings).await;
        let mut redirected = Browser::at(&after, 1);
        redirected.cookies = browser.cookies;
        assert!(redirected.is_logged_in().await, "{:?}", settings[0]);
    }
}

#[tokio::test]
async fn other_sessions_of_the_user_on_the_page_end() {
    let service = Service::start().await;
    let mut browser = logged_in(&service).await;
    service.sign_up(GRACE).await;
    let mut grace = Browser::at(&service, 2);
    grace.log_in(GRACE[1], GRACE[2]).await;
    browser.set("refresh_token", grace.cookie("refresh_token"));
    assert!(browser.get("/user/me").await.text.contains(ADA[1]));
    let answer = browser.post("/logout", &[("scope", "others"), ("password", ADA[2])]).await;
    assert_eq!(answer.header("location"), Some("/user/me?notice=others-logged-out"), "{answer:?}");
}
