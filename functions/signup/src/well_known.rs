//! Passwords that a guesser tries first (NIST SP 800-63B-4 3.1.1.2, OWASP ASVS 5.0 6.2.4).

use shared::{error::FieldError, password::Password};
use zxcvbn::{Score, zxcvbn};

/// Refuses the name and the address themselves, and whatever falls within a million guesses: the 30,000 passwords of
/// zxcvbn's list with their usual variations, names, words, dates, keyboard runs and repetitions.
pub(crate) fn check(password: &Password, name: &str, email: &str) -> Result<(), FieldError> {
    let password = password.expose();
    let (name, email) = (name.trim(), email.trim());
    if is_same(password, name) {
        return Err(FieldError::new("password", "same-as-name", "must not be the name"));
    }
    if is_same(password, email) {
        return Err(FieldError::new("password", "same-as-email", "must not be the e-mail address"));
    }
    let local = email.split('@').next().unwrap_or_default();
    // zxcvbn looks at 100 characters of a password; its other inputs are bounded here.
    let about_user: Vec<String> = [name, email, local].iter().map(|text| text.chars().take(100).collect()).collect();
    let about_user: Vec<&str> = about_user.iter().map(String::as_str).collect();
    if zxcvbn(password, &about_user).score() < Score::Two {
        return Err(FieldError::new(
            "password",
            "well-known",
            "is among the first that a guesser tries; take another, such as four random words",
        ));
    }
    Ok(())
}

/// Case makes no password of a name.
fn is_same(password: &str, text: &str) -> bool {
    let folded = |text: &str| Password::new(text).expose().to_lowercase();
    !text.is_empty() && folded(password.trim()) == folded(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str) -> Option<&'static str> {
        check(&Password::new(password), "Ada Lovelace", "ada.lovelace@example.com").err().map(|error| error.code)
    }

    #[test]
    fn well_known_passwords_are_refused() {
        for password in [
            "password",
            "Password1",
            "P@ssw0rd",
            "12345678",
            "123456789012345",
            "qwertyuiop",
            "qwertyuiopasdfgh",
            "iloveyou",
            "letmein123",
            "aaaaaaaaaaaaaaa",
            "abcdefghijklmno",
            "abcabcabcabcabc",
            "passwordpassword",
            "trustno1",
            "sunshine1",
            "dragon123",
        ] {
            assert_eq!(code(password), Some("well-known"), "{password}");
        }
    }

    #[test]
    fn the_name_and_the_address_are_refused_in_any_case() {
        assert_eq!(code("Ada Lovelace"), Some("same-as-name"));
        assert_eq!(code("ada lovelace"), Some("same-as-name"));
        assert_eq!(code("ADA.LOVELACE@EXAMPLE.COM"), Some("same-as-email"));
        assert_eq!(code("ada.lovelace"), Some("well-known"));
    }

    #[test]
    fn passwords_without_digits_or_symbols_are_taken_when_nobody_guesses_them() {
        for password in [
            "correct horse battery staple",
            "tortoise lamp quarrel",
            "zq8vmt2kx",
            "пингвин летит домой",
            "李小龍喝茶看書吃飯",
        ] {
            assert_eq!(code(password), None, "{password}");
        }
    }

    #[test]
    fn a_long_password_takes_no_longer_than_a_short_one() {
        assert_eq!(code(&"tortoise lamp quarrel ".repeat(46)), None);
    }
}
