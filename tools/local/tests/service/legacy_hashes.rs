//! Hashes that were imported from other systems, and stored hashes that cannot be verified.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use testkit::{ADA, Service, proxy::ACCESS_DENIED};

const PASSWORD: &str = "correct horse battery staple";
/// Hashes of [`PASSWORD`]: passlib's PBKDF2 and scrypt, bcrypt, argon2-cffi's Argon2i.
const LEGACY: [&str; 4] = [
    "$pbkdf2-sha256$i=10$trZW6v0f45zznrN2jnEupQ$nir0Dzthw1rgA7wvDsDpshlKNPFZWweEDDaCo5ELghU",
    "$scrypt$ln=4,r=8,p=1$C6GUUuq91zpnbO39P8c4Zw$0DHdO+m0oi/K1UChb3piSD+KtvEACnzIytc2rJJDzjU",
    "$2b$04$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC",
    "$argon2i$v=19$m=64,t=2,p=2$xbME7oO9Xkd1EAFWfK1xwQ$zXtpZiNldcenct6DiaFuouXSDlXfancBgkhkba58BIY",
];
/// Hashes that are not verified: malformed, above a limit, of an unknown scheme, and plain text.
const UNUSABLE: [&str; 6] = [
    "$argon2id$broken",
    "$argon2id$v=19$m=4194304,t=1,p=1$xdsAWKe6k+sXWEIlr7O5Tw$ndxi7zAK7cMhhGxtaGsmPGtyClpDRpBUodH5ywnELWU",
    "$2b$31$zhgVoa4G.Lwqc9A2fxlNeep3PhcDRxRu3CsjAJ77pdSlSVTT4fwIC",
    "$6$rounds=5000$usesomesillystri$D4IrlXatmP7rx3P3InaxBeoomnAihCKRVQAr/36eYkwNdo2fVt.YE",
    "5f4dcc3b5aa765d61d8327deb882cf99",
    PASSWORD,
];

/// Values of another type than text, as written by hand.
fn not_text() -> [Option<AttributeValue>; 5] {
    let argon2 = LEGACY[3].as_bytes().to_vec();
    [
        Some(AttributeValue::B(argon2.into())),
        Some(AttributeValue::Null(true)),
        Some(AttributeValue::N("7".to_owned())),
        Some(AttributeValue::Ss(vec![LEGACY[3].to_owned()])),
        None,
    ]
}

async fn set_or_remove(service: &Service, attribute: &str, value: Option<AttributeValue>) {
    if let Some(value) = value {
        return service.set("Credentials", ("email", ADA[1]), attribute, value).await;
    }
    let update = service.database.update_item().table_name("Credentials");
    let update = update.key("email", AttributeValue::S(ADA[1].to_owned())).update_expression("REMOVE #a");
    update.expression_attribute_names("#a", attribute).send().await.unwrap();
}

async fn set_hash(service: &Service, hash: &str) {
    service.set("Credentials", ("email", ADA[1]), "password_hash", AttributeValue::S(hash.to_owned())).await;
}

async fn stored_hash(service: &Service) -> String {
    service.items("Credentials").await[0]["password_hash"].as_s().unwrap().clone()
}

#[tokio::test]
async fn the_first_successful_log_in_replaces_a_hash_of_another_system() {
    for settings in [&[][..], &[("LEGACY_HASHES", "pbkdf2-sha256:1000,bcrypt:5,scrypt:5:8:1")]] {
        let service = Service::with(settings).await;
        service.sign_up(ADA).await;
        for hash in LEGACY {
            set_hash(&service, hash).await;
            assert_eq!(service.log_in(ADA[1], "correct horse battery stapler").await.status, 403, "{hash}");
            assert_eq!(stored_hash(&service).await, hash);
            assert_eq!(service.log_in(ADA[1], PASSWORD).await.status, 201, "{hash}");
            let replaced = stored_hash(&service).await;
            assert!(replaced.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}: {replaced}");
            assert_eq!(service.log_in(ADA[1], PASSWORD).await.status, 201, "{hash}");
            assert_eq!(stored_hash(&service).await, replaced);
        }
    }
}

#[tokio::test]
async fn a_log_in_succeeds_although_its_hash_of_another_system_cannot_be_replaced() {
    let (service, database) = Service::rejecting("UpdateItem", 1, ACCESS_DENIED).await;
    service.sign_up(ADA).await;
    set_hash(&service, LEGACY[0]).await;
    assert_eq!(service.log_in(ADA[1], PASSWORD).await.status, 201);
    assert_eq!(database.left(), 0, "the replacement was rejected");
    assert_eq!(stored_hash(&service).await, LEGACY[0]);
}

#[tokio::test]
async fn a_hash_of_another_system_confirms_a_change_of_the_password_and_a_deletion() {
    let service = Service::start().await;
    let token = service.signed_in(ADA).await["token"].as_str().unwrap().to_owned();
    set_hash(&service, LEGACY[1]).await;
    let change = |current: &str| json!({ "current_password": current, "new_password": "tortoise lamp quarrel" });
    assert_eq!(service.post_with("/password", &token, &change("a wrong guess")).await.status, 403);
    let changed = service.post_with("/password", &token, &change(PASSWORD)).await;
    assert_eq!(changed.status, 200);
    assert!(stored_hash(&service).await.starts_with("$argon2id$"));
    let token = changed.json()["token"].as_str().unwrap().to_owned();
    set_hash(&service, LEGACY[2]).await;
    assert_eq!(service.delete_me(&token, "tortoise lamp quarrel").await.status, 403);
    assert_eq!(service.delete_me(&token, PASSWORD).await.status, 204);
}

/// With each of these stored hashes, no password gets another response than a wrong one does, and none is replaced.
async fn assert_like_wrong_password(hashes: &[Option<AttributeValue>]) {
    for settings in [&[][..], &[("AUTH_PROFILE", "strict")], &[("LEGACY_HASHES", "bcrypt:5")]] {
        let settings = [settings, &[("THROTTLE_PAIR_FAILURES", "100")]].concat();
        let service = Service::with(&settings).await;
        let token = service.signed_in(ADA).await["token"].as_str().unwrap().to_owned();
        let wrong = service.log_in(ADA[1], "wrong").await;
        let unconfirmed = service.delete_me(&token, "wrong").await;
        for hash in hashes {
            set_or_remove(&service, "password_hash", hash.clone()).await;
            for password in [PASSWORD, ADA[2]] {
                let answer = service.log_in(ADA[1], password).await;
                assert_eq!(answer.problem(), wrong.problem(), "{hash:?}");
                assert_eq!(answer.header("www-authenticate"), wrong.header("www-authenticate"), "{hash:?}");
                assert_eq!(service.delete_me(&token, password).await.problem(), unconfirmed.problem(), "{hash:?}");
            }
            assert_eq!(service.items("Credentials").await[0].get("password_hash"), hash.as_ref());
        }
    }
}

#[tokio::test]
async fn a_hash_that_cannot_be_verified_gets_the_response_to_a_wrong_password() {
    assert_like_wrong_password(&UNUSABLE.map(|hash| Some(AttributeValue::S(hash.to_owned())))).await;
}

#[tokio::test]
async fn a_hash_that_is_not_text_or_is_absent_gets_the_response_to_a_wrong_password() {
    assert_like_wrong_password(&not_text()).await;
}

#[tokio::test]
async fn a_guess_at_a_hash_that_cannot_be_verified_is_rate_limited_like_a_wrong_password() {
    let service = Service::with(&[("THROTTLE_PAIR_FAILURES", "3")]).await;
    service.sign_up(ADA).await;
    set_hash(&service, UNUSABLE[0]).await;
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(service.log_in(ADA[1], ADA[2]).await.status);
    }
    assert_eq!(statuses, [403, 403, 403, 429, 429]);
}

#[tokio::test]
async fn a_log_in_succeeds_although_the_stored_count_of_sessions_is_not_a_number() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let text = |text: &str| AttributeValue::S(text.to_owned());
    let negative = AttributeValue::N("-1".to_owned());
    for value in not_text().into_iter().chain([Some(text("many")), Some(text("7")), Some(negative)]) {
        set_or_remove(&service, "sessions", value.clone()).await;
        assert_eq!(service.log_in(ADA[1], ADA[2]).await.status, 201, "{value:?}");
    }
}
