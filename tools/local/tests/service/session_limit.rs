//! The limit of 100 sessions a user.

use std::{collections::HashSet, sync::Arc, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{
    session::{MAX_SESSIONS, RefreshToken},
    throttle::ThrottleKey,
    user::PublicId,
};
use testkit::{
    ADA, GRACE, Service, forge,
    proxy::THROTTLED,
    service::{CLIENT, send},
    text,
};
use tokio::task::JoinSet;

/// No limit of log-ins from one client.
const UNLIMITED: (&str, &str) = ("THROTTLE_PAIR_LOGINS", "0");

async fn log_in_from(service: &Service, address: &str) -> Value {
    let request = service.request(Method::POST, "/login").header(CLIENT, address);
    let answer = send(request.json(&json!({ "email": ADA[1], "password": ADA[2] }))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

fn id(session: &Value) -> String {
    forge::payload(text(session, "token"))["sid"].as_str().unwrap().to_owned()
}

/// The identifiers of the stored sessions.
async fn stored(service: &Service) -> HashSet<String> {
    let pages = service.database.scan().table_name("Sessions").into_paginator().items().send();
    let items = pages.collect::<Result<Vec<_>, _>>().await.unwrap();
    items.iter().map(|item| item["session_id"].as_s().unwrap().clone()).collect()
}

/// Signs up Ada.
async fn sign_up(service: &Service) -> PublicId {
    PublicId::parse(text(&service.sign_up(ADA).await.json(), "public_id")).unwrap()
}

/// Adds sessions as log-ins start them, a second apart, and returns their identifiers.
async fn start_sessions(service: &Service, user: PublicId, count: usize) -> Vec<String> {
    let mut started = Vec::new();
    for _ in 0..count {
        service.clock.advance(Duration::from_secs(1));
        let now = service.clock.now().seconds().get();
        let id = RefreshToken::new(user).unwrap().session().to_string();
        let time = |time: u64| AttributeValue::N(time.to_string());
        let put = service.database.put_item().table_name("Sessions");
        put.item("public_id", AttributeValue::S(user.to_string()))
            .item("session_id", AttributeValue::S(id.clone()))
            .item("version", time(0))
            .item("created_at", time(now))
            .item("used_at", time(now))
            .item("expires_at", time(now + 10_000))
            .item("ends_at", time(now + 1_000_000))
            .send()
            .await
            .unwrap();
        started.push(id);
    }
    started
}

#[tokio::test]
async fn of_130_sessions_of_one_client_the_100_most_recently_used_remain() {
    let service = Service::with(&[UNLIMITED]).await;
    let user = sign_up(&service).await;
    let grace = service.signed_in(GRACE).await;
    let mut sessions: Vec<Value> = Vec::new();
    let mut kept = HashSet::from([id(&grace)]);
    for number in 0..50 {
        if number == 10 {
            // 9 log-ins and 21 of these are the least recently used ones in the end.
            kept.extend(start_sessions(&service, user, 80).await.split_off(21));
        }
        service.clock.advance(Duration::from_secs(20));
        sessions.push(log_in_from(&service, "192.0.2.1").await);
        assert!(stored(&service).await.len() <= MAX_SESSIONS + 1, "after log-in {number}");
        // The first session is used throughout.
        let refreshed = service.refresh(text(&sessions[0], "refresh_token")).await;
        assert_eq!(refreshed.status, 200, "{refreshed:?}");
        sessions[0]["refresh_token"] = refreshed.json()["refresh_token"].clone();
        sessions[0]["token"] = refreshed.json()["token"].clone();
    }
    kept.extend([0].into_iter().chain(10..50).map(|number| id(&sessions[number])));
    assert_eq!(stored(&service).await, kept);
    assert_eq!((service.me(&sessions[0]["token"]).await, service.me(&sessions[49]["token"]).await), (200, 200));
    assert_eq!(service.refresh(text(&sessions[9], "refresh_token")).await.status, 401, "it has ended");
    assert_eq!(service.refresh(text(&sessions[10], "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn the_limit_holds_for_log_ins_of_many_clients() {
    let service = Service::start().await;
    let user = sign_up(&service).await;
    for number in 0..50 {
        if number == 10 {
            start_sessions(&service, user, 70).await;
        }
        service.clock.advance(Duration::from_secs(20));
        log_in_from(&service, &format!("192.0.2.{number}")).await;
        assert!(stored(&service).await.len() <= MAX_SESSIONS, "after log-in {number}");
    }
    assert_eq!(stored(&service).await.len(), MAX_SESSIONS);
}

#[tokio::test]
async fn the_limit_holds_for_several_clients_that_take_turns() {
    let service = Service::with(&[UNLIMITED]).await;
    let user = sign_up(&service).await;
    for number in 0..75 {
        // By then, at least one of the clients has logged in eight times.
        if number == 40 {
            start_sessions(&service, user, 45).await;
        }
        log_in_from(&service, &format!("192.0.2.{}", number % 5)).await;
        assert!(stored(&service).await.len() <= MAX_SESSIONS, "after log-in {number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_log_ins_leave_at_most_100_sessions_once_another_one_follows() {
    // Concurrent guesses count as failures until they are settled.
    let service = Arc::new(Service::with(&[UNLIMITED, ("THROTTLE_PAIR_FAILURES", "100")]).await);
    let user = sign_up(&service).await;
    start_sessions(&service, user, 80).await;
    // So few at a time that a slow machine hashes their passwords within the time limit of a request.
    for _ in 0..4 {
        let mut log_ins = JoinSet::new();
        for number in 0..10 {
            let service = service.clone();
            log_ins.spawn(async move { log_in_from(&service, &format!("192.0.2.{}", number % 3)).await });
        }
        log_ins.join_all().await;
    }
    let last = log_in_from(&service, "192.0.2.1").await;
    assert_eq!(stored(&service).await.len(), MAX_SESSIONS);
    assert!(stored(&service).await.contains(&id(&last)), "the new session is never the one that ends");
}

#[tokio::test]
async fn an_ordinary_log_in_makes_no_further_call() {
    let (service, calls) = Service::recorded().await;
    service.sign_up(ADA).await;
    let known = ["GetItem", "PutItem", "Throttle.UpdateItem", "Throttle.UpdateItem"];
    for (address, is_new) in [("192.0.2.1", true), ("192.0.2.1", false), ("192.0.2.2", true), ("192.0.2.1", false)] {
        calls.take();
        log_in_from(&service, address).await;
        let mut made = calls.take();
        made.sort_unstable();
        // Of a new client, the guess is counted and refunded for the account and for the address as well.
        let expected: Vec<_> =
            known.into_iter().chain([known[3]; 4].into_iter().take(if is_new { 4 } else { 0 })).collect();
        assert_eq!(made, expected, "{address}");
    }
}

#[tokio::test]
async fn a_check_that_fails_does_not_affect_the_log_in() {
    let (service, rejecting) = Service::rejecting("Query", 0, THROTTLED).await;
    service.sign_up(ADA).await;
    // The first one is counted for the account and the pair.
    for number in 1..=8 {
        if number == 8 {
            rejecting.reject(6);
        }
        log_in_from(&service, "192.0.2.1").await;
    }
    assert!(rejecting.left() < 6, "the eighth log-in checks the limit");
}

/// Adds sessions of Ada that were last used before the attribute existed, with this much other content.
async fn add_old_sessions(service: &Service, user: PublicId, count: u64, padding: usize) {
    add_sessions(service, user, count, padding, 0).await;
}

async fn add_sessions(service: &Service, user: PublicId, count: u64, padding: usize, version: u64) {
    let now = service.clock.now().seconds().get();
    for number in 0..count {
        let token = RefreshToken::new(user).unwrap();
        let put = service.database.put_item().table_name("Sessions");
        put.item("public_id", AttributeValue::S(user.to_string()))
            .item("session_id", AttributeValue::S(token.session().to_string()))
            .item("version", AttributeValue::N(version.to_string()))
            .item("expires_at", AttributeValue::N((now + 10_000 + number).to_string()))
            .item("ends_at", AttributeValue::N((now + 1_000_000).to_string()))
            .item("padding", AttributeValue::S("x".repeat(padding)))
            .send()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn sessions_beyond_the_limit_from_before_it_end_when_they_are_listed() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let user = PublicId::parse(forge::payload(text(&mine, "token"))["sub"].as_str().unwrap()).unwrap();
    // More than one page of a query.
    add_old_sessions(&service, user, 110, 25_000).await;
    let listed = service.get("/sessions", text(&mine, "token")).await.json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), MAX_SESSIONS);
    assert_eq!((sessions[0]["id"].as_str(), &sessions[0]["current"]), (Some(id(&mine).as_str()), &json!(true)));
    let expiries: Vec<u64> = sessions[1..].iter().map(|session| session["expires_at"].as_u64().unwrap()).collect();
    assert!(expiries.is_sorted_by(|a, b| a > b), "those that expire later were used later");
    assert_eq!(stored(&service).await.len(), MAX_SESSIONS);
}

#[tokio::test]
async fn revoked_sessions_that_fill_many_pages_hide_no_active_one() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let user = PublicId::parse(forge::payload(text(&mine, "token"))["sub"].as_str().unwrap()).unwrap();
    // Five pages and more, with the active sessions anywhere in between.
    add_sessions(&service, user, 60, 100_000, 7).await;
    add_old_sessions(&service, user, 10, 1).await;
    let listed = service.get("/sessions", text(&mine, "token")).await.json();
    assert_eq!(listed["sessions"].as_array().map(Vec::len), Some(11), "{listed}");
}

#[tokio::test]
async fn the_current_session_is_listed_though_sessions_beyond_the_limit_could_not_end() {
    let (service, rejecting) = Service::rejecting("DeleteItem", 0, THROTTLED).await;
    let mine = service.signed_in(ADA).await;
    let user = PublicId::parse(forge::payload(text(&mine, "token"))["sub"].as_str().unwrap()).unwrap();
    add_old_sessions(&service, user, 105, 1).await;
    // The current session is the least recently used one.
    let expiry = AttributeValue::N((service.clock.now().seconds().get() + 5_000).to_string());
    let update = service.database.update_item().table_name("Sessions");
    let update = update.key("public_id", AttributeValue::S(user.to_string()));
    let update = update.key("session_id", AttributeValue::S(id(&mine)));
    let update = update.update_expression("SET expires_at = :end REMOVE used_at, created_at");
    update.expression_attribute_values(":end", expiry).send().await.unwrap();
    rejecting.reject(1_000);
    let listed = service.get("/sessions", text(&mine, "token")).await.json();
    let sessions = listed["sessions"].as_array().unwrap();
    assert_eq!(sessions.len(), MAX_SESSIONS);
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1);
    assert_eq!(stored(&service).await.len(), 106, "none could end");
}

#[tokio::test]
async fn a_wrong_guess_does_not_shorten_how_long_the_log_ins_are_counted() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    log_in_from(&service, "192.0.2.1").await;
    let key = ThrottleKey::account(ADA[1]);
    let account = async || {
        let items = service.items("Throttle").await;
        let item = items.into_iter().find(|item| item["id"].as_s().unwrap() == key.as_str()).unwrap();
        let number = |name: &str| item[name].as_n().unwrap().parse::<u64>().unwrap();
        (number("log_in_count"), number("expires_at"))
    };
    let (count, expires_at) = account().await;
    assert!(count == 1 && expires_at >= service.clock.now().seconds().get() + 29 * 86_400);
    for address in ["192.0.2.2", "192.0.2.3"] {
        service.clock.advance(Duration::from_secs(5));
        let guess = service.request(Method::POST, "/login").header(CLIENT, address);
        let answer = send(guess.json(&json!({ "email": ADA[1], "password": "a wrong guess" }))).await;
        assert!(matches!(answer.status, 401 | 403), "{answer:?}");
        let (count, after) = account().await;
        assert!(count == 1 && after >= expires_at, "{after} {expires_at}");
    }
}

#[tokio::test]
async fn an_unusable_item_does_not_disable_the_limit() {
    let service = Service::with(&[UNLIMITED]).await;
    let mine = service.signed_in(ADA).await;
    let user = PublicId::parse(forge::payload(text(&mine, "token"))["sub"].as_str().unwrap()).unwrap();
    add_old_sessions(&service, user, 103, 1).await;
    let put = service.database.put_item().table_name("Sessions").item("public_id", AttributeValue::S(user.to_string()));
    put.item("session_id", AttributeValue::S("not an identifier".to_owned())).send().await.unwrap();
    for _ in 0..8 {
        log_in_from(&service, "192.0.2.1").await;
    }
    assert_eq!(stored(&service).await.len(), MAX_SESSIONS + 1, "the unusable item remains");
}

#[tokio::test]
async fn the_number_of_sessions_is_stored_once_it_is_high_and_again_once_it_is_low() {
    let (service, calls) = Service::recorded().await;
    service.sign_up(ADA).await;
    let count = async || service.items("Credentials").await[0].get("sessions").map(|n| n.as_n().unwrap().clone());
    let mut last = Value::Null;
    for _ in 0..23 {
        // Within the limit of log-ins of one client.
        service.clock.advance(Duration::from_secs(400));
        last = log_in_from(&service, "192.0.2.1").await;
    }
    assert_eq!(count().await, None, "no write while the number is low");
    log_in_from(&service, "192.0.2.1").await;
    assert_eq!(count().await.as_deref(), Some("24"));
    calls.take();
    log_in_from(&service, "192.0.2.1").await;
    assert_eq!(calls.take().iter().filter(|call| *call == "Query").count(), 1, "each log-in checks now");
    let others = json!({ "scope": "others", "password": ADA[2] });
    assert_eq!(service.post_with("/logout", text(&last, "token"), &others).await.status, 204);
    log_in_from(&service, "192.0.2.1").await;
    assert_eq!(count().await.as_deref(), Some("2"));
}
