use serde_json::{Value, json};
use shared::{
    config::clock::Clock,
    domain::keys::{Algorithm, Jwk, JwkSet},
};

use crate::{
    fake_aws::{FakeAws, GET},
    harness::{Locations, PRIVATE_FILE, Sandbox, set},
};

/// Later than the time of any test run.
const FUTURE: u64 = 4_000_000_000;

fn without_iat(text: &str) -> String {
    let mut set: Value = serde_json::from_str(text).unwrap();
    for key in set["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("iat");
    }
    set.to_string()
}

#[tokio::test]
async fn each_key_has_a_line_with_its_role() {
    let sandbox = Sandbox::new().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        for locations in Locations::all(&sandbox) {
            let keys = set(algorithm, &[FUTURE, 1_700_000_000, 0]);
            let kids: Vec<&str> = keys.keys().iter().map(Jwk::kid).collect();
            sandbox.put(&locations.keys, &keys.to_json());
            sandbox.put(&locations.public, &keys.public().to_json());
            let outcome = sandbox.keys(&["list"], &locations).await;
            let line = |kid, algorithm, created, role, public| {
                format!("{kid:43}  {algorithm:9}  {created:20}  {role:13}  {public}\n")
            };
            let name = algorithm.name();
            let expected = [
                line("KID", "ALGORITHM", "CREATED", "ROLE", "PUBLIC"),
                line(kids[0], name, "2096-10-02T07:06:40Z", "waits to sign", "yes"),
                line(kids[1], name, "2023-11-14T22:13:20Z", "signs", "yes"),
                line(kids[2], name, "1970-01-01T00:00:00Z", "verifies", "yes"),
            ];
            assert_eq!(outcome.assert_success().out, expected.concat());
        }
    }
}

#[tokio::test]
async fn json_contains_the_same() {
    let sandbox = Sandbox::new().await;
    let keys = set(Algorithm::Hs256, &[FUTURE, 0]);
    sandbox.put(PRIVATE_FILE, &keys.to_json());
    let outcome = sandbox.run(&["keys", "list", "--json", "--keys", PRIVATE_FILE]).await;
    let listed: Value = serde_json::from_str(&outcome.assert_success().out).unwrap();
    let row = |position: usize, created: &str, role: &str| {
        let kid = keys.keys()[position].kid();
        json!({ "kid": kid, "algorithm": "HS256", "created": created, "role": role, "public": null })
    };
    let rows = [row(0, "2096-10-02T07:06:40Z", "waits to sign"), row(1, "1970-01-01T00:00:00Z", "signs")];
    assert_eq!(listed, json!({ "keys": rows, "notes": [] }));
}

#[tokio::test]
async fn a_first_key_without_a_date_signs() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &without_iat(&set(Algorithm::EdDsa, &[1, 2]).to_json()));
    let outcome = sandbox.run(&["keys", "list", "--keys", PRIVATE_FILE]).await;
    let lines: Vec<&str> = outcome.assert_success().out.lines().collect();
    assert!(lines[1].ends_with("EdDSA      -        signs") && lines[2].ends_with("-        verifies"), "{outcome:?}");
}

#[tokio::test]
async fn the_signer_depends_on_the_refresh_time() {
    let sandbox = Sandbox::new().await;
    let now = Clock::system().now().seconds().get();
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[now - 200, 1]).to_json());
    let list = ["keys", "list", "--keys", PRIVATE_FILE];
    sandbox.run(&list).await.assert_success().assert_mentions(&["waits to sign"]);
    for arguments in [&["--refresh", "100"][..], &[]] {
        let outcome = sandbox.run_with(&[&list[..], arguments].concat(), &[("JWT_KEYS_REFRESH", "100")]).await;
        assert!(!outcome.assert_success().out.contains("waits"), "{outcome:?}");
    }
    sandbox.run_with(&list, &[("JWT_KEYS_REFRESH", "")]).await.assert_success().assert_mentions(&["waits to sign"]);
}

#[tokio::test]
async fn differences_are_listed_with_the_command_that_fixes_them() {
    let sandbox = Sandbox::new().await;
    for locations in Locations::all(&sandbox) {
        let (keys, left) = (set(Algorithm::EdDsa, &[2, 1]), set(Algorithm::EdDsa, &[1]));
        let [missing, both, extra] = [&keys.keys()[0], &keys.keys()[1], &left.keys()[0]];
        sandbox.put(&locations.keys, &keys.to_json());
        let public = vec![both.public().unwrap(), extra.public().unwrap()];
        sandbox.put(&locations.public, &JwkSet::new(public).to_json());
        let outcome = sandbox.keys(&["list"], &locations).await;
        let at = format!("--keys {} --public-keys {}", locations.keys, locations.public);
        outcome.assert_success().assert_mentions(&[
            &format!("{} is not in {}, so tokens that it signs are rejected", missing.kid(), locations.public),
            &format!("admin keys publish {at} adds it"),
            &format!("{} is only in {}", extra.kid(), locations.public),
            &format!("admin keys retire {} {at} removes it", extra.kid()),
        ]);
        let lines: Vec<&str> = outcome.out.lines().collect();
        assert!(lines[1].ends_with("  no") && lines[2].ends_with("  yes"), "{outcome:?}");
        let json: Value = serde_json::from_str(&sandbox.keys(&["list", "--json"], &locations).await.out).unwrap();
        assert_eq!(json["notes"].as_array().unwrap().len(), 2);
        sandbox.keys(&["publish", "--yes"], &locations).await.assert_success();
        assert!(!sandbox.keys(&["list"], &locations).await.assert_success().out.contains("admin keys"));
    }
}

#[tokio::test]
async fn a_different_key_with_the_same_kid_is_a_difference() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    let (keys, other) = (set(Algorithm::EdDsa, &[1]), set(Algorithm::EdDsa, &[1]));
    let kid = keys.keys()[0].kid();
    sandbox.put(&locations.keys, &keys.to_json());
    sandbox.put(&locations.public, &other.public().to_json().replace(other.keys()[0].kid(), kid));
    sandbox.keys(&["list"], &locations).await.assert_success().assert_mentions(&[
        kid,
        "is a different key",
        "admin keys publish",
    ]);
}

#[tokio::test]
async fn a_missing_or_invalid_public_set_is_a_difference() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    sandbox.put(&locations.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    sandbox
        .keys(&["list"], &locations)
        .await
        .assert_success()
        .assert_mentions(&["contains no keys", "admin keys publish"]);
    sandbox.put(&locations.public, "{");
    sandbox
        .keys(&["list"], &locations)
        .await
        .assert_success()
        .assert_mentions(&["does not hold a JWK Set", "admin keys publish"]);
    sandbox.put(&locations.public, &set(Algorithm::EdDsa, &[1]).to_json());
    sandbox
        .keys(&["list"], &locations)
        .await
        .assert_success()
        .assert_mentions(&["contains 1 EdDSA key", "admin keys publish"]);
}

#[tokio::test]
async fn a_plain_key_is_listed_without_a_kid() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c");
    let outcome = sandbox.run(&["keys", "list", "--keys", PRIVATE_FILE]).await;
    outcome.assert_success().assert_mentions(&[
        "-    HS256      -        signs",
        "contains a plain key",
        "admin keys new --algorithm HS256",
    ]);
    sandbox.put(PRIVATE_FILE, "your-256-bit-secret-and-some-more-of-it");
    sandbox.run(&["keys", "list", "--keys", PRIVATE_FILE]).await.assert_failed(&["published in a tutorial"]);
}

#[tokio::test]
async fn an_unreadable_location_is_reported_in_one_line() {
    let sandbox = Sandbox::new().await;
    let secret = FakeAws::arn("missing-AbCdEf");
    for (location, words) in [
        ("file:missing.json", "contains no keys"),
        ("file:.", "not a regular file"),
        ("file:/dev/null", "not a regular file"),
        ("file:missing/keys.json", "contains no keys"),
        (&secret, "does not exist; template.yaml creates the secrets"),
    ] {
        sandbox.run(&["keys", "list", "--keys", location]).await.assert_failed(&[location, words]);
    }
    let locations = Locations::secrets(&sandbox);
    sandbox
        .run(&["keys", "list", "--keys", &locations.keys])
        .await
        .assert_failed(&["contains no keys", "admin keys new"]);
    sandbox.aws.refuse(GET, "AccessDeniedException", "You may not.");
    for location in [&locations.keys, &locations.public] {
        let outcome = sandbox.run(&["keys", "list", "--keys", location]).await;
        outcome.assert_failed(&[location, "cannot be read: AccessDeniedException: You may not."]);
    }
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1]).to_json());
    let outcome = sandbox.run(&["keys", "list", "--keys", PRIVATE_FILE, "--public-keys", &locations.public]).await;
    outcome.assert_failed(&[&locations.public, "cannot be read"]);
}

#[tokio::test]
async fn missing_credentials_are_reported_with_a_hint() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    let mut command = sandbox.command(env!("CARGO_BIN_EXE_admin"), &["keys", "list", "--keys", &locations.keys]);
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    sandbox.finish(&mut command).await.assert_failed(&[
        "cannot be read: no AWS credentials were found; `admin --help` explains where credentials come from",
    ]);
}

#[tokio::test]
async fn a_binary_file_is_rejected() {
    let sandbox = Sandbox::new().await;
    std::fs::write(sandbox.path("keys.json"), [0xff, 0xfe]).unwrap();
    sandbox.run(&["keys", "list", "--keys", PRIVATE_FILE]).await.assert_failed(&["contains binary data"]);
}
