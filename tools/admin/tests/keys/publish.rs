use shared::domain::keys::{Algorithm, JwkSet};

use crate::harness::{Locations, PRIVATE_FILE, Sandbox, set};

#[tokio::test]
async fn only_the_public_halves_are_written() {
    let sandbox = Sandbox::new().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        for locations in Locations::all(&sandbox) {
            let keys = set(algorithm, &[2, 1]);
            sandbox.put(&locations.keys, &keys.to_json());
            sandbox.put(&locations.public, r#"{"keys":[]}"#);
            let outcome = sandbox.keys(&["publish"], &locations).await;
            outcome.assert_success().assert_mentions(&[keys.keys()[0].kid(), keys.keys()[1].kid()]);
            sandbox.assert_consistent(&locations, algorithm);
            assert_eq!(sandbox.text(&locations.keys), Some(keys.to_json()));
            sandbox.keys(&["publish"], &locations).await.assert_success().assert_mentions(&["already"]);
        }
    }
}

#[tokio::test]
async fn keys_are_added_without_confirmation_and_removed_only_with_it() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    let keys = set(Algorithm::EdDsa, &[2, 1]);
    sandbox.put(&locations.keys, &keys.to_json());
    sandbox.put(&locations.public, &JwkSet::new(vec![keys.public().keys()[1].clone()]).to_json());
    sandbox.keys(&["publish"], &locations).await.assert_success();
    sandbox.assert_consistent(&locations, Algorithm::EdDsa);
    let others = set(Algorithm::EdDsa, &[1]).public();
    for (stored, words) in [
        (others.to_json(), others.keys()[0].kid()),
        ("{".to_owned(), "does not hold a JWK Set"),
        ("a plain key of 32 bytes, or more".to_owned(), "contains a plain key"),
        (keys.to_json(), "contains 2 EdDSA keys"),
    ] {
        sandbox.put(&locations.public, &stored);
        sandbox.keys(&["publish"], &locations).await.assert_failed(&[words, "--yes"]);
        assert_eq!(sandbox.text(&locations.public), Some(stored));
        sandbox.keys(&["publish", "--yes"], &locations).await.assert_success();
        sandbox.assert_consistent(&locations, Algorithm::EdDsa);
    }
}

#[tokio::test]
async fn publish_needs_a_public_location() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1]).to_json());
    let outcome = sandbox.run(&["keys", "publish", "--keys", PRIVATE_FILE]).await;
    outcome.assert_exit(2, &["--public-keys is not given", "JWT_PUBLIC_KEYS_ARN"]);
}
