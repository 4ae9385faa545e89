//! The expiry and the end of sessions.

use std::{collections::HashSet, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use shared::domain::session::RefreshToken;
use testkit::{ADA, Service, forge, text};

use crate::replay::{invalid, rejection};

/// Seconds of a day.
const DAY: u64 = 24 * 60 * 60;

#[tokio::test]
async fn a_session_expires_after_its_idle_and_absolute_lifetime_before_dynamodb_deletes_it() {
    // Access tokens expire with their session, and the leeway accepts them for another minute.
    let settings = [("JWT_EXPIRATION_DELTA", "2592000"), ("JWT_LEEWAY", "60")];
    for (ages_at_refresh, lifetime) in
        [(&[30 * DAY - 5][..], 30 * DAY), (&[29 * DAY, 58 * DAY, 87 * DAY, 90 * DAY - 5], 5)]
    {
        let service = Service::with(&settings).await;
        let mut tokens = service.signed_in(ADA).await;
        let mut age = 0;
        for age_at_refresh in ages_at_refresh {
            service.clock.advance(Duration::from_secs(age_at_refresh - age));
            age = *age_at_refresh;
            let refreshed = service.refresh(text(&tokens, "refresh_token")).await;
            assert_eq!(refreshed.status, 200, "after {age} s: {refreshed:?}");
            tokens = refreshed.json();
        }
        for member in ["expires_in", "refresh_expires_in"] {
            let seconds = tokens[member].as_u64().unwrap();
            assert!((lifetime - 4..=lifetime).contains(&seconds), "a token does not outlive its session: {tokens}");
        }
        assert_eq!(service.me(&tokens["token"]).await, 200);
        service.clock.advance(Duration::from_secs(lifetime));
        assert_eq!(rejection(&service.refresh(text(&tokens, "refresh_token")).await), invalid(), "{lifetime}");
        assert_eq!(service.me(&tokens["token"]).await, 401, "{lifetime}");
        assert_eq!(service.items("Sessions").await.len(), 1, "it is still in the table");
    }
}

#[tokio::test]
async fn session_idle_and_session_max_set_the_lifetimes() {
    let service = Service::with(&[("SESSION_IDLE", "100"), ("SESSION_MAX", "150")]).await;
    let signed_in = service.signed_in(ADA).await;
    assert_eq!((&signed_in["refresh_expires_in"], &signed_in["expires_in"]), (&json!(100), &json!(100)));
    let claims = forge::payload(text(&signed_in, "token"));
    assert_eq!(
        claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap(),
        100,
        "a token does not outlive its session"
    );
    service.clock.advance(Duration::from_secs(90));
    let refreshed = service.refresh(text(&signed_in, "refresh_token")).await.json();
    assert!((55..=60).contains(&refreshed["refresh_expires_in"].as_u64().unwrap()), "{refreshed}");
}

#[tokio::test]
async fn without_sessions_log_in_responds_like_the_tutorials_and_stores_nothing() {
    let service = Service::with(&[("SESSION_IDLE", "0")]).await;
    let signed_in = service.signed_in(ADA).await;
    let names: HashSet<_> = signed_in.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, HashSet::from(["token", "access_token", "token_type", "expires_in"]));
    let claims = forge::payload(text(&signed_in, "token"));
    assert_eq!((&claims["sid"], &claims["ver"]), (&Value::Null, &json!(0)));
    assert_eq!(service.items("Sessions").await.len(), 0);
    assert_eq!(service.me(&signed_in["token"]).await, 200);
    let id = shared::domain::user::PublicId::random();
    assert_eq!(rejection(&service.refresh(&RefreshToken::new(id).unwrap().to_text()).await), invalid());
}

#[tokio::test]
async fn the_session_of_a_disabled_or_deleted_user_is_not_refreshed_and_ends() {
    let service = Service::start().await;
    let signed_in = service.signed_in(ADA).await;
    let id = forge::payload(text(&signed_in, "token"))["sub"].as_str().unwrap().to_owned();
    service.set_on_user(&id, "disabled", AttributeValue::Bool(true)).await;
    assert_eq!(rejection(&service.refresh(text(&signed_in, "refresh_token")).await), invalid());
    service.set_on_user(&id, "disabled", AttributeValue::Bool(false)).await;
    assert_eq!(rejection(&service.refresh(text(&signed_in, "refresh_token")).await), invalid(), "it does not continue");
    assert_eq!(service.me(&signed_in["token"]).await, 401);
    let again = service.log_in(ADA[1], ADA[2]).await.json();
    service.delete_user(&id).await;
    assert_eq!(rejection(&service.refresh(text(&again, "refresh_token")).await), invalid());
}
