use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, PRIVATE_FILE, PUBLIC_FILE, set};

#[tokio::test]
async fn wrong_usage_is_one_clear_line_and_exit_code_2() {
    let desk = Desk::new().await;
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
        let said = desk.run(arguments).await;
        said.is_ended(2, &[words]);
        assert_eq!(said.err.lines().count(), 1, "{said:?}");
    }
    assert!(desk.files().is_empty());
}

#[tokio::test]
async fn a_key_in_place_of_a_place_is_not_repeated() {
    let desk = Desk::new().await;
    let key = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";
    for (arguments, variables) in [
        (&["keys", "list", "--keys", key][..], &[][..]),
        (&["keys", "list"], &[("JWT_SECRET_ARN", key)]),
        (&["keys", "list", "--help"], &[("JWT_SECRET_ARN", key), ("JWT_PUBLIC_KEYS_ARN", key)]),
    ] {
        let said = desk.run_with(arguments, variables).await;
        assert!(!said.err.contains(key) && !said.out.contains(key), "{said:?}");
    }
}

#[tokio::test]
async fn the_functions_variables_name_the_places() {
    let desk = Desk::new().await;
    let variables = [("JWT_SECRET_ARN", PRIVATE_FILE), ("JWT_PUBLIC_KEYS_ARN", PUBLIC_FILE)];
    desk.run_with(&["keys", "new", "--algorithm", "EdDSA"], &variables).await.is_done();
    desk.run_with(&["keys", "rotate"], &variables).await.is_done();
    assert_eq!((desk.kids(PRIVATE_FILE).len(), desk.kids(PUBLIC_FILE)), (2, desk.kids(PRIVATE_FILE)));
    desk.put("file:other.json", &set(Algorithm::Hs256, &[1]).to_json());
    let variables = [("JWT_SECRET_ARN", PRIVATE_FILE), ("JWT_PUBLIC_KEYS_ARN", "")];
    let said = desk.run_with(&["keys", "list", "--keys", "file:other.json"], &variables).await;
    said.is_done().says(&["HS256"]);
}

#[tokio::test]
async fn help_lists_the_commands_and_the_places() {
    let desk = Desk::new().await;
    let said = desk.run(&["keys", "--help"]).await;
    said.is_done().says(&["new", "rotate", "retire", "publish", "list", "file:PATH", "Exit status"]);
    for command in ["new", "rotate", "retire", "publish", "list"] {
        let said = desk.run(&["keys", command, "--help"]).await;
        said.is_done().says(&[
            "Example",
            "admin keys",
            "--keys",
            "JWT_SECRET_ARN",
            "--public-keys",
            "JWT_KEYS_REFRESH",
        ]);
    }
    desk.run(&["--version"]).await.is_done().says(&["admin 0."]);
}

#[tokio::test]
async fn whoever_has_read_enough_may_stop() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1; 16]).to_json());
    let script = r#""$0" keys list --keys file:keys.json | true; "$0" keys list --keys file:keys.json >&-"#;
    let said = desk.finish(&mut desk.command("/bin/sh", &["-c", script, env!("CARGO_BIN_EXE_admin")])).await;
    assert!(!said.err.contains("panicked"), "{said:?}");
}
