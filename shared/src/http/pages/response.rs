//! Responses for browsers: pages and redirects.

use std::sync::LazyLock;

use askama::Template;
use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    http::{
        HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION},
    },
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::http::error::Error;

/// The style sheet of all pages.
pub(super) const STYLE: &str = include_str!("../../../templates/style.css");

/// Allows the style sheet and the icon, which are part of the page, and forms to this site. Forbids everything else,
/// and framing.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
});

/// Headers of pages, besides those of every response. They keep windows of other sites from scripting a page, and
/// other sites from embedding it (WHATWG HTML 7.1.3, Fetch 3.6).
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Renders a page.
pub fn show(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    let mut response = (status, HEADERS, page.render()?).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    Ok(response)
}

/// Redirects a browser to a page with `GET`, after a form or instead of another page (RFC 9110 15.4.4).
pub fn see_other(location: &str) -> Response {
    let location = HeaderValue::try_from(location).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}
