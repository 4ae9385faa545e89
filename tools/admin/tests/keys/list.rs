use serde_json::{Value, json};
use shared::domain::keys::{jwk::Algorithm, key_set::JwkSet};

use crate::harness::{Desk, PRIVATE_FILE, Places, set};

/// Later than any test.
const FUTURE: u64 = 4_000_000_000;

fn without_iat(text: &str) -> String {
    let mut set: Value = serde_json::from_str(text).unwrap();
    for key in set["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("iat");
    }
    set.to_string()
}

#[tokio::test]
async fn each_key_has_a_line_with_what_it_does() {
    let desk = Desk::new().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        for places in Places::all(&desk) {
            let keys = set(algorithm, &[FUTURE, 1_700_000_000, 0]);
            let kids: Vec<&str> = keys.keys().iter().map(shared::domain::keys::jwk::Jwk::kid).collect();
            if algorithm == Algorithm::Rs256 && places.keys.contains(":parameter/") {
                // Three are more than a parameter takes.
                continue;
            }
            desk.put(&places.keys, &keys.to_json());
            desk.put(&places.public, &keys.public().to_json());
            let said = desk.keys(&["list"], &places).await;
            let line = |kid, algorithm, created, role, public| {
                format!("{kid:43}  {algorithm:9}  {created:20}  {role:13}  {public}\n")
            };
            let name = algorithm.name();
            let expected = [
                line("KID", "ALGORITHM", "CREATED", "ROLE", "PUBLIC"),
                line(kids[0], name, "2096-10-02T07:06:40Z", "waits to sign", "yes"),
                line(kids[1], name, "2023-11-14T22:13:20Z", "signs", "yes"),
                line(kids[2], name, "1970-01-01T00:00:00Z", "checks", "yes"),
            ];
            assert_eq!(said.is_done().out, expected.concat());
        }
    }
}

#[tokio::test]
async fn json_says_the_same() {
    let desk = Desk::new().await;
    let keys = set(Algorithm::Hs256, &[FUTURE, 0]);
    desk.put(PRIVATE_FILE, &keys.to_json());
    let said = desk.run(&["keys", "list", "--json", "--keys", PRIVATE_FILE]).await;
    let listed: Value = serde_json::from_str(&said.is_done().out).unwrap();
    let row = |place: usize, created: &str, role: &str| {
        let kid = keys.keys()[place].kid();
        json!({ "kid": kid, "algorithm": "HS256", "created": created, "role": role, "public": null })
    };
    let rows = [row(0, "2096-10-02T07:06:40Z", "waits to sign"), row(1, "1970-01-01T00:00:00Z", "signs")];
    assert_eq!(listed, json!({ "keys": rows, "notes": [] }));
}

#[tokio::test]
async fn a_key_without_a_date_signs_when_it_is_first() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &without_iat(&set(Algorithm::EdDsa, &[1, 2]).to_json()));
    let said = desk.run(&["keys", "list", "--keys", PRIVATE_FILE]).await;
    let lines: Vec<&str> = said.is_done().out.lines().collect();
    assert!(lines[1].ends_with("EdDSA      -        signs") && lines[2].ends_with("-        checks"), "{said:?}");
}

#[tokio::test]
async fn when_a_key_signs_depends_on_the_refresh_time() {
    let desk = Desk::new().await;
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs();
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[now - 200, 1]).to_json());
    let list = ["keys", "list", "--keys", PRIVATE_FILE];
    desk.run(&list).await.is_done().says(&["waits to sign"]);
    for arguments in [&["--refresh", "100"][..], &[]] {
        let said = desk.run_with(&[&list[..], arguments].concat(), &[("JWT_KEYS_REFRESH", "100")]).await;
        assert!(!said.is_done().out.contains("waits"), "{said:?}");
    }
    desk.run_with(&list, &[("JWT_KEYS_REFRESH", "")]).await.is_done().says(&["waits to sign"]);
}

#[tokio::test]
async fn differences_are_pointed_out_with_the_command_that_mends_them() {
    let desk = Desk::new().await;
    for places in Places::all(&desk) {
        let (keys, left) = (set(Algorithm::EdDsa, &[2, 1]), set(Algorithm::EdDsa, &[1]));
        let [missing, both, extra] = [&keys.keys()[0], &keys.keys()[1], &left.keys()[0]];
        desk.put(&places.keys, &keys.to_json());
        let public = vec![both.public().unwrap(), extra.public().unwrap()];
        desk.put(&places.public, &JwkSet::new(public).to_json());
        let said = desk.keys(&["list"], &places).await;
        let at = format!("--keys {} --public-keys {}", places.keys, places.public);
        said.is_done().says(&[
            &format!("{} is not in {}, so tokens that it signs are refused", missing.kid(), places.public),
            &format!("admin keys publish {at} adds it"),
            &format!("{} is in {} alone", extra.kid(), places.public),
            &format!("admin keys retire {} {at} takes it out", extra.kid()),
        ]);
        let lines: Vec<&str> = said.out.lines().collect();
        assert!(lines[1].ends_with("  no") && lines[2].ends_with("  yes"), "{said:?}");
        let json: Value = serde_json::from_str(&desk.keys(&["list", "--json"], &places).await.out).unwrap();
        assert_eq!(json["notes"].as_array().unwrap().len(), 2);
        desk.keys(&["publish", "--yes"], &places).await.is_done();
        assert!(!desk.keys(&["list"], &places).await.is_done().out.contains("admin keys"));
    }
}

#[tokio::test]
async fn another_key_of_the_same_name_is_a_difference() {
    let desk = Desk::new().await;
    let places = Places::files();
    let (keys, other) = (set(Algorithm::EdDsa, &[1]), set(Algorithm::EdDsa, &[1]));
    let kid = keys.keys()[0].kid();
    desk.put(&places.keys, &keys.to_json());
    desk.put(&places.public, &other.public().to_json().replace(other.keys()[0].kid(), kid));
    desk.keys(&["list"], &places).await.is_done().says(&[kid, "is another key", "admin keys publish"]);
}

#[tokio::test]
async fn a_public_place_without_a_public_set_is_a_difference() {
    let desk = Desk::new().await;
    let places = Places::files();
    desk.put(&places.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    desk.keys(&["list"], &places).await.is_done().says(&["holds nothing", "admin keys publish"]);
    desk.put(&places.public, "{");
    desk.keys(&["list"], &places).await.is_done().says(&["holds no JWK Set", "admin keys publish"]);
    desk.put(&places.public, &set(Algorithm::EdDsa, &[1]).to_json());
    desk.keys(&["list"], &places).await.is_done().says(&["holds 1 EdDSA key", "admin keys publish"]);
}

#[tokio::test]
async fn a_plain_key_is_listed_as_one() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c");
    let said = desk.run(&["keys", "list", "--keys", PRIVATE_FILE]).await;
    said.is_done().says(&["-    HS256      -        signs", "holds a plain key", "admin keys new --algorithm HS256"]);
    desk.put(PRIVATE_FILE, "your-256-bit-secret-and-some-more-of-it");
    desk.run(&["keys", "list", "--keys", PRIVATE_FILE]).await.is_failed(&["printed in a tutorial"]);
}

#[tokio::test]
async fn what_cannot_be_read_is_one_clear_line() {
    let desk = Desk::new().await;
    let secret = crate::fake_aws::Aws::secret_arn("nobody-made-AbCdEf");
    for (place, words) in [
        ("file:none.json", "holds nothing"),
        ("file:.", "no regular file"),
        ("file:/dev/null", "no regular file"),
        ("file:none/keys.json", "holds nothing"),
        (&secret, "there must be a secret, which template.yaml makes"),
    ] {
        desk.run(&["keys", "list", "--keys", place]).await.is_failed(&[place, words]);
    }
    let places = Places::secret(&desk);
    desk.run(&["keys", "list", "--keys", &places.keys]).await.is_failed(&["holds nothing", "admin keys new"]);
    desk.aws.refuse("secretsmanager.GetSecretValue", "AccessDeniedException", "You may not.");
    desk.aws.refuse("AmazonSSM.GetParameter", "AccessDeniedException", "You may not.");
    for place in [&places.keys, &places.public] {
        let said = desk.run(&["keys", "list", "--keys", place]).await;
        said.is_failed(&[place, "cannot be read: AccessDeniedException: You may not."]);
    }
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1]).to_json());
    let said = desk.run(&["keys", "list", "--keys", PRIVATE_FILE, "--public-keys", &places.public]).await;
    said.is_failed(&[&places.public, "cannot be read"]);
}

#[tokio::test]
async fn whoever_has_no_credentials_is_told_where_they_come_from() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    let mut command = desk.command(env!("CARGO_BIN_EXE_admin"), &["keys", "list", "--keys", &places.keys]);
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true");
    desk.finish(&mut command).await.is_failed(&["cannot be read", "`admin --help` tells where credentials come from"]);
}

#[tokio::test]
async fn a_file_of_octets_is_none_of_text() {
    let desk = Desk::new().await;
    std::fs::write(desk.path("keys.json"), [0xff, 0xfe]).unwrap();
    desk.run(&["keys", "list", "--keys", PRIVATE_FILE]).await.is_failed(&["holds no text"]);
}
