//! Thousands of random malicious requests.

use std::sync::Arc;

use fastrand::Rng;
use reqwest::{Method, RequestBuilder, header::HeaderValue};
use serde_json::{Value, json};
use testkit::{ADA, GRACE, Service, forge};
use tokio::task::JoinSet;

const REQUESTS: u64 = 3_700;

/// Words that would reveal internals, in lower case.
const INTERNALS: [&str; 14] = [
    "dynamo",
    "aws",
    "sqlite",
    "argon",
    "panicked",
    "rust",
    "src/",
    "table",
    "stack",
    "backtrace",
    "smithy",
    "serde",
    "hyper",
    "axum",
];

const PATHS: [&str; 12] = [
    "/signup",
    "/login",
    "/refresh",
    "/logout",
    "/password",
    "/user",
    "/user/me",
    "/.well-known/jwks.json",
    "/admin",
    "/user/../login",
    "/%2e%2e/user",
    "//user",
];

fn texts(rng: &mut Rng, good: &Value) -> String {
    let hostile = [
        "' OR '1'='1",
        "\" || true",
        "{\"$ne\":null}",
        "${jndi:ldap://x}",
        "{{7*7}}",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "%00",
        "\u{0}",
        "\u{202e}gro.elpmaxe@ada",
        "\u{feff}",
        "\u{1f468}\u{200d}\u{1f469}",
        "ﬁ",
        "\r\nSet-Cookie: a=b",
        "-1",
        "1e999",
        "null",
        "true",
        "[]",
        "ada@example.com\u{0}@evil.example",
        "ada@example.com,grace@example.com",
        "admin",
        "",
        " ",
    ];
    match rng.u8(0..10) {
        0 => "a".repeat(rng.usize(1000..60_000)),
        1 => good["token"].as_str().unwrap().to_owned(),
        2 => good["refresh_token"].as_str().unwrap().chars().rev().collect(),
        3 => (0..rng.usize(1..40)).map(|_| rng.char(..)).collect(),
        4 => ADA[1].to_owned(),
        _ => hostile[rng.usize(0..hostile.len())].to_owned(),
    }
}

/// A token that must not be accepted.
fn token(rng: &mut Rng, good: &Value) -> String {
    let good = good["token"].as_str().unwrap();
    loop {
        let forged = forged(rng, good);
        // A mutation may replace a character by itself.
        if forged != good {
            return forged;
        }
    }
}

fn forged(rng: &mut Rng, good: &str) -> String {
    let claims = forge::payload(good);
    match rng.u8(0..8) {
        0 => {
            let place = rng.usize(0..good.len());
            format!("{}{}{}", &good[..place], rng.alphanumeric(), &good[place + 1..])
        }
        1 => forge::with_header("\"crit\":[\"exp\"]", &claims),
        2 => format!("{}.{}.", forge::encode("{\"alg\":\"none\"}"), good.split('.').nth(1).unwrap()),
        3 => {
            let mut claims = claims;
            claims["exp"] = [json!(1), json!(1e300), json!("9999999999"), json!(null), json!([]), json!(-1)]
                [rng.usize(0..6)]
            .clone();
            forge::with_claims(&claims)
        }
        4 => {
            let mut claims = claims;
            claims[["sub", "iss", "sid", "nbf", "public_id"][rng.usize(0..5)]] =
                json!(texts(rng, &json!({ "token": good, "refresh_token": "x" })));
            forge::with_claims(&claims)
        }
        5 => ".".repeat(rng.usize(0..20)),
        6 => good[..rng.usize(0..good.len())].to_owned(),
        _ => good.replacen('.', "", 1),
    }
}

fn body(rng: &mut Rng, good: &Value) -> (&'static str, Vec<u8>) {
    let names = [
        "name",
        "email",
        "password",
        "current_password",
        "new_password",
        "refresh_token",
        "scope",
        "public_id",
        "groups",
    ];
    let mut fields = serde_json::Map::new();
    for _ in 0..rng.usize(0..6) {
        let value = match rng.u8(0..8) {
            0 => json!(rng.i64(..)),
            1 => json!([texts(rng, good)]),
            2 => json!({ "a": { "b": texts(rng, good) } }),
            _ => json!(texts(rng, good)),
        };
        fields.insert(names[rng.usize(0..names.len())].to_owned(), value);
    }
    let json = Value::Object(fields).to_string();
    match rng.u8(0..8) {
        0 => ("application/json", json.as_bytes()[..rng.usize(0..=json.len())].to_vec()),
        1 => ("application/x-www-form-urlencoded", json.into_bytes()),
        2 => (
            "multipart/form-data; boundary=x",
            format!("--x\r\ncontent-disposition: form-data; name=\"email\"\r\n\r\n{json}\r\n--x").into_bytes(),
        ),
        3 => ("text/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>".to_vec()),
        4 => ("application/json", "[".repeat(rng.usize(1..60_000)).into_bytes()),
        5 => ("application/json", (0..rng.usize(0..300)).map(|_| rng.u8(..)).collect()),
        _ => ("application/json", json.into_bytes()),
    }
}

/// A request, and whether it carries a forged token to a call that requires a valid one.
fn request(service: &Service, rng: &mut Rng, good: &Value) -> (RequestBuilder, bool) {
    let methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "post"];
    let method = Method::from_bytes(methods[rng.usize(0..methods.len())].as_bytes()).unwrap();
    let method = if rng.bool() { Method::POST } else { method };
    let query = if rng.u8(0..4) == 0 { "?limit=-1&cursor=%ff&limit=2" } else { "" };
    let path = PATHS[rng.usize(0..PATHS.len())];
    // The other calls need no token, or do not exist.
    let requires_token = match path {
        "/user" => matches!(method.as_str(), "GET" | "HEAD"),
        "/user/me" => matches!(method.as_str(), "GET" | "HEAD" | "DELETE"),
        "/password" => method == Method::POST,
        _ => false,
    };
    let mut is_forged = false;
    let mut request = service.request(method, &format!("{path}{query}"));
    if rng.bool() {
        let (content_type, body) = body(rng, good);
        request = request.header("content-type", content_type).body(body);
    }
    if rng.bool() {
        let names = [
            "authorization",
            "x-access-token",
            "x-forwarded-for",
            "x-http-method-override",
            "accept",
            "cookie",
            "x-original-url",
            "range",
            "expect",
        ];
        let name = names[rng.usize(0..names.len())];
        let value = match name {
            "authorization" => format!("Bearer {}", token(rng, good)),
            "x-access-token" => token(rng, good),
            "expect" => "200-maybe".to_owned(),
            "accept" => "text/html".to_owned(),
            "cookie" => {
                request = request.header("sec-fetch-site", "same-origin");
                format!("postern_access_token={}; postern_refresh_token={}", token(rng, good), texts(rng, good))
            }
            _ => texts(rng, good),
        };
        if let Ok(value) = HeaderValue::from_bytes(&value.as_bytes()[..value.len().min(8000)]) {
            request = request.header(name, value);
            is_forged = requires_token && matches!(name, "authorization" | "x-access-token" | "cookie");
        }
    }
    (request, is_forged)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_3700_malicious_requests_none_crashes_reveals_internals_or_gains_access() {
    let service = Arc::new(Service::strict().await);
    service.sign_up(GRACE).await;
    let good = Arc::new(service.signed_in([ADA[0], ADA[1], ADA[2]]).await);
    // Ada is in no group. A caller that is mistaken for her can read her record, and gets 403 for the list.
    assert_eq!(service.get("/user", good["token"].as_str().unwrap()).await.status, 403);
    let mut workers = JoinSet::new();
    for worker in 0..8 {
        let (service, good) = (service.clone(), good.clone());
        workers.spawn(async move {
            let mut rng = Rng::with_seed(worker);
            let (mut answered, mut forged) = (0, 0);
            for _ in 0..REQUESTS.div_ceil(8) {
                let (request, is_forged) = request(&service, &mut rng, &good);
                let sent = format!("{request:?}");
                let Ok(response) = request.send().await else { continue };
                answered += 1;
                forged += u64::from(is_forged);
                let status = response.status().as_u16();
                let text = response.text().await.unwrap().to_lowercase();
                assert!(status < 500, "{status} {text}: {sent}");
                // The style sheet of a page contains the word `table`.
                let text = text.replace("not-printable", "");
                let text = match (text.find("<style>"), text.find("</style>")) {
                    (Some(from), Some(to)) => [&text[..from], &text[to..]].concat(),
                    _ => text,
                };
                // A code of fields.
                let text = text.replace("not-printable", "");
                assert!(!INTERNALS.iter().any(|word| text.contains(word)), "{text}: {sent}");
                // No data of another user.
                assert!(!text.contains("grace@example.com") && !text.contains("\"users\""), "{text}: {sent}");
                assert!(!text.contains("refresh_token\":"), "{text}: {sent}");
                // Only the size limit of the body is checked before the token.
                assert!(!is_forged || matches!(status, 401 | 413), "{status} {text}: {sent}");
            }
            (answered, forged)
        });
    }
    let counts = workers.join_all().await;
    let (answered, forged) = counts.iter().fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1));
    assert!(answered >= REQUESTS * 98 / 100, "{answered} of {REQUESTS} got a response");
    assert!(forged >= REQUESTS / 100, "{forged} with a forged token");
    assert_eq!(service.me(&good["token"]).await, 200, "the session of the attacked user is unaffected");
    let ada = service.log_in(ADA[1], ADA[2]).await;
    assert!(matches!(ada.status, 200 | 429), "{ada:?}");
}
