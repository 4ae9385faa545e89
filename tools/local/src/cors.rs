//! Cross-origin requests, answered as API Gateway does with the parameter `CorsAllowOrigin` of `template.yaml`.

use std::{convert::Infallible, str::FromStr, sync::Arc};

use axum::{
    Router,
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, Method, StatusCode, Uri,
        header::{
            ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
            ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
        },
    },
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

// A test compares these with `template.yaml`.

/// Methods that another origin may use.
pub const ALLOW_METHODS: &str = "DELETE,GET,HEAD,POST";
/// Headers that another origin may send.
pub const ALLOW_HEADERS: &str = "authorization,content-type,x-access-token";
/// Headers that another origin may read.
pub const EXPOSE_HEADERS: &str = "link,retry-after,x-request-id";
/// How long a browser may cache a preflight response, in seconds.
pub const MAX_AGE: &str = "3600";

/// Origins that may call the API: one origin (RFC 6454 6.2), or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedOrigin(HeaderValue);

impl FromStr for AllowedOrigin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_origin = |uri: &Uri| {
            let parts = uri.scheme_str().zip(uri.authority());
            matches!(uri.scheme_str(), Some("http" | "https"))
                && parts.is_some_and(|(scheme, authority)| format!("{scheme}://{authority}") == text)
                && !text.contains('@')
        };
        // Browsers send the host in lower case.
        let is_valid =
            text == "*" || text == text.to_ascii_lowercase() && text.parse().is_ok_and(|uri| is_origin(&uri));
        let value = HeaderValue::from_str(text).ok().filter(|_| is_valid);
        value.map(Self).ok_or("must be an origin such as http://localhost:5173, or *")
    }
}

/// Answers preflight requests, and lets pages of these origins read the responses. Without origins nothing changes.
pub fn allow_origins(router: Router, origins: &[AllowedOrigin]) -> Router {
    if origins.is_empty() {
        return router;
    }
    router.layer(middleware::from_fn_with_state(Arc::<[_]>::from(origins), respond))
}

async fn respond(
    State(origins): State<Arc<[AllowedOrigin]>>,
    request: Request,
    next: Next,
) -> Result<Response, Infallible> {
    let allowed = request.headers().get(ORIGIN).and_then(|origin| allowed_origin(&origins, origin));
    let is_preflight = is_preflight(&request);
    let mut response = if is_preflight { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    if let Some(origin) = allowed {
        set_headers(response.headers_mut(), origin, is_preflight);
    }
    Ok(response)
}

/// A preflight request (WHATWG Fetch 3.3.2). Any other `OPTIONS` request goes to its route.
fn is_preflight(request: &Request) -> bool {
    let headers = request.headers();
    request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The value of `Access-Control-Allow-Origin` for a request from `origin`.
fn allowed_origin(origins: &[AllowedOrigin], origin: &HeaderValue) -> Option<HeaderValue> {
    let matching = origins.iter().find(|allowed| allowed.0 == "*" || allowed.0 == origin);
    matching.map(|allowed| allowed.0.clone())
}

fn set_headers(headers: &mut HeaderMap, origin: HeaderValue, is_preflight: bool) {
    if origin != "*" {
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSE_HEADERS));
    if is_preflight {
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(ALLOW_METHODS));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOW_HEADERS));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(MAX_AGE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, routing::post};
    use tower::ServiceExt as _;

    const APP: &str = "http://localhost:5173";

    fn service(origins: &[&str]) -> Router {
        let origins: Vec<AllowedOrigin> = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        let route = post(|| async { StatusCode::CREATED }).options(|| async { StatusCode::IM_A_TEAPOT });
        allow_origins(Router::new().route("/login", route), &origins)
    }

    /// The status and the CORS headers of a response.
    async fn ask(service: &Router, method: Method, headers: &[(&str, &str)]) -> (u16, Vec<String>) {
        let request = Request::builder().method(method).uri("/login");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let cors = response.headers().iter().filter(|(name, _)| name.as_str().starts_with("access-control-"));
        let mut cors: Vec<_> = cors.map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        cors.sort_unstable();
        (response.status().as_u16(), cors)
    }

    const PREFLIGHT: [(&str, &str); 3] = [
        ("origin", APP),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type"),
    ];

    #[tokio::test]
    async fn a_preflight_from_an_allowed_origin_gets_204_and_what_is_allowed() {
        for origins in [&[APP][..], &["https://app.example.com", APP]] {
            let (status, headers) = ask(&service(origins), Method::OPTIONS, &PREFLIGHT).await;
            assert_eq!(status, 204);
            assert_eq!(
                headers,
                [
                    "access-control-allow-headers: authorization,content-type,x-access-token",
                    "access-control-allow-methods: DELETE,GET,HEAD,POST",
                    "access-control-allow-origin: http://localhost:5173",
                    "access-control-expose-headers: link,retry-after,x-request-id",
                    "access-control-max-age: 3600",
                ]
            );
        }
    }

    #[tokio::test]
    async fn only_allowed_origins_may_read_a_response() {
        let readable = [
            "access-control-allow-origin: http://localhost:5173".to_owned(),
            "access-control-expose-headers: link,retry-after,x-request-id".to_owned(),
        ];
        let service = service(&[APP]);
        assert_eq!(ask(&service, Method::POST, &[("origin", APP)]).await, (201, readable.to_vec()));
        for other in ["http://localhost:5174", "https://localhost:5173", "http://localhost", "null", ""] {
            assert_eq!(ask(&service, Method::POST, &[("origin", other)]).await, (201, vec![]), "{other}");
            let preflight = [("origin", other), PREFLIGHT[1]];
            assert_eq!(ask(&service, Method::OPTIONS, &preflight).await, (204, vec![]), "{other}");
        }
        assert_eq!(ask(&service, Method::POST, &[]).await, (201, vec![]));
    }

    #[tokio::test]
    async fn an_asterisk_allows_every_origin() {
        let (status, headers) = ask(&service(&["*"]), Method::POST, &[("origin", "https://any.example")]).await;
        assert_eq!((status, headers[0].as_str()), (201, "access-control-allow-origin: *"));
    }

    #[tokio::test]
    async fn other_requests_with_options_reach_the_route() {
        for headers in [&[][..], &PREFLIGHT[..1], &PREFLIGHT[1..]] {
            assert_eq!(ask(&service(&[APP]), Method::OPTIONS, headers).await.0, 418, "{headers:?}");
        }
        let unchanged = service(&[]);
        assert_eq!(ask(&unchanged, Method::OPTIONS, &PREFLIGHT).await, (418, vec![]));
        assert_eq!(ask(&unchanged, Method::POST, &[("origin", APP)]).await, (201, vec![]));
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for origin in ["*", APP, "https://app.example.com", "http://127.0.0.1:8080", "http://[::1]:5173"] {
            assert!(origin.parse::<AllowedOrigin>().is_ok(), "{origin}");
        }
        for other in [
            "",
            "localhost:5173",
            "http://localhost:5173/",
            "HTTP://localhost",
            "ftp://a.example",
            "null",
            "http://a b",
            "http://a.example/path",
            "http://me@a.example",
            "http://a.example?x",
            "http://Example.com",
            "**",
        ] {
            assert!(other.parse::<AllowedOrigin>().is_err(), "{other}");
        }
    }
}
