//! `POST /password` and `DELETE /user/me`: what a user who is signed in does with the password at hand.

use std::{sync::Arc, time::SystemTime};

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change, Credentials},
    domain::{
        authorization::TokenRefusal,
        password::{Password, PasswordHash, Verdict, strength},
        session::RefreshToken,
        token::VerifiedToken,
        user::{Email, PublicId, PublicUser, User},
    },
    http::{
        browser,
        error::{Error, FieldError},
        pages::{self, FormRejection, Notice, Part},
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, SignedIn};

/// How often a change is tried while other changes of the account are faster.
const ATTEMPTS: usize = 8;

/// Ends every session, and gives the one who changed the password a new one.
pub(crate) async fn change_password(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let refused = |user, error: &Error| audit::record_refusal(Attempt::ChangePassword, user, error);
    let (now, is_page) = (SystemTime::now(), browser::wants_page(&headers));
    let caller = match login.caller(&headers, is_page, now).await.inspect_err(|error| refused(None, error)) {
        Err(error) if is_page => return login.redirect_to_log_in(error),
        caller => caller?,
    };
    let changed = login.change_password(&caller, request, now).await;
    match changed.inspect_err(|error| refused(Some(caller.subject), error)) {
        Ok(answer) if is_page => {
            Ok(login.redirect_with_cookies(&answer, &pages::noticed("/user/me", Notice::PasswordChanged)))
        }
        Ok(answer) => Ok(Json(answer).into_response()),
        Err(error) if is_page => login.return_account(error, &caller, Part::Password, now).await,
        Err(error) => Err(error.into()),
    }
}

/// Removes all there is of the user. Forms of a browser cannot `DELETE`: they `POST`, and say `_method=DELETE`.
pub(crate) async fn delete(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let refused = |user, error: &Error| audit::record_refusal(Attempt::Delete, user, error);
    let (now, is_page) = (SystemTime::now(), browser::wants_page(&headers));
    let caller = match login.caller(&headers, is_page, now).await.inspect_err(|error| refused(None, error)) {
        Err(error) if is_page => return login.redirect_to_log_in(error),
        caller => caller?,
    };
    let deleted = login.delete(&caller, request, now).await;
    match deleted.inspect_err(|error| refused(Some(caller.subject), error)) {
        Ok(()) if is_page => Ok(login.redirect_clearing_cookies(&pages::noticed("/", Notice::Deleted))),
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) if is_page => login.return_account(error, &caller, Part::Deletion, now).await,
        Err(error) => Err(error.into()),
    }
}

fn required<'f>(fields: &'f Fields, name: &str) -> Result<&'f str, FieldError> {
    fields.get(name).ok_or_else(|| FieldError::required(name))
}

/// The rules of sign-up.
fn check_choice(password: &Password, profile: &PublicUser) -> Result<(), Error> {
    strength::check(password, &profile.name, [&profile.email, &profile.email])
        .map_err(|error| Error::Invalid(vec![error.on("new_password")]))
}

impl Login {
    async fn change_password(
        &self,
        caller: &VerifiedToken,
        request: Request,
        now: SystemTime,
    ) -> Result<SignedIn, Error> {
        let fields = Fields::from_body(request, &["current_password", "new_password"]).await?;
        let current = required(&fields, "current_password");
        let new = required(&fields, "new_password").and_then(|text| {
            Password::choose(text, self.password_min_length).map_err(|error| FieldError::from(error).on("new_password"))
        });
        let (current, new) = match (current, new) {
            (Ok(current), Ok(new)) => (Password::new(current), new),
            (current, new) => return Err(Error::Invalid([current.err(), new.err()].into_iter().flatten().collect())),
        };
        let mut user = caller.authorize(self.callers.find(caller.subject, caller.session()).await?, now)?;
        check_choice(&new, &user.profile)?;
        let old = self.confirm(caller, &user, current).await?;

        let hash = self.hasher.hash(new).await?;
        let public_id = user.profile.public_id;
        let renewed = self.life.map(|life| Ok::<_, Error>((RefreshToken::new(public_id)?, life))).transpose()?;
        let session = renewed.as_ref().map(|(token, life)| (token, *life));
        for _ in 0..ATTEMPTS {
            let account = Account::from(&user);
            if let Change::Done(session) = self.changes.change_password(&account, &old, &hash, session, now).await? {
                audit::record(Event::PasswordChanged, public_id);
                let session = renewed.as_ref().map(|(token, _)| token).zip(session);
                return self.sign_in(public_id, user.version + 1, session, now).await;
            }
            user = self.still_confirmed(public_id, &old).await?;
        }
        Err(Error::Late)
    }

    async fn delete(&self, caller: &VerifiedToken, request: Request, now: SystemTime) -> Result<(), Error> {
        let is_form = request.method() == Method::POST;
        let fields = Fields::from_body(request, if is_form { &["_method", "password"] } else { &["password"] }).await?;
        if is_form && fields.get("_method") != Some("DELETE") {
            let error = FieldError::new("_method", "unknown", "must be DELETE, which is all that can be posted here");
            return Err(Error::Invalid(vec![error]));
        }
        let password = required(&fields, "password").map_err(|error| Error::Invalid(vec![error]))?;
        let user = caller.authorize(self.callers.find(caller.subject, caller.session()).await?, now)?;
        let hash = self.confirm(caller, &user, Password::new(password)).await?;
        match self.changes.delete(&Account::from(&user), &hash).await? {
            Change::Conflict => Err(TokenRefusal::Superseded.into()),
            Change::Done(()) => {
                audit::record(Event::Deleted, user.profile.public_id);
                Ok(())
            }
        }
    }

    /// Compares the password once more, at the cost of a log-in, and gives its hash: a token that was left lying about must not be
    /// enough. ThrottleKey as a log-in is.
    async fn confirm(&self, caller: &VerifiedToken, user: &User, password: Password) -> Result<PasswordHash, Error> {
        let permit = self.guesses.confirmation(caller).await?;
        let compared = self.compare(user, password).await;
        match &compared {
            Ok(_) => permit.confirm().await,
            Err(error) if error.reason().is_none() => permit.refund().await,
            Err(_) => {}
        }
        compared
    }

    async fn compare(&self, user: &User, password: Password) -> Result<PasswordHash, Error> {
        let hash = self.stored_hash(user).await?;
        match (self.hasher.verify(password, hash.clone()).await?, hash) {
            (Verdict::Match { .. }, Some(hash)) => Ok(hash),
            (Verdict::Match { .. }, None) | (Verdict::Mismatch, _) => Err(Error::PasswordNotConfirmed),
        }
    }

    async fn stored_hash(&self, user: &User) -> Result<Option<PasswordHash>, Error> {
        let Ok(email) = Email::parse(&user.profile.email) else { return Ok(None) };
        let own = |found: &Credentials| found.public_id == user.profile.public_id && !found.disabled;
        let credentials = self.credentials.find(&email).await?.filter(own);
        Ok(credentials.map(|credentials| credentials.password_hash))
    }

    /// The user, after another change was faster. What was ended meanwhile does not matter: the password was right, and only
    /// another one would make it wrong.
    async fn still_confirmed(&self, user: PublicId, hash: &PasswordHash) -> Result<User, Error> {
        let user = self.callers.find(user, None).await?.user.ok_or(TokenRefusal::UserGone)?;
        if self.stored_hash(&user).await?.as_ref() == Some(hash) {
            Ok(user)
        } else {
            Err(TokenRefusal::Superseded.into())
        }
    }
}
