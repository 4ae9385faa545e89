//! The response to an error: status, headers, and a body that is a page or problem details.

use std::{fmt, time::Duration};

use axum::{
    Json,
    http::{
        HeaderValue, StatusCode,
        header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{
    config::{SecurityProfile, Settings},
    http::error::{field::FieldError, problem::Problem},
};

/// What the settings decide about error responses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorStyle {
    /// Decides about statuses and messages.
    pub profile: SecurityProfile,
    /// `JWT_DEFAULT_REALM`, if it is set.
    pub realm: Option<String>,
}

impl From<&Settings> for ErrorStyle {
    fn from(settings: &Settings) -> Self {
        Self { profile: settings.responses.profile, realm: settings.responses.realm.clone() }
    }
}

impl ErrorStyle {
    /// The realm of a challenge (RFC 9110 11.5).
    pub fn realm(&self) -> &str {
        self.realm.as_deref().unwrap_or("Login required")
    }

    /// A challenge for a password (RFC 7617).
    pub(super) fn basic(&self) -> Challenge {
        Challenge::Basic { realm: self.realm().to_owned() }
    }

    /// A challenge for a token (RFC 6750 3).
    pub(super) fn bearer(&self, error: Option<&'static str>) -> Challenge {
        Challenge::Bearer { realm: self.realm().to_owned(), error }
    }
}

/// A challenge: the value of `WWW-Authenticate` (RFC 9110 11.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Asks for an email address and a password.
    Basic { realm: String },
    /// Asks for an access token. `error` is the code of RFC 6750 3.1.
    Bearer { realm: String, error: Option<&'static str> },
}

/// The header's value. Realms contain neither quotes nor backslashes, so they need no escapes.
impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The credentials are in UTF-8 (RFC 7617 2.1).
            Self::Basic { realm } => write!(f, "Basic realm=\"{realm}\", charset=\"UTF-8\""),
            Self::Bearer { realm, error: None } => write!(f, "Bearer realm=\"{realm}\""),
            Self::Bearer { realm, error: Some(error) } => write!(f, "Bearer realm=\"{realm}\", error=\"{error}\""),
        }
    }
}

/// The response to an error, before it is rendered as a page or as a problem.
#[derive(Debug)]
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    /// Stable code of the problem.
    pub(crate) code: &'static str,
    /// The tutorial's message, where the tutorial has one.
    pub(crate) message: Option<&'static str>,
    /// What is wrong and what the client can do, in a sentence.
    pub(crate) detail: String,
    pub(crate) challenge: Option<Challenge>,
    /// `Retry-After`, in seconds.
    pub(crate) retry_after: Option<u64>,
    /// The fields that break a rule.
    pub(crate) errors: Option<Vec<FieldError>>,
}

impl ErrorResponse {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, message: None, detail, challenge: None, retry_after: None, errors: None }
    }

    pub(super) fn message(self, message: &'static str) -> Self {
        Self { message: Some(message), ..self }
    }

    pub(super) fn challenge(self, challenge: Challenge) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    pub(super) fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    pub(super) fn errors(self, errors: &[FieldError]) -> Self {
        Self { errors: Some(errors.to_vec()), ..self }
    }

    /// The same response without a challenge that makes a browser ask for a password in a dialog of its own, on top of
    /// the page with the form or whose script sent the request. A 401 must have a challenge (RFC 9110 15.5.2); browsers
    /// ignore `Bearer`.
    pub(crate) fn without_password_dialog(mut self, style: &ErrorStyle) -> Self {
        if matches!(self.challenge, Some(Challenge::Basic { .. })) {
            self.challenge = (self.status == StatusCode::UNAUTHORIZED).then(|| style.bearer(None));
        }
        self
    }

    /// Renders the response. `page` is the page to show instead of a problem; `allow` is the router's header `Allow`.
    pub(crate) fn render(self, page: Option<Response>, allow: Option<HeaderValue>) -> Response {
        let mut response = page.unwrap_or_else(|| self.to_json());
        let headers = response.headers_mut();
        let challenge = self.challenge.and_then(|challenge| HeaderValue::try_from(challenge.to_string()).ok());
        let retry_after = self.retry_after.map(HeaderValue::from);
        for (name, value) in [(WWW_AUTHENTICATE, challenge), (ALLOW, allow), (RETRY_AFTER, retry_after)] {
            if let Some(value) = value {
                headers.insert(name, value);
            }
        }
        response
    }

    fn to_json(&self) -> Response {
        // The tutorial's 202 for a taken address is a success by its status, so its body is not a problem.
        if self.status.is_success() {
            return (self.status, Json(json!({ "message": self.message, "code": self.code }))).into_response();
        }
        let message = self.message.unwrap_or(&self.detail);
        Problem { status: self.status, detail: &self.detail, code: self.code, message, errors: self.errors.as_deref() }
            .into_response()
    }
}

/// Whole seconds to wait, rounded up: a client that comes back a moment too early would have to wait again.
pub(super) fn whole_seconds(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_renders_as_the_value_of_www_authenticate() {
        let style = ErrorStyle { profile: SecurityProfile::Strict, realm: Some("Example".to_owned()) };
        assert_eq!(style.basic().to_string(), "Basic realm=\"Example\", charset=\"UTF-8\"");
        assert_eq!(style.bearer(None).to_string(), "Bearer realm=\"Example\"");
        let invalid = style.bearer(Some("invalid_token"));
        assert_eq!(invalid.to_string(), "Bearer realm=\"Example\", error=\"invalid_token\"");
    }

    #[test]
    fn the_realm_has_a_default() {
        let style = ErrorStyle { profile: SecurityProfile::Tutorial, realm: None };
        assert_eq!(style.realm(), "Login required");
    }

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let seconds = [0, 1, 999, 1000, 1001, 30_000].map(|millis| whole_seconds(Duration::from_millis(millis)));
        assert_eq!(seconds, [1, 1, 1, 1, 2, 30]);
    }
}
