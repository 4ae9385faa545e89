//! Problem details (RFC 9457), the JSON body of an error.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::http::error::field::FieldError;

/// A problem's members beyond its status: the standard ones, a stable `code`, and the `message` that the tutorials'
/// clients read.
pub(super) struct Problem<'a> {
    pub(super) status: StatusCode,
    pub(super) detail: &'a str,
    pub(super) code: &'static str,
    pub(super) message: &'a str,
    pub(super) errors: Option<&'a [FieldError]>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<&'a [FieldError]>,
}

impl IntoResponse for Problem<'_> {
    fn into_response(self) -> Response {
        let body = Body {
            // The type of a problem without semantics beyond its status (RFC 9457 4.2.1); `code` is more specific.
            r#type: "about:blank",
            title: title(self.status),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code,
            message: self.message,
            errors: self.errors,
        };
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response
    }
}

/// The status phrase of RFC 9110, which renamed two that the `http` crate has under their old names.
fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Content Too Large",
        StatusCode::UNPROCESSABLE_ENTITY => "Unprocessable Content",
        other => other.canonical_reason().unwrap_or_default(),
    }
}
