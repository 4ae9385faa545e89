//! Passwords that a guesser tries first (NIST SP 800-63B-4 3.1.1.2, OWASP ASVS 5.0 6.2.4).

use crate::{domain::password::Password, http::error::FieldError};
use zxcvbn::{Score, zxcvbn};

/// Refuses the name and the address themselves, and whatever falls within a million guesses: the 30,000 passwords of
/// zxcvbn's list with their usual variations, names, words, dates, keyboard runs and repetitions.
///
/// `emails` are the address as it was typed and in its one spelling.
pub fn check(password: &Password, name: &str, emails: [&str; 2]) -> Result<(), FieldError> {
    let password = password.expose();
    if is_same(password, name) {
        return Err(FieldError::new("password", "same-as-name", "must not be the name"));
    }
    if emails.iter().any(|email| is_same(password, email)) {
        return Err(FieldError::new("password", "same-as-email", "must not be the e-mail address"));
    }
    let local = emails[0].split('@').next().unwrap_or_default();
    let about_user = [name, emails[0], emails[1], local].map(|text| first(text, 100));
    let about_user = about_user.each_ref().map(String::as_str);
    if pieces(password).iter().all(|piece| zxcvbn(piece, &about_user).score() < Score::Two) {
        let detail = "is among the first that a guesser tries; take another, such as four random words";
        return Err(FieldError::new("password", "well-known", detail));
    }
    Ok(())
}

/// Most characters that zxcvbn is shown at once.
const PIECE: usize = 32;

/// Most different symbols that may stand for letters (`$` for s) in a piece.
const SYMBOLS: usize = 3;

/// The parts of a password that are judged: the beginning and the end. A password is as good as its best part.
///
/// zxcvbn tries all readings of all symbols over all parts of a text, which takes seconds for 100 well-chosen characters.
/// Nobody's first guess is longer, or disguised with more symbols, than what is left here: the others become dots.
fn pieces(password: &str) -> Vec<String> {
    let mut pieces = vec![first(password, PIECE)];
    let length = password.chars().count();
    if length > PIECE {
        pieces.push(password.chars().skip(length - PIECE).collect());
    }
    pieces.into_iter().map(|piece| with_few_symbols(&piece)).collect()
}

fn with_few_symbols(piece: &str) -> String {
    let mut kept = Vec::new();
    let mut keep = |c: char| {
        if !"@({[<!|$+%".contains(c) || kept.contains(&c) {
            return c;
        }
        if kept.len() == SYMBOLS {
            return '.';
        }
        kept.push(c);
        c
    };
    piece.chars().map(&mut keep).collect()
}

fn first(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
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
        let emails = ["Ada.Lovelace@bücher.example", "ada.lovelace@xn--bcher-kva.example"];
        check(&Password::new(password), "Ada Lovelace", emails).err().map(|error| error.code)
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
        assert_eq!(code("ADA.LOVELACE@BÜCHER.EXAMPLE"), Some("same-as-email"));
        assert_eq!(code("ada.lovelace@xn--bcher-kva.example"), Some("same-as-email"));
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
    fn a_long_password_is_as_good_as_its_beginning_or_its_end() {
        let repeated = "password".repeat(12);
        assert_eq!(code(&repeated), Some("well-known"));
        assert_eq!(code(&format!("{repeated}tortoise lamp quarrel")), None);
        assert_eq!(code(&format!("tortoise lamp quarrel{repeated}")), None);
        assert_eq!(code(&"a".repeat(1024)), Some("well-known"));
    }

    #[test]
    fn what_zxcvbn_is_shown_is_short_and_has_few_symbols() {
        let costly = "4@8({[<3691!|70$5+%2".repeat(5);
        for password in [costly.as_str(), &costly[3..], &format!("p@$$w0rd!{costly}"), "李小龍喝茶看書吃飯"] {
            for piece in pieces(password) {
                assert!(piece.chars().count() <= PIECE, "{piece}");
                let mut symbols: Vec<char> = piece.chars().filter(|c| "@({[<!|$+%".contains(*c)).collect();
                symbols.sort_unstable();
                symbols.dedup();
                assert!(symbols.len() <= SYMBOLS, "{piece}");
            }
        }
        assert_eq!(pieces("p@$$w0rd!"), ["p@$$w0rd!"], "what people do is left alone");
    }
}
