//! Redirects of browsers that are not logged in, and account forms that are rejected.

use axum::response::Response;
use shared::{
    domain::{error_chain::causes, time::UnixMillis, token::VerifiedToken},
    http::{
        browser::ReturnTo,
        error::Error,
        pages::{self, AccountPage, Form, FormRejection, Part},
    },
};
use tracing::warn;

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

    /// The account page with the error of one of its forms.
    pub(crate) async fn reject_account_form(
        &self,
        error: Error,
        caller: VerifiedToken,
        part: Part,
        now: UnixMillis,
    ) -> Result<Response, FormRejection> {
        if error.asks_to_log_in() {
            return self.log_in_required(error);
        }
        match self.authorized(caller, now).await {
            Ok(caller) => {
                // The page is more useful without the sessions than not at all.
                let sessions = self.own_sessions(&caller, now).await.unwrap_or_else(|error| {
                    warn!(cause = causes(&error), "the account page does not show the sessions");
                    Vec::new()
                });
                let mut page = AccountPage::new(caller.user, &sessions, caller.token.session());
                page.part = part;
                Err(FormRejection::new(error, Form::Account(page)))
            }
            // An error page without the form.
            Err(_) => Err(error.into()),
        }
    }
}
