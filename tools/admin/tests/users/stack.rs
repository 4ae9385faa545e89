use serde_json::json;
use testkit::ADA;

use crate::{
    fake_aws::{CALLER, FakeAws, Stack},
    harness::Sandbox,
};

#[tokio::test]
async fn the_outputs_of_a_stack_name_the_tables_and_sts_names_the_caller() {
    let sandbox = Sandbox::new().await;
    let id = sandbox.sign_up(ADA).await;
    let aws = FakeAws::start(Stack::Postern).await;
    let mut variables = aws.variables(&sandbox.service.endpoint).to_vec();
    // The option is more specific than the variables of the functions.
    variables.extend([("USERS_TABLE", "Elsewhere"), ("CREDENTIALS_TABLE", "Elsewhere")]);
    let outcome = sandbox.run(&["users", "show", ADA[1], "--stack", "postern"], &variables).await;
    outcome.assert_success().assert_mentions(&[&id]);
    let outcome = sandbox.run(&["users", "disable", ADA[1], "--stack", "postern"], &variables).await;
    assert_eq!(outcome.assert_success().audit()[0]["caller"], json!(CALLER));
    let arguments = ["users", "list", "--stack", "postern", "--users-table", "Elsewhere"];
    let outcome = sandbox.run(&arguments, &aws.variables(&sandbox.service.endpoint)).await;
    outcome.assert_exit(1, &["table Elsewhere does not exist"]);
}

#[tokio::test]
async fn a_stack_that_cannot_be_used_is_a_clear_error() {
    let sandbox = Sandbox::new().await;
    for (stack, name, words) in [
        (Stack::Postern, "posten", &["cannot read the stack posten", "does not exist"][..]),
        (Stack::Other, "postern", &["the stack postern has no output UsersTableName"]),
        (Stack::Denied, "postern", &["cannot read the stack postern", "arn:aws:iam::123456789012:user/eve"]),
    ] {
        let aws = FakeAws::start(stack).await;
        let variables = aws.variables(&sandbox.service.endpoint);
        sandbox.run(&["users", "list", "--stack", name], &variables).await.assert_exit(1, words);
    }
    let outcome = sandbox.run(&["users", "list", "--stack", "postern"], &[]).await;
    outcome.assert_exit(2, &["the region is missing"]);
}

#[tokio::test]
async fn nothing_is_changed_if_the_caller_is_not_known() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    let before = sandbox.tables().await;
    let aws = FakeAws::start(Stack::Denied).await;
    let mut variables = aws.variables(&sandbox.service.endpoint).to_vec();
    variables.extend([("USERS_TABLE", "Users"), ("CREDENTIALS_TABLE", "Credentials")]);
    // An endpoint that is not certainly local, as a private one in AWS.
    let endpoint = sandbox.service.endpoint.replace("http://127.0.0.1", "http://0.0.0.0");
    let outcome = sandbox.run(&["users", "disable", ADA[1], "--endpoint", &endpoint], &variables).await;
    outcome.assert_exit(1, &["nothing is written", "sts:GetCallerIdentity failed"]);
    assert_eq!(sandbox.tables().await, before);
}

#[tokio::test]
async fn the_variables_of_the_functions_and_options_name_the_tables() {
    let sandbox = Sandbox::new().await;
    sandbox.sign_up(ADA).await;
    let aws = FakeAws::start(Stack::Denied).await;
    let database = aws.variables(&sandbox.service.endpoint);
    let list = async |variables: &[(&str, &str)], arguments: &[&str]| {
        let variables = [&database[..], variables].concat();
        sandbox.run(&[&["users", "list"], arguments].concat(), &variables).await
    };
    list(&[("USERS_TABLE", "Users")], &[]).await.assert_success().assert_mentions(&[ADA[1]]);
    list(&[("USERS_TABLE", "Elsewhere")], &["--users-table", "Users"]).await.assert_success();
    list(&[("USERS_TABLE", "")], &[]).await.assert_success();
    list(&[("USERS_TABLE", "a b")], &[]).await.assert_exit(2, &["USERS_TABLE must have 3 to 255"]);
    let outcome = sandbox.run(&["users", "list"], &[("AWS_REGION", "eu-west-1")]).await;
    outcome.assert_exit(2, &["--stack", "--users-table", "USERS_TABLE", "--endpoint"]);
}

#[tokio::test]
async fn a_database_that_cannot_be_reached_is_a_clear_error() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.users_at(testkit::proxy::UNREACHABLE, &["show", ADA[1]]).await;
    outcome.assert_exit(1, &["the database did not complete GetItem on table Credentials"]);
}
