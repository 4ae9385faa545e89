//! Redirects of browsers that are not logged in.

use axum::response::Response;
use shared::http::{
    browser::ReturnTo,
    error::Error,
    pages::{self, FormRejection},
};

use crate::Login;

impl Login {
    /// Redirects a browser and clears the cookies.
    pub(crate) fn redirect_clearing_cookies(&self, location: &str) -> Response {
        let mut response = pages::see_other(location);
        self.cookies.clear(response.headers_mut());
        response
    }

    /// Redirects a browser to the log-in, which returns the user to their account.
    pub(crate) fn redirect_to_log_in(&self) -> Response {
        self.redirect_clearing_cookies(&format!("/{}", ReturnTo::account().to_query()))
    }

    /// The response to a form whose sender was not identified: the log-in, if that helps.
    pub(crate) fn log_in_required(&self, error: Error) -> Result<Response, FormRejection> {
        if error.asks_to_log_in() { Ok(self.redirect_to_log_in()) } else { Err(error.into()) }
    }
}
