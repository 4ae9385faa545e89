//! Metrics for CloudWatch in the Embedded Metric Format: one JSON line on standard output for each request.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! | metric | unit | dimensions besides `Function` | recorded by |
//! |---|---|---|---|
//! | `LogIns`, `SignUps` | count | none, and `Outcome` | the functions |
//! | `Throttled`, `Errors`, `ColdStarts` | count | | this layer |
//! | `UnusableHashes` | stored hashes that cannot be verified | | the functions |
//! | `CorruptItems` | items that a list of users or sessions omits | | [`aws::store`](crate::aws::store) |
//! | `HashMilliseconds` | ms per hash, including the wait for a processor | | the functions |
//! | `StoreMilliseconds` | ms per call of the database, including its retries | | [`aws::store`](crate::aws::store) |
//!
//! Without [`start`], nothing is recorded or written.

use std::{future::Future, io, sync::OnceLock, time::Instant};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::warn;

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Starts recording metrics of the function with this name, and counts a cold start.
pub fn start(function: &str) {
    match Builder::new().cloudwatch_namespace("Postern").with_dimension("Function", function.to_owned()).init() {
        Ok(collector) => {
            // Only the first call gets here, so the cell is empty.
            let _ = COLLECTOR.set(collector);
            for name in ["LogIns", "SignUps", "Throttled", "Errors", "ColdStarts", "CorruptItems", "UnusableHashes"] {
                describe_counter!(name, Unit::Count, "");
            }
            for name in ["HashMilliseconds", "StoreMilliseconds"] {
                describe_histogram!(name, Unit::Milliseconds, "");
            }
            counter!("ColdStarts").increment(1);
        }
        Err(cause) => warn!(cause, "metrics cannot be recorded"),
    }
}

/// Writes what was recorded since the last flush.
pub fn flush() {
    if let Some(collector) = COLLECTOR.get()
        && let Err(error) = collector.flush(io::stdout().lock())
    {
        warn!(%error, "metrics cannot be written");
    }
}

/// Counts an attempt to log in. `outcome` is `done`, the code of the refusal, or `error`.
pub fn log_in(outcome: &'static str) {
    // CloudWatch does not aggregate across dimensions, so the total is a metric of its own.
    counter!("LogIns").increment(1);
    counter!("LogIns", "Outcome" => outcome).increment(1);
}

/// Counts an attempt to sign up. `outcome` is `done`, the code of the refusal, or `error`.
pub fn sign_up(outcome: &'static str) {
    counter!("SignUps").increment(1);
    counter!("SignUps", "Outcome" => outcome).increment(1);
}

/// Counts a request that a rate limit refused.
pub fn throttled() {
    counter!("Throttled").increment(1);
}

/// Counts a comparison with a stored hash that cannot be verified.
pub fn unusable_hash() {
    counter!("UnusableHashes").increment(1);
}

/// Counts a response with a 5xx status.
pub fn error() {
    counter!("Errors").increment(1);
}

/// Records the duration of hashing a password, including the wait for a processor, as the metric `HashMilliseconds`.
pub async fn timed_hash<T>(hash: impl Future<Output = T>) -> T {
    #[expect(clippy::disallowed_methods, reason = "telemetry measures a duration")]
    let started = Instant::now();
    let outcome = hash.await;
    histogram!("HashMilliseconds").record(started.elapsed().as_secs_f64() * 1000.0);
    outcome
}
