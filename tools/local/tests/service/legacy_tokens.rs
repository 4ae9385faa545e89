//! Tokens of the Flask application that Postern replaces, on `GET /user` and `GET /user/me` until a date.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jsonwebtoken::Algorithm;
use reqwest::Method;
use serde_json::json;
use shared::{
    config::clock::Clock,
    http::paths::{self, Function, ROUTES},
};
use testkit::{
    ADA, GRACE, Service,
    forge::{self, DAY, date, signed},
    service::{KEY, database_endpoint, send},
};

const OLD_KEY: &str = "the secret of an old application: 81c2";

const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

/// The date in this number of days, as `JWT_LEGACY_UNTIL` has it.
fn date_in(days: i64) -> String {
    date(forge::now() + days * DAY)
}

/// A token as the tutorials issue it, valid for a year.
fn old_token(id: &str) -> String {
    signed(HEADER, &json!({ "public_id": id, "exp": forge::now() + 365 * DAY }), OLD_KEY)
}

async fn service_until(days: i64, settings: &[(&str, &str)]) -> Service {
    let until = date_in(days);
    let legacy = [("JWT_LEGACY_SECRET_KEY", OLD_KEY), ("JWT_LEGACY_UNTIL", &until)];
    Service::with(&[&legacy, settings].concat()).await
}

async fn statuses(service: &Service, token: &str) -> [u16; 2] {
    [service.get("/user", token).await.status, service.get("/user/me", token).await.status]
}

async fn assert_refused(service: &Service, what: &str, token: &str) {
    for path in ["/user", "/user/me"] {
        let answer = service.get(path, token).await;
        assert_eq!(answer.code(), (401, "invalid-token".to_owned()), "{path}, {what}");
    }
}

#[tokio::test]
async fn a_token_of_the_old_application_lists_users_and_shows_its_user() {
    let service = service_until(30, &[]).await;
    let (id, own) = service.member(ADA).await;
    let flask_jwt = json!({
        "identity": id, "iat": forge::now(), "nbf": forge::now(), "exp": forge::now() + 300,
    });
    // `uuid4().hex` and upper case: the import keeps the identifier, in canonical form.
    let (hex, upper) = (old_token(&id.replace('-', "")), old_token(&id.to_uppercase()));
    for token in [old_token(&id), hex, upper, signed(HEADER, &flask_jwt, OLD_KEY)] {
        assert_eq!(service.get("/user", &token).await.json(), service.get("/user", &own).await.json());
        assert_eq!(service.get("/user/me", &token).await.json(), service.get("/user/me", &own).await.json());
        for authorization in [format!("Bearer {token}"), format!("JWT {token}")] {
            let request = service.request(Method::GET, "/user").header("authorization", authorization);
            assert_eq!(send(request).await.status, 200);
        }
    }
    assert_eq!(statuses(&service, &own).await, [200, 200], "Postern's own tokens work as before");
}

#[tokio::test]
async fn the_account_page_shows_an_old_token_no_sessions() {
    let service = service_until(30, &[]).await;
    let (id, own) = service.member(ADA).await;
    let page = async |token: String| {
        let request = service.request(Method::GET, "/user/me").bearer_auth(token).header("accept", "text/html");
        send(request).await
    };
    assert!(page(own).await.text.contains("Where you are logged in"));
    let old = page(old_token(&id)).await;
    assert!(old.status == 200 && old.text.contains("Your account"), "{old:?}");
    assert!(!old.text.contains("Where you are logged in") && !old.text.contains("Network"), "{old:?}");
}

#[tokio::test]
async fn the_group_that_may_list_users_applies_to_old_tokens_too() {
    let service = service_until(30, &[("LIST_USERS_GROUP", "admin")]).await;
    let (id, _) = service.member(ADA).await;
    assert_eq!(statuses(&service, &old_token(&id)).await, [403, 200]);
    service.set_on_user(&id, "groups", AttributeValue::Ss(vec!["admin".to_owned()])).await;
    assert_eq!(statuses(&service, &old_token(&id)).await, [200, 200]);
}

#[tokio::test]
async fn old_tokens_are_refused_from_the_beginning_of_the_date() {
    // More than a day ahead, whatever the time is.
    let midnight = (forge::now() / DAY + 2) * DAY;
    let legacy = [("JWT_LEGACY_SECRET_KEY", OLD_KEY), ("JWT_LEGACY_UNTIL", &date(midnight))];
    let service = Service::with(&legacy).await;
    let (id, _) = service.member(ADA).await;
    let token = old_token(&id);
    assert_eq!(statuses(&service, &token).await, [200, 200]);
    let ten_minutes_before = (midnight - 600).unsigned_abs() * 1000;
    service.clock.advance(Duration::from_millis(ten_minutes_before - service.clock.now().get()));
    assert_eq!(statuses(&service, &token).await, [200, 200], "ten minutes before");
    service.clock.advance(Duration::from_secs(600));
    assert_refused(&service, "immediately after", &token).await;
    let again = service.log_in(ADA[1], ADA[2]).await.json()["token"].as_str().unwrap().to_owned();
    assert_eq!(statuses(&service, &again).await, [200, 200], "Postern's own tokens are not affected");
}

#[tokio::test]
async fn a_service_that_starts_on_or_after_the_date_accepts_no_old_token() {
    for days in [0, -1, -400] {
        let service = service_until(days, &[]).await;
        let (id, own) = service.member(ADA).await;
        assert_refused(&service, "ended", &old_token(&id)).await;
        assert_eq!(statuses(&service, &own).await, [200, 200]);
    }
    // The file would be missing: after the date, the key is not read.
    let ended = date_in(-1);
    let settings = [("JWT_LEGACY_SECRET_ARN", "file:/nonexistent/key"), ("JWT_LEGACY_UNTIL", &ended)];
    let service = Service::with(&settings).await;
    let (id, _) = service.member(ADA).await;
    assert_refused(&service, "ended", &old_token(&id)).await;
}

#[tokio::test]
async fn a_service_without_the_settings_accepts_no_old_token() {
    let service = Service::start().await;
    let (id, _) = service.member(ADA).await;
    assert_refused(&service, "not set", &old_token(&id)).await;
}

#[tokio::test]
async fn every_call_that_changes_anything_refuses_old_tokens() {
    let service = service_until(30, &[]).await;
    let (id, _) = service.member(ADA).await;
    let token = old_token(&id);
    assert_eq!(statuses(&service, &token).await, [200, 200]);
    let stored = async || (service.items("Users").await, service.items("Credentials").await);
    let (before, sessions) = (stored().await, service.items("Sessions").await.len());
    let body = json!({
        "password": ADA[2], "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel",
        "scope": "global", "_method": "DELETE", "refresh_token": token,
    });
    let mut calls = 0;
    for route in ROUTES.iter().filter(|route| route.function == Function::LogIn) {
        for method in route.methods.iter().filter(|method| **method != "GET") {
            let path = route.path.replace("{id}", &"A".repeat(43));
            for header in ["x-access-token", "authorization"] {
                let value = if header == "authorization" { format!("Bearer {token}") } else { token.clone() };
                let request = service.request(method.parse().unwrap(), &path).header(header, value).json(&body);
                let status = send(request).await.status;
                // The log-in has the right password but no email address.
                assert!(matches!(status, 401 | 403 | 422), "{method} {path}: {status}");
                calls += 1;
            }
        }
    }
    assert!(calls >= 10, "{calls}");
    assert_eq!(stored().await, before);
    assert_eq!(service.items("Sessions").await.len(), sessions);
    assert_eq!(statuses(&service, &token).await, [200, 200]);
}

#[tokio::test]
async fn an_old_token_in_a_cookie_is_refused() {
    let service = service_until(30, &[]).await;
    let (id, own) = service.member(ADA).await;
    for (token, status) in [(old_token(&id), 401), (own, 200)] {
        let cookie = format!("postern_access_token={token}");
        for path in ["/user", "/user/me"] {
            let request = service.request(Method::GET, path).header("cookie", &cookie);
            assert_eq!(send(request).await.status, status, "{path}");
        }
    }
}

#[tokio::test]
async fn whatever_ends_all_sessions_of_a_user_revokes_old_tokens() {
    let service = service_until(30, &[]).await;
    let user = async |name: &str| service.member([name, &format!("{name}@example.com"), ADA[2]]).await;
    let (changed, own) = user("changed").await;
    let body = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" });
    assert_eq!(service.post_with("/password", &own, &body).await.status, 200);
    let (logged_out, own) = user("everywhere").await;
    assert_eq!(service.post_with("/logout", &own, &json!({ "scope": "global" })).await.status, 204);
    let (deleted, own) = user("deleted").await;
    assert_eq!(service.delete_me(&own, ADA[2]).await.status, 204);
    let (disabled, _) = user("disabled").await;
    service.set_on_user(&disabled, "disabled", AttributeValue::Bool(true)).await;
    for (what, id) in
        [("changed password", changed), ("log-out", logged_out), ("deleted", deleted), ("disabled", disabled)]
    {
        assert_refused(&service, what, &old_token(&id)).await;
    }
    let (local, own) = user("local").await;
    assert_eq!(service.post_with("/logout", &own, &json!({ "scope": "local" })).await.status, 204);
    assert_eq!(statuses(&service, &old_token(&local)).await, [200, 200], "another session ended");
    assert_refused(&service, "unknown user", &old_token("4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55")).await;
}

#[tokio::test]
async fn tokens_that_differ_from_those_of_the_old_application_are_refused() {
    let service = service_until(30, &[]).await;
    let (id, _) = service.member(ADA).await;
    let (other, _) = service.member(GRACE).await;
    let now = forge::now();
    let good = json!({ "public_id": id, "exp": now + 600 });
    assert_eq!(statuses(&service, &signed(HEADER, &good, OLD_KEY)).await, [200, 200]);
    for change in [
        json!({ "exp": null }),
        json!({ "exp": now - 6 }),
        json!({ "exp": (now + 600).to_string() }),
        json!({ "exp": (now + 600) * 1000 }),
        json!({ "nbf": now + 60 }),
        json!({ "iat": now + 60 }),
        json!({ "public_id": null }),
        json!({ "public_id": 1 }),
        json!({ "public_id": format!(" {id}") }),
        json!({ "public_id": id.replacen('-', "", 1) }),
        json!({ "public_id": &id[1..] }),
        json!({ "public_id": id, "identity": other.to_uppercase() }),
        json!({ "identity": other }),
        json!({ "iss": "postern" }),
        json!({ "iss": "flask" }),
        json!({ "sub": id }),
        json!({ "aud": "postern" }),
        json!({ "sid": "A".repeat(43) }),
        json!({ "ver": 0 }),
        json!({ "jti": "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55" }),
    ] {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_refused(&service, &change.to_string(), &signed(HEADER, &claims, OLD_KEY)).await;
    }
    for parameters in
        [r#","kid":"a""#, r#","crit":["exp"]"#, r#","b64":true"#, r#","cty":"JWT""#, r#","typ":"at+jwt""#, r#","x":1"#]
    {
        let header = format!(r#"{{"alg":"HS256"{parameters}}}"#);
        assert_refused(&service, &header, &signed(&header, &good, OLD_KEY)).await;
    }
    for (name, algorithm) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        let header = forge::encode(format!(r#"{{"typ":"JWT","alg":"{name}"}}"#));
        let token = forge::sign(&header, &forge::encode(good.to_string()), OLD_KEY.as_bytes(), algorithm);
        assert_refused(&service, name, &token).await;
    }
    assert_refused(&service, "none", &signed(r#"{"alg":"none"}"#, &good, OLD_KEY)).await;
    for key in ["super-secret", &OLD_KEY[1..], &format!("{OLD_KEY} "), KEY] {
        assert_refused(&service, key, &signed(HEADER, &good, key)).await;
    }
    let mut long = good.clone();
    long["name"] = json!("x".repeat(4096));
    assert_refused(&service, "too long", &signed(HEADER, &long, OLD_KEY)).await;
}

#[tokio::test]
async fn old_tokens_are_accepted_with_each_kind_of_key_that_postern_has() {
    for algorithm in ["HS256", "EdDSA", "ES256"] {
        // `local` generates a key set, in which each key has a kid.
        let service = service_until(30, &[("JWT_ALGORITHM", algorithm), ("JWT_SECRET_KEY", "")]).await;
        let (id, own) = service.member(ADA).await;
        assert_eq!(statuses(&service, &own).await, [200, 200], "{algorithm}");
        assert_eq!(statuses(&service, &old_token(&id)).await, [200, 200], "{algorithm}");
    }
}

/// Why the service does not start, with these settings.
async fn start_error(settings: &[(&str, &str)]) -> String {
    let endpoint = database_endpoint().await;
    let set = |name: &str| {
        let all = settings.iter().chain(&[("JWT_SECRET_KEY", KEY)]);
        all.clone().find(|(other, _)| *other == name).map(|(_, value)| (*value).into())
    };
    let settings = match local::service::settings(set, &endpoint) {
        Ok(settings) => settings,
        Err(error) => return error.to_string(),
    };
    let database = shared::aws::store::connect(&local::database::connection(&endpoint).await);
    let router = local::service::router(&settings, database, Clock::system()).await;
    router.err().map_or_else(String::new, |error| error.to_string())
}

#[tokio::test]
async fn a_key_or_a_date_that_is_not_safe_stops_startup() {
    // One more than the first date that is refused, because midnight may pass.
    let (soon, far) = (date_in(90), date_in(92));
    let key = ("JWT_LEGACY_SECRET_KEY", OLD_KEY);
    assert_eq!(start_error(&[key, ("JWT_LEGACY_UNTIL", &soon)]).await, "");
    let weak = [("JWT_LEGACY_SECRET_KEY", "super-secret"), ("JWT_LEGACY_UNTIL", &soon)];
    assert_eq!(start_error(&[&weak[..], &[("JWT_LEGACY_ACCEPT_WEAK_KEY", "on")]].concat()).await, "");
    for (settings, expected) in [
        (&[key, ("JWT_LEGACY_UNTIL", &far)][..], "JWT_LEGACY_UNTIL must be at most 90 days ahead"),
        (&[key], "JWT_LEGACY_UNTIL is not set"),
        (&weak, "JWT_LEGACY_SECRET_KEY: the value is short, guessable or published in a tutorial"),
        (&[("JWT_LEGACY_SECRET_KEY", KEY), ("JWT_LEGACY_UNTIL", &soon)], "is one of Postern's own keys"),
        (
            &[("JWT_LEGACY_SECRET_ARN", "file:/nonexistent/key"), ("JWT_LEGACY_UNTIL", &soon)],
            "JWT_LEGACY_SECRET_ARN: the stored value cannot be used",
        ),
    ] {
        let error = start_error(settings).await;
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("super-secret") && !error.contains(KEY) && !error.contains(OLD_KEY), "{error}");
    }
}

#[test]
fn the_calls_that_accept_old_tokens_only_read() {
    let routes = ROUTES.iter().filter(|route| route.function == Function::ListUsers);
    let calls: Vec<_> = routes.map(|route| (route.path, route.methods)).collect();
    assert_eq!(calls, [(paths::USERS, &["GET"][..]), (paths::ME, &["GET"])]);
}
