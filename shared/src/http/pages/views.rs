//! The data of each page. The templates are in `shared/templates`.

use askama::Template;
use axum::http::StatusCode;

use crate::{
    domain::{
        session::{ListedSession, SessionId},
        user::{PublicUser, User},
    },
    http::{
        browser::ReturnTo,
        error::{Error, response::ErrorResponse},
        pages::{
            form_errors::{FormErrors, user_message},
            notice::Notice,
            response::STYLE,
            sessions::SessionRow,
        },
    },
};

/// The log-in, which is also the start page.
#[derive(Clone, Template)]
#[template(path = "log_in.html")]
pub struct LogInPage {
    /// The path that the form is sent to: `JWT_AUTH_URL_RULE`.
    pub action: String,
    /// The name of the field for the email address: `JWT_AUTH_USERNAME_KEY`.
    pub email_field: String,
    /// The name of the field for the password: `JWT_AUTH_PASSWORD_KEY`.
    pub password_field: String,
    /// The address that the user typed.
    pub email: String,
    /// Whether the user left the password empty.
    pub lacks_password: bool,
    /// Whether the page links to the sign-up.
    pub offers_sign_up: bool,
    /// The page that follows the log-in.
    pub return_to: Option<ReturnTo>,
    /// What the user did before.
    pub notice: Option<Notice>,
    /// Why the form was refused.
    pub errors: Option<FormErrors>,
}

impl LogInPage {
    /// The fields that the user left empty.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let lacks = [("email", self.email.trim().is_empty()), ("password", self.lacks_password)];
        lacks.into_iter().filter_map(|(name, lacks)| lacks.then_some(name)).collect()
    }
}

/// Sign-up.
#[derive(Clone, Template)]
#[template(path = "sign_up.html")]
pub struct SignUpPage {
    /// The name that the user typed.
    pub name: String,
    /// The address that the user typed.
    pub email: String,
    /// The rule for passwords.
    pub hint: String,
    /// Why the form was refused.
    pub errors: Option<FormErrors>,
}

impl SignUpPage {
    /// The page with an empty form.
    pub fn new(password_min_length: usize) -> Self {
        let hint =
            format!("Use at least {password_min_length} characters that are hard to guess, such as four random words.");
        Self { name: String::new(), email: String::new(), hint, errors: None }
    }
}

/// A page of the list of users.
#[derive(Template)]
#[template(path = "users.html")]
pub struct UsersPage<'a> {
    /// The logged-in user.
    pub caller: &'a PublicUser,
    /// The users.
    pub users: &'a [PublicUser],
    /// Whether this is not the first page.
    pub is_further: bool,
    /// Path and query of the first page.
    pub first: String,
    /// Path and query of the next page, if there is one.
    pub next: Option<String>,
}

/// A form on the account page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The change of the password.
    Password,
    /// The log-out on another device.
    Sessions,
    /// The log-out on all other devices.
    Others,
    /// The deletion of the account.
    Deletion,
    /// Any other form.
    Other,
}

/// The caller's own account.
#[derive(Clone, Template)]
#[template(path = "account.html")]
pub struct AccountPage {
    /// The caller.
    pub user: User,
    /// The caller's sessions.
    pub(super) sessions: Vec<SessionRow>,
    /// The form that was refused.
    pub part: Part,
    /// What the user did before.
    pub notice: Option<Notice>,
    /// Why the form was refused.
    pub errors: Option<FormErrors>,
}

impl AccountPage {
    /// The page with empty forms. `current` is the caller's session.
    pub fn new(user: User, sessions: &[ListedSession], current: Option<SessionId>) -> Self {
        Self { user, sessions: SessionRow::list(sessions, current), part: Part::Other, notice: None, errors: None }
    }

    /// Whether the user is logged in elsewhere too.
    pub(super) fn has_other_sessions(&self) -> bool {
        self.sessions.iter().any(|session| !session.is_current)
    }

    /// The field with the password that was verified.
    pub(super) fn password_field(&self) -> &'static str {
        match self.part {
            Part::Sessions if self.has_other_sessions() => "session_password",
            Part::Others | Part::Sessions => "others_password",
            Part::Deletion => "password",
            Part::Password | Part::Other => "current_password",
        }
    }
}

/// An error without a form.
#[derive(Template)]
#[template(path = "error.html")]
pub(super) struct ErrorPage {
    heading: &'static str,
    message: String,
    /// Whether the user is logged in, so the page links to their account.
    is_logged_in: bool,
}

impl ErrorPage {
    pub(super) fn new(error: &Error, response: &ErrorResponse) -> Self {
        let heading = match response.status {
            _ if matches!(error, Error::SignUpClosed) => "Sign-up is closed",
            StatusCode::FORBIDDEN => "Not allowed",
            StatusCode::NOT_FOUND => "Page not found",
            StatusCode::TOO_MANY_REQUESTS => "Too many attempts",
            StatusCode::SERVICE_UNAVAILABLE => "Service unavailable",
            status if status.is_server_error() => "Something went wrong",
            _ => "Invalid request",
        };
        Self { heading, message: user_message(error, response), is_logged_in: matches!(error, Error::Forbidden) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::SecurityProfile,
        domain::{
            authorization::PasswordRefusal,
            session::{RefreshToken, SessionClient},
            time::UnixSeconds,
            user::{PublicId, UserClaims},
        },
        http::{
            error::{ErrorStyle, FieldError},
            pages::form_errors::FieldMessage,
        },
    };

    #[test]
    fn an_error_of_a_password_is_shown_at_the_form_that_was_refused() {
        let style = ErrorStyle { profile: SecurityProfile::Strict, realm: None };
        let profile =
            PublicUser { public_id: PublicId::random(), name: "Ada".to_owned(), email: "ada@example.com".to_owned() };
        let user = User { profile, groups: Vec::new(), claims: UserClaims::default(), disabled: false, version: 0 };
        let other = ListedSession {
            id: RefreshToken::new(user.profile.public_id).unwrap().session(),
            created_at: None,
            used_at: None,
            expires_at: UnixSeconds::new(1),
            client: SessionClient::default(),
        };
        for (part, id, missing) in [
            (Part::Sessions, "session_password", "Password to log out a device is required."),
            (Part::Others, "others_password", "Your password is required."),
            (Part::Deletion, "password", "Password is required."),
        ] {
            for (error, message) in [
                (Error::PasswordNotConfirmed(PasswordRefusal::Wrong), "The password is incorrect."),
                (Error::Invalid(vec![FieldError::required("password")]), missing),
            ] {
                let page = AccountPage { part, ..AccountPage::new(user.clone(), std::slice::from_ref(&other), None) };
                let errors = FormErrors::new(&error, &error.to_response(&style), page.password_field(), &[]);
                assert_eq!(errors.fields(), [FieldMessage { id, message: message.to_owned() }]);
                let page = AccountPage { errors: Some(errors), ..page }.render().unwrap();
                assert!(page.contains(&format!("<a href=\"#{id}\">{message}</a>")), "{page}");
                assert!(page.contains(&format!("<p class=\"error\" id=\"{id}-error\">{message}</p>")), "{page}");
                assert_eq!(page.matches("aria-invalid").count() - page.matches("[aria-invalid]").count(), 1, "{page}");
            }
        }
    }
}
