//! The log-in call.

use super::env::{ConfigError, Env, Variable, is_printable};
use crate::domain::paths;

pub(super) const PATH: Variable = Variable::fixed("JWT_AUTH_URL_RULE", "/login");
pub(super) const EMAIL_FIELD: Variable = Variable::fixed("JWT_AUTH_USERNAME_KEY", "email");
pub(super) const PASSWORD_FIELD: Variable = Variable::fixed("JWT_AUTH_PASSWORD_KEY", "password");

/// The path and the fields of the log-in call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInSettings {
    /// `JWT_AUTH_URL_RULE`.
    pub path: String,
    /// `JWT_AUTH_USERNAME_KEY`: the field that holds the email address.
    pub email_field: String,
    /// `JWT_AUTH_PASSWORD_KEY`: the field that holds the password.
    pub password_field: String,
}

impl LogInSettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let field = "must be 1 to 256 characters without control characters";
        let path =
            "must be a path like /login: segments of letters, digits and - . _ ~, and not another path of Postern";
        let log_in = Self {
            path: env.matching(&PATH, is_free_path, path)?,
            email_field: env.matching(&EMAIL_FIELD, is_printable, field)?,
            password_field: env.matching(&PASSWORD_FIELD, is_printable, field)?,
        };
        if log_in.email_field == log_in.password_field {
            return Err(PASSWORD_FIELD.error("must differ from JWT_AUTH_USERNAME_KEY"));
        }
        Ok(log_in)
    }
}

fn is_free_path(path: &str) -> bool {
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    path.len() <= 256
        && path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
        && !paths::is_reserved(path)
}
