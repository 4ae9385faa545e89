use serde_json::Value;
use shared::domain::keys::Algorithm;

use crate::fake_aws::{GET, PUT, UPDATE};
use crate::harness::{Locations, Sandbox, kids, set};

fn with_keys(sandbox: &Sandbox) -> Locations {
    let locations = Locations::secrets(sandbox);
    sandbox.put(&locations.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    locations
}

fn rotate(locations: &Locations) -> [&str; 4] {
    ["keys", "rotate", "--keys", &locations.keys]
}

#[tokio::test]
async fn a_new_version_becomes_current_and_the_old_one_previous() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.run(&rotate(&locations)).await.assert_success();
    assert_eq!(sandbox.aws.stages(&locations.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]]);
    sandbox.run(&rotate(&locations)).await.assert_success();
    assert_eq!(sandbox.aws.stages(&locations.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]], "no temporary label remains");
    assert_eq!(sandbox.kids(&locations.keys).len(), 3);
}

#[tokio::test]
async fn the_first_version_becomes_current() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
    assert_eq!(sandbox.aws.stages(&locations.keys), [["AWSCURRENT"]]);
    sandbox.assert_consistent(&locations, Algorithm::EdDsa);
}

#[tokio::test]
async fn the_second_of_two_writers_of_the_first_version_fails() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    let (arn, others) = (locations.keys.clone(), set(Algorithm::EdDsa, &[1]).to_json());
    let theirs = others.clone();
    sandbox.aws.before(PUT, move |account| account.put(&arn, &theirs));
    let outcome = sandbox.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", &locations.keys]).await;
    outcome.assert_failed(&["was changed by another writer"]);
    assert_eq!(sandbox.text(&locations.keys), Some(others));
    assert_eq!(sandbox.aws.stages(&locations.keys), [["AWSCURRENT"]]);
}

#[tokio::test]
async fn a_concurrently_written_version_stays_current() {
    let sandbox = Sandbox::new().await;
    for action in [PUT, UPDATE] {
        let locations = with_keys(&sandbox);
        let (arn, others) = (locations.keys.clone(), set(Algorithm::EdDsa, &[1, 2]).to_json());
        let theirs = others.clone();
        sandbox.aws.before(action, move |account| account.put(&arn, &theirs));
        let outcome = sandbox.run(&rotate(&locations)).await;
        outcome.assert_failed(&["was changed by another writer", "`admin keys list`", "try again"]);
        assert_eq!(sandbox.text(&locations.keys), Some(others));
        assert_eq!(
            sandbox.aws.stages(&locations.keys),
            [["AWSPREVIOUS"], ["AWSCURRENT"]],
            "no temporary label remains"
        );
        sandbox.run(&rotate(&locations)).await.assert_success();
    }
}

#[tokio::test]
async fn no_key_of_concurrent_rotations_is_lost() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    let before = sandbox.kids(&locations.keys);
    let arguments = rotate(&locations);
    let (a, b, c, d) = tokio::join!(
        sandbox.run(&arguments),
        sandbox.run(&arguments),
        sandbox.run(&arguments),
        sandbox.run(&arguments)
    );
    let mut done = 0;
    let after = sandbox.kids(&locations.keys);
    for outcome in [a, b, c, d] {
        if outcome.code == 0 {
            done += 1;
            assert!(after.iter().any(|kid| outcome.out.contains(&format!("tokens: {kid}"))), "{outcome:?} {after:?}");
        } else {
            outcome.assert_failed(&["was changed by another writer"]);
        }
    }
    assert!(done >= 1);
    assert_eq!((after.len(), after.last()), (1 + done, before.last()));
    assert!(sandbox.aws.stages(&locations.keys).concat().iter().all(|label| label.starts_with("AWS")));
}

#[tokio::test]
async fn publish_repairs_the_public_set_after_a_concurrent_private_write() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.keys(&["publish"], &locations).await.assert_success();
    let (arn, others) = (locations.keys.clone(), set(Algorithm::EdDsa, &[2, 1]).to_json());
    sandbox.aws.before_on(&locations.keys, UPDATE, move |account| account.put(&arn, &others));
    let outcome = sandbox.keys(&["rotate"], &locations).await;
    outcome.assert_failed(&["was changed by another writer", "is already written"]);
    sandbox.keys(&["list"], &locations).await.assert_success().assert_mentions(&["admin keys publish"]);
    sandbox.keys(&["publish", "--yes"], &locations).await.assert_success();
    sandbox.assert_consistent(&locations, Algorithm::EdDsa);
}

#[tokio::test]
async fn a_write_whose_response_is_lost_succeeds() {
    let sandbox = Sandbox::new().await;
    for action in [PUT, UPDATE] {
        let locations = with_keys(&sandbox);
        sandbox.aws.lose_response(action);
        sandbox.run(&rotate(&locations)).await.assert_success();
        assert_eq!(sandbox.kids(&locations.keys).len(), 2, "{action}");
        assert_eq!(sandbox.aws.stages(&locations.keys), [["AWSPREVIOUS"], ["AWSCURRENT"]]);
    }
}

#[tokio::test]
async fn a_write_with_an_unknown_outcome_is_reported() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.aws.refuse(UPDATE, "AccessDeniedException", "You may not.");
    // The read before the write succeeds, the one after it fails.
    sandbox.aws.before(PUT, |account| account.refuse(GET, "InternalServiceError", "Later."));
    let outcome = sandbox.run(&rotate(&locations)).await;
    outcome.assert_failed(&[
        "may or may not have been written",
        "AccessDeniedException",
        "`admin keys list` shows its keys",
    ]);
}

#[tokio::test]
async fn an_error_message_that_quotes_the_keys_is_not_printed() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.aws.before(PUT, |account| {
        let sent: Value = account.requests(PUT).pop().unwrap();
        account.refuse(PUT, "ValidationException", &format!("Value {} is too long", sent["SecretString"]));
    });
    let outcome = sandbox.run(&rotate(&locations)).await;
    outcome.assert_failed(&["could not be written (rejected; the error message is omitted because it quotes a key)"]);
    assert_eq!(sandbox.kids(&locations.keys).len(), 1);
}

#[tokio::test]
async fn the_region_is_the_one_in_the_arn() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.keys(&["rotate"], &locations).await.assert_success();
    let account = sandbox.aws.account();
    assert!(account.calls.len() > 5 && account.calls.iter().all(|(.., region)| region == "eu-west-1"));
}

#[tokio::test]
async fn private_values_are_sent_only_as_the_value_of_the_private_secret() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.keys(&["rotate"], &locations).await.assert_success();
    let private: Value = serde_json::from_str(&sandbox.text(&locations.keys).unwrap()).unwrap();
    let private = private["keys"].as_array().unwrap().iter().map(|key| key["d"].as_str().unwrap().to_owned());
    let private: Vec<String> = private.collect();
    assert_eq!(private.len(), 2);
    let account = sandbox.aws.account();
    for (action, body, _) in &account.calls {
        if action == PUT && body["SecretId"] == locations.keys {
            continue;
        }
        assert!(private.iter().all(|value| !body.to_string().contains(value)), "{action}");
    }
    assert_eq!(kids(&account.text(&locations.public).unwrap()).len(), 2);
}
