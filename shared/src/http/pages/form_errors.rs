//! The messages of a refused form.

use crate::http::error::{Error, response::ErrorResponse};

/// The messages of a refused form: one for each field with an error, or else one for the whole form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormErrors {
    message: Option<String>,
    fields: Vec<FieldMessage>,
}

/// The message for a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldMessage {
    /// The field's identifier on the page.
    pub(crate) id: &'static str,
    /// What is wrong and what the user can do, in a sentence.
    pub(crate) message: String,
}

/// The fields of all pages: the identifier on the page, which is the name that errors use, and the label. Several forms
/// of the account page have a field `password`.
const LABELS: [(&str, &str); 7] = [
    ("name", "Name"),
    ("email", "Email address"),
    ("password", "Password"),
    ("current_password", "Current password"),
    ("new_password", "New password"),
    ("session_password", "Password to log out a device"),
    ("others_password", "Your password"),
];

impl FormErrors {
    /// The messages for `error`. `password_field` is the field with the password that was verified. `missing` are the
    /// fields that were empty, which [`Error::CredentialsMissing`] does not say.
    pub(super) fn new(error: &Error, response: &ErrorResponse, password_field: &'static str, missing: &[&str]) -> Self {
        let labeled = |name: &str, detail: &str| {
            let name = if name == "password" { password_field } else { name };
            let (id, label) = LABELS.into_iter().find(|(id, _)| *id == name)?;
            Some(FieldMessage { id, message: format!("{label} {detail}.") })
        };
        let detail = |id| vec![FieldMessage { id, message: response.detail.clone() }];
        let fields: Vec<FieldMessage> = match (error, response.code) {
            (Error::Invalid(errors), _) => {
                errors.iter().filter_map(|error| labeled(&error.field, &error.detail)).collect()
            }
            (Error::CredentialsMissing, _) => missing.iter().filter_map(|name| labeled(name, "is required")).collect(),
            (_, "email-taken" | "unknown-user") => detail("email"),
            (_, "wrong-password") => detail(password_field),
            _ => Vec::new(),
        };
        let message = fields.is_empty().then(|| user_message(error, response));
        Self { message, fields }
    }

    /// The message for the whole form. `None` if fields have messages.
    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The messages of fields.
    pub(crate) fn fields(&self) -> &[FieldMessage] {
        &self.fields
    }

    /// The message for the field with this identifier.
    pub(crate) fn on<'e>(errors: Option<&'e Self>, id: &str) -> Option<&'e str> {
        errors?.fields.iter().find(|field| field.id == id).map(|field| field.message.as_str())
    }
}

/// The error as a message for a user. It mentions neither headers nor names of fields.
pub(super) fn user_message(error: &Error, response: &ErrorResponse) -> String {
    match (error, response.retry_after) {
        (Error::Throttled { .. }, Some(seconds)) => {
            format!("Too many attempts. Wait {}, then try again.", wait(seconds))
        }
        (Error::MethodNotAllowed, _) => "This page does not support this request method.".to_owned(),
        (Error::Forbidden, _) => {
            "Only members of an authorized group can view the users. Contact the administrator of this service."
                .to_owned()
        }
        _ => response.detail.clone(),
    }
}

/// A duration in seconds or minutes, rounded up.
fn wait(seconds: u64) -> String {
    match seconds {
        1 => "1 second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::SecurityProfile, http::error::ErrorStyle};
    use std::time::Duration;

    #[test]
    fn a_wait_is_shown_in_seconds_or_minutes_and_never_too_short() {
        let style = ErrorStyle { profile: SecurityProfile::Strict, realm: None };
        let shown = |millis| {
            let error = Error::Throttled { wait: Duration::from_millis(millis) };
            let message = user_message(&error, &error.to_response(&style));
            message.strip_prefix("Too many attempts. Wait ").unwrap().replace(", then try again.", "")
        };
        assert_eq!(
            [0, 1000, 1001, 30_000, 90_000, 90_001, 480_000, 900_000].map(shown),
            ["1 second", "1 second", "2 seconds", "30 seconds", "90 seconds", "2 minutes", "8 minutes", "15 minutes"]
        );
    }
}
