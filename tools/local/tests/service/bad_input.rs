//! Malformed requests: each gets a 4xx with a `code`, and nothing is stored.

use reqwest::{Method, multipart::Form};
use serde_json::json;
use testkit::{ADA, Answer, Service, service::send};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

async fn assert_nothing_is_stored(service: &Service) {
    assert!(service.items("Users").await.is_empty() && service.items("Credentials").await.is_empty());
}

#[tokio::test]
async fn non_string_fields_are_400() {
    let service = Service::start().await;
    for value in [json!(null), json!(1), json!(1.5), json!(true), json!(["a"]), json!({ "$ne": "" })] {
        for field in ["name", "email", "password"] {
            let mut body = json!({ "name": ADA[0], "email": ADA[1], "password": ADA[2] });
            body[field] = value.clone();
            assert_eq!(
                service.post("/signup", &body).await.code(),
                (400, "not-a-string".to_owned()),
                "{field} {value}"
            );
            if field != "name" {
                assert_eq!(
                    service.post("/login", &body).await.code(),
                    (400, "not-a-string".to_owned()),
                    "{field} {value}"
                );
            }
        }
    }
    assert_nothing_is_stored(&service).await;
}

#[tokio::test]
async fn malformed_bodies_are_400() {
    let service = Service::start().await;
    let deep = format!("{{\"email\":{}", "[".repeat(60_000));
    let cases: [(&str, Vec<u8>, &str); 15] = [
        (JSON, b"{".to_vec(), "malformed-json"),
        (JSON, b"[]".to_vec(), "malformed-json"),
        (JSON, b"null".to_vec(), "malformed-json"),
        (JSON, b"{\"email\":\"\xff\xfe\"}".to_vec(), "malformed-json"),
        (JSON, b"{\"email\":\"\\ud800\"}".to_vec(), "malformed-json"),
        (JSON, b"\xef\xbb\xbf{}".to_vec(), "malformed-json"),
        (JSON, deep.into_bytes(), "malformed-json"),
        (JSON, b"{\"email\":\"a\",\"email\":\"a\"}".to_vec(), "duplicate-field"),
        (FORM, b"email=%zz".to_vec(), "malformed-form"),
        (FORM, b"email=%f".to_vec(), "malformed-form"),
        (FORM, b"email=%ff%fe".to_vec(), "malformed-form"),
        (FORM, b"email=\xff".to_vec(), "malformed-form"),
        (FORM, b"email=a&email=b".to_vec(), "duplicate-field"),
        ("multipart/form-data", b"--x--".to_vec(), "malformed-multipart"),
        ("multipart/form-data; boundary=x", b"email=a".to_vec(), "malformed-multipart"),
    ];
    for (content_type, body, code) in cases {
        for path in ["/signup", "/login"] {
            let answer = service.post_raw(path, content_type, body.clone()).await;
            assert_eq!(
                answer.code(),
                (400, code.to_owned()),
                "{path} {content_type} {:.60}",
                String::from_utf8_lossy(&body)
            );
        }
    }
    assert_nothing_is_stored(&service).await;
}

#[tokio::test]
async fn unsupported_content_types_are_415() {
    let service = Service::start().await;
    let body = json!({ "name": ADA[0], "email": ADA[1], "password": ADA[2] }).to_string();
    for content_type in [
        "text/plain",
        "application/xml",
        "application/json-patch+json",
        "x",
        "application/json; charset=iso-8859-1",
        "*/*",
    ] {
        for path in ["/signup", "/login"] {
            assert_eq!(
                service.post_raw(path, content_type, body.clone()).await.code(),
                (415, "unsupported-media-type".to_owned()),
                "{content_type}"
            );
        }
    }
    let missing = service.request(Method::POST, "/signup").body(body.clone());
    assert_eq!(send(missing).await.status, 415);
    let doubled =
        service.request(Method::POST, "/signup").header("content-type", JSON).header("content-type", FORM).body(body);
    assert_eq!(send(doubled).await.status, 415);
    assert_nothing_is_stored(&service).await;
}

#[tokio::test]
async fn bodies_over_64_kib_are_413_on_every_path() {
    let service = Service::start().await;
    let too_large = |answer: Answer| assert_eq!(answer.code(), (413, "body-too-large".to_owned()));
    let exact = format!("{{\"x\":\"{}\"}}", "a".repeat(64 * 1024 - 8));
    assert_eq!(exact.len(), 64 * 1024);
    assert_eq!(service.post_raw("/signup", JSON, exact.clone()).await.status, 422, "64 KiB are accepted");
    too_large(service.post_raw("/signup", JSON, exact + " ").await);
    let million = "a".repeat(1_000_000);
    too_large(service.sign_up([ADA[0], ADA[1], &million]).await);
    too_large(service.log_in(ADA[1], &million).await);
    too_large(service.post_raw("/login", JSON, "[".repeat(100_000)).await);
    for path in ["/signup", "/login", "/user", "/missing"] {
        too_large(service.post_raw(path, FORM, "a".repeat(5_000_000)).await);
    }
    let parts = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n\r\n".repeat(10_000);
    too_large(service.post_raw("/signup", "multipart/form-data; boundary=b", parts + "--b--\r\n").await);
    assert_nothing_is_stored(&service).await;
}

#[tokio::test]
async fn file_parts_and_too_many_parts_are_400() {
    let service = Service::start().await;
    let file = reqwest::multipart::Part::text(ADA[1]).file_name("email.txt");
    let form = Form::new().text("name", ADA[0]).part("email", file).text("password", ADA[2]);
    assert_eq!(
        send(service.request(Method::POST, "/signup").multipart(form)).await.code(),
        (400, "file-part".to_owned())
    );
    let parts = (0..100).fold(Form::new(), |form, number| form.text(format!("f{number}"), "x"));
    assert_eq!(
        send(service.request(Method::POST, "/signup").multipart(parts)).await.code(),
        (400, "too-many-parts".to_owned())
    );
    assert_nothing_is_stored(&service).await;
}

#[tokio::test]
async fn invalid_email_addresses_and_names_are_422() {
    let service = Service::start().await;
    for email in [
        "ada",
        "ada@",
        "@example.com",
        "ada@example",
        "a b@example.com",
        "ada@exa mple.com",
        "ada@example.com\r\nBcc: x@example.com",
        &format!("{}@example.com", "a".repeat(65)),
        "ada@[127.0.0.1]",
        "ada@127.0.0.1",
        "\u{200b}@example.com",
    ] {
        let answer = service.sign_up([ADA[0], email, ADA[2]]).await;
        assert_eq!(answer.status, 422, "{email:?}");
        assert_eq!(answer.field_errors().1[0].0, "email", "{email:?}");
    }
    for name in ["a\rb", "a\nb", "a\0b", "\u{1b}[31mred", &"a".repeat(101), " \t\n "] {
        let answer = service.sign_up([name, ADA[1], ADA[2]]).await;
        assert_eq!(answer.status, 422, "{name:?}");
        assert_eq!(answer.field_errors().1[0].0, "name", "{name:?}");
    }
    assert_nothing_is_stored(&service).await;
}

#[tokio::test]
async fn a_wrong_method_is_405_with_allow_and_an_unknown_path_is_404() {
    let service = Service::start().await;
    for (path, allow, wrong) in [
        ("/", "GET,HEAD", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "LINK"]),
        ("/signup", "GET,HEAD,POST", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "LINK", "MOVE"]),
        ("/login", "GET,HEAD,POST", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "LINK", "MOVE"]),
        ("/user", "GET,HEAD", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "LINK"]),
        ("/user/me", "DELETE,GET,HEAD,POST", ["COPY", "PUT", "MOVE", "PATCH", "TRACE", "BREW", "LINK"]),
        ("/refresh", "GET,HEAD,POST", ["PUT", "DELETE", "PATCH", "TRACE", "BREW", "LINK", "MOVE"]),
        ("/logout", "POST", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]),
        ("/password", "POST", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "TRACE", "BREW"]),
        ("/.well-known/jwks.json", "GET,HEAD", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "BREW", "LINK"]),
    ] {
        for method in wrong {
            let answer = send(service.request(Method::from_bytes(method.as_bytes()).unwrap(), path)).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some(allow)), "{method} {path}");
        }
        let options = send(service.request(Method::OPTIONS, path)).await;
        assert_eq!(
            (options.status, options.header("allow"), options.text.as_str()),
            (204, Some(allow), ""),
            "OPTIONS {path}"
        );
    }
    for path in
        ["/users", "/user/", "/user/me/x", "/login/", "/LOGIN", "//user", "/user%2Fme", "/favicon.ico", "/%ff%00"]
    {
        assert_eq!(send(service.request(Method::GET, path)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn malicious_text_in_any_field_is_never_a_500() {
    let service = Service::start().await;
    let texts = [
        "' OR '1'='1",
        "\"; DROP TABLE Users; --",
        "{{7*7}}",
        "${jndi:ldap://127.0.0.1/a}",
        "../../etc/passwd",
        "%00",
        "\u{0}",
        "\u{fffd}",
        "\u{10ffff}",
        "😀".repeat(50).as_str(),
        "a".repeat(10_000).as_str(),
        "\u{202e}evil",
        "=cmd|' /C calc'!A0",
        "attribute_not_exists(email)",
        "#name",
        ":new",
        "null",
        "NaN",
        "-0",
        "1e999",
        "ß@ß.example",
        "İ@example.com",
        "ǆ@example.com",
        "ﬁ@example.com",
        "a@\u{ad}.com",
        "a@xn--.com",
        "a@xn--zzzzzzzzzz.com",
        "a@.\u{3002}com",
    ]
    .map(str::to_owned);
    for text in &texts {
        let body = json!({ "name": text, "email": text, "password": text, text: text });
        for path in ["/signup", "/login"] {
            for answer in [
                service.post(path, &body).await,
                send(service.request(Method::POST, path).form(&[("name", text), ("email", text), ("password", text)]))
                    .await,
            ] {
                assert!((400..500).contains(&answer.status), "{path} {text:.50}: {answer:?}");
            }
        }
        let basic = send(service.request(Method::POST, "/login").basic_auth(text, Some(text))).await;
        assert!((400..500).contains(&basic.status), "{text:.50}: {basic:?}");
    }
    assert_nothing_is_stored(&service).await;
}
