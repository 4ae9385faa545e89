//! Fuzz target for email addresses.

use shared::domain::user::{Email, MAX_EMAIL_BYTES};

/// Parses an email address. It is rejected, or it has one canonical form that does not depend on case and surrounding
/// white space.
pub fn email(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let parsed = Email::parse(&text);
    assert_eq!(Email::parse(&format!("\u{3000}{text}\r\n")), parsed, "white space around {text:?} changes the result");
    let chosen = Email::choose(&text);
    let Ok(email) = parsed else { return assert!(chosen.is_err(), "{text:?} is accepted at sign-up only") };
    assert!(chosen.is_err() || chosen == Ok(email.clone()), "{text:?} has another form at sign-up");
    let canonical = email.as_str();
    assert!(canonical.len() <= MAX_EMAIL_BYTES, "{canonical}");
    assert!(!canonical.chars().any(|c| c.is_whitespace() || c.is_control()), "{canonical:?}");
    let Some((local, domain)) = canonical.split_once('@') else { panic!("no @: {canonical}") };
    assert!((1..=64).contains(&local.len()), "{canonical}");
    assert!(!local.contains(|c: char| "\"(),:;<>[\\]".contains(c)), "{canonical}");
    let is_label = |label: &str| {
        let is_let_dig_hyp = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(is_let_dig_hyp) && !label.starts_with('-')
    };
    assert!(domain.contains('.') && domain.split('.').all(is_label), "{canonical}");
    // Letters such as ß, whose upper case is two letters, are skipped.
    let uppercase = |c: char| Some(c.to_uppercase()).filter(|upper| upper.len() == 1).and_then(|mut one| one.next());
    let uppercased: String = canonical.chars().map(|c| uppercase(c).unwrap_or(c)).collect();
    for other in [canonical, &canonical.to_lowercase(), &uppercased] {
        let again = Email::parse(other);
        assert_eq!(again.as_ref().map(Email::as_str), Ok(canonical), "from {text:?} through {other:?}");
    }
    assert!(!format!("{email:?}").contains(canonical), "Debug shows no email address");
}
