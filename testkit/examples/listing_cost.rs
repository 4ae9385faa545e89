//! What a page of 100 users costs among 1,000 and among 1,000,000 users, side by side in one run:
//! `cargo run --release -p testkit --example listing_cost`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a program that cannot go on should stop")]

use std::time::{Duration, Instant};

use dynoxide::{ImportOptions, Item};
use local::database;
use serde_json::json;
use shared::user::PublicId;
use testkit::{ADA, Service};
use tokio::net::TcpListener;

const ROUNDS: usize = 300;

struct Subject {
    service: Service,
    token: String,
    paths: Vec<String>,
    times: Vec<Duration>,
}

#[tokio::main]
async fn main() {
    let mut subjects = [subject(1_000).await, subject(1_000_000).await];
    for round in 0..ROUNDS {
        for subject in &mut subjects {
            let path = &subject.paths[round % subject.paths.len()];
            let started = Instant::now();
            let answer = subject.service.get(path, &subject.token).await;
            subject.times.push(started.elapsed());
            assert_eq!(answer.status, 200);
        }
    }
    let [few, many] = subjects.map(|mut subject| {
        subject.times.sort();
        subject.times[ROUNDS / 2].as_secs_f64() * 1000.0
    });
    println!("page of 100 among 1,000 users:     {few:.2} ms (median of {ROUNDS})");
    println!("page of 100 among 1,000,000 users: {many:.2} ms (median of {ROUNDS}), ratio {:.2}", many / few);
}

/// A service with this many users, and pages from the first on and from random places.
async fn subject(users: usize) -> Subject {
    let database = database::open(None).expect("a database in memory opens");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(database::serve(listener, database.clone()));
    let service = Service::over(&[], &endpoint, &endpoint).await;
    for start in (0..users).step_by(50_000) {
        let items: Vec<Item> = (start..users.min(start + 50_000)).map(user).collect();
        database.import_items("Users", items, ImportOptions::default()).expect("users are written");
        eprint!("\r{users} users: {} written", users.min(start + 50_000));
    }
    eprintln!();
    let (_, token) = service.member(ADA).await;
    let cursor = |_| list_users::cursor(PublicId::random());
    let paths =
        (0..20).map(cursor).map(|cursor| format!("/user?cursor={cursor}")).chain(["/user".to_owned()]).collect();
    Subject { service, token, paths, times: Vec::new() }
}

fn user(number: usize) -> Item {
    let id = PublicId::random().to_string();
    let item = json!({ "public_id": { "S": id }, "name": { "S": format!("User {number}") }, "email": { "S": format!("user{number}@example.com") } });
    serde_json::from_value(item).expect("an item")
}
