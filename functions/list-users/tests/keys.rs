//! The real binary with public keys from the Parameter Store: what it takes, and how often it reads.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use shared::domain::{
    keys::{Algorithm, Jwk, JwkSet, SigningKeySet},
    token::{Issuer, IssuerConfig, TokenBinding},
    user::PublicId,
};
use testkit::{
    events::{self, Setting},
    lambda::Function,
    secrets::Keeper,
};
use tokio::time::sleep;

const ARN: &str = "arn:aws:ssm:us-east-1:123456789012:parameter/postern/public-keys";

fn public(keys: &[&Jwk]) -> String {
    JwkSet::new(keys.iter().map(|key| (*key).clone()).collect()).public().to_json()
}

fn key(algorithm: Algorithm) -> Jwk {
    Jwk::generate(algorithm, 1).unwrap()
}

/// A token for `user` that `key` signed, of a user who never ended their sessions.
fn token(key: &Jwk, user: PublicId) -> String {
    let set = JwkSet::new(vec![key.clone()]).to_json();
    let keys = SigningKeySet::parse(&set, key.algorithm(), false).unwrap();
    let (issuer, lifetime) = ("postern".to_owned(), Duration::from_secs(600));
    let signer = Issuer::new(IssuerConfig { issuer, audience: None, lifetime, not_before_delay: Duration::ZERO });
    let binding = TokenBinding::Version(0);
    signer.issue(keys.signer(2, Duration::ZERO), user, binding, None, SystemTime::now()).unwrap().0
}

struct Running {
    setting: Setting,
    keeper: Keeper,
    function: Function,
    user: PublicId,
}

impl Running {
    async fn start(algorithm: Algorithm, keys: &[&Jwk], refresh: &str) -> Self {
        let setting = Setting::new("me").await;
        let keeper = Keeper::start(ARN, &public(keys)).await;
        let user = &setting.service.items("Users").await[0]["public_id"];
        let user = PublicId::parse(user.as_s().unwrap()).unwrap();
        let variables = [
            ("USERS_TABLE", "Users"),
            ("SESSIONS_TABLE", "Sessions"),
            ("AWS_ENDPOINT_URL_DYNAMODB", setting.service.endpoint.as_str()),
            ("AWS_ENDPOINT_URL_SSM", keeper.url.as_str()),
            ("JWT_ALGORITHM", algorithm.name()),
            ("JWT_PUBLIC_KEYS_ARN", ARN),
            ("JWT_KEYS_REFRESH", refresh),
            // A pipe that nobody empties holds 64 KiB of lines.
            ("AWS_LAMBDA_LOG_LEVEL", "ERROR"),
        ];
        let function = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await;
        Self { setting, keeper, function, user }
    }

    async fn status(&self, token: &str) -> u16 {
        let mut event: Value = self.setting.event("me-no-token").await;
        event["headers"]["x-access-token"] = json!(token);
        events::read(&self.function.invoke(event).await.expect("the invocation succeeds")).status
    }
}

#[tokio::test]
async fn list_users_checks_tokens_with_public_keys_alone() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        let (first, second) = (key(algorithm), key(algorithm));
        let running = Running::start(algorithm, &[&first, &second], "300").await;
        for known in [&first, &second] {
            assert_eq!(running.status(&token(known, running.user)).await, 200, "{algorithm}");
        }
        assert_eq!(running.status(&token(&key(algorithm), running.user)).await, 401, "{algorithm}");
    }
}

#[tokio::test]
async fn a_thousand_tokens_with_random_kids_cause_one_reading_of_the_keys_in_ten_seconds() {
    let known = key(Algorithm::EdDsa);
    let running = Running::start(Algorithm::EdDsa, &[&known], "300").await;
    let good = token(&known, running.user);
    assert_eq!((running.status(&good).await, running.keeper.reads()), (200, 1));
    let rest = good.split_once('.').unwrap().1;
    let started = Instant::now();
    for number in 0..1000 {
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": format!("{}-{number}", PublicId::random()) });
        let strange = format!("{}.{rest}", testkit::forge::encode(header.to_string()));
        assert_eq!(running.status(&strange).await, 401);
    }
    assert_eq!(running.status(&good).await, 200);
    // One at the start, one for all of them, and on a machine that takes longer for them one more in 10 seconds.
    let most = 2 + started.elapsed().as_secs() / 10;
    let reads = running.keeper.reads() as u64;
    assert!((2..=most).contains(&reads), "{reads} readings, at most {most}");
}

#[tokio::test]
async fn changed_keys_are_taken_up_within_the_refresh_time_and_bad_ones_are_not() {
    let (old, new) = (key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let running = Running::start(Algorithm::EdDsa, &[&old], "1").await;
    let (old_token, new_token) = (token(&old, running.user), token(&new, running.user));
    assert_eq!(running.status(&old_token).await, 200);
    running.keeper.set(&public(&[&new]));
    sleep(Duration::from_millis(1100)).await;
    assert_eq!((running.status(&old_token).await, running.status(&new_token).await), (401, 200));
    for bad in ["", "{ no JSON", r#"{"keys":[]}"#, &JwkSet::new(vec![old.clone()]).to_json()] {
        running.keeper.set(bad);
        sleep(Duration::from_millis(1100)).await;
        assert_eq!((running.status(&old_token).await, running.status(&new_token).await), (401, 200), "{bad:.20}");
    }
    running.keeper.fail(true);
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(running.status(&new_token).await, 200, "the last good keys stay");
    running.keeper.fail(false);
    running.keeper.set(&public(&[&old]));
    sleep(Duration::from_millis(1100)).await;
    assert_eq!((running.status(&old_token).await, running.status(&new_token).await), (200, 401));
}

#[tokio::test]
async fn a_reading_that_gets_no_answer_at_first_is_tried_again_within_its_time() {
    let (old, new) = (key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let running = Running::start(Algorithm::EdDsa, &[&old], "1").await;
    running.keeper.set(&public(&[&new]));
    running.keeper.ignore(1);
    sleep(Duration::from_millis(1100)).await;
    assert_eq!(running.status(&token(&new, running.user)).await, 200);
    assert!(running.keeper.reads() >= 3, "at the start, without an answer, and with one");
}

#[tokio::test]
async fn private_keys_where_public_ones_belong_stop_the_start_and_so_does_the_secret_instead() {
    let private = key(Algorithm::EdDsa);
    let text = JwkSet::new(vec![private.clone()]).to_json();
    let keeper = Keeper::start(ARN, &text).await;
    let tables = [("USERS_TABLE", "Users"), ("SESSIONS_TABLE", "Sessions"), ("JWT_ALGORITHM", "EdDSA")];
    let public = [("JWT_PUBLIC_KEYS_ARN", ARN), ("AWS_ENDPOINT_URL_SSM", &keeper.url)];
    let secret = [("JWT_SECRET_KEY", text.as_str())];
    for (more, named) in [(&public[..], private.kid()), (&secret[..], "JWT_PUBLIC_KEYS_ARN")] {
        let variables = [&tables, more].concat();
        let (code, log) = Function::start(env!("CARGO_BIN_EXE_list-users"), &variables).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named), "{log}");
        let set: Value = serde_json::from_str(&text).unwrap();
        assert!(!log.contains(set["keys"][0]["d"].as_str().unwrap()), "{log}");
    }
}
