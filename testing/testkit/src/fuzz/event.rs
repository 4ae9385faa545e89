//! Fuzz target for events of API Gateway.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    body::{self, Body, Bytes},
    extract::{Request, State},
    http::{
        HeaderMap, Uri,
        header::{COOKIE, HOST},
    },
    routing::{any, post},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use lambda_http::{
    Context, LambdaEvent, aws_lambda_events::query_map::QueryMap, request::LambdaRequest, tower::ServiceExt as _,
};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use shared::{
    config::SecurityProfile,
    domain::{client_ip::AddressForm, deployment::Deployment},
    http::{
        error::{Error, ErrorStyle},
        lambda,
        request::{authorization, fields::Fields},
        service::ResponseOptions,
    },
};

use super::fields::{KNOWN, block_on, values};
use crate::events;

/// The query parameters that [`event`] compares.
const PARAMETERS: [&str; 3] = ["limit", "cursor", "scope"];

/// Handles an event of API Gateway. Every event gets a well-formed response that is not a 5xx, and the handler sees the
/// path, headers, query and body of the event.
///
/// The input is a JSON object, or a request that is converted to an event: a line with the payload format (`1` or `2`;
/// `A` or `B` for a body that is declared to be Base64) and the method, a line with the path, a line with the query,
/// then headers and body as in HTTP.
///
/// JSON that is not an event of API Gateway is skipped, because the Lambda runtime rejects it before a function sees
/// it.
pub fn event(data: &[u8]) {
    let converted = if data.starts_with(b"{") { None } else { Some(event_of(data).to_string()) };
    let text = converted.as_ref().map_or(data, |event| event.as_bytes());
    let Ok(event) = serde_json::from_slice::<LambdaRequest>(text) else { return };
    let sent = Sent::of(&event);
    let seen = Arc::new(Mutex::new(None));
    let routes = Router::new()
        .route("/{call}", any(echo))
        .route("/user/me", post(echo))
        .route("/.well-known/{document}", any(echo))
        .with_state(Arc::clone(&seen));
    let mut context = Context::default();
    "8476a536-e9f4-11e8-9739-2dfe598c3fcd".clone_into(&mut context.request_id);
    let handler = lambda::handler(routes, OPTIONS);
    let answer = block_on(handler.oneshot(LambdaEvent::new(event, context)));
    let answer = serde_json::to_value(answer.expect("handlers do not fail")).expect("the response is JSON");
    let answer = events::read(&answer);
    answer.check();
    assert!((200..500).contains(&answer.status), "{answer:?}");
    assert_eq!(answer.header("x-request-id"), Some("8476a536-e9f4-11e8-9739-2dfe598c3fcd"));
    if let Some(seen) = seen.lock().expect("the lock is not poisoned").take() {
        sent.assert_matches(&seen);
    }
}

/// The event of a request in the line format of [`event`].
fn event_of(data: &[u8]) -> Value {
    let text = String::from_utf8_lossy(data);
    let mut kind = text.chars();
    let (is_format_1, is_base64) = match kind.next() {
        Some('1') => (true, false),
        Some('A') => (true, true),
        Some('B') => (false, true),
        _ => (false, false),
    };
    let mut lines = kind.as_str().splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, path, query, rest) = (line(), line(), line(), line());
    let (head, body) =
        rest.strip_prefix('\n').map_or_else(|| rest.split_once("\n\n"), |body| Some(("", body))).unwrap_or((rest, ""));
    let headers: Vec<_> = head.split('\n').filter_map(|line| line.split_once(": ")).collect();
    let pairs = query.split('&').filter_map(|pair| pair.split_once('=')).collect::<Vec<_>>();
    if is_format_1 {
        json!({
            "version": "1.0", "resource": "/", "path": path, "httpMethod": method,
            "headers": single(&headers), "multiValueHeaders": several(&headers),
            "queryStringParameters": single(&pairs), "multiValueQueryStringParameters": several(&pairs),
            "requestContext": { "httpMethod": method, "path": path, "stage": "$default", "identity": {} },
            "body": body, "isBase64Encoded": is_base64,
        })
    } else {
        json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": single(&headers),
            "requestContext": { "http": { "method": method, "path": path }, "stage": "$default", "timeEpoch": 0 },
            "body": body, "isBase64Encoded": is_base64,
        })
    }
}

/// The last value of each name. API Gateway sends it in addition to the list of all values.
fn single<'t>(pairs: &[(&'t str, &'t str)]) -> BTreeMap<&'t str, &'t str> {
    pairs.iter().copied().collect()
}

fn several<'t>(pairs: &[(&'t str, &'t str)]) -> BTreeMap<&'t str, Vec<&'t str>> {
    let mut several = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in pairs {
        several.entry(*name).or_default().push(*value);
    }
    several
}

/// A request as the handler sees it.
struct Seen {
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// Records the request and responds with the fields of its body and query.
async fn echo(State(seen): State<Arc<Mutex<Option<Seen>>>>, request: Request) -> Result<Json<Value>, Error> {
    let (parts, body) = request.into_parts();
    let body = body::to_bytes(body, usize::MAX).await.expect("the body is readable");
    let (uri, headers) = (parts.uri.clone(), parts.headers.clone());
    *seen.lock().expect("the lock is not poisoned") = Some(Seen { uri, headers, body: body.clone() });
    // Only to run the parsers. Their results do not matter here.
    let _ = authorization::bearer_token(&parts.headers, "JWT");
    let _ = authorization::basic(&parts.headers);
    let query = values(&Fields::from_query(parts.uri.query().unwrap_or_default(), &PARAMETERS)?, &PARAMETERS);
    let path = parts.uri.path().to_owned();
    let fields = values(&Fields::from_body(Request::from_parts(parts, Body::from(body)), &KNOWN).await?, &KNOWN);
    // The prefix prevents a field from looking like a member of a published document.
    let marked = |fields: BTreeMap<_, String>| -> BTreeMap<&str, String> {
        fields.into_iter().map(|(name, value)| (name, format!("={value}"))).collect()
    };
    Ok(Json(json!({ "path": path, "query": marked(query), "fields": marked(fields) })))
}

/// The request that an event describes.
struct Sent {
    path: String,
    headers: HeaderMap,
    query: Query,
    body: Vec<u8>,
}

/// The query of an event: unparsed in format 2.0, parsed in format 1.0.
enum Query {
    Text(String),
    Parts(QueryMap),
}

impl Sent {
    fn of(event: &LambdaRequest) -> Self {
        let (path, headers, query, body, is_base64) = match event {
            LambdaRequest::ApiGatewayV1(event) => {
                let mut headers = event.multi_value_headers.clone();
                let single = event.headers.iter().filter(|(name, _)| !event.multi_value_headers.contains_key(*name));
                headers.extend(single.map(|(name, value)| (name.clone(), value.clone())));
                let (several, one) = (&event.multi_value_query_string_parameters, &event.query_string_parameters);
                let query = Query::Parts(if several.is_empty() { one } else { several }.clone());
                (&event.path, headers, query, event.body.as_deref(), event.is_base64_encoded)
            }
            LambdaRequest::ApiGatewayV2(event) => {
                let query = Query::Text(event.raw_query_string.clone().unwrap_or_default());
                (&event.raw_path, event.headers.clone(), query, event.body.as_deref(), event.is_base64_encoded)
            }
            other => panic!("{other:?} has an unsupported format"),
        };
        let text = body.unwrap_or_default();
        let decoded = STANDARD.decode(text).ok().filter(|_| is_base64);
        let body = decoded.unwrap_or_else(|| text.as_bytes().to_vec());
        Self { path: path.clone().unwrap_or_default(), headers: comparable(headers), query, body }
    }

    fn assert_matches(&self, seen: &Seen) {
        let path = percent_decode_str(seen.uri.path()).decode_utf8_lossy();
        // Escapes remain unchanged. `.` and `..` are resolved (RFC 3986 section 5.2.4).
        let is_plain = !self.path.contains(['%', '.']);
        assert!(if is_plain { path == self.path } else { path.starts_with('/') }, "{:?} {}", self.path, seen.uri);
        assert_eq!(seen.body, self.body, "the body differs");
        assert_eq!(comparable(seen.headers.clone()), self.headers, "the headers differ");
        let fields = Fields::from_query(seen.uri.query().unwrap_or_default(), &PARAMETERS);
        let fields = fields.map(|fields| values(&fields, &PARAMETERS)).ok();
        match &self.query {
            Query::Text(query) => {
                let sent = Fields::from_query(query, &PARAMETERS).map(|fields| values(&fields, &PARAMETERS));
                assert_eq!(fields, sent.ok(), "{query:?} {}", seen.uri);
            }
            Query::Parts(parts) => {
                let parts: Vec<_> = PARAMETERS.map(|name| (name, parts.all(name).unwrap_or_default())).into();
                let sent = parts.iter().all(|(_, all)| all.len() <= 1).then(|| {
                    let values = parts.iter().filter_map(|(name, all)| Some((*name, (*all.first()?).to_owned())));
                    values.filter(|(_, value)| !value.is_empty()).collect::<BTreeMap<_, _>>()
                });
                assert_eq!(fields, sent, "{parts:?} {}", seen.uri);
            }
        }
    }
}

/// The headers without those that are changed: the host moves to another name, format 2.0 has cookies in a list too,
/// and a missing `Sec-Fetch-Site` is derived from the origin.
fn comparable(mut headers: HeaderMap) -> HeaderMap {
    headers.remove(HOST);
    headers.remove("x-forwarded-host");
    headers.remove("sec-fetch-site");
    headers.remove(COOKIE);
    headers
}

/// The options of a function in the strict profile.
const OPTIONS: ResponseOptions = ResponseOptions {
    style: ErrorStyle { profile: SecurityProfile::Strict, realm: None },
    address: AddressForm::Network,
    deployment: Deployment::Aws,
    hsts_subdomains: false,
};
