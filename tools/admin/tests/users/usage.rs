use crate::harness::Sandbox;

const COMMANDS: [&str; 12] = [
    "list", "show", "disable", "enable", "delete", "groups", "claims", "log-out", "throttle", "count", "import",
    "export",
];

#[tokio::test]
async fn every_command_has_help_with_an_example() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.run(&["users", "--help"], &[]).await;
    outcome.assert_success().assert_mentions(&COMMANDS).assert_mentions(&["--endpoint", "Exit status", "AWS_PROFILE"]);
    for command in COMMANDS {
        let outcome = sandbox.run(&["users", command, "--help"], &[]).await;
        outcome.assert_success();
        outcome.assert_mentions(&[
            "Example",
            &format!("admin users {command} "),
            "--stack",
            "--endpoint",
            "USERS_TABLE",
        ]);
    }
}

#[tokio::test]
async fn a_usage_error_is_one_line_and_exit_code_2() {
    let sandbox = Sandbox::new().await;
    for (arguments, words) in [
        (&["users"][..], "a command is missing"),
        (&["users", "burn"], "unrecognized subcommand 'burn'"),
        (&["users", "show"], "<USER>"),
        (&["users", "groups", "ada@example.com", "join", "admin"], "invalid value 'join'"),
        (&["users", "claims", "ada@example.com", "set", "level"], "the value of level is missing"),
        (&["users", "claims", "ada@example.com", "unset", "level", "3"], "unset takes no value"),
        (&["users", "claims", "ada@example.com", "set"], "the name of the claim is missing"),
        (&["users", "claims", "ada@example.com", "set", "a", r#"{"a":"#], "starts like JSON, but is not valid"),
        (&["users", "list", "--older-than", "30"], "must be a number with a unit"),
        (&["users", "list", "--limit", "0"], "0 is not in 1.."),
        (&["users", "log-out"], "<USER>"),
        (&["users", "log-out", "ada@example.com", "--all"], "cannot be used with"),
        (&["users", "list", "--stack", "a", "--endpoint", "http://127.0.0.1:1"], "cannot be used with"),
        (&["users", "list", "--endpoint", "127.0.0.1:8000"], "must be a URL"),
        (&["users", "list", "--users-table", "x"], "must have 3 to 255"),
        (&["users", "throttle", "192.0.2.1", "--address", "192.0.2.1"], "--address is for a user"),
        (&["users", "import", "users.jsonl"], "--from"),
        (&["users", "import", "users.jsonl", "--from", "cobol"], "invalid value 'cobol'"),
        (&["users", "export", "--to", "xml"], "invalid value 'xml'"),
    ] {
        let outcome = sandbox.run(arguments, &[]).await;
        outcome.assert_exit(2, &[words]);
        assert_eq!(outcome.err.lines().count(), 1, "{outcome:?}");
    }
}

#[tokio::test]
async fn missing_credentials_and_another_service_are_named() {
    let sandbox = Sandbox::new().await;
    let tables = [("USERS_TABLE", "Users"), ("AWS_REGION", "eu-west-1")];
    let outcome = sandbox.run(&["users", "list"], &tables).await;
    outcome.assert_exit(1, &["no AWS credentials were found; `admin --help` explains where credentials come from"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let problem = r#"{"code":"method-not-allowed","title":"Method Not Allowed","status":405}"#;
    let api = axum::Router::new().fallback(move || async move {
        let json = [("content-type", "application/problem+json")];
        (axum::http::StatusCode::METHOD_NOT_ALLOWED, json, problem)
    });
    tokio::spawn(async { axum::serve(listener, api).await });
    sandbox.users_at(&url, &["list"]).await.assert_exit(1, &["is the URL the DynamoDB endpoint?"]);
}
