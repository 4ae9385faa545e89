use shared::domain::keys::Algorithm;

use crate::harness::{Locations, PRIVATE_FILE, PUBLIC_FILE, Sandbox, set};

const NEW: [&str; 8] = ["keys", "new", "--algorithm", "EdDSA", "--keys", PRIVATE_FILE, "--public-keys", PUBLIC_FILE];

#[tokio::test]
async fn only_yes_confirms() {
    let sandbox = Sandbox::new().await;
    for (answer, confirms) in
        [("y", true), ("yes", true), ("YES", true), ("n", false), ("", false), ("yep", false), (" ", false)]
    {
        let old = set(Algorithm::EdDsa, &[1]).to_json();
        sandbox.put(PRIVATE_FILE, &old);
        let prompt = sandbox.prompt(&NEW).await;
        assert!(prompt.question.starts_with("file:keys.json contains 1 EdDSA key"), "{}", prompt.question);
        assert!(prompt.question.ends_with("\nContinue? [y/N] "), "{}", prompt.question);
        let outcome = prompt.answer(&sandbox, answer).await;
        assert_eq!(outcome.code, i32::from(!confirms), "{answer} {outcome:?}");
        assert_eq!(sandbox.text(PRIVATE_FILE).unwrap() != old, confirms, "{answer}");
        assert_eq!(outcome.err.contains("admin: nothing is written\n"), !confirms, "{outcome:?}");
        let _ = std::fs::remove_file(sandbox.path("public-keys.json"));
    }
}

#[tokio::test]
async fn retire_asks_for_confirmation_and_rotate_does_not() {
    let sandbox = Sandbox::new().await;
    sandbox.put(PRIVATE_FILE, &set(Algorithm::Hs256, &[2, 1]).to_json());
    let kid = sandbox.kids(PRIVATE_FILE)[0].clone();
    let retire = ["keys", "retire", &kid, "--keys", PRIVATE_FILE];
    sandbox.prompt(&retire).await.answer(&sandbox, "no").await.assert_exit(1, &["nothing is written"]);
    assert_eq!(sandbox.kids(PRIVATE_FILE).len(), 2);
    let outcome = sandbox.prompt(&retire).await.answer(&sandbox, "y").await;
    assert!(outcome.code == 0 && sandbox.kids(PRIVATE_FILE).len() == 1, "{outcome:?}");
    sandbox.run(&["keys", "rotate", "--keys", PRIVATE_FILE]).await.assert_success();
}

#[tokio::test]
async fn a_change_during_the_prompt_is_not_overwritten() {
    let sandbox = Sandbox::new().await;
    for locations in Locations::all(&sandbox) {
        let [old, others] = [set(Algorithm::EdDsa, &[2, 1]), set(Algorithm::EdDsa, &[2, 1])];
        sandbox.put(&locations.keys, &old.to_json());
        let retire = ["keys", "retire", old.keys()[1].kid(), "--keys", &locations.keys];
        let prompt = sandbox.prompt(&retire).await;
        sandbox.put(&locations.keys, &others.to_json());
        let outcome = prompt.answer(&sandbox, "y").await;
        outcome.assert_exit(1, &["was changed by another writer", "admin keys list", "try again"]);
        assert_eq!(sandbox.text(&locations.keys), Some(others.to_json()));
    }
    assert_eq!(sandbox.files(), ["keys.json"], "no temporary file is left");
}

#[tokio::test]
async fn a_value_created_during_the_prompt_is_not_overwritten() {
    let sandbox = Sandbox::new().await;
    for locations in Locations::all(&sandbox) {
        sandbox.put(&locations.public, &set(Algorithm::EdDsa, &[1]).public().to_json());
        let arguments =
            ["keys", "new", "--algorithm", "EdDSA", "--keys", &locations.keys, "--public-keys", &locations.public];
        let prompt = sandbox.prompt(&arguments).await;
        let others = set(Algorithm::EdDsa, &[1]).to_json();
        sandbox.put(&locations.keys, &others);
        let outcome = prompt.answer(&sandbox, "y").await;
        outcome.assert_exit(1, &["was changed by another writer", "is already written"]);
        assert_eq!(sandbox.text(&locations.keys), Some(others));
    }
}
