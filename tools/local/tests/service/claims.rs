//! The claims about a user: in tokens, at `GET /user/me`, and what happens to a user whose item cannot be used.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{
    keys::Algorithm,
    session::RefreshToken,
    user::{MAX_TOTAL_CLAIMS_BYTES, PublicId, UserClaims},
};
use testkit::{
    ADA, Answer, GRACE, Service, forge,
    proxy::{HoldingProxy, RecordingProxy, RejectingProxy, THROTTLED},
    service::{database_endpoint, send},
    text,
};

use crate::{
    browser::Browser,
    keys::{KeyFile, key},
    replay::{invalid, rejection},
};

/// Every claim that `JWT_CLAIMS` can select, with an own one.
const ALL: (&str, &str) = ("JWT_CLAIMS", "name,email,groups,tier");

async fn set_groups(service: &Service, id: &str, groups: &[&str]) {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    service.set_on_user(id, "groups", AttributeValue::Ss(groups)).await;
}

async fn set_claims(service: &Service, id: &str, claims: &str) {
    service.set_on_user(id, "claims", AttributeValue::S(claims.to_owned())).await;
}

async fn sign_up(service: &Service, user: [&str; 3]) -> String {
    text(&service.sign_up(user).await.json(), "public_id").to_owned()
}

/// The claims of the access token in a response.
fn claims(answer: &Answer) -> Value {
    forge::payload(text(&answer.json(), "token"))
}

async fn log_in(service: &Service) -> Answer {
    service.log_in(ADA[1], ADA[2]).await
}

#[tokio::test]
async fn a_token_carries_only_the_selected_claims_and_a_refresh_takes_over_changes() {
    let service = Service::with(&[("JWT_CLAIMS", "email,groups,tier")]).await;
    let id = sign_up(&service, ADA).await;
    set_claims(&service, &id, r#"{"tier":"gold","note":"internal"}"#).await;
    let first = log_in(&service).await;
    let issued = claims(&first);
    let selected = ["name", "email", "groups", "tier", "note"].map(|name| issued[name].clone());
    assert_eq!(selected, [Value::Null, json!(ADA[1]), json!([]), json!("gold"), Value::Null]);
    set_groups(&service, &id, &["staff"]).await;
    set_claims(&service, &id, r#"{"tier":{"level":2}}"#).await;
    let refreshed = claims(&service.refresh(text(&first.json(), "refresh_token")).await);
    assert_eq!((&refreshed["groups"], &refreshed["tier"]), (&json!(["staff"]), &json!({ "level": 2 })));
    let change = json!({ "current_password": ADA[2], "new_password": GRACE[2] });
    let changed = service.post_with("/password", text(&first.json(), "token"), &change).await;
    assert_eq!(claims(&changed)["groups"], json!(["staff"]));
}

#[tokio::test]
async fn auth_time_is_the_last_log_in_or_password_change_and_not_a_refresh() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let logged_in = log_in(&service).await;
    let at = |answer: &Answer| claims(answer)["auth_time"].as_u64();
    let started = claims(&logged_in)["iat"].as_u64();
    assert_eq!(at(&logged_in), started);
    service.clock.advance(Duration::from_secs(1000));
    let refreshed = service.refresh(text(&logged_in.json(), "refresh_token")).await;
    assert_eq!(at(&refreshed), started);
    assert_eq!(claims(&refreshed)["amr"], json!(["pwd"]));
    let change = json!({ "current_password": ADA[2], "new_password": GRACE[2] });
    let changed = service.post_with("/password", text(&refreshed.json(), "token"), &change).await;
    assert!(at(&changed) >= started.map(|time| time + 1000));
    assert_eq!(at(&changed), claims(&changed)["iat"].as_u64());
}

#[tokio::test]
async fn auth_time_is_absent_in_a_session_of_unknown_age_and_present_without_sessions() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let logged_in = log_in(&service).await.json();
    let session = service.items("Sessions").await.remove(0);
    let update = service.database.update_item().table_name("Sessions").update_expression("REMOVE created_at");
    let update = update.key("public_id", session["public_id"].clone()).key("session_id", session["session_id"].clone());
    update.send().await.unwrap();
    let refreshed = claims(&service.refresh(text(&logged_in, "refresh_token")).await);
    assert_eq!((&refreshed["auth_time"], &refreshed["amr"]), (&Value::Null, &json!(["pwd"])));
    let without_sessions = service.another(&[("SESSION_IDLE", "0")]).await;
    let issued = claims(&log_in(&without_sessions).await);
    assert!(issued["auth_time"].is_u64() && issued["auth_time"] == issued["iat"], "{issued}");
}

#[tokio::test]
async fn the_largest_token_fits_into_a_cookie_and_is_accepted() {
    let (name, email) = ("李".repeat(100), format!("{}@{}.example", "e".repeat(64), "d".repeat(63)));
    let issuer = "https://accounts.example.com";
    for algorithm in [Algorithm::Hs256, Algorithm::Rs256, Algorithm::EdDsa] {
        let signing = key(algorithm);
        let file = KeyFile::new(&[&signing]);
        let settings = [&file.settings(algorithm.name())[..], &[("JWT_ISSUER", issuer), ALL]].concat();
        let service = Service::with(&settings).await;
        let id = sign_up(&service, [&name, &email, ADA[2]]).await;
        let claims_of = |length| UserClaims::parse(&format!(r#"{{"tier":"{}"}}"#, "x".repeat(length))).unwrap();
        let groups = ["admin".to_owned(), "staff".to_owned()];
        let fits = |length: &usize| claims_of(*length).check_total(&name, &email, &groups).is_ok();
        let length = (0..MAX_TOTAL_CLAIMS_BYTES).take_while(fits).last().unwrap();
        set_claims(&service, &id, &claims_of(length).to_json()).await;
        set_groups(&service, &id, &["admin", "staff"]).await;
        let mut browser = Browser::at(&service, 1);
        let logged_in = browser.log_in(&email, ADA[2]).await;
        assert_eq!(logged_in.status, 303, "{logged_in:?}");
        let cookies = logged_in.headers.get_all("set-cookie").iter().map(reqwest::header::HeaderValue::len);
        let longest = cookies.max().unwrap();
        assert!((3000..=4093).contains(&longest), "{algorithm}: {longest} bytes with name and attributes");
        for path in ["/user", "/user/me"] {
            assert_eq!(browser.get(path).await.status, 200, "{algorithm} {path}");
        }
        assert_eq!(browser.get("/refresh").await.header("location"), Some("/user?refreshed=1"));
        assert!(browser.is_logged_in().await);
        let carried = forge::payload(browser.cookie("access_token"));
        assert_eq!(carried["tier"].as_str().unwrap().len(), length);
        assert_eq!((&carried["name"], &carried["email"]), (&json!(name), &json!(email)));
    }
}

#[tokio::test]
async fn a_user_too_large_for_a_token_gets_no_token_and_no_session_until_repaired() {
    let service = Service::with(&[ALL]).await;
    let (id, _) = service.member(ADA).await;
    let earlier = log_in(&service).await.json();
    service.sign_up(GRACE).await;
    set_groups(&service, &id, &[&"g".repeat(3000)]).await;
    let sessions = service.items("Sessions").await.len();
    assert_eq!(log_in(&service).await.code(), (500, "internal-error".to_owned()));
    let mut browser = Browser::at(&service, 1);
    assert_eq!(browser.log_in(ADA[1], ADA[2]).await.status, 500);
    assert!(!browser.cookies.contains_key("postern_access_token"));
    assert_eq!(service.items("Sessions").await.len(), sessions);
    assert_eq!(service.refresh(text(&earlier, "refresh_token")).await.status, 500);
    assert_eq!(service.log_in(GRACE[1], GRACE[2]).await.status, 201, "others are not affected");
    set_groups(&service, &id, &["staff"]).await;
    assert_eq!(claims(&log_in(&service).await)["groups"], json!(["staff"]));
}

#[tokio::test]
async fn a_password_change_without_a_possible_token_changes_nothing() {
    for sessions in [&[][..], &[("SESSION_IDLE", "0")]] {
        let service = Service::with(&[&[ALL], sessions].concat()).await;
        let (id, token) = service.member(ADA).await;
        set_groups(&service, &id, &[&"g".repeat(3000)]).await;
        let before =
            [service.items("Users").await, service.items("Credentials").await, service.items("Sessions").await];
        let change = json!({ "current_password": ADA[2], "new_password": GRACE[2] });
        let changed = service.post_with("/password", &token, &change).await;
        assert_eq!(changed.code(), (500, "internal-error".to_owned()));
        let after = [service.items("Users").await, service.items("Credentials").await, service.items("Sessions").await];
        assert_eq!(after, before);
        set_groups(&service, &id, &["staff"]).await;
        assert_eq!(log_in(&service).await.status, 201, "the old password still applies");
        assert_eq!(service.post_with("/password", &token, &change).await.status, 200);
        assert_eq!(service.log_in(ADA[1], GRACE[2]).await.status, 201);
    }
}

#[tokio::test]
async fn a_user_enlarged_during_the_password_change_keeps_the_old_password() {
    let endpoint = database_endpoint().await;
    let proxy = RecordingProxy::start(&endpoint).await;
    let holder = HoldingProxy::start(&proxy.url, "GetItem").await;
    let service = Service::over(&[ALL], &endpoint, &holder.url).await;
    let (id, token) = service.member(ADA).await;
    proxy.take();
    // The user has been read before the credentials, and the account is written after them.
    holder.hold_after(0);
    let change = json!({ "current_password": ADA[2], "new_password": GRACE[2] });
    let enlarge = async {
        holder.wait().await;
        set_groups(&service, &id, &[&"g".repeat(3000)]).await;
        for (table, key) in [("Users", ("public_id", id.as_str())), ("Credentials", ("email", ADA[1]))] {
            service.set(table, key, "version", AttributeValue::N("1".to_owned())).await;
        }
        holder.release();
    };
    let (changed, ()) = tokio::join!(service.post_with("/password", &token, &change), enlarge);
    assert_eq!(changed.code(), (500, "internal-error".to_owned()));
    let calls = proxy.take();
    assert!(calls.contains(&"TransactWriteItems".to_owned()), "the first attempt fails: {calls:?}");
    assert_eq!(service.items("Users").await[0]["version"], AttributeValue::N("1".to_owned()));
    set_groups(&service, &id, &["staff"]).await;
    assert_eq!(log_in(&service).await.status, 201, "the old password still applies");
}

#[tokio::test]
async fn a_refresh_without_a_possible_token_can_be_repeated_once_the_user_is_repaired() {
    let service = Service::with(&[ALL]).await;
    let (id, _) = service.member(ADA).await;
    for (attribute, broken, repaired) in [
        ("groups", AttributeValue::Ss(vec!["g".repeat(3000)]), AttributeValue::Ss(vec!["staff".to_owned()])),
        ("claims", AttributeValue::S(r#"{"tier":"#.to_owned()), AttributeValue::S(r#"{"tier":1}"#.to_owned())),
        ("claims", AttributeValue::N("1".to_owned()), AttributeValue::S("{}".to_owned())),
    ] {
        let mut browser = Browser::at(&service, 1);
        browser.log_in(ADA[1], ADA[2]).await;
        let first = log_in(&service).await.json();
        service.set_on_user(&id, attribute, broken).await;
        for _ in 0..3 {
            let refreshed = service.refresh(text(&first, "refresh_token")).await;
            assert_eq!(refreshed.code(), (500, "internal-error".to_owned()), "{attribute}");
            assert_eq!(browser.get("/refresh").await.status, 500, "{attribute}");
            service.clock.advance(Duration::from_secs(60));
        }
        service.set_on_user(&id, attribute, repaired).await;
        assert_eq!(service.refresh(text(&first, "refresh_token")).await.status, 200, "{attribute}");
        assert_eq!(browser.get("/refresh").await.status, 303, "{attribute}");
    }
}

#[tokio::test]
async fn a_replayed_or_forged_refresh_token_is_rejected_whatever_is_wrong_with_the_user() {
    let service = Service::with(&[ALL]).await;
    let (id, _) = service.member(ADA).await;
    let first = log_in(&service).await.json();
    let second = service.refresh(text(&first, "refresh_token")).await.json();
    service.clock.advance(Duration::from_secs(60));
    let other = service.another(&[ALL]).await.log_in(ADA[1], ADA[2]).await.json();
    for broken in [r#"{"tier":"#.to_owned(), "{}".to_owned()] {
        set_claims(&service, &id, &broken).await;
        set_groups(&service, &id, &[&"g".repeat(3000)]).await;
        let sessions = service.items("Sessions").await.len();
        let forged = RefreshToken::new(PublicId::parse(&id).unwrap()).unwrap();
        assert_eq!(rejection(&service.refresh(&forged.to_text()).await), invalid(), "{broken}");
        assert_eq!(service.items("Sessions").await.len(), sessions, "{broken}");
    }
    assert_eq!(rejection(&service.refresh(text(&first, "refresh_token")).await), invalid());
    set_groups(&service, &id, &["staff"]).await;
    assert_eq!(rejection(&service.refresh(text(&second, "refresh_token")).await), invalid(), "the session ended");
    assert_eq!(service.refresh(text(&other, "refresh_token")).await.status, 200);
}

#[tokio::test]
async fn a_refresh_reads_the_user_once_whether_tokens_carry_claims_or_not() {
    let mut calls_of = Vec::new();
    for settings in [&[][..], &[ALL]] {
        let (service, proxy) = Service::recorded_with(settings).await;
        service.sign_up(ADA).await;
        let logged_in = log_in(&service).await.json();
        proxy.take();
        assert_eq!(service.refresh(text(&logged_in, "refresh_token")).await.status, 200);
        calls_of.push(proxy.take());
    }
    assert_eq!(calls_of[0], calls_of[1]);
    assert!(calls_of[0].contains(&"BatchGetItem".to_owned()), "{calls_of:?}");
}

#[tokio::test]
async fn claims_that_cannot_be_stored_are_an_error_of_their_user_only() {
    let service = Service::with(&[ALL]).await;
    let (id, _) = service.member(ADA).await;
    let (_, of_grace) = service.member(GRACE).await;
    let without_claims = service.another(&[]).await;
    let large = format!(r#"{{"tier":"{}"}}"#, "x".repeat(2048));
    for corrupt in [
        r#"{"sub":"another user"}"#,
        r#"{"tier":1,"exp":9999999999}"#,
        r#"{"groups":["admin"]}"#,
        r#"{"SUB":1}"#,
        r#"["tier"]"#,
        r#"{"tier":"#,
        "",
        &large,
    ] {
        set_claims(&service, &id, corrupt).await;
        let sessions = service.items("Sessions").await.len();
        assert_eq!(log_in(&service).await.code(), (500, "internal-error".to_owned()), "{corrupt}");
        assert_eq!(service.items("Sessions").await.len(), sessions, "{corrupt}");
        let token = text(&log_in(&without_claims).await.json(), "token").to_owned();
        assert_eq!(forge::payload(&token)["sub"], json!(id));
        assert_eq!(service.get("/user/me", &token).await.code(), (500, "internal-error".to_owned()), "{corrupt}");
        let listing = service.get("/user", &of_grace).await;
        assert_eq!(listing.json()["users"].as_array().map(Vec::len), Some(2), "{corrupt}");
        assert_eq!(service.log_in(GRACE[1], GRACE[2]).await.status, 201, "{corrupt}");
    }
    service.set_on_user(&id, "claims", AttributeValue::N("1".to_owned())).await;
    assert_eq!(log_in(&service).await.status, 500);
    set_claims(&service, &id, r#"{"tier":1}"#).await;
    assert_eq!(claims(&log_in(&service).await)["tier"], json!(1));
}

#[tokio::test]
async fn a_user_that_was_deleted_or_disabled_during_the_log_in_gets_no_token() {
    for (profile, unknown, wrong) in [("tutorial", 401, 403), ("strict", 401, 401)] {
        let settings = [("AUTH_PROFILE", profile), ALL, ("THROTTLE_PAIR_LOGINS", "0")];
        let service = Service::with(&settings).await;
        let id = sign_up(&service, ADA).await;
        // Only the item that is read second has the change, as after an interrupted or a concurrent one.
        service.set_on_user(&id, "disabled", AttributeValue::Bool(true)).await;
        let disabled = log_in(&service).await;
        let mistyped = service.log_in(ADA[1], "wrong").await;
        assert_eq!((disabled.code(), disabled.status), (mistyped.code(), wrong), "{profile}");
        service.delete_user(&id).await;
        let deleted = log_in(&service).await;
        let absent = service.log_in("absent@example.com", ADA[2]).await;
        assert_eq!((deleted.code(), deleted.status), (absent.code(), unknown), "{profile}");
        assert!(service.items("Sessions").await.is_empty(), "{profile}");
    }
}

#[tokio::test]
async fn only_a_successful_log_in_with_selected_claims_reads_the_user() {
    let mut calls_of = Vec::new();
    for settings in [&[][..], &[ALL]] {
        let (service, proxy) = Service::recorded_with(settings).await;
        service.sign_up(ADA).await;
        // The first log-in makes the pair known.
        log_in(&service).await;
        proxy.take();
        let mut calls = Vec::new();
        for (email, password) in [(ADA[1], ADA[2]), (ADA[1], "wrong"), ("unknown@example.com", "wrong")] {
            service.log_in(email, password).await;
            calls.push(proxy.take());
        }
        calls_of.push(calls);
    }
    let [without, mut with] = <[_; 2]>::try_from(calls_of).unwrap();
    let position = with[0].iter().position(|call| call == "BatchGetItem").expect("the user is read");
    with[0].remove(position);
    assert_eq!(with, without);
}

#[tokio::test]
async fn a_log_in_whose_user_cannot_be_read_fails_and_leaves_no_session() {
    let endpoint = database_endpoint().await;
    let proxy = RejectingProxy::start(&endpoint, "BatchGetItem", 0, THROTTLED).await;
    let service = Service::over(&[ALL], &endpoint, &proxy.url).await;
    service.sign_up(ADA).await;
    proxy.reject(100);
    assert_eq!(log_in(&service).await.code(), (503, "unavailable".to_owned()));
    proxy.reject(0);
    assert!(service.items("Sessions").await.is_empty());
    assert_eq!(log_in(&service).await.status, 201);
}

#[tokio::test]
async fn a_user_sees_their_own_claims_and_no_one_elses() {
    let service = Service::start().await;
    let (id, of_ada) = service.member(ADA).await;
    let (_, of_grace) = service.member(GRACE).await;
    assert_eq!(service.get("/user/me", &of_ada).await.json()["claims"], json!({}));
    set_claims(&service, &id, r#"{"tier":"gold","limits":{"orders":[1,2]},"since":null}"#).await;
    let me = service.get("/user/me", &of_ada).await.json();
    assert_eq!(me["claims"], json!({ "tier": "gold", "limits": { "orders": [1, 2] }, "since": null }));
    assert_eq!(service.get("/user/me", &of_grace).await.json()["claims"], json!({}));
    let listing = service.get("/user", &of_grace).await;
    assert!(!listing.text.contains("gold") && !listing.text.contains("claims"), "{listing:?}");
}

#[tokio::test]
async fn the_account_page_shows_each_claim_escaped_and_texts_without_quotation_marks() {
    let service = Service::start().await;
    let id = sign_up(&service, ADA).await;
    let mut browser = Browser::at(&service, 1);
    browser.log_in(ADA[1], ADA[2]).await;
    assert!(!browser.get("/user/me").await.text.contains("tier"));
    set_claims(&service, &id, r#"{"tier":"<script>alert(1)</script>","limits":{"orders":[1,null]},"https://a/b":2}"#)
        .await;
    let page = browser.get("/user/me").await.text;
    for row in [
        r#"<dt>tier</dt><dd dir="auto">&#60;script&#62;alert(1)&#60;/script&#62;</dd>"#,
        r#"<dt>limits</dt><dd dir="auto">{&#34;orders&#34;:[1,null]}</dd>"#,
        r#"<dt>https://a/b</dt><dd dir="auto">2</dd>"#,
    ] {
        assert!(page.contains(row), "{row}: {page}");
    }
    assert!(!page.contains("<script"), "{page}");
    let change = [("current_password", "wrong"), ("new_password", GRACE[2])];
    let refused = browser.post("/password", &change).await;
    assert!(refused.status >= 400 && refused.text.contains("<dt>limits</dt>"), "{refused:?}");
}

#[tokio::test]
async fn discovery_lists_the_claims_of_tokens() {
    let issuer = ("JWT_ISSUER", "https://auth.example.com");
    let of_tokens = ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "sid", "ver", "public_id", "auth_time", "amr"];
    for (selection, selected) in
        [("", &[][..]), ("email, https://example.com/tier", &["email", "https://example.com/tier"])]
    {
        let service = Service::with(&[issuer, ("JWT_CLAIMS", selection)]).await;
        let document = send(service.request(Method::GET, "/.well-known/openid-configuration")).await.json();
        assert_eq!(document["claims_supported"], json!([&of_tokens[..], selected].concat()));
    }
}
