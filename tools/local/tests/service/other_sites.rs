//! Requests that pages of other sites cause, and what browsers may do with the responses.

use reqwest::{Method, RequestBuilder};
use testkit::{
    ADA, Answer, Service,
    service::{BROWSER, send},
};

const HTML: (&str, &str) = ("accept", BROWSER[0].1);

fn with(request: RequestBuilder, headers: &[(&str, &str)]) -> RequestBuilder {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

async fn log_in(service: &Service, headers: &[(&str, &str)]) -> Answer {
    let request = with(service.request(Method::POST, "/login"), headers);
    send(request.form(&[("email", ADA[1]), ("password", ADA[2])])).await
}

async fn cookies(service: &Service) -> String {
    log_in(service, &BROWSER).await.cookies().join("; ")
}

#[tokio::test]
async fn without_fetch_metadata_the_origin_of_a_form_is_compared_as_an_origin() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    for (origin, host, status) in [
        ("http://auth.example.com", "auth.example.com:80", 303),
        ("http://auth.example.com:80", "auth.example.com", 303),
        ("http://AUTH.example.com", "auth.EXAMPLE.com", 303),
        ("https://auth.example.com", "auth.example.com", 403),
        ("https://auth.example.com", "auth.example.com:443", 403),
        ("http://auth.example.com", "auth.example.com:443", 403),
        ("http://auth.example.com.evil.example", "auth.example.com", 403),
        ("null", "auth.example.com", 403),
    ] {
        let answer = log_in(&service, &[HTML, ("origin", origin), ("host", host)]).await;
        assert_eq!(answer.status, status, "{origin} {host}");
    }
    assert_eq!(log_in(&service, &[HTML, ("origin", &service.url), ("origin", &service.url)]).await.status, 403);
}

#[tokio::test]
async fn reading_with_cookies_is_for_this_site_and_for_top_level_navigations() {
    let service = Service::start().await;
    let (_, token) = service.member(ADA).await;
    let cookies = cookies(&service).await;
    let fetch = |site, mode, dest| [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)];
    for path in ["/user", "/user/me", "/refresh"] {
        let succeeds = if path == "/refresh" { 303 } else { 200 };
        for method in [Method::GET, Method::HEAD] {
            // A rotation by HEAD or a repetition is not the subject here.
            if path == "/refresh" && method == Method::HEAD {
                continue;
            }
            let get = |headers: &[(&str, &str)]| {
                with(service.request(method.clone(), path).header("cookie", &cookies), headers)
            };
            for (headers, status) in [
                (&fetch("same-site", "no-cors", "empty")[..], 403),
                (&fetch("same-site", "cors", "empty"), 403),
                (&fetch("same-site", "navigate", "iframe"), 403),
                (&fetch("cross-site", "no-cors", "image"), 403),
                (&fetch("cross-site", "navigate", "embed"), 403),
                (&[("origin", "https://evil.example")], 403),
                (&fetch("cross-site", "navigate", "document"), succeeds),
                (&fetch("same-site", "navigate", "document"), succeeds),
                (&fetch("none", "navigate", "document"), succeeds),
                (&fetch("same-origin", "cors", "empty"), succeeds),
                (&[], succeeds),
            ] {
                for accept in ["application/json", HTML.1] {
                    let answer = send(get(headers).header("accept", accept)).await;
                    assert_eq!(answer.status, status, "{method} {path} {headers:?} {accept}");
                    if status == 403 && accept == "application/json" && method == Method::GET {
                        assert_eq!(answer.code().1, "cross-site");
                    }
                }
                if path != "/refresh" {
                    let by_header =
                        with(service.request(method.clone(), path).header("x-access-token", &token), headers);
                    assert_eq!(send(by_header).await.status, 200, "a header needs no origin: {path} {headers:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_script_gets_no_challenge_that_opens_the_browsers_password_dialog() {
    for profile in ["tutorial", "strict"] {
        let service = Service::with(&[("AUTH_PROFILE", profile)]).await;
        service.sign_up(ADA).await;
        let attempts = [vec![("email", ADA[1]), ("password", "x")], vec![("email", "x"), ("password", "x")], vec![]];
        for fields in attempts {
            let attempt = async |headers: &[(&str, &str)]| {
                send(with(service.request(Method::POST, "/login"), headers).form(&fields)).await
            };
            let of_script = attempt(&[("sec-fetch-mode", "cors"), ("sec-fetch-site", "same-origin")]).await;
            let expected = (of_script.status == 401).then_some("Bearer realm=\"Login required\"");
            assert_eq!(of_script.header("www-authenticate"), expected, "{of_script:?}");
            for headers in [&[][..], &[("sec-fetch-mode", "navigate")]] {
                let other = attempt(headers).await;
                let challenge = other.header("www-authenticate").unwrap();
                assert!(challenge.starts_with("Basic realm=\""), "{challenge}");
                assert!(challenge.ends_with("\", charset=\"UTF-8\""), "{challenge}");
                assert_eq!((other.status, other.code()), (of_script.status, of_script.code()));
            }
        }
    }
}
