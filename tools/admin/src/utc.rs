//! Times in UTC.

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use shared::domain::time::UnixSeconds;

/// Formats a time as ISO 8601 in UTC. `None`: the date is out of range.
pub(crate) fn utc(time: UnixSeconds) -> Option<String> {
    DateTime::from_secs(time.get().try_into().ok()?).fmt(DateTimeFormat::DateTime).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_formatted_in_utc_if_it_is_in_range() {
        let utc = |seconds| utc(UnixSeconds::new(seconds));
        assert_eq!(utc(0).as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(utc(1_772_323_199).as_deref(), Some("2026-02-28T23:59:59Z"));
        assert_eq!(utc(u64::MAX), None);
        assert_eq!(utc(i64::MAX.cast_unsigned()), None);
    }
}
