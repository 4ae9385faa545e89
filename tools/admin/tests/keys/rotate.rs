use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use shared::domain::{
    deployment::Deployment,
    keys::{Algorithm, Jwk, JwkSet, SigningKeySet},
    time::UnixSeconds,
};
use std::time::Duration;

use crate::fake_aws::UPDATE;
use crate::harness::{Locations, PRIVATE_FILE, Sandbox, kids, set};

#[tokio::test]
async fn a_new_key_is_added_in_front_of_the_old_ones() {
    let sandbox = Sandbox::new().await;
    for algorithm in Algorithm::ALL {
        for locations in Locations::all(&sandbox) {
            let old = set(algorithm, &[20, 10]);
            sandbox.put(&locations.keys, &old.to_json());
            let outcome = if algorithm.is_asymmetric() {
                sandbox.put(&locations.public, &old.public().to_json());
                sandbox.keys(&["rotate"], &locations).await
            } else {
                sandbox.run(&["keys", "rotate", "--keys", &locations.keys]).await
            };
            sandbox.assert_consistent(&locations, algorithm);
            let kids = sandbox.kids(&locations.keys);
            assert_eq!(kids[1..], [old.keys()[0].kid(), old.keys()[1].kid()]);
            outcome.assert_success().assert_mentions(&[
                &format!("in front of 2 older keys, which still verify tokens: {}", kids[0]),
                "JWT_KEYS_REFRESH (300 s)",
                &format!("until then {} signs.", kids[1]),
                &format!("admin keys retire {} --keys {}", kids[1], locations.keys),
            ]);
        }
    }
}

#[tokio::test]
async fn the_functions_sign_with_the_new_key_from_the_printed_time_on() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[10]).to_json());
    let outcome = sandbox.run(&["keys", "rotate", "--keys", PRIVATE_FILE, "--refresh", "60"]).await;
    outcome.assert_success();
    let text = sandbox.text(PRIVATE_FILE).unwrap();
    let keys = SigningKeySet::parse(&text, Algorithm::EdDsa, Deployment::Loopback).unwrap();
    let new = kids(&text)[0].clone();
    let signs = |now| keys.signer(UnixSeconds::new(now), Duration::from_secs(60)).kid() == Some(&new);
    let printed = outcome.out.split("from ").nth(1).and_then(|rest| rest.split(" on,").next()).unwrap();
    let from = DateTime::from_str(printed, DateTimeFormat::DateTime).unwrap().secs().cast_unsigned();
    assert!(!signs(from - 1) && signs(from), "{outcome:?}");
}

#[tokio::test]
async fn among_recent_keys_the_oldest_continues_to_sign() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
    let oldest = sandbox.kids(&locations.keys)[0].clone();
    for _ in 0..2 {
        sandbox
            .keys(&["rotate"], &locations)
            .await
            .assert_success()
            .assert_mentions(&[&format!("until then {oldest} signs.")]);
    }
    let outcome = sandbox.keys(&["list"], &locations).await;
    let roles: Vec<&str> = outcome.assert_success().out.lines().skip(1).map(|line| line[78..].trim_end()).collect();
    assert_eq!(roles, ["waits to sign  yes", "waits to sign  yes", "signs          yes"], "{outcome:?}");
}

#[tokio::test]
async fn a_new_key_that_is_the_oldest_signs_immediately() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[4_000_000_000]).to_json());
    sandbox
        .run(&["keys", "rotate", "--keys", PRIVATE_FILE])
        .await
        .assert_success()
        .assert_mentions(&["It signs immediately, because no other key is older."]);
    sandbox
        .run(&["keys", "list", "--keys", PRIVATE_FILE])
        .await
        .assert_success()
        .assert_mentions(&["signs", "verifies"]);
}

#[tokio::test]
async fn a_set_contains_at_most_sixteen_keys() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::files();
    let full = set(Algorithm::EdDsa, &[1; 16]);
    sandbox.put(&locations.keys, &full.to_json());
    sandbox.put(&locations.public, &full.public().to_json());
    sandbox.keys(&["rotate"], &locations).await.assert_failed(&["already contains 16 keys", "admin keys retire KID"]);
    assert_eq!(sandbox.text(&locations.keys), Some(full.to_json()));
    sandbox.keys(&["retire", full.keys()[15].kid(), "--yes"], &locations).await.assert_success();
    sandbox.keys(&["rotate"], &locations).await.assert_success();
    assert_eq!(sandbox.kids(&locations.keys).len(), 16);
    sandbox.put(&locations.keys, &set(Algorithm::EdDsa, &[1; 17]).to_json());
    sandbox.keys(&["rotate"], &locations).await.assert_failed(&["more than 16 keys"]);
}

#[tokio::test]
async fn an_invalid_set_cannot_be_changed() {
    let sandbox = Sandbox::new().await;
    let mut mixed = set(Algorithm::EdDsa, &[1]).keys().to_vec();
    mixed.push(Jwk::generate(Algorithm::Es256, UnixSeconds::new(1)).unwrap());
    let mixed = JwkSet::new(mixed).to_json();
    for locations in Locations::all(&sandbox) {
        sandbox.keys(&["rotate"], &locations).await.assert_failed(&[
            &locations.keys,
            "contains no keys",
            "admin keys new",
        ]);
        for (stored, words) in [
            ("7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c", ["contains a plain key", "admin keys new"]),
            (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"}]}"#, ["number 1", "is damaged"]),
            (r#"{"keys":7}"#, ["does not hold a JWK Set", "RFC 7517"]),
            (r#"{"keys":[{"kty":"EC","crv":"secp256k1"}]}"#, ["first key", "of an unsupported type"]),
            (mixed.as_str(), ["is not a key for signing with EdDSA", "holds a JWK Set"]),
        ] {
            sandbox.put(&locations.keys, stored);
            for command in [&["rotate"][..], &["retire", "x", "--yes"], &["publish", "--yes"]] {
                sandbox.keys(command, &locations).await.assert_failed(&words);
            }
            assert_eq!(
                (sandbox.text(&locations.keys).as_deref(), sandbox.text(&locations.public)),
                (Some(stored), None)
            );
        }
    }
}

#[tokio::test]
async fn an_unrelated_public_set_is_not_overwritten() {
    let sandbox = Sandbox::new().await;
    let others = set(Algorithm::EdDsa, &[1]);
    let plain = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c".to_owned();
    for (stored, words) in [
        (others.public().to_json(), "none of which is in"),
        (others.to_json(), "contains 1 EdDSA key"),
        (plain, "contains a plain key"),
        ("{".to_owned(), "does not hold a JWK Set"),
    ] {
        let locations = Locations::files();
        let keys = set(Algorithm::EdDsa, &[1, 2]).to_json();
        sandbox.put(&locations.keys, &keys);
        sandbox.put(&locations.public, &stored);
        let retired = sandbox.kids(&locations.keys)[1].clone();
        for command in [&["rotate"][..], &["retire", &retired, "--yes"]] {
            let outcome = sandbox.keys(command, &locations).await;
            outcome.assert_failed(&[words, "nothing is written", "admin keys publish --keys file:keys.json"]);
        }
        assert_eq!((sandbox.text(&locations.keys), sandbox.text(&locations.public)), (Some(keys), Some(stored)));
    }
}

#[tokio::test]
async fn a_second_run_completes_a_change_whose_second_write_failed() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    sandbox.put(&locations.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    sandbox.aws.refuse_on(&locations.keys, UPDATE, "AccessDeniedException", "You may not.");
    let outcome = sandbox.keys(&["rotate"], &locations).await;
    outcome.assert_failed(&[
        "AccessDeniedException",
        "its value is unchanged",
        "is already written",
        "admin keys rotate --keys",
    ]);
    let [old] = sandbox.kids(&locations.keys).try_into().unwrap();
    let [left, _] = sandbox.kids(&locations.public).try_into().unwrap();
    outcome.assert_mentions(&[
        &format!("it contains the key {left}, which no function signs with and which does no harm"),
        "the label postern-admin-",
    ]);
    sandbox.keys(&["list"], &locations).await.assert_success().assert_mentions(&[
        &left,
        "is only in",
        "admin keys retire",
    ]);
    sandbox.aws.allow(UPDATE);
    let outcome = sandbox.keys(&["rotate"], &locations).await;
    outcome.assert_success().assert_mentions(&["note: keys that were in", &left]);
    sandbox.assert_consistent(&locations, Algorithm::EdDsa);
    assert_eq!(sandbox.kids(&locations.keys)[1..], [old]);
    assert!(!sandbox.kids(&locations.public).contains(&left));
}

#[tokio::test]
async fn a_missing_public_location_is_noted() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::Es256, &[1]).to_json());
    let outcome = sandbox.run(&["keys", "rotate", "--keys", PRIVATE_FILE]).await;
    outcome.assert_success().assert_mentions(&["note: no public set is written"]);
}
