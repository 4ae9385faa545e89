use shared::domain::keys::{Algorithm, Jwk, JwkSet};

use crate::fake_aws::PUT;
use crate::harness::{Locations, Sandbox, set};

const NOW: u64 = 4_000_000_000;

#[tokio::test]
async fn a_key_is_removed_from_every_location_for_every_algorithm() {
    let sandbox = Sandbox::new().await;
    for algorithm in Algorithm::ALL {
        for locations in Locations::all(&sandbox) {
            let old = set(algorithm, &[20, 10]);
            let [first, second] = [old.keys()[0].kid(), old.keys()[1].kid()];
            sandbox.put(&locations.keys, &old.to_json());
            let outcome = if algorithm.is_asymmetric() {
                sandbox.put(&locations.public, &old.public().to_json());
                sandbox.keys(&["retire", second, "--yes"], &locations).await
            } else {
                sandbox.run(&["keys", "retire", second, "--yes", "--keys", &locations.keys]).await
            };
            outcome.assert_success().assert_mentions(&[second, "is removed from", &format!("{first} signs.")]);
            assert_eq!(sandbox.kids(&locations.keys), [first]);
            sandbox.assert_consistent(&locations, algorithm);
        }
    }
}

#[tokio::test]
async fn the_confirmation_describes_the_effect() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    let old = set(Algorithm::EdDsa, &[NOW, 20, 10]);
    let [waits, signs, verifies] = [0, 1, 2].map(|position: usize| old.keys()[position].kid());
    sandbox.put(&locations.keys, &old.to_json());
    sandbox.put(&locations.public, &old.public().to_json());
    for (kid, words) in [
        (waits, format!("It is the first key, which waits to sign: {signs} continues to sign.")),
        (signs, format!("It is the key that signs: {verifies} signs from then on.")),
        (verifies, "every token signed with it is rejected within JWT_KEYS_REFRESH (300 s)".to_owned()),
    ] {
        let outcome = sandbox.keys(&["retire", kid], &locations).await;
        outcome.assert_failed(&[kid, &words, "sessions survive", "Nothing is written", "--yes"]);
        assert_eq!(sandbox.text(&locations.keys), Some(old.to_json()));
        assert_eq!(sandbox.text(&locations.public), Some(old.public().to_json()));
    }
}

#[tokio::test]
async fn the_last_key_cannot_be_retired() {
    let sandbox = Sandbox::new().await;
    let last = set(Algorithm::EdDsa, &[1]);
    for locations in Locations::all(&sandbox) {
        sandbox.put(&locations.keys, &last.to_json());
        let outcome = sandbox.keys(&["retire", last.keys()[0].kid(), "--yes"], &locations).await;
        outcome.assert_failed(&["is the last key", "admin keys new --algorithm EdDSA --keys"]);
        assert_eq!(sandbox.text(&locations.keys), Some(last.to_json()));
    }
}

#[tokio::test]
async fn an_unknown_kid_is_rejected_with_a_list_of_the_kids() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    let (keys, left) = (set(Algorithm::EdDsa, &[2, 1]), set(Algorithm::EdDsa, &[1]));
    sandbox.put(&locations.keys, &keys.to_json());
    let public = [keys.public().keys(), left.public().keys()].concat();
    sandbox.put(&locations.public, &JwkSet::new(public).to_json());
    let kids = [keys.keys(), left.keys()].concat();
    let kids: Vec<&str> = kids.iter().map(Jwk::kid).collect();
    let outcome = sandbox.keys(&["retire", "unknown", "--yes"], &locations).await;
    outcome.assert_failed(&[&format!("no key has this kid; the keys are {}", kids.join(", "))]);
}

#[tokio::test]
async fn a_kid_may_look_like_an_option() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    for kid in ["-yes", "--public", "-h3lp"] {
        let keys = set(Algorithm::EdDsa, &[2, 1]).to_json();
        let second = crate::harness::kids(&keys)[1].clone();
        sandbox.put(&locations.keys, &keys.replace(&second, kid));
        sandbox.put(&locations.public, "");
        sandbox.keys(&["retire", "--yes", kid], &locations).await.assert_success();
        sandbox.keys(&["retire", kid, "--yes"], &locations).await.assert_failed(&["no key has this kid"]);
    }
}

#[tokio::test]
async fn a_second_run_completes_a_change_whose_second_write_failed() {
    let sandbox = Sandbox::new().await;
    for command in ["retire", "publish"] {
        let locations = Locations::secrets(&sandbox);
        let old = set(Algorithm::EdDsa, &[20, 10]);
        let [first, second] = [old.keys()[0].kid(), old.keys()[1].kid()];
        sandbox.put(&locations.keys, &old.to_json());
        sandbox.put(&locations.public, &old.public().to_json());
        sandbox.aws.refuse_on(&locations.public, PUT, "AccessDeniedException", "You may not.");
        let outcome = sandbox.keys(&["retire", second, "--yes"], &locations).await;
        outcome.assert_failed(&[
            "AccessDeniedException",
            "its value is unchanged",
            "is already written",
            "still accepted",
        ]);
        outcome.assert_mentions(&[&format!(
            "admin keys retire {second} --keys {} --public-keys {}",
            locations.keys, locations.public
        )]);
        assert_eq!(sandbox.kids(&locations.keys), [first], "the private set was first");
        assert_eq!(sandbox.kids(&locations.public), [first, second]);
        sandbox.aws.allow(PUT);
        let arguments = if command == "retire" { vec!["retire", second] } else { vec!["publish"] };
        let outcome = sandbox.keys(&arguments, &locations).await;
        outcome.assert_failed(&[second, "is rejected within", "--yes"]);
        assert_eq!(sandbox.kids(&locations.public), [first, second]);
        sandbox.keys(&[&arguments[..], &["--yes"]].concat(), &locations).await.assert_success();
        assert_eq!(sandbox.kids(&locations.public), [first]);
        sandbox.assert_consistent(&locations, Algorithm::EdDsa);
    }
}

#[tokio::test]
async fn after_a_failed_first_write_nothing_is_written() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    let old = set(Algorithm::EdDsa, &[20, 10]);
    sandbox.put(&locations.keys, &old.to_json());
    sandbox.put(&locations.public, &old.public().to_json());
    sandbox.aws.refuse_on(&locations.keys, PUT, "AccessDeniedException", "You may not.");
    let outcome = sandbox.keys(&["retire", old.keys()[1].kid(), "--yes"], &locations).await;
    outcome.assert_failed(&["AccessDeniedException", "its value is unchanged", "is unchanged"]);
    assert_eq!(sandbox.text(&locations.public), Some(old.public().to_json()));
    assert_eq!(sandbox.text(&locations.keys), Some(old.to_json()));
}
