//! The middleware that all routes share: limits, error rendering, the log line and the security headers.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::{Body, HttpBody as _},
    extract::{MatchedPath, Request, State},
    http::{
        HeaderName, HeaderValue, Method, StatusCode,
        header::{self, CACHE_CONTROL},
    },
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use lambda_http::RequestExt as _;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument as _, error_span};
use uuid::Uuid;

use crate::{
    config::Settings,
    domain::{client_ip::AddressForm, deployment::Deployment},
    http::{
        browser::{self, same_origin},
        error::{Error, ErrorStyle},
        pages::{self, Form},
        request::{body, client_ip::client_address},
        telemetry::logging::{self, RequestLine},
    },
};

/// Longest path, and longest query, in bytes: three times what API Gateway accepts for the head of a request. The
/// `http` crate's limit for both together is 65,534.
pub const MAX_URI: usize = 30 * 1024;

/// Time limit of a request. The functions have 10 seconds, and API Gateway waits for 29.
pub const TIME_LIMIT: Duration = Duration::from_secs(8);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Headers of every response. Pages set a policy of their own.
const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    // Pages of other sites cannot embed a response. Scripts that use CORS can still read the published keys.
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Two years of HTTPS (RFC 6797): for this host, and for this host with its subdomains.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");
const HSTS_WITH_SUBDOMAINS: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

/// What the settings decide about every response.
#[derive(Debug, Clone)]
pub struct ResponseOptions {
    /// How errors are rendered.
    pub style: ErrorStyle,
    /// The form of client addresses in the log: `AUDIT_ADDRESS`.
    pub address: AddressForm,
    /// Whether browsers reach the service by HTTPS.
    pub deployment: Deployment,
    /// `HSTS_SUBDOMAINS`.
    pub hsts_subdomains: bool,
}

impl From<&Settings> for ResponseOptions {
    fn from(settings: &Settings) -> Self {
        Self {
            style: settings.into(),
            address: settings.telemetry.audit_address,
            deployment: settings.deployment,
            hsts_subdomains: settings.responses.hsts_subdomains,
        }
    }
}

/// Wraps routes in the middleware. It adds the responses 404, 405, 413 and 414, turns a panic into 500 and a time-out
/// into 503, renders errors, logs each request, and sets the common headers.
pub fn service(routes: Router, options: ResponseOptions) -> Router {
    routes
        .fallback(|| async { Error::NotFound })
        .method_not_allowed_fallback(method_not_allowed)
        .layer(middleware::from_fn(refuse_long_uri))
        .layer(middleware::from_fn(collect_body))
        .layer(CatchPanicLayer::custom(|_| Error::Panic.into_response()))
        .layer(middleware::from_fn(limit_time))
        .layer(middleware::from_fn_with_state(Arc::new(options), finish))
}

/// The response to a method that the route does not support. `OPTIONS` succeeds on every route: the router lists the
/// methods in `Allow` (RFC 9110 9.3.7), and a CORS preflight needs a success, to which API Gateway adds the CORS
/// headers.
pub async fn method_not_allowed(method: Method) -> Result<StatusCode, Error> {
    if method == Method::OPTIONS { Ok(StatusCode::NO_CONTENT) } else { Err(Error::MethodNotAllowed) }
}

async fn refuse_long_uri(request: Request, next: Next) -> Result<Response, Error> {
    let uri = request.uri();
    if uri.path().len() > MAX_URI || uri.query().is_some_and(|query| query.len() > MAX_URI) {
        return Err(Error::UriTooLong);
    }
    Ok(next.run(request).await)
}

/// Times out before Lambda and API Gateway do. The client gets 503, because the outcome is unknown.
async fn limit_time(request: Request, next: Next) -> Result<Response, Error> {
    tokio::time::timeout(TIME_LIMIT, next.run(request)).await.map_err(|_| Error::Late)
}

/// Collects the whole body before the routes run. So every route has the same size limit, and no response precedes the
/// end of the request.
async fn collect_body(request: Request, next: Next) -> Result<Response, Error> {
    let (parts, body) = request.into_parts();
    let body = body::collect(body).await?;
    Ok(next.run(Request::from_parts(parts, Body::from(body))).await)
}

/// The outermost layer: renders an error, logs the request, and sets the headers.
async fn finish(State(options): State<Arc<ResponseOptions>>, mut request: Request, next: Next) -> Response {
    #[expect(clippy::disallowed_methods, reason = "telemetry measures a duration")]
    let started = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    // The pattern, not the path: a path may contain what must not be logged.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let wants_page = browser::wants_page(request.headers());
    let is_from_script = same_origin::is_from_script(request.headers());
    same_origin::add_missing_site(request.headers_mut(), options.deployment);
    let client = client_address(&request);
    request.extensions_mut().insert(client);
    // At the highest level, so that the identifier is logged at every level.
    let span = error_span!("request", request_id = id, client = client.to_log(options.address));
    let mut response = next.run(request).instrument(span.clone()).await;
    let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = response.extensions_mut().remove::<Arc<Error>>();
    if let Some(error) = &error {
        response = render_error(error, response, (wants_page, is_from_script), &options.style);
    }
    let line = RequestLine { method: &method, route: &route, status: response.status(), duration_ms };
    span.in_scope(|| logging::log_request(&line, error.as_deref()));
    if method == Method::HEAD {
        remove_body(&mut response);
    }
    let hsts = if options.hsts_subdomains { HSTS_WITH_SUBDOMAINS } else { HSTS };
    response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    set_headers(&mut response, id);
    response
}

/// Renders an error as a page, for a client that prefers one, or as a problem. `response` carries the refused form and
/// `Allow`.
fn render_error(
    error: &Error,
    mut response: Response,
    (wants_page, is_from_script): (bool, bool),
    style: &ErrorStyle,
) -> Response {
    let form = response.extensions_mut().remove::<Form>();
    let allow = response.headers_mut().remove(header::ALLOW);
    let rendered = error.to_response(style);
    let page = if wants_page { pages::error_page(error, &rendered, form).ok() } else { None };
    let has_dialog = page.is_none() && !is_from_script;
    let rendered = if has_dialog { rendered } else { rendered.without_password_dialog(style) };
    rendered.render(page, allow)
}

/// Leaves the length that `GET` would announce (RFC 9110 8.6); without it, the empty body's length would be 0.
fn remove_body(response: &mut Response) {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
    }
    *response.body_mut() = Body::empty();
}

fn set_headers(response: &mut Response, request_id: String) {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(value);
    }
    // Only public documents set another value; an error never does.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// On Lambda, the identifier of the invocation, which also marks its lines in CloudWatch. A client's own identifier is
/// ignored: it could imitate another request.
fn request_id(request: &Request) -> String {
    match request.lambda_context_ref() {
        Some(context) => context.request_id.clone(),
        #[expect(clippy::disallowed_methods, reason = "a local request has no identifier of Lambda")]
        None => Uuid::new_v4().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::SecurityProfile;
    use axum::{
        http::{HeaderMap, header::RETRY_AFTER},
        routing::get,
    };
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    fn options(profile: SecurityProfile) -> ResponseOptions {
        ResponseOptions {
            style: ErrorStyle { profile, realm: None },
            address: AddressForm::Network,
            deployment: Deployment::Aws,
            hsts_subdomains: false,
        }
    }

    fn service_with_a_panic() -> Router {
        let panics = get(|headers: HeaderMap| async move {
            assert!(headers.contains_key("never"), "an internal secret");
        });
        let routes = Router::new().route("/panic", panics).route("/fine", get(|| async { "fine" }));
        service(routes, options(SecurityProfile::Tutorial))
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
    async fn a_panic_is_one_500_without_details_and_the_next_request_succeeds() {
        let service = service_with_a_panic();
        let (status, body) = ask(&service, Method::GET, "/panic").await;
        assert_eq!(status, 500);
        assert!(body.contains("\"internal-error\"") && !body.contains("secret"), "{body}");
        assert_eq!(ask(&service, Method::GET, "/fine").await, (StatusCode::OK, "fine".to_owned()));
    }

    #[test]
    fn release_builds_unwind_on_panic() {
        // Without this line, `cargo lambda` adds `panic = "abort"`, and a panic ends the process without a response.
        let profile = include_str!("../../../Cargo.toml").split("\n[profile.release]\n").nth(1).unwrap();
        assert!(profile.split("\n[").next().unwrap().contains("\npanic = \"unwind\"\n"), "{profile}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_beyond_the_time_limit_gets_503_with_retry_after() {
        let slow = get(|| async { tokio::time::sleep(TIME_LIMIT * 2).await });
        let service = service(Router::new().route("/slow", slow), options(SecurityProfile::Strict));
        let request = Request::builder().uri("/slow").body(Body::empty()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), &response.headers()[RETRY_AFTER]),
            (503, &HeaderValue::from_static("1"))
        );
    }

    #[tokio::test]
    async fn responses_to_head_have_no_body_even_if_refused() {
        let service = service_with_a_panic();
        for (path, status) in [("/fine", 200), ("/panic", 500), ("/nowhere", 404)] {
            let (got, body) = ask(&service, Method::HEAD, path).await;
            assert_eq!((got.as_u16(), body.as_str()), (status, ""), "{path}");
        }
    }

    #[tokio::test]
    async fn an_overlong_path_or_query_gets_414_on_every_route() {
        let service = service_with_a_panic();
        let (longest, too_long) = ("x".repeat(MAX_URI), "x".repeat(MAX_URI + 1));
        for (uri, status) in [
            (format!("/fine?{longest}"), 200),
            (format!("/fine?{too_long}"), 414),
            (format!("/{}", &longest[1..]), 404),
            (format!("/{longest}"), 414),
        ] {
            let (got, body) = ask(&service, Method::GET, &uri).await;
            assert_eq!(got, status, "{uri:.20}");
            assert_eq!(body.contains("\"code\":\"uri-too-long\""), status == 414, "{body}");
        }
    }

    #[tokio::test]
    async fn every_response_requires_https_for_the_host_or_also_for_its_subdomains() {
        for (hsts_subdomains, value) in [(false, "max-age=63072000"), (true, "max-age=63072000; includeSubDomains")] {
            let routes = Router::new().route("/fine", get(|| async { "fine" }));
            let service = service(routes, ResponseOptions { hsts_subdomains, ..options(SecurityProfile::Tutorial) });
            for path in ["/fine", "/nowhere"] {
                let request = Request::builder().uri(path).body(Body::empty()).unwrap();
                let response = service.clone().oneshot(request).await.unwrap();
                assert_eq!(response.headers()[header::STRICT_TRANSPORT_SECURITY], value, "{path}");
            }
        }
    }

    #[tokio::test]
    async fn a_request_id_from_the_client_is_ignored() {
        let request = Request::builder().uri("/fine").header(REQUEST_ID, "forged").body(Body::empty()).unwrap();
        let response = service_with_a_panic().oneshot(request).await.unwrap();
        assert_ne!(response.headers()[REQUEST_ID], "forged");
    }
}
