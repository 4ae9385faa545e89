//! Browsers whose access cookie is refused: the refresh cookie, an independent credential, continues their session.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot continue should stop")]

use std::{fs, path::PathBuf};

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{
    keys::{Algorithm, Jwk, JwkSet},
    time::UnixSeconds,
    user::PublicId,
};
use testkit::{
    ADA, Answer, Service, forge,
    service::{BROWSER, send},
};

/// The cookies of a browser: the access token and the refresh token, each as `NAME=VALUE`.
#[derive(Debug, Clone)]
struct Browser {
    access: String,
    refresh: String,
}

impl Browser {
    /// Signs up and logs in by the form.
    async fn signed_in(service: &Service) -> Self {
        assert_eq!(service.sign_up(ADA).await.status, 201);
        let form = BROWSER
            .iter()
            .fold(service.request(Method::POST, "/login"), |form, (name, value)| form.header(*name, *value));
        let answer = send(form.form(&[("email", ADA[1]), ("password", ADA[2])])).await;
        assert_eq!(answer.status, 303, "{answer:?}");
        let cookies = answer.cookies();
        let [access, refresh] = ["access", "refresh"].map(|kind| {
            cookies.iter().find(|cookie| cookie.contains(&format!("{kind}_token="))).expect("both cookies").clone()
        });
        Self { access, refresh }
    }

    /// The same browser with another access token.
    fn with_access(&self, token: &str) -> Self {
        Self { access: format!("{}={token}", self.access.split_once('=').unwrap().0), ..self.clone() }
    }

    fn token(&self) -> &str {
        self.access.split_once('=').unwrap().1
    }

    async fn get(&self, service: &Service, path: &str) -> Answer {
        self.get_with(service, path, &[]).await
    }

    async fn get_with(&self, service: &Service, path: &str, headers: &[(&str, &str)]) -> Answer {
        let cookies = format!("{}; {}", self.access, self.refresh);
        let headers = BROWSER.iter().chain(headers);
        let request =
            headers.fold(service.request(Method::GET, path), |request, (name, value)| request.header(*name, *value));
        send(request.header("cookie", cookies)).await
    }

    /// Takes over the cookies that a response sets.
    fn receive(&mut self, answer: &Answer) {
        for cookie in answer.cookies() {
            if cookie.contains("access_token=") {
                self.access = cookie;
            } else if cookie.contains("refresh_token=") {
                self.refresh = cookie;
            }
        }
    }

    /// Follows redirects from `path` like a browser, and returns the paths and the last response. `/refresh` is
    /// requested from `login`, everything else from `list_users`.
    async fn follow(&mut self, login: &Service, list_users: &Service, path: &str) -> (Vec<String>, Answer) {
        let mut paths = vec![path.to_owned()];
        loop {
            let path = paths.last().unwrap();
            let is_for_login = path.starts_with("/refresh") || path.starts_with("/?");
            let answer = self.get(if is_for_login { login } else { list_users }, path).await;
            self.receive(&answer);
            let Some(location) = answer.header("location") else { return (paths, answer) };
            paths.push(location.to_owned());
            assert!(paths.len() < 10, "a redirect loop: {paths:?}");
        }
    }
}

/// A file with a new key for `algorithm`, and the settings of a service that uses it.
struct KeyFile {
    path: PathBuf,
    settings: [(&'static str, String); 3],
}

impl KeyFile {
    fn new(algorithm: Algorithm) -> Self {
        let key = Jwk::generate(algorithm, UnixSeconds::new(1)).unwrap();
        let path = std::env::temp_dir().join(format!("postern-{}.json", PublicId::random()));
        fs::write(&path, JwkSet::new(vec![key]).to_json()).unwrap();
        let location = format!("file:{}", path.display());
        let settings = [
            ("JWT_ALGORITHM", algorithm.name().to_owned()),
            ("JWT_SECRET_ARN", location),
            ("JWT_SECRET_KEY", String::new()),
        ];
        Self { path, settings }
    }

    fn settings(&self) -> Vec<(&str, &str)> {
        self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// The title of the page after a refresh, and the number of sessions, which must stay one.
async fn assert_session_continues(browser: &mut Browser, service: &Service, what: &str) {
    for (page, title) in [("/user?limit=5", "Users"), ("/user/me", "Your account")] {
        let mut browser = browser.clone();
        let (paths, answer) = browser.follow(service, service, page).await;
        assert_eq!((answer.status, answer.title()), (200, Some(title)), "{what}: {paths:?}");
        assert!(paths[1].starts_with("/refresh?return_to=%2Fuser"), "{what}: {paths:?}");
        assert_eq!(paths.last().map(String::as_str), Some(page), "the address bar has no mark: {what}");
        assert_eq!(browser.get(service, page).await.status, 200, "{what}");
    }
    assert_eq!(service.items("Sessions").await.len(), 1, "{what}: no session is orphaned");
}

#[tokio::test]
async fn sessions_survive_a_change_of_algorithm_key_issuer_and_audience() {
    let keys = Algorithm::ALL.map(KeyFile::new);
    let changes: Vec<Vec<(&str, &str)>> = keys
        .iter()
        .map(KeyFile::settings)
        .chain([
            vec![("JWT_SECRET_KEY", "another key that only this test uses: 8a31")],
            vec![("JWT_ISSUER", "https://auth.example.com")],
            vec![("JWT_AUDIENCE", "auth,orders")],
        ])
        .collect();
    for change in &changes {
        let before = Service::start().await;
        let mut browser = Browser::signed_in(&before).await;
        let after = before.another(change).await;
        assert_session_continues(&mut browser, &after, &format!("{change:?}")).await;
    }
    // And back: from EdDSA, whose tokens have a type and an audience of their own, to HS256.
    let before = Service::with(&changes[1]).await;
    let mut browser = Browser::signed_in(&before).await;
    assert_session_continues(&mut browser, &before.another(&[]).await, "to HS256").await;
}

#[tokio::test]
async fn whatever_is_wrong_with_the_access_cookie_the_session_continues() {
    let service = Service::start().await;
    let browser = Browser::signed_in(&service).await;
    let good = forge::payload(browser.token());
    let changed = |changes: Value| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        forge::with_claims(&claims)
    };
    let now = forge::now();
    let unknown_session = "A".repeat(43);
    for (what, token) in [
        ("no access token", String::new()),
        ("garbage", "x".to_owned()),
        ("too long", "x".repeat(5000)),
        ("a damaged signature", format!("{}x", browser.token())),
        ("another type", forge::with_header(r#""typ":"logout+jwt""#, &good)),
        ("an extension", forge::with_header(r#""crit":null"#, &good)),
        ("another algorithm", forge::token(r#"{"alg":"none"}"#, &good.to_string())),
        ("expired", changed(json!({ "exp": now - 60 }))),
        ("not valid yet", changed(json!({ "nbf": now + 60 }))),
        ("issued in the future", changed(json!({ "iat": now + 60 }))),
        ("after the year 9999", changed(json!({ "exp": 253_402_300_800_u64 }))),
        ("another issuer", changed(json!({ "iss": "https://other.example" }))),
        ("another audience", changed(json!({ "aud": "orders" }))),
        ("a missing claim", changed(json!({ "iat": null }))),
        ("an invalid subject", changed(json!({ "sub": "admin" }))),
        ("a user that does not exist", {
            let id = PublicId::random().to_string();
            changed(json!({ "sub": id, "public_id": id }))
        }),
        ("a session that does not exist", changed(json!({ "sid": unknown_session }))),
    ] {
        assert_session_continues(&mut browser.with_access(&token), &service, what).await;
    }
    let twice = Browser { access: format!("{}; {}", browser.access, browser.access), ..browser.clone() };
    let answer = twice.get(&service, "/user").await;
    assert_eq!(answer.header("location"), Some("/refresh?return_to=%2Fuser"), "two access cookies");
}

#[tokio::test]
async fn a_browser_whose_new_access_token_is_refused_too_logs_in_and_keeps_its_cookies() {
    // As in the middle of a deployment, or if the settings of the two functions differ.
    for settings in [
        [("JWT_ISSUER", "https://other.example")],
        [("JWT_AUDIENCE", "orders")],
        [("JWT_SECRET_KEY", "another key that only this test uses: 8a31")],
    ] {
        let login = Service::start().await;
        let mut browser = Browser::signed_in(&login).await;
        let list_users = login.another(&settings).await;
        for page in ["/user?limit=5", "/user/me"] {
            let (paths, answer) = browser.follow(&login, &list_users, page).await;
            let kinds: Vec<&str> = paths.iter().map(|path| path.split('?').next().unwrap()).collect();
            let path = page.split('?').next().unwrap();
            assert_eq!(kinds, [path, "/refresh", path, "/"], "{settings:?}");
            assert!(!paths[3].contains("refreshed"), "{paths:?}");
            assert_eq!((answer.status, answer.title()), (200, Some("Log in")), "{settings:?}");
            assert_eq!(browser.get(&login, page).await.status, 200, "the session continues after the deployment");
        }
    }
}

#[tokio::test]
async fn two_access_cookies_that_a_refresh_cannot_replace_end_in_the_log_in_form() {
    let service = Service::start().await;
    let browser = Browser::signed_in(&service).await;
    let twice = Browser { access: format!("{}; {}", browser.access, browser.access), ..browser };
    let answer = twice.get(&service, "/user?limit=5&refreshed=1").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/?return_to=%2Fuser%3Flimit%3D5")));
    assert!(answer.headers.get("set-cookie").is_none(), "{answer:?}");
}

#[tokio::test]
async fn a_refused_token_in_a_header_is_not_refreshed_because_that_would_not_replace_it() {
    let service = Service::start().await;
    let browser = Browser::signed_in(&service).await;
    for header in [("authorization", "Bearer x"), ("x-access-token", "x"), ("authorization", "JWT x")] {
        let answer = browser.get_with(&service, "/user", &[header]).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/?return_to=%2Fuser")), "{header:?}");
    }
    // A header of another scheme carries no token, so the cookies count.
    let answer = browser.with_access("x").get_with(&service, "/user", &[("authorization", "Basic eDp4")]).await;
    assert!(answer.header("location").is_some_and(|location| location.starts_with("/refresh")), "{answer:?}");
}

#[tokio::test]
async fn an_ended_session_leads_to_the_log_in_whatever_the_access_cookie_is() {
    let service = Service::start().await;
    let mut browser = Browser::signed_in(&service).await;
    assert_eq!(service.post_with("/logout", browser.token(), &json!({ "scope": "global" })).await.status, 204);
    for token in [browser.token().to_owned(), "x".to_owned(), String::new()] {
        let (paths, answer) = browser.with_access(&token).follow(&service, &service, "/user").await;
        assert_eq!((paths.len(), answer.title()), (3, Some("Log in")), "{paths:?}");
    }
    browser.refresh = String::new();
    let answer = browser.get(&service, "/user").await;
    assert_eq!(answer.header("location"), Some("/?return_to=%2Fuser"), "without a refresh cookie");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2, "the cookies are cleared");
}
