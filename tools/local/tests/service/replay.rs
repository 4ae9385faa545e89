//! `POST /refresh` with refresh tokens that are not current: the grace period, replays and forged tokens.

use std::{collections::HashSet, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use testkit::{ADA, Answer, GRACE, Service, text};

/// Longer than the grace period, in which a previous refresh token is accepted.
const AFTER_GRACE: Duration = Duration::from_millis(10_001);

/// Status and code of a rejected refresh token, whose challenge is checked.
pub(crate) fn rejection(answer: &Answer) -> (u16, String) {
    assert_eq!(
        answer.header("www-authenticate"),
        Some("Bearer realm=\"Login required\", error=\"invalid_token\""),
        "{answer:?}"
    );
    answer.code()
}

/// Status and code for every invalid refresh token.
pub(crate) fn invalid() -> (u16, String) {
    (401, "invalid-refresh-token".to_owned())
}

#[tokio::test]
async fn a_refresh_whose_response_was_lost_can_be_repeated_for_10_seconds() {
    let service = Service::start().await;
    let first = service.signed_in(ADA).await;
    let second = service.refresh(text(&first, "refresh_token")).await.json();
    service.clock.advance(Duration::from_secs(9));
    let again = service.refresh(text(&first, "refresh_token")).await;
    assert_eq!((again.status, &again.json()["refresh_token"]), (200, &second["refresh_token"]));
    assert_eq!(service.refresh(text(&second, "refresh_token")).await.status, 200, "the successor is still valid");
}

#[tokio::test]
async fn the_grace_period_is_configurable() {
    for (grace, is_repeatable, is_too_late) in [("1", 0, 2), ("15", 14, 16), ("60", 59, 61)] {
        for (after, expected) in [(is_repeatable, 200), (is_too_late, 401)] {
            let service = Service::with(&[("SESSION_GRACE", grace)]).await;
            let first = service.signed_in(ADA).await;
            assert_eq!(service.refresh(text(&first, "refresh_token")).await.status, 200);
            service.clock.advance(Duration::from_secs(after));
            let again = service.refresh(text(&first, "refresh_token")).await;
            assert_eq!(again.status, expected, "{grace}: after {after} s");
        }
    }
}

#[tokio::test]
async fn a_refresh_token_replayed_after_10_seconds_ends_its_session_and_no_other() {
    let service = Service::start().await;
    let first = service.signed_in(ADA).await;
    let second = service.refresh(text(&first, "refresh_token")).await.json();
    service.clock.advance(AFTER_GRACE);
    let other = service.log_in(ADA[1], ADA[2]).await.json();
    assert_eq!(rejection(&service.refresh(text(&first, "refresh_token")).await), invalid());
    assert_eq!(
        rejection(&service.refresh(text(&second, "refresh_token")).await),
        invalid(),
        "it may be the attacker's or the owner's"
    );
    assert_eq!((service.me(&first["token"]).await, service.me(&second["token"]).await), (401, 401));
    assert_eq!(service.me(&other["token"]).await, 200, "another session of the same user continues");
    assert_eq!(service.refresh(text(&other, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn any_earlier_refresh_token_ends_its_session_however_recent_the_last_refresh() {
    for exchanges in 1..=4 {
        let service = Service::start().await;
        let first = service.signed_in(ADA).await;
        let mut latest = first.clone();
        for _ in 0..exchanges {
            service.clock.advance(AFTER_GRACE);
            latest = service.refresh(text(&latest, "refresh_token")).await.json();
        }
        if exchanges == 1 {
            service.clock.advance(AFTER_GRACE);
        }
        assert_eq!(rejection(&service.refresh(text(&first, "refresh_token")).await), invalid(), "{exchanges}");
        assert_eq!(service.me(&latest["token"]).await, 401, "{exchanges}");
        assert_eq!(rejection(&service.refresh(text(&latest, "refresh_token")).await), invalid(), "{exchanges}");
        assert_eq!(service.items("Sessions").await.len(), 0);
    }
}

#[tokio::test]
async fn the_second_to_last_refresh_token_is_accepted_for_10_seconds() {
    let service = Service::start().await;
    let first = service.signed_in(ADA).await;
    let second = service.refresh(text(&first, "refresh_token")).await.json();
    service.clock.advance(Duration::from_secs(5));
    let third = service.refresh(text(&second, "refresh_token")).await.json();
    for earlier in [&first, &second] {
        let again = service.refresh(text(earlier, "refresh_token")).await;
        assert_eq!((again.status, &again.json()["refresh_token"]), (200, &third["refresh_token"]));
    }
    service.clock.advance(Duration::from_secs(6));
    assert_eq!(
        service.refresh(text(&second, "refresh_token")).await.status,
        200,
        "the previous token is still within its grace period"
    );
    assert_eq!(rejection(&service.refresh(text(&first, "refresh_token")).await), invalid());
    assert_eq!(service.me(&third["token"]).await, 401);
}

#[tokio::test]
async fn invalid_refresh_tokens_get_identical_responses_and_end_no_session() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let hers = service.signed_in(GRACE).await;
    let good = text(&mine, "refresh_token");
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let changed = |position: usize| {
        let mut changed = bytes(good);
        changed[position] ^= 1;
        URL_SAFE_NO_PAD.encode(changed)
    };
    let of_another_session = [&bytes(good)[..16], &bytes(text(&hers, "refresh_token"))[16..]].concat();
    let huge = "A".repeat(50_000);
    let mut bodies = HashSet::new();
    for token in [
        "x",
        " ",
        "é",
        &huge,
        &good[..106],
        &format!("{good}="),
        &format!("{good} "),
        &good.replace('-', "+").replace('_', "/").replace(good, "AAAA"),
        &changed(0),
        &changed(20),
        &URL_SAFE_NO_PAD.encode([0; 80]),
        &URL_SAFE_NO_PAD.encode(of_another_session),
        text(&mine, "token"),
    ] {
        let answer = service.refresh(token).await;
        assert_eq!(rejection(&answer), invalid(), "{token:.50}");
        bodies.insert(answer.text);
    }
    assert_eq!(bodies.len(), 1);
    assert_eq!(
        service.refresh("").await.field_errors(),
        (422, vec![("refresh_token".to_owned(), "required".to_owned())])
    );
    assert_eq!(service.post("/refresh", &json!({ "refresh_token": 1 })).await.status, 400);
    assert_eq!((service.me(&mine["token"]).await, service.me(&hers["token"]).await), (200, 200));
    assert_eq!(service.refresh(good).await.status, 200);
}

#[tokio::test]
async fn a_guessed_secret_with_a_known_handle_is_treated_as_a_replay() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let next = service.refresh(text(&mine, "refresh_token")).await.json();
    service.clock.advance(AFTER_GRACE);
    let mut bytes = URL_SAFE_NO_PAD.decode(text(&next, "refresh_token")).unwrap();
    bytes[79] ^= 1;
    assert_eq!(rejection(&service.refresh(&URL_SAFE_NO_PAD.encode(bytes)).await), invalid());
    assert_eq!(service.me(&next["token"]).await, 401);
}
