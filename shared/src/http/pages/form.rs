//! Forms that were refused, and the pages that show why.

use axum::response::{IntoResponse, Response};

use crate::http::{
    error::{Error, response::ErrorResponse},
    pages::{
        form_errors::FormErrors,
        response::show,
        views::{AccountPage, ErrorPage, LogInPage, SignUpPage},
    },
};

/// A page with a refused form. It shows what the user typed, except passwords.
#[derive(Clone)]
pub enum Form {
    /// Log-in.
    LogIn(LogInPage),
    /// Sign-up.
    SignUp(SignUpPage),
    /// The caller's own account.
    Account(AccountPage),
}

/// A refused form. [`crate::http::service`] logs the error and renders the form, or an error page without one.
pub struct FormRejection {
    error: Error,
    form: Option<Box<Form>>,
}

impl FormRejection {
    /// The refusal of `form` because of `error`.
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

/// Renders an error as a page: the refused form, or an error page without one.
pub(crate) fn error_page(error: &Error, response: &ErrorResponse, form: Option<Form>) -> Result<Response, Error> {
    match form {
        Some(Form::LogIn(page)) => {
            let errors = Some(FormErrors::new(error, response, "password", &page.missing()));
            show(response.status, &LogInPage { errors, ..page })
        }
        Some(Form::SignUp(page)) => {
            let errors = Some(FormErrors::new(error, response, "password", &[]));
            show(response.status, &SignUpPage { errors, ..page })
        }
        Some(Form::Account(page)) => {
            let errors = Some(FormErrors::new(error, response, page.password_field(), &[]));
            show(response.status, &AccountPage { errors, ..page })
        }
        None => show(response.status, &ErrorPage::new(error, response)),
    }
}
