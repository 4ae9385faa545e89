//! What went wrong, in words for a person.

use std::time::Duration;

use crate::http::error::{Error, ErrorResponse};

/// A refusal on a page: by field where it is one's fault, else in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormErrors {
    sentence: Option<String>,
    fields: Vec<FieldMessage>,
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldMessage {
    /// The field's identifier on the page.
    pub(crate) id: &'static str,
    /// What is wrong, and what to do.
    pub(crate) sentence: String,
}

/// All fields of all pages: an error's word for one, which is its identifier on the page, and its label there.
const LABELS: [(&str, &str); 5] = [
    ("name", "Name"),
    ("email", "E-mail address"),
    ("password", "Password"),
    ("current_password", "Current password"),
    ("new_password", "New password"),
];

impl FormErrors {
    /// `compared` is the field with the password that was compared; `missing` was left out, where an error does not say.
    pub(super) fn new(error: &Error, refusal: &ErrorResponse, compared: &'static str, missing: &[&str]) -> Self {
        let fault = |name: &str, detail: &str| {
            let (id, label) = LABELS.into_iter().find(|(id, _)| *id == name)?;
            Some(FieldMessage { id, sentence: format!("{label} {detail}.") })
        };
        let own_words = |id| vec![FieldMessage { id, sentence: refusal.detail.clone() }];
        let fields: Vec<FieldMessage> = match (error, refusal.code) {
            (Error::Invalid(errors), _) => {
                errors.iter().filter_map(|error| fault(&error.field, &error.detail)).collect()
            }
            (Error::CredentialsMissing, _) => missing.iter().filter_map(|name| fault(name, "is required")).collect(),
            (_, "email-taken" | "unknown-user") => own_words("email"),
            (_, "wrong-password") => own_words(compared),
            _ => Vec::new(),
        };
        let sentence = fields.is_empty().then(|| sentence(error, refusal));
        Self { sentence, fields }
    }

    /// What is said where no field is at fault.
    pub(crate) fn sentence(&self) -> Option<&str> {
        self.sentence.as_deref()
    }

    /// The fields that are at fault.
    pub(crate) fn fields(&self) -> &[FieldMessage] {
        &self.fields
    }

    /// What is wrong with the field of this identifier.
    pub(crate) fn on<'f>(failure: Option<&'f Self>, id: &str) -> Option<&'f str> {
        failure?.fields.iter().find(|fault| fault.id == id).map(|fault| fault.sentence.as_str())
    }
}

/// What a program reads in a header, a person has to be told.
pub(super) fn sentence(error: &Error, refusal: &ErrorResponse) -> String {
    match error {
        Error::Throttled { wait } => format!("There were too many tries. Wait {}, then try again.", in_words(*wait)),
        Error::MethodNotAllowed => "This page cannot be opened that way.".to_owned(),
        Error::Forbidden => {
            "You are signed in, but only members of a certain group may see the users. Ask whoever runs this service."
                .to_owned()
        }
        _ => refusal.detail.clone(),
    }
}

/// Rounded up: who comes too early would have to wait again.
fn in_words(wait: Duration) -> String {
    let seconds = wait.as_millis().div_ceil(1000).max(1);
    match seconds {
        1 => "1 second".to_owned(),
        2..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_said_in_seconds_or_minutes_and_never_too_short() {
        let words = |millis| in_words(Duration::from_millis(millis));
        let said = [0, 1000, 1001, 30_000, 90_000, 90_001, 480_000, 900_000].map(words);
        assert_eq!(
            said,
            ["1 second", "1 second", "2 seconds", "30 seconds", "90 seconds", "2 minutes", "8 minutes", "15 minutes"]
        );
    }
}
