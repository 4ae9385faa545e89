//! Sign-ups by the thousand while every fifth call of the database fails, compared with the truth in the tables afterwards:
//! `cargo build --release && cargo run --release -p testkit --example faults -- target/release/signup 10000 1 2 3`
//! (binary, sign-ups, seeds).

#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a program that cannot go on should stop"
)]

use std::{collections::HashMap, env, sync::Arc, time::Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use testkit::{Service, events, faults::Faults, fleet::Fleet};
use tokio::task::JoinSet;

const PROCESSES: usize = 24;

#[tokio::main]
async fn main() {
    let mut arguments = env::args().skip(1);
    let binary = arguments.next().expect("the path of the binary signup");
    let sign_ups: usize = arguments.next().expect("a number of sign-ups").parse().expect("a number");
    for seed in arguments {
        run(&binary, sign_ups, seed.parse().expect("a seed is a number")).await;
    }
}

async fn run(binary: &str, sign_ups: usize, seed: u64) {
    let service = Service::start().await;
    let faults = Faults::start(&service.endpoint, 20, seed).await;
    let variables = [
        ("USERS_TABLE", "Users"),
        ("CREDENTIALS_TABLE", "Credentials"),
        ("THROTTLE_TABLE", "Throttle"),
        ("AWS_ENDPOINT_URL_DYNAMODB", faults.url.as_str()),
        ("METRICS", "off"),
        ("RUST_LOG", "error"),
    ];
    let fleet = Arc::new(Fleet::start(binary, &variables, PROCESSES).await);
    let started = Instant::now();
    let mut workers = JoinSet::new();
    for worker in 0..PROCESSES {
        let fleet = fleet.clone();
        workers.spawn(async move {
            let mut answers = Vec::new();
            for number in (worker..sign_ups).step_by(PROCESSES) {
                let body = json!({ "name": "Ada", "email": email(number), "password": "tortoise lamp quarrel" });
                let client = format!("10.{}.{}.1", number / 250 % 250, number % 250);
                answers.push((number, fleet.answer(events::post("/signup", &client, None, &body)).await));
            }
            answers
        });
    }
    let answers: Vec<_> = workers.join_all().await.into_iter().flatten().collect();
    let (users, credentials) = (ids(&service, "Users").await, ids(&service, "Credentials").await);
    let half_made = users.iter().filter(|(email, id)| credentials.get(*email) != Some(id)).count()
        + credentials.iter().filter(|(email, id)| users.get(*email) != Some(id)).count();
    let of = |status: u16| answers.iter().filter(|(_, answer)| answer.status == status).count();
    let lost = answers.iter().filter(|(number, answer)| {
        answer.status == 201 && answer.json()["public_id"].as_str() != users.get(&email(*number)).map(String::as_str)
    });
    println!(
        "seed {seed}: {} sign-ups, {} faults, {:.0} s: 201 {}, 503 {}, wrongly \"already exists\" {}, other {}; lost {}, half made {half_made}, \
         answered other than 201: {:.2} %",
        answers.len(),
        faults.injected(),
        started.elapsed().as_secs_f64(),
        of(201),
        of(503),
        of(202),
        answers.len() - of(201) - of(503) - of(202),
        lost.count(),
        100.0 * (answers.len() - of(201)) as f64 / answers.len() as f64,
    );
}

fn email(number: usize) -> String {
    format!("user{number}@example.com")
}

/// The identifiers in a table, by address.
async fn ids(service: &Service, table: &str) -> HashMap<String, String> {
    let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let mut ids = HashMap::new();
    let mut pages = service.database.scan().table_name(table).into_paginator().send();
    while let Some(page) = pages.next().await {
        ids.extend(page.unwrap().items().iter().map(|item| (text(item, "email"), text(item, "public_id"))));
    }
    ids
}
