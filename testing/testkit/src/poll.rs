//! Waiting for another process, whose clock a test cannot set.

use std::time::{Duration, Instant};

use tokio::time::sleep;

/// The longest wait. A loaded machine may need most of it.
const DEADLINE: Duration = Duration::from_secs(20);

/// The pause between two attempts.
const INTERVAL: Duration = Duration::from_millis(20);

/// Calls `is_met` until it returns true. Fails with `condition` after 20 seconds.
pub async fn until(condition: &str, mut is_met: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_met().await {
        assert!(started.elapsed() < DEADLINE, "timed out waiting until {condition}");
        sleep(INTERVAL).await;
    }
}
