//! `POST /logout`: ends sessions.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use shared::{
    aws::store::{Account, Change},
    domain::{
        authorization::RefreshRefusal,
        password::Password,
        time::UnixMillis,
        token::{TokenBinding, VerifiedToken},
    },
    http::{
        browser,
        error::{Error, FieldError},
        pages::{self, FormRejection, Notice, Part},
        paths,
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, authenticate::Caller, state::CHANGE_ATTEMPTS};

/// Which sessions of the caller end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The sessions of the request.
    Local,
    /// All other sessions.
    Others,
    /// All sessions.
    Global,
}

impl Scope {
    fn parse(fields: &Fields) -> Result<Self, Error> {
        match fields.get("scope") {
            None | Some("local") => Ok(Self::Local),
            Some("others") => Ok(Self::Others),
            Some("global") => Ok(Self::Global),
            Some(_) => {
                let detail = "must be local, others or global";
                Err(Error::Invalid(vec![FieldError::new("scope", "unknown", detail)]))
            }
        }
    }
}

/// The sessions that a request names.
struct Named {
    /// One, or those of both cookies if they differ. None if the session of the request has ended already.
    tokens: Vec<VerifiedToken>,
    /// Whether cookies name them.
    by_cookies: bool,
}

pub(crate) async fn log_out(
    State(login): State<Arc<Login>>,
    headers: HeaderMap,
    request: Request,
) -> Result<Response, FormRejection> {
    let refused = |error: &Error| audit::record_refusal(Attempt::LogOut, None, error);
    let (now, is_form) = (login.clock.now(), browser::wants_page(&headers));
    let fields = Fields::from_body(request, &["scope", "refresh_token", "password"]).await?;
    if is_form {
        browser::check_origin(&headers).inspect_err(refused)?;
    }
    let scope = Scope::parse(&fields)?;
    let named = match login.named_sessions(&fields, &headers, now).await.inspect_err(refused) {
        Err(error) if is_form && error.asks_to_log_in() => return Ok(login.not_logged_out(scope)),
        named => named?,
    };
    match scope {
        Scope::Others => login.log_out_others(&named, &fields, is_form, now).await,
        Scope::Local | Scope::Global => {
            let ended = login.end_sessions(&named.tokens, scope, now).await?;
            Ok(login.logged_out(scope, ended, is_form, named.by_cookies))
        }
    }
}

impl Login {
    /// The sessions that a request names: by a refresh token in its body, by an access token in a header, or by its
    /// cookies, which are independent credentials.
    async fn named_sessions(&self, fields: &Fields, headers: &HeaderMap, now: UnixMillis) -> Result<Named, Error> {
        if let Some(text) = fields.get("refresh_token") {
            let tokens = named([self.session_by_refresh_token(text, now).await])?;
            return Ok(Named { tokens, by_cookies: false });
        }
        if let Some(token) = self.header_token(headers, now).await? {
            return Ok(Named { tokens: vec![token], by_cookies: false });
        }
        self.check_cookies(headers)?;
        let cookies = [self.refresh_cookie(headers, now).await, self.access_cookie(headers, now).await];
        Ok(Named { tokens: named(cookies)?, by_cookies: true })
    }

    /// Ends sessions with audit events. Returns whether any of them was active.
    async fn end_sessions(&self, tokens: &[VerifiedToken], scope: Scope, now: UnixMillis) -> Result<bool, Error> {
        let mut ended = false;
        for token in tokens {
            let is_ended = match (token.binding, scope) {
                (TokenBinding::Session(session), Scope::Local) => self.sessions.end(token.subject, session).await?,
                // A token without session cannot be revoked alone, so all tokens and sessions of its user are.
                _ => self.end_all(*token, now).await?,
            };
            if is_ended {
                audit::record(Event::LoggedOut, token.subject);
            }
            ended |= is_ended;
        }
        Ok(ended)
    }

    /// Ends all sessions, unless the token is revoked: an old token must not log the user out.
    async fn end_all(&self, token: VerifiedToken, now: UnixMillis) -> Result<bool, Error> {
        match self.authorized(token, now).await {
            // A conflict means that the account has been deleted, and its sessions with it.
            Ok(caller) => Ok(self.accounts.end_all_sessions(&Account::from(&caller.user)).await? == Change::Done(())),
            Err(Error::TokenRefused(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends all sessions but the caller's. It needs the password: otherwise a stolen token could end each session of
    /// its owner as soon as it starts, and the owner could never set a new password.
    async fn log_out_others(
        &self,
        named: &Named,
        fields: &Fields,
        is_form: bool,
        now: UnixMillis,
    ) -> Result<Response, FormRejection> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::LogOut, user, error);
        let caller = match self.first_authorized(&named.tokens, now).await.inspect_err(|error| refused(None, error)) {
            Err(error) if is_form => return self.log_in_required(error),
            caller => caller?,
        };
        let token = caller.token;
        match self.end_others(caller, fields, now).await.inspect_err(|error| refused(Some(token.subject), error)) {
            Ok(()) if is_form => Ok(pages::see_other(&pages::with_notice(paths::ME, Notice::OthersLoggedOut))),
            Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
            Err(error) if is_form => self.reject_account_form(error, token, Part::Others, now).await,
            Err(error) => Err(error.into()),
        }
    }

    async fn first_authorized(&self, tokens: &[VerifiedToken], now: UnixMillis) -> Result<Caller, Error> {
        let mut refused = Error::from(RefreshRefusal::NotFound);
        // The access cookie first, as for the other forms of the account page: it decides whose page is shown.
        for token in tokens.iter().rev() {
            match self.authorized(*token, now).await {
                Err(error) if error.asks_to_log_in() => refused = error,
                caller => return caller,
            }
        }
        Err(refused)
    }

    async fn end_others(&self, mut caller: Caller, fields: &Fields, now: UnixMillis) -> Result<(), Error> {
        let password = fields.required("password").map_err(|error| Error::Invalid(vec![error]))?;
        self.confirm_password(&caller, Password::new(password)).await?;
        for _ in 0..CHANGE_ATTEMPTS {
            let account = Account::from(&caller.user);
            let change = match caller.token.binding {
                TokenBinding::Session(session) => self.accounts.end_other_sessions(&account, session).await?,
                TokenBinding::Version(_) => self.accounts.end_all_sessions(&account).await?,
            };
            if change == Change::Done(()) {
                audit::record(Event::LoggedOut, caller.token.subject);
                return Ok(());
            }
            caller = self.authorized(caller.token, now).await?;
        }
        Err(Error::Late)
    }

    /// The response to a log-out. A form reports success only if a session ended. A JSON client gets the same response
    /// to a repeated log-out, since the first response may have been lost.
    fn logged_out(&self, scope: Scope, ended: bool, is_form: bool, by_cookies: bool) -> Response {
        if !is_form {
            let mut response = StatusCode::NO_CONTENT.into_response();
            if by_cookies {
                self.cookies.clear(response.headers_mut());
            }
            return response;
        }
        let notice = if scope == Scope::Global { Notice::LoggedOutEverywhere } else { Notice::LoggedOut };
        if ended {
            self.redirect_clearing_cookies(&pages::with_notice(paths::START, notice))
        } else {
            self.not_logged_out(scope)
        }
    }

    /// The response to a form whose session is unknown or has ended already. Other sessions may be active, so for the
    /// other scopes the user has to log in.
    fn not_logged_out(&self, scope: Scope) -> Response {
        match scope {
            Scope::Local => self.redirect_clearing_cookies(paths::START),
            Scope::Others | Scope::Global => self.redirect_to_log_in(),
        }
    }
}

/// The tokens among credentials, without duplicates. Fails if no credential names a session, active or ended.
fn named(credentials: impl IntoIterator<Item = Result<VerifiedToken, Error>>) -> Result<Vec<VerifiedToken>, Error> {
    let (mut tokens, mut is_ended, mut refused) = (Vec::new(), false, Error::TokenMissing);
    for credential in credentials {
        match credential {
            Ok(token) if tokens.contains(&token) => {}
            Ok(token) => tokens.push(token),
            Err(Error::RefreshRefused(RefreshRefusal::NotFound | RefreshRefusal::Replayed)) => is_ended = true,
            Err(Error::TokenMissing) => {}
            Err(error) if error.asks_to_log_in() => refused = error,
            Err(error) => return Err(error),
        }
    }
    if tokens.is_empty() && !is_ended { Err(refused) } else { Ok(tokens) }
}
