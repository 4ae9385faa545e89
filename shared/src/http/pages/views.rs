//! What each page shows. The templates are in `shared/templates`.

use askama::Template;
use axum::http::{HeaderMap, StatusCode, Uri};

use super::{
    STYLE,
    form_errors::{FormErrors, sentence},
};
use crate::{
    domain::user::{PublicUser, User},
    http::{
        browser::{self, ReturnTo},
        error::{Error, ErrorResponse},
        request::fields::Fields,
    },
};

/// What was done, on the page that one comes to afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// There is a new account.
    SignedUp,
    /// A session ended.
    LoggedOut,
    /// All sessions ended.
    LoggedOutEverywhere,
    /// All other sessions ended.
    OthersLoggedOut,
    /// There is a new password.
    PasswordChanged,
    /// The account is gone.
    Deleted,
}

impl Notice {
    const ALL: [Self; 6] = [
        Self::SignedUp,
        Self::LoggedOut,
        Self::LoggedOutEverywhere,
        Self::OthersLoggedOut,
        Self::PasswordChanged,
        Self::Deleted,
    ];

    /// Its name in `?notice=`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "signed-up",
            Self::LoggedOut => "logged-out",
            Self::LoggedOutEverywhere => "logged-out-everywhere",
            Self::OthersLoggedOut => "others-logged-out",
            Self::PasswordChanged => "password-changed",
            Self::Deleted => "deleted",
        }
    }

    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Self::SignedUp => "Your account is ready. Log in to begin.",
            Self::LoggedOut => "You are logged out.",
            Self::LoggedOutEverywhere => "You are logged out on every device.",
            Self::OthersLoggedOut => "You are logged out on all other devices.",
            Self::PasswordChanged => "Your password is changed, and you are logged out on all other devices.",
            Self::Deleted => "Your account is deleted.",
        }
    }

    /// `?notice=`, where a page of this site led here: no other one can have us say what did not happen.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let fields = Fields::from_query(uri.query()?, &["notice"]).ok()?;
        let name = fields.get("notice")?;
        Self::ALL.into_iter().find(|notice| notice.name() == name).filter(|_| browser::is_same_origin(headers))
    }
}

/// `GET /` and the log-in.
#[derive(Clone, Template)]
#[template(path = "log_in.html")]
pub struct LogInPage {
    /// Where the form goes: `JWT_AUTH_URL_RULE`.
    pub action: String,
    /// What the field for the address is called.
    pub email_field: String,
    /// What the field for the password is called.
    pub password_field: String,
    /// The address that was typed.
    pub email: String,
    /// No password was typed.
    pub lacks_password: bool,
    /// Where to go on.
    pub return_to: Option<ReturnTo>,
    /// What was done before.
    pub notice: Option<Notice>,
    /// Why it comes back.
    pub failure: Option<FormErrors>,
}

impl LogInPage {
    /// What was left out.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let lacks = [("email", self.email.trim().is_empty()), ("password", self.lacks_password)];
        lacks.into_iter().filter_map(|(name, lacks)| lacks.then_some(name)).collect()
    }
}

/// Sign-up.
#[derive(Clone, Template)]
#[template(path = "sign_up.html")]
pub struct SignUpPage {
    /// The name that was typed.
    pub name: String,
    /// The address that was typed.
    pub email: String,
    /// Which passwords are taken.
    pub hint: String,
    /// Why it comes back.
    pub failure: Option<FormErrors>,
}

impl SignUpPage {
    /// The page before anything was typed.
    pub fn new(password_min_length: usize) -> Self {
        let hint = format!(
            "At least {password_min_length} characters that are not easily guessed, such as four random words."
        );
        Self { name: String::new(), email: String::new(), hint, failure: None }
    }
}

/// A page of users.
#[derive(Template)]
#[template(path = "users.html")]
pub struct UsersPage<'a> {
    /// Who is signed in.
    pub caller: &'a PublicUser,
    /// The users.
    pub users: &'a [PublicUser],
    /// It is not the first page.
    pub is_further: bool,
    /// Path and query of the first page.
    pub first: String,
    /// And of the next one, if there is one.
    pub next: Option<String>,
}

/// The part of the account's page that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A new password.
    Password,
    /// The end of the account.
    Deletion,
    /// Another one.
    Other,
}

/// One's own account.
#[derive(Clone, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// Whose it is.
    pub user: User,
    /// Which form was refused.
    pub part: Part,
    /// What was done before.
    pub notice: Option<Notice>,
    /// Why it comes back.
    pub failure: Option<FormErrors>,
}

impl AccountPage {
    /// The page before anything was typed.
    pub fn new(user: User) -> Self {
        Self { user, part: Part::Other, notice: None, failure: None }
    }

    /// The field with the password that was compared.
    pub(super) fn compared(&self) -> &'static str {
        match self.part {
            Part::Deletion => "password",
            Part::Password | Part::Other => "current_password",
        }
    }
}

/// A refusal without a form.
#[derive(Template)]
#[template(path = "refused.html")]
pub(super) struct RefusedPage {
    heading: &'static str,
    sentence: String,
    /// Only who is signed in hears this.
    has_account: bool,
}

impl RefusedPage {
    pub(super) fn new(error: &Error, refusal: &ErrorResponse) -> Self {
        let heading = match refusal.status {
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::NOT_FOUND => "Page not found",
            StatusCode::TOO_MANY_REQUESTS => "Too many tries",
            StatusCode::SERVICE_UNAVAILABLE => "Not available right now",
            status if status.is_server_error() => "Something went wrong",
            _ => "That did not work",
        };
        Self { heading, sentence: sentence(error, refusal), has_account: matches!(error, Error::Forbidden) }
    }
}
