//! Input as real clients send it: cookies of other applications, empty bodies, headers with optional white space, and
//! text in all scripts.

use reqwest::{Method, header::HeaderValue};
use serde_json::json;
use testkit::{
    ADA, Answer, Service,
    service::{BROWSER, send},
    text,
};

const JSON: &str = "application/json";

/// The cookies that a log-in by form sets. The first two are the access token and the refresh token.
async fn cookies(service: &Service) -> String {
    let log_in = BROWSER
        .iter()
        .fold(service.request(Method::POST, "/login"), |request, (name, value)| request.header(*name, *value));
    let answer = send(log_in.form(&[("email", ADA[1]), ("password", ADA[2])])).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.cookies()[..2].join("; ")
}

#[tokio::test]
async fn cookies_of_other_applications_are_ignored_whatever_their_bytes() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let cookies = cookies(&service).await;
    for other in
        [&b"theme=\xc3\xa9t\xc3\xa9"[..], b"theme=\xe9t\xe9", b"\xff\x80", b"a=\"b;c\"", b"x", b"=", b"access_token=z"]
    {
        let value = [other, cookies.as_bytes()].join(&b"; "[..]);
        for path in ["/user", "/user/me"] {
            let get = service.request(Method::GET, path).header("cookie", HeaderValue::from_bytes(&value).unwrap());
            let page = get.try_clone().unwrap().header("accept", BROWSER[0].1);
            assert_eq!((send(get).await.status, send(page).await.status), (200, 200), "{path} {other:?}");
        }
    }
}

#[tokio::test]
async fn a_cookie_that_occurs_twice_is_rejected_and_the_other_is_accepted() {
    let service = Service::start().await;
    service.sign_up(ADA).await;
    let cookies = cookies(&service).await;
    let (access, refresh) = cookies.split_once("; ").unwrap();
    let status = async |value: String| send(service.request(Method::GET, "/user").header("cookie", value)).await.status;
    assert_eq!(status(format!("{access}; {refresh}; {refresh}")).await, 200);
    assert_eq!(status(format!("{access}; {access}; {refresh}")).await, 401);
}

/// The responses of every route that reads a body, to a request with this type and an empty body.
async fn with_empty_body(service: &Service, token: &str, content_type: Option<&str>) -> Vec<Answer> {
    let calls = [
        (Method::POST, "/signup"),
        (Method::POST, "/login"),
        (Method::POST, "/refresh"),
        (Method::POST, "/password"),
        (Method::DELETE, "/user/me"),
        (Method::POST, "/user/me"),
    ];
    let mut answers = Vec::new();
    for (method, path) in calls {
        let request = service.request(method, path).header("x-access-token", token);
        let request = content_type.into_iter().fold(request, |request, value| request.header("content-type", value));
        answers.push(send(request).await);
    }
    answers
}

#[tokio::test]
async fn an_empty_body_counts_as_absent_whatever_its_type() {
    let service = Service::start().await;
    let (_, token) = service.member(ADA).await;
    let expected: Vec<_> = with_empty_body(&service, &token, None)
        .await
        .iter()
        .map(|answer| (answer.code(), answer.field_errors()))
        .collect();
    assert_eq!(expected.iter().map(|((status, _), _)| *status).collect::<Vec<_>>(), [422, 401, 422, 422, 422, 422]);
    for content_type in [JSON, "application/x-www-form-urlencoded", "multipart/form-data", "text/plain", "x", ""] {
        let answers = with_empty_body(&service, &token, Some(content_type)).await;
        let answers: Vec<_> = answers.iter().map(|answer| (answer.code(), answer.field_errors())).collect();
        assert_eq!(answers, expected, "{content_type}");
        let session = service.log_in(ADA[1], ADA[2]).await.json();
        let log_out = service.request(Method::POST, "/logout").bearer_auth(text(&session, "token"));
        assert_eq!(send(log_out.header("content-type", content_type)).await.status, 204, "{content_type}");
        assert_eq!(service.me(&session["token"]).await, 401, "the session has ended: {content_type}");
    }
}

#[tokio::test]
async fn a_content_type_may_have_optional_space_and_any_common_label_of_utf8() {
    let service = Service::start().await;
    for (number, parameters) in
        [" ; charset=utf-8", ";charset=UTF-8", "; charset=utf8", "\t;\tcharset=\"utf-8\"", "; charset=\"UTF8\" ;", ";;"]
            .into_iter()
            .enumerate()
    {
        let body = json!({ "name": "Zoë", "email": format!("user{number}@example.com"), "password": ADA[2] });
        let answer = service.post_raw("/signup", &format!("{JSON}{parameters}"), body.to_string()).await;
        assert_eq!((answer.status, answer.json()["name"].as_str()), (201, Some("Zoë")), "{parameters}");
    }
    for parameters in [" ; charset=latin1", "; charset=utf-16", " charset=utf-8", "; charset = utf-8"] {
        let answer = service.post_raw("/signup", &format!("{JSON}{parameters}"), "{}").await;
        assert_eq!(answer.code(), (415, "unsupported-media-type".to_owned()), "{parameters}");
    }
}

#[tokio::test]
async fn a_name_must_be_visible() {
    let service = Service::start().await;
    for (name, code) in [
        ("\u{3164}", "required"),
        ("\u{200b}", "required"),
        ("\u{2800}", "required"),
        ("Ada\u{202e}ecalevoL", "not-printable"),
        ("A\u{200b}da", "not-printable"),
        ("Ada\u{2028}Lovelace", "not-printable"),
        ("Z\u{300}\u{301}\u{302}\u{303}\u{304}algo", "not-printable"),
        ("Ada\u{1b}[31m", "control-character"),
    ] {
        let expected = (422, vec![("name".to_owned(), code.to_owned())]);
        assert_eq!(service.sign_up([name, ADA[1], ADA[2]]).await.field_errors(), expected, "{name:?}");
    }
    let families = ["👩‍👩‍👧 ❤️", "نیک‌نام", "山田　太郎"];
    for (number, name) in families.into_iter().enumerate() {
        let answer = service.sign_up([name, &format!("user{number}@example.com"), ADA[2]]).await;
        assert_eq!((answer.status, answer.json()["name"].as_str()), (201, Some(name)), "stored as typed");
    }
}

#[tokio::test]
async fn all_spellings_of_a_turkish_i_are_one_account() {
    let service = Service::strict().await;
    assert_eq!(service.sign_up([ADA[0], "yasin@example.com", ADA[2]]).await.status, 201);
    for email in ["YASİN@example.com", "yasi\u{307}n@example.com", "yasın@example.com", "YASIN@EXAMPLE.COM"] {
        assert_eq!(service.sign_up([ADA[0], email, ADA[2]]).await.code(), (409, "email-taken".to_owned()), "{email}");
        assert_eq!(service.log_in(email, ADA[2]).await.status, 200, "{email}");
    }
    assert_eq!(service.items("Users").await.len(), 1);
}

#[tokio::test]
async fn a_look_alike_of_an_address_cannot_sign_up_and_is_unknown_at_log_in() {
    let service = Service::start().await;
    assert_eq!(service.sign_up(ADA).await.status, 201);
    for email in ["аda@example.com", "ａda@example.com", "ﬁona@example.com", "adα@example.com"] {
        let expected = (422, vec![("email".to_owned(), "confusable".to_owned())]);
        assert_eq!(service.sign_up([ADA[0], email, ADA[2]]).await.field_errors(), expected, "{email}");
        assert_eq!(service.log_in(email, ADA[2]).await.code(), (401, "unknown-user".to_owned()), "{email}");
    }
    assert_eq!(service.items("Users").await.len(), 1);
    for email in ["ада@example.com", "山田taro@example.com", "Jürgen@example.com"] {
        assert_eq!(service.sign_up([ADA[0], email, ADA[2]]).await.status, 201, "{email}");
    }
}
