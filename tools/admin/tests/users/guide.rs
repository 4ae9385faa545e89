//! The commands of docs/guides/operate.md and migrate.md, as a shell reads them.

use std::{fs, io::Write as _};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use testkit::{ADA, GRACE, poll, proxy::HoldingProxy, text};

use crate::{
    fake_aws::{FakeAws, Stack},
    harness::{Sandbox, finish},
};

const OPERATE: &str = include_str!("../../../../docs/guides/operate.md");
const MIGRATE: &str = include_str!("../../../../docs/guides/migrate.md");

/// The blocks of commands in a section of a guide.
fn blocks(guide: &'static str, section: &str) -> Vec<&'static str> {
    let (_, section) = guide.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = section.split("\n## ").next().unwrap();
    let blocks: Vec<_> = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    assert!(!blocks.is_empty(), "{section}");
    blocks
}

/// Runs the commands of a section of docs/guides/operate.md and returns their output.
async fn run(sandbox: &Sandbox, aws: &FakeAws, section: &str) -> String {
    run_script(sandbox, aws, &blocks(OPERATE, section).concat()).await.0
}

/// Runs commands in the directory of the sandbox, and returns their standard output and error.
async fn run_script(sandbox: &Sandbox, aws: &FakeAws, commands: &str) -> (String, String) {
    let yes = if commands.contains("--yes") { "" } else { "--yes" };
    let script = format!("admin() {{ \"$ADMIN\" \"$@\" $YES; }}\n{commands}");
    let mut shell = sandbox.shell(&script);
    let outcome = finish(shell.env("YES", yes).envs(aws.variables(&sandbox.service.endpoint)).spawn().unwrap()).await;
    outcome.assert_success();
    (outcome.out, outcome.err)
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

    let reset = run(&sandbox, &aws, "Reset a rate limit").await;
    assert!(reset.contains("account: empty at") && reset.contains("Reset for ada@example.com: account"), "{reset}");
    run(&sandbox, &aws, "Delete a user").await;
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 401);
    assert_eq!(service.sign_up(ADA).await.status, 201, "the address is free");
}

#[tokio::test]
#[ignore = "needs jq"]
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

pub(crate) const BCRYPT: &str = "$2b$04$abcdefghijklmnopqrstuuyvPXIbu7xe6/CED2DzX8z6Si09MlzlW";

#[tokio::test]
#[ignore = "needs jq"]
async fn a_rollback_deletes_the_users_of_the_import_only() {
    let sandbox = Sandbox::new().await;
    let aws = FakeAws::start(Stack::Postern).await;
    let ada = sandbox.sign_up(ADA).await;
    let line = |email: &str| format!("{}\n", json!({ "email": email, "password_hash": BCRYPT }));
    let import = ["import", "users.jsonl", "--from", "jsonl", "--audit-log", "import.jsonl"];
    fs::write(sandbox.path("users.jsonl"), line("a@example.com")).unwrap();
    sandbox.users(&import).await.assert_success();
    // A run that is killed when it has created a user, and before it has listed the user.
    fs::write(sandbox.path("users.jsonl"), line("a@example.com") + &line("b@example.com")).unwrap();
    let proxy = HoldingProxy::start(&sandbox.service.endpoint, "TransactWriteItems").await;
    proxy.hold_after(0);
    let arguments = [&["users"], &import[..], &["--endpoint", &proxy.url]].concat();
    let mut child = sandbox.command(&arguments).spawn().unwrap();
    poll::until("the user is created", async || sandbox.tables().await["Users"].len() == 3).await;
    child.kill().await.unwrap();
    // A line that a full disk cut off.
    let mut log = fs::OpenOptions::new().append(true).open(sandbox.path("import.jsonl")).unwrap();
    log.write_all(b"{\"event\":\"user-imp").unwrap();
    sandbox.users(&import).await.assert_success();
    let blocks = blocks(MIGRATE, "Roll back");
    let [imported, delete, signed_up] = blocks.as_slice() else { panic!("{blocks:?}") };
    let (listed, _) = run_script(&sandbox, &aws, &[*imported, signed_up].concat()).await;
    assert!(listed.contains(&ada) && listed.lines().count() == 1, "{listed}");
    run_script(&sandbox, &aws, delete).await;
    let tables = sandbox.tables().await;
    assert_eq!((tables["Users"].len(), tables["Credentials"].len()), (1, 1));
    assert!(!sandbox.user(&ada).await.is_empty());
}

#[tokio::test]
#[ignore = "needs jq"]
async fn auth0s_hashes_are_joined_with_the_profiles_of_their_users() {
    let sandbox = Sandbox::new().await;
    let aws = FakeAws::start(Stack::Postern).await;
    let hash = |id: &str, email: &str, more: &str| {
        format!(
            r#"{{"_id":{{"$oid":"{id}"}},"email_verified":false,"email":{email},"passwordHash":"{BCRYPT}",{more}
"password_set_date":{{"$date":"2019-12-06T18:36:12.412Z"}},"tenant":"t","connection":"c","_tmp_is_unique":true}}"#
        )
        .replace('\n', "")
    };
    let identifiers = r#""identifiers":[{"type":"email","value":"c@example.com","verified":true}],"#;
    let hashes = [
        hash("5dea9f9c82dd7c0e76e4ec93", r#""a@example.com""#, ""),
        hash("5dea9f9c82dd7c0e76e4ec94", r#""b@example.com""#, r#""alt_id":"euclid","#),
        hash("5dea9f9c82dd7c0e76e4ec95", "null", identifiers),
        hash("5dea9f9c82dd7c0e76e4ec96", r#""deleted@example.com""#, ""),
    ];
    let profiles = [
        json!({ "user_id": "auth0|5dea9f9c82dd7c0e76e4ec93", "email": "a@example.com", "email_verified": true,
            "name": "Ada", "created_at": "2023-01-02T03:04:05.678Z", "blocked": true,
            "app_metadata": { "plan": "pro" } }),
        json!({ "user_id": "auth0|euclid", "email": "b@example.com", "email_verified": false, "name": "Euclid" }),
        json!({ "user_id": "auth0|5dea9f9c82dd7c0e76e4ec95", "email": null, "nickname": "c" }),
        json!({ "user_id": "google-oauth2|1", "email": "social@example.com" }),
    ];
    fs::write(sandbox.path("hashes.json"), hashes.join("\n")).unwrap();
    fs::write(sandbox.path("profiles.json"), profiles.map(|profile| format!("{profile}\n")).concat()).unwrap();
    let blocks = blocks(MIGRATE, "Auth0");
    let join = blocks.iter().find(|block| block.contains("hashes.json > users.json")).unwrap();
    let check = blocks.last().unwrap();
    let (checked, left_out) = run_script(&sandbox, &aws, &format!("{join}\n{check}")).await;
    assert!(left_out.contains("5dea9f9c82dd7c0e76e4ec96") && !left_out.contains("ec93"), "{left_out}");
    assert!(checked.trim_start().starts_with('1'), "the number of blocked users: {checked}");
    assert!(sandbox.tables().await["Users"].is_empty(), "the guide's import is a dry run");
    sandbox.users(&["import", "users.json", "--from", "auth0"]).await.assert_success();
    let users = sandbox.service.items("Users").await;
    let user = |email: &str| users.iter().find(|user| user["email"].as_s().unwrap() == email).unwrap();
    assert_eq!(users.len(), 3);
    let ada = user("a@example.com");
    assert_eq!((ada["name"].as_s().unwrap().as_str(), ada["disabled"].as_bool().unwrap()), ("Ada", &true));
    assert_eq!(
        (ada["created_at"].as_n().unwrap().as_str(), &ada["email_verified"]),
        ("1672628645", &AttributeValue::Bool(true))
    );
    assert_eq!(ada["claims"].as_s().unwrap(), r#"{"plan":"pro"}"#);
    assert_eq!(user("b@example.com")["name"].as_s().unwrap(), "Euclid");
    assert_eq!(user("c@example.com")["name"].as_s().unwrap(), "c");
}
