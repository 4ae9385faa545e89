use aws_sdk_ssm::primitives::{DateTime, DateTimeFormat};
use shared::domain::keys::{
    jwk::{Algorithm, Jwk},
    key_set::{JwkSet, SigningKeySet},
};
use std::time::Duration;

use crate::harness::{Desk, PRIVATE_FILE, Places, kids, set};

#[tokio::test]
async fn a_new_key_comes_in_front_and_the_old_ones_stay() {
    let desk = Desk::new().await;
    for algorithm in Algorithm::ALL {
        for places in Places::all(&desk) {
            let old = set(algorithm, &[20, 10]);
            desk.put(&places.keys, &old.to_json());
            // Three keys of RSA are more than the standard tier takes.
            if places.keys.contains(":parameter/") {
                desk.aws.account().change(&places.keys, |parameter| parameter.tier = "Advanced".to_owned());
            }
            let said = if algorithm.is_asymmetric() {
                desk.put(&places.public, &old.public().to_json());
                desk.keys(&["rotate"], &places).await
            } else {
                desk.run(&["keys", "rotate", "--keys", &places.keys]).await
            };
            desk.assert_sound(&places, algorithm);
            let kids = desk.kids(&places.keys);
            assert_eq!(kids[1..], [old.keys()[0].kid(), old.keys()[1].kid()]);
            said.is_done().says(&[
                &format!("in front of 2 older keys, which stay for checking: {}", kids[0]),
                "JWT_KEYS_REFRESH (300 s)",
                &format!("until then {} does", kids[1]),
                &format!("admin keys retire {} --keys {}", kids[1], places.keys),
            ]);
        }
    }
}

#[tokio::test]
async fn the_functions_sign_with_the_new_key_from_the_moment_that_is_named() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[10]).to_json());
    let said = desk.run(&["keys", "rotate", "--keys", PRIVATE_FILE, "--refresh", "60"]).await;
    said.is_done();
    let text = desk.text(PRIVATE_FILE).unwrap();
    let keys = SigningKeySet::parse(&text, Algorithm::EdDsa, true).unwrap();
    let new = kids(&text)[0].clone();
    let signs = |now| keys.signer(now, Duration::from_secs(60)).kid() == Some(&new);
    let named = said.out.split("from ").nth(1).and_then(|rest| rest.split(" on;").next()).unwrap();
    let from = DateTime::from_str(named, DateTimeFormat::DateTime).unwrap().secs().cast_unsigned();
    assert!(!signs(from - 1) && signs(from), "{said:?}");
}

#[tokio::test]
async fn a_new_key_beside_young_ones_alone_waits_and_the_oldest_goes_on() {
    let desk = Desk::new().await;
    let places = Places::files();
    desk.keys(&["new", "--algorithm", "EdDSA"], &places).await.is_done();
    let oldest = desk.kids(&places.keys)[0].clone();
    for _ in 0..2 {
        desk.keys(&["rotate"], &places).await.is_done().says(&[&format!("until then {oldest} does")]);
    }
    let said = desk.keys(&["list"], &places).await;
    let roles: Vec<&str> = said.is_done().out.lines().skip(1).map(|line| line[78..].trim_end()).collect();
    assert_eq!(roles, ["waits to sign  yes", "waits to sign  yes", "signs          yes"], "{said:?}");
}

#[tokio::test]
async fn a_new_key_that_is_older_than_all_others_signs_at_once_and_that_is_said() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[4_000_000_000]).to_json());
    desk.run(&["keys", "rotate", "--keys", PRIVATE_FILE])
        .await
        .is_done()
        .says(&["It signs at once, since no other key is older."]);
    desk.run(&["keys", "list", "--keys", PRIVATE_FILE]).await.is_done().says(&["signs", "checks"]);
}

#[tokio::test]
async fn sixteen_keys_are_enough() {
    let desk = Desk::new().await;
    let places = Places::files();
    let full = set(Algorithm::EdDsa, &[1; 16]);
    desk.put(&places.keys, &full.to_json());
    desk.put(&places.public, &full.public().to_json());
    desk.keys(&["rotate"], &places).await.is_failed(&["holds 16 keys", "admin keys retire KID"]);
    assert_eq!(desk.text(&places.keys), Some(full.to_json()));
    desk.keys(&["retire", full.keys()[15].kid(), "--yes"], &places).await.is_done();
    desk.keys(&["rotate"], &places).await.is_done();
    assert_eq!(desk.kids(&places.keys).len(), 16);
    desk.put(&places.keys, &set(Algorithm::EdDsa, &[1; 17]).to_json());
    desk.keys(&["rotate"], &places).await.is_failed(&["more than 16 keys"]);
}

#[tokio::test]
async fn what_is_no_set_cannot_be_rotated() {
    let desk = Desk::new().await;
    let mut mixed = set(Algorithm::EdDsa, &[1]).keys().to_vec();
    mixed.push(Jwk::generate(Algorithm::Es256, 1).unwrap());
    let mixed = JwkSet::new(mixed).to_json();
    for places in Places::all(&desk) {
        desk.keys(&["rotate"], &places).await.is_failed(&[&places.keys, "holds nothing", "admin keys new"]);
        for (held, words) in [
            ("7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c", ["holds a plain key", "admin keys new"]),
            (r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA","d":"AAAA"}]}"#, ["number 1", "is damaged"]),
            (r#"{"keys":7}"#, ["holds no JWK Set", "RFC 7517"]),
            (r#"{"keys":[{"kty":"EC","crv":"secp256k1"}]}"#, ["first key", "no kind that signs here"]),
            (mixed.as_str(), ["is no key for signing with EdDSA", "holds a JWK Set"]),
        ] {
            desk.put(&places.keys, held);
            for command in [&["rotate"][..], &["retire", "x", "--yes"], &["publish", "--yes"]] {
                desk.keys(command, &places).await.is_failed(&words);
            }
            assert_eq!((desk.text(&places.keys).as_deref(), desk.text(&places.public)), (Some(held), None));
        }
    }
}

#[tokio::test]
async fn a_public_place_that_belongs_to_others_is_left_alone() {
    let desk = Desk::new().await;
    let others = set(Algorithm::EdDsa, &[1]);
    let plain = "7f2f6a5c1d0e4b8f9a3c2d1e0f4b5a6c".to_owned();
    for (held, words) in [
        (others.public().to_json(), "none of which is in"),
        (others.to_json(), "holds 1 EdDSA key"),
        (plain, "holds a plain key"),
        ("{".to_owned(), "holds no JWK Set"),
    ] {
        let places = Places::files();
        let keys = set(Algorithm::EdDsa, &[1, 2]).to_json();
        desk.put(&places.keys, &keys);
        desk.put(&places.public, &held);
        let retired = desk.kids(&places.keys)[1].clone();
        for command in [&["rotate"][..], &["retire", &retired, "--yes"]] {
            let said = desk.keys(command, &places).await;
            said.is_failed(&[words, "nothing is written", "admin keys publish --keys file:keys.json"]);
        }
        assert_eq!((desk.text(&places.keys), desk.text(&places.public)), (Some(keys), Some(held)));
    }
}

#[tokio::test]
async fn when_the_second_write_fails_that_is_said_and_another_run_completes_it() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    desk.put(&places.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    desk.aws.refuse("secretsmanager.UpdateSecretVersionStage", "AccessDeniedException", "You may not.");
    let said = desk.keys(&["rotate"], &places).await;
    said.is_failed(&["AccessDeniedException", "holds what it held", "is written already", "admin keys rotate --keys"]);
    let [old] = desk.kids(&places.keys).try_into().unwrap();
    let [left, _] = desk.kids(&places.public).try_into().unwrap();
    said.says(&[&format!("the key {left} is there, which signs nowhere and does no harm"), "the label postern-admin-"]);
    desk.keys(&["list"], &places).await.is_done().says(&[&left, "alone", "admin keys retire"]);
    desk.aws.allow("secretsmanager.UpdateSecretVersionStage");
    let said = desk.keys(&["rotate"], &places).await;
    said.is_done().says(&["note: what", &left]);
    desk.assert_sound(&places, Algorithm::EdDsa);
    assert_eq!(desk.kids(&places.keys)[1..], [old]);
    assert!(!desk.kids(&places.public).contains(&left));
}

#[tokio::test]
async fn without_a_public_place_that_is_said() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::Es256, &[1]).to_json());
    let said = desk.run(&["keys", "rotate", "--keys", PRIVATE_FILE]).await;
    said.is_done().says(&["note: no public set is written"]);
}
