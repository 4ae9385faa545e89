use serde_json::json;
use shared::domain::keys::{jwk::Algorithm, key_set::JwkSet};

use crate::{
    fake_aws::Aws,
    harness::{Desk, Places, set},
};

const GET: &str = "AmazonSSM.GetParameter";
const PUT: &str = "AmazonSSM.PutParameter";

fn with_keys(desk: &Desk) -> Places {
    let places = Places::parameters();
    desk.put(&places.keys, &set(Algorithm::EdDsa, &[1]).to_json());
    places
}

fn rotate(places: &Places) -> [&str; 4] {
    ["keys", "rotate", "--keys", &places.keys]
}

#[tokio::test]
async fn private_keys_are_encrypted_and_public_ones_are_not() {
    let desk = Desk::new().await;
    for name in ["keys", "postern/keys", "a/b/c/keys"] {
        let [keys, public] = [Aws::parameter_arn(name), Aws::parameter_arn(&format!("{name}.public"))];
        let places = Places { keys, public };
        desk.keys(&["new", "--algorithm", "EdDSA"], &places).await.is_done();
        desk.keys(&["rotate"], &places).await.is_done();
        desk.assert_sound(&places, Algorithm::EdDsa);
        let [private, public] = [&places.keys, &places.public].map(|arn| desk.aws.parameter(arn));
        assert_eq!((private.kind.as_str(), private.key_id.as_deref()), ("SecureString", Some("alias/aws/ssm")));
        assert_eq!((public.kind.as_str(), public.values.len()), ("String", 2));
    }
}

#[tokio::test]
async fn private_keys_are_not_written_where_nothing_is_encrypted() {
    let desk = Desk::new().await;
    let places = Places::parameters();
    let keys = set(Algorithm::EdDsa, &[2, 1]);
    desk.put(&places.keys, "plain text");
    desk.put(&places.public, "");
    for (held, command) in [
        ("plain text".to_owned(), &["new", "--algorithm", "EdDSA", "--yes"][..]),
        (keys.to_json(), &["rotate"]),
        (keys.to_json(), &["retire", keys.keys()[0].kid(), "--yes"]),
    ] {
        desk.put(&places.keys, &held);
        let said = desk.keys(command, &places).await;
        said.is_failed(&["is no SecureString", "nothing is written"]);
        assert_eq!((desk.text(&places.keys), desk.text(&places.public)), (Some(held), Some(String::new())));
    }
}

#[tokio::test]
async fn the_key_of_kms_and_the_tier_stay() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.aws.account().change(&places.keys, |parameter| {
        (parameter.key_id, parameter.tier) = (Some("alias/own".to_owned()), "Advanced".to_owned());
    });
    desk.run(&rotate(&places)).await.is_done();
    let parameter = desk.aws.parameter(&places.keys);
    assert_eq!((parameter.key_id.as_deref(), parameter.tier.as_str()), (Some("alias/own"), "Advanced"));
    assert_eq!(parameter.values.len(), 2);
    desk.aws.refuse("AmazonSSM.DescribeParameters", "AccessDeniedException", "You may not.");
    let said = desk.run(&rotate(&places)).await;
    said.is_failed(&["which KMS key and which tier it has cannot be found out: AccessDeniedException"]);
    assert_eq!(desk.kids(&places.keys).len(), 2);
}

#[tokio::test]
async fn a_set_that_is_too_large_for_its_tier_is_refused_by_aws_and_that_is_told() {
    let desk = Desk::new().await;
    let places = Places::parameters();
    desk.put(&places.keys, &set(Algorithm::Rs256, &[2, 1]).to_json());
    let said = desk.keys(&["rotate"], &places).await;
    said.is_failed(&["maximum parameter value of 4096 characters", "holds what it held", "is written already"]);
    assert_eq!((desk.kids(&places.keys).len(), desk.kids(&places.public).len()), (2, 3));
    desk.keys(&["publish", "--yes"], &places).await.is_done();
    desk.assert_sound(&places, Algorithm::Rs256);
}

#[tokio::test]
async fn what_changed_since_it_was_read_stays() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    let (arn, others) = (places.keys.clone(), set(Algorithm::EdDsa, &[2, 1]).to_json());
    let theirs = others.clone();
    desk.aws.before(GET, |_| {});
    desk.aws.before(GET, move |account| account.put(&arn, &theirs));
    desk.run(&rotate(&places)).await.is_failed(&["was changed by somebody else meanwhile", "try again"]);
    assert_eq!(desk.text(&places.keys), Some(others));
}

#[tokio::test]
async fn a_parameter_that_somebody_else_has_made_meanwhile_stays() {
    let desk = Desk::new().await;
    let places = Places::parameters();
    let (arn, others) = (places.keys.clone(), set(Algorithm::EdDsa, &[1]).to_json());
    let theirs = others.clone();
    desk.aws.before(PUT, move |account| account.put(&arn, &theirs));
    let said = desk.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", &places.keys]).await;
    said.is_failed(&["was changed by somebody else meanwhile"]);
    assert_eq!(desk.text(&places.keys), Some(others));
}

#[tokio::test]
async fn a_write_at_the_same_moment_is_overwritten_and_that_is_told() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    let (arn, others) = (places.keys.clone(), set(Algorithm::EdDsa, &[2, 1]).to_json());
    desk.aws.before(PUT, move |account| account.put(&arn, &others));
    let said = desk.run(&rotate(&places)).await;
    said.is_done()
        .says(&["is version 3 now, where 2 was to be expected", "aws ssm get-parameter-history --name postern-"]);
}

#[tokio::test]
async fn a_lost_answer_is_no_failure() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    desk.aws.lose(PUT);
    desk.run(&rotate(&places)).await.is_done();
    assert_eq!(desk.kids(&places.keys).len(), 2);
    let places = Places::parameters();
    desk.aws.lose(PUT);
    desk.run(&["keys", "new", "--algorithm", "EdDSA", "--keys", &places.keys]).await.is_done();
    assert_eq!(desk.aws.parameter(&places.keys).values.len(), 1);
}

#[tokio::test]
async fn credentials_of_another_account_write_nothing() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    // Another account has shared its parameter, and this one has one of the same name.
    desk.aws.before(GET, |_| {});
    let arn = places.keys.clone();
    desk.aws.before(GET, move |account| account.move_to_account(&arn, "999999999999"));
    let said = desk.run(&rotate(&places)).await;
    said.is_failed(&["these credentials are for another account", "arn:aws:ssm:eu-west-1:999999999999:parameter/"]);
    assert!(desk.aws.account().requests(PUT).is_empty());
}

#[tokio::test]
async fn a_name_of_one_level_with_a_slash_is_kept() {
    let desk = Desk::new().await;
    let places = with_keys(&desk);
    let name = desk.aws.account().add_slash(&places.keys);
    desk.run(&rotate(&places)).await.is_done();
    assert_eq!(desk.aws.account().requests(PUT).pop().unwrap()["Name"], json!(name));
    assert!(JwkSet::parse(&desk.text(&places.keys).unwrap(), Algorithm::EdDsa, false).is_ok());
}
