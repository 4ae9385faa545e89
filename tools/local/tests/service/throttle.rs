//! Rate limiting of guesses and sign-ups.

use std::{sync::Arc, time::Duration};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use testkit::{
    ADA, Answer, GRACE, Service,
    proxy::ACCESS_DENIED,
    service::{CLIENT, send},
};
use tokio::task::JoinSet;

/// A client with its own IP address.
pub(crate) struct Caller {
    http: Client,
    url: String,
    address: String,
}

impl Caller {
    pub(crate) fn at(service: &Service, last: u8) -> Self {
        Self { http: Client::new(), url: service.url.clone(), address: format!("192.0.2.{last}") }
    }

    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        send(self.http.post(format!("{}/login", self.url)).header(CLIENT, &self.address).json(&body)).await
    }

    async fn sign_up(&self, email: &str) -> Answer {
        let body = json!({ "name": "Ada", "email": email, "password": ADA[2] });
        send(self.http.post(format!("{}/signup", self.url)).header(CLIENT, &self.address).json(&body)).await
    }
}

/// The seconds to wait for after a refusal.
pub(crate) fn wait(answer: &Answer) -> u64 {
    assert_eq!(answer.code(), (429, "too-many-requests".to_owned()));
    answer.header("retry-after").expect("RFC 6585 4").parse().expect("seconds")
}

#[tokio::test]
async fn of_110_wrong_passwords_five_are_verified_while_the_owner_logs_in_from_another_address() {
    let service = Service::start().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    let (attacker, owner) = (Caller::at(&service, 2), Caller::at(&service, 3));
    let mut statuses = Vec::new();
    for number in 0..110 {
        statuses.push(attacker.log_in(ADA[1], &format!("guess {number}")).await.status);
        if number % 10 == 9 {
            assert_eq!(owner.log_in(ADA[1], ADA[2]).await.status, 201, "{number}");
        }
    }
    assert_eq!(statuses, [vec![403; 5], vec![429; 105]].concat());
    let seconds = wait(&attacker.log_in(ADA[1], ADA[2]).await);
    assert_eq!(seconds, 30, "the correct password is not verified either");
}

#[tokio::test]
async fn concurrent_guesses_are_counted_individually() {
    let service = Arc::new(Service::start().await);
    service.clock.stop();
    service.sign_up(ADA).await;
    let mut guesses = JoinSet::new();
    for number in 0..40 {
        let service = service.clone();
        guesses.spawn(async move { service.log_in(ADA[1], &format!("guess {number}")).await.status });
    }
    let statuses = guesses.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 35, "{statuses:?}");
}

#[tokio::test]
async fn concurrent_correct_log_ins_are_not_throttled() {
    let service = Arc::new(Service::with(&[("THROTTLE_PAIR_FAILURES", "2")]).await);
    service.sign_up(ADA).await;
    let mut log_ins = JoinSet::new();
    // One more than the limit of failures.
    for _ in 0..3 {
        let service = service.clone();
        log_ins.spawn(async move { service.log_in(ADA[1], ADA[2]).await.status });
    }
    assert_eq!(log_ins.join_all().await, [201; 3]);
}

#[tokio::test]
async fn each_failure_doubles_the_wait_and_a_log_in_resets_it() {
    let service = Service::start().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    for number in 0..5 {
        assert_eq!(service.log_in(ADA[1], &format!("guess {number}")).await.status, 403);
    }
    for expected in [30, 60, 120, 240, 480, 900, 900] {
        let seconds = wait(&service.log_in(ADA[1], "guess").await);
        assert_eq!(seconds, expected);
        service.clock.advance(Duration::from_secs(seconds));
        assert_eq!(service.log_in(ADA[1], "guess").await.status, 403);
    }
    service.clock.advance(Duration::from_secs(900));
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
    for number in 0..5 {
        assert_eq!(service.log_in(ADA[1], &format!("guess {number}")).await.status, 403);
    }
    assert_eq!(service.log_in(ADA[1], "guess").await.status, 429);
}

#[tokio::test]
async fn an_account_has_a_guess_limit_that_does_not_block_known_pairs() {
    let settings = [("THROTTLE_ACCOUNT_GUESSES", "12"), ("THROTTLE_PAIR_FAILURES", "3")];
    let service = Service::with(&settings).await;
    service.clock.stop();
    service.sign_up(ADA).await;
    let (home, session) = {
        let home = Caller::at(&service, 200);
        let answer = home.log_in(ADA[1], ADA[2]).await.json();
        (home, answer["refresh_token"].as_str().unwrap().to_owned())
    };
    let mut verified = 0;
    // Half of the limit is available immediately, for all clients together.
    for last in 10..20 {
        let caller = Caller::at(&service, last);
        for _ in 0..2 {
            verified += usize::from(caller.log_in(ADA[1], "guess").await.status == 403);
        }
    }
    assert_eq!(verified, 6);
    let stranger = Caller::at(&service, 99);
    assert_eq!(wait(&stranger.log_in(ADA[1], ADA[2]).await), 600);
    assert_eq!(home.log_in(ADA[1], ADA[2]).await.status, 201, "a known pair");
    assert_eq!(service.refresh(&session).await.status, 200, "an active session");
    // The other half becomes available over the hour.
    for last in 30..36 {
        service.clock.advance(Duration::from_secs(600));
        assert_eq!(Caller::at(&service, last).log_in(ADA[1], "guess").await.status, 403);
        assert_eq!(Caller::at(&service, last + 10).log_in(ADA[1], "guess").await.status, 429);
    }
}

#[tokio::test]
async fn password_spraying_is_throttled_and_known_pairs_are_not() {
    let service = Service::with(&[("THROTTLE_ADDRESS_GUESSES", "10")]).await;
    service.clock.stop();
    service.sign_up(ADA).await;
    service.sign_up(GRACE).await;
    let (office, home) = (Caller::at(&service, 2), Caller::at(&service, 3));
    assert_eq!(office.log_in(ADA[1], ADA[2]).await.status, 201);
    let mut statuses = Vec::new();
    for number in 0..9 {
        statuses.push(office.log_in(&format!("unknown{number}@example.com"), "Summer2026").await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429, 429, 429], "a correct attempt is refunded");
    assert_eq!(office.log_in(GRACE[1], GRACE[2]).await.status, 429);
    assert_eq!(office.log_in(ADA[1], ADA[2]).await.status, 201);
    assert_eq!(home.log_in(GRACE[1], GRACE[2]).await.status, 201);
}

#[tokio::test]
async fn throttled_responses_are_identical_for_known_and_unknown_accounts_and_for_every_limit() {
    for profile in ["tutorial", "strict"] {
        let service = Service::with(&[("AUTH_PROFILE", profile), ("THROTTLE_ADDRESS_GUESSES", "40")]).await;
        service.clock.stop();
        service.sign_up(ADA).await;
        let mut answers = Vec::new();
        for email in [ADA[1], "unknown@example.com", "not an address"] {
            for number in 0..5 {
                assert!(matches!(service.log_in(email, &format!("guess {number}")).await.status, 401 | 403));
            }
            answers.push(service.log_in(email, ADA[2]).await);
        }
        for number in 0.. {
            let answer = service.log_in(&format!("unknown{number}@example.com"), "guess").await;
            if answer.status == 429 {
                answers.push(answer);
                break;
            }
        }
        let plain = |answer: &Answer| {
            let mut headers = answer.headers.clone();
            for own in ["retry-after", "x-request-id", "date"] {
                assert!(headers.remove(own).is_some());
            }
            (answer.status, headers, answer.text.clone())
        };
        assert_eq!(answers[0].code(), (429, "too-many-requests".to_owned()));
        assert!(answers.iter().all(|answer| plain(answer) == plain(&answers[0])), "{answers:?}");
        assert!(answers[..3].iter().all(|answer| wait(answer) == 30), "{answers:?}");
    }
}

#[tokio::test]
async fn no_request_header_changes_the_client_address() {
    let service = Service::start().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    let mut statuses = Vec::new();
    for number in 0..8 {
        let mut request = service.request(Method::POST, "/login");
        for name in ["x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip", "x-client-ip"] {
            request = request.header(name, format!("198.51.100.{number}"));
        }
        let body = json!({ "email": ADA[1], "password": format!("guess {number}") });
        statuses.push(send(request.json(&body)).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 403, 403, 429, 429, 429]);
}

#[tokio::test]
async fn a_wrong_current_password_counts_as_a_guess() {
    let service = Service::start().await;
    service.clock.stop();
    let mine = service.signed_in(ADA).await;
    let other = service.log_in(ADA[1], ADA[2]).await.json();
    let token = |of: &Value| of["token"].as_str().unwrap().to_owned();
    for number in 0..5 {
        let body = json!({ "current_password": format!("guess {number}"), "new_password": "a better tortoise lamp" });
        let answer = if number % 2 == 0 {
            service.post_with("/password", &token(&mine), &body).await
        } else {
            service.delete_me(&token(&mine), "guess").await
        };
        assert_eq!(answer.code(), (403, "wrong-password".to_owned()));
    }
    assert_eq!(wait(&service.delete_me(&token(&mine), ADA[2]).await), 30);
    let body = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp" });
    wait(&service.post_with("/password", &token(&mine), &body).await);
    assert_eq!(service.post_with("/password", &token(&other), &body).await.status, 200, "another session");
}

#[tokio::test]
async fn guesses_at_log_in_do_not_block_a_password_change_of_a_session() {
    let service = Service::with(&[("THROTTLE_ACCOUNT_GUESSES", "2")]).await;
    service.clock.stop();
    let mine = service.signed_in(ADA).await;
    let attacker = Caller::at(&service, 2);
    for _ in 0..6 {
        attacker.log_in(ADA[1], "guess").await;
    }
    assert_eq!(Caller::at(&service, 3).log_in(ADA[1], ADA[2]).await.status, 429);
    let body = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp" });
    assert_eq!(service.post_with("/password", mine["token"].as_str().unwrap(), &body).await.status, 200);
}

#[tokio::test]
async fn sign_ups_are_limited_per_address_whatever_their_outcome() {
    let service = Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "10")]).await;
    service.clock.stop();
    let (classroom, other) = (Caller::at(&service, 2), Caller::at(&service, 3));
    let malformed = service.post("/signup", &json!({ "name": "Ada" })).await;
    assert_eq!(malformed.status, 422, "a request that costs no hash does not count");
    for (email, status) in
        [("a@example.com", 201), ("a@example.com", 202), ("b@example.com", 201), ("c@example.com", 201)]
    {
        assert_eq!(classroom.sign_up(email).await.status, status, "{email}");
    }
    assert_eq!(classroom.sign_up("d@example.com").await.status, 201);
    assert_eq!(wait(&classroom.sign_up("e@example.com").await), 720);
    assert_eq!(other.sign_up("e@example.com").await.status, 201);
    service.clock.advance(Duration::from_secs(720));
    assert_eq!(classroom.sign_up("f@example.com").await.status, 201);
}

#[tokio::test]
async fn throttle_items_contain_no_address_and_expire() {
    let service = Service::start().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    service.log_in(ADA[1], "guess").await;
    service.log_in(ADA[1], ADA[2]).await;
    let items = service.items("Throttle").await;
    assert_eq!(items.len(), 4, "a pair, an account and two kinds of address");
    let text = format!("{items:?}");
    assert!(!text.contains("example.com") && !text.contains("127.0.0"), "{text}");
    let now = i64::try_from(service.clock.now().seconds().get()).unwrap();
    for item in items {
        let expires_at: i64 = item["expires_at"].as_n().unwrap().parse().unwrap();
        assert!((now + 3000..=now + 2_592_001).contains(&expires_at), "{item:?}");
    }
}

#[tokio::test]
async fn a_guess_whose_database_response_was_lost_is_counted_once() {
    let (service, proxy) = Service::behind_lossy_proxy().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    for number in 0..5 {
        proxy.lose_responses(1);
        assert_eq!(service.log_in(ADA[1], &format!("guess {number}")).await.status, 403, "{number}");
    }
    assert_eq!(service.log_in(ADA[1], "guess").await.status, 429);
}

#[tokio::test]
async fn the_rate_limiter_fails_closed() {
    let (service, rejecting) = Service::rejecting("Throttle.UpdateItem", 0, ACCESS_DENIED).await;
    let mine = service.signed_in(ADA).await;
    rejecting.reject(usize::MAX);
    for answer in [
        service.log_in(ADA[1], ADA[2]).await,
        service.log_in(ADA[1], "guess").await,
        service.sign_up(GRACE).await,
        service.delete_me(mine["token"].as_str().unwrap(), ADA[2]).await,
    ] {
        assert_eq!((answer.code(), answer.header("retry-after")), ((503, "unavailable".to_owned()), Some("1")));
    }
    assert_eq!(service.items("Users").await.len(), 1);
    rejecting.reject(0);
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
}

#[tokio::test]
async fn a_guess_that_was_not_verified_is_refunded() {
    let (service, rejecting) = Service::rejecting("GetItem", 0, ACCESS_DENIED).await;
    service.clock.stop();
    service.sign_up(ADA).await;
    for _ in 0..7 {
        rejecting.reject(1);
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 503);
    }
    for number in 0..5 {
        assert_eq!(service.log_in(ADA[1], &format!("guess {number}")).await.status, 403);
    }
}

#[tokio::test]
async fn a_log_in_succeeds_although_its_counters_cannot_be_reset() {
    let (service, rejecting) = Service::rejecting("Throttle.UpdateItem", 0, ACCESS_DENIED).await;
    service.sign_up(ADA).await;
    service.log_in(ADA[1], ADA[2]).await;
    // For a known pair, the first update counts the guess and the second one resets the counter.
    rejecting.after(1).reject(1);
    assert_eq!((service.log_in(ADA[1], ADA[2]).await.status, rejecting.left()), (201, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_45_concurrent_guesses_at_most_two_wait_for_a_guess_in_progress() {
    let (service, calls) = Service::recorded().await;
    service.clock.stop();
    let service = Arc::new(service);
    service.sign_up(ADA).await;
    for round in 0..2 {
        calls.take();
        let mut guesses = JoinSet::new();
        for number in 0..45 {
            let service = service.clone();
            guesses.spawn(async move { service.log_in(ADA[1], &format!("guess {number}")).await.status });
        }
        let statuses = guesses.join_all().await;
        let expected = if round == 0 { 5 } else { 0 };
        assert_eq!(statuses.iter().filter(|status| **status == 403).count(), expected, "{statuses:?}");
        let calls = calls.take();
        let count = |name: &str| calls.iter().filter(|call| *call == name).count();
        // Each of the two reads the table 20 times within half a second at most.
        let (reads, writes) = (count("Throttle.GetItem"), count("Throttle.UpdateItem"));
        assert!(reads <= if round == 0 { 40 } else { 0 }, "{reads} reads: refusals do not wait");
        assert!(writes <= if round == 0 { 45 * 5 } else { 45 }, "{writes} writes");
    }
}

#[tokio::test]
async fn a_guess_at_the_limit_that_was_wrong_does_not_make_others_wait() {
    let (service, calls) = Service::recorded().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    for number in 0..5 {
        assert_eq!(service.log_in(ADA[1], &format!("guess {number}")).await.status, 403);
    }
    calls.take();
    // Immediately afterwards, it could still be in progress.
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 429);
    assert!(!calls.take().contains(&"Throttle.GetItem".to_owned()));
}

#[tokio::test]
async fn once_the_limit_is_reached_a_refusal_makes_one_write() {
    let (service, calls) = Service::recorded().await;
    service.clock.stop();
    service.sign_up(ADA).await;
    for number in 0..5 {
        assert_eq!(service.log_in(ADA[1], &format!("guess {number}")).await.status, 403);
    }
    calls.take();
    for _ in 0..3 {
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 429);
        assert_eq!(calls.take(), ["GetItem", "Throttle.UpdateItem"], "the account, and the pair");
    }
}
