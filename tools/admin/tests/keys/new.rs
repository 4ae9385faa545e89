use shared::domain::keys::Algorithm;

use crate::fake_aws::PUT;
use crate::harness::{Locations, PRIVATE_FILE, Sandbox, kids, mode, set};

const PLAIN: &str = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c";

#[tokio::test]
async fn a_new_set_is_created_in_every_location_for_every_algorithm() {
    let sandbox = Sandbox::new().await;
    for algorithm in Algorithm::ALL {
        for locations in Locations::all(&sandbox) {
            let outcome = if algorithm.is_asymmetric() {
                sandbox.keys(&["new", "--yes", "--algorithm", algorithm.name()], &locations).await
            } else {
                sandbox.run(&["keys", "new", "--yes", "--algorithm", algorithm.name(), "--keys", &locations.keys]).await
            };
            sandbox.assert_consistent(&locations, algorithm);
            let kids = sandbox.kids(&locations.keys);
            outcome.assert_success().assert_mentions(&[
                &locations.keys,
                &kids[0],
                &format!("JWT_ALGORITHM={algorithm}"),
            ]);
            assert_eq!((kids.len(), outcome.err.as_str()), (1, ""));
        }
    }
}

#[tokio::test]
async fn an_empty_location_is_filled_without_confirmation() {
    let sandbox = Sandbox::new().await;
    for empty in ["", "\n", r#"{"keys":[]}"#] {
        for locations in Locations::all(&sandbox) {
            sandbox.put(&locations.keys, empty);
            sandbox.put(&locations.public, empty);
            sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
            sandbox.assert_consistent(&locations, Algorithm::EdDsa);
        }
    }
}

#[tokio::test]
async fn existing_keys_are_replaced_only_after_confirmation() {
    let sandbox = Sandbox::new().await;
    let old = set(Algorithm::Es256, &[1, 2]);
    for (stored, words) in [
        (old.to_json(), ["contains 2 ES256 keys", old.keys()[1].kid()]),
        (PLAIN.to_owned(), ["contains a plain key", "set to HS256"]),
        ("{ no JSON".to_owned(), ["does not hold a JWK Set", "replaced"]),
    ] {
        for locations in Locations::all(&sandbox) {
            sandbox.put(&locations.keys, &stored);
            let outcome = sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await;
            outcome.assert_failed(&words).assert_mentions(&[
                "is rejected within JWT_KEYS_REFRESH (300 s)",
                "sessions survive",
                "--yes",
            ]);
            assert_eq!(sandbox.text(&locations.keys).as_deref(), Some(stored.as_str()), "nothing is written");
            assert_eq!(sandbox.text(&locations.public), None);
            sandbox.keys(&["new", "--algorithm", "EdDSA", "--yes"], &locations).await.assert_success();
            sandbox.assert_consistent(&locations, Algorithm::EdDsa);
        }
        std::fs::remove_file(sandbox.path("public-keys.json")).unwrap();
    }
}

#[tokio::test]
async fn an_unrelated_public_set_is_not_replaced_without_confirmation() {
    let sandbox = Sandbox::new().await;
    let others = set(Algorithm::EdDsa, &[1]).public();
    for locations in Locations::all(&sandbox) {
        sandbox.put(&locations.public, &others.to_json());
        let outcome = sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await;
        outcome.assert_failed(&[&locations.public, "contains 1 public EdDSA key", others.keys()[0].kid()]);
        assert_eq!(sandbox.text(&locations.public), Some(others.to_json()));
        assert_eq!(sandbox.text(&locations.keys), None);
    }
}

#[tokio::test]
async fn a_secret_with_binary_data_is_not_replaced_without_confirmation() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    sandbox.aws.account().put_binary(&locations.keys);
    sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_failed(&["contains binary data"]);
    sandbox.keys(&["new", "--algorithm", "EdDSA", "--yes"], &locations).await.assert_success();
    sandbox.assert_consistent(&locations, Algorithm::EdDsa);
}

#[tokio::test]
async fn private_keys_are_never_written_to_the_public_location() {
    let sandbox = Sandbox::new().await;
    for locations in Locations::all(&sandbox) {
        sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
        let swapped = Locations { keys: locations.public.clone(), public: locations.keys.clone() };
        let before = (sandbox.text(&locations.keys), sandbox.text(&locations.public));
        for command in [&["new", "--algorithm", "EdDSA", "--yes"][..], &["rotate"], &["publish", "--yes"], &["list"]] {
            sandbox.keys(command, &swapped).await.assert_failed(&["swapped"]);
        }
        assert_eq!((sandbox.text(&locations.keys), sandbox.text(&locations.public)), before);
    }
}

#[tokio::test]
async fn a_missing_public_location_is_noted_for_asymmetric_keys_only() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", PRIVATE_FILE]).await;
    outcome.assert_success().assert_mentions(&[
        "note: no public set is written",
        "admin keys publish --keys file:keys.json --public-keys LOCATION",
    ]);
    let outcome = sandbox.run(&["keys", "new", "--algorithm", "HS256", "--keys", PRIVATE_FILE, "--yes"]).await;
    assert_eq!(outcome.assert_success().err, "");
}

#[tokio::test]
async fn hs256_has_no_public_location() {
    let sandbox = Sandbox::new().await;
    let outcome = sandbox.keys(&["new", "--algorithm", "HS256"], &Locations::files()).await;
    outcome.assert_exit(2, &["HS256 has no public keys", "JWT_PUBLIC_KEYS_ARN"]);
    assert!(sandbox.files().is_empty());
    sandbox.put(PRIVATE_FILE, &set(Algorithm::Hs256, &[1, 2]).to_json());
    for command in [&["rotate"][..], &["publish"], &["retire", "x", "--yes"], &["list"]] {
        sandbox.keys(command, &Locations::files()).await.assert_failed(&[
            "HS256",
            "no public halves",
            "JWT_PUBLIC_KEYS_ARN",
        ]);
    }
    sandbox.put(PRIVATE_FILE, PLAIN);
    sandbox.keys(&["list"], &Locations::files()).await.assert_failed(&["HS256", "no public halves"]);
    assert_eq!(sandbox.files(), ["keys.json"]);
}

#[tokio::test]
async fn a_second_run_completes_a_change_whose_second_write_failed() {
    let sandbox = Sandbox::new().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256] {
        let locations = Locations::secrets(&sandbox);
        let old = set(Algorithm::EdDsa, &[1]);
        sandbox.put(&locations.keys, &old.to_json());
        sandbox.put(&locations.public, &old.public().to_json());
        let new = ["new", "--yes", "--algorithm", algorithm.name()];
        sandbox.aws.refuse_on(&locations.keys, PUT, "AccessDeniedException", "You may not.");
        let outcome = sandbox.keys(&new, &locations).await;
        outcome.assert_failed(&["AccessDeniedException: You may not.", "its value is unchanged", "is already written"]);
        outcome.assert_mentions(&[
            &format!("admin keys new --algorithm {algorithm} --keys {}", locations.keys),
            "admin keys publish --keys",
        ]);
        assert_eq!(kids(&sandbox.text(&locations.keys).unwrap()), [old.keys()[0].kid()]);
        assert_ne!(sandbox.kids(&locations.public), [old.keys()[0].kid()], "the public set was first");
        sandbox.aws.allow(PUT);
        // Either command repairs it.
        sandbox.keys(&["publish"], &locations).await.assert_failed(&["--yes"]);
        sandbox.keys(&["publish", "--yes"], &locations).await.assert_success();
        sandbox.assert_consistent(&locations, Algorithm::EdDsa);
        sandbox.keys(&new, &locations).await.assert_success();
        sandbox.assert_consistent(&locations, algorithm);
    }
}

#[tokio::test]
async fn after_a_failed_first_write_nothing_is_written() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    sandbox.aws.refuse_on(&locations.public, PUT, "AccessDeniedException", "You may not.");
    let outcome = sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await;
    outcome.assert_failed(&["AccessDeniedException", "its value is unchanged", "is unchanged"]);
    assert_eq!((sandbox.text(&locations.keys), sandbox.text(&locations.public)), (None, None));
}

#[tokio::test]
async fn a_file_of_private_keys_is_readable_by_its_owner_only() {
    let sandbox = Sandbox::new().await;
    sandbox.write("keys.json", "");
    sandbox.keys(&["new", "--algorithm", "EdDSA"], &Locations::files()).await.assert_success();
    assert_eq!(mode(&sandbox.path("keys.json")), 0o600);
    assert_ne!(mode(&sandbox.path("public-keys.json")) & 0o444, 0o400);
}
