use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, PRIVATE_FILE, Places, set};

#[tokio::test]
async fn the_public_halves_are_written_and_nothing_else() {
    let desk = Desk::new().await;
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Rs256] {
        for places in Places::all(&desk) {
            let keys = set(algorithm, &[2, 1]);
            desk.put(&places.keys, &keys.to_json());
            desk.put(&places.public, r#"{"keys":[]}"#);
            let said = desk.keys(&["publish"], &places).await;
            said.is_done().says(&[keys.keys()[0].kid(), keys.keys()[1].kid()]);
            desk.assert_sound(&places, algorithm);
            assert_eq!(desk.text(&places.keys), Some(keys.to_json()));
            desk.keys(&["publish"], &places).await.is_done().says(&["already"]);
        }
    }
}

#[tokio::test]
async fn keys_are_added_without_a_question_and_taken_out_with_one() {
    let desk = Desk::new().await;
    let places = Places::files();
    let keys = set(Algorithm::EdDsa, &[2, 1]);
    desk.put(&places.keys, &keys.to_json());
    desk.put(
        &places.public,
        &shared::domain::keys::key_set::JwkSet::new(vec![keys.public().keys()[1].clone()]).to_json(),
    );
    desk.keys(&["publish"], &places).await.is_done();
    desk.assert_sound(&places, Algorithm::EdDsa);
    let others = set(Algorithm::EdDsa, &[1]).public();
    for (held, words) in [
        (others.to_json(), others.keys()[0].kid()),
        ("{".to_owned(), "holds no JWK Set"),
        ("a plain key of 32 octets, or more".to_owned(), "holds a plain key"),
        (keys.to_json(), "holds 2 EdDSA keys"),
    ] {
        desk.put(&places.public, &held);
        desk.keys(&["publish"], &places).await.is_failed(&[words, "--yes"]);
        assert_eq!(desk.text(&places.public), Some(held));
        desk.keys(&["publish", "--yes"], &places).await.is_done();
        desk.assert_sound(&places, Algorithm::EdDsa);
    }
}

#[tokio::test]
async fn it_needs_a_public_place() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::EdDsa, &[1]).to_json());
    let said = desk.run(&["keys", "publish", "--keys", PRIVATE_FILE]).await;
    said.is_ended(2, &["--public-keys is not given", "JWT_PUBLIC_KEYS_ARN"]);
}
