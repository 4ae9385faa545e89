//! Log-in and what follows from it, the real binary, while its database and its network fail.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use testkit::{ADA, Answer, Service, events, faults::Faults, fleet::Fleet, lambda::Function, service::KEY};
use tokio::task::JoinSet;

const USERS: usize = 24;
const PASSWORD: &str = "tortoise lamp quarrel";

fn variables(endpoint: &str) -> [(&str, &str); 7] {
    [
        ("USERS_TABLE", "Users"),
        ("CREDENTIALS_TABLE", "Credentials"),
        ("SESSIONS_TABLE", "Sessions"),
        ("THROTTLE_TABLE", "Throttle"),
        ("JWT_SECRET_KEY", KEY),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
        ("METRICS", "off"),
    ]
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().expect("text").to_owned()
}

/// One user, who tries again whatever could not be done, and notes what it came to.
struct User {
    fleet: Arc<Fleet>,
    number: usize,
    unknown: usize,
}

impl User {
    fn email(&self) -> String {
        format!("user{}@example.com", self.number)
    }

    /// Calls until the outcome is known: at most a few times.
    async fn call(&mut self, path: &str, token: Option<&str>, body: &Value) -> Answer {
        for _ in 0..8 {
            let event = events::post(path, &format!("192.0.2.{}", self.number), token, body);
            let answer = self.fleet.answer(event).await;
            if answer.status != 503 {
                return answer;
            }
            assert_eq!(answer.header("retry-after"), Some("1"));
            self.unknown += 1;
        }
        panic!("{path} was never done");
    }

    async fn log_in(&mut self) -> Value {
        let body = json!({ "email": self.email(), "password": PASSWORD });
        let answer = self.call("/login", None, &body).await;
        assert_eq!(answer.status, 201, "the right password is never refused: {answer:?}");
        answer.json()
    }

    /// A life with a wrong password, a chain of refreshes and a log-out. Gives the last access token.
    async fn live(mut self) -> (usize, String, String) {
        let wrong = json!({ "email": self.email(), "password": "a wrong guess" });
        assert_eq!(self.call("/login", None, &wrong).await.status, 403, "a fault is no verdict");
        let left = self.log_in().await;
        let mut stays = self.log_in().await;
        for _ in 0..4 {
            let body = json!({ "refresh_token": stays["refresh_token"] });
            let answer = self.call("/refresh", None, &body).await;
            assert_eq!(answer.status, 200, "nobody is signed out by a fault: {answer:?}");
            stays = answer.json();
        }
        let answer = self.call("/logout", Some(&text(&left, "token")), &json!({})).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        (self.unknown, text(&left, "token"), text(&stays, "token"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_every_fifth_call_fails_the_right_password_gets_in_sessions_go_on_and_end_when_they_are_ended() {
    let service = Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "0")]).await;
    for number in 0..USERS {
        service.sign_up(["Ada", &format!("user{number}@example.com"), PASSWORD]).await;
    }
    let faults = Faults::start(&service.endpoint, 20, 2).await;
    let fleet = Arc::new(Fleet::start(env!("CARGO_BIN_EXE_login"), &variables(&faults.url), 8).await);
    let mut lives = JoinSet::new();
    for number in 0..USERS {
        lives.spawn(User { fleet: fleet.clone(), number, unknown: 0 }.live());
    }
    let mut unknown = 0;
    for (failures, left, stays) in lives.join_all().await {
        unknown += failures;
        // The truth, asked without faults.
        assert_eq!(service.me(&json!(left)).await, 401);
        assert_eq!(service.me(&json!(stays)).await, 200);
    }
    assert!(faults.injected() > USERS * 4, "{} faults", faults.injected());
    assert!(unknown <= USERS * 8 / 20, "{unknown} of {} calls were answered with 503", USERS * 8);
    // Sessions that nobody knows of: those whose log-in could not say so. None of what was ended is among them.
    let sessions = service.items("Sessions").await.len();
    assert!((USERS..=USERS + unknown).contains(&sessions), "{sessions} sessions after {unknown} unknown outcomes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_gone_signs_nobody_in_and_nobody_out() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let faults = Faults::start(&service.endpoint, 100, 3).await;
    let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables(&faults.url)).await;
    let token = text(&mine, "token");
    let (refresh, change, wrong, right) = (
        json!({ "refresh_token": mine["refresh_token"] }),
        json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" }),
        json!({ "email": ADA[1], "password": "a wrong guess" }),
        json!({ "email": ADA[1], "password": ADA[2] }),
    );
    for (path, token, body) in [
        ("/login", None, &right),
        ("/login", None, &wrong),
        ("/refresh", None, &refresh),
        ("/password", Some(&token), &change),
        ("/logout", Some(&token), &json!({ "scope": "global" })),
    ] {
        let event = events::post(path, "192.0.2.1", token.map(String::as_str), body);
        let answer = events::read(&function.invoke(event).await.expect("the invocation succeeds"));
        assert_eq!(answer.code(), (503, "unavailable".to_owned()), "{path}");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_or_a_refresh_that_is_killed_at_any_moment_keeps_nobody_from_the_next_one() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let variables = variables(&service.endpoint);
    let start = async || Function::start(env!("CARGO_BIN_EXE_login"), &variables).await;
    let log_in = json!({ "email": ADA[1], "password": ADA[2] });
    let mut refresh_token = text(&mine, "refresh_token");
    for number in 0..10 {
        let delay = Duration::from_millis(12 * number);
        start().await.kill_after(events::post("/login", "192.0.2.1", None, &log_in), delay).await;
        let refresh = json!({ "refresh_token": refresh_token });
        start().await.kill_after(events::post("/refresh", "192.0.2.1", None, &refresh), delay).await;
        let function = start().await;
        let answer = function.invoke(events::post("/refresh", "192.0.2.1", None, &refresh)).await.unwrap();
        let answer = events::read(&answer);
        assert_eq!(answer.status, 200, "{number}: {answer:?}");
        refresh_token = text(&answer.json(), "refresh_token");
        // What was killed counts as failed, and the right password clears it.
        let answer = events::read(&function.invoke(events::post("/login", "192.0.2.1", None, &log_in)).await.unwrap());
        assert_eq!(answer.status, 201, "{number}: {answer:?}");
    }
}
