//! Refusal of passwords that an attacker guesses first (NIST SP 800-63B-4 3.1.1.2, OWASP ASVS 5.0 6.2.4).

use super::{Password, common, estimator, parts};

/// Why a password is too easy to guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StrengthError {
    /// It is the user's name.
    #[error("must not be the same as the name")]
    SameAsName,
    /// It is the user's email address.
    #[error("must not be the same as the email address")]
    SameAsEmail,
    /// It is a common password, or it falls within a million guesses.
    #[error("is too easy to guess; choose a stronger one, such as four random words")]
    WellKnown,
}

/// The name of the service. An attacker tries it like the user's name.
const SERVICE: &str = "postern";

/// Fewest guesses of a password, as a decimal logarithm.
const MIN_GUESSES_LOG10: f64 = 6.0;

/// Refuses the user's name and email address, common passwords, and every password that falls within a million
/// guesses: the passwords and words of zxcvbn's lists with their usual variations, dates and repetitions, and
/// sequences of common passwords, words about the user, keyboard runs and digits. Case makes no difference.
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
    let password = folded(password);
    let letters: String = password.trim().chars().map(common::letter_for).collect();
    if common::contains(&letters) || is_guessable(&password, &context(name, emails)) {
        return Err(StrengthError::WellKnown);
    }
    Ok(())
}

fn is_guessable(password: &str, context: &[String]) -> bool {
    let mut context: Vec<&str> = context.iter().map(String::as_str).collect();
    let parts = parts::split(password, &context);
    context.extend(parts.common.iter().map(String::as_str).take(MAX_WORDS));
    parts.guesses_log10 < MIN_GUESSES_LOG10
        || pieces(password).iter().all(|piece| estimator::guesses_log10(piece, &context) < MIN_GUESSES_LOG10)
}

/// What an attacker knows about the service and the user, in lower case: its name, the name and the addresses, and the
/// words in them but the top-level domain.
fn context(name: &str, emails: [&str; 2]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut add = |text: &str| {
        let word = first(&folded(text), MAX_WORD);
        if word.chars().count() >= MIN_WORD && words.len() < MAX_WORDS && !words.contains(&word) {
            words.push(word);
        }
    };
    let without_top_level = |email| str::rsplit_once(email, '.').map_or(email, |(rest, _)| rest);
    [SERVICE, name, emails[0], emails[1]].into_iter().for_each(&mut add);
    for text in [name, without_top_level(emails[0]), without_top_level(emails[1])] {
        text.split('@').for_each(&mut add);
        text.split(|c: char| !c.is_alphanumeric()).for_each(&mut add);
    }
    words
}

/// Characters of a word about the user. Shorter ones occur by chance.
const MIN_WORD: usize = 3;
const MAX_WORD: usize = 100;

/// Most words about the user, and most common passwords, that zxcvbn gets.
const MAX_WORDS: usize = 24;

/// What zxcvbn judges: the beginning and the end of a password, which is as strong as the stronger of the two.
fn pieces(password: &str) -> Vec<String> {
    let mut pieces = vec![first(password, estimator::LONGEST)];
    let length = password.chars().count();
    if length > estimator::LONGEST {
        pieces.push(password.chars().skip(length - estimator::LONGEST).collect());
    }
    pieces
}

/// In NFC and lower case.
fn folded(text: &str) -> String {
    Password::new(text).expose().to_lowercase()
}

fn first(text: &str, count: usize) -> String {
    text.chars().take(count).collect()
}

/// Whether the two differ at most in case and surrounding white space.
fn is_same(password: &str, text: &str) -> bool {
    !text.is_empty() && folded(password.trim()) == folded(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(password: &str) -> Option<StrengthError> {
        let emails = ["Ada.Lovelace@bücher.example", "ada.lovelace@xn--bcher-kva.example"];
        check(&Password::new(password), "Ada Lovelace", emails).err()
    }

    #[track_caller]
    fn assert_all<'p>(passwords: impl IntoIterator<Item = &'p str>, expected: Option<StrengthError>) {
        for password in passwords {
            assert_eq!(refusal(password), expected, "{password}");
        }
    }

    /// The published lists of the most common passwords, by year.
    const TOP_LISTS: [&str; 4] = [
        include_str!("common_passwords/nordpass-2020.txt"),
        include_str!("common_passwords/nordpass-2023.txt"),
        include_str!("common_passwords/nordpass-2024.txt"),
        include_str!("common_passwords/nordpass-2025.txt"),
    ];

    fn listed() -> impl Iterator<Item = &'static str> {
        TOP_LISTS.iter().flat_map(|list| list.lines())
    }

    #[test]
    fn no_entry_of_a_published_top_list_is_accepted_in_any_case() {
        let mut checked = 0;
        for entry in listed().filter(|entry| entry.chars().count() >= 8) {
            let variants = [entry.to_owned(), entry.to_uppercase(), format!(" {entry} ")];
            assert_all(variants.iter().map(String::as_str), Some(StrengthError::WellKnown));
            checked += 1;
        }
        assert!(checked > 400, "{checked}");
    }

    #[test]
    fn doubled_repeated_and_extended_forms_of_listed_passwords_are_refused() {
        for entry in listed().filter(|entry| entry.chars().count() >= 6) {
            let capitalized = entry[..1].to_uppercase() + &entry[1..];
            let forms = [
                entry.repeat(2),
                entry.repeat(15_usize.div_ceil(entry.chars().count())),
                format!("{entry}{capitalized}"),
                format!("{entry}-{entry}"),
                format!("{entry}123456789"),
                format!("123456789{entry}"),
                format!("{capitalized}2025!"),
                format!("{entry}!!!!!!!!!"),
                format!("{capitalized}Password1"),
                format!("1qaz2wsx{entry}"),
            ];
            let forms = forms.iter().filter(|form| form.chars().count() >= 8);
            assert_all(forms.map(String::as_str), Some(StrengthError::WellKnown));
        }
    }

    #[test]
    fn well_known_passwords_are_refused() {
        let short = "password Password1 P@ssw0rd 12345678 123456789012345 qwertyuiop qwertyuiopasdfgh iloveyou \
            letmein123 aaaaaaaaaaaaaaa abcdefghijklmno abcabcabcabcabc passwordpassword trustno1 sunshine1 dragon123 \
            Pass@123 Admin@123 Welcome@123 Summer2024! Hello@123 Company2024! Liverpool1! Monday@1 Test1234!";
        let long = "1qaz2wsx3edc4rfv5tgb 2wsx3edc4rfv5tgb6yhn !QAZ2wsx#EDC4rfv zaq1xsw2cde3vfr4 qazwsxedcrfvtgb \
            1q2w3e4r5t6y7u8i9o0p 1a2b3c4d5e6f7g8h poiuytrewq0987654321 zxcvbnmasdfghjkl йцукенгшщзфывапр \
            Password123456! Qwerty123456789! Iloveyou2024!! MyPassword12345! P@$$w0rdP@$$w0rd S3cur3P@ssw0rd!! \
            Administrator2024 liverpoolarsenal1 Letmeinplease123 Qwerty!@#$%^123456 adminadminadmin1 \
            dragonmonkeyshadow ilovefootball2024 letmein-letmein-letmein January2024January 1234567812345678 \
            0123456789abcdef drowssapdrowssap";
        assert_all([short, long].iter().flat_map(|list| list.split_whitespace()), Some(StrengthError::WellKnown));
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
    fn words_about_the_user_and_the_service_with_usual_additions_are_refused() {
        let passwords = "Lovelace2024! ada.lovelace123456 Lovelace-Password L0velace@2024 bücher12345678 \
            Postern123 postern2024! PosternPostern1 P0stern@2024 Postern-Password1 MyPosternPassword postern!postern";
        assert_all(passwords.split_whitespace(), Some(StrengthError::WellKnown));
    }

    #[test]
    fn passwords_of_several_words_are_accepted() {
        assert_all(
            [
                "correct horse battery staple",
                "correcthorsebatterystaple",
                "tortoise lamp quarrel",
                "a better tortoise lamp quarrel",
                "poxdupejohnhate",
                "monkey-dragon-football-master",
                "Faster Liquid Gorgeous Grit",
                "banana-value-number-deviation",
                "Purple.otter.42.canoe",
                "пингвин летит домой",
                "李小龍喝茶看書吃飯",
                "zwölf Boxkämpfer jagen Viktor",
            ],
            None,
        );
    }

    #[test]
    fn random_passwords_are_accepted() {
        let fixed = "zq8vmt2kx xiRGHOY3 W56eCuNG 9f#Kw!x2 gT5nUuV@ kvlevgtt onerghcf b0y07nyr 553669347833 \
            PtYgj&mUh#Be Ms3+WDlQPF xK7-pLm2-Qw9z hR4kd-9fjQz-mm2Xv b7e23ec29af22b0b4e41da31e868d572";
        assert_all(fixed.split_whitespace(), None);
        let alphabets =
            ["abcdefghijklmnopqrstuvwxyz0123456789", "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"];
        let mut seed = 1_u64;
        for (length, alphabet) in (12..=20).chain(12..=16).zip(alphabets.iter().cycle()).cycle().take(600) {
            let mut next = || {
                // Numerical Recipes' linear congruential generator: the same passwords in each run.
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                usize::try_from(seed >> 33).unwrap() % alphabet.len()
            };
            let password: String = (0..length).map(|_| char::from(alphabet.as_bytes()[next()])).collect();
            assert_eq!(refusal(&password), None, "{password}");
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

    /// zxcvbn 3.1.1 overflows on keypad walks of 29 characters and more.
    #[test]
    fn keypad_walks_of_any_length_are_refused_without_a_panic() {
        for walk in ["65", "1478", "2580", "74", "9", "5256"] {
            for length in [8, 15, 27, 28, 29, 30, 32, 64, 1024] {
                let password: String = walk.chars().cycle().take(length).collect();
                let verdict = check(&Password::new(&password), "Zed", ["zed@example.com"; 2]);
                assert_eq!(verdict, Err(StrengthError::WellKnown), "{password}");
            }
        }
    }

    #[test]
    fn the_estimator_gets_short_pieces() {
        let costly = "4@8({[<3691!|70$5+%2".repeat(5);
        for password in [costly.as_str(), &costly[3..], "李小龍喝茶看書吃飯"] {
            assert!(pieces(password).iter().all(|piece| piece.chars().count() <= estimator::LONGEST), "{password}");
        }
    }

    #[test]
    fn there_are_few_words_about_the_user() {
        let long = "word ".repeat(1000);
        let distinct = (100..1000).map(|number| number.to_string()).collect::<Vec<_>>().join(" ");
        for name in [long, distinct] {
            let words = context(&name, ["a.b.c@example.com", "a.b.c@example.com"]);
            assert!(words.len() <= MAX_WORDS && words.iter().all(|word| word.chars().count() <= MAX_WORD), "{words:?}");
        }
        assert!(!context("Zed", ["z@mail.example.com"; 2]).contains(&"com".to_owned()));
    }
}
