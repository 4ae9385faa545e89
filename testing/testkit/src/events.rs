//! The samples in `events/`: API Gateway's events, and what each is answered.

use std::{collections::HashMap, ffi::OsString, fs, path::PathBuf};

use axum::Router;
use lambda_http::{Context, LambdaEvent, tower::ServiceExt as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};
use shared::{config::Settings, http::lambda};
use uuid::Uuid;

use crate::{ADA, Answer, GRACE, Service, service::KEY};

/// A file's name without `.json`, and of the answer the status and the `code`: of a page the title, where it leads on the place.
/// `-` is an answer without any of them.
pub type Sample = (&'static str, u16, &'static str);

/// A database for one event, with Ada and Grace in it where the event needs them, and what leads a function to it.
pub struct Setting {
    /// Keeps the database.
    pub service: Service,
    /// Variables for the function.
    pub variables: Vec<(&'static str, String)>,
}

impl Setting {
    /// A setting for the event of this name.
    pub async fn new(sample: &str) -> Self {
        let service = Service::start().await;
        // Who signs up in a sample is not there yet.
        if !sample.starts_with("signup") {
            service.sign_up(ADA).await;
            service.sign_up(GRACE).await;
        } else if sample.ends_with("email-taken") {
            service.sign_up(ADA).await;
        }
        let variables = vec![
            ("USERS_TABLE", "Users".to_owned()),
            ("CREDENTIALS_TABLE", "Credentials".to_owned()),
            ("SESSIONS_TABLE", "Sessions".to_owned()),
            ("THROTTLE_TABLE", "Throttle".to_owned()),
            ("JWT_SECRET_KEY", KEY.to_owned()),
            ("AWS_ENDPOINT_URL_DYNAMODB", service.endpoint.clone()),
        ];
        Self { service, variables }
    }

    /// The variables as settings.
    pub fn settings(&self) -> Settings {
        let variables: HashMap<_, _> = self.variables.iter().cloned().collect();
        Settings::read(|name| variables.get(name).map(OsString::from)).expect("settings are good")
    }

    /// The event of this name, with good tokens of somebody new where it has a place for them: a sample may end a session, or
    /// its user.
    pub async fn event(&self, sample: &str) -> Value {
        let mut text = fs::read_to_string(folder().join(format!("{sample}.json"))).expect("the event is there");
        if text.contains("_token}}") || text.contains("{{token}}") {
            let address = format!("{}@example.com", Uuid::new_v4());
            let signed_in = self.service.signed_in([ADA[0], &address, ADA[2]]).await;
            for name in ["token", "refresh_token"] {
                text = text.replace(&format!("{{{{{name}}}}}"), signed_in[name].as_str().expect("a token"));
            }
        }
        serde_json::from_str(&text).expect("the event is JSON")
    }
}

/// A `POST` of JSON from a client at this address, and with a token where there is one.
pub fn post(path: &str, client: &str, token: Option<&str>, body: &Value) -> Value {
    let mut headers = json!({ "content-type": "application/json" });
    if let Some(token) = token {
        headers["authorization"] = json!(format!("Bearer {token}"));
    }
    request("POST", path, client, &headers, Some(&body.to_string()))
}

/// An event of format 2.0.
pub fn request(method: &str, path: &str, client: &str, headers: &Value, body: Option<&str>) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdefghij", "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com",
            "domainPrefix": "abcdefghij", "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": client, "userAgent": "test" },
            "time": "22/Nov/2026:08:00:00 +0000", "timeEpoch": 1_795_334_400_000_u64,
        },
        "body": body, "isBase64Encoded": false,
    })
}

/// Fails unless `samples` names exactly the events whose names begin with one of `prefixes`.
pub fn assert_complete(samples: &[Sample], prefixes: &[&str]) {
    let mut there: Vec<String> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().trim_end_matches(".json").to_owned())
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)))
        .collect();
    there.sort();
    let mut named: Vec<&str> = samples.iter().map(|(name, ..)| *name).collect();
    named.sort_unstable();
    assert_eq!(there, named);
}

/// Gives an event to routes in this process, on the way that Lambda's runtime takes.
pub async fn through_lambda_http(routes: Router, settings: &Settings, event: Value) -> Value {
    let event = serde_json::from_value(event).expect("lambda_http knows the event");
    let mut context = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut context.request_id);
    let answer = lambda::handler(routes, settings.into()).oneshot(LambdaEvent::new(event, context)).await;
    serde_json::to_value(answer.expect("handlers do not fail")).expect("the answer is JSON")
}

/// VerifierConfig a function's answer to an event: what every answer has, and what this one should be.
pub fn assert_answer((name, status, code): Sample, answer: &Value) {
    let read = read(answer);
    read.check();
    let got = match (read.header("location"), read.title()) {
        (Some(place), _) => place.to_owned(),
        (_, Some(title)) => title.to_owned(),
        _ if read.text.is_empty() => "-".to_owned(),
        _ => read.json()["code"].as_str().unwrap_or("-").to_owned(),
    };
    assert_eq!((read.status, got.as_str()), (status, code), "{name}: {answer}");
    assert_eq!(read.header("x-request-id"), Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd"), "{name}");
}

/// A function's answer, of format 2.0 (`headers`) or 1.0 (`multiValueHeaders`).
pub fn read(answer: &Value) -> Answer {
    let mut headers = HeaderMap::new();
    let header = |name: &String, value: &Value| {
        (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value.as_str().unwrap()).unwrap())
    };
    for (name, value) in answer["headers"].as_object().into_iter().flatten() {
        headers.extend([header(name, value)]);
    }
    for (name, values) in answer["multiValueHeaders"].as_object().into_iter().flatten() {
        headers.extend(values.as_array().into_iter().flatten().map(|value| header(name, value)));
    }
    let cookies = answer["cookies"].as_array().into_iter().flatten();
    headers.extend(cookies.map(|cookie| (SET_COOKIE, HeaderValue::try_from(cookie.as_str().unwrap()).unwrap())));
    assert_eq!(answer["isBase64Encoded"], false, "our answers are text: {answer}");
    let status = answer["statusCode"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or_else(|| panic!("no answer: {answer}"));
    Answer { status, headers, text: answer["body"].as_str().unwrap_or_default().to_owned() }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}
