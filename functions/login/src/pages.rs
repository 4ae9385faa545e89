//! What browsers have of log-in: its page, cookies, and forms that come back.

use std::{sync::Arc, time::SystemTime};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use shared::{
    domain::{client_ip::ClientAddress, password::Password, token::VerifiedToken},
    http::{
        browser::{self, ReturnTo, cookies::TokenCookies},
        error::Error,
        pages::{self, AccountPage, Form, FormRejection, LogInPage, Notice, Part},
        paths,
        request::fields::Fields,
        telemetry::audit::{self, Attempt},
    },
};

use crate::{Login, SignedIn, log_out::Scope};

/// `GET /`: to the users for who is signed in, else the log-in.
pub(crate) async fn start(State(login): State<Arc<Login>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    // Who comes with a query was sent here from there.
    if uri.query().is_none() && login.has_cookies(&headers) {
        return Ok(pages::see_other(ReturnTo::default().as_str()));
    }
    login.show_log_in(&headers, &uri)
}

/// `GET /login`, or where `JWT_AUTH_URL_RULE` puts it.
pub(crate) async fn log_in(State(login): State<Arc<Login>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    login.show_log_in(&headers, &uri)
}

/// `GET /refresh`: new cookies for a browser whose access token is over, and back to where it was. Other sites can lead here as
/// well: that renews what is there, and tells them nothing.
pub(crate) async fn renew(State(login): State<Arc<Login>>, headers: HeaderMap, uri: Uri) -> Result<Response, Error> {
    let return_to = ReturnTo::from_query(&uri).unwrap_or_default();
    let renewed = match login.cookies.refresh_token(&headers) {
        Ok(Some(text)) => login.refreshed(text).await,
        Ok(None) => Err(Error::TokenMissing),
        Err(refusal) => Err(refusal.into()),
    };
    match renewed {
        Ok(answer) => Ok(login.redirect_with_cookies(&answer, return_to.as_str())),
        Err(error) if error.asks_to_log_in() => {
            Ok(login.redirect_clearing_cookies(&format!("/{}", return_to.to_query())))
        }
        Err(error) => Err(error),
    }
}

impl Login {
    fn has_cookies(&self, headers: &HeaderMap) -> bool {
        let found = [self.cookies.access_token(headers), self.cookies.refresh_token(headers)];
        found.into_iter().any(|token| !matches!(token, Ok(None)))
    }

    fn show_log_in(&self, headers: &HeaderMap, uri: &Uri) -> Result<Response, Error> {
        let return_to = ReturnTo::from_query(uri);
        let notice = Notice::of(uri, headers);
        pages::show(StatusCode::OK, &LogInPage { return_to, notice, ..self.log_in_page() })
    }

    fn log_in_page(&self) -> LogInPage {
        LogInPage {
            action: self.call.path.clone(),
            email_field: self.call.email_field.clone(),
            password_field: self.call.password_field.clone(),
            email: String::new(),
            lacks_password: false,
            return_to: None,
            notice: None,
            errors: None,
        }
    }

    pub(crate) async fn log_in_by_form(
        &self,
        client: ClientAddress,
        headers: &HeaderMap,
        request: Request,
    ) -> Result<Response, FormRejection> {
        browser::check_origin(headers).inspect_err(|error| audit::record_refusal(Attempt::LogIn, None, error))?;
        let (email_field, password_field) = (&self.call.email_field, &self.call.password_field);
        let fields = Fields::from_body(request, &[email_field, password_field, "return_to"]).await?;
        let (email, password) = (fields.get(email_field).unwrap_or_default(), fields.get(password_field));
        let page = LogInPage {
            email: email.to_owned(),
            lacks_password: password.is_none(),
            return_to: fields.get("return_to").and_then(ReturnTo::parse),
            ..self.log_in_page()
        };
        let outcome = match password {
            Some(password) if !email.trim().is_empty() => self.log_in(email, Password::new(password), client).await,
            _ => Err(Error::CredentialsMissing),
        };
        match outcome {
            Ok(answer) => Ok(self.redirect_with_cookies(&answer, page.return_to.unwrap_or_default().as_str())),
            Err(error) => Err(FormRejection::new(error, Form::LogIn(page))),
        }
    }

    pub(crate) async fn log_out_by_form(
        &self,
        headers: &HeaderMap,
        fields: &Fields,
        now: SystemTime,
    ) -> Result<Response, FormRejection> {
        let caller = self.caller(headers, true, now).await;
        let caller = match caller.inspect_err(|error| audit::record_refusal(Attempt::LogOut, None, error)) {
            Ok(caller) => Some(caller),
            Err(error) if error.asks_to_log_in() => None,
            Err(error) => return Err(error.into()),
        };
        let scope = Scope::parse(fields)?;
        let ended = match caller {
            Some(caller) => self.log_out(caller, scope, now).await?,
            None => false,
        };
        Ok(match scope {
            // Somebody who is out already may have other sessions that go on.
            Scope::Global if !ended => self.log_in_first(),
            Scope::Local => self.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::LoggedOut)),
            Scope::Others => pages::see_other(&pages::with_notice(paths::ME, Notice::OthersLoggedOut)),
            Scope::Global => {
                self.redirect_clearing_cookies(&pages::with_notice(paths::START, Notice::LoggedOutEverywhere))
            }
        })
    }

    /// Who sent a request. A form may be older than its access token: the session vouches for it as well.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        is_page: bool,
        now: SystemTime,
    ) -> Result<VerifiedToken, Error> {
        if !is_page {
            return self.verified(headers, now).await;
        }
        browser::check_origin(headers)?;
        match self.verified(headers, now).await {
            Err(error) if error.asks_to_refresh() => match self.cookies.refresh_token(headers)? {
                Some(text) => self.session_of(text, now).await?.ok_or(error),
                None => Err(error),
            },
            caller => caller,
        }
    }

    /// Sends a browser on, signed in.
    pub(crate) fn redirect_with_cookies(&self, answer: &SignedIn, place: &str) -> Response {
        let mut response = pages::see_other(place);
        let refresh = answer.renewal.as_ref();
        let refresh = refresh.map(|renewal| (renewal.refresh_token.as_str(), renewal.refresh_expires_in));
        self.cookies.set(response.headers_mut(), &TokenCookies { access: (&answer.token, answer.expires_in), refresh });
        response
    }

    /// Sends a browser on, signed out.
    pub(crate) fn redirect_clearing_cookies(&self, place: &str) -> Response {
        let mut response = pages::see_other(place);
        self.cookies.clear(response.headers_mut());
        response
    }

    fn log_in_first(&self) -> Response {
        self.redirect_clearing_cookies(&format!("/{}", ReturnTo::account().to_query()))
    }

    /// Has who is not signed in, or no longer, log in and come back to their account.
    pub(crate) fn redirect_to_log_in(&self, error: Error) -> Result<Response, FormRejection> {
        if error.asks_to_log_in() { Ok(self.log_in_first()) } else { Err(error.into()) }
    }

    /// The account's page once more, with what was wrong on it.
    pub(crate) async fn return_account(
        &self,
        error: Error,
        caller: &VerifiedToken,
        part: Part,
        now: SystemTime,
    ) -> Result<Response, FormRejection> {
        if error.asks_to_log_in() {
            return self.redirect_to_log_in(error);
        }
        let record = self.callers.find(caller.subject, caller.session()).await;
        match record.map(|record| caller.authorize(record, now)) {
            Ok(Ok(user)) => {
                Err(FormRejection::new(error, Form::Account(AccountPage { part, ..AccountPage::new(user) })))
            }
            // A page without the form will do.
            Ok(Err(_)) | Err(_) => Err(error.into()),
        }
    }
}
