//! Closed sign-up, and sign-up for the addresses of some domains.

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use testkit::{
    ADA, GRACE, Service,
    proxy::UNREACHABLE,
    service::{BROWSER, database_endpoint, send},
};

use crate::pages::{get, post, seen};

const CLOSED: &str = "sign-up-closed";

fn browser(request: RequestBuilder) -> RequestBuilder {
    BROWSER.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// Sign-ups of every kind: valid, invalid, malformed, and of another site.
fn sign_ups(service: &Service) -> Vec<RequestBuilder> {
    let request = || service.request(Method::POST, "/signup");
    let fields = [("name", ADA[0]), ("email", ADA[1]), ("password", ADA[2])];
    let raw = |content_type: &str, body: &'static str| request().header("content-type", content_type).body(body);
    let valid = json!({ "name": ADA[0], "email": ADA[1], "password": ADA[2] });
    vec![
        request().json(&valid),
        request().form(&fields),
        request().form(&[("email", "x"), ("password", "")]),
        request(),
        raw("application/json", "{ not JSON"),
        raw("application/json", r#"{"email":1,"email":2}"#),
        raw("application/xml", "<a/>"),
        raw("multipart/form-data", "no boundary"),
        raw("application/x-www-form-urlencoded", "name=%FF"),
        request().json(&valid).header("authorization", "Basic !!"),
        request().form(&fields).header("origin", "https://evil.example").header("sec-fetch-site", "cross-site"),
    ]
}

#[tokio::test]
async fn closed_sign_up_is_refused_before_any_other_work() {
    for profile in ["tutorial", "strict"] {
        let settings = [("AUTH_PROFILE", profile), ("SIGNUP", "closed"), ("SIGNUP_DOMAINS", "example.com")];
        let (service, proxy) = Service::recorded_with(&settings).await;
        for request in sign_ups(&service) {
            let answer = send(request.try_clone().unwrap()).await;
            assert_eq!(answer.code(), (403, CLOSED.to_owned()), "{request:?}: {answer:?}");
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            let page = send(browser(request)).await;
            assert_eq!(seen(&page), (403, "Error: Sign-up is closed", ""), "{page:?}");
            for field in ["<input", "<form", ADA[1]] {
                assert!(!page.text.contains(field), "{page:?}");
            }
        }
        assert_eq!(proxy.take(), [""; 0], "no call of the database");
        assert!(service.items("Users").await.is_empty() && service.items("Throttle").await.is_empty());
    }
}

#[tokio::test]
async fn closed_sign_up_needs_no_database() {
    let endpoint = database_endpoint().await;
    let service = Service::over(&[("SIGNUP", "closed")], &endpoint, UNREACHABLE).await;
    assert_eq!(service.sign_up(ADA).await.code(), (403, CLOSED.to_owned()));
}

#[tokio::test]
async fn the_sign_up_page_says_that_sign_up_is_closed() {
    let service = Service::with(&[("SIGNUP", "closed")]).await;
    let page = get(&service, "/signup", &[]).await;
    assert_eq!(seen(&page), (403, "Error: Sign-up is closed", ""));
    assert!(page.text.contains("does not accept new accounts") && page.text.contains("administrator"), "{page:?}");
    assert!(!page.text.contains("<form"), "{page:?}");
    let answer = send(service.request(Method::GET, "/signup")).await;
    assert_eq!(answer.code(), (403, CLOSED.to_owned()));
    let head = send(service.request(Method::HEAD, "/signup")).await;
    assert_eq!((head.status, head.text.as_str()), (403, ""));
    let options = send(service.request(Method::OPTIONS, "/signup")).await;
    assert_eq!((options.status, options.header("allow")), (204, Some("GET,HEAD,POST")));
    assert_eq!(send(service.request(Method::PUT, "/signup")).await.status, 405);
}

#[tokio::test]
async fn pages_link_to_the_sign_up_only_while_it_is_open() {
    for (value, is_open) in [("open", true), ("", true), ("closed", false)] {
        let service = Service::with(&[("SIGNUP", value)]).await;
        let rejected = [("email", "unknown@example.com"), ("password", "wrong password")];
        for page in [
            get(&service, "/", &[]).await,
            get(&service, "/login", &[]).await,
            get(&service, "/?return_to=%2Fuser", &[]).await,
            get(&service, "/?notice=logged-out", &[]).await,
            post(&service, "/login", &[], &rejected).await,
            post(&service, "/login", &[], &[]).await,
        ] {
            assert!(page.title().unwrap().ends_with("Log in"), "{page:?}");
            assert_eq!(page.text.contains("/signup"), is_open, "{value}: {page:?}");
        }
        let nowhere = get(&service, "/nowhere", &[]).await;
        assert!(!nowhere.text.contains("/signup"), "{nowhere:?}");
    }
}

#[tokio::test]
async fn existing_users_are_not_affected_when_sign_up_is_closed_or_restricted() {
    let open = Service::start().await;
    open.sign_up(ADA).await;
    for settings in [("SIGNUP", "closed"), ("SIGNUP_DOMAINS", "example.org")] {
        let service = open.another(&[settings]).await;
        let logged_in = service.log_in(ADA[1], ADA[2]).await;
        assert_eq!(logged_in.status, 201);
        assert_eq!(service.me(&logged_in.json()["token"]).await, 200);
    }
    assert_eq!(open.sign_up(GRACE).await.status, 201, "the other instance is still open");
}

#[tokio::test]
async fn only_addresses_of_listed_domains_can_sign_up() {
    let service = Service::with(&[("SIGNUP_DOMAINS", "example.com, BÜCHER.example")]).await;
    let codes = async |email: &str| service.sign_up([ADA[0], email, ADA[2]]).await.field_errors();
    let refused = (422, vec![("email".to_owned(), "domain-not-allowed".to_owned())]);
    for email in [
        "ada@example.org",
        "ada@mail.example.com",
        "ada@example.com.example.org",
        "ada@notexample.com",
        "example.com@example.org",
        "ada@bucher.example",
        "ada@xn--bcher-kva.example.org",
    ] {
        assert_eq!(codes(email).await, refused, "{email}");
    }
    assert!(service.items("Throttle").await.is_empty(), "it is not counted, since nothing is hashed");
    for email in ["ada@EXAMPLE.com", "grace@ｅｘａｍｐｌｅ.com", "ada@bücher.example", "grace@XN--BCHER-KVA.example"]
    {
        assert_eq!(service.sign_up([ADA[0], email, ADA[2]]).await.status, 201, "{email}");
    }
    assert_eq!(service.items("Users").await.len(), 4);
}

#[tokio::test]
async fn the_refusal_of_a_domain_reveals_neither_the_list_nor_accounts() {
    let open = Service::start().await;
    open.sign_up(ADA).await;
    let service = open.another(&[("SIGNUP_DOMAINS", "secret-customer.example")]).await;
    let existing = service.sign_up(ADA).await;
    let unknown = service.sign_up([GRACE[0], GRACE[1], GRACE[2]]).await;
    assert_eq!(existing.text, unknown.text);
    let detail = existing.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    assert_eq!(detail, "must be in a domain that may sign up here; use an address of your organization");
    let form = [("name", ADA[0]), ("email", ADA[1]), ("password", ADA[2])];
    let page = post(&service, "/signup", &[], &form).await;
    assert_eq!(seen(&page), (422, "Error: Sign up", ""));
    assert!(page.text.contains(&format!("Email address {detail}.")), "{page:?}");
    assert!(![existing.text, page.text].iter().any(|text| text.contains("secret-customer")));
}

#[tokio::test]
async fn a_refused_domain_is_reported_together_with_the_other_fields() {
    let service = Service::with(&[("SIGNUP_DOMAINS", "example.com")]).await;
    let pair = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    let answer = service.sign_up(["", "ada@example.org", "short"]).await;
    let all = vec![pair("name", "required"), pair("email", "domain-not-allowed"), pair("password", "too-short")];
    assert_eq!(answer.field_errors(), (422, all));
    let answer = service.sign_up([ADA[0], "ada@EXAMPLE.org", "ada@example.org"]).await;
    let both = vec![pair("email", "domain-not-allowed"), pair("password", "same-as-email")];
    assert_eq!(answer.field_errors(), (422, both));
    let answer = service.sign_up([ADA[0], "ada@localhost", ADA[2]]).await;
    assert_eq!(answer.field_errors(), (422, vec![pair("email", "malformed")]));
}
