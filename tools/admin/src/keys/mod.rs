//! `admin keys`: the set that signs, and the public set beside it.

mod key_set_pair;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod publish;
pub(crate) mod retire;
pub(crate) mod rotate;

use std::time::Duration;

use aws_sdk_ssm::primitives::{DateTime, DateTimeFormat};
use shared::domain::keys::{jwk::Algorithm, key_set::SigningKeySet};

use crate::backends::Set;

/// What a command has to say at its end.
pub(crate) struct Report {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error.
    pub(crate) notes: Vec<String>,
}

/// The `kid` of the key that signs at `now`.
fn signer(keys: &Set, now: u64, refresh: Duration, local: bool) -> Option<String> {
    let keys = SigningKeySet::parse(&keys.set.to_json(), keys.algorithm, local).ok()?;
    keys.signer(now, refresh).kid().map(str::to_owned)
}

/// The first moment from `now` on at which the key called `kid` signs.
fn signs_from(kid: &str, keys: &Set, now: u64, refresh: Duration, local: bool) -> Option<u64> {
    let keys = SigningKeySet::parse(&keys.set.to_json(), keys.algorithm, local).ok()?;
    let signs = |after: u64| keys.signer(now.saturating_add(after), refresh).kid() == Some(kid);
    // The rule is that of `signer` alone; here it is only known that who signs goes on to sign.
    let mut late = (0..u64::BITS).map(|bit| 1 << bit).find(|after| signs(*after))?;
    let mut early = 0;
    while early < late {
        let middle = early + (late - early) / 2;
        if signs(middle) { late = middle } else { early = middle + 1 }
    }
    now.checked_add(late)
}

/// A moment in UTC (ISO 8601), from seconds since 1970. `None`: none that a calendar has.
fn utc(seconds: u64) -> Option<String> {
    // The SDK's, since it is here anyway.
    DateTime::from_secs(seconds.try_into().ok()?).fmt(DateTimeFormat::DateTime).ok()
}

/// What becomes of tokens whose key is gone.
fn consequence(refresh: Duration) -> String {
    format!("is refused within JWT_KEYS_REFRESH ({} s); sessions survive, and clients refresh", refresh.as_secs())
}

fn setting(algorithm: Algorithm) -> String {
    format!("JWT_ALGORITHM={algorithm}")
}

/// One word for a POSIX shell.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_if_a_calendar_has_it() {
        assert_eq!(utc(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(utc(1_772_323_199).as_deref(), Some("2026-02-28T23:59:59Z"));
        assert_eq!(utc(u64::MAX), None);
        assert_eq!(utc(i64::MAX.cast_unsigned()), None);
    }

    #[test]
    fn a_word_stays_one_in_a_shell() {
        assert_eq!(quoted("file:keys.json"), "file:keys.json");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
    }
}
