//! The real binary behind a fault-injecting proxy, and killed at any moment.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use testkit::{ADA, Answer, FunctionEnv, Service, events, faults::FaultProxy, fleet::Fleet, lambda::close_in};
use tokio::task::JoinSet;

const USERS: usize = 24;
const PASSWORD: &str = "tortoise lamp quarrel";

const BINARY: &str = env!("CARGO_BIN_EXE_login");

fn env(endpoint: &str) -> FunctionEnv {
    FunctionEnv::login().with_database(endpoint).with("METRICS", "off")
}

fn text(answer: &Value, name: &str) -> String {
    answer[name].as_str().expect("text").to_owned()
}

/// A user who repeats calls with an unknown outcome, and counts them.
struct User {
    fleet: Arc<Fleet>,
    number: usize,
    unknown: usize,
}

impl User {
    fn email(&self) -> String {
        format!("user{}@example.com", self.number)
    }

    /// Calls until the outcome is known. Fails after 8 attempts.
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
        panic!("{path} never succeeded");
    }

    async fn log_in(&mut self) -> Value {
        let body = json!({ "email": self.email(), "password": PASSWORD });
        let answer = self.call("/login", None, &body).await;
        assert_eq!(answer.status, 201, "the correct password is never rejected: {answer:?}");
        answer.json()
    }

    /// A wrong password, a chain of refreshes and a log-out. Returns the number of unknown outcomes, and the access
    /// tokens of the ended and of the open session.
    async fn run(mut self) -> (usize, String, String) {
        let wrong = json!({ "email": self.email(), "password": "a wrong guess" });
        assert_eq!(self.call("/login", None, &wrong).await.status, 403, "a fault is not a verdict");
        let ended = self.log_in().await;
        let mut open = self.log_in().await;
        for _ in 0..4 {
            let body = json!({ "refresh_token": open["refresh_token"] });
            let answer = self.call("/refresh", None, &body).await;
            assert_eq!(answer.status, 200, "a fault ends no session: {answer:?}");
            open = answer.json();
        }
        let answer = self.call("/logout", Some(&text(&ended, "token")), &json!({})).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        (self.unknown, text(&ended, "token"), text(&open, "token"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_20_percent_faults_correct_passwords_work_and_sessions_end_only_on_log_out() {
    let service = Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "0")]).await;
    for number in 0..USERS {
        service.sign_up(["Ada", &format!("user{number}@example.com"), PASSWORD]).await;
    }
    let faults = FaultProxy::start(&service.endpoint, 20, 2).await;
    let fleet = Arc::new(env(&faults.url).start_fleet(BINARY, 8).await);
    let mut users = JoinSet::new();
    for number in 0..USERS {
        users.spawn(User { fleet: fleet.clone(), number, unknown: 0 }.run());
    }
    let mut unknown = 0;
    for (failures, ended, open) in users.join_all().await {
        unknown += failures;
        // The service has no faults, so its responses are the ground truth.
        assert_eq!(service.me(&json!(ended)).await, 401);
        assert_eq!(service.me(&json!(open)).await, 200);
    }
    assert!(faults.injected() > USERS * 4, "{} faults", faults.injected());
    assert!(unknown <= USERS * 8 / 20, "{unknown} of {} calls were 503", USERS * 8);
    // A log-in with an unknown outcome may leave a session that no client knows.
    let sessions = service.items("Sessions").await.len();
    assert!((USERS..=USERS + unknown).contains(&sessions), "{sessions} sessions after {unknown} unknown outcomes");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unavailable_database_logs_no_user_in_or_out() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let faults = FaultProxy::start(&service.endpoint, 100, 3).await;
    let function = env(&faults.url).start(BINARY).await;
    let token = text(&mine, "token");
    let (refresh, change, wrong, correct) = (
        json!({ "refresh_token": mine["refresh_token"] }),
        json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" }),
        json!({ "email": ADA[1], "password": "a wrong guess" }),
        json!({ "email": ADA[1], "password": ADA[2] }),
    );
    for (path, token, body) in [
        ("/login", None, &correct),
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

/// Processes that are killed during a call, and their successors.
struct KillTest {
    service: Service,
    number: usize,
}

impl KillTest {
    async fn new() -> Self {
        Self {
            service: Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "0"), ("THROTTLE_ADDRESS_GUESSES", "0")]).await,
            number: 0,
        }
    }

    /// A new user: the email address and the response of the log-in.
    async fn user(&mut self) -> (String, Value) {
        self.number += 1;
        let email = format!("user{}@example.com", self.number);
        let signed_in = self.service.signed_in(["Ada", &email, PASSWORD]).await;
        (email, signed_in)
    }

    async fn kill(&self, event: Value, delay: Duration) {
        let function = env(&self.service.endpoint).start(BINARY).await;
        function.kill_after(event, delay).await;
    }

    /// The response of a new process, which shares no state with the killed one.
    async fn call(&self, event: Value) -> Answer {
        let function = env(&self.service.endpoint).start(BINARY).await;
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
async fn a_log_in_killed_at_any_moment_does_not_block_the_next_log_in() {
    let mut test = KillTest::new().await;
    let (email, _) = test.user().await;
    let log_in = post("/login", None, &json!({ "email": email, "password": PASSWORD }));
    close_in(async |delay| {
        let before = test.sessions().await.len();
        test.kill(log_in.clone(), delay).await;
        let is_started = test.sessions().await.len() > before;
        // The killed attempt counts as a failure, and the correct password resets it.
        assert_eq!(test.call(log_in.clone()).await.status, 201, "after {delay:?}");
        is_started
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_killed_at_any_moment_ends_no_session() {
    let mut test = KillTest::new().await;
    let (_, mine) = test.user().await;
    let mut refresh = json!({ "refresh_token": mine["refresh_token"] });
    close_in(async |delay| {
        let before = test.sessions().await;
        test.kill(post("/refresh", None, &refresh), delay).await;
        let is_rotated = test.sessions().await != before;
        let answer = test.call(post("/refresh", None, &refresh)).await;
        assert_eq!(answer.status, 200, "after {delay:?}: {answer:?}");
        refresh = json!({ "refresh_token": answer.json()["refresh_token"] });
        is_rotated
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_out_killed_at_any_moment_is_complete_or_can_be_repeated() {
    let mut test = KillTest::new().await;
    close_in(async |delay| {
        let (_, mine) = test.user().await;
        let log_out = post("/logout", Some(&mine["token"]), &json!({}));
        test.kill(log_out.clone(), delay).await;
        let is_ended = test.service.me(&mine["token"]).await == 401;
        assert_eq!(test.call(log_out).await.status, 204, "after {delay:?}");
        assert_eq!(test.service.me(&mine["token"]).await, 401, "after {delay:?}");
        is_ended
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_change_killed_at_any_moment_leaves_the_old_or_the_new_password() {
    let mut test = KillTest::new().await;
    let new = "a better tortoise lamp quarrel";
    close_in(async |delay| {
        let (email, mine) = test.user().await;
        let change = json!({ "current_password": PASSWORD, "new_password": new });
        test.kill(post("/password", Some(&mine["token"]), &change), delay).await;
        let log_in = async |password: &str| test.service.log_in(&email, password).await.status;
        let (old, new, me) = (log_in(PASSWORD).await, log_in(new).await, test.service.me(&mine["token"]).await);
        assert!(matches!((old, new, me), (201, 403, 200) | (403, 201, 401)), "after {delay:?}: {old} {new} {me}");
        new == 201
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_killed_at_any_moment_leaves_a_complete_account_or_none() {
    let mut test = KillTest::new().await;
    close_in(async |delay| {
        let (email, mine) = test.user().await;
        let mut delete = post("/user/me", Some(&mine["token"]), &json!({ "password": PASSWORD }));
        delete["requestContext"]["http"]["method"] = json!("DELETE");
        test.kill(delete.clone(), delay).await;
        let mut left = Vec::new();
        for table in ["Users", "Credentials"] {
            let items = test.service.items(table).await;
            left.push(items.iter().any(|item| item["email"].as_s().is_ok_and(|other| *other == email)));
        }
        assert!(left[0] == left[1], "after {delay:?}: {left:?}");
        let again = test.call(delete).await.status;
        assert_eq!(again, if left[0] { 204 } else { 401 }, "after {delay:?}");
        assert_eq!(
            test.service.sign_up(["Ada", &email, PASSWORD]).await.status,
            201,
            "the email address is available again"
        );
        !left[0]
    })
    .await;
}
