//! Every way a request can fail, and the one place that chooses the status.

pub(crate) mod field;
mod problem;
mod profile;
pub(crate) mod response;

use std::{sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};

use self::response::{ErrorResponse, whole_seconds};
pub use self::{field::FieldError, response::ErrorStyle};
use crate::{
    aws::store::StoreError,
    domain::{
        authorization::{PasswordRefusal, RefreshRefusal, TokenRefusal},
        password::HashError,
        token::{IssueError, TokenError},
    },
};

/// Every way a request can fail.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No route has the path.
    #[error("no route has this path")]
    NotFound,
    /// A session that the caller does not have, or that has ended.
    #[error("session does not exist")]
    SessionNotFound,
    /// Discovery without an issuer URL.
    #[error("JWT_ISSUER is not a URL")]
    NoIssuer,
    /// The route does not support the method.
    #[error("method is not allowed for this path")]
    MethodNotAllowed,
    /// The path or the query is longer than [`MAX_URI`](crate::http::service::MAX_URI).
    #[error("URI is too long")]
    UriTooLong,
    /// The request cannot be parsed.
    #[error("request cannot be parsed: {detail}")]
    Malformed {
        /// Stable code.
        code: &'static str,
        /// What is wrong, as a sentence for the client.
        detail: String,
    },
    /// The body's media type is not supported.
    #[error("media type of the body is not supported")]
    UnsupportedMediaType,
    /// The body is longer than [`MAX_BODY`](crate::http::request::body::MAX_BODY).
    #[error("body is too large")]
    BodyTooLarge,
    /// All the fields that break a rule.
    #[error("fields are invalid")]
    Invalid(Vec<FieldError>),
    /// Sign-up while `SIGNUP` is `closed`.
    #[error("sign-up is closed")]
    SignUpClosed,
    /// Sign-up with an address that already has an account.
    #[error("email address already has an account")]
    EmailTaken,
    /// Log-in without an address or without a password.
    #[error("email address or password is missing")]
    CredentialsMissing,
    /// Log-in with an address that has no account.
    #[error("email address has no account")]
    UnknownUser,
    /// Log-in with a password that is not accepted.
    #[error("password is refused")]
    WrongPassword(PasswordRefusal),
    /// Log-in to a disabled account with its password. The response is that to a wrong password, so it does not confirm
    /// the password.
    #[error("user is disabled")]
    Disabled,
    /// A rate limit.
    #[error("rate limit exceeded")]
    Throttled {
        /// Time until the next attempt is allowed.
        wait: Duration,
    },
    /// A request that needs a token and has none.
    #[error("token is missing")]
    TokenMissing,
    /// An access token that is not accepted.
    #[error("token is refused")]
    TokenRefused(#[source] TokenRefusal),
    /// A refresh token that is not accepted.
    #[error("refresh token is refused")]
    RefreshRefused(#[source] RefreshRefusal),
    /// An authenticated user confirmed an operation with a password that is not accepted.
    #[error("confirmation password is refused")]
    PasswordNotConfirmed(PasswordRefusal),
    /// The user is not in the group that may list users.
    #[error("user is not in the required group")]
    Forbidden,
    /// A form or script of another site (CSRF).
    #[error("request comes from another site")]
    CrossSite,
    /// The database failed.
    #[error("database failed")]
    Store(#[from] StoreError),
    /// The time limit passed, or concurrent changes won every retry. The outcome is unknown.
    #[error("request timed out")]
    Late,
    /// A password could not be hashed.
    #[error("password hash failed")]
    Hash(#[from] HashError),
    /// A token could not be issued.
    #[error("token could not be issued")]
    Issue(#[from] IssueError),
    /// The operating system's generator or a digest failed.
    #[error("random bytes or a digest could not be produced")]
    Random(#[from] aws_lc_rs::error::Unspecified),
    /// A page could not be rendered.
    #[error("page could not be rendered")]
    Page(#[from] askama::Error),
    /// A handler panicked. The panic hook has logged the location.
    #[error("handler panicked")]
    Panic,
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

/// What an error says about the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The service judged the request and refused it. The code is stable: audit events and metrics carry it.
    Refused(&'static str),
    /// The request cannot be judged: it is malformed, or asks for something that does not exist.
    Malformed,
    /// The service did not complete the request. The outcome may be unknown.
    Failed,
}

impl ErrorKind {
    /// Whether the request was judged and refused. A guess whose outcome is any other error was not judged, so the rate
    /// limiter refunds it.
    ///
    /// ```
    /// use shared::{domain::authorization::PasswordRefusal, http::error::Error};
    ///
    /// assert!(Error::WrongPassword(PasswordRefusal::Wrong).kind().is_refusal());
    /// assert!(!Error::Late.kind().is_refusal());
    /// ```
    pub fn is_refusal(self) -> bool {
        matches!(self, Self::Refused(_))
    }
}

impl Error {
    /// What the error says about the request.
    pub fn kind(&self) -> ErrorKind {
        use ErrorKind::{Failed, Malformed, Refused};
        match self {
            Self::SignUpClosed => Refused("sign-up-closed"),
            Self::EmailTaken => Refused("email-taken"),
            Self::UnknownUser => Refused("unknown-user"),
            Self::WrongPassword(refusal) | Self::PasswordNotConfirmed(refusal) => Refused(refusal.reason()),
            Self::Disabled => Refused("user-disabled"),
            Self::Throttled { .. } => Refused("too-many-requests"),
            Self::TokenMissing => Refused("token-missing"),
            Self::TokenRefused(refusal) => Refused(refusal.reason()),
            Self::RefreshRefused(refusal) => Refused(refusal.reason()),
            Self::Forbidden => Refused("not-in-group"),
            Self::CrossSite => Refused("cross-site"),
            Self::NotFound
            | Self::SessionNotFound
            | Self::NoIssuer
            | Self::MethodNotAllowed
            | Self::UriTooLong
            | Self::Malformed { .. }
            | Self::UnsupportedMediaType
            | Self::BodyTooLarge
            | Self::CredentialsMissing => Malformed,
            Self::Invalid(errors) => {
                errors.iter().find(|error| error.is_refusal()).map_or(Malformed, |error| Refused(error.code))
            }
            Self::Store(_)
            | Self::Late
            | Self::Hash(_)
            | Self::Issue(_)
            | Self::Random(_)
            | Self::Page(_)
            | Self::Panic => Failed,
        }
    }

    /// The stable code of a refusal, for audit events and metrics. `None` for any other error.
    pub fn reason(&self) -> Option<&'static str> {
        match self.kind() {
            ErrorKind::Refused(reason) => Some(reason),
            ErrorKind::Malformed | ErrorKind::Failed => None,
        }
    }

    /// Whether the client has to log in.
    pub fn asks_to_log_in(&self) -> bool {
        matches!(self, Self::TokenMissing | Self::TokenRefused(_) | Self::RefreshRefused(_))
    }

    /// Whether the session of the refresh cookie may identify the caller instead. That cookie is a credential of its
    /// own, so this does not depend on what is wrong with the access token.
    pub fn asks_to_refresh(&self) -> bool {
        matches!(self, Self::TokenMissing | Self::TokenRefused(_))
    }

    /// Status, code and texts of the response. This is where each error gets its status; the five whose status or
    /// message depends on the profile get it in [`profile`].
    pub(crate) fn to_response(&self, style: &ErrorStyle) -> ErrorResponse {
        use StatusCode as S;
        let plain = |status, code, detail: &str| ErrorResponse::new(status, code, detail);
        match self {
            Self::NotFound => plain(S::NOT_FOUND, "not-found", "Nothing was found at this path."),
            Self::SessionNotFound => plain(S::NOT_FOUND, "session-not-found", SESSION_NOT_FOUND),
            Self::NoIssuer => plain(S::NOT_FOUND, "no-issuer-url", NO_ISSUER),
            Self::MethodNotAllowed => plain(S::METHOD_NOT_ALLOWED, "method-not-allowed", METHOD_NOT_ALLOWED),
            Self::UriTooLong => plain(S::URI_TOO_LONG, "uri-too-long", "The path or the query is too long."),
            Self::Malformed { code, detail } => plain(S::BAD_REQUEST, code, detail),
            Self::UnsupportedMediaType => plain(S::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", MEDIA_TYPE),
            Self::BodyTooLarge => plain(S::PAYLOAD_TOO_LARGE, "body-too-large", "The body must not exceed 64 KiB."),
            Self::Invalid(errors) => plain(S::UNPROCESSABLE_ENTITY, "invalid-fields", INVALID_FIELDS).errors(errors),
            Self::SignUpClosed => plain(S::FORBIDDEN, "sign-up-closed", SIGN_UP_CLOSED),
            Self::EmailTaken => profile::email_taken(style),
            Self::CredentialsMissing => profile::credentials_missing(style),
            Self::UnknownUser => profile::unknown_user(style),
            Self::WrongPassword(_) | Self::Disabled => profile::wrong_password(style),
            Self::Throttled { wait } => {
                plain(S::TOO_MANY_REQUESTS, "too-many-requests", THROTTLED).retry_after(whole_seconds(*wait))
            }
            Self::TokenMissing => plain(S::UNAUTHORIZED, "token-missing", TOKEN_MISSING)
                .message("Token is missing !!")
                .challenge(style.bearer(None)),
            Self::TokenRefused(_) => plain(S::UNAUTHORIZED, "invalid-token", INVALID_TOKEN)
                .message("Token is invalid !!")
                .challenge(style.bearer(Some("invalid_token"))),
            Self::RefreshRefused(_) => plain(S::UNAUTHORIZED, "invalid-refresh-token", INVALID_REFRESH_TOKEN)
                .challenge(style.bearer(Some("invalid_token"))),
            // Not 401: the token is valid, and clients would refresh it and repeat the request.
            Self::PasswordNotConfirmed(_) => plain(S::FORBIDDEN, "wrong-password", profile::WRONG_PASSWORD),
            Self::Forbidden => plain(S::FORBIDDEN, "forbidden", "You do not have permission to perform this action."),
            Self::CrossSite => plain(S::FORBIDDEN, "cross-site", CROSS_SITE),
            Self::Store(StoreError::Unavailable { .. }) | Self::Late => {
                plain(S::SERVICE_UNAVAILABLE, "unavailable", UNAVAILABLE).retry_after(1)
            }
            Self::Store(StoreError::Corrupt { .. })
            | Self::Hash(_)
            | Self::Issue(_)
            | Self::Random(_)
            | Self::Page(_)
            | Self::Panic => plain(S::INTERNAL_SERVER_ERROR, "internal-error", INTERNAL_ERROR),
        }
    }
}

const SESSION_NOT_FOUND: &str = "You have no such session. It may have ended already.";
const NO_ISSUER: &str = "Discovery is not available: JWT_ISSUER must be the URL of this API.";
const METHOD_NOT_ALLOWED: &str = "This method is not allowed for this path. See the Allow header.";
const MEDIA_TYPE: &str = "Send one Content-Type header: application/json, application/x-www-form-urlencoded or \
                          multipart/form-data, in UTF-8.";
const INVALID_FIELDS: &str = "Some fields are invalid. See errors for details.";
const SIGN_UP_CLOSED: &str =
    "This service does not accept new accounts at present. Contact its administrator to get an account.";
const THROTTLED: &str = "Too many attempts. Wait for the number of seconds in the Retry-After header, then try again.";
const TOKEN_MISSING: &str = "Send an access token in the Authorization: Bearer or x-access-token header.";
const INVALID_TOKEN: &str = "The access token is invalid, expired or revoked. Log in to get a new one.";
const INVALID_REFRESH_TOKEN: &str = "The refresh token is invalid, expired or revoked. Log in again.";
const CROSS_SITE: &str =
    "This request was not sent from a page of this site. Open the page on this site and try again.";
const UNAVAILABLE: &str = "The service is temporarily unavailable. Try again in a moment.";
const INTERNAL_ERROR: &str = "An internal error occurred. The operator can find its cause by the x-request-id header.";

/// Attaches the error to the response, for [`crate::http::service`] to render: that layer knows the settings and the
/// request. Outside that layer the response is an empty 500.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
