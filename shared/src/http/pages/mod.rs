//! Pages for people, written by templates when the project is compiled (`shared/templates`).
//!
//! They need no script, and nothing from another host: one style sheet stands in each page, and the policy names it by its hash.

mod form_errors;
mod views;

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

pub use self::{
    form_errors::FormErrors,
    views::{AccountPage, LogInPage, Notice, Part, SignUpPage, UsersPage},
};
use crate::http::error::{Error, ErrorResponse};

/// The style sheet of all pages.
const STYLE: &str = include_str!("../../../templates/style.css");

/// Nothing is loaded but the icon, which stands in the page; forms go to this site; no other page shows this one in a frame.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
});

/// Beside the headers of every answer: no window of another site keeps a hand on a page, and none embeds it (WHATWG HTML 7.1.3,
/// Fetch 3.6).
const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Answers with a page.
pub fn show(status: StatusCode, page: &impl Template) -> Result<Response, Error> {
    let mut response = (status, HEADERS, page.render()?).into_response();
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY.clone());
    Ok(response)
}

/// Sends a browser on to a page, after a form or instead of another page (RFC 9110 15.4.4).
pub fn see_other(place: &str) -> Response {
    let place = HeaderValue::try_from(place).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(LOCATION, place)]).into_response()
}

/// The address of a page that says what was done.
pub fn noticed(path: &str, notice: Notice) -> String {
    format!("{path}?notice={}", notice.name())
}

/// A page with a form on it, as it comes back when the form was refused: with what was typed, but for passwords.
#[derive(Clone)]
pub enum Form {
    /// Log-in.
    LogIn(LogInPage),
    /// Sign-up.
    SignUp(SignUpPage),
    /// One's own account.
    Account(AccountPage),
}

/// A form that was refused. [`crate::http::service`] logs the error and shows the form, or a page without one.
pub struct FormRejection {
    error: Error,
    form: Option<Box<Form>>,
}

impl FormRejection {
    /// `form`, refused for `error`.
    pub fn new(error: Error, form: Form) -> Self {
        Self { error, form: Some(Box::new(form)) }
    }
}

impl From<Error> for FormRejection {
    fn from(error: Error) -> Self {
        Self { error, form: None }
    }
}

impl IntoResponse for FormRejection {
    fn into_response(self) -> Response {
        let mut response = self.error.into_response();
        if let Some(form) = self.form {
            response.extensions_mut().insert(*form);
        }
        response
    }
}

/// A refusal as a page: the form that was refused, or one without a form.
pub(crate) fn refuse(error: &Error, refusal: &ErrorResponse, form: Option<Form>) -> Result<Response, Error> {
    match form {
        Some(Form::LogIn(page)) => {
            let failure = Some(FormErrors::new(error, refusal, "password", &page.missing()));
            show(refusal.status, &LogInPage { failure, ..page })
        }
        Some(Form::SignUp(page)) => {
            let failure = Some(FormErrors::new(error, refusal, "password", &[]));
            show(refusal.status, &SignUpPage { failure, ..page })
        }
        Some(Form::Account(page)) => {
            let failure = Some(FormErrors::new(error, refusal, page.compared(), &[]));
            show(refusal.status, &AccountPage { failure, ..page })
        }
        None => show(refusal.status, &views::RefusedPage::new(error, refusal)),
    }
}
