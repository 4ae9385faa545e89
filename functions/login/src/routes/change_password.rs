//! `POST /password`: changes the password, ends every session, and starts a new one for the caller.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change},
    domain::{
        client_ip::ClientAddress,
        password::{Password, strength},
        session::{RefreshToken, SessionClient},
        time::UnixMillis,
        user::PublicUser,
    },
    http::{
        error::{Error, FieldError},
        pages::{self, FormRejection, Notice, Part},
        paths,
        request::{fields::Fields, session_client},
        telemetry::{
            audit::{self, Attempt, Event},
            metrics::timed_hash,
        },
    },
};

use crate::{Login, authenticate::Caller, issue::IssuedTokens, state::CHANGE_ATTEMPTS};

pub(crate) async fn change_password(
    State(login): State<Arc<Login>>,
    address: ClientAddress,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let client = session_client(address, &headers);
    let change = async |caller, now| login.change_password(caller, &client, request, now).await;
    let respond = |tokens: IssuedTokens, is_form| {
        if is_form {
            login.redirect_with_cookies(&tokens, &pages::with_notice(paths::ME, Notice::PasswordChanged))
        } else {
            Json(tokens).into_response()
        }
    };
    login.change_account(&headers, Attempt::ChangePassword, Part::Password, change, respond).await
}

/// The current and the new password, or all the errors in them.
fn parse(fields: &Fields, min_length: usize) -> Result<(Password, Password), Error> {
    let current = fields.required("current_password");
    let new = fields
        .parse("new_password", |text| Password::choose(text, min_length))
        .map_err(|error| error.on("new_password"));
    match (current.map(Password::new), new) {
        (Ok(current), Ok(new)) if current.expose() == new.expose() => {
            let detail = "must differ from the current password";
            Err(Error::Invalid(vec![FieldError::new("new_password", "unchanged", detail)]))
        }
        (Ok(current), Ok(new)) => Ok((current, new)),
        (current, new) => Err(Error::Invalid([current.err(), new.err()].into_iter().flatten().collect())),
    }
}

/// The rules of sign-up.
fn check_strength(password: &Password, user: &PublicUser) -> Result<(), Error> {
    strength::check(password, &user.name, [&user.email, &user.email])
        .map_err(|error| Error::Invalid(vec![FieldError::from(error).on("new_password")]))
}

impl Login {
    async fn change_password(
        &self,
        caller: Caller,
        client: &SessionClient,
        request: Request,
        now: UnixMillis,
    ) -> Result<IssuedTokens, Error> {
        let fields = Fields::from_body(request, &["current_password", "new_password"]).await?;
        let (current, new) = parse(&fields, self.password_min_length)?;
        check_strength(&new, &caller.user.profile)?;
        let public_id = caller.user.profile.public_id;
        let renewed = self.session_lifetime.map(|lifetime| Ok::<_, Error>((RefreshToken::new(public_id)?, lifetime)));
        let renewed = renewed.transpose()?;
        let token = renewed.as_ref().map(|(token, _)| token);
        // An error after the change would look as if the old password still applied.
        self.check_issuable(public_id, caller.user.version + 1, Some(&caller.user), token, now).await?;
        let old = self.confirm_password(&caller, current).await?;
        let mut user = caller.user;

        let hash = timed_hash(self.hasher.hash(new)).await?;
        let session = renewed.as_ref().map(|(token, lifetime)| (token, (*lifetime, client)));
        for _ in 0..CHANGE_ATTEMPTS {
            let account = Account::from(&user);
            if let Change::Done(session) = self.accounts.change_password(&account, &old, &hash, session, now).await? {
                audit::record(Event::PasswordChanged, public_id);
                let session = token.zip(session);
                return self.issue_tokens(public_id, user.version + 1, Some(&user), session, now).await;
            }
            user = self.still_confirmed(public_id, &old).await?;
            self.check_issuable(public_id, user.version + 1, Some(&user), token, now).await?;
        }
        Err(Error::Late)
    }
}
