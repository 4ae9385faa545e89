//! The real binary behind a fault-injecting proxy.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{collections::HashSet, sync::Arc};

use serde_json::json;
use testkit::{ADA, FunctionEnv, Service, events, faults::FaultProxy};
use tokio::task::JoinSet;

#[tokio::test(flavor = "multi_thread")]
async fn with_20_percent_faults_a_page_is_complete_or_an_error_and_a_valid_token_is_never_rejected() {
    let service = Service::start().await;
    let (_, token) = service.member(ADA).await;
    for number in 0..30 {
        service.sign_up(["Ada", &format!("user{number}@example.com"), "tortoise lamp quarrel"]).await;
    }
    let all: HashSet<String> =
        service.items("Users").await.iter().map(|item| item["public_id"].as_s().unwrap().clone()).collect();
    let faults = FaultProxy::start(&service.endpoint, 20, 4).await;
    let env = FunctionEnv::list_users().with_database(&faults.url).with("METRICS", "off");
    let fleet = Arc::new(env.start_fleet(env!("CARGO_BIN_EXE_list-users"), 6).await);
    let mut calls = JoinSet::new();
    for number in 0..200 {
        let (fleet, token) = (fleet.clone(), token.clone());
        let (method, path) = if number % 4 == 3 { ("HEAD", "/user") } else { ("GET", "/user") };
        let event = events::request(method, path, "192.0.2.1", &json!({ "x-access-token": token }), None);
        calls.spawn(async move { (method, fleet.answer(event).await) });
    }
    let mut failed = 0;
    for (method, answer) in calls.join_all().await {
        match answer.status {
            200 if method == "GET" => {
                let users = answer.json()["users"].clone();
                let listed: HashSet<String> = users
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|user| user["public_id"].as_str().unwrap().to_owned())
                    .collect();
                assert_eq!(listed, all);
            }
            200 => {}
            503 => failed += 1,
            other => panic!("{other}: {answer:?}"),
        }
    }
    assert!(faults.injected() > 50 && failed <= 4, "{} faults, {failed} failed", faults.injected());
}
