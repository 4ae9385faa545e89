//! The commands of docs/guides/operate.md, as a shell reads them, against the tables of a running service.

use std::{collections::HashMap, process::Stdio};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};
use testkit::{ADA, GRACE, Service, text};
use tokio::process::Command;

const GUIDE: &str = include_str!("../../../../docs/guides/operate.md");

/// The sections whose commands change one user.
const CHANGES: [&str; 5] =
    ["Allow a user to list users", "Disable a user", "Enable a user", "Delete a user", "End all sessions of a user"];

/// The command in a section of the guide.
fn command(section: &str) -> &'static str {
    let (_, section) = GUIDE.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
    let section = section.split("\n## ").next().unwrap();
    section.split("\n```sh\n").nth(1).and_then(|block| block.split("\n```\n").next()).unwrap()
}

/// The arguments that a command passes to `aws dynamodb`.
async fn arguments(command: &str, id: &str, email: &str) -> Vec<String> {
    let script = format!("aws() {{ printf '%s\\0' \"$@\"; }}\n{command}");
    let mut shell = Command::new("sh");
    shell.args(["-euc", &script]).stdin(Stdio::null());
    shell.envs([("USERS", "Users"), ("CREDENTIALS", "Credentials"), ("ID", id), ("EMAIL", email)]);
    let output = shell.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let mut arguments = printed.split_terminator('\0').map(str::to_owned);
    assert_eq!(arguments.next().as_deref(), Some("dynamodb"));
    arguments.collect()
}

/// `--table-name` and `update-item` as the API of DynamoDB writes them: `TableName`, `UpdateItem`.
fn api_name(argument: &str) -> String {
    let words = argument.trim_start_matches('-').split('-');
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// Runs the command of a section, as the AWS CLI does. Returns the error of DynamoDB.
async fn run(service: &Service, section: &str, id: &str, email: &str) -> Result<(), String> {
    let arguments = arguments(command(section), id, email).await;
    let (operation, options) = arguments.split_first().unwrap();
    let input: Map<String, Value> = options
        .chunks(2)
        .map(|option| {
            let is_json = option[1].starts_with(['{', '[']);
            let value = if is_json { serde_json::from_str(&option[1]).unwrap() } else { json!(option[1]) };
            (api_name(&option[0]), value)
        })
        .collect();
    // The embedded database accepts any signature.
    let scope = "local/20261122/us-east-1/dynamodb/aws4_request";
    let request = reqwest::Client::new()
        .post(&service.endpoint)
        .header("content-type", "application/x-amz-json-1.0")
        .header("x-amz-target", format!("DynamoDB_20120810.{}", api_name(operation)))
        .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
        .header("x-amz-date", "20261122T000000Z");
    let response = request.body(Value::Object(input).to_string()).send().await.unwrap();
    if response.status().is_success() { Ok(()) } else { Err(response.text().await.unwrap()) }
}

async fn accounts(service: &Service) -> [Vec<HashMap<String, AttributeValue>>; 2] {
    let mut tables = [service.items("Users").await, service.items("Credentials").await];
    for items in &mut tables {
        items.sort_by_key(|item| item["email"].as_s().unwrap().clone());
    }
    tables
}

/// The `public_id` of a new user.
async fn user(service: &Service, user: [&str; 3]) -> String {
    text(&service.sign_up(user).await.json(), "public_id").to_owned()
}

#[tokio::test]
async fn disabling_a_user_ends_the_sessions_for_good() {
    for settings in [&[][..], &[("SESSION_IDLE", "0")], &[("AUTH_PROFILE", "strict")]] {
        let service = Service::with(settings).await;
        let id = user(&service, ADA).await;
        let sessions = [service.log_in(ADA[1], ADA[2]).await.json(), service.log_in(ADA[1], ADA[2]).await.json()];
        run(&service, "Disable a user", &id, ADA[1]).await.unwrap();
        assert!(matches!(service.log_in(ADA[1], ADA[2]).await.status, 401 | 403));
        for is_enabled in [false, true] {
            if is_enabled {
                run(&service, "Enable a user", &id, ADA[1]).await.unwrap();
            }
            for session in &sessions {
                assert_eq!(service.me(&session["token"]).await, 401, "{settings:?} {is_enabled}");
                if let Some(refresh_token) = session["refresh_token"].as_str() {
                    assert_eq!(service.refresh(refresh_token).await.status, 401, "{settings:?} {is_enabled}");
                }
            }
        }
        // Everything works in a new session, which proves that the two items still have the same version.
        let session = service.log_in(ADA[1], ADA[2]).await.json();
        assert_eq!(service.me(&session["token"]).await, 200);
        let passwords = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" });
        assert_eq!(service.post_with("/password", text(&session, "token"), &passwords).await.status, 200);
    }
}

#[tokio::test]
async fn a_command_for_a_wrong_user_changes_and_creates_nothing() {
    let service = Service::start().await;
    let (ada, grace) = (user(&service, ADA).await, user(&service, GRACE).await);
    let unknown = "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55";
    let before = accounts(&service).await;
    for section in CHANGES {
        for (id, email) in [
            (unknown, ADA[1]),
            (unknown, "unknown@example.com"),
            ("", ADA[1]),
            ("None", ADA[1]),
            (grace.as_str(), ADA[1]),
            (ada.as_str(), GRACE[1]),
            (ada.as_str(), "unknown@example.com"),
        ] {
            let concerns_users_only = section == CHANGES[0];
            if concerns_users_only && id != unknown {
                continue;
            }
            let refused = run(&service, section, id, email).await.expect_err(section);
            let is_expected = ["TransactionCanceled", "ConditionalCheckFailed", "ValidationException"];
            assert!(is_expected.iter().any(|kind| refused.contains(kind)), "{section} {id} {email}: {refused}");
            assert_eq!(accounts(&service).await, before, "{section} {id} {email}");
        }
    }
}

#[tokio::test]
async fn the_commands_do_what_their_headings_say() {
    let service = Service::with(&[("AUTH_PROFILE", "strict")]).await;
    let (ada, grace) = (user(&service, ADA).await, service.member(GRACE).await);
    let tokens = service.log_in(ADA[1], ADA[2]).await.json();
    let lists = async || service.get("/user", text(&tokens, "token")).await.status;
    assert_eq!(lists().await, 403);
    run(&service, "Allow a user to list users", &ada, ADA[1]).await.unwrap();
    assert_eq!(lists().await, 200);

    run(&service, "End all sessions of a user", &ada, ADA[1]).await.unwrap();
    assert_eq!(lists().await, 401);
    assert_eq!(service.refresh(text(&tokens, "refresh_token")).await.status, 401);
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 200);

    run(&service, "Delete a user", &ada, ADA[1]).await.unwrap();
    assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 401);
    assert_eq!(accounts(&service).await.map(|items| items.len()), [1, 1]);
    assert_eq!(service.sign_up(ADA).await.status, 201, "the address is free");
    assert_eq!(service.me(&json!(grace.1)).await, 200, "other users are not affected");
}

#[test]
fn every_write_of_an_account_is_conditional() {
    let blocks = GUIDE.split("\n```sh\n").skip(1).map(|block| block.split("\n```").next().unwrap());
    let writes: Vec<_> = blocks.filter(|block| block.contains("$USERS") && !block.contains("USERS=")).collect();
    assert_eq!(writes.len(), CHANGES.len(), "{writes:?}");
    for block in writes {
        let tables = block.matches("$USERS").count() + block.matches("$CREDENTIALS").count();
        assert_eq!(block.matches("public_id = :id").count(), tables, "{block}");
    }
}
