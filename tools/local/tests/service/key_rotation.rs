//! Keys that change while the service runs.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared::domain::{
    keys::{Algorithm, Jwk},
    time::UnixMillis,
};
use testkit::{ADA, GRACE, Service, forge, text};
use tokio::{sync::watch, task::JoinSet};

use crate::keys::{KeyFile, key};

/// `JWT_KEYS_REFRESH` of the services here.
const REFRESH: Duration = Duration::from_secs(1);

/// How far the clock advances at a time.
const STEP: Duration = Duration::from_millis(100);

/// A new key. `admin` gives it the current time.
fn new_key(service: &Service) -> Jwk {
    Jwk::generate(Algorithm::EdDsa, service.clock.now().seconds()).unwrap()
}

/// The ID of the key that signed a token.
fn kid(token: &str) -> String {
    text(&forge::header(token), "kid").to_owned()
}

/// Clients that use a service during rotations.
struct Load {
    service: Service,
    /// The retired keys, and when they were removed from the key set.
    retired: Mutex<HashMap<String, UnixMillis>>,
    is_done: AtomicBool,
    requests: watch::Sender<usize>,
}

/// The observations of a client.
#[derive(Default, Debug)]
struct Seen {
    requests: usize,
    log_ins: usize,
    wrongly_rejected: Vec<String>,
    wrongly_accepted: Vec<String>,
}

impl Load {
    /// Logs in and uses new and old tokens until the rotations are done.
    async fn run_client(&self, user: [&str; 3]) -> Seen {
        let mut seen = Seen::default();
        let mut tokens: Vec<String> = Vec::new();
        while !self.is_done.load(Ordering::SeqCst) {
            tokens.push(text(&self.service.log_in(user[1], user[2]).await.json(), "token").to_owned());
            seen.log_ins += 1;
            // The newest tokens, and a sample of the older ones.
            for token in tokens.iter().rev().take(3).chain(tokens.iter().step_by(20)) {
                let (kid, sent_at) = (kid(token), self.service.clock.now());
                let status = self.service.get("/user/me", token).await.status;
                seen.requests += 1;
                self.requests.send_modify(|requests| *requests += 1);
                match self.retired.lock().unwrap().get(&kid) {
                    // A retired key may be rejected immediately, and must be rejected after the refresh interval.
                    Some(at) if status == 200 && sent_at > *at + REFRESH => seen.wrongly_accepted.push(kid),
                    None if status != 200 => seen.wrongly_rejected.push(kid),
                    _ => {}
                }
            }
        }
        seen
    }

    /// Advances the clock by `duration` in steps. The clients send requests after every step.
    async fn advance(&self, duration: Duration) {
        let mut requests = self.requests.subscribe();
        for _ in 0..duration.as_millis() / STEP.as_millis() {
            self.service.clock.advance(STEP);
            let enough = *requests.borrow() + 4;
            requests.wait_for(|requests| *requests >= enough).await.expect("the clients run");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_under_load_without_a_wrong_rejection_and_retired_keys_are_rejected_after_the_refresh_interval() {
    let mut old = key(Algorithm::EdDsa);
    let file = KeyFile::new(&[&old]);
    let settings = [&file.settings("EdDSA")[..], &[("JWT_KEYS_REFRESH", "1"), ("THROTTLE_PAIR_LOGINS", "0")]].concat();
    let load = Arc::new(Load {
        service: Service::with(&settings).await,
        retired: Mutex::default(),
        is_done: AtomicBool::new(false),
        requests: watch::Sender::new(0),
    });
    load.service.signed_in(ADA).await;
    load.service.signed_in(GRACE).await;
    let mut clients = JoinSet::new();
    for user in [ADA, GRACE, ADA] {
        let load = load.clone();
        clients.spawn(async move { load.run_client(user).await });
    }
    // More often than an unknown `kid` may cause a read: a new key must not sign before it is known everywhere.
    for _ in 0..3 {
        load.advance(Duration::from_millis(500)).await;
        // Like `admin keys rotate` and `admin keys retire`.
        let new = new_key(&load.service);
        file.set(&[&new, &old]);
        load.advance(Duration::from_millis(3100)).await;
        let latest = load.service.log_in(ADA[1], ADA[2]).await.json();
        assert_eq!(kid(text(&latest, "token")), new.kid(), "the new key signs by now");
        load.retired.lock().unwrap().insert(old.kid().to_owned(), load.service.clock.now());
        file.set(&[&new]);
        old = new;
    }
    load.advance(Duration::from_millis(1500)).await;
    load.is_done.store(true, Ordering::SeqCst);
    let mut requests = 0;
    for seen in clients.join_all().await {
        assert!(seen.wrongly_rejected.is_empty() && seen.wrongly_accepted.is_empty(), "{seen:?}");
        assert!(seen.log_ins > 5, "{seen:?}");
        requests += seen.requests;
    }
    assert!(requests > 50, "{requests}");
}

#[tokio::test]
async fn a_new_key_signs_only_after_every_instance_has_had_time_to_read_it() {
    let old = key(Algorithm::EdDsa);
    let file = KeyFile::new(&[&old]);
    let settings = [&file.settings("EdDSA")[..], &[("JWT_KEYS_REFRESH", "2"), ("THROTTLE_PAIR_LOGINS", "0")]].concat();
    let one = Service::with(&settings).await;
    let other = one.another(&settings).await;
    let token = text(&one.signed_in(ADA).await, "token").to_owned();
    one.clock.advance(Duration::from_millis(2100));
    // The other instance has just read the keys, and an unknown `kid` has caused a read already.
    assert_eq!(other.get("/user/me", &token).await.status, 200);
    let unknown = format!("{}.{}", forge::encode(r#"{"alg":"EdDSA","kid":"?"}"#), token.split_once('.').unwrap().1);
    assert_eq!(other.get("/user/me", &unknown).await.status, 401);
    let new = new_key(&one);
    file.set(&[&new, &old]);
    let rotated_at = one.clock.now();
    loop {
        let token = text(&one.log_in(ADA[1], ADA[2]).await.json(), "token").to_owned();
        let (kid, age) = (kid(&token), one.clock.now().since(rotated_at));
        assert_eq!(other.get("/user/me", &token).await.status, 200, "{kid} after {age:?}");
        if kid == new.kid() {
            break;
        }
        assert!(age < Duration::from_secs(7), "the new key never signs");
        one.clock.advance(STEP);
    }
    assert!(one.clock.now().since(rotated_at) > Duration::from_secs(3));
}
