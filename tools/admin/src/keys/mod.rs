//! `admin keys`: the private key set, and the public set beside it.

mod key_set_pair;
pub(crate) mod list;
pub(crate) mod new;
pub(crate) mod publish;
pub(crate) mod retire;
pub(crate) mod rotate;

use std::time::Duration;

use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use shared::domain::{keys::Algorithm, time::UnixSeconds};

/// The output of a command that succeeded.
pub(crate) struct Report {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error, one line each.
    pub(crate) notes: Vec<String>,
}

/// Formats a time as ISO 8601 in UTC. `None`: the date is out of range.
fn utc(time: UnixSeconds) -> Option<String> {
    DateTime::from_secs(time.get().try_into().ok()?).fmt(DateTimeFormat::DateTime).ok()
}

/// The effect on tokens whose key is removed.
fn consequence(refresh: Duration) -> String {
    format!("is rejected within JWT_KEYS_REFRESH ({} s); sessions survive, and clients refresh", refresh.as_secs())
}

/// The environment variable that selects `algorithm` in the functions.
fn setting(algorithm: Algorithm) -> String {
    format!("JWT_ALGORITHM={algorithm}")
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
