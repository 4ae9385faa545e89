//! How a command names a user.

use shared::{
    aws::store::admin::UserName,
    domain::user::{Email, PublicId},
};

use crate::failure::Failure;

/// Parses an email address in any spelling, or a `public_id`.
pub(crate) fn parse(text: &str) -> Result<UserName, Failure> {
    let text = text.trim();
    if let Some(id) = PublicId::parse(text) {
        return Ok(UserName::Id(id));
    }
    if text.contains('@') {
        let email = Email::parse(text).map(UserName::Email);
        return email.map_err(|problem| Failure::Usage(format!("{text:?} is not an email address: it {problem}")));
    }
    let hint = if PublicId::parse(&text.to_lowercase()).is_some() {
        "; a public_id is in lower case"
    } else {
        " (a UUID in lower case with hyphens)"
    };
    Err(Failure::Usage(format!("{text:?} is neither an email address nor a public_id{hint}")))
}

/// The failure if there is no such user.
pub(crate) fn not_found(name: &UserName) -> Failure {
    Failure::Failed(match name {
        UserName::Email(email) => format!("no user has the address {}", email.as_str()),
        UserName::Id(id) => format!("no user has the public_id {id}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "4c2f3a0e-6e0b-4c43-a1a3-6d6a3f2a9c55";

    #[test]
    fn a_user_is_named_by_any_spelling_of_the_address_or_by_the_identifier() {
        let email = UserName::Email(Email::parse("ada@example.com").unwrap());
        for text in ["ada@example.com", " Ada@Example.COM ", "ADA@EXAMPLE.COM"] {
            assert_eq!(parse(text).unwrap(), email, "{text}");
        }
        assert_eq!(parse(ID).unwrap(), UserName::Id(PublicId::parse(ID).unwrap()));
    }

    #[test]
    fn anything_else_is_a_usage_error() {
        for (text, problem) in [
            ("", "\"\" is neither an email address nor a public_id"),
            (" ", "\"\" is neither"),
            ("a\u{1b}[2J", r#""a\u{1b}[2J" is neither"#),
            ("ada", "\"ada\" is neither an email address nor a public_id"),
            (&ID[1..], "a UUID in lower case with hyphens"),
            (&ID.to_uppercase(), "a public_id is in lower case"),
            ("ada@", "\"ada@\" is not an email address: it must be a valid"),
            ("@example.com", "is not an email address"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(matches!(&error, Failure::Usage(text) if text.contains(problem)), "{text}: {error}");
        }
    }
}
