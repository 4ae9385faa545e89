//! At most one account for each mailbox, also under concurrency and faults.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use aws_sdk_dynamodb::types::AttributeValue;
use testkit::{
    ADA, Service,
    proxy::{ACCESS_DENIED, TABLE_NOT_FOUND, THROTTLED, TRANSACTION_CANCELED, TRANSACTION_IN_PROGRESS},
};
use tokio::task::JoinSet;

/// Checks that every account has an item in both tables, and returns the number of accounts.
async fn assert_accounts_are_complete(service: &Service) -> usize {
    let text = |item: &HashMap<String, AttributeValue>, name: &str| item[name].as_s().unwrap().clone();
    let users: HashSet<_> =
        service.items("Users").await.iter().map(|item| (text(item, "public_id"), text(item, "email"))).collect();
    let credentials: HashSet<_> =
        service.items("Credentials").await.iter().map(|item| (text(item, "public_id"), text(item, "email"))).collect();
    assert_eq!(users, credentials);
    users.len()
}

#[tokio::test]
async fn a_mailbox_has_one_account_in_every_form_of_its_address() {
    let service = Service::start().await;
    assert_eq!(service.sign_up(["Jürgen", "jürgen@bücher.example", ADA[2]]).await.status, 201);
    for variant in [
        "JÜRGEN@BÜCHER.EXAMPLE",
        "  jürgen@bücher.example\n",
        "ju\u{308}rgen@bu\u{308}cher.example",
        "jürgen@xn--bcher-kva.example",
        "Jürgen@XN--BCHER-KVA.example",
        "jürgen@ｂücher.example",
    ] {
        assert_eq!(service.sign_up(["Other", variant, "another password yet"]).await.status, 202, "{variant}");
        assert_eq!(service.log_in(variant, ADA[2]).await.status, 201, "{variant}");
    }
    assert_eq!(assert_accounts_are_complete(&service).await, 1);
    assert_eq!(service.items("Users").await[0]["email"].as_s().unwrap(), "jürgen@xn--bcher-kva.example");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_concurrent_sign_ups_for_one_address_exactly_one_is_201_and_only_its_password_works() {
    let settings = [("THROTTLE_ADDRESS_SIGNUPS", "0"), ("THROTTLE_PAIR_FAILURES", "9")];
    let service = Arc::new(Service::with(&settings).await);
    let variants = ["ada@example.com", "ADA@example.com", " ada@EXAMPLE.com", "Ada@ｅxample.com"];
    let mut attempts = JoinSet::new();
    for number in 0..64 {
        let service = service.clone();
        attempts.spawn(async move {
            let password = format!("tortoise lamp quarrel {number}");
            let answer = service.sign_up(["Ada", variants[number % 4], &password]).await;
            (answer.status, password)
        });
    }
    let (mut created, mut taken) = (Vec::new(), Vec::new());
    while let Some(outcome) = attempts.join_next().await {
        let (status, password) = outcome.unwrap();
        if status == 201 { created.push(password) } else { taken.push((status, password)) }
    }
    assert_eq!(created.len(), 1);
    assert!(taken.iter().all(|(status, _)| *status == 202), "{taken:?}");
    assert_eq!(service.log_in(ADA[1], &created[0]).await.status, 201);
    for (_, password) in taken.iter().take(8) {
        assert_eq!(service.log_in(ADA[1], password).await.status, 403);
    }
    assert_eq!(assert_accounts_are_complete(&service).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_accounts_of_150_concurrent_sign_ups_are_listed() {
    let service = Arc::new(Service::with(&[("THROTTLE_ADDRESS_SIGNUPS", "100000")]).await);
    let mut attempts = JoinSet::new();
    for number in 0..150 {
        let service = service.clone();
        attempts.spawn(async move {
            let email = format!("user{number}@example.com");
            let sign_up = || service.sign_up(["Ada", &email, "tortoise lamp quarrel"]);
            // A busy machine may exceed the time limit of a request, which is a 503.
            let mut tries = 1;
            loop {
                let answer = sign_up().await;
                if answer.status != 503 {
                    return (answer, tries);
                }
                tries += 1;
            }
        });
    }
    let mut created = HashSet::new();
    while let Some(attempt) = attempts.join_next().await {
        let (answer, tries) = attempt.unwrap();
        // If the time limit passed after the account was created, the retry is 202.
        if tries > 1 && answer.status == 202 {
            continue;
        }
        assert_eq!(answer.status, 201);
        created.insert(answer.json()["public_id"].as_str().unwrap().to_owned());
    }
    let token =
        service.log_in("user0@example.com", "tortoise lamp quarrel").await.json()["token"].as_str().unwrap().to_owned();
    let users = service.get("/user?limit=1000", &token).await.json();
    let listed: HashSet<String> =
        users["users"].as_array().unwrap().iter().map(|user| user["public_id"].as_str().unwrap().to_owned()).collect();
    assert!(created.is_subset(&listed));
    assert_eq!(listed.len(), 150);
    assert_eq!(assert_accounts_are_complete(&service).await, 150);
}

#[tokio::test]
async fn an_account_is_usable_and_listed_as_soon_as_its_sign_up_returns() {
    let service = Service::start().await;
    let token = service.member(ADA).await.1;
    for number in 0..10 {
        let email = format!("user{number}@example.com");
        let id = service.sign_up(["User", &email, "tortoise lamp quarrel"]).await.json()["public_id"].clone();
        let users = service.get("/user", &token).await.json();
        assert!(users["users"].as_array().unwrap().iter().any(|user| user["public_id"] == id));
        assert_eq!(service.log_in(&email, "tortoise lamp quarrel").await.status, 201);
    }
}

#[tokio::test]
async fn a_sign_up_that_the_sdk_retries_after_a_lost_response_is_201() {
    let (service, network) = Service::behind_lossy_proxy().await;
    for lost in 1..=3 {
        network.lose_responses(lost);
        let email = format!("user{lost}@example.com");
        let answer = service.sign_up(["Ada", &email, "tortoise lamp quarrel"]).await;
        assert_eq!(answer.status, 201, "{lost} answers lost: {answer:?}");
        assert_eq!(network.left_to_lose(), 0);
        assert_eq!(service.log_in(&email, "tortoise lamp quarrel").await.status, 201);
        assert_eq!(service.sign_up(["Ada", &email, "tortoise lamp quarrel"]).await.status, 202);
    }
    assert_eq!(assert_accounts_are_complete(&service).await, 3);
}

#[tokio::test]
async fn an_unresponsive_database_is_503_with_retry_after_and_never_a_rejection() {
    let (service, network) = Service::behind_lossy_proxy().await;
    let token = service.member(ADA).await.1;
    network.lose_responses(1_000_000);
    for answer in [
        service.sign_up(["Grace", "grace@example.com", "tortoise lamp quarrel"]).await,
        service.log_in(ADA[1], ADA[2]).await,
        service.log_in("unknown@example.com", ADA[2]).await,
        service.get("/user", &token).await,
        service.get("/user/me", &token).await,
    ] {
        assert_eq!(answer.code(), (503, "unavailable".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    network.lose_responses(0);
    assert_eq!(service.get("/user/me", &token).await.status, 200, "it recovers");
}

#[tokio::test]
async fn a_sign_up_that_conflicts_with_another_transaction_is_retried() {
    for error in [TRANSACTION_CANCELED, TRANSACTION_IN_PROGRESS, THROTTLED] {
        let (service, database) = Service::rejecting("TransactWriteItems", 2, error).await;
        assert_eq!(service.sign_up(ADA).await.status, 201, "{error}");
        assert_eq!(database.left(), 0);
        assert_eq!(assert_accounts_are_complete(&service).await, 1);
    }
}

#[tokio::test]
async fn a_sign_up_that_conflicts_repeatedly_is_503_and_stores_nothing() {
    for error in [TRANSACTION_CANCELED, TRANSACTION_IN_PROGRESS] {
        let (service, _) = Service::rejecting("TransactWriteItems", 1000, error).await;
        assert_eq!(service.sign_up(ADA).await.code(), (503, "unavailable".to_owned()), "{error}");
        assert_eq!(assert_accounts_are_complete(&service).await, 0);
    }
}

#[tokio::test]
async fn a_missing_table_is_503_and_reveals_no_internals() {
    let (service, _) = Service::rejecting("GetItem", 1000, TABLE_NOT_FOUND).await;
    service.sign_up(ADA).await;
    let answer = service.log_in(ADA[1], ADA[2]).await;
    assert_eq!(answer.code(), (503, "unavailable".to_owned()));
    assert!(!answer.text.contains("Credentials") && !answer.text.contains("resource"), "{}", answer.text);
}

#[tokio::test]
async fn a_log_in_succeeds_although_its_weak_hash_cannot_be_upgraded() {
    use shared::domain::password::{Cost, Hasher, Password};
    let (service, database) = Service::rejecting("UpdateItem", 1, ACCESS_DENIED).await;
    service.sign_up(ADA).await;
    let weak = Hasher::new(Cost { memory_kib: 1024, iterations: 1, parallelism: 1 }, 1).unwrap();
    let weak = weak.hash(Password::new(ADA[2])).await.unwrap();
    service.set("Credentials", ("email", ADA[1]), "password_hash", AttributeValue::S(weak.as_str().to_owned())).await;
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201);
    assert_eq!(database.left(), 0, "the upgrade was rejected");
    assert_eq!(service.items("Credentials").await[0]["password_hash"].as_s().unwrap(), weak.as_str());
}
