//! Metrics for CloudWatch, one JSON line on standard output for each request: the Embedded Metric Format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
//!
//! | metric | unit | beside `Function` by |
//! |---|---|---|
//! | `LogIns`, `SignUps` | count | nothing, and `Outcome` |
//! | `Throttled`, `Errors`, `ColdStarts` | count | |
//! | `HashMilliseconds`, `StoreMilliseconds` | ms, each hash and each call of the database | |
//!
//! Nothing is kept, and nothing written, unless [`start`] was called.

use std::{future::Future, io, sync::OnceLock, time::Instant};

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use metrics_cloudwatch_embedded::{Builder, Collector};
use tracing::warn;

static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();

/// Keeps metrics of the function that is called `function` from now on. Its first request is a cold start.
pub fn start(function: &str) {
    match Builder::new().cloudwatch_namespace("Postern").with_dimension("Function", function.to_owned()).init() {
        Ok(collector) => {
            // A second start would be refused above.
            let _ = COLLECTOR.set(collector);
            for name in ["LogIns", "SignUps", "Throttled", "Errors", "ColdStarts"] {
                describe_counter!(name, Unit::Count, "");
            }
            for name in ["HashMilliseconds", "StoreMilliseconds"] {
                describe_histogram!(name, Unit::Milliseconds, "");
            }
            counter!("ColdStarts").increment(1);
        }
        Err(cause) => warn!(cause, "metrics cannot be kept"),
    }
}

/// Writes what was kept since the last time.
pub fn flush() {
    if let Some(collector) = COLLECTOR.get()
        && let Err(error) = collector.flush(io::stdout().lock())
    {
        warn!(%error, "metrics cannot be written");
    }
}

/// A log-in, or an attempt. `outcome` is `done` or the code of the refusal.
pub fn log_in(outcome: &'static str) {
    // A line has one set of dimensions: what is counted by its outcome alone has no sum.
    counter!("LogIns").increment(1);
    counter!("LogIns", "Outcome" => outcome).increment(1);
}

/// A sign-up, or an attempt. `outcome` is `done` or the code of the refusal.
pub fn sign_up(outcome: &'static str) {
    counter!("SignUps").increment(1);
    counter!("SignUps", "Outcome" => outcome).increment(1);
}

/// A request that was refused because there were too many.
pub fn throttled() {
    counter!("Throttled").increment(1);
}

/// A request that failed on our side.
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
