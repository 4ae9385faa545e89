//! Known devices and pairs: the owner of an account under attack.

use std::time::Duration;

use local::database;
use reqwest::Method;
use serde_json::json;
use shared::{
    aws::store::{self, Admission, ThrottleStore},
    domain::{
        client_ip::ClientAddress,
        throttle::{BackoffPolicy, GcraLimit, ThrottleKey},
        time::UnixMillis,
    },
};
use testkit::{
    ADA, GRACE, Service,
    proxy::{ACCESS_DENIED, LossyProxy},
    service::{CLIENT, send},
    text,
};

use crate::browser::Browser;

/// A low limit, so that few guesses reach it and the time that they take is irrelevant.
const LIMIT: [(&str, &str); 1] = [("THROTTLE_ACCOUNT_GUESSES", "12")];

const NEW: &str = "a better tortoise lamp quarrel";

/// Guesses at Ada's account from 12 addresses, until its limit is reached.
async fn attack(service: &Service) {
    for last in 100..112 {
        let mut attacker = Browser::at(service, last);
        for _ in 0..5 {
            attacker.log_in(ADA[1], "a wrong guess").await;
        }
    }
    let mut stranger = Browser::at(service, 120);
    assert_eq!(stranger.log_in(ADA[1], ADA[2]).await.status, 429, "the limit of the account is reached");
}

#[tokio::test]
async fn an_owner_on_a_known_device_logs_in_from_a_new_address_while_others_guess() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let mut owner = Browser::at(&service, 1);
    assert_eq!(owner.log_in(ADA[1], ADA[2]).await.status, 303);
    owner.post("/logout", &[]).await;
    // Longer than a pair is known.
    service.clock.advance(Duration::from_secs(60 * 24 * 60 * 60));
    attack(&service).await;
    let mut owner = owner.moved_to(2);
    assert_eq!(owner.log_in(ADA[1], ADA[2]).await.status, 303);
    // Without the cookie, the owner would have to wait.
    owner.cookies.clear();
    assert_eq!(owner.moved_to(3).log_in(ADA[1], ADA[2]).await.status, 429);
}

#[tokio::test]
async fn a_device_is_known_only_for_accounts_that_logged_in_there() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    service.sign_up(GRACE).await;
    let mut shared = Browser::at(&service, 1);
    shared.log_in(GRACE[1], GRACE[2]).await;
    attack(&service).await;
    let mut shared = shared.moved_to(2);
    assert_eq!(shared.log_in(ADA[1], ADA[2]).await.status, 429, "known for Grace only");
    service.clock.advance(Duration::from_secs(3600));
    assert_eq!(shared.log_in(ADA[1], ADA[2]).await.status, 303);
    shared.log_in(GRACE[1], GRACE[2]).await;
    attack(&service).await;
    assert_eq!(shared.moved_to(3).log_in(ADA[1], ADA[2]).await.status, 303, "two users share the browser");
}

#[tokio::test]
async fn the_device_cookie_is_opaque_and_only_its_hash_is_stored() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let mut browser = Browser::at(&service, 1);
    let answer = browser.log_in(ADA[1], ADA[2]).await;
    let cookies: Vec<_> = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("postern_device=")).unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000"), "{cookie}");
    let device = browser.cookie("device").to_owned();
    assert_eq!(device.len(), 43);
    for table in ["Users", "Credentials", "Sessions", "Throttle"] {
        assert!(!format!("{:?}", service.items(table).await).contains(&device), "{table}");
    }
    // The browser keeps its identifier, and a log-out does not remove it.
    browser.post("/logout", &[]).await;
    browser.log_in(ADA[1], ADA[2]).await;
    assert_eq!(browser.cookie("device"), device);
    let mut other = Browser::at(&service, 1);
    other.log_in(ADA[1], ADA[2]).await;
    assert_ne!(other.cookie("device"), device);
}

#[tokio::test]
async fn an_invented_device_counts_like_any_client_and_leaves_no_item() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let mut statuses = Vec::new();
    for number in 0..7_u8 {
        let mut attacker = Browser::at(&service, 1);
        attacker.set("device", testkit::forge::encode([number; 32]));
        statuses.push(attacker.log_in(ADA[1], "a wrong guess").await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429]);
    for damaged in ["x", "", "\"", &"A".repeat(400)] {
        let mut attacker = Browser::at(&service, 1);
        attacker.set("device", damaged);
        assert_eq!(attacker.log_in(ADA[1], "a wrong guess").await.status, 429, "{damaged}");
    }
    // The sign-ups, the pair, the account and the address.
    assert_eq!(service.items("Throttle").await.len(), 4);
}

#[tokio::test]
async fn guesses_on_a_known_device_are_limited_and_do_not_affect_its_address() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let mut stolen = Browser::at(&service, 1);
    stolen.log_in(ADA[1], ADA[2]).await;
    let mut statuses = Vec::new();
    for last in 1..8 {
        stolen = stolen.moved_to(last);
        statuses.push(stolen.log_in(ADA[1], "a wrong guess").await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429], "however often it moves");
    assert_eq!(Browser::at(&service, 1).log_in(ADA[1], ADA[2]).await.status, 303);
}

#[tokio::test]
async fn a_password_change_makes_every_device_and_pair_unknown() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let (mut device, mut pair) = (Browser::at(&service, 1), Browser::at(&service, 2));
    device.log_in(ADA[1], ADA[2]).await;
    pair.log_in(ADA[1], ADA[2]).await;
    pair.cookies.clear();
    let mut owner = Browser::at(&service, 3);
    owner.log_in(ADA[1], ADA[2]).await;
    service.clock.advance(Duration::from_secs(1));
    let changed = owner.post("/password", &[("current_password", ADA[2]), ("new_password", NEW)]).await;
    assert_eq!(changed.status, 303, "{changed:?}");
    attack(&service).await;
    assert_eq!(device.log_in(ADA[1], NEW).await.status, 429);
    assert_eq!(device.moved_to(4).log_in(ADA[1], NEW).await.status, 429);
    assert_eq!(pair.log_in(ADA[1], NEW).await.status, 429);
    service.clock.advance(Duration::from_secs(3600));
    let mut device = Browser::at(&service, 5);
    assert_eq!(device.log_in(ADA[1], NEW).await.status, 303);
    attack(&service).await;
    assert_eq!(device.moved_to(6).log_in(ADA[1], NEW).await.status, 303, "known for the new password");
}

#[tokio::test]
async fn a_new_account_at_a_freed_address_knows_no_pair_of_the_old_one() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let mut earlier = Browser::at(&service, 1);
    earlier.log_in(ADA[1], ADA[2]).await;
    earlier.post("/user/me", &[("_method", "DELETE"), ("password", ADA[2])]).await;
    service.clock.advance(Duration::from_secs(1));
    service.sign_up(["Other", ADA[1], NEW]).await;
    attack(&service).await;
    assert_eq!(earlier.log_in(ADA[1], NEW).await.status, 429);
}

#[tokio::test]
async fn a_log_in_on_a_known_device_makes_one_more_write_than_one_of_a_known_pair() {
    let (service, calls) = Service::recorded().await;
    service.sign_up(ADA).await;
    let mut browser = Browser::at(&service, 1);
    browser.log_in(ADA[1], ADA[2]).await;
    browser.post("/logout", &[]).await;
    calls.take();
    browser = browser.moved_to(2);
    assert_eq!(browser.log_in(ADA[1], ADA[2]).await.status, 303);
    assert_eq!(
        calls.take(),
        ["GetItem", "PutItem", "Throttle.UpdateItem", "Throttle.UpdateItem", "Throttle.UpdateItem"]
    );
}

#[tokio::test]
async fn without_device_cookies_browsers_are_counted_by_address() {
    let service = Service::with(&[LIMIT[0], ("THROTTLE_DEVICE", "0")]).await;
    service.sign_up(ADA).await;
    let mut browser = Browser::at(&service, 1);
    browser.set("device", testkit::forge::encode([7; 32]));
    let answer = browser.log_in(ADA[1], ADA[2]).await;
    assert!(answer.cookies().iter().all(|cookie| !cookie.contains("device")), "{answer:?}");
    attack(&service).await;
    assert_eq!(browser.moved_to(2).log_in(ADA[1], ADA[2]).await.status, 429);
}

#[tokio::test]
async fn a_script_on_a_known_device_is_known_as_well() {
    let service = Service::with(&LIMIT).await;
    service.sign_up(ADA).await;
    let mut browser = Browser::at(&service, 1);
    browser.log_in(ADA[1], ADA[2]).await;
    attack(&service).await;
    let request = service.request(Method::POST, "/login").header(CLIENT, "192.0.2.2");
    let request = request.header("cookie", format!("postern_device={}", browser.cookie("device")));
    let answer = send(request.json(&json!({ "email": ADA[1], "password": ADA[2] }))).await;
    assert_eq!((answer.status, answer.header("set-cookie")), (201, None), "{answer:?}");
}

#[tokio::test]
async fn a_log_in_succeeds_although_its_device_cannot_be_remembered() {
    let (service, rejecting) = Service::rejecting("Throttle.UpdateItem", 0, ACCESS_DENIED).await;
    service.sign_up(ADA).await;
    let mut browser = Browser::at(&service, 1);
    // The first three count the guess.
    rejecting.after(3).reject(usize::MAX);
    assert_eq!(browser.log_in(ADA[1], ADA[2]).await.status, 303);
}

#[tokio::test]
async fn devices_do_not_multiply_the_limit_of_log_ins() {
    let service = Service::with(&[("THROTTLE_PAIR_LOGINS", "10")]).await;
    service.sign_up(ADA).await;
    let mut successful = 0;
    for _ in 0..6 {
        let mut browser = Browser::at(&service, 1);
        for _ in 0..6 {
            successful += usize::from(browser.log_in(ADA[1], ADA[2]).await.status == 303);
        }
    }
    assert!(successful <= 10, "{successful} log-ins from one address");
}

/// Two services over one database with Ada's account. The clock of the second is three seconds ahead.
async fn with_clocks_that_differ() -> (Service, Service) {
    let service = Service::with(&LIMIT).await;
    let ahead = Service::over(&LIMIT, &service.endpoint, &service.endpoint).await;
    ahead.clock.advance(Duration::from_secs(3));
    service.sign_up(ADA).await;
    (service, ahead)
}

#[tokio::test]
async fn a_password_change_makes_pairs_unknown_despite_different_clocks() {
    let (service, ahead) = with_clocks_that_differ().await;
    let mine = service.log_in(ADA[1], ADA[2]).await.json();
    let mut attacker = Browser::at(&ahead, 66);
    assert_eq!(attacker.log_in(ADA[1], ADA[2]).await.status, 303);
    let change = json!({ "current_password": ADA[2], "new_password": NEW });
    assert_eq!(service.post_with("/password", text(&mine, "token"), &change).await.status, 200);
    attack(&ahead).await;
    assert_eq!(attacker.log_in(ADA[1], "guess").await.status, 429, "known with the old password");
}

#[tokio::test]
async fn a_log_in_with_the_new_password_makes_the_device_known_despite_different_clocks() {
    let (service, ahead) = with_clocks_that_differ().await;
    let mine = ahead.log_in(ADA[1], ADA[2]).await.json();
    let change = json!({ "current_password": ADA[2], "new_password": NEW });
    assert_eq!(ahead.post_with("/password", text(&mine, "token"), &change).await.status, 200);
    let mut owner = Browser::at(&service, 7);
    assert_eq!(owner.log_in(ADA[1], NEW).await.status, 303);
    attack(&service).await;
    assert_eq!(owner.moved_to(8).log_in(ADA[1], NEW).await.status, 303);
}

#[tokio::test]
async fn counters_do_not_reveal_which_accounts_exist() {
    // Five guesses at once. Which of them is left after a guess at an account?
    let mut outcomes = Vec::new();
    for email in [ADA[1], "unknown@example.com"] {
        let service = Service::with(&[("AUTH_PROFILE", "strict"), ("THROTTLE_ADDRESS_GUESSES", "10")]).await;
        service.sign_up(ADA).await;
        service.log_in(ADA[1], ADA[2]).await;
        let mut statuses = Vec::new();
        for number in 0..4 {
            statuses.push(service.log_in(&format!("other{number}@example.com"), "guess").await.status);
        }
        statuses.push(service.log_in(email, "a wrong guess").await.status);
        statuses.push(service.log_in("other9@example.com", "guess").await.status);
        outcomes.push(statuses);
    }
    assert_eq!(outcomes[0], outcomes[1]);
}

#[tokio::test]
async fn a_log_in_whose_database_response_was_lost_is_counted_once() {
    let service = Service::with(&LIMIT).await;
    let proxy = LossyProxy::start(&service.endpoint).await;
    let client = store::connect(&database::connection(&proxy.url).await);
    let throttle = ThrottleStore::new(client, "Throttle", service.clock.clone());
    let limit = GcraLimit::per_hour(60).unwrap();
    let second = Duration::from_secs(1);
    let policy = BackoffPolicy { failures: 5, wait: second, max_wait: second, log_ins: Some(limit) };
    for number in 1..5 {
        let key = ThrottleKey::pair(ADA[1], ClientAddress::default());
        let Admission::Taken(guess) = throttle.guess(key, &policy).await.unwrap() else { panic!("refused") };
        proxy.lose_responses(1);
        throttle.confirm(&guess, &policy, second, UnixMillis::default()).await.unwrap();
        assert_eq!(proxy.left_to_lose(), 0);
        let log_ins: u64 = service.items("Throttle").await[0]["log_ins"].as_n().unwrap().parse().unwrap();
        let ahead = UnixMillis::new(log_ins).since(service.clock.now());
        assert!(ahead <= limit.interval() * number, "{number}: {ahead:?}");
    }
}
