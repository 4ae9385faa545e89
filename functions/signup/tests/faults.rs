//! The real binary behind a fault-injecting proxy, and killed at any moment.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{collections::HashMap, sync::Arc};

use serde_json::json;
use testkit::{FunctionEnv, Service, events, faults::FaultProxy, lambda::close_in};
use tokio::task::JoinSet;

const SIGN_UPS: usize = 240;

const BINARY: &str = env!("CARGO_BIN_EXE_signup");

fn env(endpoint: &str) -> FunctionEnv {
    FunctionEnv::signup().with_database(endpoint).with("METRICS", "off")
}

fn event(number: usize) -> serde_json::Value {
    let body =
        json!({ "name": "Ada", "email": format!("user{number}@example.com"), "password": "tortoise lamp quarrel" });
    events::post("/signup", &format!("192.0.2.{}", number % 250), None, &body)
}

/// The `public_id` of each account by email address. Fails if an account is incomplete.
async fn accounts(service: &Service) -> HashMap<String, String> {
    let text =
        |item: &HashMap<_, aws_sdk_dynamodb::types::AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let pairs = |items: Vec<HashMap<String, aws_sdk_dynamodb::types::AttributeValue>>| -> HashMap<String, String> {
        items.iter().map(|item| (text(item, "email"), text(item, "public_id"))).collect()
    };
    let users = pairs(service.items("Users").await);
    assert_eq!(users, pairs(service.items("Credentials").await));
    users
}

#[tokio::test(flavor = "multi_thread")]
async fn with_20_percent_faults_no_sign_up_is_lost_partial_or_reported_as_existing() {
    let service = Service::start().await;
    let faults = FaultProxy::start(&service.endpoint, 20, 1).await;
    let fleet = Arc::new(env(&faults.url).start_fleet(BINARY, 12).await);
    let mut sign_ups = JoinSet::new();
    for number in 0..SIGN_UPS {
        let fleet = fleet.clone();
        sign_ups.spawn(async move { (number, fleet.answer(event(number)).await) });
    }
    let answers = sign_ups.join_all().await;
    let accounts = accounts(&service).await;
    let mut failed = 0;
    for (number, answer) in answers {
        let account = accounts.get(&format!("user{number}@example.com"));
        match answer.status {
            201 => assert_eq!(answer.json()["public_id"].as_str(), account.map(String::as_str), "{number}"),
            503 => {
                assert_eq!(answer.header("retry-after"), Some("1"));
                failed += 1;
                // After a retry there is an account, whichever of the two attempts created it.
                let again = fleet.answer(event(number)).await.status;
                assert!(again == 201 || (again == 202 && account.is_some()) || again == 503, "{number}: {again}");
            }
            other => panic!("{number}: {other} {answer:?}"),
        }
    }
    assert!(faults.injected() > SIGN_UPS / 4, "{} faults", faults.injected());
    assert!(failed <= SIGN_UPS / 100, "{failed} of {SIGN_UPS} failed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_up_killed_at_any_moment_creates_a_complete_account_or_none() {
    let service = Service::start().await;
    let env = env(&service.endpoint);
    let mut number = 0;
    close_in(async |delay| {
        number += 1;
        let function = env.start(BINARY).await;
        function.kill_after(event(number), delay).await;
        let is_created = accounts(&service).await.contains_key(&format!("user{number}@example.com"));
        let function = env.start(BINARY).await;
        let answer = events::read(&function.invoke(event(number)).await.expect("the invocation succeeds"));
        assert_eq!(answer.status, if is_created { 202 } else { 201 }, "after {delay:?}");
        is_created
    })
    .await;
    assert_eq!(accounts(&service).await.len(), number);
}
