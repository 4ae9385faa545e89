//! Log lines on standard error.

use std::io;

use tracing::Level;
use tracing_subscriber::{Layer as _, filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::http::telemetry::audit;

/// How a line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object, for CloudWatch.
    Json,
    /// Plain text, for a person.
    Text,
}

/// Crates whose lines are written at the level that was asked for.
const OURS: [&str; 4] = ["shared", "signup", "login", "list_users"];

/// Starts logging at the level that `level` names (`error` to `trace`; `info` for anything else).
///
/// The level is for our own crates. Audit lines are written at any level. Others are held at warnings whatever it says: below that, the Lambda runtime writes
/// whole events and the HTTP client whole messages, passwords and tokens among them.
pub fn start(format: Format, level: Option<&str>) {
    let level = level.and_then(|text| text.parse().ok()).unwrap_or(Level::INFO);
    let targets = Targets::new()
        .with_default(level.min(Level::WARN))
        .with_targets(OURS.map(|name| (name, level)))
        // At a desk, the embedded database warns of each write whose condition does not hold, which is how counting works.
        .with_target("dynoxide", Level::ERROR)
        .with_target(audit::TARGET, Level::INFO.max(level));
    let lines = fmt::layer().with_writer(io::stderr);
    let layer = match format {
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        Format::Text => lines.compact().without_time().boxed(),
    };
    // A second start would be refused; the first one stays.
    let _ = tracing_subscriber::registry().with(layer.with_filter(targets)).try_init();
}
