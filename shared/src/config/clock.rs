//! The clock of a function: the system's, or one that a test sets.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::domain::time::UnixMillis;

/// A source of the current time. Clones of a manual clock show the same time.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System,
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `start` until it is advanced, for tests.
    pub fn manual(start: UnixMillis) -> Self {
        Self(Source::Manual(Arc::new(AtomicU64::new(start.get()))))
    }

    /// The current time. A system clock that is set to before 1970 reads 0.
    pub fn now(&self) -> UnixMillis {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
            Source::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                UnixMillis::new(0) + since
            }
            Source::Manual(millis) => UnixMillis::new(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward. The system's clock stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(millis) = &self.0 {
            let now = UnixMillis::new(millis.load(Ordering::SeqCst)) + by;
            millis.store(now.get(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_it_is_advanced() {
        let clock = Clock::manual(UnixMillis::new(1_000));
        let shared = clock.clone();
        assert_eq!(shared.now(), UnixMillis::new(1_000));
        clock.advance(Duration::from_millis(250));
        assert_eq!(shared.now(), UnixMillis::new(1_250));
    }

    #[test]
    fn the_system_clock_is_past_2026() {
        assert!(Clock::system().now() > UnixMillis::new(1_767_225_600_000));
    }
}
