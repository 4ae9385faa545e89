//! The clock of a function.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::domain::time::UnixMillis;

/// The system's clock, which a test can stop and set forward. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<Adjustment>>);

#[derive(Debug, Default)]
struct Adjustment {
    /// Milliseconds by which the clock is ahead.
    offset: AtomicU64,
    /// The system's time at which the clock was stopped, since 1970.
    stopped_at: OnceLock<Duration>,
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// The system's clock, adjustable by tests.
    pub fn adjustable() -> Self {
        Self(Some(Arc::default()))
    }

    /// The current time. A system clock that is set to before 1970 reads 0.
    pub fn now(&self) -> UnixMillis {
        let Some(adjustment) = &self.0 else { return UnixMillis::default() + system_time() };
        let time = adjustment.stopped_at.get().copied().unwrap_or_else(system_time);
        UnixMillis::new(adjustment.offset.load(Ordering::SeqCst)) + time
    }

    /// Sets an adjustable clock forward. The system's clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Some(adjustment) = &self.0 {
            let millis = UnixMillis::default() + by;
            adjustment.offset.fetch_add(millis.get(), Ordering::SeqCst);
        }
    }

    /// Stops an adjustable clock, so that only [`Clock::advance`] changes its time. The system's clock is not affected.
    pub fn stop(&self) {
        if let Some(adjustment) = &self.0 {
            adjustment.stopped_at.get_or_init(system_time);
        }
    }
}

fn system_time() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustable_clock_is_advanced_together_with_its_clones() {
        let clock = Clock::adjustable();
        let (clone, before) = (clock.clone(), clock.now());
        clock.advance(Duration::from_secs(3600));
        assert!(clone.now().since(before) >= Duration::from_secs(3600));
    }

    #[test]
    fn only_an_advance_changes_the_time_of_a_stopped_clock() {
        let clock = Clock::adjustable();
        clock.stop();
        let stopped = clock.now();
        while Clock::system().now() <= stopped {
            std::hint::spin_loop();
        }
        assert_eq!(clock.now(), stopped);
        clock.advance(Duration::from_secs(3600));
        assert_eq!(clock.clone().now(), stopped + Duration::from_secs(3600));
    }

    #[test]
    fn the_system_clock_cannot_be_advanced() {
        let before = Clock::system().now();
        assert!(before > UnixMillis::new(1_767_225_600_000), "after 2026-01-01");
        Clock::system().advance(Duration::from_secs(3600));
        assert!(Clock::system().now().since(before) < Duration::from_secs(3600));
    }
}
