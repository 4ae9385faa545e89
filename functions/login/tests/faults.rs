//! Log-in and what follows from it, the real binary, while its database and its network fail.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use testkit::{
    ADA, Answer, Service, events,
    faults::Faults,
    fleet::Fleet,
    lambda::{Function, close_in},
    service::KEY,
};
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

/// A function that is killed in the middle of a call, and another one that comes after it.
struct Killed {
    service: Service,
    number: usize,
}

impl Killed {
    async fn new() -> Self {
        Self {
            service: Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "0"), ("THROTTLE_ADDRESS_GUESSES", "0")]).await,
            number: 0,
        }
    }

    /// Somebody new: their address, and what log-in answered.
    async fn user(&mut self) -> (String, Value) {
        self.number += 1;
        let email = format!("user{}@example.com", self.number);
        let signed_in = self.service.signed_in(["Ada", &email, PASSWORD]).await;
        (email, signed_in)
    }

    async fn kill(&self, event: Value, delay: Duration) {
        let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables(&self.service.endpoint)).await;
        function.kill_after(event, delay).await;
    }

    /// What a function says that knows nothing of the one before it.
    async fn call(&self, event: Value) -> Answer {
        let function = Function::start(env!("CARGO_BIN_EXE_login"), &variables(&self.service.endpoint)).await;
        events::read(&function.invoke(event).await.expect("the invocation succeeds"))
    }

    async fn sessions(&self) -> Vec<String> {
        let sessions = self.service.items("Sessions").await;
        let mut hashes: Vec<String> = sessions.iter().map(|item| format!("{:?}", item["token_hash"])).collect();
        hashes.sort();
        hashes
    }
}

fn post(path: &str, token: Option<&Value>, body: &Value) -> Value {
    events::post(path, "192.0.2.1", token.map(|token| token.as_str().expect("a token")), body)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_that_is_killed_at_any_moment_keeps_nobody_from_the_next_one() {
    let mut killed = Killed::new().await;
    let (email, _) = killed.user().await;
    let log_in = post("/login", None, &json!({ "email": email, "password": PASSWORD }));
    close_in(async |delay| {
        let before = killed.sessions().await.len();
        killed.kill(log_in.clone(), delay).await;
        let begun = killed.sessions().await.len() > before;
        // What was killed counts as failed, and the right password clears it.
        assert_eq!(killed.call(log_in.clone()).await.status, 201, "after {delay:?}");
        begun
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_is_killed_at_any_moment_ends_no_session() {
    let mut killed = Killed::new().await;
    let (_, mine) = killed.user().await;
    let mut refresh = json!({ "refresh_token": mine["refresh_token"] });
    close_in(async |delay| {
        let before = killed.sessions().await;
        killed.kill(post("/refresh", None, &refresh), delay).await;
        let exchanged = killed.sessions().await != before;
        let answer = killed.call(post("/refresh", None, &refresh)).await;
        assert_eq!(answer.status, 200, "after {delay:?}: {answer:?}");
        refresh = json!({ "refresh_token": answer.json()["refresh_token"] });
        exchanged
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_that_is_killed_at_any_moment_is_done_or_can_be_repeated() {
    let mut killed = Killed::new().await;
    close_in(async |delay| {
        let (_, mine) = killed.user().await;
        let log_out = post("/logout", Some(&mine["token"]), &json!({}));
        killed.kill(log_out.clone(), delay).await;
        let done = killed.service.me(&mine["token"]).await == 401;
        assert_eq!(killed.call(log_out).await.status, 204, "after {delay:?}");
        assert_eq!(killed.service.me(&mine["token"]).await, 401, "after {delay:?}");
        done
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_password_that_is_killed_at_any_moment_leaves_the_old_one_or_the_new_one() {
    let mut killed = Killed::new().await;
    let new = "a better tortoise lamp quarrel";
    close_in(async |delay| {
        let (email, mine) = killed.user().await;
        let change = json!({ "current_password": PASSWORD, "new_password": new });
        killed.kill(post("/password", Some(&mine["token"]), &change), delay).await;
        let log_in = async |password: &str| killed.service.log_in(&email, password).await.status;
        let (old, new, me) = (log_in(PASSWORD).await, log_in(new).await, killed.service.me(&mine["token"]).await);
        assert!(matches!((old, new, me), (201, 403, 200) | (403, 201, 401)), "after {delay:?}: {old} {new} {me}");
        new == 201
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_is_killed_at_any_moment_leaves_an_account_or_none() {
    let mut killed = Killed::new().await;
    close_in(async |delay| {
        let (email, mine) = killed.user().await;
        let mut delete = post("/user/me", Some(&mine["token"]), &json!({ "password": PASSWORD }));
        delete["requestContext"]["http"]["method"] = json!("DELETE");
        killed.kill(delete.clone(), delay).await;
        let mut left = Vec::new();
        for table in ["Users", "Credentials"] {
            let items = killed.service.items(table).await;
            left.push(items.iter().any(|item| item["email"].as_s().is_ok_and(|other| *other == email)));
        }
        assert!(left[0] == left[1], "after {delay:?}: {left:?}");
        let again = killed.call(delete).await.status;
        assert_eq!(again, if left[0] { 204 } else { 401 }, "after {delay:?}");
        assert_eq!(killed.service.sign_up(["Ada", &email, PASSWORD]).await.status, 201, "the address is free");
        !left[0]
    })
    .await;
}
