//! What every answer has in common: its headers, its log line, and how an error is put.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    body::{Body, Bytes, HttpBody as _},
    extract::{MatchedPath, Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{self, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use http_body_util::BodyExt as _;
use lambda_http::RequestExt as _;
use serde::Serialize;
use serde_json::json;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument as _, error, error_span, info, warn};
use uuid::Uuid;

use crate::{
    config::Settings,
    domain::{
        client_ip::{AddressForm, ClientAddress},
        error_chain::causes,
    },
    http::{
        browser,
        error::{Error, ErrorResponse, ErrorStyle, FieldError},
        pages::{self, Form},
        telemetry::metrics,
    },
};

/// Largest body that is taken, in octets.
pub const MAX_BODY: usize = 64 * 1024;

/// A larger body is read to this length before it is refused, in octets. API Gateway takes no more than this either.
/// Closing the connection in the middle would keep a client that is still sending from reading the answer.
const MAX_DRAIN: usize = 10 * 1024 * 1024;

/// Longest time that a request takes. The functions have 10 seconds, and API Gateway waits for 29.
pub const TIME_LIMIT: Duration = Duration::from_secs(8);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// On every answer. A page has a policy of its own.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=63072000")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
];

/// How requests are answered, whatever they ask for.
#[derive(Debug, Clone)]
pub struct ResponseOptions {
    /// In which words.
    pub style: ErrorStyle,
    /// How the log names clients: `AUDIT_ADDRESS`.
    pub address: AddressForm,
}

impl From<&Settings> for ResponseOptions {
    fn from(settings: &Settings) -> Self {
        Self { style: (&settings.responses).into(), address: settings.telemetry.audit_address }
    }
}

/// Makes a service of routes: adds 404, 405 and 413, catches panics, ends what takes too long, words errors, and dresses every
/// answer.
pub fn service(routes: Router, options: ResponseOptions) -> Router {
    routes
        .fallback(|| async { Error::NotFound })
        .method_not_allowed_fallback(other_method)
        .layer(middleware::from_fn(collect_body))
        .layer(CatchPanicLayer::custom(|_| Error::Panic.into_response()))
        .layer(middleware::from_fn(in_time))
        .layer(middleware::from_fn_with_state(Arc::new(options), answer))
}

/// A path that does not know the method. `OPTIONS` it knows nevertheless: the router names the methods in `Allow`
/// (RFC 9110 9.3.7), and a browser's preflight asks for a success, to which API Gateway adds the CORS headers.
pub async fn other_method(method: Method) -> Result<StatusCode, Error> {
    if method == Method::OPTIONS { Ok(StatusCode::NO_CONTENT) } else { Err(Error::MethodNotAllowed) }
}

/// Gives up before anybody else does: the client is told that nobody knows what became of the request, and to try again.
async fn in_time(request: Request, next: Next) -> Result<Response, Error> {
    tokio::time::timeout(TIME_LIMIT, next.run(request)).await.map_err(|_| Error::Late)
}

/// Reads the whole body, so that every path refuses a large one alike and no answer comes before the client has sent all.
async fn collect_body(request: Request, next: Next) -> Result<Response, Error> {
    let (parts, mut body) = request.into_parts();
    let mut collected = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Error::Malformed {
            code: "incomplete-body",
            detail: "The body ended too early; send it again.".to_owned(),
        })?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len();
        if length <= MAX_BODY {
            collected.extend_from_slice(&data);
        } else if length > MAX_DRAIN {
            break;
        }
    }
    if length > MAX_BODY {
        return Err(Error::BodyTooLarge);
    }
    Ok(next.run(Request::from_parts(parts, Body::from(Bytes::from(collected)))).await)
}

async fn answer(State(options): State<Arc<ResponseOptions>>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    // The pattern, not the path: a path may hold what belongs in no log.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let wants_page = browser::wants_page(request.headers());
    let client = ClientAddress::of(&request);
    request.extensions_mut().insert(client);
    // At the highest level: whoever asks for errors only needs the identifier as well.
    let span = error_span!("request", request_id = id, client = client.to_log(options.address));
    let mut response = next.run(request).instrument(span.clone()).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = response.extensions_mut().remove::<Arc<Error>>();
    if let Some(error) = &error {
        let form = response.extensions_mut().remove::<Form>();
        let allow = response.headers_mut().remove(header::ALLOW);
        let refusal = error.refusal(&options.style);
        let page = if wants_page { pages::refuse(error, &refusal, form).ok() } else { None };
        response = refuse(error, refusal, &options.style, page, allow);
    }
    span.in_scope(|| log(error.as_deref(), response.status(), &method, &route, duration_ms));
    if method == Method::HEAD {
        // What GET would say (RFC 9110 8.6); without it, an empty body would count as 0.
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
        }
        *response.body_mut() = Body::empty();
    }
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    // Only what is public says otherwise; a refusal never does.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// On Lambda the invocation's own identifier, under which CloudWatch finds its lines. Never one that the client sent:
/// it could be made to look like another request's.
fn request_id(request: &Request) -> String {
    match request.lambda_context_ref() {
        Some(context) => context.request_id.clone(),
        None => Uuid::new_v4().to_string(),
    }
}

/// Problem Details (RFC 9457) with a stable `code` and the tutorial's `message`.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [FieldError]>,
}

/// A refusal as a page, for whoever wants one, or else as a problem.
fn refuse(
    error: &Error,
    refusal: ErrorResponse,
    style: &ErrorStyle,
    page: Option<Response>,
    allow: Option<HeaderValue>,
) -> Response {
    let status = refusal.status;
    let is_page = page.is_some();
    let mut response = page.unwrap_or_else(|| problem(error, &refusal));
    let headers = response.headers_mut();
    let challenge = match refusal.challenge {
        // A browser would ask for a password by itself, over the page that does.
        Some(challenge) if is_page && challenge.starts_with("Basic") => {
            (status == StatusCode::UNAUTHORIZED).then(|| style.bearer())
        }
        challenge => challenge,
    };
    if let Some(challenge) = challenge.and_then(|challenge| HeaderValue::try_from(challenge).ok()) {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(allow) = allow {
        headers.insert(header::ALLOW, allow);
    }
    let wait = match error {
        // Rounded up: who comes a moment too early would have to wait again.
        Error::Throttled { wait } => Some(wait.as_millis().div_ceil(1000).max(1)),
        _ if status == StatusCode::SERVICE_UNAVAILABLE => Some(1),
        _ => None,
    };
    if let Some(seconds) = wait.and_then(|wait| HeaderValue::try_from(wait.to_string()).ok()) {
        headers.insert(RETRY_AFTER, seconds);
    }
    response
}

fn problem(error: &Error, refusal: &ErrorResponse) -> Response {
    let status = refusal.status;
    if status.is_success() {
        return (status, Json(json!({ "message": refusal.message, "code": refusal.code }))).into_response();
    }
    let problem = Problem {
        // RFC 9457 4.2.1: the status says it all; `code` says it more closely.
        r#type: "about:blank",
        title: title(status),
        status: status.as_u16(),
        detail: &refusal.detail,
        code: refusal.code,
        message: refusal.message.unwrap_or(&refusal.detail),
        errors: match error {
            Error::Invalid(errors) => Some(errors),
            _ => None,
        },
    };
    let mut response = (status, Json(problem)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

/// The status phrase of RFC 9110, which is younger than two of `http`'s.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        other => other.canonical_reason().unwrap_or_default(),
    }
}

/// One line for each request. The cause of a failure is here and nowhere else; a refusal is no failure of ours.
fn log(error: Option<&Error>, status: StatusCode, method: &Method, route: &str, duration_ms: u64) {
    let cause = error.map(|error| causes(error));
    // A method may be any word, and then it is the client's.
    let method =
        if [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
            .contains(method)
        {
            method.as_str()
        } else {
            "other"
        };
    let status = status.as_u16();
    if status >= 500 {
        metrics::error();
    }
    match status {
        0..500 => info!(method, route, status, duration_ms, cause, "answered"),
        503 => warn!(method, route, status, duration_ms, cause, "failed"),
        _ => error!(method, route, status, duration_ms, cause, "failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecurityProfile;
    use axum::{http::HeaderMap, routing::get};
    use tower::ServiceExt as _;

    fn service_with_a_panic() -> Router {
        let panics = get(|headers: HeaderMap| async move {
            assert!(headers.contains_key("never"), "a secret of the inside");
        });
        let routes = Router::new().route("/panic", panics).route("/fine", get(|| async { "fine" }));
        let style = ErrorStyle { profile: SecurityProfile::Tutorial, realm: None };
        service(routes, ResponseOptions { style, address: AddressForm::Network })
    }

    async fn ask(service: &Router, method: Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        assert!(HEADERS.iter().all(|(name, value)| response.headers()[name] == value));
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (parts.status, String::from_utf8(body.into()).unwrap())
    }

    #[tokio::test]
    async fn a_panic_is_one_500_that_shows_nothing_and_the_next_request_works() {
        let service = service_with_a_panic();
        let (status, body) = ask(&service, Method::GET, "/panic").await;
        assert_eq!(status, 500);
        assert!(body.contains("\"internal-error\"") && !body.contains("secret"), "{body}");
        assert_eq!(ask(&service, Method::GET, "/fine").await, (StatusCode::OK, "fine".to_owned()));
    }

    #[test]
    fn a_release_build_unwinds_whoever_builds_it() {
        // Where the profile does not say so, `cargo lambda` adds `panic = "abort"`, and a panic would end the process unanswered.
        let profile = include_str!("../../../Cargo.toml").split("\n[profile.release]\n").nth(1).unwrap();
        assert!(profile.split("\n[").next().unwrap().contains("\npanic = \"unwind\"\n"), "{profile}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_too_long_is_one_503_and_the_client_is_told_to_try_again() {
        let slow = get(|| async { tokio::time::sleep(TIME_LIMIT * 2).await });
        let options = ResponseOptions {
            style: ErrorStyle { profile: SecurityProfile::Strict, realm: None },
            address: AddressForm::None,
        };
        let service = service(Router::new().route("/slow", slow), options);
        let request = Request::builder().uri("/slow").body(Body::empty()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (503, &HeaderValue::from_static("1"))
        );
    }

    #[tokio::test]
    async fn head_has_no_body_also_where_it_is_refused() {
        let service = service_with_a_panic();
        for (path, status) in [("/fine", 200), ("/panic", 500), ("/nowhere", 404)] {
            let (got, body) = ask(&service, Method::HEAD, path).await;
            assert_eq!((got.as_u16(), body.as_str()), (status, ""), "{path}");
        }
    }

    #[tokio::test]
    async fn a_request_id_that_the_client_sends_is_not_taken() {
        let request = Request::builder().uri("/fine").header(REQUEST_ID, "forged").body(Body::empty()).unwrap();
        let response = service_with_a_panic().oneshot(request).await.unwrap();
        assert_ne!(response.headers()[REQUEST_ID], "forged");
    }
}
