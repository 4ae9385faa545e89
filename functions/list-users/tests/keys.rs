//! The real binary with a public key set in Secrets Manager: the tokens it accepts, and how often it reads the secret.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::time::Duration;

use serde_json::{Value, json};
use shared::{
    config::clock::Clock,
    domain::{
        deployment::Deployment,
        keys::{Algorithm, Jwk, JwkSet, SigningKeySet},
        time::UnixSeconds,
        token::{ClaimSelection, Grant, Issuer, IssuerConfig, TokenBinding},
        user::PublicId,
    },
};
use testkit::{
    FunctionEnv,
    events::{self, SampleFixture},
    key_store::FakeKeyStore,
    lambda::Function,
    poll,
};

const ARN: &str = "arn:aws:secretsmanager:us-east-1:123456789012:secret:postern-public-keys-AbCdEf";

const BINARY: &str = env!("CARGO_BIN_EXE_list-users");

fn public(keys: &[&Jwk]) -> String {
    JwkSet::new(keys.iter().map(|key| (*key).clone()).collect()).public().to_json()
}

fn key(algorithm: Algorithm) -> Jwk {
    Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap()
}

/// A token for `user`, signed with `key`. The user has not revoked any tokens.
fn token(key: &Jwk, user: PublicId) -> String {
    let set = JwkSet::new(vec![key.clone()]).to_json();
    let keys = SigningKeySet::parse(&set, key.algorithm(), Deployment::Aws).unwrap();
    let (name, lifetime) = ("postern".to_owned(), Duration::from_secs(600));
    // The audience of an asymmetric algorithm defaults to the issuer.
    let audience = vec![name.clone()];
    let issuer = Issuer::new(IssuerConfig {
        issuer: name,
        audience,
        lifetime,
        not_before_delay: Duration::ZERO,
        user_claims: ClaimSelection::default(),
    });
    let binding = TokenBinding::Version(0);
    let (signer, now) = (keys.signer(UnixSeconds::new(2), Duration::ZERO), Clock::system().now().seconds());
    issuer.issue(signer, Grant::new(user, binding), now).unwrap().0
}

struct Running {
    fixture: SampleFixture,
    key_store: FakeKeyStore,
    function: Function,
    user: PublicId,
}

impl Running {
    async fn start(algorithm: Algorithm, keys: &[&Jwk], refresh: &str) -> Self {
        let key_store = FakeKeyStore::start(ARN, &public(keys)).await;
        let env = with_public_keys(algorithm, &key_store)
            .with_all(&[("JWT_KEYS_REFRESH", refresh), ("AWS_LAMBDA_LOG_LEVEL", "ERROR")]);
        let fixture = SampleFixture::new(env, "me").await;
        let user = &fixture.service.items("Users").await[0]["public_id"];
        let user = PublicId::parse(user.as_s().unwrap()).unwrap();
        let function = fixture.env.start(BINARY).await;
        Self { fixture, key_store, function, user }
    }

    async fn status(&self, token: &str) -> u16 {
        let mut event: Value = self.fixture.event("me-no-token").await;
        event["headers"]["x-access-token"] = json!(token);
        events::read(&self.function.invoke(event).await.expect("the invocation succeeds")).status
    }

    /// Calls with `token` until the function has read the secret again, which it does after the refresh interval.
    async fn wait_for_refresh(&self, token: &str) {
        let before = self.key_store.reads();
        poll::until("the function reads its keys again", async || {
            self.status(token).await;
            self.key_store.reads() > before
        })
        .await;
    }
}

/// The environment with the public keys in a secret of `key_store`.
fn with_public_keys(algorithm: Algorithm, key_store: &FakeKeyStore) -> FunctionEnv {
    FunctionEnv::list_users().without("JWT_SECRET_KEY").with_all(&[
        ("JWT_ALGORITHM", algorithm.name()),
        ("JWT_PUBLIC_KEYS_ARN", ARN),
        ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &key_store.url),
    ])
}

#[tokio::test]
async fn list_users_verifies_tokens_with_public_keys_only() {
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
async fn a_thousand_random_kids_cause_one_forced_refresh_per_ten_seconds() {
    let known = key(Algorithm::EdDsa);
    let running = Running::start(Algorithm::EdDsa, &[&known], "300").await;
    let valid = token(&known, running.user);
    assert_eq!((running.status(&valid).await, running.key_store.reads()), (200, 1));
    let rest = valid.split_once('.').unwrap().1;
    let (clock, started) = (Clock::system(), Clock::system().now());
    for number in 0..1000 {
        let header = json!({ "alg": "EdDSA", "typ": "JWT", "kid": format!("{}-{number}", PublicId::random()) });
        let unknown = format!("{}.{rest}", testkit::forge::encode(header.to_string()));
        assert_eq!(running.status(&unknown).await, 401);
    }
    assert_eq!(running.status(&valid).await, 200);
    // One at startup, one for all unknown keys, and one more for every 10 seconds that a slow machine needs.
    let most = 2 + clock.now().since(started).as_secs() / 10;
    let reads = running.key_store.reads() as u64;
    assert!((2..=most).contains(&reads), "{reads} reads, at most {most} expected");
}

#[tokio::test]
async fn new_keys_are_used_after_the_refresh_interval_and_invalid_ones_are_not() {
    let (old, new) = (key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let running = Running::start(Algorithm::EdDsa, &[&old], "1").await;
    let (old_token, new_token) = (token(&old, running.user), token(&new, running.user));
    assert_eq!(running.status(&old_token).await, 200);
    running.key_store.set(&public(&[&new]));
    running.wait_for_refresh(&old_token).await;
    assert_eq!((running.status(&old_token).await, running.status(&new_token).await), (401, 200));
    for bad in ["", "{ no JSON", r#"{"keys":[]}"#, &JwkSet::new(vec![old.clone()]).to_json()] {
        running.key_store.set(bad);
        running.wait_for_refresh(&old_token).await;
        assert_eq!((running.status(&old_token).await, running.status(&new_token).await), (401, 200), "{bad:.20}");
    }
    running.key_store.fail(true);
    running.wait_for_refresh(&old_token).await;
    assert_eq!(running.status(&new_token).await, 200, "the last valid keys stay in use");
    running.key_store.fail(false);
    running.key_store.set(&public(&[&old]));
    running.wait_for_refresh(&old_token).await;
    assert_eq!((running.status(&old_token).await, running.status(&new_token).await), (200, 401));
}

#[tokio::test]
async fn a_key_read_without_a_response_is_retried_within_its_deadline() {
    let (old, new) = (key(Algorithm::EdDsa), key(Algorithm::EdDsa));
    let running = Running::start(Algorithm::EdDsa, &[&old], "1").await;
    running.key_store.set(&public(&[&new]));
    running.key_store.ignore(1);
    running.wait_for_refresh(&token(&old, running.user)).await;
    assert_eq!(running.status(&token(&new, running.user)).await, 200);
    assert!(running.key_store.reads() >= 3, "at startup, without a response, and with one");
}

#[tokio::test]
async fn private_keys_in_the_public_key_secret_stop_startup_and_so_does_a_signing_key() {
    let private = key(Algorithm::EdDsa);
    let text = JwkSet::new(vec![private.clone()]).to_json();
    let key_store = FakeKeyStore::start(ARN, &text).await;
    let in_public_secret = with_public_keys(Algorithm::EdDsa, &key_store);
    let as_signing_key = FunctionEnv::list_users().with("JWT_ALGORITHM", "EdDSA").with("JWT_SECRET_KEY", &text);
    for (env, named) in [(in_public_secret, private.kid()), (as_signing_key, "JWT_PUBLIC_KEYS_ARN")] {
        let (code, log) = env.start(BINARY).await.end().await;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains(named), "{log}");
        let set: Value = serde_json::from_str(&text).unwrap();
        assert!(!log.contains(set["keys"][0]["d"].as_str().unwrap()), "{log}");
    }
}
