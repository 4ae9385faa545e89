//! `GET /sessions` and `DELETE /sessions/{id}`: the user's own sessions.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{session::RefreshToken, user::PublicId};
use testkit::{
    ADA, Answer, GRACE, Service, forge,
    proxy::{ACCESS_DENIED, THROTTLED},
    service::{BROWSER, CLIENT, send},
    text,
};

use crate::browser::Browser;

const FIREFOX: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0";

/// A log-in of Ada from this address, by a client of this name.
async fn log_in_from(service: &Service, address: &str, agent: &str) -> Value {
    let request = service.request(Method::POST, "/login").header(CLIENT, address).header("user-agent", agent);
    let answer = send(request.json(&json!({ "email": ADA[1], "password": ADA[2] }))).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

async fn listed(service: &Service, token: &Value) -> Vec<Value> {
    let answer = service.get("/sessions", token.as_str().unwrap()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["sessions"].as_array().unwrap().clone()
}

/// The identifier of the session of a log-in.
fn id(session: &Value) -> String {
    forge::payload(text(session, "token"))["sid"].as_str().unwrap().to_owned()
}

fn ids(sessions: &[Value]) -> Vec<String> {
    sessions.iter().map(|session| text(session, "id").to_owned()).collect()
}

async fn end(service: &Service, token: &Value, id: &str, password: Option<&str>) -> Answer {
    let request = service.request(Method::DELETE, &format!("/sessions/{id}")).bearer_auth(token.as_str().unwrap());
    match password {
        Some(password) => send(request.json(&json!({ "password": password }))).await,
        None => send(request).await,
    }
}

#[tokio::test]
async fn the_list_shows_each_session_and_its_client_in_short_form() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let grace = service.signed_in(GRACE).await;
    let first = log_in_from(&service, "192.0.2.77", FIREFOX).await;
    service.clock.advance(Duration::from_secs(100));
    let second = log_in_from(&service, "2001:db8:1:2::7", "curl/8.15.0").await;
    service.clock.advance(Duration::from_secs(100));
    let third = log_in_from(&service, "198.51.100.1", "<script>alert(1)</script>").await;

    let sessions = listed(&service, &second["token"]).await;
    assert_eq!(ids(&sessions), [id(&third), id(&second), id(&first)], "the most recently used one first");
    let payload = forge::payload(text(&second, "token"));
    let iat = payload["iat"].as_u64().unwrap();
    assert_eq!(
        sessions[1],
        json!({
            "id": payload["sid"], "created_at": iat, "last_used_at": iat,
            "expires_at": iat + second["refresh_expires_in"].as_u64().unwrap(), "current": true,
            "network": "2001:db8:1::/48", "user_agent": "curl",
        })
    );
    assert_eq!(
        (&sessions[2]["network"], &sessions[2]["user_agent"]),
        (&json!("192.0.2.0/24"), &json!("Firefox on Windows"))
    );
    assert_eq!(sessions[0].get("user_agent"), None, "an unusable header");
    assert_eq!([&sessions[0]["current"], &sessions[2]["current"]], [false, false]);
    assert_eq!(ids(&listed(&service, &grace["token"]).await), [id(&grace)], "each user has their own");
}

#[tokio::test]
async fn a_refresh_is_the_last_use_and_does_not_change_the_client() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let first = log_in_from(&service, "192.0.2.77", FIREFOX).await;
    let second = log_in_from(&service, "192.0.2.78", FIREFOX).await;
    let before = listed(&service, &second["token"]).await;
    service.clock.advance(Duration::from_secs(500));
    let refreshed = service.refresh(text(&first, "refresh_token")).await.json();
    let sessions = listed(&service, &refreshed["token"]).await;
    assert_eq!(ids(&sessions), [id(&first), id(&second)]);
    let created = sessions[0]["created_at"].as_u64().unwrap();
    assert!(sessions[0]["last_used_at"].as_u64().unwrap() >= created + 500, "{sessions:?}");
    assert_eq!(sessions[0]["network"], "192.0.2.0/24");
    assert_eq!(
        sessions[1],
        before
            .into_iter()
            .find(|s| s["id"] == sessions[1]["id"])
            .map(|mut session| {
                session["current"] = json!(false);
                session
            })
            .unwrap()
    );
    // The refresh of a browser, which does not rotate the token, is a use too.
    service.clock.advance(Duration::from_secs(500));
    let cookie = format!("postern_refresh_token={}", text(&second, "refresh_token"));
    assert_eq!(send(service.request(Method::GET, "/refresh").header("cookie", cookie)).await.status, 303);
    assert_eq!(ids(&listed(&service, &refreshed["token"]).await), [id(&second), id(&first)]);
}

#[tokio::test]
async fn the_current_session_ends_without_the_password() {
    let service = Service::start().await;
    let (first, second) = (service.signed_in(ADA).await, service.log_in(ADA[1], ADA[2]).await.json());
    let answer = end(&service, &first["token"], &id(&first), None).await;
    assert_eq!((answer.status, answer.text.as_str()), (204, ""));
    assert!(!answer.headers.contains_key("set-cookie"), "a header has no cookies to clear");
    assert_eq!((service.me(&first["token"]).await, service.me(&second["token"]).await), (401, 200));
    assert_eq!(service.refresh(text(&first, "refresh_token")).await.status, 401);
    assert_eq!(end(&service, &first["token"], &id(&first), None).await.code(), (401, "invalid-token".to_owned()));
}

#[tokio::test]
async fn another_session_ends_with_the_password_only() {
    let service = Service::start().await;
    let (mine, other) = (service.signed_in(ADA).await, service.log_in(ADA[1], ADA[2]).await.json());
    for missing in [None, Some("")] {
        let answer = end(&service, &mine["token"], &id(&other), missing).await;
        assert_eq!(answer.field_errors(), (422, vec![("password".to_owned(), "required".to_owned())]));
    }
    for number in 0..5 {
        let answer = end(&service, &mine["token"], &id(&other), Some(&format!("guess {number}"))).await;
        assert_eq!(answer.code(), (403, "wrong-password".to_owned()));
    }
    assert_eq!(end(&service, &mine["token"], &id(&other), Some(ADA[2])).await.status, 429, "guesses are limited");
    assert_eq!(end(&service, &other["token"], &id(&other), None).await.status, 204, "the current one needs none");
    let third = service.log_in(ADA[1], ADA[2]).await.json();
    service.clock.advance(Duration::from_secs(30));
    assert_eq!(end(&service, &mine["token"], &id(&third), Some(ADA[2])).await.status, 204);
    assert_eq!((service.me(&third["token"]).await, service.me(&mine["token"]).await), (401, 200));
    assert_eq!(service.refresh(text(&third, "refresh_token")).await.status, 401);
    let repeated = end(&service, &mine["token"], &id(&third), Some(ADA[2])).await;
    assert_eq!(repeated.code(), (404, "session-not-found".to_owned()));
}

#[tokio::test]
async fn a_session_that_is_not_the_callers_is_unknown_and_only_with_the_password() {
    let service = Service::start().await;
    let (mine, grace) = (service.signed_in(ADA).await, service.signed_in(GRACE).await);
    let long = "A".repeat(20_000);
    let padded = format!("{}=", id(&mine));
    let invented = RefreshToken::new(PublicId::random()).unwrap().session().to_string();
    let unknown = [
        id(&grace).as_str(),
        &invented,
        &long,
        &padded,
        "x",
        "current",
        "%00",
        "%FF",
        "%F0%9F%94%91",
        "a%2Fb",
        "{id}",
        "me",
        "..%2fuser",
        "*",
        "%20",
    ]
    .map(str::to_owned);
    let mut bodies = Vec::new();
    for id in &unknown {
        let answer = end(&service, &mine["token"], id, None).await;
        assert_eq!(answer.field_errors(), (422, vec![("password".to_owned(), "required".to_owned())]), "{id:.50}");
        let answer = end(&service, &mine["token"], id, Some(ADA[2])).await;
        assert_eq!(answer.code(), (404, "session-not-found".to_owned()), "{id:.50}");
        bodies.push(answer.text);
        service.clock.advance(Duration::from_secs(60));
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!((service.me(&mine["token"]).await, service.me(&grace["token"]).await), (200, 200));
    for path in ["/sessions/", "/sessions/a/b", "/Sessions"] {
        let answer = send(service.request(Method::DELETE, path).bearer_auth(text(&mine, "token"))).await;
        assert_eq!(answer.code(), (404, "not-found".to_owned()), "{path}");
    }
    let no_token = send(service.request(Method::DELETE, &format!("/sessions/{}", id(&mine)))).await;
    assert_eq!(no_token.code(), (401, "token-missing".to_owned()));
}

#[tokio::test]
async fn only_active_sessions_are_listed() {
    let service = Service::with(&[("SESSION_IDLE", "1000")]).await;
    let forgotten = service.signed_in(ADA).await;
    service.clock.advance(Duration::from_secs(600));
    let mine = service.log_in(ADA[1], ADA[2]).await.json();
    assert_eq!(ids(&listed(&service, &mine["token"]).await), [id(&mine), id(&forgotten)]);
    service.clock.advance(Duration::from_secs(500));
    assert_eq!(ids(&listed(&service, &mine["token"]).await), [id(&mine)], "the other one has expired");
    assert_eq!(service.items("Sessions").await.len(), 2, "though DynamoDB has not removed it");
    service.log_in(ADA[1], ADA[2]).await;
    let others = json!({ "scope": "others", "password": ADA[2] });
    assert_eq!(service.post_with("/logout", text(&mine, "token"), &others).await.status, 204);
    assert_eq!(ids(&listed(&service, &mine["token"]).await), [id(&mine)], "the others are revoked");
    for revoked in [&forgotten["token"], &json!("x")] {
        assert_eq!(service.get("/sessions", revoked.as_str().unwrap()).await.code(), (401, "invalid-token".to_owned()));
    }
    assert_eq!(send(service.request(Method::GET, "/sessions")).await.code(), (401, "token-missing".to_owned()));
}

#[tokio::test]
async fn a_session_from_before_the_attributes_is_listed_with_what_is_known() {
    let service = Service::start().await;
    let (old, mine) = (service.signed_in(ADA).await, service.log_in(ADA[1], ADA[2]).await.json());
    let user = forge::payload(text(&old, "token"))["sub"].as_str().unwrap().to_owned();
    let update = service.database.update_item().table_name("Sessions");
    let update = update.key("public_id", AttributeValue::S(user)).key("session_id", AttributeValue::S(id(&old)));
    let update = update.update_expression("REMOVE created_at, used_at, network, #agent");
    update.expression_attribute_names("#agent", "agent").send().await.unwrap();
    let sessions = listed(&service, &mine["token"]).await;
    assert_eq!(ids(&sessions), [id(&mine), id(&old)]);
    let expires_at = &sessions[1]["expires_at"];
    assert_eq!(sessions[1], json!({ "id": id(&old), "expires_at": expires_at, "current": false }));
    assert_eq!(service.refresh(text(&old, "refresh_token")).await.status, 200);
    let sessions = listed(&service, &mine["token"]).await;
    assert!(sessions.iter().all(|session| session["last_used_at"].is_u64()), "{sessions:?}");
}

#[tokio::test]
async fn a_change_of_the_password_starts_a_session_with_its_client() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let request = service.request(Method::POST, "/password").bearer_auth(text(&mine, "token"));
    let request = request.header(CLIENT, "203.0.113.9").header("user-agent", "okhttp/5.1.0");
    let change = json!({ "current_password": ADA[2], "new_password": "a better tortoise lamp quarrel" });
    let changed = send(request.json(&change)).await.json();
    let sessions = listed(&service, &changed["token"]).await;
    assert_eq!(ids(&sessions), [id(&changed)]);
    assert_eq!((&sessions[0]["network"], &sessions[0]["user_agent"]), (&json!("203.0.113.0/24"), &json!("okhttp")));
    assert!(sessions[0]["created_at"].is_u64() && sessions[0]["current"] == true, "{sessions:?}");
}

#[tokio::test]
async fn without_sessions_the_list_is_empty() {
    let service = Service::with(&[("SESSION_IDLE", "0")]).await;
    let mine = service.signed_in(ADA).await;
    assert_eq!(listed(&service, &mine["token"]).await, Vec::<Value>::new());
    let answer = end(&service, &mine["token"], "x", Some(ADA[2])).await;
    assert_eq!(answer.code(), (404, "session-not-found".to_owned()));
    let page =
        send(service.request(Method::GET, "/user/me").header("accept", "text/html").bearer_auth(text(&mine, "token")));
    assert!(!page.await.text.contains("Where you are logged in"));
}

#[tokio::test]
async fn pages_of_other_sites_can_neither_read_nor_end_sessions() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let cookie = format!("postern_access_token={}", text(&mine, "token"));
    let path = format!("/sessions/{}", id(&mine));
    for site in ["cross-site", "same-site"] {
        let request =
            |method, path| service.request(method, path).header("cookie", &cookie).header("sec-fetch-site", site);
        for (method, path) in [(Method::GET, "/sessions"), (Method::DELETE, &path), (Method::POST, &path)] {
            let answer = send(request(method.clone(), path)).await;
            assert_eq!(answer.code(), (403, "cross-site".to_owned()), "{method} {site}");
        }
        let form =
            send(request(Method::POST, &path).header("accept", "text/html").form(&[("_method", "DELETE")])).await;
        assert_eq!(form.status, 403, "{form:?}");
    }
    assert_eq!(service.me(&mine["token"]).await, 200);
    let read = service.request(Method::GET, "/sessions").header("cookie", &cookie);
    assert_eq!(send(read.header("sec-fetch-site", "same-origin")).await.status, 200);
    let delete = service.request(Method::DELETE, &path).header("cookie", &cookie);
    let ended = send(delete.header("sec-fetch-site", "same-origin")).await;
    assert_eq!(ended.status, 204, "{ended:?}");
    let set: Vec<_> = ended.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect();
    assert!(set.len() == 2 && set.iter().all(|cookie| cookie.contains("Max-Age=0")), "{ended:?}");
}

#[tokio::test]
async fn a_browser_sees_its_sessions_on_the_account_page_and_ends_one_with_the_password() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let mut browser = Browser::at(&service, 1);
    browser.log_in(ADA[1], ADA[2]).await;
    let alone = browser.get("/user/me").await.text;
    assert!(alone.contains("this device") && !alone.contains("session_password"), "{alone}");
    let other = log_in_from(&service, "192.0.2.77", FIREFOX).await;
    let path = format!("/sessions/{}", id(&other));

    assert_eq!(browser.get("/sessions").await.header("location"), Some("/user/me"));
    let page = browser.get("/user/me").await.text;
    for part in ["Firefox on Windows", "Network 192.0.2.0/24", "this device", &format!("formaction=\"{path}\"")] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert_eq!(page.matches("formaction=").count(), 1, "none for this device");
    let first_button = page.split("id=\"sessions\"").nth(1).unwrap().split("<button").nth(1).unwrap();
    assert!(first_button.starts_with(" disabled hidden>"), "Enter presses no button: {first_button}");

    let wrong = browser.post(&path, &[("_method", "DELETE"), ("password", "a wrong guess")]).await;
    assert_eq!((wrong.status, wrong.title()), (403, Some("Error: Your account")), "{wrong:?}");
    assert!(wrong.text.contains("id=\"session_password-error\"") && wrong.text.contains("Firefox"), "{wrong:?}");
    let missing = browser.post(&path, &[("_method", "DELETE")]).await;
    assert!(
        missing.text.contains("<a href=\"#session_password\">Password to log out a device is required.</a>"),
        "{missing:?}"
    );
    let no_method = browser.post(&path, &[("password", ADA[2])]).await;
    assert_eq!(no_method.status, 422, "{no_method:?}");
    assert_eq!(service.me(&other["token"]).await, 200);

    let form = [("_method", "DELETE"), ("password", ADA[2])];
    let ended = browser.post(&path, &form).await;
    assert_eq!((ended.status, ended.header("location")), (303, Some("/user/me?notice=session-ended")), "{ended:?}");
    assert_eq!(service.me(&other["token"]).await, 401);
    assert!(browser.get("/user/me?notice=session-ended").await.text.contains("The device has been logged out."));
    let again = browser.post(&path, &form).await;
    assert_eq!((again.status, again.title()), (404, Some("Error: Your account")), "{again:?}");
    assert!(again.text.contains("You have no such session."), "{again:?}");

    let own = forge::payload(browser.cookie("access_token"))["sid"].as_str().unwrap().to_owned();
    let logged_out = browser.post(&format!("/sessions/{own}"), &[("_method", "DELETE")]).await;
    assert_eq!((logged_out.status, logged_out.header("location")), (303, Some("/?notice=logged-out")));
    assert!(browser.cookie("access_token").is_empty() && browser.cookie("refresh_token").is_empty());
    let signed_out = browser.post(&path, &form).await;
    assert_eq!(signed_out.header("location"), Some("/?return_to=%2Fuser%2Fme"), "{signed_out:?}");
}

#[tokio::test]
async fn a_failed_deletion_is_503_and_the_session_continues() {
    let (service, rejecting) = Service::rejecting("DeleteItem", 0, THROTTLED).await;
    let (mine, other) = (service.signed_in(ADA).await, service.log_in(ADA[1], ADA[2]).await.json());
    rejecting.reject(6);
    let answer = end(&service, &mine["token"], &id(&other), Some(ADA[2])).await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert_eq!(service.me(&other["token"]).await, 200);
}

#[tokio::test]
async fn the_same_bodies_are_rejected_as_by_other_calls() {
    let service = Service::start().await;
    let mine = service.signed_in(ADA).await;
    let path = format!("/sessions/{}", id(&mine));
    let request = |method| service.request(method, &path).bearer_auth(text(&mine, "token"));
    let json = |body: &str| request(Method::DELETE).header("content-type", "application/json").body(body.to_owned());
    for (body, expected) in [
        ("{", (400, "malformed-json")),
        ("{\"password\": 1}", (400, "not-a-string")),
        ("{\"password\": \"a\", \"password\": \"b\"}", (400, "duplicate-field")),
        (&format!("{{\"password\": \"{}\"}}", "a".repeat(70_000)), (413, "body-too-large")),
    ] {
        let (status, code) = send(json(body)).await.code();
        assert_eq!((status, code.as_str()), expected, "{body:.40}");
    }
    let xml = request(Method::DELETE).header("content-type", "application/xml").body("<password/>");
    assert_eq!(send(xml).await.code(), (415, "unsupported-media-type".to_owned()));
    for method in [Method::GET, Method::PUT, Method::PATCH] {
        let answer = send(request(method.clone())).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("DELETE,POST")), "{method}");
    }
    let page = BROWSER.iter().fold(request(Method::GET), |request, (name, value)| request.header(*name, *value));
    assert_eq!(send(page).await.status, 405);
    assert_eq!(service.me(&mine["token"]).await, 200);
}

async fn account_page(service: &Service, token: &Value) -> Answer {
    let request = service.request(Method::GET, "/user/me").bearer_auth(token.as_str().unwrap());
    send(request.header("accept", "text/html")).await
}

#[tokio::test]
async fn an_unusable_item_is_missing_from_the_list_and_hides_no_other_session() {
    let service = Service::start().await;
    let (first, mine) = (service.signed_in(ADA).await, service.log_in(ADA[1], ADA[2]).await.json());
    let user = forge::payload(text(&mine, "token"))["sub"].as_str().unwrap().to_owned();
    let text_of = |value: &str| Some(AttributeValue::S(value.to_owned()));
    for (attribute, value) in [
        ("used_at", text_of("yesterday")),
        ("created_at", Some(AttributeValue::Bool(true))),
        ("version", None),
        ("expires_at", text_of("4000000000")),
        ("ends_at", Some(AttributeValue::N("-1".to_owned()))),
        ("session_id", text_of("not base64url")),
        ("session_id", text_of("AAAA")),
    ] {
        let new = RefreshToken::new(PublicId::random()).unwrap().session().to_string();
        let number = |number: &str| AttributeValue::N(number.to_owned());
        let mut item = std::collections::HashMap::from([
            ("public_id".to_owned(), AttributeValue::S(user.clone())),
            ("session_id".to_owned(), AttributeValue::S(new)),
            ("version".to_owned(), number("0")),
            ("expires_at".to_owned(), number("4000000000")),
            ("ends_at".to_owned(), number("4000000000")),
        ]);
        item.remove(attribute);
        item.extend(value.map(|value| (attribute.to_owned(), value)));
        service.database.put_item().table_name("Sessions").set_item(Some(item)).send().await.unwrap();
        let mut found = ids(&listed(&service, &mine["token"]).await);
        found.sort_unstable();
        let mut expected = [id(&first), id(&mine)];
        expected.sort_unstable();
        assert_eq!(found, expected, "{attribute}");
        let page = account_page(&service, &mine["token"]).await;
        assert!(page.status == 200 && page.text.contains(&id(&first)), "{attribute}: {page:?}");
    }
}

#[tokio::test]
async fn the_account_page_is_shown_without_sessions_if_they_cannot_be_read() {
    for error in [THROTTLED, ACCESS_DENIED] {
        let (service, rejecting) = Service::rejecting("Query", 0, error).await;
        let mine = service.signed_in(ADA).await;
        assert!(account_page(&service, &mine["token"]).await.text.contains("Where you are logged in"));
        rejecting.reject(100);
        let page = account_page(&service, &mine["token"]).await;
        assert!(page.status == 200 && page.text.contains("Change your password"), "{error}: {page:?}");
        assert!(!page.text.contains("Where you are logged in"), "{error}: {page:?}");
        assert_ne!(service.get("/sessions", text(&mine, "token")).await.status, 200, "the API does not hide it");
    }
}

#[tokio::test]
async fn a_token_without_session_shows_none_on_the_page_and_in_the_list() {
    let service = Service::start().await;
    let before = service.signed_in(ADA).await;
    let without = service.another(&[("SESSION_IDLE", "0")]).await;
    let mine = without.log_in(ADA[1], ADA[2]).await.json();
    for service in [&service, &without] {
        assert_eq!(listed(service, &mine["token"]).await, Vec::<Value>::new());
        let page = account_page(service, &mine["token"]).await;
        assert!(page.status == 200 && !page.text.contains("Where you are logged in"), "{page:?}");
        assert_eq!(ids(&listed(service, &before["token"]).await), [id(&before)], "a token of a session shows it");
        assert!(account_page(service, &before["token"]).await.text.contains("this device"));
    }
}
