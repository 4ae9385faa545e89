use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, PRIVATE_FILE, PUBLIC_FILE, Places, set};

const NEW: [&str; 8] = ["keys", "new", "--algorithm", "EdDSA", "--keys", PRIVATE_FILE, "--public-keys", PUBLIC_FILE];

#[tokio::test]
async fn only_yes_goes_on() {
    let desk = Desk::new().await;
    for (answer, goes_on) in
        [("y", true), ("yes", true), ("YES", true), ("n", false), ("", false), ("yep", false), (" ", false)]
    {
        let old = set(Algorithm::EdDsa, &[1]).to_json();
        desk.put(PRIVATE_FILE, &old);
        let asked = desk.ask(&NEW).await;
        assert!(asked.question.starts_with("file:keys.json holds 1 EdDSA key"), "{}", asked.question);
        assert!(asked.question.ends_with("\nContinue? [y/N] "), "{}", asked.question);
        let said = asked.answer(&desk, answer).await;
        assert_eq!(said.code, i32::from(!goes_on), "{answer} {said:?}");
        assert_eq!(desk.text(PRIVATE_FILE).unwrap() != old, goes_on, "{answer}");
        assert_eq!(said.err.contains("admin: nothing is written\n"), !goes_on, "{said:?}");
        let _ = std::fs::remove_file(desk.path("public-keys.json"));
    }
}

#[tokio::test]
async fn retiring_asks_and_rotating_does_not() {
    let desk = Desk::new().await;
    desk.put(PRIVATE_FILE, &set(Algorithm::Hs256, &[2, 1]).to_json());
    let kid = desk.kids(PRIVATE_FILE)[0].clone();
    let retire = ["keys", "retire", &kid, "--keys", PRIVATE_FILE];
    desk.ask(&retire).await.answer(&desk, "no").await.is_ended(1, &["nothing is written"]);
    assert_eq!(desk.kids(PRIVATE_FILE).len(), 2);
    let said = desk.ask(&retire).await.answer(&desk, "y").await;
    assert!(said.code == 0 && desk.kids(PRIVATE_FILE).len() == 1, "{said:?}");
    desk.run(&["keys", "rotate", "--keys", PRIVATE_FILE]).await.is_done();
}

#[tokio::test]
async fn what_changes_while_it_asks_is_not_overwritten() {
    let desk = Desk::new().await;
    for places in Places::all(&desk) {
        let [old, others] = [set(Algorithm::EdDsa, &[2, 1]), set(Algorithm::EdDsa, &[2, 1])];
        desk.put(&places.keys, &old.to_json());
        let retire = ["keys", "retire", old.keys()[1].kid(), "--keys", &places.keys];
        let asked = desk.ask(&retire).await;
        desk.put(&places.keys, &others.to_json());
        let said = asked.answer(&desk, "y").await;
        said.is_ended(1, &["was changed by somebody else meanwhile", "admin keys list", "try again"]);
        assert_eq!(desk.text(&places.keys), Some(others.to_json()));
    }
    assert_eq!(desk.files(), ["keys.json"], "no temporary file is left");
}

#[tokio::test]
async fn what_appears_while_it_asks_is_not_overwritten() {
    let desk = Desk::new().await;
    for places in Places::all(&desk) {
        desk.put(&places.public, &set(Algorithm::EdDsa, &[1]).public().to_json());
        let arguments =
            ["keys", "new", "--algorithm", "EdDSA", "--keys", &places.keys, "--public-keys", &places.public];
        let asked = desk.ask(&arguments).await;
        let others = set(Algorithm::EdDsa, &[1]).to_json();
        desk.put(&places.keys, &others);
        let said = asked.answer(&desk, "y").await;
        said.is_ended(1, &["was changed by somebody else meanwhile", "is written already"]);
        assert_eq!(desk.text(&places.keys), Some(others));
    }
}
