//! `DELETE /user/me`: deletes the caller's account. A browser's form cannot `DELETE`; it sends `POST` with
//! `_method=DELETE`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change},
    domain::{authorization::TokenRefusal, password::Password},
    http::{
        browser,
        error::{Error, FieldError},
        pages::{self, FormRejection, Notice, Part},
        paths,
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, authenticate::Caller};

pub(crate) async fn delete_account(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let refused = |user, error: &Error| audit::record_refusal(Attempt::Delete, user, error);
    let (now, is_form) = (login.clock.now(), browser::wants_page(&headers));
    let caller = match login.caller(&headers, is_form, now).await.inspect_err(|error| refused(None, error)) {
        Err(error) if is_form => return login.log_in_required(error),
        caller => caller?,
    };
    let token = caller.token;
    // Boxed: hashes and database calls make the future large.
    let deleted = Box::pin(login.delete_account(caller, request)).await;
    match deleted.inspect_err(|error| refused(Some(token.subject), error)) {
        Ok(()) if is_form => Ok(login.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::Deleted))),
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) if is_form => login.reject_account_form(error, token, Part::Deletion, now).await,
        Err(error) => Err(error.into()),
    }
}

impl Login {
    async fn delete_account(&self, caller: Caller, request: Request) -> Result<(), Error> {
        let is_post = request.method() == Method::POST;
        let known: &[&str] = if is_post { &["_method", "password"] } else { &["password"] };
        let fields = Fields::from_body(request, known).await?;
        if is_post && fields.get("_method") != Some("DELETE") {
            let detail = "must be DELETE, the only method that this form supports";
            return Err(Error::Invalid(vec![FieldError::new("_method", "unknown", detail)]));
        }
        let password = fields.required("password").map_err(|error| Error::Invalid(vec![error]))?;
        let hash = self.confirm_password(&caller, Password::new(password)).await?;
        match self.accounts.delete(&Account::from(&caller.user), &hash).await? {
            Change::Conflict => Err(TokenRefusal::Superseded.into()),
            Change::Done(()) => {
                audit::record(Event::Deleted, caller.user.profile.public_id);
                Ok(())
            }
        }
    }
}
