use shared::{
    config::{KEYS_REFRESH, SecurityProfile, VARIABLES},
    domain::keys::Algorithm,
};

use crate::harness::{PRIVATE_FILE, PUBLIC_FILE, Sandbox, set};

#[tokio::test]
async fn a_usage_error_is_one_line_and_exit_code_2() {
    let sandbox = Sandbox::new().await;
    for (arguments, words) in [
        (&[][..], "a command is missing"),
        (&["keys"], "a command is missing"),
        (&["keys", "burn"], "unrecognized subcommand 'burn'"),
        (&["keys", "new"], "--algorithm <ALGORITHM>"),
        (&["keys", "new", "--algorithm", "none"], "[possible values: HS256, EdDSA, ES256, RS256]"),
        (&["keys", "new", "--algorithm", "EdDSA"], "--keys is not given, and JWT_SECRET_ARN is not set"),
        (&["keys", "rotate", "--keys", ""], "--keys is not given, and JWT_SECRET_ARN is not set"),
        (&["keys", "retire", "--keys", PRIVATE_FILE], "<KID>"),
        (&["keys", "list", "--keys", PRIVATE_FILE, "--refresh", "0"], "a whole number from 1 to 86400"),
        (&["keys", "list", "--keys", PRIVATE_FILE, "--refresh", "+5"], "a whole number from 1 to 86400"),
        (&["keys", "list", "--keys", PRIVATE_FILE, "--refresh", "86401"], "a whole number from 1 to 86400"),
        (&["keys", "rotate", "--keys", PRIVATE_FILE, "--yes"], "unexpected argument '--yes'"),
        (&["keys", "list", "--keys", "keys.json"], "--keys (JWT_SECRET_ARN) must be the ARN of a secret"),
        (
            &["keys", "list", "--keys", PRIVATE_FILE, "--public-keys", "arn:aws:s3:::bucket"],
            "--public-keys (JWT_PUBLIC_KEYS_ARN) must be",
        ),
    ] {
        let outcome = sandbox.run(arguments).await;
        outcome.assert_exit(2, &[words]);
        assert_eq!(outcome.err.lines().count(), 1, "{outcome:?}");
    }
    assert!(sandbox.files().is_empty());
}

#[tokio::test]
async fn a_key_passed_as_a_location_is_not_printed() {
    let sandbox = Sandbox::new().await;
    let key = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";
    for (arguments, variables) in [
        (&["keys", "list", "--keys", key][..], &[][..]),
        (&["keys", "list"], &[("JWT_SECRET_ARN", key)]),
        (&["keys", "list", "--help"], &[("JWT_SECRET_ARN", key), ("JWT_PUBLIC_KEYS_ARN", key)]),
    ] {
        let outcome = sandbox.run_with(arguments, variables).await;
        assert!(!outcome.err.contains(key) && !outcome.out.contains(key), "{outcome:?}");
    }
}

#[tokio::test]
async fn the_variables_of_the_functions_name_the_locations() {
    let sandbox = Sandbox::new().await;
    let variables = [("JWT_SECRET_ARN", PRIVATE_FILE), ("JWT_PUBLIC_KEYS_ARN", PUBLIC_FILE)];
    sandbox.run_with(&["keys", "new", "--algorithm", "EdDSA"], &variables).await.assert_success();
    sandbox.run_with(&["keys", "rotate"], &variables).await.assert_success();
    assert_eq!((sandbox.kids(PRIVATE_FILE).len(), sandbox.kids(PUBLIC_FILE)), (2, sandbox.kids(PRIVATE_FILE)));
    sandbox.put("file:other.json", &set(Algorithm::Hs256, &[1]).to_json());
    let variables = [("JWT_SECRET_ARN", PRIVATE_FILE), ("JWT_PUBLIC_KEYS_ARN", "")];
    let outcome = sandbox.run_with(&["keys", "list", "--keys", "file:other.json"], &variables).await;
    outcome.assert_success().assert_mentions(&["HS256"]);
}

#[tokio::test]
async fn help_lists_the_commands_and_the_locations() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.run(&["keys", "--help"]).await;
    outcome.assert_success().assert_mentions(&[
        "new",
        "rotate",
        "retire",
        "publish",
        "list",
        "file:PATH",
        "Exit status",
    ]);
    for command in ["new", "rotate", "retire", "publish", "list"] {
        let outcome = sandbox.run(&["keys", command, "--help"]).await;
        outcome.assert_success().assert_mentions(&[
            "Example",
            "admin keys",
            "--keys",
            "JWT_SECRET_ARN",
            "--public-keys",
            "JWT_KEYS_REFRESH",
        ]);
    }
    sandbox.run(&["--version"]).await.assert_success().assert_mentions(&["admin 0."]);
}

#[tokio::test]
async fn help_shows_the_variables_and_the_default_of_the_functions() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.run(&["keys", "list", "--help"]).await;
    let variables = outcome.out.split("[env: ").skip(1).map(|rest| rest.split([']', '=']).next().unwrap_or_default());
    let variables: Vec<&str> = variables.collect();
    assert!(!variables.is_empty(), "{outcome:?}");
    for variable in variables {
        assert!(VARIABLES.iter().any(|known| known.name == variable), "{variable} is not a variable of the functions");
    }
    let default = KEYS_REFRESH.default_in(SecurityProfile::Tutorial).unwrap();
    outcome.assert_mentions(&[&format!("[default: {default}]")]);
}

#[tokio::test]
async fn a_closed_output_pipe_is_no_error() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1; 16]).to_json());
    let script = r#""$0" keys list --keys file:keys.json | true; "$0" keys list --keys file:keys.json >&-"#;
    let outcome = sandbox.finish(&mut sandbox.command("/bin/sh", &["-c", script, env!("CARGO_BIN_EXE_admin")])).await;
    outcome.assert_success();
}
