//! `DELETE /user/me`: deletes the caller's account. A browser's form cannot `DELETE`; it sends `POST` with
//! `_method=DELETE`.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change},
    domain::{authorization::TokenRefusal, password::Password},
    http::{
        error::Error,
        pages::{self, FormRejection, Notice, Part},
        paths,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, account_change::deletion_fields, authenticate::Caller};

pub(crate) async fn delete_account(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let delete = async |caller, _| login.delete_account(caller, request).await;
    let respond = |(), is_form| {
        if is_form {
            login.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::Deleted))
        } else {
            StatusCode::NO_CONTENT.into_response()
        }
    };
    login.change_account(&headers, Attempt::Delete, Part::Deletion, delete, respond).await
}

impl Login {
    async fn delete_account(&self, caller: Caller, request: Request) -> Result<(), Error> {
        let fields = deletion_fields(request).await?;
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
