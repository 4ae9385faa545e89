//! A minimal API Gateway on loopback. It converts HTTP requests to events of payload format 2.0 for functions that an
//! emulator serves, and their results to HTTP responses.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Router,
    body::{self, Body},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Route keys (`DELETE /user/me`, or `/user/me` for all other methods) and the invocation URLs of their functions. The
/// last route is the default route.
pub type Routes = Vec<(&'static str, String)>;

/// Serves `routes` on a free port and returns its URL.
pub async fn serve(routes: Routes) -> String {
    let router = Router::new().fallback(invoke).with_state(Arc::new((routes, reqwest::Client::new())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    url
}

async fn invoke(State(gateway): State<Arc<(Routes, reqwest::Client)>>, request: Request) -> Response {
    let (routes, http) = &*gateway;
    let path = request.uri().path().to_owned();
    let with_method = format!("{} {path}", request.method());
    let find = |key: &str| routes.iter().find(|(route, _)| *route == key);
    let (_, function) = find(&with_method).or(find(&path)).or(routes.last()).expect("there is a route");
    let event = event(request).await;
    let answer: Value =
        http.post(function).json(&event).send().await.expect("the emulator answers").json().await.expect("with JSON");
    response(&answer)
}

/// The event that API Gateway creates for a request.
pub async fn event(request: Request) -> Value {
    let (mut parts, body) = request.into_parts();
    let cookies = parts.headers.remove("cookie");
    let cookies = cookies.iter().flat_map(|all| all.to_str().unwrap_or_default().split("; ")).collect::<Vec<_>>();
    let (path, query) = (parts.uri.path().to_owned(), parts.uri.query().unwrap_or_default().to_owned());
    let body = body::to_bytes(body, 6 * 1024 * 1024).await.expect("the body fits into an event");
    // API Gateway Base64-encodes every body that is not known to be text, forms included.
    let is_text = parts.headers.get("content-type").is_some_and(|value| {
        let value = value.to_str().unwrap_or_default();
        value.starts_with("text/") || value.starts_with("application/json")
    });
    let text = std::str::from_utf8(&body).ok().filter(|_| is_text);
    json!({
        "version": "2.0", "routeKey": format!("ANY {path}"), "rawPath": path, "rawQueryString": query,
        "cookies": (!cookies.is_empty()).then_some(cookies), "headers": joined(&parts.headers),
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com", "domainPrefix": "abcdefghij",
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": format!("ANY {path}"), "stage": "$default",
            "http": {
                "method": parts.method.as_str(), "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "time": "22/Nov/2026:08:00:00 +0000", "timeEpoch": 1_795_334_400_000_u64,
        },
        "body": (!body.is_empty()).then(|| text.map_or_else(|| STANDARD.encode(&body), str::to_owned)),
        "isBase64Encoded": !body.is_empty() && text.is_none(),
    })
}

/// The headers as a map. Like API Gateway, it joins repeated headers with a comma.
fn joined(headers: &HeaderMap) -> BTreeMap<String, String> {
    let value = |name: &HeaderName| {
        headers
            .get_all(name)
            .iter()
            .map(|value| String::from_utf8_lossy(value.as_bytes()))
            .collect::<Vec<_>>()
            .join(",")
    };
    headers.keys().map(|name| (name.to_string(), value(name))).collect()
}

/// The response that API Gateway creates from a function's result in format 2.0.
pub fn response(answer: &Value) -> Response {
    let status = answer["statusCode"].as_u64().unwrap_or_else(|| panic!("not a response: {answer}"));
    let mut response = Response::builder().status(u16::try_from(status).unwrap());
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        response = response.header(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
    }
    for cookie in answer["cookies"].as_array().into_iter().flatten() {
        response = response.header("set-cookie", cookie.as_str().unwrap());
    }
    let text = answer["body"].as_str().unwrap_or_default();
    let is_base64 = answer["isBase64Encoded"].as_bool().unwrap_or_default();
    let body = if is_base64 { STANDARD.decode(text).unwrap() } else { text.as_bytes().to_vec() };
    response.body(Body::from(body)).unwrap()
}
