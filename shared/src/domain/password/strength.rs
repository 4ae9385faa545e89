//! Refusal of passwords that an attacker guesses first (NIST SP 800-63B-4 3.1.1.2, OWASP ASVS 5.0 6.2.4).

use zxcvbn::{Score, zxcvbn};

use crate::domain::password::Password;

/// Why a password is too easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StrengthError {
    /// It is the user's name.
    #[error("must not be the same as the name")]
    SameAsName,
    /// It is the user's email address.
    #[error("must not be the same as the email address")]
    SameAsEmail,
    /// It falls within a million guesses.
    #[error("is too easy to guess; choose a stronger one, such as four random words")]
    WellKnown,
}

/// Refuses the user's name and email address, and every password that falls within a million guesses: the 30,000
/// passwords of zxcvbn's list with their usual variations, names, words, dates, keyboard runs and repetitions.
///
/// `emails` are the address as typed and in its canonical form.
pub fn check(password: &Password, name: &str, emails: [&str; 2]) -> Result<(), StrengthError> {
    let password = password.expose();
    if is_same(password, name) {
        return Err(StrengthError::SameAsName);
    }
    if emails.iter().any(|email| is_same(password, email)) {
        return Err(StrengthError::SameAsEmail);
    }
    let local = emails[0].split('@').next().unwrap_or_default();
    let about_user = [name, emails[0], emails[1], local].map(|text| first(text, 100));
    let about_user = about_user.each_ref().map(String::as_str);
    if pieces(password).iter().all(|piece| zxcvbn(piece, &about_user).score() < Score::Two) {
        return Err(StrengthError::WellKnown);
    }
    Ok(())
}

/// Most characters that zxcvbn gets at once.
const PIECE: usize = 32;

/// Most different symbols that may stand for letters (`$` for s) in a piece.
const SYMBOLS: usize = 3;

/// The parts of a password to score: its beginning and its end. A password is as strong as its strongest part.
///
/// zxcvbn tries every reading of every symbol over every part of a text, which takes seconds for 100 adversarial
/// characters. No common password is longer, or uses more symbols, than a piece: further symbols become dots.
fn pieces(password: &str) -> Vec<String> {
    let mut pieces = vec![first(password, PIECE)];
    let length = password.chars().count();
    if length > PIECE {
        pieces.push(password.chars().skip(length - PIECE).collect());
    }
    pieces.into_iter().map(|piece| with_few_symbols(&piece)).collect()
}

fn with_few_symbols(piece: &str) -> String {
    let mut seen = Vec::new();
    let mut limit = |c: char| {
        if !"@({[<!|$+%".contains(c) || seen.contains(&c) {
            return c;
        }
        if seen.len() == SYMBOLS {
            return '.';
        }
        seen.push(c);
        c
    };
    piece.chars().map(&mut limit).collect()
}

fn first(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

/// Whether the two differ at most in case and surrounding white space.
fn is_same(password: &str, text: &str) -> bool {
    let folded = |text: &str| Password::new(text).expose().to_lowercase();
    !text.is_empty() && folded(password.trim()) == folded(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> Option<StrengthError> {
        let emails = ["Ada.Lovelace@bücher.example", "ada.lovelace@xn--bcher-kva.example"];
        check(&Password::new(password), "Ada Lovelace", emails).err()
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
            assert_eq!(refusal(password), Some(StrengthError::WellKnown), "{password}");
        }
    }

    #[test]
    fn the_name_and_the_address_are_refused_in_any_case() {
        assert_eq!(refusal("Ada Lovelace"), Some(StrengthError::SameAsName));
        assert_eq!(refusal("ada lovelace"), Some(StrengthError::SameAsName));
        assert_eq!(refusal("ADA.LOVELACE@BÜCHER.EXAMPLE"), Some(StrengthError::SameAsEmail));
        assert_eq!(refusal("ada.lovelace@xn--bcher-kva.example"), Some(StrengthError::SameAsEmail));
        assert_eq!(refusal("ada.lovelace"), Some(StrengthError::WellKnown));
    }

    #[test]
    fn uncommon_passwords_without_digits_or_symbols_are_accepted() {
        for password in [
            "correct horse battery staple",
            "tortoise lamp quarrel",
            "zq8vmt2kx",
            "пингвин летит домой",
            "李小龍喝茶看書吃飯",
        ] {
            assert_eq!(refusal(password), None, "{password}");
        }
    }

    #[test]
    fn a_long_password_is_as_strong_as_the_stronger_of_its_ends() {
        let repeated = "password".repeat(12);
        assert_eq!(refusal(&repeated), Some(StrengthError::WellKnown));
        assert_eq!(refusal(&format!("{repeated}tortoise lamp quarrel")), None);
        assert_eq!(refusal(&format!("tortoise lamp quarrel{repeated}")), None);
        assert_eq!(refusal(&"a".repeat(1024)), Some(StrengthError::WellKnown));
    }

    #[test]
    fn zxcvbn_gets_short_pieces_with_few_symbols() {
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
        assert_eq!(pieces("p@$$w0rd!"), ["p@$$w0rd!"], "common substitutions are unchanged");
    }
}
