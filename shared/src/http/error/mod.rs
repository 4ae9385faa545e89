//! Everything that can go wrong with a request, and the one place that chooses its status.

use std::{fmt, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::{
    aws::store::StoreError,
    config::{ResponseSettings, SecurityProfile},
    domain::{
        authorization::{RefreshRefusal, TokenRefusal},
        password::{HashError, PasswordError},
        token::TokenError,
        user::{EmailError, NameError},
    },
};

/// A request that is not answered as its sender hoped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such path.
    #[error("no such path")]
    NotFound,
    /// Discovery, where the issuer is no URL.
    #[error("issuer is no URL")]
    NoIssuer,
    /// A path that does not know the method.
    #[error("method is not allowed here")]
    MethodNotAllowed,
    /// A request that cannot be read. The text says what to mend.
    #[error("request cannot be read: {detail}")]
    Malformed {
        /// Stable name of the mistake.
        code: &'static str,
        /// What to mend.
        detail: String,
    },
    /// A body of a type that is not taken.
    #[error("type of the body is not taken")]
    UnsupportedMediaType,
    /// A body of more than 64 KiB.
    #[error("body is too large")]
    BodyTooLarge,
    /// Fields that break a rule: all of them at once.
    #[error("fields break a rule")]
    Invalid(Vec<FieldError>),
    /// Sign-up with an address that has an account.
    #[error("address has an account")]
    EmailTaken,
    /// Log-in without an address or without a password.
    #[error("log-in without address or password")]
    CredentialsMissing,
    /// Log-in with an address that has no account.
    #[error("log-in of an unknown user")]
    UnknownUser,
    /// Log-in with another password than the account's.
    #[error("log-in with a wrong password")]
    WrongPassword,
    /// Log-in to an account that is disabled, with its password. The answer is that of a wrong one: who has the password of a
    /// disabled account learns no more than who has not.
    #[error("log-in of a disabled user")]
    Disabled,
    /// More tries than the throttle takes.
    #[error("too many tries")]
    Throttled {
        /// How long to wait before the next one.
        wait: Duration,
    },
    /// A call without a token.
    #[error("token is missing")]
    TokenMissing,
    /// A token that is not taken.
    #[error("token is refused")]
    TokenRefused(#[source] TokenRefusal),
    /// A refresh token that is not taken, whatever the reason.
    #[error("refresh token is refused")]
    RefreshRefused(#[source] RefreshRefusal),
    /// Another password than the account's, where one who is signed in has to give it once more.
    #[error("signed-in user gave a wrong password")]
    PasswordNotConfirmed,
    /// A user who is not in the group that may list users.
    #[error("user is not in the group that may do this")]
    Forbidden,
    /// A form that another site had a browser send.
    #[error("request comes from another site")]
    CrossSite,
    /// The database failed.
    #[error("database failed")]
    Store(#[from] StoreError),
    /// It took too long, or others were always faster. What became of it is not known.
    #[error("not done in time")]
    Late,
    /// A password could not be hashed.
    #[error("password hash failed")]
    Hash(#[from] HashError),
    /// A token could not be signed.
    #[error("token could not be signed")]
    Sign(#[from] jsonwebtoken::errors::Error),
    /// The operating system gave no random octets, or a digest failed.
    #[error("random octets could not be had")]
    Random(#[from] aws_lc_rs::error::Unspecified),
    /// A page could not be written.
    #[error("page could not be written")]
    Page(#[from] askama::Error),
    /// A handler panicked. The panic hook has written where.
    #[error("handler panicked")]
    Panic,
}

/// How error responses are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorStyle {
    /// Determines statuses and messages.
    pub profile: SecurityProfile,
    /// `JWT_DEFAULT_REALM`, if set.
    pub realm: Option<String>,
}

impl From<&ResponseSettings> for ErrorStyle {
    fn from(settings: &ResponseSettings) -> Self {
        Self { profile: settings.profile, realm: settings.realm.clone() }
    }
}

impl ErrorStyle {
    /// The realm of a challenge (RFC 9110 section 11.5).
    pub fn realm(&self) -> &str {
        self.realm.as_deref().unwrap_or("Login required")
    }

    /// The challenge of a call that requires a token (RFC 6750 section 3).
    pub(crate) fn bearer(&self) -> String {
        format!("Bearer realm=\"{}\"", self.realm())
    }
}

impl From<RefreshRefusal> for Error {
    fn from(refusal: RefreshRefusal) -> Self {
        Self::RefreshRefused(refusal)
    }
}

impl From<TokenError> for Error {
    fn from(error: TokenError) -> Self {
        Self::TokenRefused(error.into())
    }
}

impl From<TokenRefusal> for Error {
    fn from(refusal: TokenRefusal) -> Self {
        Self::TokenRefused(refusal)
    }
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// Stable name of the rule.
    pub code: &'static str,
    /// The rule in words.
    pub detail: String,
}

impl FieldError {
    /// `field` breaks the rule that `code` names.
    pub fn new(field: &str, code: &'static str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), code, detail: detail.to_string() }
    }

    /// `field` is not there, or empty.
    pub fn required(field: &str) -> Self {
        Self::new(field, "required", "is required")
    }
}

impl From<NameError> for FieldError {
    fn from(error: NameError) -> Self {
        let code = match error {
            NameError::Empty => "required",
            NameError::TooLong => "too-long",
            NameError::ControlCharacter => "control-character",
        };
        Self::new("name", code, error)
    }
}

impl From<EmailError> for FieldError {
    fn from(error: EmailError) -> Self {
        let code = match error {
            EmailError::Malformed => "malformed",
            EmailError::TooLong => "too-long",
        };
        Self::new("email", code, error)
    }
}

impl FieldError {
    /// The same rule, broken by another field.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }
}

impl From<PasswordError> for FieldError {
    fn from(error: PasswordError) -> Self {
        let code = match error {
            PasswordError::TooShort { .. } => "too-short",
            PasswordError::TooLong => "too-long",
        };
        Self::new("password", code, error)
    }
}

/// How an error is put to the client.
pub(crate) struct ErrorResponse {
    pub(crate) status: StatusCode,
    /// Stable name of the problem, for programs.
    pub(crate) code: &'static str,
    /// The tutorial's sentence, where it has one.
    pub(crate) message: Option<&'static str>,
    /// What to do, for people.
    pub(crate) detail: String,
    /// `WWW-Authenticate`.
    pub(crate) challenge: Option<String>,
}

impl Error {
    /// Why somebody was refused, for the audit lines: a stable code. `None` where the request could not be read, or we failed.
    pub fn reason(&self) -> Option<&'static str> {
        Some(match self {
            Self::EmailTaken => "email-taken",
            Self::UnknownUser => "unknown-user",
            Self::WrongPassword | Self::PasswordNotConfirmed => "wrong-password",
            Self::Disabled => "user-disabled",
            Self::Throttled { .. } => "too-many-requests",
            Self::TokenMissing => "token-missing",
            Self::TokenRefused(refusal) | Self::RefreshRefused(RefreshRefusal::Token(refusal)) => refusal.reason(),
            Self::RefreshRefused(RefreshRefusal::Malformed) => "refresh-token-malformed",
            Self::RefreshRefused(RefreshRefusal::Off) => "no-sessions",
            Self::RefreshRefused(RefreshRefusal::NotFound) => "session-ended",
            Self::RefreshRefused(RefreshRefusal::Replayed) => "refresh-token-replayed",
            Self::Forbidden => "not-in-group",
            Self::CrossSite => "cross-site",
            Self::NotFound
            | Self::NoIssuer
            | Self::MethodNotAllowed
            | Self::Malformed { .. }
            | Self::UnsupportedMediaType
            | Self::BodyTooLarge
            | Self::Invalid(_)
            | Self::CredentialsMissing
            | Self::Store(_)
            | Self::Late
            | Self::Hash(_)
            | Self::Sign(_)
            | Self::Random(_)
            | Self::Page(_)
            | Self::Panic => return None,
        })
    }

    /// Whether logging in is what helps.
    pub fn asks_to_log_in(&self) -> bool {
        matches!(self, Self::TokenMissing | Self::TokenRefused(_) | Self::RefreshRefused(_))
    }

    /// Whether a new access token of the same session is what helps.
    pub fn asks_to_refresh(&self) -> bool {
        matches!(
            self,
            Self::TokenMissing | Self::TokenRefused(TokenRefusal::Token(TokenError::Expired | TokenError::UnknownKey))
        )
    }

    /// The answer, in the words of the profile.
    #[expect(clippy::too_many_lines, reason = "one arm for each error")]
    pub(crate) fn refusal(&self, style: &ErrorStyle) -> ErrorResponse {
        use StatusCode as S;
        let tutorial = style.profile == SecurityProfile::Tutorial;
        let basic = |realm: &str| Some(format!("Basic realm=\"{realm}\""));
        let bearer = |error: &str| Some(style.bearer() + error);
        let plain = |status, code, detail: &str| ErrorResponse {
            status,
            code,
            message: None,
            detail: detail.to_owned(),
            challenge: None,
        };
        match self {
            Self::NotFound => plain(S::NOT_FOUND, "not-found", "There is nothing at this path."),
            Self::NoIssuer => plain(
                S::NOT_FOUND,
                "no-issuer-url",
                "There is no configuration to discover: it takes the URL of this API in JWT_ISSUER.",
            ),
            Self::MethodNotAllowed => plain(
                S::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "This path does not know the method; the header Allow names those it knows.",
            ),
            Self::Malformed { code, detail } => plain(S::BAD_REQUEST, code, detail),
            Self::UnsupportedMediaType => plain(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "Send one Content-Type: application/json, application/x-www-form-urlencoded or multipart/form-data, in UTF-8.",
            ),
            Self::BodyTooLarge => {
                plain(S::PAYLOAD_TOO_LARGE, "body-too-large", "The body must not be larger than 64 KiB.")
            }
            Self::Invalid(_) => {
                plain(S::UNPROCESSABLE_ENTITY, "invalid-fields", "Some fields break a rule; errors names each of them.")
            }
            Self::EmailTaken => ErrorResponse {
                // The tutorial's 202 is a success by its number, and its clients take it for one.
                status: if tutorial { S::ACCEPTED } else { S::CONFLICT },
                message: Some("User already exists. Please Log in."),
                ..plain(S::CONFLICT, "email-taken", "There is an account for this e-mail address.")
            },
            Self::CredentialsMissing => ErrorResponse {
                message: Some("Could not verify"),
                challenge: match &style.realm {
                    None if tutorial => basic("Login required !!"),
                    _ => basic(style.realm()),
                },
                ..plain(S::UNAUTHORIZED, "credentials-missing", "Send an e-mail address and a password.")
            },
            Self::UnknownUser if tutorial => ErrorResponse {
                message: Some("Could not verify"),
                challenge: basic("User does not exist !!"),
                ..plain(S::UNAUTHORIZED, "unknown-user", "There is no account for this e-mail address.")
            },
            Self::WrongPassword | Self::Disabled if tutorial => ErrorResponse {
                message: Some("Could not verify"),
                challenge: basic("Wrong Password !!"),
                ..plain(S::FORBIDDEN, "wrong-password", "The password is not the account's.")
            },
            Self::UnknownUser | Self::WrongPassword | Self::Disabled => ErrorResponse {
                message: Some("Could not verify"),
                challenge: basic(style.realm()),
                ..plain(S::UNAUTHORIZED, "invalid-credentials", "The e-mail address or the password is wrong.")
            },
            Self::Throttled { .. } => plain(
                S::TOO_MANY_REQUESTS,
                "too-many-requests",
                "There were too many tries; wait for as many seconds as Retry-After says.",
            ),
            Self::TokenMissing => ErrorResponse {
                message: Some("Token is missing !!"),
                challenge: bearer(""),
                ..plain(
                    S::UNAUTHORIZED,
                    "token-missing",
                    "Send a token in Authorization: Bearer, or in x-access-token.",
                )
            },
            Self::TokenRefused(_) => ErrorResponse {
                message: Some("Token is invalid !!"),
                challenge: bearer(", error=\"invalid_token\""),
                ..plain(S::UNAUTHORIZED, "invalid-token", "The token is not valid, or no longer; log in for a new one.")
            },
            Self::RefreshRefused(_) => ErrorResponse {
                challenge: bearer(", error=\"invalid_token\""),
                ..plain(
                    S::UNAUTHORIZED,
                    "invalid-refresh-token",
                    "The refresh token is not valid, or no longer; log in again.",
                )
            },
            Self::PasswordNotConfirmed => ErrorResponse {
                challenge: bearer(""),
                ..plain(S::UNAUTHORIZED, "wrong-password", "The password is not the account's.")
            },
            Self::Forbidden => plain(S::FORBIDDEN, "forbidden", "You are signed in, but not allowed to do this."),
            Self::CrossSite => plain(
                S::FORBIDDEN,
                "cross-site",
                "This form was not sent from a page of this site. Open the page here, and send it again.",
            ),
            Self::Store(StoreError::Unavailable { .. }) | Self::Late => {
                plain(S::SERVICE_UNAVAILABLE, "unavailable", "The service cannot do this now; try again in a moment.")
            }
            Self::Store(StoreError::Corrupt { .. })
            | Self::Hash(_)
            | Self::Sign(_)
            | Self::Random(_)
            | Self::Page(_)
            | Self::Panic => plain(
                S::INTERNAL_SERVER_ERROR,
                "internal-error",
                "The service failed; its operator can find out why by the x-request-id.",
            ),
        }
    }
}

/// Hands the error on to [`crate::http::service`], which knows the style and the request.
/// An error that does not pass there would be an empty 500.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
