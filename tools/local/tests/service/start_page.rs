//! The log-in page for logged-in browsers, and the URL at which password managers find the account page.

use reqwest::Method;
use testkit::{
    Service,
    service::{BROWSER, send},
};

use crate::pages::{get, seen, signed_in};

const NO_PARAMETER: [&str; 8] =
    ["", "?", "?utm_source=x", "?utm_source=x&utm_medium=y", "?return=%2Fuser", "?x=notice", "?%FF=%", "?%"];
const WITH_PARAMETER: [&str; 6] = [
    "?return_to=%2Fuser",
    "?return_to=%2Fuser%2Fme&utm_source=x",
    "?utm_source=x&notice=logged-out",
    "?return_to=",
    "?return_to=//evil.example",
    "?notice",
];

#[tokio::test]
async fn a_logged_in_browser_is_redirected_to_the_users_whatever_else_the_query_contains() {
    for path in ["/login", "/auth/token"] {
        let service = Service::with(&[("JWT_AUTH_URL_RULE", path)]).await;
        service.sign_up(testkit::ADA).await;
        let form =
            service.request(Method::POST, path).form(&[("email", testkit::ADA[1]), ("password", testkit::ADA[2])]);
        let form = BROWSER.iter().fold(form, |form, (name, value)| form.header(*name, *value));
        let cookies = send(form).await.cookies();
        for start in ["/", path] {
            for query in NO_PARAMETER {
                let page = format!("{start}{query}");
                assert_eq!(seen(&get(&service, &page, &cookies).await), (303, "", "/user"), "{page}");
                // The refresh token alone is a session too.
                assert_eq!(seen(&get(&service, &page, &cookies[1..]).await), (303, "", "/user"), "{page}");
                assert_eq!(seen(&get(&service, &page, &[]).await), (200, "Log in", ""), "{page}");
            }
            for query in WITH_PARAMETER {
                let page = format!("{start}{query}");
                assert_eq!(seen(&get(&service, &page, &cookies).await), (200, "Log in", ""), "{page}");
            }
        }
        assert_eq!(seen(&get(&service, "/signup", &cookies).await), (200, "Sign up", ""), "another account");
    }
}

#[tokio::test]
async fn cookies_of_an_ended_session_lead_to_the_form_even_if_the_browser_keeps_them() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let token = cookies[0].split_once('=').unwrap().1;
    assert_eq!(service.post_with("/logout", token, &serde_json::json!({})).await.status, 204);
    for page in ["/", "/login", "/?utm_source=x", "/.well-known/change-password"] {
        let mut path = page.to_owned();
        let mut answer = get(&service, &path, &cookies).await;
        for _ in 0..4 {
            let Some(location) = answer.header("location") else { break };
            location.clone_into(&mut path);
            answer = get(&service, &path, &cookies).await;
        }
        assert_eq!(seen(&answer), (200, "Log in", ""), "{page} led to {path}");
    }
}

#[tokio::test]
async fn password_managers_find_the_account_page() {
    let service = Service::start().await;
    let cookies = signed_in(&service).await;
    let path = "/.well-known/change-password";
    for cookies in [&cookies[..], &[]] {
        assert_eq!(seen(&get(&service, path, cookies).await), (303, "", "/user/me"));
    }
    // A password manager is not a browser, and may ask with HEAD.
    for method in [Method::GET, Method::HEAD] {
        assert_eq!(seen(&send(service.request(method, path)).await), (303, "", "/user/me"));
    }
    assert_eq!(send(service.request(Method::POST, path)).await.code(), (405, "method-not-allowed".to_owned()));
    // A password manager takes the redirect seriously only if unknown paths have an error status.
    let unknown = "/.well-known/resource-that-should-not-exist-whose-status-code-should-not-be-200";
    assert_eq!(send(service.request(Method::GET, unknown)).await.status, 404);
}
