//! Times as other systems write them.

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use shared::domain::time::UnixSeconds;

use super::reject::{Reason, Rejection};

/// A time as text: RFC 3339, and what PostgreSQL, Django and SQLite write: a space instead of the T, an offset of hours
/// only, or none, which is UTC. Empty text is no time. `member` names the member or column in the rejection.
pub(super) fn parse(member: &str, text: &str) -> Result<Option<UnixSeconds>, Rejection> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let mut text = text.to_owned();
    if text.get(10..11) == Some(" ") {
        text.replace_range(10..11, "T");
    }
    let clock = text.get(11..).unwrap_or_default();
    if !clock.contains(['Z', 'z', '+', '-']) {
        text.push('Z');
    } else if let Some((_, offset)) = clock.rsplit_once(['+', '-']) {
        match offset.len() {
            2 => text.push_str(":00"),
            4 if !offset.contains(':') => text.insert(text.len() - 2, ':'),
            _ => {}
        }
    }
    let time = DateTime::from_str(&text, DateTimeFormat::DateTimeWithOffset)
        .ok()
        .and_then(|time| u64::try_from(time.secs()).ok());
    time.map(|time| Some(UnixSeconds::new(time))).ok_or_else(|| invalid(member))
}

/// A time in milliseconds since 1970.
pub(super) fn millis(member: &str, number: Option<u64>) -> Result<UnixSeconds, Rejection> {
    number.map(|millis| UnixSeconds::new(millis / 1000)).ok_or_else(|| invalid(member))
}

fn invalid(member: &str) -> Rejection {
    Rejection::new(Reason::InvalidTime, format!("{member} is not a time in the format of the source"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_every_source_are_read() {
        for (text, expected) in [
            ("2023-01-02T03:04:05Z", 1_672_628_645),
            ("2023-01-02T03:04:05.678Z", 1_672_628_645),
            ("2023-01-02 03:04:05.678901+00", 1_672_628_645),
            ("2023-01-02 05:04:05+02", 1_672_628_645),
            ("2023-01-02 03:04:05.678901", 1_672_628_645),
            ("2023-01-02T03:04:05", 1_672_628_645),
            ("2023-01-01T22:04:05-05:00", 1_672_628_645),
            ("2023-01-01T22:04:05-0500", 1_672_628_645),
            ("2023-01-02T08:34:05.1+05:30", 1_672_628_645),
            (" 1970-01-01T00:00:00Z ", 0),
        ] {
            assert_eq!(parse("x", text).unwrap(), Some(UnixSeconds::new(expected)), "{text}");
        }
        assert_eq!(parse("x", "  ").unwrap(), None);
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "yesterday",
            "2023-01-02",
            "2023-13-02T03:04:05Z",
            "1969-12-31T23:59:59Z",
            "1672628645",
            "éééééééé",
            "2023-01-02TZ",
        ] {
            assert!(parse("x", text).is_err(), "{text}");
        }
    }
}
