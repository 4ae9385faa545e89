//! The clock of a function.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::domain::time::UnixMillis;

/// The system's clock, which a test can set forward. Clones show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(None)
    }

    /// The system's clock with an adjustable offset, for tests.
    pub fn adjustable() -> Self {
        Self(Some(Arc::default()))
    }

    /// The current time. A system clock that is set to before 1970 reads 0.
    pub fn now(&self) -> UnixMillis {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let offset = self.0.as_ref().map_or(0, |offset| offset.load(Ordering::SeqCst));
        UnixMillis::new(offset) + now
    }

    /// Sets an adjustable clock forward. The system's clock is not affected.
    pub fn advance(&self, by: Duration) {
        if let Some(offset) = &self.0 {
            let millis = UnixMillis::default() + by;
            offset.fetch_add(millis.get(), Ordering::SeqCst);
        }
    }
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
    fn the_system_clock_cannot_be_advanced() {
        let before = Clock::system().now();
        assert!(before > UnixMillis::new(1_767_225_600_000), "after 2026-01-01");
        Clock::system().advance(Duration::from_secs(3600));
        assert!(Clock::system().now().since(before) < Duration::from_secs(3600));
    }
}
