use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, Places, set};

const NOW: u64 = 4_000_000_000;

#[tokio::test]
async fn a_key_is_taken_out_of_every_place_for_every_algorithm() {
    let desk = Desk::new().await;
    for algorithm in Algorithm::ALL {
        for places in Places::all(&desk) {
            let old = set(algorithm, &[20, 10]);
            let [first, second] = [old.keys()[0].kid(), old.keys()[1].kid()];
            desk.put(&places.keys, &old.to_json());
            let said = if algorithm.is_asymmetric() {
                desk.put(&places.public, &old.public().to_json());
                desk.keys(&["retire", second, "--yes"], &places).await
            } else {
                desk.run(&["keys", "retire", second, "--yes", "--keys", &places.keys]).await
            };
            said.is_done().says(&[second, "is taken out of", &format!("{first} signs.")]);
            assert_eq!(desk.kids(&places.keys), [first]);
            desk.assert_sound(&places, algorithm);
        }
    }
}

#[tokio::test]
async fn it_asks_and_tells_what_it_means() {
    let desk = Desk::new().await;
    let places = Places::files();
    let old = set(Algorithm::EdDsa, &[NOW, 20, 10]);
    let [waits, signs, checks] = [0, 1, 2].map(|place: usize| old.keys()[place].kid());
    desk.put(&places.keys, &old.to_json());
    desk.put(&places.public, &old.public().to_json());
    for (kid, words) in [
        (waits, format!("It is the first key, which waits to sign: {signs} goes on.")),
        (signs, format!("It is the key that signs: {checks} signs from then on.")),
        (checks, "every token signed with it is refused within JWT_KEYS_REFRESH (300 s)".to_owned()),
    ] {
        let said = desk.keys(&["retire", kid], &places).await;
        said.is_failed(&[kid, &words, "sessions survive", "Nothing is written", "--yes"]);
        assert_eq!(desk.text(&places.keys), Some(old.to_json()));
        assert_eq!(desk.text(&places.public), Some(old.public().to_json()));
    }
}

#[tokio::test]
async fn the_last_key_stays() {
    let desk = Desk::new().await;
    let last = set(Algorithm::EdDsa, &[1]);
    for places in Places::all(&desk) {
        desk.put(&places.keys, &last.to_json());
        let said = desk.keys(&["retire", last.keys()[0].kid(), "--yes"], &places).await;
        said.is_failed(&["is the last key", "admin keys new --algorithm EdDSA --keys"]);
        assert_eq!(desk.text(&places.keys), Some(last.to_json()));
    }
}

#[tokio::test]
async fn an_unknown_kid_is_refused_with_those_there_are() {
    let desk = Desk::new().await;
    let places = Places::files();
    let (keys, left) = (set(Algorithm::EdDsa, &[2, 1]), set(Algorithm::EdDsa, &[1]));
    desk.put(&places.keys, &keys.to_json());
    let public = [keys.public().keys(), left.public().keys()].concat();
    desk.put(&places.public, &shared::domain::keys::key_set::JwkSet::new(public).to_json());
    let kids = [keys.keys(), left.keys()].concat();
    let kids: Vec<&str> = kids.iter().map(shared::domain::keys::jwk::Jwk::kid).collect();
    let said = desk.keys(&["retire", "unknown", "--yes"], &places).await;
    said.is_failed(&[&format!("no key has this kid; there are {}", kids.join(", "))]);
}

#[tokio::test]
async fn a_kid_may_look_like_an_option() {
    let desk = Desk::new().await;
    let places = Places::files();
    for kid in ["-yes", "--public", "-h3lp"] {
        let keys = set(Algorithm::EdDsa, &[2, 1]).to_json();
        let second = crate::harness::kids(&keys)[1].clone();
        desk.put(&places.keys, &keys.replace(&second, kid));
        desk.put(&places.public, "");
        desk.keys(&["retire", "--yes", kid], &places).await.is_done();
        desk.keys(&["retire", kid, "--yes"], &places).await.is_failed(&["no key has this kid"]);
    }
}

#[tokio::test]
async fn when_the_second_write_fails_that_is_said_and_another_run_completes_it() {
    let desk = Desk::new().await;
    for command in ["retire", "publish"] {
        let places = Places::secret(&desk);
        let old = set(Algorithm::EdDsa, &[20, 10]);
        let [first, second] = [old.keys()[0].kid(), old.keys()[1].kid()];
        desk.put(&places.keys, &old.to_json());
        desk.put(&places.public, &old.public().to_json());
        desk.aws.refuse("AmazonSSM.PutParameter", "AccessDeniedException", "You may not.");
        let said = desk.keys(&["retire", second, "--yes"], &places).await;
        said.is_failed(&["AccessDeniedException", "holds what it held", "is written already", "still taken"]);
        said.says(&[&format!("admin keys retire {second} --keys {} --public-keys {}", places.keys, places.public)]);
        assert_eq!(desk.kids(&places.keys), [first], "the private set was first");
        assert_eq!(desk.kids(&places.public), [first, second]);
        desk.aws.allow("AmazonSSM.PutParameter");
        let arguments = if command == "retire" { vec!["retire", second] } else { vec!["publish"] };
        let said = desk.keys(&arguments, &places).await;
        said.is_failed(&[second, "is refused within", "--yes"]);
        assert_eq!(desk.kids(&places.public), [first, second]);
        desk.keys(&[&arguments[..], &["--yes"]].concat(), &places).await.is_done();
        assert_eq!(desk.kids(&places.public), [first]);
        desk.assert_sound(&places, Algorithm::EdDsa);
    }
}

#[tokio::test]
async fn when_the_first_write_fails_nothing_is_written() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    let old = set(Algorithm::EdDsa, &[20, 10]);
    desk.put(&places.keys, &old.to_json());
    desk.put(&places.public, &old.public().to_json());
    desk.aws.refuse("secretsmanager.PutSecretValue", "AccessDeniedException", "You may not.");
    let said = desk.keys(&["retire", old.keys()[1].kid(), "--yes"], &places).await;
    said.is_failed(&["AccessDeniedException", "holds what it held", "is untouched"]);
    assert_eq!(desk.text(&places.public), Some(old.public().to_json()));
    assert_eq!(desk.text(&places.keys), Some(old.to_json()));
}
