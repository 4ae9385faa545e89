use serde_json::Value;
use shared::domain::keys::jwk::Algorithm;

use crate::harness::{Desk, Places, kids, set};

const UPDATE: &str = "secretsmanager.UpdateSecretVersionStage";
const PUT: &str = "secretsmanager.PutSecretValue";

fn with_keys(desk: &Desk) -> Places {
    let places = Places::secret(desk);
    desk.put(&places.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    places
}

fn rotate(places: &Places) -> [&str; 4] {
    ["keys", "rotate", "--keys", &places.keys]
}

#[tokio::test]
async fn a_new_version_becomes_current_and_the_old_one_previous() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.run(&rotate(&places)).await.is_done();
    assert_eq!(desk.aws.stages(&places.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]]);
    desk.run(&rotate(&places)).await.is_done();
    assert_eq!(desk.aws.stages(&places.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]], "no label of ours is left");
    assert_eq!(desk.kids(&places.keys).len(), 3);
}

#[tokio::test]
async fn the_first_version_is_current_from_the_beginning() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    desk.keys(&["new", "--algorithm", "EdDSA"], &places).await.is_done();
    assert_eq!(desk.aws.stages(&places.keys), [["AWSCURRENT"]]);
    desk.assert_sound(&places, Algorithm::EdDsa);
}

#[tokio::test]
async fn of_two_who_write_the_first_version_one_is_told() {
    let desk = Desk::new().await;
    let places = Places::secret(&desk);
    let (arn, others) = (places.keys.clone(), set(Algorithm::EdDsa, &[1]).to_json());
    let theirs = others.clone();
    desk.aws.before(PUT, move |account| account.put(&arn, &theirs));
    let said = desk.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", &places.keys]).await;
    said.is_failed(&["was changed by somebody else meanwhile"]);
    assert_eq!(desk.text(&places.keys), Some(others));
    assert_eq!(desk.aws.stages(&places.keys), [["AWSCURRENT"]]);
}

#[tokio::test]
async fn a_version_that_became_current_in_between_stays() {
    let desk = Desk::new().await;
    for action in [PUT, UPDATE] {
        let places = with_keys(&desk);
        let (arn, others) = (places.keys.clone(), set(Algorithm::EdDsa, &[1, 2]).to_json());
        let theirs = others.clone();
        desk.aws.before(action, move |account| account.put(&arn, &theirs));
        let said = desk.run(&rotate(&places)).await;
        said.is_failed(&["was changed by somebody else meanwhile", "`admin keys list`", "try again"]);
        assert_eq!(desk.text(&places.keys), Some(others));
        assert_eq!(desk.aws.stages(&places.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]], "no label of ours is left");
        desk.run(&rotate(&places)).await.is_done();
    }
}

#[tokio::test]
async fn of_many_admins_at_once_nobodys_key_is_lost() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    let before = desk.kids(&places.keys);
    let arguments = rotate(&places);
    let (a, b, c, d) =
        tokio::join!(desk.run(&arguments), desk.run(&arguments), desk.run(&arguments), desk.run(&arguments));
    let mut done = 0;
    let after = desk.kids(&places.keys);
    for said in [a, b, c, d] {
        if said.code == 0 {
            done += 1;
            assert!(after.iter().any(|kid| said.out.contains(&format!("checking: {kid}"))), "{said:?} {after:?}");
        } else {
            said.is_failed(&["was changed by somebody else meanwhile"]);
        }
    }
    assert!(done >= 1);
    assert_eq!((after.len(), after.last()), (1 + done, before.last()));
    assert!(desk.aws.stages(&places.keys).concat().iter().all(|label| label.starts_with("AWS")));
}

#[tokio::test]
async fn when_the_private_set_changes_after_the_public_one_was_written_publishing_mends_it() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.keys(&["publish"], &places).await.is_done();
    let (arn, others) = (places.keys.clone(), set(Algorithm::EdDsa, &[2, 1]).to_json());
    desk.aws.before(UPDATE, move |account| account.put(&arn, &others));
    let said = desk.keys(&["rotate"], &places).await;
    said.is_failed(&["was changed by somebody else meanwhile", "is written already"]);
    desk.keys(&["list"], &places).await.is_done().says(&["admin keys publish"]);
    desk.keys(&["publish", "--yes"], &places).await.is_done();
    desk.assert_sound(&places, Algorithm::EdDsa);
}

#[tokio::test]
async fn a_lost_answer_is_no_failure() {
    let desk = Desk::new().await;
    for action in [PUT, UPDATE] {
        let places = with_keys(&desk);
        desk.aws.lose(action);
        desk.run(&rotate(&places)).await.is_done();
        assert_eq!(desk.kids(&places.keys).len(), 2, "{action}");
        assert_eq!(desk.aws.stages(&places.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]]);
    }
}

#[tokio::test]
async fn a_write_of_which_nothing_is_known_is_told_as_such() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.aws.refuse(UPDATE, "AccessDeniedException", "You may not.");
    // The first reading is the one before the write.
    desk.aws.before(PUT, |account| account.refuse("secretsmanager.GetSecretValue", "InternalServiceError", "Later."));
    let said = desk.run(&rotate(&places)).await;
    said.is_failed(&["may have been written or not", "AccessDeniedException", "`admin keys list` shows which"]);
}

#[tokio::test]
async fn a_service_that_quotes_the_keys_is_not_quoted() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.aws.before(PUT, |account| {
        let sent: Value = account.requests(PUT).pop().unwrap();
        account.refuse(PUT, "ValidationException", &format!("Value {} is too long", sent["SecretString"]));
    });
    let said = desk.run(&rotate(&places)).await;
    said.is_failed(&["could not be written (refused, in words that quote a key)"]);
    assert_eq!(desk.kids(&places.keys).len(), 1);
}

#[tokio::test]
async fn the_region_is_that_of_the_arn() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.keys(&["rotate"], &places).await.is_done();
    let account = desk.aws.account();
    assert!(account.calls.len() > 5 && account.calls.iter().all(|(.., region)| region == "eu-west-1"));
}

#[tokio::test]
async fn nothing_private_is_in_a_label_or_in_a_public_set() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.keys(&["rotate"], &places).await.is_done();
    let private: Value = serde_json::from_str(&desk.text(&places.keys).unwrap()).unwrap();
    let private = private["keys"].as_array().unwrap().iter().map(|key| key["d"].as_str().unwrap().to_owned());
    let private: Vec<String> = private.collect();
    let account = desk.aws.account();
    for (action, body, _) in account.calls.iter().filter(|(action, ..)| action != PUT) {
        assert!(private.iter().all(|value| !body.to_string().contains(value)), "{action}");
    }
    assert_eq!(kids(&account.text(&places.public).unwrap()).len(), 2);
}
