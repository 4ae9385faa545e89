//! The sample events in `events/`, events that tests compose, and a function's response to them.

use std::{fs, path::PathBuf};

use axum::Router;
use lambda_http::{Context, LambdaEvent, tower::ServiceExt as _};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use serde_json::{Value, json};
use shared::{config::Settings, http::lambda};
use uuid::Uuid;

use crate::{ADA, Answer, FunctionEnv, GRACE, Service, forge};

/// A sample and its expected response: the file's name without `.json`, the status, and the `code`. For a page the
/// third member is its title, for a redirect its target, and `-` if the response has none of these.
pub type Sample = (&'static str, u16, &'static str);

/// A database for sample events, with the users that they need, and the environment of a function that uses it.
pub struct SampleFixture {
    /// A service over the same database.
    pub service: Service,
    /// The environment of the function under test.
    pub env: FunctionEnv,
}

impl SampleFixture {
    /// A fixture for the event of this name. Ada and Grace have accounts, unless the event is a sign-up.
    pub async fn new(env: FunctionEnv, sample: &str) -> Self {
        let service = Service::start().await;
        if !sample.starts_with("signup") {
            service.sign_up(ADA).await;
            service.sign_up(GRACE).await;
        } else if sample.ends_with("email-taken") {
            service.sign_up(ADA).await;
        }
        let env = env.with_database(&service.endpoint);
        Self { service, env }
    }

    /// The environment as settings.
    pub fn settings(&self) -> Settings {
        Settings::read(|name| self.env.get(name)).expect("the settings are valid")
    }

    /// The event of this name. Its placeholders for tokens and their session are replaced by those of a new user,
    /// because a sample may end a session or delete its user.
    pub async fn event(&self, sample: &str) -> Value {
        let mut text = read_sample(sample);
        if text.contains("_token}}") || text.contains("{{token}}") {
            let email = format!("{}@example.com", Uuid::new_v4());
            let signed_in = self.service.signed_in([ADA[0], &email, ADA[2]]).await;
            for name in ["token", "refresh_token"] {
                text = text.replace(&format!("{{{{{name}}}}}"), signed_in[name].as_str().expect("a token"));
            }
            let payload = forge::payload(signed_in["token"].as_str().expect("a token"));
            text = text.replace("{{session}}", payload["sid"].as_str().expect("a session"));
        }
        serde_json::from_str(&text).expect("the event is JSON")
    }
}

/// A `POST` request with JSON from a client at this IP address, with an access token if there is one.
pub fn post(path: &str, client: &str, token: Option<&str>, body: &Value) -> Value {
    let mut headers = json!({ "content-type": "application/json" });
    if let Some(token) = token {
        headers["authorization"] = json!(format!("Bearer {token}"));
    }
    request("POST", path, client, &headers, Some(&body.to_string()))
}

/// An event of payload format 2.0.
pub fn request(method: &str, path: &str, client: &str, headers: &Value, body: Option<&str>) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": headers,
        "requestContext": {
            "accountId": "123456789012", "apiId": "abcdefghij",
            "domainName": "abcdefghij.execute-api.eu-west-1.amazonaws.com", "domainPrefix": "abcdefghij",
            "requestId": "JKJaXmPLvHcESHA=", "routeKey": "$default", "stage": "$default",
            "http": { "method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": client, "userAgent": "test" },
            "time": "22/Nov/2026:08:00:00 +0000", "timeEpoch": 1_795_334_400_000_u64,
        },
        "body": body, "isBase64Encoded": false,
    })
}

/// Fails unless `samples` lists exactly the events of a function: its folder, and the event of the same name beside it.
pub fn assert_complete(samples: &[Sample], function: &str) {
    let mut existing: Vec<String> = fs::read_dir(folder().join(function))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap().trim_end_matches(".json").to_owned())
        .chain([function.to_owned()])
        .collect();
    existing.sort();
    let mut listed: Vec<&str> = samples.iter().map(|(name, ..)| *name).collect();
    listed.sort_unstable();
    assert_eq!(existing, listed);
}

/// Passes an event to routes in this process, through the handler that the Lambda runtime calls.
pub async fn through_lambda_http(routes: Router, settings: &Settings, event: Value) -> Value {
    let event = serde_json::from_value(event).expect("lambda_http accepts the event");
    let mut context = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut context.request_id);
    let answer = lambda::handler(routes, settings.into()).oneshot(LambdaEvent::new(event, context)).await;
    serde_json::to_value(answer.expect("handlers do not fail")).expect("the response is JSON")
}

/// Checks a function's response to a sample: the requirements for every response, and the sample's status and code.
pub fn assert_answer((name, status, code): Sample, answer: &Value) {
    let read = read(answer);
    read.check();
    let got = match (read.header("location"), read.title()) {
        (Some(target), _) => target.to_owned(),
        (_, Some(title)) => title.to_owned(),
        _ if read.text.is_empty() => "-".to_owned(),
        _ => read.json()["code"].as_str().unwrap_or("-").to_owned(),
    };
    assert_eq!((read.status, got.as_str()), (status, code), "{name}: {answer}");
    assert_eq!(read.header("x-request-id"), Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd"), "{name}");
}

/// A function's response, of payload format 2.0 (`headers`) or 1.0 (`multiValueHeaders`).
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
    assert_eq!(answer["isBase64Encoded"], false, "responses are text: {answer}");
    let status = answer["statusCode"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or_else(|| panic!("not a response: {answer}"));
    Answer { status, headers, text: answer["body"].as_str().unwrap_or_default().to_owned() }
}

/// The text of a sample: `events/NAME.json`, or `events/FUNCTION/NAME.json`.
pub fn read_sample(name: &str) -> String {
    let files =
        ["", "signup", "login", "list-users"].map(|function| folder().join(function).join(format!("{name}.json")));
    let file = files.iter().find(|file| file.is_file()).unwrap_or_else(|| panic!("there is no event {name}"));
    fs::read_to_string(file).expect("the event can be read")
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../events")
}
