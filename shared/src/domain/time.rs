//! Points in time as seconds and as milliseconds since 1970-01-01T00:00:00Z, in types that cannot be mixed up.
//!
//! Nothing here reads a clock: the state of each function holds one ([`crate::config::clock::Clock`]) and passes the
//! time down.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// Seconds since 1970, the resolution of a NumericDate (RFC 7519 section 2) and of DynamoDB's time to live.
///
/// ```
/// # use shared::domain::time::{UnixMillis, UnixSeconds};
/// # use std::time::Duration;
/// let now = UnixMillis::new(1_795_334_400_999).seconds();
/// assert_eq!(now, UnixSeconds::new(1_795_334_400));
/// assert_eq!((now + Duration::from_secs(60)).since(now), Duration::from_secs(60));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnixSeconds(u64);

/// Milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixMillis(u64);

impl UnixSeconds {
    /// 9999-12-31T23:59:59Z, the latest time that is accepted in a token or a key. A larger number is
    /// probably in milliseconds.
    pub const LATEST: Self = Self(253_402_300_799);

    /// `seconds` since 1970.
    pub const fn new(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The time that has passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
}

impl UnixMillis {
    /// `millis` since 1970.
    pub const fn new(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The same time in whole seconds, rounded down.
    pub const fn seconds(self) -> UnixSeconds {
        UnixSeconds(self.0 / 1000)
    }

    /// The same time in whole seconds, rounded up: an item that expires then does not expire early.
    pub const fn seconds_rounded_up(self) -> UnixSeconds {
        UnixSeconds(self.0.div_ceil(1000))
    }

    /// The time that has passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl std::ops::Add<Duration> for UnixSeconds {
    type Output = Self;

    /// Fractions of a second are dropped. Saturates.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }
}

impl std::ops::Add<Duration> for UnixMillis {
    type Output = Self;

    /// Fractions of a millisecond are dropped. Saturates.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl fmt::Display for UnixSeconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A duration in whole milliseconds, at most [`u64::MAX`].
pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_round_to_seconds_in_both_directions() {
        let time = UnixMillis::new(1_001);
        assert_eq!((time.seconds().get(), time.seconds_rounded_up().get()), (1, 2));
        assert_eq!(UnixMillis::new(2_000).seconds_rounded_up().get(), 2);
    }

    #[test]
    fn times_saturate_instead_of_overflowing() {
        assert_eq!((UnixSeconds::new(u64::MAX) + Duration::from_secs(1)).get(), u64::MAX);
        assert_eq!((UnixMillis::new(1) + Duration::MAX).get(), u64::MAX);
        assert_eq!(UnixMillis::new(1).since(UnixMillis::new(2)), Duration::ZERO);
        assert_eq!(UnixSeconds::new(1).since(UnixSeconds::new(2)), Duration::ZERO);
    }
}
