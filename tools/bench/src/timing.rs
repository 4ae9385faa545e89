//! Whether the time of an answer tells what the answer does not, in one run with interleaved samples:
//! `cargo run --release -p testkit --example timing`. And what hostile bodies cost beside a log-in.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a program that cannot go on should stop")]

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{session::RefreshToken, user::PublicId};
use testkit::{ADA, Service, forge, service::CLIENT};

/// Samples of each kind in a comparison.
const ROUNDS: u8 = 200;

#[tokio::main]
async fn main() {
    let limits = [("THROTTLE_ADDRESS_GUESSES", "0"), ("THROTTLE_ACCOUNT_GUESSES", "0")];
    for profile in ["strict", "tutorial"] {
        let service = Service::with(&[&limits[..], &[("AUTH_PROFILE", profile)]].concat()).await;
        let mine = service.signed_in(ADA).await;
        let known = json!({ "email": ADA[1], "password": "a wrong guess" });
        let unknown = json!({ "email": "nobody@example.com", "password": "a wrong guess" });
        compare(&service, &format!("{profile}: log-in, wrong password / unknown user"), "/login", |_| {
            [known.clone(), unknown.clone()]
        })
        .await;
        let user = PublicId::parse(forge::payload(mine["token"].as_str().unwrap())["sub"].as_str().unwrap()).unwrap();
        let forged = |user| json!({ "refresh_token": RefreshToken::new(user).unwrap().to_text() });
        for path in ["/refresh", "/logout"] {
            let what = format!("{profile}: {path}, forged token of a user / of nobody");
            compare(&service, &what, path, |_| [forged(user), forged(PublicId::random())]).await;
        }
        throttled(&service, profile, [&known, &unknown]).await;
    }
    let service = Service::with(&limits).await;
    service.sign_up(ADA).await;
    for (what, path, size) in [
        ("a password of 1 MB at log-in", "/login", 1_000_000),
        ("a body of 5 MB at log-in", "/login", 5_000_000),
        ("a password of 60 KB at sign-up", "/signup", 60_000),
    ] {
        let large = json!({ "name": "Ada", "email": ADA[1], "password": "a".repeat(size) });
        let ordinary = json!({ "email": ADA[1], "password": ADA[2] });
        let (mut larges, mut ordinaries) = (Vec::new(), Vec::new());
        for round in 1..=30 {
            larges.push(time(&service, round, path, &large).await);
            ordinaries.push(time(&service, round, "/login", &ordinary).await);
        }
        report(&format!("{what} / an ordinary log-in"), larges, ordinaries);
    }
}

/// Each round calls from an address that nobody has used, so that nothing is throttled.
async fn time(service: &Service, round: u8, path: &str, body: &Value) -> Duration {
    let request = service.request(Method::POST, path).header(CLIENT, format!("192.0.2.{round}")).json(body);
    let started = Instant::now();
    request.send().await.unwrap().bytes().await.unwrap();
    started.elapsed()
}

async fn compare(service: &Service, what: &str, path: &str, bodies: impl Fn(u8) -> [Value; 2]) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let [one, other] = bodies(round);
        // Neither is always the one that comes first.
        if round % 2 == 0 {
            first.push(time(service, round, path, &one).await);
            second.push(time(service, round, path, &other).await);
        } else {
            second.push(time(service, round, path, &other).await);
            first.push(time(service, round, path, &one).await);
        }
    }
    report(what, first, second);
}

/// Both accounts are throttled first, from an address of their own.
async fn throttled(service: &Service, profile: &str, bodies: [&Value; 2]) {
    for body in bodies {
        for _ in 0..6 {
            time(service, 250, "/login", body).await;
        }
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        known.push(time(service, 250, "/login", bodies[0]).await);
        unknown.push(time(service, 250, "/login", bodies[1]).await);
    }
    report(&format!("{profile}: throttled, known / unknown account"), known, unknown);
}

fn report(what: &str, mut first: Vec<Duration>, mut second: Vec<Duration>) {
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    };
    let (first, second) = (median(&mut first), median(&mut second));
    println!("{what}: {first:.2} ms / {second:.2} ms, ratio {:.3}", first / second);
}
