//! The commands of docs/guides/operate.md, as a shell reads them.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use testkit::{ADA, GRACE, text};

use crate::{
    fake_aws::{FakeAws, Stack},
    harness::{Sandbox, finish},
};

const GUIDE: &str = include_str!("../../../../docs/guides/operate.md");

/// The commands of a section of the guide.
fn commands(section: &str) -> &'static str {
    let (_, section) = GUIDE.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = section.split("\n## ").next().unwrap();
    section.split("\n```sh\n").nth(1).and_then(|block| block.split("\n```\n").next()).unwrap()
}

/// Runs the commands of a section and returns their output. `yes` answers the confirmation.
async fn run(sandbox: &Sandbox, aws: &FakeAws, section: &str) -> String {
    let commands = commands(section);
    let yes = if commands.contains("--yes") { "" } else { "--yes" };
    let script = format!("admin() {{ \"$ADMIN\" \"$@\" $YES; }}\n{commands}");
    let mut shell = sandbox.shell(&script);
    let outcome = finish(shell.env("YES", yes).envs(aws.variables(&sandbox.service.endpoint)).spawn().unwrap()).await;
    outcome.assert_success();
    outcome.out
}

#[tokio::test]
async fn the_commands_do_what_their_headings_say() {
    let sandbox = Sandbox::with(&[("AUTH_PROFILE", "strict")]).await;
    let aws = FakeAws::start(Stack::Postern).await;
    let service = &sandbox.service;
    let (id, grace) = (sandbox.sign_up(ADA).await, service.member(GRACE).await);
    let tokens = service.log_in(ADA[1], ADA[2]).await.json();
    let lists = async |tokens: &serde_json::Value| service.get("/user", text(tokens, "token")).await.status;
    assert_eq!(lists(&tokens).await, 403);
    run(&sandbox, &aws, "Allow a user to list users").await;
    assert_eq!(lists(&tokens).await, 200);
    assert!(run(&sandbox, &aws, "Find a user").await.contains(&id));

    run(&sandbox, &aws, "End all sessions of a user").await;
    assert_eq!(lists(&tokens).await, 401);
    assert_eq!(service.refresh(text(&tokens, "refresh_token")).await.status, 401);
    let tokens = service.log_in(ADA[1], ADA[2]).await.json();

    run(&sandbox, &aws, "Disable a user").await;
    assert_eq!(lists(&tokens).await, 401);
    assert!(matches!(service.log_in(ADA[1], ADA[2]).await.status, 401 | 403));
    run(&sandbox, &aws, "Enable a user").await;
    let tokens = service.log_in(ADA[1], ADA[2]).await.json();
    assert_eq!(lists(&tokens).await, 200);

    assert_eq!(service.me(&json!(grace.1)).await, 200, "other users are not affected");
    run(&sandbox, &aws, "End all sessions of all users").await;
    assert_eq!((lists(&tokens).await, service.me(&json!(grace.1)).await), (401, 401));

    run(&sandbox, &aws, "Reset a rate limit").await;
    run(&sandbox, &aws, "Delete a user").await;
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 401);
    assert_eq!(service.sign_up(ADA).await.status, 201, "the address is free");
}

#[tokio::test]
async fn users_with_old_hashes_are_deleted_and_then_all_others() {
    let sandbox = Sandbox::new().await;
    let aws = FakeAws::start(Stack::Postern).await;
    let (ada, grace) = (sandbox.sign_up(ADA).await, sandbox.sign_up(GRACE).await);
    let bcrypt = AttributeValue::S("$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01232".to_owned());
    sandbox.service.set("Credentials", ("email", GRACE[1]), "password_hash", bcrypt).await;
    run(&sandbox, &aws, "Delete users with old hashes").await;
    assert!(!sandbox.user(&ada).await.is_empty() && sandbox.user(&grace).await.is_empty());
    run(&sandbox, &aws, "Delete all users").await;
    let tables = sandbox.tables().await;
    assert!(tables["Users"].is_empty() && tables["Credentials"].is_empty());
}
