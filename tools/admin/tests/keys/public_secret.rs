//! The public key set as a second secret.

use serde_json::Value;
use shared::domain::{
    deployment::Deployment,
    keys::{Algorithm, JwkSet},
};

use crate::{
    fake_aws::{DESCRIBE, FakeAws, GET, PUT, UPDATE},
    harness::{Locations, Sandbox, set},
};

/// A private set of one key and its public set.
fn with_keys(sandbox: &Sandbox) -> Locations {
    let locations = Locations::secrets(sandbox);
    let keys = set(Algorithm::EdDsa, &[1]);
    sandbox.put(&locations.keys, &keys.to_json());
    sandbox.put(&locations.public, &keys.public().to_json());
    locations
}

/// A public set with one more key, as another writer leaves it.
fn extended(sandbox: &Sandbox, locations: &Locations) -> String {
    let public = JwkSet::parse(&sandbox.text(&locations.public).unwrap(), Algorithm::EdDsa, Deployment::Aws).unwrap();
    JwkSet::new([set(Algorithm::EdDsa, &[2]).public().keys(), public.keys()].concat()).to_json()
}

#[tokio::test]
async fn the_public_secret_never_contains_a_private_value() {
    let sandbox = Sandbox::new().await;
    for name in ["keys", "postern/keys", "a/b/c/keys"] {
        let locations = Locations::named_secrets(&sandbox, name);
        sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
        sandbox.keys(&["rotate"], &locations).await.assert_success();
        sandbox.assert_consistent(&locations, Algorithm::EdDsa);
        let [private, public] = [&locations.keys, &locations.public].map(|arn| sandbox.aws.texts(arn));
        assert_eq!((private.len(), public.len()), (2, 2));
        assert!(private.iter().all(|text| text.contains(r#""d":"#)));
        assert!(public.iter().all(|text| !text.contains(r#""d":"#)));
    }
}

#[tokio::test]
async fn private_keys_are_not_written_to_a_secret_that_contains_public_keys() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    let keys = set(Algorithm::EdDsa, &[2, 1]);
    let stored = keys.public().to_json();
    sandbox.put(&locations.keys, &stored);
    sandbox.put(&locations.public, "");
    for command in [
        &["new", "--algorithm", "EdDSA", "--yes"][..],
        &["rotate"],
        &["retire", keys.keys()[0].kid(), "--yes"],
        &["publish", "--yes"],
    ] {
        let outcome = sandbox.keys(command, &locations).await;
        outcome.assert_failed(&[&locations.keys, "contains 2 public EdDSA keys", "swapped"]);
        let now = (sandbox.text(&locations.keys), sandbox.text(&locations.public));
        assert_eq!(now, (Some(stored.clone()), Some(String::new())));
    }
    assert!(sandbox.aws.account().requests(PUT).is_empty());
}

#[tokio::test]
async fn a_write_sends_a_value_and_leaves_the_settings_of_both_secrets() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    sandbox.keys(&["rotate"], &locations).await.assert_success();
    let account = sandbox.aws.account();
    // UpdateSecret, which also changes the KMS key and the description, is never called.
    assert!(account.calls.iter().all(|(action, ..)| [GET, PUT, UPDATE].contains(&action.as_str())));
    let requests = account.requests(PUT);
    let targets: Vec<_> = requests.iter().map(|request| request["SecretId"].clone()).collect();
    assert_eq!(targets, [locations.public.as_str(), &locations.keys], "the public set is written first");
    for request in requests {
        let mut members: Vec<&String> = request.as_object().unwrap().keys().collect();
        members.sort();
        assert_eq!(members, ["ClientRequestToken", "SecretId", "SecretString", "VersionStages"]);
    }
}

#[tokio::test]
async fn nothing_is_written_if_it_is_unknown_whether_the_public_secret_exists() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    sandbox.put(&locations.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    sandbox.aws.refuse_on(&locations.public, DESCRIBE, "AccessDeniedException", "You may not.");
    let outcome = sandbox.keys(&["rotate"], &locations).await;
    outcome.assert_failed(&[&locations.public, "cannot be read: AccessDeniedException: You may not."]);
    assert_eq!(sandbox.kids(&locations.keys).len(), 1);
    assert!(sandbox.aws.account().requests(PUT).is_empty());
}

#[tokio::test]
async fn a_set_that_exceeds_the_size_limit_of_aws_is_reported() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    sandbox.put(&locations.keys, &set(Algorithm::Rs256, &[2, 1]).to_json());
    sandbox.aws.account().size_limit = 4096;
    let outcome = sandbox.keys(&["rotate"], &locations).await;
    outcome.assert_failed(&["can't be longer than 4096 bytes", "its value is unchanged", "is already written"]);
    assert_eq!((sandbox.kids(&locations.keys).len(), sandbox.kids(&locations.public).len()), (2, 3));
    sandbox.keys(&["publish", "--yes"], &locations).await.assert_success();
    sandbox.assert_consistent(&locations, Algorithm::Rs256);
}

#[tokio::test]
async fn a_public_set_that_changed_since_it_was_read_is_not_overwritten() {
    let sandbox = Sandbox::new().await;
    for action in [PUT, UPDATE] {
        let locations = with_keys(&sandbox);
        let (arn, others) = (locations.public.clone(), extended(&sandbox, &locations));
        let theirs = others.clone();
        sandbox.aws.before_on(&locations.public, action, move |account| account.put(&arn, &theirs));
        let outcome = sandbox.keys(&["rotate"], &locations).await;
        outcome.assert_failed(&[&locations.public, "was changed by another writer", "try again", "is unchanged"]);
        assert_eq!(sandbox.text(&locations.public), Some(others));
        assert_eq!(sandbox.kids(&locations.keys).len(), 1, "the private set is not written");
    }
}

#[tokio::test]
async fn a_first_public_set_of_another_writer_is_not_overwritten() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    let (arn, others) = (locations.public.clone(), set(Algorithm::EdDsa, &[1]).public().to_json());
    let theirs = others.clone();
    sandbox.aws.before_on(&locations.public, PUT, move |account| account.put(&arn, &theirs));
    let outcome = sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await;
    outcome.assert_failed(&[&locations.public, "was changed by another writer", "is unchanged"]);
    assert_eq!((sandbox.text(&locations.keys), sandbox.text(&locations.public)), (None, Some(others)));
}

#[tokio::test]
async fn a_concurrent_public_write_during_retire_is_repaired_by_publish() {
    let sandbox = Sandbox::new().await;
    let locations = Locations::secrets(&sandbox);
    let keys = set(Algorithm::EdDsa, &[2, 1]);
    let [first, second] = [keys.keys()[0].kid(), keys.keys()[1].kid()];
    sandbox.put(&locations.keys, &keys.to_json());
    sandbox.put(&locations.public, &keys.public().to_json());
    let (arn, others) = (locations.public.clone(), extended(&sandbox, &locations));
    sandbox.aws.before_on(&locations.public, UPDATE, move |account| account.put(&arn, &others));
    let outcome = sandbox.keys(&["retire", second, "--yes"], &locations).await;
    outcome.assert_failed(&["was changed by another writer", "is already written", "still accepted"]);
    assert_eq!((sandbox.kids(&locations.keys), sandbox.kids(&locations.public).len()), (vec![first.to_owned()], 3));
    assert_eq!(sandbox.aws.stages(&locations.public), [["AWSPREVIOUS"], ["AWSCURRENT"]], "no temporary label remains");
    sandbox.keys(&["publish", "--yes"], &locations).await.assert_success();
    sandbox.assert_consistent(&locations, Algorithm::EdDsa);
}

#[tokio::test]
async fn a_public_write_whose_response_is_lost_succeeds() {
    let sandbox = Sandbox::new().await;
    for action in [PUT, UPDATE] {
        let locations = with_keys(&sandbox);
        sandbox.put(&locations.public, r#"{"keys":[]}"#);
        sandbox.aws.lose_response(action);
        sandbox.keys(&["publish"], &locations).await.assert_success();
        sandbox.assert_consistent(&locations, Algorithm::EdDsa);
    }
    let locations = Locations::secrets(&sandbox);
    sandbox.aws.lose_response(PUT);
    sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
    assert_eq!(sandbox.aws.texts(&locations.public).len(), 1);
}

#[tokio::test]
async fn credentials_of_another_account_write_nothing() {
    let sandbox = Sandbox::new().await;
    let locations = with_keys(&sandbox);
    // This account has a secret with the same name, which must not be written.
    let other = Locations { public: locations.public.replace("123456789012", "999999999999"), ..locations.clone() };
    let before = sandbox.text(&locations.public);
    let outcome = sandbox.keys(&["rotate"], &other).await;
    outcome.assert_failed(&["arn:aws:secretsmanager:eu-west-1:999999999999:secret:", "does not exist"]);
    assert_eq!(sandbox.text(&locations.public), before);
    assert!(sandbox.aws.account().requests(PUT).is_empty());
}

#[tokio::test]
async fn both_secrets_are_addressed_by_their_complete_arn() {
    let sandbox = Sandbox::new().await;
    for name in ["keys", "postern/keys", "/keys"] {
        let locations = Locations::named_secrets(&sandbox, name);
        sandbox.keys(&["new", "--algorithm", "EdDSA"], &locations).await.assert_success();
        sandbox.keys(&["rotate"], &locations).await.assert_success();
        let arns = [&locations.keys, &locations.public];
        assert!(arns.iter().all(|arn| arn.starts_with(&FakeAws::arn(name))));
        let mut account = sandbox.aws.account();
        let calls = std::mem::take(&mut account.calls);
        assert!(arns.iter().all(|arn| calls.iter().any(|(_, body, _)| body["SecretId"] == **arn)));
        assert!(
            calls.iter().all(|(_, body, _): &(String, Value, String)| arns.iter().any(|arn| body["SecretId"] == **arn))
        );
    }
}
