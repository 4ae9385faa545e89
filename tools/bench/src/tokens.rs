//! What signing and checking a token costs, for each algorithm: `cargo run --release -p shared --example token_cost`.
//!
//! Five rounds, the algorithms one after the other in each, so that what else the machine does falls on all of them alike.

#![allow(clippy::expect_used, clippy::print_stdout, reason = "a program for a terminal")]

use std::{
    hint::black_box,
    time::{Duration, Instant, SystemTime},
};

use shared::domain::{
    keys::{
        jwk::{Algorithm, Jwk},
        key_set::{JwkSet, SigningKeySet},
    },
    session::RefreshToken,
    token::{Issuer, IssuerConfig, TokenBinding, Verifier, VerifierConfig},
    user::PublicId,
};

const ROUNDS: usize = 5;
const TIMES: u32 = 200;

/// Microseconds for one of `TIMES` runs.
fn measure(mut work: impl FnMut()) -> f64 {
    let started = Instant::now();
    for _ in 0..TIMES {
        work();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}

fn main() {
    let issuer = "https://auth.example.com".to_owned();
    let lifetime = Duration::from_secs(900);
    let signer = Issuer::new(IssuerConfig {
        issuer: issuer.clone(),
        audience: None,
        lifetime,
        not_before_delay: Duration::ZERO,
    });
    let user = PublicId::random();
    let session = TokenBinding::Session(RefreshToken::new(user).expect("random octets").session());
    let subjects: Vec<_> = Algorithm::ALL
        .into_iter()
        .map(|algorithm| {
            let key = Jwk::generate(algorithm, 1).expect("a key");
            let keys = SigningKeySet::parse(&JwkSet::new(vec![key]).to_json(), algorithm, false).expect("a set");
            let leeway = Duration::from_secs(5);
            let checks = VerifierConfig {
                issuer: issuer.clone(),
                audience: None,
                leeway,
                nbf: true,
                iat: true,
                required: Vec::new(),
            };
            (algorithm, keys, Verifier::new(algorithm, checks))
        })
        .collect();

    let mut times = vec![(Vec::new(), Vec::new()); subjects.len()];
    for _ in 0..ROUNDS {
        for ((_, keys, verifier), (signing, checking)) in subjects.iter().zip(&mut times) {
            let now = SystemTime::now();
            let issue = || signer.issue(keys.signer(2, Duration::ZERO), user, session, None, now).expect("a token").0;
            signing.push(measure(|| drop(black_box(issue()))));
            let token = issue();
            checking.push(measure(|| {
                black_box(verifier.verify(&token, keys.as_ref(), now).expect("a good token"));
            }));
        }
    }
    println!("microseconds, median of {ROUNDS} rounds of {TIMES}");
    println!("{:<8}{:>10}{:>10}", "", "sign", "check");
    for ((algorithm, ..), (signing, checking)) in subjects.iter().zip(&mut times) {
        println!("{:<8}{:>10.1}{:>10.1}", algorithm.name(), median(signing), median(checking));
    }
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
