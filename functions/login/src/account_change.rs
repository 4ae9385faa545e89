//! Changes of the caller's account: password, sessions, deletion. Scripts send them as JSON, browsers as forms of the
//! account page.

use axum::{
    extract::Request,
    http::{HeaderMap, Method},
    response::Response,
};
use shared::{
    domain::{error_chain::causes, time::UnixMillis, token::VerifiedToken},
    http::{
        browser,
        error::{Error, FieldError},
        pages::{AccountPage, Form, FormRejection, Part},
        request::fields::Fields,
        telemetry::audit::{self, Attempt},
    },
};
use tracing::warn;

use crate::{Login, authenticate::Caller};

impl Login {
    /// Identifies the caller, makes a change, and responds with its value and whether a form requested it. A refusal is
    /// recorded, and the form of a browser is shown again with it.
    pub(crate) async fn change_account<T>(
        &self,
        headers: &HeaderMap,
        attempt: Attempt,
        part: Part,
        change: impl AsyncFnOnce(Caller, UnixMillis) -> Result<T, Error>,
        respond: impl FnOnce(T, bool) -> Response,
    ) -> Result<Response, FormRejection> {
        let refused = |user, error: &Error| audit::record_refusal(attempt, user, error);
        let (now, is_form) = (self.clock.now(), browser::wants_page(headers));
        let caller = match self.caller(headers, is_form, now).await.inspect_err(|error| refused(None, error)) {
            Err(error) if is_form => return self.log_in_required(error),
            caller => caller?,
        };
        let token = caller.token;
        // Boxed: hashes and database calls make the future large.
        let changed = Box::pin(change(caller, now)).await;
        match changed.inspect_err(|error| refused(Some(token.subject), error)) {
            Ok(value) => Ok(respond(value, is_form)),
            Err(error) if is_form => self.reject_account_form(error, token, part, now).await,
            Err(error) => Err(error.into()),
        }
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

/// The fields of a deletion. A browser's form cannot `DELETE`; it sends `POST` with `_method=DELETE`.
pub(crate) async fn deletion_fields(request: Request) -> Result<Fields, Error> {
    let is_post = request.method() == Method::POST;
    let known: &[&str] = if is_post { &["_method", "password"] } else { &["password"] };
    let fields = Fields::from_body(request, known).await?;
    if is_post && fields.get("_method") != Some("DELETE") {
        let detail = "must be DELETE, the only method that this form supports";
        return Err(Error::Invalid(vec![FieldError::new("_method", "unknown", detail)]));
    }
    Ok(fields)
}
