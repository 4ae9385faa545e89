//! Sign-ups while a fifth of the database calls fail, compared with the content of the tables afterwards.

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use testkit::{Answer, Service, events, faults::FaultProxy, fleet::Fleet};
use tokio::task::JoinSet;

use crate::process::Failure;

/// Number of concurrent processes of the function.
const PROCESSES: usize = 24;
/// Percentage of the database calls that fail.
const FAULTS: u8 = 20;

/// The binary, the number of sign-ups and the seeds of the faults.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Release binary of signup.
    binary: PathBuf,
    /// Number of sign-ups for each seed.
    sign_ups: usize,
    /// Seeds of the injected faults.
    #[arg(required = true)]
    seeds: Vec<u64>,
}

/// The sign-ups of one seed, each with its number.
struct Outcome {
    answers: Vec<(usize, Answer)>,
    /// Public IDs in the table of users, by e-mail address.
    users: HashMap<String, String>,
    /// Public IDs in the table of credentials, by e-mail address.
    credentials: HashMap<String, String>,
}

/// Signs up users with each seed and prints one line per seed.
pub(crate) async fn run(arguments: &Arguments) -> Result<(), Failure> {
    for &seed in &arguments.seeds {
        run_seed(arguments, seed).await?;
    }
    Ok(())
}

async fn run_seed(arguments: &Arguments, seed: u64) -> Result<(), Failure> {
    let service = Service::start().await;
    let faults = FaultProxy::start(&service.endpoint, FAULTS, seed).await;
    let variables = [
        ("USERS_TABLE", "Users"),
        ("CREDENTIALS_TABLE", "Credentials"),
        ("THROTTLE_TABLE", "Throttle"),
        ("THROTTLE_PAIR_LOGINS", "0"),
        ("AWS_ENDPOINT_URL_DYNAMODB", faults.url.as_str()),
        ("METRICS", "off"),
        ("RUST_LOG", "error"),
    ];
    let binary = arguments.binary.to_str().ok_or("the path of the binary is not UTF-8")?;
    let fleet = Arc::new(Fleet::start(binary, &variables, PROCESSES).await);
    let started = Instant::now();
    let answers = sign_ups(&fleet, arguments.sign_ups).await;
    let elapsed = started.elapsed().as_secs_f64();
    let (users, credentials) = (ids(&service, "Users").await?, ids(&service, "Credentials").await?);
    let outcome = Outcome { answers, users, credentials };
    let (all, created) = (outcome.answers.len(), outcome.count(201));
    let (unavailable, taken) = (outcome.count(503), outcome.count(202));
    println!(
        "seed {seed}: {all} sign-ups, {} faults, {elapsed:.0} s: 201: {created}, 503: {unavailable}, \
         wrongly \"already exists\": {taken}, other: {}; lost: {}, incomplete: {}, responses other than 201: {:.2} %",
        faults.injected(),
        all - created - unavailable - taken,
        outcome.lost(),
        outcome.incomplete(),
        percentage(all - created, all)?,
    );
    Ok(())
}

async fn sign_ups(fleet: &Arc<Fleet>, count: usize) -> Vec<(usize, Answer)> {
    let mut workers = JoinSet::new();
    for worker in 0..PROCESSES {
        let fleet = fleet.clone();
        workers.spawn(async move {
            let mut answers = Vec::new();
            for number in (worker..count).step_by(PROCESSES) {
                let body = json!({ "name": "Ada", "email": email(number), "password": "tortoise lamp quarrel" });
                let client = format!("10.{}.{}.1", number / 250 % 250, number % 250);
                answers.push((number, fleet.answer(events::post("/signup", &client, None, &body)).await));
            }
            answers
        });
    }
    workers.join_all().await.into_iter().flatten().collect()
}

impl Outcome {
    fn count(&self, status: u16) -> usize {
        self.answers.iter().filter(|(_, answer)| answer.status == status).count()
    }

    /// Sign-ups that were confirmed but whose user is not in the table.
    fn lost(&self) -> usize {
        let is_lost = |(number, answer): &&(usize, Answer)| {
            let user = self.users.get(&email(*number)).map(String::as_str);
            answer.status == 201 && answer.json()["public_id"].as_str() != user
        };
        self.answers.iter().filter(is_lost).count()
    }

    /// Users without credentials, and credentials without a user.
    fn incomplete(&self) -> usize {
        let missing = |these: &HashMap<String, String>, others: &HashMap<String, String>| {
            these.iter().filter(|(email, id)| others.get(*email) != Some(id)).count()
        };
        missing(&self.users, &self.credentials) + missing(&self.credentials, &self.users)
    }
}

fn percentage(part: usize, all: usize) -> Result<f64, Failure> {
    Ok(100.0 * f64::from(u32::try_from(part)?) / f64::from(u32::try_from(all)?))
}

fn email(number: usize) -> String {
    format!("user{number}@example.com")
}

/// The public IDs in a table, by e-mail address.
async fn ids(service: &Service, table: &str) -> Result<HashMap<String, String>, Failure> {
    let mut ids = HashMap::new();
    let mut pages = service.database.scan().table_name(table).into_paginator().send();
    while let Some(page) = pages.next().await {
        for item in page?.items() {
            ids.insert(text(item, "email")?, text(item, "public_id")?);
        }
    }
    Ok(ids)
}

fn text(item: &HashMap<String, AttributeValue>, name: &str) -> Result<String, Failure> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    Ok(value.cloned().ok_or_else(|| format!("an item has no text attribute {name}"))?)
}
