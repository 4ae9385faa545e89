use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, PRIVATE_FILE, Places, kids, mode, set};

const PLAIN: &str = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";

#[tokio::test]
async fn a_new_set_is_made_in_every_place_for_every_algorithm() {
    let desk = Desk::new().await;
    for algorithm in Algorithm::ALL {
        for places in Places::all(&desk) {
            let said = if algorithm.is_asymmetric() {
                desk.keys(&["new", "--yes", "--algorithm", algorithm.name()], &places).await
            } else {
                desk.run(&["keys", "new", "--yes", "--algorithm", algorithm.name(), "--keys", &places.keys]).await
            };
            desk.assert_sound(&places, algorithm);
            let kids = desk.kids(&places.keys);
            said.is_done().says(&[&places.keys, &kids[0], &format!("JWT_ALGORITHM={algorithm}")]);
            assert_eq!((kids.len(), said.err.as_str()), (1, ""));
        }
    }
}

#[tokio::test]
async fn what_is_empty_is_filled_without_a_question() {
    let desk = Desk::new().await;
    for empty in ["", "\n", r#"{"keys":[]}"#] {
        for places in Places::all(&desk) {
            desk.put(&places.keys, empty);
            desk.put(&places.public, empty);
            if places.keys.contains(":parameter/") {
                desk.aws.account().change(&places.keys, |parameter| parameter.kind = "SecureString".to_owned());
            }
            desk.keys(&["new", "--algorithm", "EdDSA"], &places).await.is_done();
            desk.assert_sound(&places, Algorithm::EdDsa);
        }
    }
}

#[tokio::test]
async fn what_is_there_is_replaced_only_when_it_is_meant() {
    let desk = Desk::new().await;
    let old = set(Algorithm::Es256, &[1, 2]);
    for (held, words) in [
        (old.to_json(), ["holds 2 ES256 keys", old.keys()[1].kid()]),
        (PLAIN.to_owned(), ["holds a plain key", "set to HS256"]),
        ("{ no JSON".to_owned(), ["holds no JWK Set", "replaced"]),
    ] {
        for places in Places::all(&desk) {
            desk.put(&places.keys, &held);
            if places.keys.contains(":parameter/") {
                desk.aws.account().change(&places.keys, |parameter| parameter.kind = "SecureString".to_owned());
            }
            let said = desk.keys(&["new", "--algorithm", "EdDSA"], &places).await;
            said.is_failed(&words).says(&["is refused within JWT_KEYS_REFRESH (300 s)", "sessions survive", "--yes"]);
            assert_eq!(desk.text(&places.keys).as_deref(), Some(held.as_str()), "nothing is written");
            assert_eq!(desk.text(&places.public), None);
            desk.keys(&["new", "--algorithm", "EdDSA", "--yes"], &places).await.is_done();
            desk.assert_sound(&places, Algorithm::EdDsa);
        }
        std::fs::remove_file(desk.path("public-keys.json")).unwrap();
    }
}

#[tokio::test]
async fn a_public_set_of_others_is_not_replaced_without_a_question() {
    let desk = Desk::new().await;
    let others = set(Algorithm::EdDsa, &[1]).public();
    for places in Places::all(&desk) {
        desk.put(&places.public, &others.to_json());
        let said = desk.keys(&["new", "--algorithm", "EdDSA"], &places).await;
        said.is_failed(&[&places.public, "holds 1 public EdDSA key", others.keys()[0].kid()]);
        assert_eq!(desk.text(&places.public), Some(others.to_json()));
        assert_eq!(desk.text(&places.keys), None);
    }
}

#[tokio::test]
async fn an_unusual_value_of_a_secret_counts_as_something() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    desk.aws.account().put_octets(&places.keys);
    desk.keys(&["new", "--algorithm", "EdDSA"], &places).await.is_failed(&["holds no text"]);
    desk.keys(&["new", "--algorithm", "EdDSA", "--yes"], &places).await.is_done();
    desk.assert_sound(&places, Algorithm::EdDsa);
}

#[tokio::test]
async fn private_keys_never_go_where_public_ones_are() {
    let desk = Desk::new().await;
    for places in Places::all(&desk) {
        desk.keys(&["new", "--algorithm", "EdDSA"], &places).await.is_done();
        let mixed_up = Places { keys: places.public.clone(), public: places.keys.clone() };
        let before = (desk.text(&places.keys), desk.text(&places.public));
        for command in [&["new", "--algorithm", "EdDSA", "--yes"][..], &["rotate"], &["publish", "--yes"], &["list"]] {
            desk.keys(command, &mixed_up).await.is_failed(&["mixed up"]);
        }
        assert_eq!((desk.text(&places.keys), desk.text(&places.public)), before);
    }
}

#[tokio::test]
async fn without_a_public_place_that_is_said_where_there_are_public_keys() {
    let desk = Desk::new().await;
    let said = desk.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", PRIVATE_FILE]).await;
    said.is_done()
        .says(&["note: no public set is written", "admin keys publish --keys file:keys.json --public-keys PLACE"]);
    let said = desk.run(&["keys", "new", "--algorithm", "HS256", "--keys", PRIVATE_FILE, "--yes"]).await;
    assert_eq!(said.is_done().err, "");
}

#[tokio::test]
async fn hs256_has_no_public_place() {
    let desk = Desk::new().await;
    let said = desk.keys(&["new", "--algorithm", "HS256"], &Places::files()).await;
    said.is_ended(2, &["HS256 has no public keys", "JWT_PUBLIC_KEYS_ARN"]);
    assert!(desk.files().is_empty());
    desk.put(PRIVATE_FILE, &set(Algorithm::Hs256, &[1, 2]).to_json());
    for command in [&["rotate"][..], &["publish"], &["retire", "x", "--yes"], &["list"]] {
        desk.keys(command, &Places::files()).await.is_failed(&["HS256", "no public halves", "JWT_PUBLIC_KEYS_ARN"]);
    }
    desk.put(PRIVATE_FILE, PLAIN);
    desk.keys(&["list"], &Places::files()).await.is_failed(&["HS256", "no public halves"]);
    assert_eq!(desk.files(), ["keys.json"]);
}

#[tokio::test]
async fn when_the_second_write_fails_that_is_said_and_another_run_completes_it() {
    let desk = Desk::new().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let places = Places::secret(&desk);
        let old = set(Algorithm::EdDsa, &[1]);
        desk.put(&places.keys, &old.to_json());
        desk.put(&places.public, &old.public().to_json());
        let new = ["new", "--yes", "--algorithm", algorithm.name()];
        desk.aws.refuse("secretsmanager.PutSecretValue", "AccessDeniedException", "You may not.");
        let said = desk.keys(&new, &places).await;
        said.is_failed(&["AccessDeniedException: You may not.", "and holds what it held", "is written already"]);
        said.says(&[
            &format!("admin keys new --algorithm {algorithm} --keys {}", places.keys),
            "admin keys publish --keys",
        ]);
        assert_eq!(kids(&desk.text(&places.keys).unwrap()), [old.keys()[0].kid()]);
        assert_ne!(desk.kids(&places.public), [old.keys()[0].kid()], "the public set was first");
        desk.aws.allow("secretsmanager.PutSecretValue");
        // One way out, or the other.
        desk.keys(&["publish"], &places).await.is_failed(&["--yes"]);
        desk.keys(&["publish", "--yes"], &places).await.is_done();
        desk.assert_sound(&places, Algorithm::EdDsa);
        desk.keys(&new, &places).await.is_done();
        desk.assert_sound(&places, algorithm);
    }
}

#[tokio::test]
async fn when_the_first_write_fails_nothing_is_written() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    desk.aws.refuse("AmazonSSM.PutParameter", "AccessDeniedException", "You may not.");
    let said = desk.keys(&["new", "--algorithm", "EdDSA"], &places).await;
    said.is_failed(&["AccessDeniedException", "and holds what it held", "is untouched"]);
    assert_eq!((desk.text(&places.keys), desk.text(&places.public)), (None, None));
}

#[tokio::test]
async fn a_file_of_private_keys_is_for_its_owner_alone() {
    let desk = Desk::new().await;
    desk.write("keys.json", "");
    desk.keys(&["new", "--algorithm", "EdDSA"], &Places::files()).await.is_done();
    assert_eq!(mode(&desk.path("keys.json")), 0o600);
    assert_ne!(mode(&desk.path("public-keys.json")) & 0o444, 0o400);
}
