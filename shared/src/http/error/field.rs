//! Fields that break a rule, as the member `errors` of a problem lists them.

use std::fmt;

use serde::Serialize;

use crate::domain::{
    password::{PasswordError, strength::StrengthError},
    user::{EmailError, NameError},
};

/// The code of an email address that `SIGNUP_DOMAINS` does not admit.
const DOMAIN_NOT_ALLOWED: &str = "domain-not-allowed";

/// A field that breaks a rule.
///
/// ```
/// use shared::http::error::FieldError;
///
/// let error = FieldError::new("scope", "unknown", "must be local, others or global");
/// assert_eq!((error.field.as_str(), error.code), ("scope", "unknown"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// The field's name.
    pub field: String,
    /// Stable code of the rule.
    pub code: &'static str,
    /// The rule as the end of a sentence that begins with the field's name: `must …`, `is …`.
    pub detail: String,
}

impl FieldError {
    /// `field` breaks the rule `code`.
    pub fn new(field: &str, code: &'static str, detail: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), code, detail: detail.to_string() }
    }

    /// `field` is missing or empty.
    pub fn required(field: &str) -> Self {
        Self::new(field, "required", "is required")
    }

    /// Whether the value was judged and refused, rather than malformed.
    pub(super) fn is_refusal(&self) -> bool {
        self.code == DOMAIN_NOT_ALLOWED
    }

    /// The same error for another field.
    #[must_use]
    pub fn on(mut self, field: &str) -> Self {
        field.clone_into(&mut self.field);
        self
    }
}

impl From<NameError> for FieldError {
    fn from(error: NameError) -> Self {
        let code = match error {
            NameError::Empty => "required",
            NameError::TooLong => "too-long",
            NameError::ControlCharacter => "control-character",
            NameError::NotPrintable => "not-printable",
        };
        Self::new("name", code, error)
    }
}

impl From<EmailError> for FieldError {
    fn from(error: EmailError) -> Self {
        let code = match error {
            EmailError::Malformed => "malformed",
            EmailError::TooLong => "too-long",
            EmailError::Confusable => "confusable",
            EmailError::DomainNotAllowed => DOMAIN_NOT_ALLOWED,
        };
        Self::new("email", code, error)
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

impl From<StrengthError> for FieldError {
    fn from(error: StrengthError) -> Self {
        let code = match error {
            StrengthError::SameAsName => "same-as-name",
            StrengthError::SameAsEmail => "same-as-email",
            StrengthError::WellKnown => "well-known",
        };
        Self::new("password", code, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_domain_that_may_not_sign_up_is_a_refusal() {
        assert!(FieldError::from(EmailError::DomainNotAllowed).is_refusal());
        for error in [EmailError::Malformed, EmailError::TooLong, EmailError::Confusable] {
            assert!(!FieldError::from(error).is_refusal(), "{error}");
        }
        assert!(!FieldError::required("email").is_refusal());
    }
}
