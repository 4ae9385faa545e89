//! The Generic Cell Rate Algorithm (GCRA).

use std::time::Duration;

use crate::domain::time::{UnixMillis, millis};

/// The window of a [`GcraLimit`], and the time after which failures are forgotten.
pub(super) const HOUR: Duration = Duration::from_secs(60 * 60);

/// A limit for any hour: half of it is available as a burst, and the rest accrues evenly over the hour.
///
/// The algorithm stores a single time, the theoretical arrival time. Fixed windows of an hour would admit twice the
/// limit around the turn of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcraLimit {
    /// Time between two admissions in steady state.
    interval: Duration,
    /// How far ahead of the clock the arrival time may be.
    tolerance: Duration,
}

impl GcraLimit {
    /// At most `limit` an hour. `None` if `limit` is below 2, for which no interval exists.
    pub fn per_hour(limit: u32) -> Option<Self> {
        let burst = limit.div_ceil(2);
        let rest = limit.checked_sub(burst).filter(|rest| *rest > 0)?;
        let interval = millis(HOUR).div_ceil(u64::from(rest));
        let tolerance = Duration::from_millis(u64::from(burst - 1) * interval);
        Some(Self { interval: Duration::from_millis(interval), tolerance })
    }

    /// How far one more admission moves the arrival time.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// The latest arrival time at which one more is admitted at `now`.
    pub fn latest(&self, now: UnixMillis) -> UnixMillis {
        now + self.tolerance
    }

    /// How long to wait at `now` with this arrival time.
    pub fn wait(&self, arrival: UnixMillis, now: UnixMillis) -> Duration {
        arrival.since(self.latest(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: UnixMillis = UnixMillis::new(1_795_334_400_000);

    /// The times, of those tried, that the limit admits.
    fn admitted(limit: GcraLimit, times: &[UnixMillis]) -> Vec<UnixMillis> {
        let mut arrival = UnixMillis::default();
        let mut admitted = Vec::new();
        for &now in times {
            if arrival <= limit.latest(now) {
                arrival = arrival.max(now) + limit.interval();
                admitted.push(now);
            } else {
                assert!(limit.wait(arrival, now) > Duration::ZERO);
            }
        }
        admitted
    }

    #[test]
    fn half_of_the_hourly_limit_may_come_at_once() {
        let limit = GcraLimit::per_hour(100).unwrap();
        assert_eq!(admitted(limit, &[NOW; 200]).len(), 50);
        assert_eq!(limit.interval(), Duration::from_secs(72));
        assert_eq!(GcraLimit::per_hour(1), None);
        assert_eq!(GcraLimit::per_hour(0), None);
        assert_eq!(admitted(GcraLimit::per_hour(2).unwrap(), &[NOW; 9]).len(), 1);
    }

    proptest! {
        #[test]
        fn no_hour_exceeds_the_limit(
            limit in 2_u32..200,
            steps in proptest::collection::vec(0_u64..60_000, 1..600),
        ) {
            let times: Vec<UnixMillis> = steps
                .iter()
                .scan(NOW, |now, step| {
                    *now = *now + Duration::from_millis(*step);
                    Some(*now)
                })
                .collect();
            let admitted = admitted(GcraLimit::per_hour(limit).unwrap(), &times);
            for (position, start) in admitted.iter().enumerate() {
                let within = admitted[position..].iter().take_while(|time| **time < *start + HOUR).count();
                prop_assert!(within <= limit as usize, "{within} of {limit}");
            }
        }
    }
}
